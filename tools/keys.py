"""What `make book` must do again: hashes of everything that executed notebooks and built pages depend on."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable
from pathlib import Path

NOT_SOURCE = ("__pycache__", ".ipynb_checkpoints")


def digest(root: Path, folders_and_files: Iterable[str], *extra: str) -> str:
    """A hash of the named files, of everything below the named folders, and of `extra`."""
    found = hashlib.sha256("\0".join(extra).encode())
    for name in folders_and_files:
        path = root / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and not set(NOT_SOURCE) & set(file.parts):
                found.update(f"\0{file.relative_to(root).as_posix()}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def code_key(root: Path, budget: str) -> str:
    """What a notebook's outputs depend on beside its own cells and the data."""
    return digest(root, ["gan_helpers", "requirements.txt"], budget, platform.python_version())


def data_files() -> list[str]:
    """Name and size of the image files that `data.digits` can find, in `GAN_DATA` and in the cache folder.

    They decide whether a chapter shows MNIST or what stands in for it.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    places = [Path(given) for given in [os.environ.get("GAN_DATA")] if given] + [caches / "gan_helpers"]
    found = []
    for place in (place.expanduser() for place in places):
        files = sorted([*place.glob("raw/*-ubyte*"), *place.glob("*/raw/*-ubyte*")])
        found += [f"{file.relative_to(place).as_posix()} {file.stat().st_size}" for file in files if file.is_file()]
    return found


def data_key() -> str:
    """Which data sets are there. A notebook that downloads one changes it."""
    return digest(Path(), [], os.environ.get("GAN_DATA", ""), *data_files())[:8]


def outputs_key(root: Path, budget: str) -> str:
    """What a notebook's outputs depend on beside its own cells."""
    return f"{code_key(root, budget)}-{data_key()}"


def pages_key(root: Path) -> str:
    """What the built site depends on beside the outputs."""
    return digest(
        root,
        [
            "_config.yml",
            "_toc.yml",
            "book",
            "notebooks",
            "tools/book.py",
            "tools/folds.py",
            "tools/keys.py",
            "tools/repository.py",
        ],
    )


def site_key(root: Path, budget: str) -> str:
    """What the built site depends on."""
    return f"{pages_key(root)}-{outputs_key(root, budget)}"
