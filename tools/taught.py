"""What the chapters write out and the package holds: the code cells with a tag `shows:ROOM.NAME`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tools import rooms

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Taught:
    """A function or class: where a chapter writes it out, and where the package defines it."""

    notebook: Path
    cell: str
    room: str
    name: str
    module: str
    path: Path
    node: ast.FunctionDef | ast.ClassDef

    @property
    def chapter(self) -> int:
        """The chapter's number."""
        return int(self.notebook.stem[:2])

    @property
    def docstring(self) -> str:
        """What it says of itself."""
        return ast.get_docstring(self.node) or ""

    @property
    def test(self) -> Path:
        """The room's test file, or else the one that speaks of it most often."""
        files = sorted((ROOT / "tests").glob("test_*.py"))
        own = [path for path in files if path.stem == f"test_{self.room}"]
        return (
            own[0]
            if own
            else max(files, key=lambda path: len(re.findall(rf"\b{self.name}\b", path.read_text("utf-8"))))
        )


def definitions(module: str, path: Path) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """The functions and classes at the top of a module."""
    return {node.name: node for node in rooms.tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def taught(root: Path = ROOT) -> Iterator[Taught]:
    """Everything that a tag names, in the order of the chapters. ValueError where a room holds no such name."""
    known = rooms.modules(root)
    for notebook in sorted((root / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(notebook, as_version=nbformat.NO_CONVERT).cells:
            for tag in cell.metadata.get("tags", []):
                if not tag.startswith("shows:"):
                    continue
                room, name = tag.removeprefix("shows:").split(".")
                homes = [m for m, path in known.items() if rooms.room(m) == room and name in definitions(m, path)]
                if len(homes) != 1:
                    raise ValueError(f"{notebook.name}: the tag {tag!r} names nothing that the package defines once")
                [module] = homes
                node = definitions(module, known[module])[name]
                yield Taught(notebook, cell.id, room, name, module, known[module], node)
