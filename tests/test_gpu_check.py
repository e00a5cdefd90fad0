"""The table of `make gpu-check`, on a tiny book and without a GPU."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

from tools import gpu_check


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two notebooks, one of which prints a headline."""
    monkeypatch.setenv("GAN_BUDGET", "page")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "notebooks").mkdir()
    cells = [
        new_code_cell("import os\nprint('not this')"),
        new_code_cell("print('FID 12.3')\nprint(os.environ['GAN_BUDGET'])", metadata={"tags": ["headline"]}),
    ]
    for name, content in (("a", cells), ("b", cells[:1])):
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nb = new_notebook(cells=content, metadata={"kernelspec": kernel})
        nbformat.write(nb, tmp_path / f"notebooks/{name}.ipynb")
    return tmp_path


def check(monkeypatch, root: Path, *more: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--root", str(root), *more])
    with ThreadPoolExecutor(
        1
    ) as pool:  # in a thread without an event loop: the browser of other tests has left one here
        return pool.submit(gpu_check.main).result()


@pytest.mark.slow
def test_every_notebook_has_a_row(tiny, monkeypatch, capfd):
    assert check(monkeypatch, tiny, "--anywhere", "--budget", "smoke") == 0
    lines = (tiny / "_build/gpu.md").read_text().splitlines()
    assert lines[0].startswith("Measured on ")
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| a", "| b"]
    assert lines[4].endswith("| FID 12.3; smoke |")
    assert "\n".join(lines) in capfd.readouterr().out


@pytest.mark.slow
def test_a_failing_notebook_is_named_and_the_others_still_run(tiny, monkeypatch, capfd):
    nb = nbformat.read(tiny / "notebooks/a.ipynb", as_version=4)
    nb.cells[0].source = "1 / 0"
    nbformat.write(nb, tiny / "notebooks/a.ipynb")
    assert check(monkeypatch, tiny, "--anywhere", "--budget", "smoke") == 1
    told = capfd.readouterr().err
    assert "notebooks/a.ipynb, code cell 1" in told
    assert "these notebooks failed: a" in told
    assert "| b |" in (tiny / "_build/gpu.md").read_text()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_cuda_it_says_so(tiny, monkeypatch, capfd):
    assert check(monkeypatch, tiny) == 1
    assert "sees no CUDA device here" in capfd.readouterr().err
    assert not (tiny / "_build").exists()
