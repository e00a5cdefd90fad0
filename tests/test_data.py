"""Targets: what they sample and the density they claim agree, everywhere and to many digits."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from gan_helpers import data, models, runtime
from gan_helpers.data import densities
from gan_helpers.train import train

NAMES = list(data.TARGETS)


def rng(seed: int = 0, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def cells(target: data.Target, coarse: int = 16) -> tuple[torch.Tensor, float, float, int]:
    """Log densities at the midpoints of a fine lattice over all of a target's mass; its half width, step and size."""
    half = {"gaussian": 16.0, "mixture": 8.0, "grid": 4.8}.get(target.name, 2.4)
    step = {"gaussian": 0.01, "mixture": 0.01, "ring": 0.01}.get(target.name, 0.025)
    n = coarse * math.ceil(2 * half / step / coarse)
    step = 2 * half / n
    axis = -half + step * (torch.arange(n, dtype=torch.float64) + 0.5)
    x = axis[:, None] if target.dim == 1 else torch.cartesian_prod(axis, axis)
    return torch.cat([target.log_prob(part) for part in x.split(50_000)]), half, step, n


@pytest.mark.statistical
@pytest.mark.parametrize("name", NAMES)
def test_density_integrates_to_one_and_is_that_of_the_samples(name: str) -> None:
    target, coarse = data.target(name), 16
    log_p, half, step, n = cells(target, coarse)
    mass = log_p.exp() * step**target.dim
    assert mass.sum().item() == pytest.approx(1, abs=2e-3 if name == "two_pieces" else 1e-4)

    sample = target.sample(20_000, rng())
    # The mean log density of samples is minus the entropy; this sees an sd that is off by 2 %.
    there = target.log_prob(sample)
    promised = (mass * log_p.nan_to_num(neginf=0.0)).sum().item()
    error = there.std().item() / math.sqrt(len(there)) + 1e-3
    assert abs(there.mean().item() - promised) < 4.5 * error

    # Counts in coarse cells: chi-square about its degrees of freedom.
    index = ((sample.double() + half) / (2 * half) * coarse).long().clamp(0, coarse - 1)
    flat = index[:, 0] if target.dim == 1 else index[:, 0] * coarse + index[:, 1]
    seen = torch.bincount(flat, minlength=coarse**target.dim).double()
    fine = n // coarse
    shape = (coarse, fine) if target.dim == 1 else (coarse, fine, coarse, fine)
    expected = mass.reshape(shape).sum((1,) if target.dim == 1 else (1, 3)).flatten() * len(sample)
    big = expected > 5
    chi2 = ((seen - expected).square() / expected)[big].sum().item()
    df = big.sum().item() - 1
    assert chi2 < df + 5 * math.sqrt(2 * df)
    assert seen[~big].sum() < 60 * (~big).sum()


@pytest.mark.parametrize("name", NAMES)
def test_sample_is_float32_repeatable_and_leaves_the_global_generator_alone(name: str) -> None:
    target, before = data.target(name), torch.get_rng_state()
    first, again, other = target.sample(64, rng(1)), target.sample(64, rng(1)), target.sample(64, rng(2))
    assert first.shape == (64, target.dim)
    assert first.dtype == torch.float32
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())
    assert target.name == name


@pytest.mark.parametrize("name", NAMES)
def test_log_prob_takes_leading_dimensions_and_names_both_shapes_when_the_last_is_wrong(name: str) -> None:
    target = data.target(name)
    x = target.sample(12, rng())
    assert torch.equal(target.log_prob(x.reshape(3, 4, -1)), target.log_prob(x).reshape(3, 4))
    assert target.log_prob(x).dtype == torch.float32
    assert torch.isfinite(target.log_prob(x)).all()
    with pytest.raises(ValueError, match=rf"{name}.*\(\.\.\., {target.dim}\).*\(5, 3\)"):
        target.log_prob(torch.zeros(5, 3))
    with pytest.raises(ValueError, match=r"\(\)"):
        target.log_prob(torch.tensor(0.0))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "two_pieces"])
