"""What the command can imitate: the book's data sets by name, or any folder of pictures."""

from __future__ import annotations

from pathlib import Path

import torch

from gan_helpers.convnets import SIZES
from gan_helpers.data import DATASETS, Images, cifar10, digits, emoji, pictures

NAMED = {**dict.fromkeys(DATASETS, (28, 1)), "emoji": (64, 3), "cifar10": (32, 3)}  # pixels and channels of its own
FOLDER = (64, 3)  # of a folder of pictures


def shape(name: str, size: int | None, channels: int | None) -> tuple[int, int]:
    """Pixels and channels: those asked for, or else those of the data.

    >>> shape("mnist", None, None), shape("holiday", 32, None)
    ((28, 1), (32, 3))
    """
    own = NAMED.get(name, FOLDER)
    return own[0] if size is None else size, own[1] if channels is None else channels


def load(name: str, size: int, channels: int, device: torch.device) -> Images:
    """The images of a data set, or of a folder, at a size, in grey or in colour.

    Raises:
        ValueError, OSError: they cannot be had, or do not have so many channels; the message says what to do.
    """
    if name in DATASETS:
        images = digits(name, size=size, device=device)
    elif name == "emoji":
        images = emoji(size, device=device)
    elif name == "cifar10":
        images = cifar10(size=size, device=device)
    elif Path(name).expanduser().exists():
        return pictures(name, size, channels, device=device)
    else:
        raise ValueError(f"{name!r} is neither a folder nor one of {', '.join(NAMED)}")
    if images.channels != channels:
        raise ValueError(f"{name} has {images.channels} channels, not {channels}: leave --channels out")
    return images


def sizes() -> str:
    """The sizes that there are networks for, in words."""
    *most, last = map(str, SIZES)
    return f"{', '.join(most)} or {last}"
