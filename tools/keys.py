"""What `make book` must do again: hashes of everything that executed notebooks and built pages depend on.

A notebook's outputs depend on its own code and on the modules of the package that it reaches. What those modules say is
read as Python reads it, so that a comment executes nothing; nor does a script or a style sheet, which pages take from
one file each and not from outputs.
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import nbformat

from tools import rooms

MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)  # of IPython, which Python does not read
LOADER = "data.download"  # the module that looks for data sets


def digest(root: Path, folders_and_files: Iterable[str], *extra: str) -> str:
    """A hash of the named files, of everything below the named folders, and of `extra`.

    Caches are left out: `__pycache__`, and hidden folders, where linters and Jupyter keep theirs.
    """
    found = hashlib.sha256("\0".join(extra).encode())
    for name in folders_and_files:
        path = root / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            inside = file.relative_to(root)
            is_cache = any(part == "__pycache__" or part.startswith(".") for part in inside.parts[:-1])
            if file.is_file() and not is_cache:
                found.update(f"\0{inside.as_posix()}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    """The code cells of a notebook."""
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def reached(root: Path, cells: Iterable[nbformat.NotebookNode]) -> list[str]:
    """The modules of the package that code cells import, directly or through others; all where that cannot be read."""
    known = rooms.modules(root)
    try:
        source = ast.parse("\n".join(MAGIC.sub(r"\1pass", cell.source) for cell in cells))
    except SyntaxError:
        return sorted(known)
    return sorted(rooms.reached(rooms.own(source, known), root))


class Code(NamedTuple):
    """What a notebook's outputs depend on beside the data sets, as a hash, and whether it looks at any of these."""

    key: str
    looks: bool

    def with_data(self, data: str) -> str:
        """The name for outputs, with the `data_key` that was in force."""
        return f"{self.key}-{data}" if self.looks else self.key


def code(root: Path, path: Path, budget: str) -> Code:
    """A notebook's code and tags, the modules that it reaches, the requirements and the budget."""
    cells, known = code_cells(path), rooms.modules(root)
    parts = [f"{cell.source}\0{cell.metadata.get('tags', [])}" for cell in cells]
    modules = reached(root, cells)
    for name in modules:
        parts += [name, ast.dump(ast.parse(known[name].read_bytes()))]
        parts += [file.read_text("utf-8") for file in sorted(known[name].parent.glob("*.json"))]
    key = digest(root, ["requirements.txt"], budget, platform.python_version(), *parts)
    return Code(key, looks=LOADER in modules)


def codes(root: Path, budget: str) -> dict[str, Code]:
    """The `code` of every notebook, by the notebook's name."""
    return {path.stem: code(root, path, budget) for path in sorted((root / "notebooks").glob("*.ipynb"))}


def data_files() -> list[str]:
    """Name and size of the data sets' files that `gan_helpers.data` can find, in `GAN_DATA` and in the cache folder.

    They decide whether a chapter shows MNIST and emoji or what stands in for them.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    places = [Path(given) for given in [os.environ.get("GAN_DATA")] if given] + [caches / "gan_helpers"]
    found = []
    for place in (place.expanduser() for place in places):
        patterns = ("raw/*-ubyte*", "*/raw/*-ubyte*", "emoji/*", "CIFAR10/*")
        files = sorted(file for pattern in patterns for file in place.glob(pattern) if not file.name.startswith("."))
        found += [f"{file.relative_to(place).as_posix()} {file.stat().st_size}" for file in files if file.is_file()]
    return found


def data_key() -> str:
    """Which data sets are there. A notebook that downloads one changes it."""
    return digest(Path(), [], os.environ.get("GAN_DATA", ""), *data_files())[:8]


def outputs_key(root: Path, budget: str) -> str:
    """What the outputs of all notebooks together depend on."""
    data = data_key()
    return digest(root, [], *(code.with_data(data) for code in codes(root, budget).values()))


def pages_key(root: Path) -> str:
    """What the built site depends on beside the outputs."""
    return digest(
        root,
        [
            "_config.yml",
            "_toc.yml",
            "book",
            "gan_helpers",
            "notebooks",
            "tools/book.py",
            "tools/folds.py",
            "tools/keys.py",
            "tools/repository.py",
            "tools/rooms.py",
            "tools/taught.py",
        ],
    )


def site_key(root: Path, budget: str) -> str:
    """What the built site depends on."""
    return f"{pages_key(root)}-{outputs_key(root, budget)}"
