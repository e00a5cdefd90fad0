"""The files of MNIST and Fashion-MNIST: found in a folder, checked, and downloaded where they are missing or damaged.

A packed file counts only if its MD5 sum is the one that torchvision lists, and an unpacked one, for which no sum is
listed, only if it is as long as its header says: a truncated file is never read. Pooch downloads: a file appears in the
folder whole and checked, or not at all. One process at a time does. Mirrors and checksums are torchvision's; its own
download is not used, because it has no time-out, writes into the final file, and fills a page with its bar.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from tqdm.auto import tqdm

DATASETS = {"mnist": "MNIST", "fashion": "FashionMNIST"}  # our name: torchvision's class, and its folder's name
TIMEOUT = 15.0  # seconds until a mirror that does not answer is given up


class UnavailableError(Exception):
    """The files could not be had; the message is the end of a sentence that says why."""


class _Bar(tqdm):
    """A progress bar that keeps to its delay: when pooch tells it how much there is, it shows nothing yet."""

    def reset(self, total: float | None = None) -> None:
        self.n = 0


def load(name: str, train: bool, root: Path | None) -> tuple[Tensor, Tensor]:
    """Images `(n, 1, h, w)` uint8 and labels `(n,)` from the first place that holds both, intact."""
    from torchvision import datasets  # here, not above: it takes a second, and the toy chapters do without

    dataset = getattr(datasets, DATASETS[name])
    files = [file for file in dataset.resources if file[0].startswith("train" if train else "t10k")]
    for place in (root, named(), cache()):
        if place is not None and (found := _read(_raw_folder(place, DATASETS[name]), files)):
            return found
    folder = _raw_folder(root or cache(), DATASETS[name])
    try:
        _fetch(folder, files, dataset.mirrors, DATASETS[name])
    except UnavailableError as problem:
        place = named()
        beside = "" if place is None else f"; GAN_DATA names {str(place)!r}, {_lack(place, DATASETS[name])}"
        raise UnavailableError(f"{problem}{beside}") from None
    if found := _read(folder, files):
        return found
    raise UnavailableError("what was downloaded does not hold images and labels")


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


def _read(folder: Path, files: list[tuple[str, str]]) -> tuple[Tensor, Tensor] | None:
    """The images and labels in a folder, or None unless both are there and intact."""
    parts = [_read_file(folder / filename, md5) for filename, md5 in files]
    images = next((part for part in parts if part is not None and part.ndim == 3), None)
    labels = next((part for part in parts if part is not None and part.ndim == 1), None)
    if images is None or labels is None or len(images) != len(labels):
        return None
    return images.unsqueeze(1), labels.long()


def _read_file(path: Path, md5: str) -> Tensor | None:
    """One packed file if its checksum is right, or else its unpacked neighbour if that is complete."""
    try:
        if (packed := _intact(path, md5)) is not None:
            return _parse_idx(gzip.decompress(packed))
        return _parse_idx(path.with_suffix("").read_bytes())
    except (OSError, ValueError):
        return None


def _intact(path: Path, md5: str) -> bytes | None:
    """The bytes of a file whose MD5 sum is the one expected, else None."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5 else None


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


def _fetch(folder: Path, files: list[tuple[str, str]], mirrors: list[str], title: str) -> None:
    """Download what is missing or damaged."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=600):  # a second process waits here, then finds the files
            for filename, md5 in files:
                if _intact(folder / filename, md5) is None:
                    _download(folder, filename, md5, mirrors, title)
    except TimeoutError:
        raise UnavailableError("another process has been downloading it for ten minutes") from None
    except OSError as error:
        raise UnavailableError(f"{str(folder)!r} cannot be written to ({error.strerror or error})") from None


def _download(folder: Path, filename: str, md5: str, mirrors: list[str], title: str) -> None:
    """Get a file from the first mirror that has it with the right checksum, with a progress bar if that takes long."""
    import pooch  # here, not above: it takes a while, and is needed once
    from requests import RequestException

    pooch.get_logger().setLevel("ERROR")
    problem = "it could not be downloaded (no mirror sent the file: is there a network?)"
    for mirror in mirrors:
        bar = _Bar(total=1, desc=f"Downloading {title}", unit="B", unit_scale=True, delay=2, leave=False)
        ask = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT)
        try:
            pooch.retrieve(mirror + filename, f"md5:{md5}", filename, folder, downloader=ask)
            return
        except RequestException:
            continue
        except ValueError:
            problem = "what the mirrors sent does not have the right checksum"
        finally:
            bar.close()
    raise UnavailableError(problem)
