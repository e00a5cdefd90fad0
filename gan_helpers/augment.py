"""Changes of images that gradients pass through, for D to see real and generated ones alike.

With few images D learns them by heart. If it never sees an image as it is, but brighter, greyer, moved or with a piece
missing, it has far more of them. The same must happen to generated images, and in G's update too: else G learns to make
images that look augmented. Every change below is differentiable, so that G learns through it.

Source: Zhao et al. (2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

MOVED, CUT = 1 / 8, 1 / 2  # of an image's size: the farthest shift, the side of the square that is cut out


def augment(x: Tensor, kinds: str | Sequence[str], rng: torch.Generator) -> Tensor:
    """Change every image in its own random way: `(n, channels, h, w)` in [-1, 1] to the same shape.

    Brightness and contrast may lead out of [-1, 1]; nothing is clipped, as clipping would stop gradients.

    Args:
        kinds: some of `"colour"` (brightness, saturation, contrast), `"shift"` (by up to an eighth of the size),
            `"cutout"` (a square of half the size becomes mid-grey) and `"flip"` (left becomes right), separated by
            spaces. They are applied in this order, whatever the order of the names.
        rng: on the device of `x`.

    Raises:
        ValueError: an unknown kind, or samples that are no images.

    >>> x = torch.zeros(4, 3, 8, 8)
    >>> augment(x, "colour shift", torch.Generator().manual_seed(0)).shape
    torch.Size([4, 3, 8, 8])
    """
    chosen = named(kinds)
    must_be_images(x)
    for kind, change in KINDS.items():
        if kind in chosen:
            x = change(x, rng)
    return x


def named(kinds: str | Sequence[str]) -> tuple[str, ...]:
    """The kinds asked for, in the order in which they are applied. ValueError: an unknown one.

    >>> named("flip colour")
    ('colour', 'flip')
    """
    asked = kinds.split() if isinstance(kinds, str) else list(kinds)
    if unknown := [kind for kind in asked if kind not in KINDS]:
        raise ValueError(f"unknown augmentation {unknown[0]!r}: choose from {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in asked)


def must_be_images(x: Tensor) -> None:
    """ValueError unless the shape is that of images, `(n, channels, h, w)`."""
    if x.dim() != 4:
        raise ValueError(f"images (n, channels, h, w) can be augmented, not samples of shape {tuple(x.shape)}")


class Augmented(nn.Module):
    """A discriminator that sees every image, real or generated, through `augment`."""

    def __init__(self, D: nn.Module, kinds: str | Sequence[str], rng: torch.Generator):
        super().__init__()
        self.D, self.kinds, self.rng = D, named(kinds), rng

    def forward(self, x: Tensor) -> Tensor:
        return self.D(augment(x, self.kinds, self.rng))


def uniform(x: Tensor, low: float, high: float, rng: torch.Generator) -> Tensor:
    """One number an image between two ends, `(n, 1, 1, 1)`."""
    return low + (high - low) * torch.rand(len(x), 1, 1, 1, generator=rng, device=rng.device)


def colour(x: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness by up to half of white, saturation from none to double, contrast from half to one and a half."""
    x = x + uniform(x, -0.5, 0.5, rng)
    grey = x.mean(1, keepdim=True)  # (n, 1, h, w)
    x = grey + (x - grey) * uniform(x, 0, 2, rng)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * uniform(x, 0.5, 1.5, rng)


def shift(x: Tensor, rng: torch.Generator) -> Tensor:
    """Moved by whole pixels, up to an eighth of the size each way; what comes in from outside is mid-grey."""
    n, _, h, w = x.shape
    rows, columns = offsets(h, n, rng), offsets(w, n, rng)  # (n, h), (n, w)
    far_y, far_x = reach(h), reach(w)
    wide = pad(x, (far_x, far_x, far_y, far_y)).permute(0, 2, 3, 1)  # (n, h + 2 far, w + 2 far, channels)
    every = torch.arange(n, device=x.device)[:, None, None]
    return wide[every, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def reach(side: int) -> int:
    """The farthest shift of an image of this many pixels."""
    return round(side * MOVED)


def offsets(side: int, n: int, rng: torch.Generator) -> Tensor:
    """For each of n images the rows (or columns) of the padded image that it shows after its shift, `(n, side)`."""
    far = reach(side)
    start = torch.randint(0, 2 * far + 1, (n, 1), generator=rng, device=rng.device)
    return start + torch.arange(side, device=rng.device)


def cutout(x: Tensor, rng: torch.Generator) -> Tensor:
    """A square of half the size becomes mid-grey; its centre lies anywhere in the image."""
    inside = [within(side, x, rng) for side in x.shape[2:]]  # (n, h), (n, w)
    return x * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])


def within(side: int, x: Tensor, rng: torch.Generator) -> Tensor:
    """Which rows (or columns) of each image the square covers, `(n, side)`."""
    centre = torch.randint(0, side, (len(x), 1), generator=rng, device=rng.device)
    return (torch.arange(side, device=rng.device) - centre).abs() < max(1, round(side * CUT)) / 2


def flip(x: Tensor, rng: torch.Generator) -> Tensor:
    """Every other image, on average, in a mirror."""
    return torch.where(uniform(x, 0, 1, rng) < 0.5, x, x.flip(3))


KINDS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {  # in the order of application
    "colour": colour,
    "shift": shift,
    "cutout": cutout,
    "flip": flip,
}
