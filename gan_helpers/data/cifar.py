"""CIFAR-10: 60,000 small colour photographs of ten kinds of things, from one checked download."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_helpers import runtime
from gan_helpers.data import download
from gan_helpers.data.download import File
from gan_helpers.data.images import Images, resize

ARCHIVE = File(
    "cifar-10-python.tar.gz",
    "md5:c58f30108f718f92721af3b95e74349a",
    ["https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"],
)
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def cifar10(
    *,
    train: bool = True,
    root: str | os.PathLike[str] | None = None,
    size: int = 32,
    flat: bool = False,
    device: str | torch.device = "cpu",
) -> Images:
    """Colour photographs `(n, 3, size, size)` of ten classes: 50,000 to train with or 10,000 to test with.

    Looks for the archive `CIFAR10/cifar-10-python.tar.gz` in `root`, in the folder named by `GAN_DATA`, and in the
    cache folder; then downloads it (170 MB). Nothing stands in for it.

    Raises:
        ValueError: an unknown device, or a size below 1.
        FileNotFoundError: the archive is nowhere and cannot be downloaded.

    Source: Krizhevsky (2009). The photographs were collected from the web and have no common licence.
    """
    if size < 1:
        raise ValueError(f"size is {size}, but an image has at least one pixel")
    where = runtime.device(str(device))
    try:
        folder = download.folder_with([ARCHIVE], "CIFAR10", None if root is None else Path(root), "CIFAR-10")
    except download.UnavailableError as problem:
        raise FileNotFoundError(
            f"CIFAR-10 is not on this machine, and {problem}; if {ARCHIVE.name} lies elsewhere, set GAN_DATA to the "
            "folder that holds CIFAR10/"
        ) from None
    images, labels = unpacked((folder / ARCHIVE.name).read_bytes(), train)
    return Images(resize(images, size).to(where), labels.to(where), "cifar10", flat, names=NAMES)


def unpacked(archive: bytes, train: bool) -> tuple[Tensor, Tensor]:
    """Images `(n, 3, 32, 32)` uint8 and labels of one part of the archive, whose checksum is right: it is unpickled."""
    parts = [f"data_batch_{i}" for i in range(1, 6)] if train else ["test_batch"]
    images, labels = [], []
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for name in parts:
            file = tar.extractfile(f"cifar-10-batches-py/{name}")
            assert file is not None
            found = pickle.load(file, encoding="bytes")
            images.append(found[b"data"])
            labels += found[b"labels"]
    pixels = np.concatenate(images).reshape(-1, 3, 32, 32)
    return torch.from_numpy(pixels), torch.tensor(labels)
