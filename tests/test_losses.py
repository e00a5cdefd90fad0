"""The games against their definitions, and the slopes that the book talks about."""

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gan_helpers import losses
from gan_helpers.losses import GAMES

LOG2 = torch.log(torch.tensor(2.0))


def logits(n=257, k=None, seed=0):
    shape = (n,) if k is None else (k, n)
    rng = torch.Generator().manual_seed(seed)
    return 4 * torch.randn(shape, generator=rng), 4 * torch.randn(shape, generator=rng)


def slope(loss, at):
    at = at.clone().requires_grad_()
    return torch.autograd.grad(loss(at), at)[0] * at.shape[-1]  # a sample's own gradient, without the mean's 1/n


def test_logistic_losses_are_binary_cross_entropy():
    real, fake = logits()
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    torch.testing.assert_close(losses.d_logistic(real, fake), bce(real, ones) + bce(fake, zeros))
    torch.testing.assert_close(losses.g_nonsaturating(fake), bce(fake, ones))
    torch.testing.assert_close(losses.g_saturating(fake), -bce(fake, zeros))


def mean_square(logits, label):
    return (logits - label).square().mean()


FORMULAS = {
    "nonsaturating": (lambda r, f: bce(r, r * 0 + 1) + bce(f, f * 0), lambda r, f: bce(f, f * 0 + 1)),
    "saturating": (lambda r, f: bce(r, r * 0 + 1) + bce(f, f * 0), lambda r, f: -bce(f, f * 0)),
    "least_squares": (lambda r, f: mean_square(r, 1) + mean_square(f, 0), lambda r, f: mean_square(f, 1)),
    "hinge": (lambda r, f: (1 - r).clamp(0).mean() + (1 + f).clamp(0).mean(), lambda r, f: -f.mean()),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "relativistic": (lambda r, f: bce(r - f, r * 0 + 1), lambda r, f: bce(f - r, r * 0 + 1)),
}


@pytest.mark.parametrize("name", GAMES)
def test_a_game_is_its_formula_under_its_own_name(name):
    real, fake = logits()
    d_formula, g_formula = FORMULAS[name]
    torch.testing.assert_close(GAMES[name].d_loss(real, fake), d_formula(real, fake))
    torch.testing.assert_close(GAMES[name].g_loss(real, fake), g_formula(real, fake))


def test_relativistic_refuses_pairs_that_are_none():
    with pytest.raises(ValueError, match=r"\(4,\) and \(1,\)"):
        losses.d_relativistic(torch.zeros(4), torch.zeros(1))


def test_slopes_at_a_logit_are_minus_d_and_minus_one_minus_d():
    _, fake = logits()
    d = torch.sigmoid(fake)
    torch.testing.assert_close(slope(losses.g_saturating, fake), -d)
    torch.testing.assert_close(slope(losses.g_nonsaturating, fake), -(1 - d))
    real_slope = slope(lambda real: losses.d_logistic(real, fake), fake)
    torch.testing.assert_close(real_slope, -(1 - d))


def test_nonsaturating_slope_is_steepest_where_saturating_vanishes():
    sure = torch.full((8,), -9.21)  # D = 1e-4: D is sure that these are generated
    ratio = slope(losses.g_nonsaturating, sure) / slope(losses.g_saturating, sure)
    torch.testing.assert_close(ratio, torch.full((8,), 9999.0), rtol=0.02, atol=0)


def test_landmarks_when_d_can_only_guess():
    guess = torch.zeros(16)
    torch.testing.assert_close(losses.d_logistic(guess, guess), 2 * LOG2)
    torch.testing.assert_close(losses.g_nonsaturating(guess), LOG2)
    torch.testing.assert_close(losses.g_saturating(guess), -LOG2)
    torch.testing.assert_close(losses.d_relativistic(guess, guess), LOG2)
    assert losses.d_hinge(guess, guess) == 2
    assert losses.d_least_squares(guess + 0.5, guess + 0.5) == 0.5
    assert losses.d_wasserstein(guess, guess) == 0


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_finite_with_finite_gradients_at_any_logit(name, size):
    real = torch.full((4,), size).requires_grad_()
    fake = torch.full((4,), -size).requires_grad_()
    for loss in (GAMES[name].d_loss(real, fake), GAMES[name].g_loss(real, fake)):
        grads = torch.autograd.grad(loss, (real, fake), allow_unused=True)
        assert loss.isfinite()
        assert all(g.isfinite().all() for g in grads if g is not None)


