"""Metrics against oracles; intervals against how often they must cover."""

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde, wasserstein_distance

from gan_helpers import data, metrics


def test_w1_is_scipys_and_works_on_members():
    x, y = torch.randn(3, 500, generator=torch.Generator().manual_seed(0)), torch.rand(3, 500)
    ours = metrics.w1(x, y)
    assert ours.shape == (3,)
    for k in range(3):
        assert ours[k].item() == pytest.approx(wasserstein_distance(x[k].numpy(), y[k].numpy()), rel=1e-4)


def test_w1_of_a_shift_is_the_shift():
    x = torch.linspace(0, 1, 101)
    assert metrics.w1(x, x + 3).item() == pytest.approx(3, abs=1e-5)
    with pytest.raises(ValueError, match=r"\(5,\).*\(6,\)"):
        metrics.w1(torch.zeros(5), torch.zeros(6))


@pytest.mark.statistical
def test_w1_to_a_known_distribution():
    quantile = lambda u: 4 + 1.25 * torch.special.ndtri(u)
    x = quantile((torch.arange(1000) + 0.5) / 1000)
    assert metrics.w1_to(x, quantile).item() == pytest.approx(0, abs=1e-6)
    assert metrics.w1_to(x + 0.5, quantile).item() == pytest.approx(0.5, abs=1e-5)
    floor = metrics.w1_to(4 + 1.25 * torch.randn(4000, 4096, generator=torch.Generator().manual_seed(0)), quantile)
    assert floor.mean().item() == pytest.approx(1.25 * 1.25 / 4096**0.5, rel=0.05)  # what the docstring promises


@pytest.mark.parametrize(
    ("k", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (32, 32, 0.8928, 1.0)]
)
def test_wilson_interval_known_values(k, n, low, high):
    assert metrics.wilson(k, n) == pytest.approx((low, high), abs=1e-3)


@pytest.mark.statistical
def test_wilson_interval_covers_the_truth_about_95_percent_of_the_time():
    rng = np.random.default_rng(0)
    hits = [low <= 0.8 <= high for k in rng.binomial(32, 0.8, 4000) for low, high in [metrics.wilson(int(k), 32)]]
    assert 0.93 <= np.mean(hits) <= 0.98


def test_wilson_rejects_nonsense():
    for k, n in ((1, 0), (5, 4), (-1, 4)):
        with pytest.raises(ValueError, match="successes"):
            metrics.wilson(k, n)


def test_share_says_what_was_counted():
    assert metrics.share([True] * 32) == "32 of 32 (100 %, 95 % interval 89 to 100 %)"


@pytest.mark.statistical
def test_median_interval_covers_the_true_median():
    rng = np.random.default_rng(0)
    samples = rng.exponential(size=(4000, 32))
    inside = [low <= np.log(2) <= high for _, low, high in map(metrics.median_interval, samples)]
    assert 0.945 <= np.mean(inside) <= 0.99
    assert metrics.median_interval([1.0, 2.0, 3.0]) == (2.0, 1.0, 3.0)
    with pytest.raises(ValueError, match="no values"):
        metrics.median_interval([])
    with pytest.raises(ValueError, match="NaN"):
        metrics.median_interval([1.0, float("nan")])


def test_kde_is_scipys():
    x = torch.randn(400, generator=torch.Generator().manual_seed(0))
    grid = torch.linspace(-4, 4, 81)
    reference = gaussian_kde(x.numpy(), bw_method=0.3 / x.std().item())(grid.numpy())
    np.testing.assert_allclose(metrics.kde(x, grid, 0.3).numpy(), reference, rtol=1e-3, atol=1e-5)
    assert metrics.kde(torch.zeros(4, 50), grid, 0.3).shape == (4, 81)


