"""Handwritten digits (and clothes) as one tensor on the device: batches by index, and a stand-in without a network."""

from __future__ import annotations

import html
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gan_helpers import runtime
from gan_helpers.data import download
from gan_helpers.data.download import DATASETS
from gan_helpers.style import PALETTE

STAND_IN_TRAIN = 1500  # of the 1,797 small digits; the others are for testing


@dataclass(frozen=True, eq=False)
class Images:
    """A set of grey images, whole, on one device; a batch is a lookup by index.

    Args:
        images: `(n, 1, size, size)` uint8, 0 (background) to 255.
        labels: `(n,)` int64, 0 to 9.
        source: where they came from: `"mnist"`, `"fashion"` or `"digits8x8"`.
        flat: whether batches come as rows, as an MLP takes them.

    >>> black = Images(torch.zeros(10, 1, 28, 28, dtype=torch.uint8), torch.zeros(10).long(), "mnist", flat=True)
    >>> x = black.sample(4, torch.Generator().manual_seed(0))
    >>> x.shape, x.unique().item()
    (torch.Size([4, 784]), -1.0)
    """

    images: Tensor = field(repr=False)
    labels: Tensor = field(repr=False)
    source: str
    flat: bool = False

    def __len__(self) -> int:
        return len(self.images)

    @property
    def dim(self) -> int:
        """Pixels of one image."""
        return self.images[0].numel()

    def batch(self, index: Tensor | slice) -> Tensor:
        """The images at `index` as float32 in [-1, 1]: `(n, 1, size, size)`, or `(n, size * size)` if flat."""
        x = self.images[index].float() / 127.5 - 1
        return x.flatten(1) if self.flat else x

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw n images with replacement, as `batch` gives them, on the images' device."""
        index = torch.randint(len(self), (n,), generator=rng, device=rng.device)
        return self.batch(index.to(self.images.device))


def digits(
    name: str = "mnist",
    *,
    train: bool = True,
    root: str | os.PathLike[str] | None = None,
    size: int = 28,
    flat: bool = False,
    device: str | torch.device = "cpu",
) -> Images:
    """MNIST (`"mnist"`) or Fashion-MNIST (`"fashion"`), 60,000 images to train with or 10,000 to test with.

    Looks in `root`, in the folder named by the environment variable `GAN_DATA`, and in the cache folder
    (`~/.cache/gan_helpers`); then downloads, into `root` if that is given and else into the cache folder. A folder is
    laid out as torchvision does, `MNIST/raw/*.gz`, and may be read-only. With no way to MNIST, and no `root` asked for,
    the 8x8 digits that scikit-learn ships stand in for it, with a notice: see `source` of the result.

    Args:
        size: height and width; images of another size are scaled bilinearly.
        flat: batches of shape `(n, size * size)`, for an MLP.

    Raises:
        ValueError: an unknown name or device, or a size below 1.
        FileNotFoundError: the files are nowhere and cannot be downloaded, and nothing may stand in for them.

    Sources: LeCun et al. (1998); Xiao, Rasul and Vollgraf (2017); Alpaydin and Kaynak (1998) for the 8x8 digits.
    """
    if name not in DATASETS:
        raise ValueError(f"unknown dataset {name!r}: choose one of {', '.join(DATASETS)}")
    if size < 1:
        raise ValueError(f"size is {size}, but an image has at least one pixel")
    where = runtime.device(str(device))
    source = name
    try:
        images, labels = download.load(name, train, None if root is None else Path(root))
    except download.UnavailableError as problem:
        if root is not None or name != "mnist":
            looked = ", ".join(repr(str(place)) for place in (root, download.named(), download.cache()) if place)
            raise FileNotFoundError(
                f"{DATASETS[name]} is in none of {looked}, and {problem}; if it lies elsewhere, set GAN_DATA to the "
                f"folder that holds {DATASETS[name]}/raw"
            ) from None
        _show(_Notice(str(problem)))
        images, labels = _stand_in(train)
        source = "digits8x8"
    return Images(_resize(images, size).to(where), labels.to(where), source, flat)


def _stand_in(train: bool) -> tuple[Tensor, Tensor]:
    """The 8x8 digits that scikit-learn ships, `(n, 1, 8, 8)` uint8, and their labels: 1,500 to train, 297 to test."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = (torch.from_numpy(pixels).reshape(-1, 1, 8, 8) * (255 / 16)).round().to(torch.uint8)
    part = slice(None, STAND_IN_TRAIN) if train else slice(STAND_IN_TRAIN, None)
    return images[part], torch.from_numpy(labels)[part].long()


def _resize(images: Tensor, size: int) -> Tensor:
    """Scale to size x size pixels, bilinearly, some thousand images at a time."""
    if images.shape[-2:] == (size, size):
        return images
    small = [interpolate(part.float(), (size, size), mode="bilinear", antialias=True) for part in images.split(4096)]
    return torch.cat([part.round().clamp(0, 255).to(torch.uint8) for part in small])


class _Notice:
    """What a reader sees where the 8x8 digits stand in: plain text in a terminal, a framed line in a notebook."""

    def __init__(self, reason: str) -> None:
        self.text = (
            f"MNIST is not on this machine, and {reason}. The 1,797 handwritten digits of 8x8 pixels that scikit-learn "
            "ships stand in for it, scaled up: they are fewer and blurred, and numbers differ from those in the text. "
            "For MNIST itself, run this once with a network, or set GAN_DATA to a folder that holds MNIST/raw."
        )

    def __repr__(self) -> str:
        return f"Notice: {self.text}"

    def _repr_html_(self) -> str:
        frame = f"border-left: 0.3em solid {PALETTE['dark']['fake']}; padding: 0 0.8em"
        line = "<summary><strong>Notice.</strong> Small digits stand in for MNIST: why, and how to get it</summary>"
        return f'<div role="note" style="{frame}"><details>{line}{html.escape(self.text)}</details></div>'


_told: set[str] = set()  # what was shown in this process: train and test digits need one notice, not two


def _show(notice: _Notice) -> None:
    """Display in a notebook, print anywhere else; the same words once."""
    if notice.text in _told:
        return
    _told.add(notice.text)
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display(notice)
    else:
        print(notice)
