"""Three shapes with an exact density: bumps (`Mixture`), a blurred path (`Path`) and flat pieces (`Boxes`).

Each can be sampled, and can say how dense it is anywhere: in log space, and in double precision inside, so that an
answer holds however far out a sample falls. `data` makes the book's targets of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.special import log_ndtr, ndtr, ndtri

ONE = torch.tensor(1.0)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Normal bumps of one width: sum of w_k N(c_k, sd² I). One bump is a Gaussian.

    Args:
        centers: `(k, dim)`.
        sd: standard deviation of every bump in every direction.
        weights: `(k,)`, or one number for all: positive, and divided by their sum.

    Raises:
        ValueError: an sd that is not positive, or weights that do not fit the centers.

    >>> pair = Mixture("pair", torch.tensor([[-1.0], [1.0]]), sd=1.0)
    >>> round(pair.log_prob(torch.zeros(1, 1)).exp().item(), 4)  # both bumps give exp(-1/2) / sqrt(2 pi) here
    0.242
    """

    name: str
    centers: Tensor = field(repr=False)
    sd: float
    weights: Tensor = field(default=ONE, repr=False)

    def __post_init__(self) -> None:
        _check_sd(self.sd)
        if self.centers.ndim != 2 or not self.centers.numel():
            raise ValueError(f"centers must have shape (k, dim), got {tuple(self.centers.shape)}")
        weights = self.weights.expand(len(self.centers)) if self.weights.ndim == 0 else self.weights
        if weights.shape != self.centers.shape[:1]:
            shapes = f"weights have shape {tuple(weights.shape)}, centers {tuple(self.centers.shape)}"
            raise ValueError(f"a mixture needs one weight for each center: {shapes}")
        if not (weights > 0).all():
            raise ValueError(f"the weights of a mixture are positive numbers, got {weights.tolist()}")
        object.__setattr__(self, "weights", weights / weights.sum())

    @property
    def dim(self) -> int:
        """The number of coordinates of one sample."""
        return self.centers.shape[1]

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Pick a bump for each sample, then step away from its center: `(n, dim)`, on the generator's device."""
        k = torch.multinomial(self.weights.to(rng.device), n, replacement=True, generator=rng)  # (n,)
        noise = torch.randn(n, self.dim, generator=rng, device=rng.device)  # (n, dim)
        return self.centers.to(rng.device)[k] + self.sd * noise

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density, `(..., dim)` to `(...)`, by log-sum-exp over the bumps: finite however far away x is."""
        points = _points(x, self.name, self.dim)
        squares = (points.unsqueeze(-2) - self.centers.to(points)).square().sum(-1)  # (..., k)
        peak = -self.dim * math.log(self.sd * math.sqrt(2 * math.pi))
        return _like((self.weights.to(points).log() + peak - squares / (2 * self.sd**2)).logsumexp(-1), x)

    def cdf(self, x: Tensor) -> Tensor:
        """The share of mass at or below each value of `x`, any shape; 1-D targets only (ValueError otherwise)."""
        self._must_be_1d("cdf")
        values = _double(x)
        z = (values.unsqueeze(-1) - self.centers[:, 0].to(values)) / self.sd  # (..., k)
        return _like((ndtr(z) * self.weights.to(values)).sum(-1), x)

    def quantile(self, u: Tensor) -> Tensor:
        """The value below which a share `u` of the mass lies, any shape; 1-D targets only.

        Exact for one bump; for several, 64 halvings of an interval that ends 40 sd beyond the bumps.

        Raises:
            ValueError: a 2-D target, or a share outside [0, 1].

        >>> Mixture("one", torch.tensor([[4.0]]), sd=1.25).quantile(torch.tensor([0.0, 0.5, 1.0])).tolist()
        [-inf, 4.0, inf]
        """
        self._must_be_1d("quantile")
        if not ((u >= 0) & (u <= 1)).all():
            raise ValueError("a quantile is asked for at a share between 0 and 1")
        share = _double(u)
        if len(self.centers) == 1:
            return _like(self.centers.item() + self.sd * ndtri(share), u)
        low = torch.full_like(share, self.centers.min().item() - 40 * self.sd)
        high = torch.full_like(share, self.centers.max().item() + 40 * self.sd)
        for _ in range(64):
            middle = (low + high) / 2
            below = self.cdf(middle) < share
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        ends = torch.where(share == 0, -math.inf, torch.where(share == 1, math.inf, 0.0))
        return _like(middle + ends, u)

    def _must_be_1d(self, what: str) -> None:
        if self.dim != 1:
            raise ValueError(f"{what} is defined for 1-D targets, and {self.name} has {self.dim} dimensions")


@dataclass(frozen=True, eq=False)
class Path:
    """Points uniform along a path of straight pieces, blurred by normal noise in both directions.

    Along a piece the density is that of a uniform plus a normal variable, across it that of a normal one. Both are
    known exactly; the path's density is the mean of their product over the pieces, weighted by length.

    Args:
        vertices: `(m, 2)`, the corners in order.
        sd: standard deviation of the noise.

    Raises:
        ValueError: an sd that is not positive, vertices of another shape, or the same vertex twice in a row.
    """

    name: str
    vertices: Tensor = field(repr=False)
    sd: float

    def __post_init__(self) -> None:
        _check_sd(self.sd)
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 2 or len(self.vertices) < 2:
            raise ValueError(f"vertices must have shape (m, 2) with m >= 2, got {tuple(self.vertices.shape)}")
        if not self.vertices.diff(dim=0).any(dim=1).all():
            raise ValueError("a path needs two different vertices at the ends of each piece")

    @property
    def dim(self) -> int:
        """The number of coordinates of one sample."""
        return 2

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Pick a piece by its length, walk a uniform share of it, then add noise: `(n, 2)`."""
        vertices = self.vertices.to(rng.device)
        steps = vertices.diff(dim=0)  # (m - 1, 2)
        k = torch.multinomial(steps.norm(dim=1), n, replacement=True, generator=rng)  # (n,)
        share = torch.rand(n, 1, generator=rng, device=rng.device)
        noise = torch.randn(n, 2, generator=rng, device=rng.device)
        return vertices[k] + share * steps[k] + self.sd * noise

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density, `(..., 2)` to `(...)`."""
        points = _points(x, self.name, self.dim)
        vertices = self.vertices.to(points)
        steps = vertices.diff(dim=0)
        lengths = steps.norm(dim=1)  # (m - 1,)
        unit = steps / lengths[:, None]  # (m - 1, 2)
        offset = points.unsqueeze(-2) - vertices[:-1]  # (..., m - 1, 2)
        along = (offset * unit).sum(-1)  # (..., m - 1)
        across = offset[..., 0] * unit[:, 1] - offset[..., 1] * unit[:, 0]
        log_normal = -0.5 * (across / self.sd).square() - math.log(self.sd * math.sqrt(2 * math.pi))
        log_share = _log_normal_mass((along - lengths) / self.sd, along / self.sd)
        return _like((log_normal + log_share - lengths.sum().log()).logsumexp(-1), x)


@dataclass(frozen=True, eq=False)
class Boxes:
    """The same density everywhere inside some boxes that do not overlap, and none outside.

    Args:
        low, high: `(k, dim)`, opposite corners.

    Raises:
        ValueError: shapes that differ, a box without volume, or two boxes that overlap.
    """

    name: str
    low: Tensor = field(repr=False)
    high: Tensor = field(repr=False)

    def __post_init__(self) -> None:
        if self.low.ndim != 2 or self.low.shape != self.high.shape:
            raise ValueError(f"low {tuple(self.low.shape)} and high {tuple(self.high.shape)} must both be (k, dim)")
        if not (self.low < self.high).all():
            raise ValueError("every corner in low must lie below its corner in high")
        meets = ((self.low[:, None] < self.high) & (self.low < self.high[:, None])).all(-1)  # (k, k)
        if meets.sum() > len(self.low):  # each box meets itself
            raise ValueError("the boxes overlap")

    @property
    def dim(self) -> int:
        """The number of coordinates of one sample."""
        return self.low.shape[1]

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Pick a box by its volume, then a point in it: `(n, dim)`."""
        low, size = self.low.to(rng.device), (self.high - self.low).to(rng.device)
        k = torch.multinomial(size.prod(1), n, replacement=True, generator=rng)
        return low[k] + size[k] * torch.rand(n, self.dim, generator=rng, device=rng.device)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density, `(..., dim)` to `(...)`: minus the log of the whole volume inside, -inf outside."""
        points = _points(x, self.name, self.dim).unsqueeze(-2)  # (..., 1, dim)
        inside = ((points >= self.low.to(points)) & (points <= self.high.to(points))).all(-1).any(-1)
        level = -(self.high - self.low).prod(1).sum().log().item()
        return _like(torch.where(inside, level, -math.inf), x)


def _check_sd(sd: float) -> None:
    if not 0 < sd < math.inf:
        raise ValueError(f"sd is {sd}, but a standard deviation is a positive number")


def _double(x: Tensor) -> Tensor:
    """In double precision, as an oracle should be; on the CPU where a device (mps) has no doubles."""
    return x.cpu().double() if x.device.type == "mps" else x.double()


def _like(value: Tensor, x: Tensor) -> Tensor:
    """Back on the device and in the precision of `x`."""
    return value.to(x.device, x.dtype if x.is_floating_point() else torch.float32)


def _points(x: Tensor, name: str, dim: int) -> Tensor:
    """The points in double precision, if they have as many coordinates as the target."""
    if x.shape[-1:] != (dim,):
        raise ValueError(f"{name} has a density at points of shape (..., {dim}), got shape {tuple(x.shape)}")
    return _double(x)


def _log_normal_mass(low: Tensor, high: Tensor) -> Tensor:
    """log P(low < Z < high) for a standard normal Z, accurate in both tails, where both ends round to 0 or to 1."""
    flip = low + high > 0  # P(low < Z < high) = P(-high < Z < -low): work in the left tail
    low, high = torch.where(flip, -high, low), torch.where(flip, -low, high)
    top = log_ndtr(high)
    return top + torch.log(-torch.expm1(log_ndtr(low) - top))