@pytest.mark.statistical
def test_modes_hit_by_the_published_protocol():
    centers = torch.tensor([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
    x = torch.tensor([[0.0, 0.02], [10.0, 0.0], [15.0, 0.0], [0.01, 0.0]])
    found = metrics.coverage(x, centers, sd=0.02)
    assert (found["modes"], found["quality"]) == (2, 0.75)
    perfect = torch.randn(100_000, 2, generator=torch.Generator().manual_seed(0))
    assert metrics.coverage(perfect, torch.zeros(1, 2), sd=1.0)["quality"] == pytest.approx(1 - np.exp(-4.5), abs=0.002)
    with pytest.raises(ValueError, match=r"\(3, 1\).*\(4, 2\)"):
        metrics.coverage(torch.zeros(3, 1), torch.zeros(4, 2), sd=1)


def test_samples_as_targets_draw_them_are_refused():
    """Sorted along one number they would stay unsorted: 1.43 where the truth is .064."""
    x = data.gaussian().sample(500, torch.Generator().manual_seed(0))
    for metric in (lambda x: metrics.w1(x, x), lambda x: metrics.w1_to(x, torch.log), lambda x: metrics.kde(x, x, 0.1)):
        with pytest.raises(ValueError, match=r"shape \(500, 1\): pass x\[\.\.\., 0\]"):
            metric(x)


@pytest.mark.parametrize("confidence", [95, 0, 1, -0.5])
def test_a_confidence_is_a_share(confidence):
    for call in (lambda: metrics.wilson(3, 5, confidence), lambda: metrics.median_interval(range(9), confidence)):
        with pytest.raises(ValueError, match="a share between 0 and 1"):
            call()


def test_no_interval_is_claimed_for_fewer_values_than_one_needs():
    for n in range(1, 12):
        said = metrics.middle(range(n), digits=0)
        assert ("95 % interval" in said) == metrics.has_interval(n) == (n >= 6)
        assert (f"range of {n}: 0 to {n - 1}" in said) == (n < 6)
        assert metrics.middle_cells(range(n), digits=0)[1].startswith(f"{n} values: ") == (n < 6)
    assert not metrics.has_interval(7, 0.99)
    assert metrics.has_interval(8, 0.99)


def test_quantiles_are_over_the_first_dimension():
    band = metrics.quantiles(np.tile(np.arange(11.0)[:, None], (1, 3)))
    assert band.shape == (3, 3)
    np.testing.assert_allclose(band[:, 0], [1, 5, 9])


def test_coverage_of_many_generators_by_hand():
    """Two generators of four samples, two modes: one holds both, the other sits beside one."""
    centers = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    x = torch.tensor([[[0, 0], [0.01, 0], [1, 0], [0.4, 0]], [[0, 0.5], [0, 0.5], [0, 0.5], [0.1, 0]]])
    found = metrics.coverage(x, centers, sd=0.02)
    assert found["modes"].tolist() == [2, 0]
    assert found["quality"].tolist() == [0.75, 0]
    assert found["held"].tolist() == [2, 1]
    assert found["full"].tolist() == [1, 0]
    assert found["mass"].tolist() == [[0.75, 0.25], [1, 0]]


def test_a_single_lucky_sample_covers_a_mode_but_does_not_hold_it():
    centers = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    x = torch.cat([torch.zeros(2499, 2), torch.tensor([[1.0, 0.0]])])
    found = metrics.coverage(x, centers, sd=0.02)
    assert (found["modes"], found["held"], found["full"]) == (2, 1, 0)


@pytest.mark.statistical
def test_coverage_of_a_perfect_sampler():
    ring = data.ring()
    found = metrics.coverage(ring.sample(20_000, torch.Generator().manual_seed(0)), ring.centers, ring.sd)
    assert (found["modes"], found["held"], found["full"]) == (8, 8, 1)
    assert found["quality"].item() == pytest.approx(1 - np.exp(-4.5), abs=0.003)


def test_samples_that_are_not_numbers_are_near_nothing():
    found = metrics.coverage(torch.full((4, 2), torch.nan), torch.zeros(1, 2), sd=1.0)
    assert [found[name].item() for name in ("modes", "held", "quality", "mass")] == [0, 0, 0, 0]


@pytest.mark.parametrize("wrong", [[0.2, 0.5], [[True, False]], True])
def test_only_one_answer_a_run_is_counted(wrong):
    with pytest.raises(ValueError, match="one true or false a run"):
        metrics.rate(wrong)
