"""What chapter 2 claims, at a small budget: what D's loss and a critic's loss measure, and how each goes wrong."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import relu

from gan_helpers import ensemble, losses, models, theory
from gan_helpers.runtime import seed

N = 12  # runs of each claim


def stack_d(dim: int, count: int = N) -> torch.nn.Sequential:
    """D's of the chapter, one a seed."""
    nets = []
    for s in range(count):
        seed(s)
        nets.append(models.discriminator(dim, 32, 32))
    return ensemble.stack(nets)


def fit(D: torch.nn.Module, draw: Callable, d_loss: Callable, steps: int, lr: float = 5e-3) -> None:
    """The loop of the chapter."""
    opt = torch.optim.Adam(D.parameters(), lr=lr, betas=(0.5, 0.999))
    for _ in range(steps):
        loss = d_loss(D, *draw())
        opt.zero_grad()
        loss.sum().backward()
        opt.step()


def logistic(D: torch.nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """D's loss, (K,)."""
    return losses.d_logistic(D(x), D(y))


def one_sided(D: torch.nn.Module, x: Tensor, y: Tensor, u: Tensor) -> Tensor:
    """The penalty for slopes above 1 only."""
    at = torch.lerp(y, x, u).requires_grad_()
    (grad,) = torch.autograd.grad(D(at).sum(), at, create_graph=True)
    return relu(grad.norm(dim=-1) - 1).square().mean(-1)


def critic(lam: float, penalty: Callable = losses.interpolation_penalty) -> Callable:
    """The critic's loss with its penalty."""
    rng = seed(5)

    def loss(D: torch.nn.Module, x: Tensor, y: Tensor) -> Tensor:
        u = torch.rand(*x.shape[:2], 1, generator=rng)
        return losses.d_wasserstein(D(x), D(y)) + lam * penalty(D, x, y, u)

    return loss


def heaps(distance: float, count: int = N) -> Callable:
    """Batches of N(0, 1) and N(distance, 1)."""
    rng = seed(1)
    apart = torch.tensor([0.0, distance])[:, None, None, None]
    return lambda n=128: torch.randn(2, count, n, 1, generator=rng) + apart


def lines(theta: float) -> Callable:
    """Batches of (0, Y) and (theta, Y)."""
    rng = seed(2)
    apart = torch.tensor([[0.0, 0.0], [theta, 0.0]])[:, None, None]
    return lambda n=128: torch.rand(2, N, n, 2, generator=rng) * torch.tensor([0.0, 1.0]) + apart


@torch.no_grad()
def reading(D: torch.nn.Module, draw: Callable, what: str) -> Tensor:
    """JS as D reads it, or W1 as a critic does, on fresh samples: (K,)."""
    x, y = draw(n=4000)
    if what == "js":
        return theory.LOG2 - logistic(D, x, y) / 2
    return -losses.d_wasserstein(D(x), D(y))


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("distance", [1.0, 3.0])
def test_a_trained_d_reads_js(distance: float) -> None:
    """All 128 runs of the chapter are within .01. Here 4,000 samples add an error of at most .005 (one sd).

    If a run is within .03 with probability .95, fewer than 9 of 12 has probability under .003.
    """
    draw, D = heaps(distance), stack_d(1)
    fit(D, draw, logistic, 150)
    x = np.linspace(-12, 16, 8001)
    true = theory.js(theory.normal_pdf(x, 0, 1), theory.normal_pdf(x, distance, 1), x)
    assert ((reading(D, draw, "js") - true).abs() < 0.03).sum() >= 9


@pytest.mark.statistical
@pytest.mark.slow
def test_on_the_lines_js_is_flat_and_the_critic_is_not() -> None:
    """At .5 and at 1 D reads log 2; the critic reads w1 + w1^2 / 20. At least 9 of 12, as above."""
    for theta in (0.5, -1.0):
        draw, D, C = lines(theta), stack_d(2), stack_d(2)
        fit(D, draw, logistic, 150)
        fit(C, draw, critic(10.0), 250, lr=2e-3)
        assert ((reading(D, draw, "js") - theory.LOG2).abs() < 0.02).sum() >= 9
        expected = float(theory.penalised_w1(abs(theta), 10.0))
        assert ((reading(C, draw, "w1") / expected - 1).abs() < 0.1).sum() >= 9
        with torch.no_grad():
            x, y = draw(n=1000)
            assert (C(x).mean(-1) > C(y).mean(-1)).sum() >= 9  # real above generated: the sign of the loss


@pytest.mark.statistical
@pytest.mark.slow
def test_without_a_constraint_the_reading_runs_away() -> None:
    """W1 is 1 and the critic reads more than 10 after 150 steps, in at least 9 of 12; with the penalty in none."""
    draw = lines(1.0)
    free, held = stack_d(2), stack_d(2)
    fit(free, draw, critic(0.0), 150, lr=2e-3)
    fit(held, draw, critic(10.0), 150, lr=2e-3)
    assert (reading(free, draw, "w1") > 10).sum() >= 9
    assert (reading(held, draw, "w1") < 2).all()


@pytest.mark.statistical
@pytest.mark.slow
def test_the_two_sided_penalty_traps_some_critics_and_the_one_sided_none() -> None:
    """About a third of the chapter's critics read a negative distance: none of 24 has probability under .001."""
    draw = heaps(4.0, count=24)
    both, one = stack_d(1, 24), stack_d(1, 24)
    fit(both, draw, critic(10.0), 150, lr=2e-3)
    fit(one, draw, critic(10.0, one_sided), 150, lr=2e-3)
    read = reading(both, draw, "w1")
    wrong = read[read < 0]
    assert len(wrong) >= 1
    assert (wrong.median() - (-4 + 16 / 20)).abs() < 0.4  # -d + d^2 / (2 lambda); a few are still on their way
    assert (reading(one, draw, "w1") > 3.5).all()


@pytest.mark.statistical
@pytest.mark.slow
def test_d_takes_equal_heaps_apart_if_it_knows_the_samples() -> None:
    """16-D, 64 fixed samples of one distribution: above half of log 2 on its own, below 0 on fresh, in 9 of 12."""
    rng = seed(4)
    pool = torch.randn(2, N, 64, 16, generator=rng)
    D = stack_d(16)
    fit(D, lambda: pool, logistic, 150)
    with torch.no_grad():
        own = theory.LOG2 - logistic(D, *pool) / 2
    fresh = reading(D, lambda n: torch.randn(2, N, n, 16, generator=rng), "js")
    assert (own > theory.LOG2 / 2).sum() >= 9
    assert (fresh < 0).sum() >= 9


def test_minus_log_d_minimises_a_divergence_that_forgives_missing_modes():
    """KL(q, p) - 2 JS is 2 KL(m, p): never negative, 0 at q = p; a missing mode costs less than in 2 JS."""
    x = np.linspace(-12, 20, 20_001)
    width, p = x[1] - x[0], theory.normal_pdf(x, 0, 1)
    for mean, sd in ((0, 1), (1, 1), (3, 1), (1, 0.6)):
        q = theory.normal_pdf(x, mean, sd)
        m = (p + q) / 2
        other = float((m * np.log(m / p)).sum() * width) * 2
        kl = float((q * (np.log(np.maximum(q, 1e-300)) - np.log(p))).sum() * width)
        assert other == pytest.approx(kl - 2 * theory.js(p, q, x), abs=1e-6)
        assert other >= -1e-9
        assert (other < 1e-9) == ((mean, sd) == (0, 1))
    for k in range(2, 8):  # a sampler of k bumps of 8; with 7 bumps missing, 2 JS charges less
        p, q = np.full(8, 1 / 8), np.array([1 / k] * k + [0.0] * (8 - k))
        m = (p + q) / 2
        two_js = (p * np.log(p / m)).sum() + (q[:k] * np.log(q[:k] / m[:k])).sum()
        assert 2 * (m * np.log(m / p)).sum() < two_js


def test_a_critic_turns_over_at_no_price():
    """|x - c| has slopes of size 1 everywhere, and reads everything from -d to d as c moves."""
    x = torch.special.ndtri((torch.arange(2000) + 0.5) / 2000)
    reads = [((x - c).abs().mean() - (x + 3 - c).abs().mean()).item() for c in torch.linspace(-6, 9, 61)]
    assert reads[0] == pytest.approx(-3, abs=0.01)
    assert reads[-1] == pytest.approx(3, abs=0.01)
    assert np.abs(np.diff(reads)).max() < 0.5  # without a jump


@pytest.mark.parametrize(("distance", "most"), [(1.0, 1.006), (4.0, 1.004), (8.0, 1.002)])
def test_one_slope_is_a_floor_for_the_best_critic_and_nearly_reaches_it(distance, most):
    """The critic's problem itself, as a quadratic program on a grid: no formula for its best slope goes in."""
    x, u = np.linspace(-6, distance + 6, 1201), (np.arange(400) + 0.5) / 400
    width, lam = x[1] - x[0], 10.0
    real, fake = (theory.normal_pdf(x, mean, 1) for mean in (0, distance))
    paid = np.mean([theory.normal_pdf(x, a * distance, np.hypot(a, 1 - a)) for a in u], 0)  # where the penalty is
    earned = np.cumsum(real - fake) * width  # for a slope of -1 at x: the mass that passes over it
    slopes = np.zeros_like(x)
    for _ in range(4000):  # gradient ascent, each slope at the pace that its own curvature allows
        slopes += (earned - 2 * lam * paid * (slopes - 1)) / (2 * lam * paid + 1e-9) / 2
    seen = paid > 1e-9
    reads = (earned * slopes)[seen].sum() * width
    floor = float(theory.penalised_w1(distance, lam))
    assert 1 < reads / floor < most
