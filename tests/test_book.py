"""What `make book` executes again, and what it says when a cell fails: on a tiny book of two notebooks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import book, keys, stand_in
from tools import test as checks


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
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GAN_DATA", raising=False)
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
    seen = [keys.outputs_key(tiny, "page"), keys.outputs_key(tiny, "smoke")]
    append(tiny / "gan_helpers/data.py", "n = 2\n")
    seen.append(keys.outputs_key(tiny, "page"))
    append(tiny / "requirements.txt", "numpy\n")
    seen.append(keys.outputs_key(tiny, "page"))
    (tiny / "gan_helpers/static").mkdir()
    (tiny / "gan_helpers/static/new.js").write_text("")
    seen.append(keys.outputs_key(tiny, "page"))
    monkeypatch.setenv("GAN_DATA", str(tiny / "elsewhere"))
    seen.append(keys.outputs_key(tiny, "page"))
    for place in ("elsewhere/MNIST/raw", "elsewhere/raw", "cache/gan_helpers/FashionMNIST/raw"):
        (tiny / place).mkdir(parents=True)
        for content in ("half", "whole"):
            (tiny / place / "train-images-idx3-ubyte.gz").write_text(content)
            seen.append(keys.outputs_key(tiny, "page"))
    assert len(set(seen)) == len(seen)


def test_key_leaves_out_what_outputs_do_not_depend_on(tiny):
    before = keys.outputs_key(tiny, "page"), keys.site_key(tiny, "page")
    (tiny / "gan_helpers/__pycache__").mkdir()
    (tiny / "gan_helpers/__pycache__/data.pyc").write_text("compiled")
    assert before == (keys.outputs_key(tiny, "page"), keys.site_key(tiny, "page"))
    (tiny / "book/welcome.md").write_text("# Hello\n")
    assert keys.outputs_key(tiny, "page") == before[0]
    assert keys.site_key(tiny, "page") != before[1]


def test_old_cache_folders_are_removed(tiny):
    folders = []
    for _ in range(book.KEEP + 2):
        append(tiny / "requirements.txt", "more\n")
        folders.append(book.cache_folder(tiny, keys.outputs_key(tiny, "page")))
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
        _, executed = get_cache(book.cache_folder(tiny, keys.outputs_key(tiny, budget))).merge_match_into_notebook(
            source
        )
        assert executed.cells[1].outputs[0].data["text/plain"] == repr(budget)


DOWNLOAD = """
import os, pathlib
file = pathlib.Path(os.environ["XDG_CACHE_HOME"], "gan_helpers/MNIST/raw/train-images-idx3-ubyte.gz")
file.parent.mkdir(parents=True, exist_ok=True)
file.write_text("images")
"""


def test_what_ran_before_a_download_is_executed_again(tiny, monkeypatch):
    """Its outputs may show what stood in for the data. What downloaded is not executed twice."""
    rounds = []
    once = book.execute_once
    monkeypatch.setattr(book, "execute_once", lambda *given: rounds.append(once(*given)) or rounds[-1])
    assert book.execute(tiny, "page") == (["a", "b"], [])
    write(tiny / "notebooks/b.ipynb", DOWNLOAD)
    assert book.execute(tiny, "page") == (["b", "a"], [])
    assert rounds[1:] == [(["b"], []), (["a"], [])]
    assert book.execute(tiny, "page") == ([], [])


def test_an_edit_of_the_package_while_notebooks_run_leaves_their_outputs_under_the_old_key(tiny):
    write(tiny / "notebooks/b.ipynb", "open('../gan_helpers/data.py', 'a').write('n = 3')")
    before = keys.code_key(tiny, "page")
    assert book.execute(tiny, "page") == (["a", "b"], [])
    assert [f.name for f in (tiny / "_build/.jupyter_cache").iterdir()] == [f"{before}-{keys.data_key()}"]


@pytest.mark.parametrize(("command", "arguments"), [(book.main, ["book.py"]), (checks.main, ["test.py", "--quick"])])
def test_an_unknown_budget_is_refused_in_one_line(command, arguments, monkeypatch, capsys):
    monkeypatch.setenv("GAN_BUDGET", "fast")
    monkeypatch.setattr(sys, "argv", arguments)
    assert command() == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert all(name in said.err for name in ("'fast'", "smoke", "page", "full"))


def test_the_book_is_built_at_page_unless_told(monkeypatch):
    monkeypatch.delenv("GAN_BUDGET", raising=False)
    assert book.budget_name() == "page"
    monkeypatch.setenv("GAN_BUDGET", "full")
    assert book.budget_name() == "full"


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


@pytest.mark.parametrize(("ci", "verdict", "status"), [("", "LEFT OUT", 0), ("true", "FAILED", 1)])
def test_without_a_browser_the_site_is_left_out_but_not_in_ci(ci, verdict, status, monkeypatch, capsys):
    ran = []
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("GAN_BUDGET", "")
    monkeypatch.setattr(sys, "argv", ["test.py"])
    monkeypatch.setattr(checks, "run", lambda part: ran.append(part.name) or "passed in 0 s")
    monkeypatch.setattr(checks.browser, "find_or_install", lambda: None)
    assert checks.main() == status
    said = capsys.readouterr().out
    assert f"site           {verdict}: no browser; {checks.browser.HOW_TO}" in said
    assert "book" in ran
    assert not any(name.startswith("site") for name in ran)
    assert ("book, stand-in" in ran) == bool(ci)


def test_the_second_site_of_ci_finds_no_mnist(tiny, monkeypatch):
    found = tiny / "there/MNIST/raw/train-images-idx3-ubyte.gz"
    found.parent.mkdir(parents=True)
    found.write_text("images")
    monkeypatch.setenv("GAN_DATA", str(tiny / "there"))
    assert keys.data_files()
    monkeypatch.setattr(stand_in, "FOLDER", tiny / "second")
    environment = stand_in.without_mnist(dict(os.environ))
    assert "GAN_DATA" not in environment
    monkeypatch.delenv("GAN_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", environment["XDG_CACHE_HOME"])
    assert keys.data_files() == []
