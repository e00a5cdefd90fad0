"""Closed forms against quadrature, limits and sampling."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from gan_helpers import theory

X = np.linspace(-14, 14, 8001)


def test_optimal_discriminator_is_the_share_of_real_mass():
    p, q = norm.pdf(X, 0, 1), norm.pdf(X, 1, 2)
    d = theory.optimal_discriminator(p, q)
    middle = np.abs(X) < 8
    np.testing.assert_allclose((d * (p + q))[middle], p[middle], atol=1e-15)


def test_optimal_discriminator_is_half_where_nothing_lands():
    assert theory.optimal_discriminator(np.zeros(3), np.zeros(3)).tolist() == [0.5] * 3


@pytest.mark.statistical
def test_optimal_discriminator_beats_any_other_report():
    """At the optimum any change of the report raises the expected loss."""
    p, q = norm.pdf(X, 0, 1), norm.pdf(X, 1, 2)
    loss = lambda d: np.sum(-p * np.log(d) - q * np.log1p(-d))
    best = np.clip(theory.optimal_discriminator(p, q), 1e-9, 1 - 1e-9)
    rng = np.random.default_rng(0)
    for _ in range(20):
        other = np.clip(best + 0.05 * rng.standard_normal(best.shape), 1e-9, 1 - 1e-9)
        assert loss(other) > loss(best)


@pytest.mark.parametrize(("distance", "nats"), [(1, 0.111), (2, 0.337), (4, 0.633), (8, 0.69305)])
def test_js_of_two_normals(distance, nats):
    ours = theory.js(norm.pdf(X, -distance / 2), norm.pdf(X, distance / 2), X)
    assert ours == pytest.approx(nats, abs=5e-4)

    def integrand(x):
        p, q = norm.pdf(x, -distance / 2), norm.pdf(x, distance / 2)
        return (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))) / 2

    assert ours == pytest.approx(quad(integrand, -12, 12, limit=200)[0], abs=1e-6)


def test_js_is_zero_symmetric_and_at_most_log_2():
    p, q = norm.pdf(X, -5, 0.3), norm.pdf(X, 5, 0.3)
    assert theory.js(p, p, X) == pytest.approx(0, abs=1e-12)
    assert theory.js(p, q, X) == pytest.approx(theory.js(q, p, X))
    assert theory.js(p, q, X) == pytest.approx(np.log(2), abs=1e-6)


def test_optimal_d_loss_runs_from_log_4_to_zero():
    p, q = norm.pdf(X, -5, 0.3), norm.pdf(X, 5, 0.3)
    assert theory.optimal_d_loss(p, p, X) == pytest.approx(np.log(4))
    assert theory.optimal_d_loss(p, q, X) == pytest.approx(0, abs=1e-5)


def test_normal_pdf_is_scipys():
    np.testing.assert_allclose(theory.normal_pdf(X, 4, 1.25), norm.pdf(X, 4, 1.25), rtol=1e-12)
    np.testing.assert_allclose(theory.normal_pdf(X, 4, -1.25), norm.pdf(X, 4, 1.25), rtol=1e-12)


def test_bad_input_says_both_shapes():
    with pytest.raises(ValueError, match=r"\(3,\).*\(4,\)"):
        theory.optimal_discriminator(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="never negative"):
        theory.optimal_discriminator([-1.0], [1.0])
    with pytest.raises(ValueError, match="same shape"):
        theory.js(np.ones(3), np.ones(3), np.ones(4))


@pytest.mark.parametrize(("distance", "sd"), [(1, 1), (2, 1), (3, 2)])
def test_kl_of_two_normals(distance, sd):
    """KL(N(0, 1) || N(d, s^2)) = log s + (1 + d^2) / (2 s^2) - 1/2."""
    expected = np.log(sd) + (1 + distance**2) / (2 * sd**2) - 0.5
    assert theory.kl(norm.pdf(X), norm.pdf(X, distance, sd), X) == pytest.approx(expected, abs=1e-6)


def test_js_is_the_mean_of_two_kls_to_the_middle():
    p, q = norm.pdf(X, 0, 1), norm.pdf(X, 2, 1)
    middle = (p + q) / 2
    assert theory.js(p, q, X) == pytest.approx((theory.kl(p, middle, X) + theory.kl(q, middle, X)) / 2)


def test_kl_is_infinite_where_the_model_has_no_mass():
    box, other = np.array([1.0, 1.0, 0.0]), np.array([2.0, 0.0, 0.0])
    assert theory.kl(box, other, np.arange(3)) == np.inf
    assert np.isfinite(theory.kl(other, box, np.arange(3)))
    with pytest.raises(ValueError, match="same shape"):
        theory.kl(box, other, np.arange(4))


@pytest.mark.parametrize("lam", [1.0, 10.0])
def test_penalised_w1_is_the_best_over_slopes(lam):
    slope = np.linspace(0, 12, 120_001)
    for distance in (0.0, 0.5, 8.0):
        best = slope[np.argmax(slope * distance - lam * (slope - 1) ** 2)]
        assert theory.penalised_w1(distance, lam) == pytest.approx(best * distance, abs=2e-3)


def test_penalised_w1_needs_a_penalty():
    with pytest.raises(ValueError, match="no minimum"):
        theory.penalised_w1(1.0, 0.0)
