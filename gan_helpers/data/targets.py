"""What the generator is asked to imitate: targets with a known density, in one and two dimensions, and your own data.

Because the density is known, an experiment can be held against it: D against p / (p + q), samples against a distance.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from gan_helpers.data.densities import Boxes, Mixture, Path


class Source(Protocol):
    """Anything that can be sampled can be learned."""

    def sample(self, n: int, rng: torch.Generator) -> Tensor: ...


class Target(Protocol):
    """What every target can do; `train` asks for `sample` only."""

    @property
    def name(self) -> str:
        """The name that `target` knows it by."""

    @property
    def dim(self) -> int:
        """The number of coordinates of one sample."""

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw n samples, `(n, dim)` float32, on the generator's device."""

    def log_prob(self, x: Tensor) -> Tensor:
        """The natural logarithm of the density at `x`, `(..., dim)` to `(...)`; -inf where it is zero."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Data of your own, one sample a row: what `train` draws its real batches from.

    Args:
        x: `(n, *sample)` float32 on the device to train on, in the range that G's last layer reaches.

    Raises:
        ValueError: no rows, another type, or values that are not finite.

    >>> Samples(torch.zeros(10, 3)).sample(4, torch.Generator().manual_seed(0)).shape
    torch.Size([4, 3])
    """

    x: Tensor

    def __post_init__(self) -> None:
        if not len(self.x) or self.x.dtype != torch.float32 or not self.x.isfinite().all():
            raise ValueError(
                f"samples must be one or more rows of finite float32 numbers, got {self.x.dtype} of shape "
                f"{tuple(self.x.shape)}: convert them with .float(), and look for NaN"
            )

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw n rows with replacement, `(n, *sample)`."""
        return self.x[torch.randint(len(self.x), (n,), generator=rng, device=rng.device).to(self.x.device)]


def described(target: Source) -> str:
    """A source in a few words and a hash of all that it holds: equal for equal sources, for checkpoints to compare.

    Empty for a class of your own, unless it has a `name` or a `source`: what it draws cannot be known.

    >>> described(ring()) == described(ring()) != described(ring(modes=7))
    True
    """
    name = getattr(target, "source", getattr(target, "name", "samples" if isinstance(target, Samples) else ""))
    if not name:
        return ""
    found = hashlib.sha256()
    held = vars(target) if hasattr(target, "__dict__") else {}
    for part, value in sorted(held.items()):
        if isinstance(value, Tensor):
            found.update(f"{part} {value.dtype} {tuple(value.shape)}".encode())
            found.update(value.detach().cpu().contiguous().numpy().tobytes())
        elif isinstance(value, str | int | float | bool | tuple | None):
            found.update(f"{part} {value!r}".encode())
    count = f" of {len(target)}" if isinstance(target, Sized) else ""
    return f"{name}{count} [{found.hexdigest()[:8]}]"


def gaussian(mean: float = 4.0, sd: float = 1.25) -> Mixture:
    """The 1-D target of the first chapters, N(mean, sd²).

    >>> gaussian(mean=0.0, sd=2.0).sample(5, torch.Generator().manual_seed(0)).shape
    torch.Size([5, 1])
    """
    return Mixture("gaussian", torch.tensor([[float(mean)]]), sd)


def mixture(centers: Sequence[float] = (-2.0, 2.0), sd: float = 0.5, weights: Sequence[float] | None = None) -> Mixture:
    """Several bumps on a line; as it stands, half N(-2, .5²) and half N(2, .5²)."""
    where = torch.tensor(centers, dtype=torch.float32)[:, None]
    return Mixture("mixture", where, sd, torch.tensor(1.0 if weights is None else weights))


def ring(modes: int = 8, radius: float = 2.0, sd: float = 0.02, shift: tuple[float, float] = (0.0, 0.0)) -> Mixture:
    """Bumps evenly spaced on a circle about `shift`. The angle 2 pi is left out: it is the angle 0 again.

    >>> len(ring().centers.unique(dim=0))
    8
    """
    angle = 2 * math.pi * torch.arange(modes) / modes
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    return Mixture("ring", radius * circle + torch.tensor(shift), sd)


def grid(side: int = 5, spacing: float = 2.0, sd: float = 0.05) -> Mixture:
    """side x side bumps on a square lattice about the origin."""
    ticks = spacing * (torch.arange(side) - (side - 1) / 2)
    return Mixture("grid", torch.cartesian_prod(ticks, ticks), sd)


def line(start: tuple[float, float] = (-1.5, -1.0), end: tuple[float, float] = (1.5, 1.0), sd: float = 0.05) -> Path:
    """A blurred straight line: one dimension in a world of two."""
    return Path("line", torch.tensor([start, end]), sd)


def spiral(turns: float = 1.5, inner: float = 0.3, outer: float = 2.0, sd: float = 0.05, pieces: int = 64) -> Path:
    """A blurred spiral whose radius grows evenly with its angle: connected, and far from straight."""
    share = torch.linspace(0, 1, pieces + 1)
    angle, radius = 2 * math.pi * turns * share, inner + (outer - inner) * share
    return Path("spiral", torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1), sd)


def two_pieces(gap: float = 2.0, width: float = 1.0, height: float = 2.0) -> Boxes:
    """Two flat pieces side by side, `gap` apart; a generator is continuous, so it must jump or leave a bridge."""
    low = torch.tensor([[-gap / 2 - width, -height / 2], [gap / 2, -height / 2]])
    return Boxes("two_pieces", low, low + torch.tensor([width, height]))


TARGETS: dict[str, Callable[[], Target]] = {
    make.__name__: make for make in (gaussian, mixture, ring, grid, line, spiral, two_pieces)
}


def target(name: str) -> Target:
    """The target of that name, as it stands; call `gaussian(...)`, `ring(...)` and so on to change its numbers.

    Raises:
        ValueError: an unknown name; the message lists the valid ones.

    >>> target("ring").dim
    2
    """
    if name not in TARGETS:
        raise ValueError(f"unknown target {name!r}: choose one of {', '.join(TARGETS)}")
    return TARGETS[name]()
