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


PACKAGE = {
    "__init__.py": "",
    "data/__init__.py": "from gan_helpers.data.targets import n\n",
    "data/targets.py": "from gan_helpers.data import download\n\nn = 1\n",
    "data/download.py": "m = 1\n",
}
USES_DATA = """
import os, sys
sys.path.insert(0, os.path.dirname(os.getcwd()))
from gan_helpers import data
data.n, os.environ["GAN_BUDGET"]
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like the book's, with two notebooks."""
    monkeypatch.setenv("GAN_BUDGET", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GAN_DATA", raising=False)
    for name in ("data", "dcgan", "widgets/static"):
        (tmp_path / "gan_helpers" / name).mkdir(parents=True)
    for name in ("notebooks", "book/_static"):
        (tmp_path / name).mkdir(parents=True)
    for name, source in PACKAGE.items():
        (tmp_path / "gan_helpers" / name).write_text(source)
    (tmp_path / "requirements.txt").write_text("torch\n")
    write(tmp_path / "notebooks/a.ipynb", USES_DATA)
    write(tmp_path / "notebooks/b.ipynb", "1 + 1")
    return tmp_path


def append(path: Path, text: str) -> None:
    """Edit a file, or begin one."""
    path.write_text((path.read_text() if path.exists() else "") + text)


def test_key_follows_what_outputs_depend_on(tiny, monkeypatch):
    seen = [keys.outputs_key(tiny, "page"), keys.outputs_key(tiny, "smoke")]
    for name, more in [
        ("gan_helpers/data/targets.py", "n = 2\n"),
        ("gan_helpers/data/download.py", "m = 2\n"),  # reached through another module, by a door
        ("gan_helpers/data/knobs.json", "{}"),
        ("requirements.txt", "numpy\n"),
    ]:
        append(tiny / name, more)
        seen.append(keys.outputs_key(tiny, "page"))
    write(tiny / "notebooks/b.ipynb", "1 + 1", tags=["raises-exception"])
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
    sites = {before[1]}
    for name, more in [
        ("book/welcome.md", "# Hello\n"),
        ("book/_static/gan-book.css", "/* a comment */\n"),
        ("gan_helpers/widgets/static/lab.js", "// a comment\n"),
        ("gan_helpers/data/targets.py", "# a comment\n\n"),
        ("gan_helpers/dcgan/run.py", "n = 2\n"),  # used by no notebook
        ("gan_helpers/data/unused.py", "n = 2\n"),
    ]:
        append(tiny / name, more)
        assert keys.outputs_key(tiny, "page") == before[0], name
        sites.add(keys.site_key(tiny, "page"))
    assert len(sites) == 7


def test_only_notebooks_that_use_a_module_depend_on_it(tiny):
    before = keys.codes(tiny, "page")
    append(tiny / "gan_helpers/dcgan/run.py", "n = 2\n")
    assert keys.codes(tiny, "page") == before
    append(tiny / "gan_helpers/data/targets.py", "n = 2\n")
    after = keys.codes(tiny, "page")
    assert after["a"] != before["a"]
    assert after["b"] == before["b"]
    assert after["a"].looks
    assert not after["b"].looks
    write(tiny / "notebooks/b.ipynb", "from gan_helpers import data\nd = data\ngetattr(d, 'digits')")
    assert keys.codes(tiny, "page")["b"].looks  # what it takes cannot be read, so it may be anything


def test_old_outputs_are_removed(tiny):
    for k in range(book.KEEP + 2):
        file = book.outputs_file(tiny, "a", f"key{k}")
        file.write_text("{}")
        os.utime(file, (k, k))
    book.outputs_file(tiny, "b", "key")
    book.outputs_file(tiny, "a", "key")
    kept = {file.stem for file in (tiny / "_build/outputs/a").iterdir()}
    assert kept == {f"key{k}" for k in range(2, book.KEEP + 2)}


def test_only_what_changed_is_executed_again(tiny):
    assert book.execute(tiny, "page") == (["a", "b"], [])
    assert book.execute(tiny, "page") == ([], [])
    write(tiny / "notebooks/b.ipynb", "1 + 2")
    assert book.execute(tiny, "page") == (["b"], [])
    write(tiny / "notebooks/b.ipynb", "1 + 2", prose="Other words.")
    assert book.execute(tiny, "page") == ([], [])
    write(tiny / "notebooks/b.ipynb", "1 + 2", mystnb={"image": {"alt": "a text"}})
    append(tiny / "gan_helpers/widgets/static/lab.js", "// a comment\n")
    append(tiny / "book/_static/gan-book.css", "/* a comment */\n")
    assert book.execute(tiny, "page") == ([], [])
    append(tiny / "gan_helpers/data/targets.py", "n = 2\n")
    assert book.execute(tiny, "page") == (["a"], [])
    append(tiny / "requirements.txt", "numpy\n")
    assert book.execute(tiny, "page") == (["a", "b"], [])


def lent(tiny: Path, budget: str) -> nbformat.NotebookNode:
    """Notebook a with the outputs from which pages are built."""
    from jupyter_cache import get_cache

    data = keys.data_key()
    files = [book.outputs_file(tiny, name, code.with_data(data)) for name, code in keys.codes(tiny, budget).items()]
    source = nbformat.read(tiny / "notebooks/a.ipynb", as_version=4)
    return get_cache(book.lend(tiny, files)).merge_match_into_notebook(source)[1]


def test_pages_are_built_from_the_outputs_of_the_budget_and_from_the_notebooks_as_they_are(tiny):
    for budget in ("page", "smoke"):
        book.execute(tiny, budget)
        assert lent(tiny, budget).cells[1].outputs[0].data["text/plain"] == f"(1, {budget!r})"
    write(tiny / "notebooks/a.ipynb", USES_DATA, mystnb={"image": {"alt": "a text"}}, prose="Other words.")
    [prose, cell] = lent(tiny, "smoke").cells
    assert (prose.source, cell.metadata.mystnb.image.alt, len(cell.outputs)) == ("Other words.", "a text", 1)


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
    write(tiny / "notebooks/b.ipynb", "open('../gan_helpers/data/targets.py', 'a').write('n = 3')")
    before = keys.codes(tiny, "page")["a"]
    assert book.execute(tiny, "page") == (["a", "b"], [])
    assert [f.stem for f in (tiny / "_build/outputs/a").iterdir()] == [before.with_data(keys.data_key())]
    assert keys.codes(tiny, "page")["a"] != before


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


def test_a_cache_in_a_hidden_folder_changes_no_key(tmp_path):
    """Ruff leaves one beside the notebooks, and the edition was stale after `make check`."""
    (tmp_path / "notebooks/.ruff_cache").mkdir(parents=True)
    (tmp_path / "notebooks/a.ipynb").write_text("{}", encoding="utf-8")
    before = keys.digest(tmp_path, ["notebooks"])
    (tmp_path / "notebooks/.ruff_cache/1").write_text("new", encoding="utf-8")
    assert keys.digest(tmp_path, ["notebooks"]) == before
    (tmp_path / "notebooks/b.ipynb").write_text("{}", encoding="utf-8")
    assert keys.digest(tmp_path, ["notebooks"]) != before
