"""Images of one size as one tensor on the device: batches by index, with labels or without."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from gan_helpers.runtime import stream


@dataclass(frozen=True, eq=False)
class Images:
    """A set of square images, whole, on one device; a batch is a lookup by index.

    Args:
        images: `(n, channels, size, size)` uint8, 0 (black) to 255; 1 channel is grey, 3 are red, green, blue.
        labels: `(n,)` int64 from 0, or None for images without.
        source: where they came from: `"mnist"`, `"digits8x8"`, the name of a folder.
        flat: whether batches come as rows, as an MLP takes them.
        names: what each label stands for, if that is known.
        titles: what each image is called, if that is known: a file's name, say.

    Raises:
        ValueError: images of another shape or type, or labels for fewer or more of them.

    >>> black = Images(torch.zeros(10, 1, 28, 28, dtype=torch.uint8), torch.zeros(10).long(), "mnist", flat=True)
    >>> x = black.sample(4, torch.Generator().manual_seed(0))
    >>> x.shape, x.unique().item()
    (torch.Size([4, 784]), -1.0)
    """

    images: Tensor = field(repr=False)
    labels: Tensor | None = field(repr=False)
    source: str
    flat: bool = False
    names: tuple[str, ...] = field(default=(), repr=False)
    titles: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        x = self.images
        if x.dtype != torch.uint8 or x.dim() != 4 or x.shape[-1] != x.shape[-2]:
            raise ValueError(
                f"images are a uint8 tensor (n, channels, size, size), not {str(x.dtype)[6:]} {tuple(x.shape)}"
            )
        if self.labels is not None and self.labels.shape != x.shape[:1]:
            raise ValueError(f"labels of shape {tuple(self.labels.shape)} do not fit {len(x)} images")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def dim(self) -> int:
        """Numbers in one image: pixels times channels."""
        return self.images[0].numel()

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return self.images.shape[1]

    @property
    def size(self) -> int:
        """Height and width, in pixels."""
        return self.images.shape[2]

    def batch(self, index: Tensor | slice) -> Tensor:
        """The images at `index` as float32 in [-1, 1]: `(n, channels, size, size)`, or a row each if flat."""
        x = self.images[index].float() / 127.5 - 1
        return x.flatten(1) if self.flat else x

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw n images with replacement, as `batch` gives them, on the images' device."""
        index = torch.randint(len(self), (n,), generator=rng, device=rng.device)
        return self.batch(index.to(self.images.device))

    def take(self, index: Tensor | slice) -> Images:
        """The images at `index`, with their labels and titles, as a set of their own."""
        labels = None if self.labels is None else self.labels[index]
        chosen = torch.arange(len(self))[index.cpu() if isinstance(index, Tensor) else index] if self.titles else ()
        return replace(self, images=self.images[index], labels=labels, titles=tuple(self.titles[i] for i in chosen))

    def split(self, held_out: float | int = 0.1, seed: int = 0) -> tuple[Images, Images]:
        """Two sets: images to train with, and others that training never sees. Which is which depends on `seed` alone.

        Args:
            held_out: how many are kept apart; below 1 the share of them.

        Raises:
            ValueError: one of the two sets would be empty.

        >>> black = Images(torch.zeros(10, 3, 8, 8, dtype=torch.uint8), None, "black")
        >>> [len(part) for part in black.split(0.2)]
        [8, 2]
        """
        apart = round(held_out * len(self)) if 0 < held_out < 1 else int(held_out)
        if not 0 < apart < len(self):
            raise ValueError(
                f"held_out={held_out} keeps {apart} of {len(self)} images apart: both sets need at least one"
            )
        order = torch.randperm(len(self), generator=stream(seed)).to(self.images.device)
        return self.take(order[apart:]), self.take(order[:apart])


def resize(images: Tensor, size: int) -> Tensor:
    """Scale `(n, channels, h, w)` uint8 to size x size pixels, bilinearly, some thousand images at a time."""
    if images.shape[-2:] == (size, size):
        return images
    small = [interpolate(part.float(), (size, size), mode="bilinear", antialias=True) for part in images.split(4096)]
    return torch.cat([part.round().clamp(0, 255).to(torch.uint8) for part in small])


def side_by_side(x: NDArray, columns: int, empty: float) -> NDArray:
    """Images `(n, channels, h, w)` in rows of so many, as one picture `(rows * h, columns * w, channels)`.

    Args:
        empty: the value of places that no image fills.

    >>> side_by_side(np.ones((3, 1, 2, 2)), columns=2, empty=0)[:, :, 0].sum(1).tolist()
    [4.0, 4.0, 2.0, 2.0]
    """
    n, channels, h, w = x.shape
    rows = -(-n // columns)
    full = np.concatenate([x, np.full((rows * columns - n, channels, h, w), empty, x.dtype)])
    return full.reshape(rows, columns, channels, h, w).transpose(0, 3, 1, 4, 2).reshape(rows * h, columns * w, channels)
