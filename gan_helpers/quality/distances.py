"""Distances between two sets of samples, measured in the numbers that a network sees in them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

CHUNK = 1000  # rows at a time: bounds memory, changes no result


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean `(d,)` and covariance `(d, d)` of features `(n, d)`, in float64 on the CPU: all that `frechet` looks at.

    Chapter 8 writes it out.

    Raises:
        ValueError: fewer than two rows, or values that are not finite.
    """
    if len(x) < 2 or not x.isfinite().all():
        raise ValueError("the Frechet distance needs two or more rows of finite features on each side")
    x = x.cpu().double()
    return x.mean(0), torch.atleast_2d(torch.cov(x.T))


def frechet(a: Tensor | tuple[Tensor, Tensor], b: Tensor | tuple[Tensor, Tensor]) -> float:
    """The squared Frechet distance of two sets of features, each taken for a Gaussian; the D of FID.

    Chapter 8 writes it out.

    |m_a - m_b|^2 + trace(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2), with means m and covariances C. It is the squared
    Wasserstein-2 distance of two Gaussians. 0 for equal sets; for two samples of one distribution it is positive, and
    falls as 1 / n.

    Args:
        a, b: `(n, d)` and `(m, d)`, two or more rows each; or their `moments`, where one set is compared many times.

    Raises:
        ValueError: fewer than two rows, or values that are not finite.

    Sources: Dowson and Landau (1982) for the formula; Heusel et al. (2017) for its use.

    >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    >>> round(frechet(x, x + torch.tensor([2.0, 0.0, 0.0])), 3)
    4.0
    """
    (mean_a, cov_a), (mean_b, cov_b) = (x if isinstance(x, tuple) else moments(x) for x in (a, b))
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T  # C_a^1/2; rounding may leave tiny negative values
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    gap = (mean_a - mean_b).square().sum()
    distance = gap + cov_a.trace() + cov_b.trace() - 2 * cross
    return max(distance.item(), 0.0)


def all_distances(x: Tensor, pool: Tensor) -> Iterator[Tensor]:
    """Distances of all rows of `x`, `(n, d)`, to all of `pool`, `(m, d)`: `(CHUNK, m)` at a time, in double precision.

    The fast way, |x|² + |y|² - 2 x y, loses all digits of two rows that lie close together and far from the origin. In
    double precision and about the rows' own mean it is still fast, and off by 1e-8 of their spread.

    Raises:
        ValueError: values that are not finite.
    """
    if not (x.isfinite().all() and pool.isfinite().all()):
        raise ValueError("distances are between finite numbers: look for NaN in the features")
    dtype = torch.float32 if x.device.type == "mps" else torch.float64
    centre = pool.to(dtype).mean(0)
    around = pool.to(dtype) - centre
    for part in x.split(CHUNK):
        yield torch.cdist(part.to(dtype) - centre, around)


def nearest(x: Tensor, pool: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k rows of `pool` that are nearest to each row of `x`: distances and their indices, `(n, k)` each.

    Samples of any shape are compared number by number, in double precision.

    Raises:
        ValueError: fewer than k rows in `pool`, or values that are not finite.
    """
    if k > len(pool):
        raise ValueError(f"{k} neighbours were asked for, but there are only {len(pool)} rows to choose from")
    found = [d.topk(k, largest=False) for d in all_distances(x.flatten(1), pool.flatten(1))]
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """How many generated samples lie among the real ones, and how many real ones among the generated.

    Chapter 8 writes it out.

    A set's region is the union of balls about its points, the radius of each its distance to its k-th neighbour.
    Precision is the share of `fake` in the region of `real`; recall the share of `real` in that of `fake`.

    Args:
        real, fake: features `(n, d)` and `(m, d)`; more than k rows each. The numbers depend on n: compare at equal n.

    Raises:
        ValueError: k rows or fewer, or values that are not finite.

    Source: Kynkäänniemi et al. (2019).
    """

    def share_inside(x: Tensor, pool: Tensor) -> float:
        radius = nearest(pool, pool, k + 1)[0][:, -1]  # each point is its own nearest neighbour
        inside = [(gaps <= radius).any(1) for gaps in all_distances(x, pool)]
        return torch.cat(inside).float().mean().item()

    return share_inside(fake, real), share_inside(real, fake)


def coverage(real: Tensor, fake: Tensor, k: int = 5) -> float:
    """The share of real samples that have a generated one nearby: within the distance to their k-th real neighbour.

    Chapter 8 writes it out.

    The balls stand about real samples only, so a generated sample far from all others does not widen anything, as it
    does in recall. For fresh real samples and equal n about 1 - 2^-k.

    Args:
        real, fake: features `(n, d)` and `(m, d)`; more than k real rows. The number depends on n: compare at equal n.

    Raises:
        ValueError: k real rows or fewer, or values that are not finite.

    Source: Naeem et al. (2020).

    >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    >>> coverage(x, x), round(coverage(x, x[:1]), 3)
    (1.0, 0.012)
    """
    radius = nearest(real, real, k + 1)[0][:, -1]  # each point is its own nearest neighbour
    return (nearest(real, fake)[0][:, 0] <= radius).float().mean().item()


def kid(a: Tensor, b: Tensor) -> float:
    """The squared maximum mean discrepancy of two sets of features with the kernel (x.y / d + 1)^3: KID, without bias.

    Chapter 8 writes it out.

    Pairs of a point with itself are left out, so the mean over draws is the true value for every n; for two samples of
    one distribution it is 0 on average, and a single value may be negative.

    Args:
        a, b: `(n, d)` and `(m, d)`, two or more rows each.

    Raises:
        ValueError: fewer than two rows, or values that are not finite.

    Source: Binkowski et al. (2018).

    >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    >>> abs(kid(x[:250], x[250:])) < 0.1 < kid(x[:250], x[250:] + 1)
    True
    """
    if min(len(a), len(b)) < 2 or not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError("KID needs two or more rows of finite features on each side")
    a, b = a.cpu().double(), b.cpu().double()
    kernel = lambda x, y: (x @ y.T / x.shape[1] + 1) ** 3
    within = [(kernel(x, x).sum() - kernel(x, x).diagonal().sum()) / (len(x) * (len(x) - 1)) for x in (a, b)]
    return (within[0] + within[1] - 2 * kernel(a, b).mean()).item()


def kl(p: Tensor, q: Tensor) -> float:
    """KL divergence of class shares `(10,)` in nats, sum p log(p / q); infinite where q is 0 and p is not."""
    there = p > 0
    return (p[there] * (p[there] / q[there]).log()).sum().item()
