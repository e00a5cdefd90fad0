"""What chapter 7 says, at a small budget: what a transposed convolution is, and which broken rules show at once."""

import functools
import math
from itertools import product
from types import SimpleNamespace

import chapters
import pytest
import torch
from torch import nn
from torch.nn.functional import conv1d, conv_transpose1d, conv_transpose2d

from gan_helpers import convnets, data
from gan_helpers.data.handwritten import stand_in
from gan_helpers.data.images import Images, resize
from gan_helpers.losses import d_logistic
from gan_helpers.runtime import seed, stream
from gan_helpers.train import evaluating, train

SMOKE = SimpleNamespace(budget_name=lambda: "smoke")
SIZES = [(k, s, p) for k, s, p in product(range(1, 6), range(1, 4), range(3)) if p < k]


@pytest.mark.parametrize("cell", ["matrix", "gradient"])
def test_the_chapter_s_own_checks_hold(cell, capsys):
    """Each of the two cells ends in an assertion."""
    names = {"torch": torch, "nn": nn, "partial": functools.partial, "seed": seed}
    names |= {"conv1d": conv1d, "conv_transpose1d": conv_transpose1d}
    assert "assert" in chapters.cells(7)[cell]
    chapters.run(7, cell, **names)


@pytest.mark.parametrize(("k", "s", "p"), SIZES)
def test_size_formula(k, s, p):
    """n = (m - 1) s - 2 p + k, for every kernel, stride and padding that leaves at least one number."""
    m = 6
    n = (m - 1) * s - 2 * p + k
    if n > 0:
        assert conv_transpose1d(torch.ones(1, 1, m), torch.ones(1, 1, k), stride=s, padding=p).shape[-1] == n


@pytest.mark.parametrize(("k", "s"), [(k, s) for k, s, p in SIZES if p == 0 and k >= s])
def test_overlap_is_even_exactly_where_the_stride_divides_the_kernel(k, s):
    counts = conv_transpose1d(torch.ones(1, 1, 20), torch.ones(1, 1, k), stride=s)[0, 0]
    inner = counts[k : 19 * s]  # where the window of inputs is whole
    assert (len(inner.unique()) == 1) == (k % s == 0)
    assert {int(inner.min()), int(inner.max())} == {k // s, -(-k // s)}


def test_counts_multiply_in_two_dimensions():
    counts = conv_transpose2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 5, 5), stride=2)[0, 0, 4:10, 4:10]
    assert counts.unique().tolist() == [4, 6, 9]


def test_one_place_of_the_sheet_reaches_ten_pixels():
    seed(0)
    G = convnets.generator28(8, 4)
    sheet = torch.randn(8, 16, 7, 7, generator=stream(1))
    pushed = sheet.clone()
    pushed[:, :, 3, 3] += 1
    with evaluating(G):
        moved = (G[4:](pushed) - G[4:](sheet)).abs().sum((0, 1)) > 0
    assert moved.any(1).sum() == moved.any(0).sum() == 10


def test_images_of_the_wrong_size_are_refused_with_both_sizes_named():
    G, D = convnets.generator64(4, width=2), convnets.discriminator64(width=2)
    with pytest.raises(ValueError, match=r"64, 64.*28, 28"):
        train(G, D, data.digits("mnist"), z_dim=4, steps=1, rng=seed(0))


def test_training_in_evaluation_mode_is_training_without_batch_norm():
    rng = seed(0)
    G, D = convnets.generator28(4, 4).eval(), convnets.discriminator28(4).eval()
    for _ in train(G, D, data.digits("mnist"), z_dim=4, steps=2, batch=8, rng=rng):
        pass
    for norm in (G[2], G[5], D[3]):
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean.abs().max() == 0
        assert norm.running_var.unique().tolist() == [1.0]


def test_batch_norm_hides_a_shift_from_two_batches_and_not_from_one():
    """The cell of the exercise: apart, the loss stays at log 4 whatever D learns; together it falls."""
    names = {"torch": torch, "nn": nn, "seed": seed, "d_logistic": d_logistic, "math": math}
    names["budget"] = lambda smoke, page, full: page
    names = chapters.run(7, "ex7-together-code", **names)
    assert names["apart"] == pytest.approx(math.log(4), abs=0.05)
    assert names["together"] < 0.5


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize(("beta1", "d_wins"), [(0.5, False), (0.9, True)])
def test_with_momentum_0_9_the_discriminator_wins_at_once(beta1, d_wins):
    """Of 3 seeds each, all: were it a matter of chance, six right outcomes would come in 1.6 % of repetitions."""
    pixels, labels = stand_in(train=True)  # whatever is at hand
    images, ends = Images(resize(pixels, 28), labels, "digits8x8"), []
    for number in range(3):
        rng = seed(number)
        G, D = convnets.generator28(16, 8), convnets.discriminator28(8)
        run = train(G, D, images, z_dim=16, steps=130, batch=32, rng=rng, beta1=beta1)
        ends.append(sum(s.d_loss for s in run if s.step > 100) / 30)
    assert all((end < 0.8) == d_wins for end in ends), ends  # over 36 seeds: at most .5, and at least 1.2


@pytest.mark.statistical
def test_an_untrained_generator_draws_a_lattice_and_real_images_do_not():
    names = {
        "torch": torch,
        "runtime": SMOKE,
        "unseen": data.digits("mnist", train=False),
        "before": untrained(0),
        "film": [untrained(1)],
    }
    names = chapters.run(7, "ex7-lattice-code", **names)
    assert names["strength"]["DCGAN, untrained"] > 3 * names["strength"]["real, unseen"]


def untrained(number):
    seed(number)
    with evaluating(G := convnets.generator28(8, 8)):
        return G(torch.randn(500, 8, generator=stream(number)))
