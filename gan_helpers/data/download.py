"""The files of MNIST and Fashion-MNIST: found in a folder, checked, and downloaded where they are missing or damaged.

A packed file counts only if its MD5 sum is the one that torchvision lists, and an unpacked one, for which no sum is
listed, only if it is as long as its header says: a truncated file is never read. A download is
checked before it appears in the folder, and one process at a time downloads. Mirrors and checksums are torchvision's;
its own download is not used, because it has no time-out, writes into the final file, and fills a page with its bar.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import math
import os
import queue
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from gan_helpers import runtime

DATASETS = {"mnist": "MNIST", "fashion": "FashionMNIST"}  # our name: torchvision's class, and its folder's name
TIMEOUT = 15.0  # seconds until a mirror that does not answer is given up
CHUNK = 1 << 16  # bytes a step of the progress bar


class UnavailableError(Exception):
    """The files could not be had; the message is the end of a sentence that says why."""


def load(name: str, train: bool, root: Path | None) -> tuple[Tensor, Tensor]:
    """Images `(n, 1, h, w)` uint8 and labels `(n,)` from the first place that holds both, intact."""
    from torchvision import datasets  # here, not above: it takes a second, and the toy chapters do without

    dataset = getattr(datasets, DATASETS[name])
    files = [file for file in dataset.resources if file[0].startswith("train" if train else "t10k")]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "gan_helpers"
    variable = os.environ.get("GAN_DATA")
    for place in (root, Path(variable) if variable else None, cache):
        if place is not None and (found := _read(_raw_folder(place, DATASETS[name]), files)):
            return found
    folder = _raw_folder(root or cache, DATASETS[name])
    _fetch(folder, files, dataset.mirrors, DATASETS[name])
    if found := _read(folder, files):
        return found
    raise UnavailableError("what was downloaded does not hold images and labels")


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
    """Download what is missing or damaged. A file appears in the folder whole and checked, or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=600):  # a second process waits here, then finds the files
            for filename, md5 in files:
                if _intact(folder / filename, md5) is None:
                    content = _download([mirror + filename for mirror in mirrors], md5, title)
                    with tempfile.TemporaryDirectory(dir=folder) as partial:
                        (Path(partial) / filename).write_bytes(content)
                        os.replace(Path(partial) / filename, folder / filename)
    except TimeoutError:
        raise UnavailableError("another process has been downloading it for ten minutes") from None
    except OSError as error:
        raise UnavailableError(f"the folder for it cannot be written to ({error.strerror or error})") from None


def _download(urls: list[str], md5: str, title: str) -> bytes:
    """The file from the first mirror that has it with the right checksum, with a progress bar if that takes long."""
    problem = "it could not be downloaded (no mirror sent the file: is there a network?)"
    for url in urls:
        try:
            with _open(url) as response:
                total = math.ceil(response.length / CHUNK) if response.length else None
                content = b"".join(runtime.progress(_chunks(response), total, f"Downloading {title}"))
        except (OSError, http.client.HTTPException):
            continue
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
            return content
        problem = "what the mirrors sent does not have the right checksum"
    raise UnavailableError(problem)


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read(CHUNK):
        yield chunk


def _open(url: str) -> http.client.HTTPResponse:
    """Ask for a page, and wait `TIMEOUT` seconds altogether.

    The time-out of `urlopen` alone holds for each of a host's addresses (some have eight) and not for looking them up.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "gan_helpers"})
    answer: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(urllib.request.urlopen(request, timeout=TIMEOUT))
        except urllib.error.HTTPError as error:
            error.close()
            answer.put(error)
        except Exception as error:
            answer.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        response = answer.get(timeout=TIMEOUT)
    except queue.Empty:
        raise TimeoutError(f"no answer within {TIMEOUT} seconds") from None
    if isinstance(response, Exception):
        raise response
    return response
