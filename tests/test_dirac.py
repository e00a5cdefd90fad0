"""The one-parameter GAN against the package's own losses, closed forms and limits."""

import numpy as np
import pytest
import torch

from gan_helpers import dirac, losses

STARTS = np.array([[1.0, 1.0], [-0.7, 2.0], [0.3, -1.5], [0.0, 0.4]])


def field_of_losses(game: str, gamma: float, at: np.ndarray) -> np.ndarray:
    """Minus each player's gradient of its own loss in `losses`, for D(x) = psi x, data at 0 and a sample at theta."""
    theta, psi = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in at)
    D = lambda x: (psi * x).squeeze(-1)
    real, fake = torch.zeros(1, 1, dtype=torch.float64), theta.reshape(1, 1)
    both = losses.get_game(game)
    d_loss = both.d_loss(D(real), D(fake)) + gamma * losses.gradient_penalty(D, real)
    (g_grad,) = torch.autograd.grad(both.g_loss(D(real), D(fake)), theta, retain_graph=True)
    (d_grad,) = torch.autograd.grad(d_loss, psi)
    return -np.array([g_grad.item(), d_grad.item()])


@pytest.mark.parametrize("gamma", [0.0, 0.7])
@pytest.mark.parametrize("game", ["saturating", "nonsaturating", "wasserstein"])
def test_fields_are_the_gradients_of_the_package_s_losses(game, gamma):
    field = dirac.r1(getattr(dirac, game), gamma)
    for at, v in zip(STARTS, field(STARTS), strict=True):
        np.testing.assert_allclose(v, field_of_losses(game, gamma, at), atol=1e-12)


def test_wgan_gp_is_the_gradient_of_its_penalty():
    for at, v in zip(STARTS, dirac.wgan_gp(0.8, slope=1.5)(STARTS), strict=True):
        psi = torch.tensor(at[1], dtype=torch.float64, requires_grad=True)
        (0.4 * (psi.abs() - 1.5) ** 2).backward()
        np.testing.assert_allclose(v, [at[1], -at[0] - psi.grad.item()], atol=1e-12)


def test_instance_noise_is_the_mean_over_noisy_samples():
    """Quadrature against a million draws."""
    noise = 0.7 * np.random.default_rng(0).standard_normal((2, 1_000_000))
    for theta, psi in STARTS:
        seen, s = theta + noise[0], dirac.sigmoid(psi * (theta + noise[0]))
        expected = [psi * s.mean(), (noise[1] * dirac.sigmoid(-psi * noise[1])).mean() - (seen * s).mean()]
        np.testing.assert_allclose(dirac.instance_noise(0.7)(np.array([theta, psi])), expected, atol=4e-3)


def test_without_noise_it_is_the_saturating_game():
    np.testing.assert_allclose(dirac.instance_noise(0.0)(STARTS), dirac.saturating(STARTS), atol=1e-12)


@pytest.mark.parametrize("h", [0.05, 0.2, 1.0])
def test_simultaneous_bilinear_grows_by_one_factor_a_step(h):
    path = dirac.trajectory(dirac.wasserstein, STARTS, h, 20)  # (21, 4, 2)
    r = np.linalg.norm(path, axis=-1)
    np.testing.assert_allclose(r[1:] / r[:-1], np.sqrt(1 + h * h), rtol=1e-12)


@pytest.mark.parametrize("h", [0.2, 1.0])
def test_alternating_bilinear_stays_on_an_ellipse(h):
    theta, psi = dirac.trajectory(dirac.wasserstein, (1, 1), h, 2000, dirac.alternating).T
    np.testing.assert_allclose(theta**2 + psi**2 - h * theta * psi, 2 - h, rtol=1e-9)


@pytest.mark.parametrize("rule", [dirac.extragradient, dirac.optimistic])
def test_a_look_ahead_makes_the_bilinear_game_converge(rule):
    assert np.linalg.norm(dirac.trajectory(dirac.wasserstein, (1, 1), 0.2, 1000, rule)[-1]) < 1e-7


def test_alternating_is_d_first():
    at = np.array([1.0, 1.0])
    psi = 1 + 0.5 * dirac.saturating(at)[1]
    theta = 1 + 0.5 * dirac.saturating(np.array([1.0, psi]))[0]
    np.testing.assert_allclose(dirac.trajectory(dirac.saturating, at, 0.5, 1, dirac.alternating)[1], [theta, psi])


@pytest.mark.parametrize("game", [dirac.saturating, dirac.nonsaturating])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.9, 2.0])
def test_eigenvalues_of_the_logistic_games(game, gamma):
    root = np.emath.sqrt(gamma**2 / 4 - 1 / 4)
    expected = np.sort_complex([-gamma / 2 - root, -gamma / 2 + root])
    np.testing.assert_allclose(dirac.eigenvalues(dirac.r1(game, gamma)), expected, atol=1e-8)


def test_instance_noise_is_r1_near_the_goal():
    noisy, penalised = dirac.instance_noise(0.7), dirac.r1(dirac.saturating, 0.7**2 / 2)
    np.testing.assert_allclose(dirac.jacobian(noisy), dirac.jacobian(penalised), atol=1e-8)


def test_consensus_moves_eigenvalues_left_by_a_quarter_of_gamma():
    found = dirac.eigenvalues(dirac.consensus(dirac.saturating, 0.8))
    np.testing.assert_allclose(found, [-0.2 - 0.5j, -0.2 + 0.5j], atol=1e-5)


def test_saturating_orbits_are_circles_and_nonsaturating_ones_shrink():
    """v is at a right angle to the radius in the one game, and points inward in the other."""
    np.testing.assert_allclose((dirac.saturating(STARTS) * STARTS).sum(-1), 0, atol=1e-15)
    t = STARTS.prod(-1)
    inward = (dirac.nonsaturating(STARTS) * STARTS).sum(-1)
    np.testing.assert_allclose(inward, -t * np.tanh(t / 2), atol=1e-12)


@pytest.mark.parametrize("h", [0.2, 1.0])
def test_bounds_on_gamma_for_simultaneous_steps(h):
    """Stable near the goal between h/4 and 2/h + h/8, and not outside."""
    lowest, highest = h / 4, 2 / h + h / 8
    for gamma, stable in [(0.9 * lowest, False), (1.1 * lowest, True), (0.99 * highest, True), (1.01 * highest, False)]:
        largest = np.abs(1 + h * dirac.eigenvalues(dirac.r1(dirac.saturating, gamma))).max()
        assert (largest < 1) == stable


def test_clipping_keeps_psi_in_its_box():
    path = dirac.trajectory(dirac.wasserstein, (1, 1), 0.2, 200, clip=0.3)
    assert np.abs(path[1:, 1]).max() == 0.3
    assert np.abs(path[1:, 0]).max() > 0.3


def test_a_point_has_two_coordinates():
    with pytest.raises(ValueError, match="last dimension must be 2"):
        dirac.trajectory(dirac.saturating, (1, 1, 1), 0.1, 1)
