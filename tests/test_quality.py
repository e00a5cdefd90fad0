"""The judge: distances in closed form, floors, and what each number must notice."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from gan_helpers import data, quality, runtime
from gan_helpers.quality import Judge, frechet


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=runtime.stream(seed))


@pytest.fixture(scope="module")
def digits():
    """The 8x8 digits that ship with scikit-learn, so that no test needs a network: 1,500 to train, 297 to test."""
    from gan_helpers.data.handwritten import stand_in
    from gan_helpers.data.images import Images, resize

    def part(train: bool) -> Images:
        images, labels = stand_in(train)
        return Images(resize(images, 28), labels, "digits8x8")

    return part(True), part(False)


@pytest.fixture(scope="module")
def judge(digits):
    return Judge.of(digits[0], runtime.seed(0), steps=120)


def test_frechet_is_the_formula_with_a_matrix_square_root():
    a, b = draw(400, 5), draw(300, 5, seed=1) @ draw(5, 5, seed=2) + 1
    cov_a, cov_b = np.cov(a.double().numpy().T), np.cov(b.double().numpy().T)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    shift = (a.double().mean(0) - b.double().mean(0)).square().sum().item()
    assert frechet(a, b) == pytest.approx(shift + np.trace(cov_a + cov_b - 2 * root), rel=1e-9)
    assert frechet(b, a) == pytest.approx(frechet(a, b), rel=1e-9)


@pytest.mark.statistical
def test_frechet_of_gaussians_on_a_line():
    a, b = draw(100_000, 1), 3 * draw(100_000, 1, seed=1) + 2
    assert frechet(a, b) == pytest.approx(2**2 + (3 - 1) ** 2, rel=0.03)


def test_frechet_bears_features_that_never_fire():
    a, b = draw(50, 8), draw(50, 8, seed=1)
    a[:, 3:] = b[:, 3:] = 0  # singular covariances
    assert frechet(a, b) == pytest.approx(frechet(a[:, :3], b[:, :3]), rel=1e-6)
    assert frechet(a, a) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("bad", [torch.zeros(1, 4), torch.full((5, 4), math.nan)])
def test_frechet_says_what_it_cannot_take(bad):
    with pytest.raises(ValueError, match="two or more rows of finite"):
        frechet(bad, torch.zeros(5, 4))


@pytest.mark.statistical
def test_frechet_falls_as_one_over_n():
    """Between two samples of one distribution it is a bias, and four times the samples leave a quarter of it."""
    few, many = (
        np.mean([frechet(draw(n, 16, seed=2 * i), draw(n, 16, seed=2 * i + 1)) for i in range(20)]) for n in (100, 400)
    )
    assert few / many == pytest.approx(4, rel=0.2)


def test_nearest_finds_the_nearest():
    pool = draw(60, 3)
    far = pool[:, None].sub(pool[None]).norm(dim=-1)
    distances, index = quality.nearest(pool, pool, 2)
    assert torch.equal(index[:, 0], torch.arange(60))
    assert torch.allclose(distances[:, 1].float(), far.fill_diagonal_(9).min(1).values, atol=1e-6)


def test_distances_are_exact_where_they_are_small_and_far_from_the_origin():
    """Exact copies are at 0, and moving both sets by 1,000 changes nothing."""
    x, y = draw(300, 64), draw(300, 64, seed=1)
    assert quality.nearest(x, x.clone())[0].max() < 1e-6
    moved = [(part.double() + 1000).float() for part in (x, y)]
    assert quality.precision_recall(*moved) == pytest.approx(quality.precision_recall(x, y), abs=0.01)
    assert quality.nearest(*moved)[0].numpy() == pytest.approx(quality.nearest(x, y)[0].numpy(), rel=1e-3)


def test_features_that_are_not_finite_are_refused():
    x = draw(20, 4)
    broken = x.clone()
    broken[3, 1] = float("nan")
    for real, fake in ((x, broken), (broken, x)):
        with pytest.raises(ValueError, match="look for NaN"):
            quality.precision_recall(real, fake)


@pytest.mark.parametrize("shape", [(784,), (4, 3, 28, 28), (4, 4, 14, 14), (4, 28, 27), (0, 784), (2, 10)])
def test_what_is_no_grey_image_is_refused(shape):
    with pytest.raises(ValueError, match="not square grey images"):
        quality.as_images(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(4, 784), (4, 28, 28), (4, 1, 28, 28), (4, 1, 56, 56), (1, 64)])
def test_what_is_a_grey_image_is_taken(shape):
    assert quality.as_images(torch.zeros(shape)).shape == (shape[0], 1, 28, 28)


def test_a_judge_wants_images_in_their_range(judge, digits):
    x = digits[1].batch(slice(0, 50))
    with pytest.raises(ValueError, match=r"go from 0 to 255: scale them"):
        judge((x + 1) * 127.5)
    with pytest.warns(UserWarning, match=r"must be scaled to \[-1, 1\]"):
        judge((x + 1) / 2)
    with pytest.raises(ValueError, match="go from nan"):
        judge(x * float("nan"))


@pytest.mark.statistical
def test_precision_and_recall_tell_quality_from_variety():
    real, same = draw(2000, 2), draw(2000, 2, seed=1)  # so many that the bounds are far from chance
    narrow, wide = 0.2 * same, 6 * same
    (p0, r0), (p1, r1), (p2, _) = (quality.precision_recall(real, x) for x in (same, narrow, wide))
    assert p0 > 0.9
    assert r0 > 0.9
    assert p1 > 0.9  # all inside, and most of the real ones outside
    assert r1 < 0.5
    assert p2 < 0.4


@pytest.mark.statistical
def test_precision_is_of_the_generated_and_recall_of_the_real():
    real = torch.cat([draw(100, 2), draw(100, 2, seed=1) + 50])  # two heaps
    fake = draw(100, 2, seed=2)  # one of them
    precision, recall = quality.precision_recall(real, fake)
    assert precision > 0.9
    assert 0.4 < recall < 0.55


def test_kl_of_class_shares():
    even = torch.full((10,), 0.1, dtype=torch.float64)
    one = torch.eye(10, dtype=torch.float64)[3]
    assert quality.kl(even, even) == 0
    assert quality.kl(one, even) == pytest.approx(math.log(10))
    assert quality.kl(even, one) == math.inf


@pytest.mark.statistical
def test_the_classifier_learns(digits, judge):
    assert quality.accuracy(judge.classifier, digits[1]) > 0.85  # .93 to .95 over seeds; a tenth by chance
    assert not judge.classifier.training


def test_training_is_repeatable(digits):
    a, b = (quality.train_classifier(digits[0], runtime.seed(3), steps=3) for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_rows_and_images_and_other_sizes_are_one_to_the_classifier(digits):
    net = quality.Classifier()
    x = digits[1].batch(slice(0, 5))
    assert torch.equal(net(x), net(x.flatten(1)))
    assert net.features(torch.zeros(3, 1, 64, 64)).shape == (3, 64)
    with pytest.raises(ValueError, match="not square"):
        net(torch.zeros(2, 10))


@pytest.mark.statistical
def test_the_judge_orders_real_blurred_and_noise(digits, judge):
    real = digits[1].batch(slice(None))
    noise = 2 * torch.rand(real.shape, generator=runtime.stream(0)) - 1
    rough = (real + 0.8 * draw(*real.shape)).clamp(-1, 1)
    fids = [judge(x).fid for x in (digits[0].batch(slice(None)), real, rough, noise)]
    assert fids[0] < 1e-6  # the very images that it knows
    assert fids == sorted(fids)
    assert fids[3] > 10 * fids[1]


def test_the_judge_counts_classes(digits, judge):
    train, _ = digits
    result = judge(train.batch(train.labels == 7))
    assert result.classes == 1
    assert result.shares.argmax() == 7
    assert result.class_kl == pytest.approx(math.log(10), abs=0.3)
    whole = judge(train.batch(slice(None)))
    assert whole.classes == 10
    assert whole.class_kl == pytest.approx(0, abs=1e-9)
    assert whole.shares.sum() == pytest.approx(1)


def test_images_of_another_source_are_judged_too(judge):
    black = data.Images(torch.zeros(20, 1, 8, 8, dtype=torch.uint8), torch.zeros(20).long(), "mnist", flat=True)
    result = judge(black.batch(slice(None)))
    assert result.classes == 1
    assert math.isfinite(result.fid)


def test_frechet_takes_moments_in_place_of_features(judge):
    a, b = draw(300, 4), 2 * draw(200, 4, seed=1) + 1
    assert frechet(quality.moments(a), b) == frechet(a, quality.moments(b)) == frechet(a, b)
    assert frechet(judge.moments, judge.real) == pytest.approx(0, abs=1e-6)
    assert judge.moments is judge.moments  # computed once


def test_confidence_is_the_mean_probability_of_the_likeliest_class(digits, judge):
    x = digits[1].batch(slice(50))
    with torch.no_grad():
        expected = judge.classifier(x).softmax(1).amax(1).mean().item()
    assert judge(x).confidence == pytest.approx(expected, rel=1e-5)


def test_a_class_that_the_real_images_lack_does_not_count(digits, judge):
    sevens = digits[0].images[digits[0].labels == 7]
    one_class = data.Images(sevens, torch.full((len(sevens),), 7), "mnist")
    shares = torch.eye(10, dtype=torch.float64)[7]
    narrow = Judge(judge.classifier, quality.features(judge.classifier, one_class.batch(slice(None))), shares)
    assert narrow(one_class.batch(slice(None))).classes == 1


def test_nearest_takes_samples_of_any_shape_and_enough_of_them():
    images = draw(6, 1, 4, 4)
    assert torch.equal(quality.nearest(images, images)[1][:, 0], torch.arange(6))
    with pytest.raises(ValueError, match="4 neighbours were asked for, but there are only 3 rows"):
        quality.precision_recall(draw(3, 2), draw(3, 2))


@pytest.mark.parametrize(("ones", "expected"), [(19, 1), (21, 2)])
def test_a_class_counts_from_a_fifth_of_its_share(ones, expected):
    class Sees(torch.nn.Module):
        """A judge that reads the class off the first ten numbers."""

        def features(self, x):
            return x

        def head(self, seen):
            return 9 * seen[:, :10]

    even = torch.full((10,), 0.1, dtype=torch.float64)
    label = torch.tensor([0] * (1000 - ones) + [1] * ones)
    seen = 2 * torch.nn.functional.one_hot(label, 64).float() - 1
    assert Judge(Sees(), draw(50, 64), even)(seen).classes == expected


def test_coverage_is_the_share_of_real_balls_that_hold_a_generated_sample():
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])  # with k = 1 every ball has radius 1
    assert quality.coverage(real, real, k=1) == 1
    assert quality.coverage(real, torch.tensor([[0.5]]), k=1) == pytest.approx(2 / 6)
    assert quality.coverage(real, torch.tensor([[0.5], [100.0]]), k=1) == pytest.approx(
        2 / 6
    )  # an outlier adds nothing
    with pytest.raises(ValueError, match="7 neighbours"):
        quality.coverage(real, real, k=6)


@pytest.mark.statistical
def test_coverage_of_fresh_samples_is_what_counting_predicts():
    """1 - 2^-k for equal numbers (Naeem et al. 2020, equation 9, for large n)."""
    rng = torch.Generator().manual_seed(0)
    found = [quality.coverage(*torch.randn(2, 400, 4, generator=rng), k=3) for _ in range(8)]
    assert sum(found) / 8 == pytest.approx(1 - 2**-3, abs=0.03)


@pytest.mark.statistical
def test_kid_has_no_bias_and_sees_a_third_moment():
    """Equal means at every n; and two distributions with equal mean and variance, which FID cannot tell apart."""
    rng = torch.Generator().manual_seed(0)
    values = {n: torch.tensor([quality.kid(*torch.randn(2, n, 3, generator=rng)) for _ in range(400)]) for n in (8, 32)}
    for n, found in values.items():
        assert abs(found.mean()) < 4 * found.std() / 20, n
    skewed = torch.distributions.Exponential(1.0).sample((4000, 3)) - 1  # mean 0, variance 1
    normal = torch.randn(4000, 3, generator=rng)
    assert quality.frechet(normal, skewed) < 0.1
    assert quality.kid(normal, skewed) > 5 * abs(quality.kid(normal[:2000], normal[2000:]))


def test_kid_is_the_mean_over_pairs_of_different_points():
    x, y = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[1.0], [3.0]])
    k = lambda a, b: float((a * b + 1) ** 3)
    xs, ys = x[:, 0].tolist(), y[:, 0].tolist()
    own = sum(k(a, b) for i, a in enumerate(xs) for j, b in enumerate(xs) if i != j) / 6 + k(1, 3)
    assert quality.kid(x, y) == pytest.approx(own - 2 * sum(k(a, b) for a in xs for b in ys) / 6)
    with pytest.raises(ValueError, match="two or more rows"):
        quality.kid(x[:1], y)
    with pytest.raises(ValueError, match="finite"):
        quality.kid(x, y * float("nan"))


# --- colour, no labels, stacks


def coloured(n: int = 60, seed: int = 0, size: int = 32) -> data.Images:
    """Images of two classes, red and blue squares on noise."""
    x = torch.randint(0, 120, (n, 3, size, size), generator=runtime.stream(seed)).byte()
    labels = torch.arange(n) % 2
    for i, label in enumerate(labels.tolist()):
        x[i, 2 * label, 8:24, 8:24] = 255
    return data.Images(x, labels, "squares", names=("red", "blue"))


def test_a_judge_of_labelled_colour_images():
    images = coloured()
    runtime.seed(0)
    judge = quality.Judge.of(images, runtime.stream(0), steps=60, lr=1e-2)
    assert quality.accuracy(judge.classifier, images) == 1
    assert judge.real_shares.tolist() == [0.5, 0.5]
    seen = judge(images.batch(images.labels == 1))
    assert (seen.classes, seen.shares.tolist()) == (1, [0.0, 1.0])
    with pytest.raises(ValueError, match=r"not square colour images: needed are \(n, 3, h, h\), or rows"):
        judge(-torch.ones(4, 1, 32, 32))


@pytest.mark.parametrize("labels", [None, torch.zeros(60).long()])
def test_a_judge_of_images_without_labels_or_with_dummies_is_refused(labels):
    images = data.Images(coloured().images, labels, "mine")
    wanted = r"'mine' has (no labels|the same label on all images), and a judge is a classifier: for images without"
    with pytest.raises(ValueError, match=wanted):
        quality.Judge.of(images, runtime.stream(0), steps=1)


def patch_means(a: torch.Tensor, b: torch.Tensor) -> dict[int, float]:
    return quality.patch_distance(a, b, runtime.stream(1))


@pytest.mark.statistical
def test_patches_see_texture_at_fine_scales_and_layout_at_coarse_ones():
    """Against the floor, what two draws of one set score."""

    def smooth(seed):
        x = torch.nn.functional.interpolate(draw(80, 3, 8, 8, seed=seed), (64, 64), mode="bicubic")
        return x.clamp(-3, 3) / 3

    a, b = smooth(1), smooth(2)
    floor = patch_means(a, b)
    assert sorted(floor) == [16, 32, 64]
    rough = patch_means(a, b + 0.05 * draw(80, 3, 64, 64, seed=3))  # fine noise
    assert rough[64] > 5 * floor[64]
    assert rough[16] < 2 * floor[16]
    flat = patch_means(a, b * 0 + b.mean((2, 3), keepdim=True) + 0.01 * draw(80, 3, 64, 64, seed=4))
    assert flat[16] > 3 * floor[16]
    assert patch_means(a, a)[64] < 1e-6 + floor[64]
    assert patch_means(a, a.flip(1))[16] < 2 * floor[16]  # channels are alike here
    for bad in (b[:40], b[:, :1], b[..., :6, :6]):
        with pytest.raises(ValueError, match="two sets of images of the same shape"):
            patch_means(a[: len(bad), : bad.shape[1], : bad.shape[2], : bad.shape[3]] if bad.shape[-1] < 7 else a, bad)


def test_the_scales_of_an_image_add_up_to_it():
    x = draw(2, 3, 64, 64)
    fine, middle, coarse = quality.patches.scales(x)
    up = lambda y: torch.nn.functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(fine + up(middle + up(coarse)), x)


def test_modes_of_a_stack_are_read_channel_by_channel(digits):
    train, _ = digits
    judge = quality.Judge.of(train, runtime.stream(0), steps=150)
    first = {k: (train.labels == k).nonzero()[0, 0] for k in range(10)}
    picked = [(1, 2, 3), (1, 2, 3), (0, 0, 7)]
    x = torch.stack([torch.cat([train.batch(first[k][None])[0] for k in triple]) for triple in picked])
    read = [judge.classifier(train.batch(first[k][None])).argmax().item() for k in range(10)]
    distinct = {tuple(read[k] for k in triple) for triple in picked}
    modes, divergence = quality.stacked_modes(judge.classifier, x)
    assert modes == len(distinct)
    expected = sum(share * torch.tensor(share * 1000).log().item() for share in (2 / 3, 1 / 3))
    assert divergence == pytest.approx(expected, rel=1e-5)


@pytest.mark.statistical
def test_patches_are_measured_along_directions_of_length_one():
    """Images of one grey each, N(0, 1), against noise: along a direction w their patches are N(0, s²), s the sum of w.

    The distance W1 of N(0, s²) and N(0, 1) is ||s| - 1| E|N|, and s is N(0, 1) itself: 0.535 x 0.798 = 0.427.
    """
    flat = draw(600, 1, 1, 1, seed=1).expand(-1, -1, 16, 16)
    found = quality.patch_distance(flat, draw(600, 1, 16, 16, seed=2), runtime.stream(3), patches=8)
    assert found == {16: pytest.approx(0.427, rel=0.15)}