@pytest.mark.parametrize("name", GAMES)
def test_an_ensembles_loss_is_each_members_own(name):
    real, fake = logits(k=3)
    game = GAMES[name]
    for which in (game.d_loss, game.g_loss):
        together = which(real, fake)
        assert together.shape == (3,)
        torch.testing.assert_close(together, torch.stack([which(r, f) for r, f in zip(real, fake, strict=True)]))


@pytest.mark.parametrize("name", GAMES)
def test_d_wants_real_higher_and_g_wants_fake_higher(name):
    """Swapped labels turn one of these signs: descending a loss must raise what it is said to raise."""
    real, fake = torch.zeros(8).requires_grad_(), torch.zeros(8).requires_grad_()
    game = GAMES[name]
    d_real, d_fake = torch.autograd.grad(game.d_loss(real, fake), (real, fake))
    assert (d_real < 0).all()
    if name != "least_squares":  # its target for generated samples is 0, where these logits are
        assert (d_fake > 0).all()
    (g_fake,) = torch.autograd.grad(game.g_loss(real.detach(), fake), fake)
    assert (g_fake < 0).all()


def test_relativistic_depends_on_differences_only():
    real, fake = logits()
    torch.testing.assert_close(losses.d_relativistic(real, fake), losses.d_relativistic(real + 5, fake + 5))
    torch.testing.assert_close(losses.g_relativistic(real, fake), losses.d_relativistic(fake, real))


def test_gradient_penalty_of_a_linear_d_is_half_its_squared_weight():
    D = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))
    x = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(losses.gradient_penalty(D, x), D[0].weight.square().sum() / 2)


def test_gradient_penalty_can_be_differentiated_and_serves_images_and_members():
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = torch.randn(3, 5, 2)
    penalty = losses.gradient_penalty(lambda x: w[:, None] * x.sum(-1), x)
    torch.testing.assert_close(penalty, w.detach() ** 2)  # |(w, w)|² / 2
    torch.testing.assert_close(torch.autograd.grad(penalty.sum(), w)[0], 2 * w.detach())
    images = torch.randn(4, 1, 6, 6)
    flat = losses.gradient_penalty(lambda x: x.square().flatten(1).sum(1), images, sample_dims=3)
    torch.testing.assert_close(flat, 2 * images.square().flatten(1).sum(1).mean())


def test_clip_weights_holds_every_weight():
    D = nn.Linear(5, 5)
    losses.clip_weights(D, 0.01)
    assert max(p.abs().max() for p in D.parameters()) <= 0.01


def test_unknown_game_names_the_valid_ones():
    with pytest.raises(ValueError, match=r"'wgan'.*nonsaturating.*wasserstein"):
        losses.get_game("wgan")


def test_interpolation_penalty_of_a_linear_critic_is_its_slope_s_distance_from_one():
    """Also with a member dimension, and at the points asked for: u = 1 is the real end."""
    w = torch.tensor([3.0, 4.0])
    x, y, u = torch.randn(3, 8, 2), torch.randn(3, 8, 2), torch.rand(3, 8, 1)
    torch.testing.assert_close(losses.interpolation_penalty(lambda v: v @ w, x, y, u), torch.full((3,), 16.0))
    square = lambda v: v.square().sum(-1) / 2  # its slope at v is v
    at_real = losses.interpolation_penalty(square, x, y, torch.ones(3, 8, 1))
    torch.testing.assert_close(at_real, (x.norm(dim=-1) - 1).square().mean(-1))
    images = losses.interpolation_penalty(
        lambda v: v.sum((-1, -2, -3)), *torch.rand(2, 5, 1, 2, 2), torch.rand(5, 1), 3
    )
    assert images.item() == pytest.approx(1.0)  # four pixels of slope 1 have norm 2