def test_log_prob_stays_finite_far_away_and_its_slope_points_home(name: str) -> None:
    target = data.target(name)
    for far in (1e2, 1e4, 1e6):
        for sign in (-1, 1):
            x = torch.full((1, target.dim), sign * far, requires_grad=True)
            (slope,) = torch.autograd.grad(target.log_prob(x).sum(), x)
            assert torch.isfinite(target.log_prob(x)).all()
            assert (slope * sign < 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_samples_and_densities_stay_on_cuda(name: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    target = data.target(name)
    x = target.sample(100, rng(0, "cuda"))
    assert x.device.type == target.log_prob(x).device.type == "cuda"
    torch.testing.assert_close(target.log_prob(x).cpu(), target.log_prob(x.cpu()))


def test_gaussian_and_mixture_against_torch_distributions() -> None:
    x = torch.linspace(-9, 9, 50, dtype=torch.float64)
    normal = torch.distributions.Normal
    torch.testing.assert_close(data.gaussian(1.5, 0.7).log_prob(x[:, None]), normal(1.5, 0.7).log_prob(x))
    weights = torch.tensor([0.2, 0.8], dtype=torch.float64)
    parts = normal(torch.tensor([-2.0, 2.0], dtype=torch.float64), 0.5)
    both = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(weights), parts)
    ours = data.mixture(weights=[1.0, 4.0])
    torch.testing.assert_close(ours.log_prob(x[:, None]), both.log_prob(x), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.cdf(x), both.cdf(x), rtol=1e-6, atol=1e-7)


def test_quantile_of_a_gaussian_is_exact_and_of_a_mixture_inverts_the_cdf() -> None:
    u = torch.tensor([1e-12, 0.01, 0.3, 0.5, 0.9, 1 - 1e-12], dtype=torch.float64)
    np.testing.assert_allclose(data.gaussian(4, 1.25).quantile(u), stats.norm(4, 1.25).ppf(u), rtol=1e-9)
    lopsided = data.mixture(centers=(-2, 0, 5), weights=(0.1, 0.3, 0.6))
    torch.testing.assert_close(lopsided.cdf(lopsided.quantile(u)), u, rtol=1e-9, atol=1e-15)
    ends = lopsided.quantile(torch.tensor([[0.0, 1.0]]))
    assert ends.tolist() == [[-math.inf, math.inf]]
    assert data.gaussian().cdf(torch.tensor([4])).item() == 0.5  # whole numbers are not cut off
    with pytest.raises(ValueError, match="between 0 and 1"):
        lopsided.quantile(torch.tensor([1.5]))
    for call in (data.ring().cdf, data.ring().quantile):
        with pytest.raises(ValueError, match="ring has 2 dimensions"):
            call(torch.tensor([0.5]))


def test_line_is_the_integral_of_a_normal_bump_along_it() -> None:
    line = data.line(start=(-1.0, 0.5), end=(2.0, 1.5), sd=0.3)
    for x in ([0.0, 0.0], [2.2, 1.9], [-1.5, 0.5]):

        def bump(t: float, x: list[float] = x) -> float:
            return math.prod(
                stats.norm.pdf(c, a + t * (b - a), 0.3) for c, a, b in zip(x, (-1, 0.5), (2, 1.5), strict=True)
            )

        value = line.log_prob(torch.tensor([x], dtype=torch.float64)).exp().item()
        assert value == pytest.approx(integrate.quad(bump, 0, 1)[0], rel=1e-6)


def test_normal_mass_is_accurate_in_both_tails() -> None:
    low, high = torch.tensor([30.0, -31.0, -1.0, 0.2], dtype=torch.float64), torch.tensor([31.0, -30.0, 2.0, 0.200001])
    mass = densities._log_normal_mass(low, high.double())
    assert mass[0] == mass[1]
    assert mass[0].item() == pytest.approx(special.log_ndtr(-30) + math.log1p(-math.exp(-30.5)), rel=1e-9)
    assert mass[2].item() == pytest.approx(math.log(stats.norm.cdf(2) - stats.norm.cdf(-1)), rel=1e-9)
    narrow = math.log(stats.norm.pdf(0.2)) + math.log(high[3].double().item() - 0.2)
    assert mass[3].item() == pytest.approx(narrow, rel=1e-5)


def test_modes_are_where_the_literature_puts_them() -> None:
    ring, grid = data.ring(), data.grid()
    assert torch.allclose(ring.centers.norm(dim=1), torch.tensor(2.0))
    assert torch.cdist(ring.centers, ring.centers).fill_diagonal_(9).min() == pytest.approx(4 * math.sin(math.pi / 8))
    assert (ring.sd, grid.sd) == (0.02, 0.05)
    assert sorted(set(grid.centers.flatten().tolist())) == [-4, -2, 0, 2, 4]
    assert len(grid.centers.unique(dim=0)) == 25
    assert torch.allclose(data.ring(shift=(4, 0)).centers.mean(0), torch.tensor([4.0, 0.0]), atol=1e-6)
    assert not hasattr(data.spiral(), "centers")  # a path has no modes to count


def test_two_pieces_never_meet() -> None:
    pieces = data.two_pieces(gap=2.0)
    assert pieces.log_prob(torch.tensor([[0.0, 0.0], [1.5, 0.0], [1.5, 1.1]])).exp().tolist() == [0.0, 0.25, 0.0]
    assert (pieces.sample(1000, rng())[:, 0].abs() >= 1).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: data.target("rings"),
            "unknown target 'rings'.*gaussian, mixture, ring, grid, line, spiral, two_pieces",
        ),
        (lambda: data.gaussian(sd=0.0), "sd is 0.0"),
        (lambda: data.line(sd=math.nan), "sd is nan"),
        (lambda: data.mixture(weights=(1.0, 2.0, 3.0)), r"weights have shape \(3,\), centers \(2, 1\)"),
        (lambda: data.mixture(weights=(1.0, -2.0)), "positive numbers"),
        (lambda: data.Mixture("flat", torch.zeros(3), 1.0), r"\(k, dim\), got \(3,\)"),
        (lambda: data.Path("dot", torch.zeros(1, 2), 1.0), r"got \(1, 2\)"),
        (lambda: data.line(end=(-1.5, -1.0)), "two different vertices"),
        (lambda: data.Boxes("odd", torch.zeros(1, 2), torch.ones(2, 2)), r"low \(1, 2\) and high \(2, 2\)"),
        (lambda: data.two_pieces(width=0.0), "must lie below"),
        (lambda: data.two_pieces(gap=-0.5), "overlap"),
    ],
)
def test_bad_targets_are_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_targets_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        data.ring().sd = 1.0  # type: ignore[misc]


def test_data_of_your_own_can_be_trained_on():
    x = torch.arange(12.0).reshape(6, 2)
    drawn = data.Samples(x).sample(500, runtime.stream(0))
    assert torch.equal(drawn.unique(dim=0), x)
    assert torch.equal(drawn, data.Samples(x).sample(500, runtime.stream(0)))
    drawing = runtime.seed(0)
    G, D = models.mlp(1, 2), models.discriminator(2, 4)
    steps = list(train(G, D, data.Samples(x), z_dim=1, steps=2, rng=drawing))
    assert len(steps) == 2


@pytest.mark.parametrize("x", [torch.zeros(0, 2), torch.full((3, 2), math.nan), torch.zeros(3, 2, dtype=torch.uint8)])
def test_data_of_your_own_must_be_finite_floats(x):
    with pytest.raises(ValueError, match="finite float32"):
        data.Samples(x)
