"""The chapters' own cells, for the tests that run some of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tools.keys import code_cells

ROOT = Path(__file__).resolve().parents[1]


def cells(number: int) -> dict[str, str]:
    """The code of a chapter, cell by cell."""
    (path,) = ROOT.glob(f"notebooks/{number:02}_*.ipynb")
    return {cell.id: cell.source for cell in code_cells(path)}


def run(number: int, *ids: str, until: str = "", **names: Any) -> dict[str, Any]:
    """Run cells of a chapter one after the other, given some names; returns all names that there are then.

    Args:
        until: what of the last cell is not to run begins with this.

    Raises:
        KeyError: a cell that the chapter does not have.
    """
    source = cells(number)
    for name in ids:
        code = source[name]
        if until and name == ids[-1]:
            code = code[: code.index(until)]
        exec(compile(code, f"chapter {number}, cell {name}", "exec"), names)
    return names
