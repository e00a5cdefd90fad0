"""Put code and notebooks into the form that `make check` asks for: `make format`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Fix what ruff can fix, format, drop outputs, and write notebooks as nbformat (and Jupyter) writes them."""
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    steps = [["ruff", "check", "--fix", "."], ["ruff", "format", "."]]
    for step in [*steps, ["nbstripout", "--keep-id", *map(str, notebooks)]] if notebooks else steps:
        subprocess.run([sys.executable, "-m", *step], cwd=ROOT, check=False)
    for path in notebooks:
        nbformat.write(nbformat.read(path, as_version=nbformat.NO_CONVERT), path)


if __name__ == "__main__":
    main()
