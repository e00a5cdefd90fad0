"""Handwritten digits (and clothes), grey or three in a stack, and a stand-in without a network."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from gan_helpers import runtime
from gan_helpers.data import download
from gan_helpers.data.download import DATASETS
from gan_helpers.data.images import Images, resize
from gan_helpers.data.notice import Notice, show

STAND_IN_TRAIN = 1500  # of the 1,797 small digits; the others are for testing


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
        show(notice(str(problem)))
        images, labels = stand_in(train)
        source = "digits8x8"
    return Images(resize(images, size).to(where), labels.to(where), source, flat)


def stacked_digits(
    n: int = 60_000,
    *,
    train: bool = True,
    seed: int = 0,
    root: str | os.PathLike[str] | None = None,
    size: int = 28,
    device: str | torch.device = "cpu",
) -> Images:
    """Three digits, one in each channel, drawn at random: 1,000 modes that a classifier can count.

    The test bed of Metz et al. (2017), Srivastava et al. (2017) and Lin et al. (2018), who count how many of the 1,000
    occur among 26,000 generated images: see `quality.stacked_modes`. Arguments not named here are those of `digits`.

    Args:
        n: how many; which digits they are depends on `seed` alone.
    """
    if n < 1:
        raise ValueError(f"n is {n}, but at least one image is needed")
    single = digits(train=train, root=root, size=size)
    assert single.labels is not None
    drawn = torch.randint(len(single), (n, 3), generator=runtime.stream(seed))  # which digit each channel shows
    images = single.images[:, 0][drawn]  # (n, 3, size, size)
    labels = single.labels[drawn] @ torch.tensor([100, 10, 1])
    where = runtime.device(str(device))
    return Images(images.to(where), labels.to(where), f"stacked {single.source}")


def stand_in(train: bool) -> tuple[Tensor, Tensor]:
    """The 8x8 digits that scikit-learn ships, `(n, 1, 8, 8)` uint8, and their labels: 1,500 to train, 297 to test."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = (torch.from_numpy(pixels).reshape(-1, 1, 8, 8) * (255 / 16)).round().to(torch.uint8)
    part = slice(None, STAND_IN_TRAIN) if train else slice(STAND_IN_TRAIN, None)
    return images[part], torch.from_numpy(labels)[part].long()


def notice(reason: str) -> Notice:
    """What is said where the small digits stand in for MNIST."""
    return Notice(
        "Small digits stand in for MNIST: why, and how to get it",
        f"MNIST is not on this machine, and {reason}. The 1,797 handwritten digits of 8x8 pixels that scikit-learn "
        "ships stand in for it, scaled up: they are fewer and blurred, and numbers differ from those in the text. "
        "For MNIST itself, run this once with a network, or set GAN_DATA to a folder that holds MNIST/raw.",
    )
