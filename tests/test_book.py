"""What `make book` executes again, and what it says when a cell fails: on a tiny book of two notebooks."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import book


def write(path: Path, *sources: str, prose: str = "A page.", **metadata) -> None:
    """A notebook of code cells."""
    cells = [new_markdown_cell(prose, id="prose")]
    cells += [new_code_cell(source, id=f"code{i}", metadata=metadata) for i, source in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like the book's, with two notebooks."""
    monkeypatch.setenv("GAN_BUDGET", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("gan_helpers", "notebooks", "book"):
        (tmp_path / name).mkdir()
    (tmp_path / "gan_helpers/data.py").write_text("n = 1\n")
    (tmp_path / "requirements.txt").write_text("torch\n")
    write(tmp_path / "notebooks/a.ipynb", "import os\nos.environ['GAN_BUDGET']")
    write(tmp_path / "notebooks/b.ipynb", "1 + 1")
    return tmp_path


def append(path: Path, text: str) -> None:
    """Edit a file."""
    path.write_text(path.read_text() + text)


def test_key_follows_what_outputs_depend_on(tiny, monkeypatch):
    keys = [book.outputs_key(tiny, "page"), book.outputs_key(tiny, "smoke")]
    append(tiny / "gan_helpers/data.py", "n = 2\n")
    keys.append(book.outputs_key(tiny, "page"))
    append(tiny / "requirements.txt", "numpy\n")
    keys.append(book.outputs_key(tiny, "page"))
    (tiny / "gan_helpers/static").mkdir()
    (tiny / "gan_helpers/static/new.js").write_text("")
    keys.append(book.outputs_key(tiny, "page"))
    monkeypatch.setenv("GAN_DATA", "elsewhere")
    keys.append(book.outputs_key(tiny, "page"))
    assert len(set(keys)) == len(keys)


def test_key_leaves_out_what_outputs_do_not_depend_on(tiny):
    before = book.outputs_key(tiny, "page"), book.site_key(tiny, "page")
    (tiny / "gan_helpers/__pycache__").mkdir()
    (tiny / "gan_helpers/__pycache__/data.pyc").write_text("compiled")
    assert before == (book.outputs_key(tiny, "page"), book.site_key(tiny, "page"))
    (tiny / "book/welcome.md").write_text("# Hello\n")
    assert book.outputs_key(tiny, "page") == before[0]
    assert book.site_key(tiny, "page") != before[1]


def test_old_cache_folders_are_removed(tiny):
    folders = []
    for _ in range(book.KEEP + 2):
        append(tiny / "requirements.txt", "more\n")
        folders.append(book.cache_folder(tiny, "page"))
    kept = {f.name for f in folders[-1].parent.iterdir()}
    assert folders[-1].name in kept
    assert len(kept) == book.KEEP


def test_only_what_changed_is_executed_again(tiny):
    assert book.execute(tiny, "page") == (["a", "b"], [])
    assert book.execute(tiny, "page") == ([], [])
    write(tiny / "notebooks/b.ipynb", "1 + 2")
    assert book.execute(tiny, "page") == (["b"], [])
    write(tiny / "notebooks/b.ipynb", "1 + 2", prose="Other words.")
    assert book.execute(tiny, "page") == ([], [])
    write(tiny / "notebooks/b.ipynb", "1 + 2", mystnb={"image": {"alt": "a text"}})
    assert book.execute(tiny, "page") == (["b"], [])
    append(tiny / "gan_helpers/data.py", "n = 2\n")
    assert book.execute(tiny, "page") == (["a", "b"], [])


def test_outputs_in_the_cache_are_those_of_the_budget(tiny):
    from jupyter_cache import get_cache

    for budget in ("page", "smoke"):
        book.execute(tiny, budget)
        source = nbformat.read(tiny / "notebooks/a.ipynb", as_version=4)
        _, executed = get_cache(book.cache_folder(tiny, budget)).merge_match_into_notebook(source)
        assert executed.cells[1].outputs[0].data["text/plain"] == repr(budget)


def test_a_failing_cell_is_reported_and_not_cached(tiny, capsys):
    write(tiny / "notebooks/b.ipynb", "x = 1", "x / 0", "'never reached'")
    assert book.execute(tiny, "page") == (["a", "b"], ["b"])
    said = capsys.readouterr().err
    assert "notebooks/b.ipynb, code cell 2 of 3 failed" in said
    assert "| x / 0" in said
    assert "ZeroDivisionError" in said
    assert book.execute(tiny, "page") == (["b"], ["b"])


def test_progress_bars_are_dropped_and_warnings_stay():
    def err(text: str):
        return new_output("stream", name="stderr", text=text)

    cell = new_code_cell("", outputs=[err("\r  0%|   | 0/9\r100%|###| 9/9\n"), err("UserWarning: no\n")])
    nb = new_notebook(cells=[new_markdown_cell("words"), cell])
    book.drop_progress_bars(nb)
    assert [o.text for o in cell.outputs] == ["UserWarning: no\n"]
