"""The smallest GAN there is, with one parameter a player, whose training can be computed with a pencil.

All data lie at 0, all samples at theta, and D's logit is `psi x`. A point `at` is `(theta, psi)`, of shape `(..., 2)`;
a field says where both players want to go from there, each down its own loss. A higher logit means "real", as in the
rest of the book; Mescheder et al. (2018) turn the sign of psi, which mirrors every picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Field = Callable[[NDArray], NDArray]  # (..., 2) to (..., 2)
Rule = Callable[[Field, NDArray, NDArray, float], NDArray]  # field, here, one step ago, step size: the next point

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)  # quadrature for means over normal noise
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def sigmoid(t: NDArray) -> NDArray:
    """1 / (1 + exp(-t)), without overflow."""
    return 0.5 * (1 + np.tanh(t / 2))


def saturating(at: NDArray) -> NDArray:
    """The game as written: v = (psi s, -theta s) with s = sigmoid(theta psi). Eigenvalues at (0, 0): +-i/2.

    Chapter 4 writes it out.

    Every orbit in continuous time is a circle about (0, 0). Source: Mescheder et al. (2018), section 2.
    """
    theta, psi = at[..., 0], at[..., 1]
    s = sigmoid(theta * psi)
    return np.stack([psi * s, -theta * s], axis=-1)


def nonsaturating(at: NDArray) -> NDArray:
    """G on -log D instead: v = (psi (1 - s), -theta s). The same Jacobian at (0, 0) as `saturating`.

    Chapter 4 writes it out.

    The distance from (0, 0) shrinks in continuous time, but more slowly than any exponential.
    """
    theta, psi = at[..., 0], at[..., 1]
    s = sigmoid(theta * psi)
    return np.stack([psi * (1 - s), -theta * s], axis=-1)


def wasserstein(at: NDArray) -> NDArray:
    """The bilinear game, min over theta and max over psi of -theta psi: v = (psi, -theta), a rotation everywhere."""
    return np.stack([at[..., 1], -at[..., 0]], axis=-1)


def r1(field: Field, gamma: float) -> Field:
    """Add R1 to a game: D's slope at the data is psi, so its loss gains gamma/2 psi² and its field loses gamma psi.

    Chapter 4 writes it out.

    Eigenvalues of either logistic game at (0, 0): -gamma/2 +- sqrt(gamma²/4 - 1/4).

    Source: Mescheder et al. (2018), equation 9.
    """
    return lambda at: field(at) - gamma * at * [0.0, 1.0]


def wgan_gp(gamma: float = 1.0, slope: float = 1.0) -> Field:
    """The Wasserstein game with D's loss plus gamma/2 (|psi| - slope)². It jumps at psi = 0: no Jacobian there.

    Source: Gulrajani et al. (2017), with gamma = 2 lambda; on this toy Mescheder et al. (2018), section 3.
    """
    pull = lambda psi: gamma * np.sign(psi) * (np.abs(psi) - slope)
    return lambda at: wasserstein(at) - np.stack([np.zeros_like(at[..., 1]), pull(at[..., 1])], axis=-1)


def instance_noise(sd: float) -> Field:
    """The saturating game when D sees every sample, real or generated, with N(0, sd²) added to it.

    Near (0, 0) it does what R1 with gamma = sd²/2 does. The mean over the noise is by Gauss-Hermite quadrature.

    Source: Sønderby et al. (2017); on this toy Mescheder et al. (2018), section 3.
    """
    noise = sd * NODES

    def field(at: NDArray) -> NDArray:
        theta, psi = at[..., :1], at[..., 1:]
        seen = theta + noise  # (..., 40)
        s_fake, s_real = sigmoid(psi * seen), sigmoid(-psi * noise)
        return np.stack([(psi * s_fake) @ WEIGHTS, (noise * s_real - seen * s_fake) @ WEIGHTS], axis=-1)

    return field


def consensus(field: Field, gamma: float) -> Field:
    """Both players also descend gamma/2 |v|²: v - gamma J^T v. Source: Mescheder et al. (2017)."""
    return lambda at: field(at) - gamma * (field(at)[..., None, :] @ jacobian(field, at))[..., 0, :]


def jacobian(field: Field, at: ArrayLike = (0.0, 0.0), eps: float = 1e-5) -> NDArray:
    """How the field changes around a point, by central differences: entry (i, j) is d v_i / d at_j, `(..., 2, 2)`.

    >>> (jacobian(saturating).round(6) + 0.0).tolist()
    [[0.0, 0.5], [-0.5, 0.0]]
    """
    here = np.asarray(at, float)
    slopes = [(field(here + eps * e) - field(here - eps * e)) / (2 * eps) for e in np.eye(2)]
    return np.stack(slopes, axis=-1)


def eigenvalues(field: Field, at: ArrayLike = (0.0, 0.0)) -> NDArray:
    """The two eigenvalues of the Jacobian, complex, sorted: the real part says in or out, the imaginary part turns.

    >>> (eigenvalues(r1(nonsaturating, 0.6)).round(6) + 0.0).tolist()
    [(-0.3-0.4j), (-0.3+0.4j)]
    """
    return np.sort_complex(np.linalg.eigvals(jacobian(field, at)))


def simultaneous(field: Field, at: NDArray, before: NDArray, h: float) -> NDArray:
    """Both players step from the same point. In the bilinear game the distance grows by exactly sqrt(1 + h²).

    Chapter 4 writes it out.
    """
    return at + h * field(at)


def alternating(field: Field, at: NDArray, before: NDArray, h: float) -> NDArray:
    """D steps first, and G answers the new D: the order of `train`. At an equilibrium the step's determinant is that
    of two shears, 1, where neither player's own curvature enters.

    Chapter 4 writes it out.
    """
    at = at + h * field(at) * [0.0, 1.0]
    return at + h * field(at) * [1.0, 0.0]


def extragradient(field: Field, at: NDArray, before: NDArray, h: float) -> NDArray:
    """Look one step ahead, come back, and go where the field points there. Source: Korpelevich (1976).

    Chapter 4 writes it out.
    """
    return at + h * field(at + h * field(at))


def optimistic(field: Field, at: NDArray, before: NDArray, h: float) -> NDArray:
    """Twice this gradient less the last one: a look ahead for free. Source: Daskalakis et al. (2018).

    Chapter 4 writes it out.
    """
    return at + h * (2 * field(at) - field(before))


RULES: dict[str, Rule] = {rule.__name__: rule for rule in (simultaneous, alternating, extragradient, optimistic)}


def trajectory(
    field: Field, start: ArrayLike, h: float, steps: int, rule: Rule = simultaneous, clip: float = np.inf
) -> NDArray:
    """Follow a field from `start`, `(..., 2)`, by `steps` steps of size h: `(steps + 1, ..., 2)`, the start included.

    Args:
        clip: psi is cut to [-clip, clip] after each step, as the weights of a Wasserstein critic are.

    Raises:
        ValueError: a start whose last dimension is not 2.

    >>> path = trajectory(wasserstein, (3.0, 4.0), h=0.75, steps=2)
    >>> np.linalg.norm(path, axis=-1).tolist()
    [5.0, 6.25, 7.8125]
    """
    at = np.asarray(start, float)
    if at.shape[-1:] != (2,):
        raise ValueError(f"a point is (theta, psi), so the last dimension must be 2, got shape {at.shape}")
    box, path = np.array([np.inf, clip]), [at]
    for _ in range(steps):
        path.append(np.clip(rule(field, path[-1], path[max(len(path) - 2, 0)], h), -box, box))
    return np.stack(path)
