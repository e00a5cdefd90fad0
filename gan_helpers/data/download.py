"""The files of data sets: found in a folder, checked, and downloaded where they are missing or damaged.

A file counts only if its checksum is the one expected; of MNIST an unpacked file, for which no sum is listed, counts if
it is as long as its header says: a truncated file is never read. Pooch downloads: a file appears in the folder whole
and checked, or not at all. One process at a time does. Mirrors and checksums of MNIST are torchvision's; its own
download is not used, because it has no time-out, writes into the final file, and fills a page with its bar.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from tqdm.auto import tqdm

DATASETS = {"mnist": "MNIST", "fashion": "FashionMNIST"}  # our name: torchvision's class, and its folder's name
TIMEOUT = 15.0  # seconds until a mirror that does not answer is given up


class UnavailableError(Exception):
    """The files could not be had; the message is the end of a sentence that says why."""


class File(NamedTuple):
    """A file that can be downloaded.

    Attributes:
        name: what it is called in its folder.
        known: its checksum, `"md5:..."` or `"sha256:..."`.
        urls: where it can be had, the first that answers first.
    """

    name: str
    known: str
    urls: Sequence[str]

    def intact(self, folder: Path) -> bytes | None:
        """The bytes of this file in a folder if its checksum is the one expected, else None."""
        try:
            content = (folder / self.name).read_bytes()
        except OSError:
            return None
        kind, _, expected = self.known.partition(":")
        found = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
        return content if found == expected else None


class _Bar(tqdm):
    """A progress bar that keeps to its delay: when pooch tells it how much there is, it shows nothing yet."""

    def reset(self, total: float | None = None) -> None:
        self.n = 0


def load(name: str, train: bool, root: Path | None) -> tuple[Tensor, Tensor]:
    """Images `(n, 1, h, w)` uint8 and labels `(n,)` from the first place that holds both, intact."""
    from torchvision import datasets  # here, not above: it takes a second, and the toy chapters do without

    dataset = getattr(datasets, DATASETS[name])
    wanted = [file for file in dataset.resources if file[0].startswith("train" if train else "t10k")]
    files = [File(file, f"md5:{md5}", [mirror + file for mirror in dataset.mirrors]) for file, md5 in wanted]
    for place in (root, named(), cache()):
        if place is not None and (found := _read(_raw_folder(place, DATASETS[name]), files)):
            return found
    folder = _raw_folder(root or cache(), DATASETS[name])
    try:
        fetch(folder, files, DATASETS[name])
    except UnavailableError as problem:
        place = named()
        beside = "" if place is None else f"; GAN_DATA names {str(place)!r}, {_lack(place, DATASETS[name])}"
        raise UnavailableError(f"{problem}{beside}") from None
    if found := _read(folder, files):
        return found
    raise UnavailableError("what was downloaded does not hold images and labels")


def folder_with(files: Sequence[File], name: str, root: Path | None, title: str) -> Path:
    """The folder that holds all of `files`: `name` in `root`, in GAN_DATA, in the cache, or else after a download.

    Raises:
        UnavailableError: they are nowhere, and cannot be downloaded.
    """
    for place in (root, named(), cache()):
        for folder in [] if place is None else [place.expanduser() / name, place.expanduser()]:
            if all(file.intact(folder) is not None for file in files):
                return folder
    folder = (root or cache()).expanduser() / name
    fetch(folder, files, title)
    return folder


def named() -> Path | None:
    """The folder that the environment variable GAN_DATA names."""
    variable = os.environ.get("GAN_DATA")
    return Path(variable) if variable else None


def cache() -> Path:
    """The folder of one's own to which files are downloaded."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "gan_helpers"


def _lack(place: Path, title: str) -> str:
    """Why a place holds no data set: the end of a sentence."""
    place = place.expanduser().absolute()
    if not place.is_dir():
        return "which is a file, not a folder" if place.exists() else "which is not there"
    folder = _raw_folder(place, title)
    if not folder.is_dir():
        inside = place.name == "raw" and any(place.glob("*-ubyte*"))
        return f"but should name the folder that holds {title}/raw" if inside else f"in which there is no {title}/raw"
    if not any(folder.glob("*-ubyte*")):
        return f"whose {title}/raw has no file of the data set"
    return f"where a file of {title}/raw is missing or damaged"


def _raw_folder(place: Path, folder: str) -> Path:
    """Where the files lie: `place` is the folder that contains `MNIST`, or that folder itself."""
    place = place.expanduser().absolute()
    return place / "raw" if place.name == folder else place / folder / "raw"


def _read(folder: Path, files: Sequence[File]) -> tuple[Tensor, Tensor] | None:
    """The images and labels in a folder, or None unless both are there and intact."""
    parts = [_read_file(folder, file) for file in files]
    images = next((part for part in parts if part is not None and part.ndim == 3), None)
    labels = next((part for part in parts if part is not None and part.ndim == 1), None)
    if images is None or labels is None or len(images) != len(labels):
        return None
    return images.unsqueeze(1), labels.long()


def _read_file(folder: Path, file: File) -> Tensor | None:
    """One packed file if its checksum is right, or else its unpacked neighbour if that is complete."""
    try:
        if (packed := file.intact(folder)) is not None:
            return _parse_idx(gzip.decompress(packed))
        return _parse_idx((folder / file.name).with_suffix("").read_bytes())
    except (OSError, ValueError):
        return None


def _parse_idx(content: bytes) -> Tensor:
    """An idx file of bytes as a uint8 tensor: two zeros, the type (8), the number of dimensions, each dimension, data.

    Raises:
        ValueError: another type, or more or fewer bytes than the dimensions say.
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError("not an idx file of bytes")
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4).tolist()
    start = 4 + 4 * len(shape)
    if len(content) - start != math.prod(shape):
        raise ValueError(f"an idx file of shape {tuple(shape)} holds {len(content) - start} bytes of data")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).reshape(shape)


def fetch(folder: Path, files: Sequence[File], title: str) -> None:
    """Download into a folder what is missing there or damaged, with a progress bar under `title`.

    Raises:
        UnavailableError: no address sent it, or the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=600):  # a second process waits here, then finds the files
            for file in files:
                if file.intact(folder) is None:
                    _download(folder, file, title)
    except TimeoutError:
        raise UnavailableError("another process has been downloading it for ten minutes") from None
    except OSError as error:
        raise UnavailableError(f"{str(folder)!r} cannot be written to ({error.strerror or error})") from None


def _download(folder: Path, file: File, title: str) -> None:
    """Get a file from the first address that has it with the right checksum, with a bar if that takes long."""
    import pooch  # here, not above: it takes a while, and is needed once
    from requests import RequestException

    pooch.get_logger().setLevel("ERROR")
    problem = "it could not be downloaded (no mirror sent the file: is there a network?)"
    for url in file.urls:
        bar = _Bar(total=1, desc=f"Downloading {title}", unit="B", unit_scale=True, delay=2, leave=False)
        ask = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT)
        try:
            pooch.retrieve(url, file.known, file.name, folder, downloader=ask)
            return
        except RequestException:
            continue
        except ValueError:
            problem = "what the mirrors sent does not have the right checksum"
        finally:
            bar.close()
    raise UnavailableError(problem)
