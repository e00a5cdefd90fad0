"""A chapter has one number and one name: in its file, its title, the sidebar, the README and on the welcome page."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [*sorted((ROOT / "book").glob("*.md")), *NOTEBOOKS]
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)[^)]*\)")


def prose(path: Path) -> str:
    """The Markdown of a page or a notebook."""
    if path.suffix == ".md":
        return path.read_text("utf-8")
    cells = nbformat.read(path, as_version=nbformat.NO_CONVERT).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def title(path: Path) -> str:
    """The title of a chapter."""
    return prose(path).splitlines()[0].removeprefix("# ")


def row(text: str, path: Path) -> str:
    """The one row of a table that leads to a chapter."""
    rows = [line for line in text.splitlines() if line.startswith("|") and path.stem in line]
    assert len(rows) == 1, rows
    return rows[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_title_begins_with_the_number_of_the_file(path):
    assert re.fullmatch(rf"{int(path.stem[:2])}\. [A-Z0-9][^*`$]*[^.]", title(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_readme_has_the_chapter_s_title(path):
    assert row((ROOT / "README.md").read_text("utf-8"), path).split(" | ")[0] == f"| {title(path)}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_welcome_page_takes_the_chapter_s_title(path):
    """By a link without words, which Sphinx fills with the title, as it does in the sidebar."""
    assert row((ROOT / "book/welcome.md").read_text("utf-8"), path).startswith(f"| [](../notebooks/{path.name}) |")


def test_sidebar_takes_the_chapters_titles_in_their_order():
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    assert re.findall(r"notebooks/(\S+)", toc) == [path.stem for path in NOTEBOOKS]
    assert "title:" not in toc


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_link_to_a_chapter_leads_to_the_chapter_that_it_names(path):
    """`[chapter 5](05_...)`, and no chapter by another title than its own."""
    titles = {each.name: title(each) for each in NOTEBOOKS}
    for words, target in LINK.findall(prose(path)):
        name = target.split("/")[-1]
        if named := re.search(r"\bchapter (\d+)", words, re.IGNORECASE):
            assert name.startswith(f"{int(named[1]):02d}_"), f"[{words}]({target})"
        if name in titles and re.match(r"\d+\. ", words):
            assert words == titles[name], f"[{words}]({target})"
