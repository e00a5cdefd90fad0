"""What chapter 8 says, at a small budget: what each number measures, and what fools it."""

import chapters
import pytest
import torch
from torch.nn.functional import cross_entropy

from gan_helpers import quality, runtime
from gan_helpers.data.handwritten import stand_in
from gan_helpers.data.images import Images, resize
from gan_helpers.quality import Judge, frechet, moments, precision_recall
from gan_helpers.runtime import stream


@pytest.fixture(scope="module")
def shown():
    """The functions that chapter 8 writes out and the package does not have: cells of the notebook, run."""
    given = {"torch": torch, "progress_bar": lambda steps, desc: steps}
    given["uniform"] = lambda k, rng: 2 * torch.rand(k, 1, 28, 28, generator=rng) - 1
    return chapters.run(8, "inception-score", "bias-rate", "attacks", until="\n\n\nvictim", **given)


@pytest.fixture(scope="module")
def judges():
    """Two judges of the 8x8 digits that ship with scikit-learn, and images that neither has seen."""
    train, test = (Images(resize(x, 28), y, "digits8x8") for x, y in (stand_in(True), stand_in(False)))
    return [Judge.of(train, runtime.seed(s), steps=120) for s in range(2)], test.batch(slice(None))


def gaussian(n, lam, rng):
    return torch.randn(n, len(lam), generator=rng) * lam.sqrt()


@pytest.mark.statistical
def test_bias_has_the_slope_of_the_formula(shown):
    """The mean of 40 draws has a standard error of about 3 %."""
    lam = torch.logspace(-1, 1, 16)
    rng, n = stream(0), 400
    truth = torch.zeros(16, dtype=torch.float64), torch.diag(lam.double())
    measured = sum(frechet(gaussian(n, lam, rng), truth) for _ in range(40)) / 40
    predicted = shown["bias_rate"](gaussian(20_000, lam, rng))
    assert n * measured == pytest.approx(predicted, rel=0.15)


@pytest.mark.statistical
def test_few_images_give_a_number_and_it_is_bias():
    """Fewer rows than columns: the covariance is singular, and the distance of a perfect sampler large."""
    rng, lam = stream(1), torch.ones(64)
    large = moments(gaussian(20_000, lam, rng))
    few, many = (frechet(gaussian(n, lam, rng), large) for n in (20, 5000))
    assert few > 20 * many


@pytest.mark.statistical
def test_frechet_sees_two_moments_only():
    """Signs instead of a normal distribution: the same mean and covariance, and only eight different samples."""
    normal = gaussian(4000, torch.ones(3), stream(2))
    assert frechet(normal.sign(), normal) == pytest.approx(0, abs=0.1)
    assert precision_recall(normal[:1000], normal.sign()[:1000])[1] < 0.2


def test_inception_score_runs_from_one_to_the_number_of_classes(shown):
    report = lambda x: x  # a "classifier" that reads its logits off the image
    even = 50 * torch.eye(10)
    assert shown["inception_score"](report, even) == pytest.approx(10, rel=1e-3)
    assert shown["inception_score"](report, even[:1].expand(10, -1)) == pytest.approx(1)
    assert shown["inception_score"](report, torch.zeros(10, 10)) == pytest.approx(1)


@pytest.mark.statistical
def test_one_image_is_precise_and_recalls_nothing():
    real = gaussian(1000, torch.ones(8), stream(3))
    precision, recall = precision_recall(real, real[:1].expand(500, -1))
    assert precision == 1
    assert recall < 0.02


@pytest.mark.statistical
def test_one_wide_ball_can_hold_all_noise():
    """Three real points far from the others: their balls reach back to the rest, and over whatever lies between."""
    rng = stream(4)
    real = gaussian(1000, torch.ones(8), rng)
    noise = gaussian(500, 0.01 * torch.ones(8), rng) + 12
    assert precision_recall(real, noise)[0] == 0
    outliers = torch.cat([real[:-1], 24 + real[-1:]])
    assert precision_recall(outliers, noise)[0] == 1


@pytest.mark.statistical
@pytest.mark.slow
def test_noise_fitted_to_one_judge_fools_that_one_most(judges, shown):
    """Of these small digits a part carries over to the other judge; of MNIST, in the chapter, far less."""
    (victim, other), test = judges
    goal = victim.real[:200]
    unlike = lambda x: (victim.classifier.features(x) - goal).square().sum()
    fitted = shown["attack"](unlike, 200, stream(5), 60)
    noise = 2 * torch.rand(200, 1, 28, 28, generator=stream(6)) - 1
    assert victim(fitted).fid < 0.05 * victim(noise).fid
    assert victim(fitted).fid < 1.5 * victim(test[:200]).fid
    assert other(fitted).fid > 1.5 * other(test[:200]).fid
    pixels = torch.cdist(fitted.flatten(1), test.flatten(1)).min(1).values.median()
    assert pixels > 2 * torch.cdist(test[:100].flatten(1), test[100:].flatten(1)).min(1).values.median()


@pytest.mark.statistical
@pytest.mark.slow
def test_climbed_noise_beats_real_images_in_confidence_and_inception_score(judges, shown):
    judge, test = judges[0][0], judges[1]
    classes = torch.arange(200) % 10
    unsure = lambda x: cross_entropy(judge.classifier(x), classes, reduction="sum")
    climbed = shown["attack"](unsure, 200, stream(7), 20)
    score = lambda x: shown["inception_score"](judge.classifier, x)
    assert judge(climbed).confidence > judge(test).confidence
    assert score(climbed) > score(test)
    assert judge(climbed).fid > 3 * judge(test).fid  # which looks at real images


@pytest.mark.slow
def test_copies_are_found_by_pixels_and_shifted_copies_are_not(judges):
    judge, test = judges[0][0], judges[1]
    train = resize(stand_in(True)[0], 28).float() / 127.5 - 1
    pixels = train.flatten(1)
    near = lambda x: quality.nearest(x.flatten(1), pixels)[0].median()
    copies = train[:100]
    assert near(copies) < 0.01 * near(test)
    assert near(copies.roll(4, -1)) > 0.9 * near(test)  # one pixel of the 8 is 3.5 of the 28
    assert judge(copies.roll(4, -1)).fid > judge(copies).fid
