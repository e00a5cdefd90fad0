"""What the mathematics promises, in closed form: the oracle that experiments are held against.

Densities are arrays of values on a grid, in units of one over the grid's; logarithms are natural (nats).
"""

from __future__ import annotations

import json
import math
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

LOG2 = math.log(2)  # G's loss, and half of D's, when D can only guess
#: Share of the data's largest density below which pictures draw no best D; the elements of the page read it too.
SEEN: float = json.loads((resources.files("gan_helpers") / "shared.json").read_text("utf-8"))["seen"]
TINY = 1e-300  # under this a density counts as zero: 0 log 0 is 0
LOG4 = math.log(4)  # D's loss (real plus fake) when D can only guess


def optimal_discriminator(p_data: ArrayLike, p_gen: ArrayLike) -> NDArray:
    """The best report a discriminator can give at each point: the share of real mass there, p / (p + q).

    Where both densities are zero nothing ever lands, and the answer is 0.5 by convention.

    Args:
        p_data, p_gen: densities at the same points, any one shape.

    Raises:
        ValueError: shapes that differ, or a negative density.

    Source: Goodfellow et al. (2014), Proposition 1.

    >>> optimal_discriminator([1.0, 1.0, 0.0], [1.0, 3.0, 0.0]).tolist()
    [0.5, 0.25, 0.5]
    """
    p, q = np.asarray(p_data, float), np.asarray(p_gen, float)
    if p.shape != q.shape:
        raise ValueError(f"p_data has shape {p.shape} and p_gen {q.shape}: they must be given at the same points")
    if (p < 0).any() or (q < 0).any():
        raise ValueError("a density is never negative")
    both = p + q
    return np.divide(p, both, out=np.full_like(both, 0.5), where=both > 0)


def best_where_seen(p_data: ArrayLike, p_gen: ArrayLike) -> NDArray:
    """The same for a picture: NaN where next to nothing lands, so that there is no share to report.

    That is where both densities together are below `SEEN` of the largest one of the data.

    >>> best_where_seen([1.0, 0.001], [1.0, 0.001]).tolist()
    [0.5, nan]
    """
    p, q = np.asarray(p_data, float), np.asarray(p_gen, float)
    return np.where(p + q > SEEN * p.max(), optimal_discriminator(p, q), np.nan)


def js(p_data: ArrayLike, p_gen: ArrayLike, x: ArrayLike) -> float:
    """Jensen-Shannon divergence of two densities on a 1-D grid, in nats, by the trapezoidal rule.

    0 for equal densities and log 2 = 0.693 for disjoint ones, however far apart they are.

    Args:
        p_data, p_gen: densities at the points `x`, all of shape `(n,)`.

    Raises:
        ValueError: shapes that differ.

    Source: Lin (1991); Goodfellow et al. (2014), Theorem 1.

    >>> x = np.linspace(-12, 12, 4001)
    >>> round(js(normal_pdf(x, -1, 1), normal_pdf(x, 1, 1), x), 3)
    0.337
    """
    p, q, x = (np.asarray(a, float) for a in (p_data, p_gen, x))
    if not p.shape == q.shape == x.shape:
        raise ValueError(f"p_data {p.shape}, p_gen {q.shape} and x {x.shape} must have the same shape")
    middle = np.log(np.maximum((p + q) / 2, TINY))
    both = p * (np.log(np.maximum(p, TINY)) - middle) + q * (np.log(np.maximum(q, TINY)) - middle)
    return float(((both[1:] + both[:-1]) / 2 * np.diff(x)).sum()) / 2


def optimal_d_loss(p_data: ArrayLike, p_gen: ArrayLike, x: ArrayLike) -> float:
    """The lowest discriminator loss that any network can reach against this generator: log 4 - 2 JS, in nats.

    log 4 = 1.386 when the generator is perfect, 0 when the two densities never meet. Arguments and errors as for `js`.

    Source: Goodfellow et al. (2014), equation 6 and Theorem 1, with the sign turned.
    """
    return LOG4 - 2 * js(p_data, p_gen, x)


def kl(p_data: ArrayLike, p_gen: ArrayLike, x: ArrayLike) -> float:
    """Kullback-Leibler divergence of two densities on a 1-D grid, KL(p_data || p_gen) in nats; trapezoidal rule.

    Infinite where p_data has mass and p_gen none. Arguments and errors as for `js`. For N(0, 1) and N(d, 1) it is d²/2.

    >>> x = np.linspace(-12, 12, 4001)
    >>> round(kl(normal_pdf(x, 0, 1), normal_pdf(x, 1, 1), x), 3)
    0.5
    """
    p, q, x = (np.asarray(a, float) for a in (p_data, p_gen, x))
    if not p.shape == q.shape == x.shape:
        raise ValueError(f"p_data {p.shape}, p_gen {q.shape} and x {x.shape} must have the same shape")
    if ((p > TINY) & (q <= 0)).any():
        return math.inf
    both = p * (np.log(np.maximum(p, TINY)) - np.log(np.maximum(q, TINY)))
    return float(((both[1:] + both[:-1]) / 2 * np.diff(x)).sum())


def penalised_w1(w1: ArrayLike, gp_lambda: float) -> NDArray:
    """What a critic with a soft slope reads instead of W1: w1 + w1² / (2 lambda), in units of x.

    A critic of slope s all the way earns s w1 and pays lambda (s - 1)² (`losses.interpolation_penalty`), so its best
    slope is 1 + w1 / (2 lambda). With lambda 10 it reads 1.05 at distance 1 and 11.2 at distance 8. A critic whose
    slope varies reads this or more: see an exercise of chapter 2.

    Args:
        w1: true distances, any shape; gp_lambda: the penalty's weight.

    Raises:
        ValueError: a weight that is not positive: without a penalty there is no best slope.

    >>> float(penalised_w1(1.0, gp_lambda=10))
    1.05
    """
    if gp_lambda <= 0:
        raise ValueError(f"gp_lambda is {gp_lambda}, but without a positive penalty the critic's loss has no minimum")
    distance = np.asarray(w1, float)
    return distance + distance**2 / (2 * gp_lambda)


def normal_pdf(x: ArrayLike, mean: float, sd: float) -> NDArray:
    """Density of N(mean, sd²) at `x`, any shape. The sign of sd is of no matter, as in `x = sd z + mean`.

    >>> round(float(normal_pdf(0.0, 0.0, 1.0)), 4)
    0.3989
    """
    z = (np.asarray(x, float) - mean) / sd
    return np.exp(-0.5 * z * z) / (abs(sd) * math.sqrt(2 * math.pi))
