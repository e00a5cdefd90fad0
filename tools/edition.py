"""The notebook edition: every chapter as a notebook of plain Markdown and HTML, in `_build/notebooks`.

    python tools/edition.py

The sources in `notebooks/` are MyST, which Colab, VS Code and GitHub show as raw text. Here citations are links to the
papers, equations and exercises carry the page's numbers, solutions and machinery are folded, and captions stand below
their figures. Nothing is executed; what Sphinx resolved for the pages (`make book`) serves here too.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.folds import ASKED, split_words
from tools.keys import digest
from tools.plain import FENCE, Plain, parser
from tools.references import ENVIRONMENT, References, Unresolved
from tools.repository import ROOT

TOOLS = ("tools/edition.py", "tools/folds.py", "tools/plain.py", "tools/running.py", "tools/references.py")
SOLUTION = re.compile(r"solution-(start|end)")


def folder(root: Path) -> Path:
    """Where the edition is."""
    return root / "_build/notebooks"


class Chapter:
    """One chapter on its way into the edition. `errors` are lines that name file, cell and construct."""

    def __init__(self, path: Path, references: References) -> None:
        self.path, self.references = path, references
        self.source = nbformat.read(path, as_version=4)
        self.plain = Plain(references, f"notebooks/{path.stem}", references.env.config.myst_enable_extensions)
        self.solution = ""  # the exercise whose solution the cells are in
        self.opened = False  # whether that solution has begun with a heading
        self.labels: list[tuple[str, str]] = []  # what the chapter defines, and in which cell
        self.errors: list[str] = []

    def notebook(self) -> nbformat.NotebookNode:
        """The chapter's notebook for the edition."""
        cells: list[nbformat.NotebookNode] = []
        for cell in self.source.cells:
            try:
                cells += self.markdown(cell) if cell.cell_type == "markdown" else self.code(cell)
            except Unresolved as error:
                self.errors.append(f"notebooks/{self.path.name}, cell {cell.id}: {error}")
            self.labels += [(label, cell.id) for label in self.plain.labels]
            self.plain.labels.clear()
        metadata = self.source.metadata | {"colab": {"provenance": [], "toc_visible": True}}
        metadata.pop("mystnb", None)
        return new_notebook(cells=cells, metadata=metadata)

    def markdown(self, cell: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
        """A Markdown cell; none where nothing is left of it."""
        parts = [self.part(*part) for part in self.parts(cell.source)]
        if source := "\n\n".join(part for part in parts if part):
            yield new_markdown_cell(source, id=cell.id)

    def parts(self, source: str) -> Iterator[tuple[str, str]]:
        """A source in parts, each with the exercise whose solution it belongs to, if any.

        A solution with code begins in one cell and ends in another.
        """
        lines, at = source.split("\n"), 0
        for token in self.plain.parser.parse(source):
            found = FENCE.fullmatch(token.info.strip()) if token.type == "fence" and token.level == 0 else None
            if found and token.map and (which := SOLUTION.fullmatch(found[1])):
                yield self.solution, "\n".join(lines[at : token.map[0]])
                self.solution, self.opened = (found[2].strip() if which[1] == "start" else ""), False
                at = token.map[1]
        yield self.solution, "\n".join(lines[at:])

    def part(self, exercise: str, source: str) -> str:
        """A part of a cell in plain Markdown; in a solution it opens on a click."""
        text = self.plain.text(source)
        if not exercise:
            return text
        text = text and self.plain.details("The answer in words" if not self.opened else "And in words", text)
        heading = "" if self.opened else "#### Solution\n\n"
        self.opened = True
        return heading + text

    def code(self, cell: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
        """A code cell, folded if it is machinery or a solution, and below it the caption of its figure."""
        title, source = self.title(cell)
        metadata = {"cellView": "form", "jupyter": {"source_hidden": True}} if title else {}
        yield new_code_cell(f"#@title {title}\n{source}" if title else source, id=cell.id, metadata=metadata)
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if figure:
            self.plain.labels += [figure["name"]] if "name" in figure else []
            caption = self.plain.caption(figure.get("caption", ""), figure.get("name", ""))
            yield new_markdown_cell(caption, id=f"{cell.id}-caption")

    def title(self, cell: nbformat.NotebookNode) -> tuple[str, str]:
        """The words that a cell is folded under, empty where its code stays in view, and the code below them."""
        words, source = "", cell.source
        if "fold" in cell.metadata.get("tags", []):
            words, source = split_words(source)
            if not words:
                first = source.partition("\n")[0]
                raise Unresolved(f"{ASKED}: {first!r}")
        if self.solution:
            words = f"Solution: {words or self.references.ref(self.solution)[0].lower()}"
        return words, source.lstrip("\n")


def labels_of(path: Path) -> Iterator[tuple[str, str]]:
    """The labels that a page of the book's prose defines, and the lines where."""
    for token in parser().parse(path.read_text("utf-8")):
        if token.type in ("myst_target", "math_block_label") and token.map:
            label = token.content if token.type == "myst_target" else token.info
            yield label, f"line {token.map[0] + 1}"


def twice(places: list[tuple[str, str]]) -> list[str]:
    """One line for each label that is defined more than once, with its first places."""
    first: dict[str, str] = {}
    found = []
    for label, place in places:
        if label in first:
            found.append(f"{place}: the label {label!r} stands already in {first[label]}")
        first.setdefault(label, place)
    return found


def make(root: Path) -> list[str]:
    """Write the edition; returns what is wrong, a line each. Nothing is written if anything is."""
    references = References(root)
    chapters = [Chapter(path, references) for path in sorted((root / "notebooks").glob("*.ipynb"))]
    notebooks = [chapter.notebook() for chapter in chapters]
    errors = [error for chapter in chapters for error in chapter.errors]
    places = [(label, f"notebooks/{c.path.name}, cell {cell}") for c in chapters for label, cell in c.labels]
    for path in sorted((root / "book").glob("*.md")):
        places += [(label, f"book/{path.name}, {line}") for label, line in labels_of(path)]
    if errors := errors + twice(places):
        return errors
    folder(root).mkdir(parents=True, exist_ok=True)
    for old in folder(root).glob("*.ipynb"):
        old.unlink()
    for chapter, notebook in zip(chapters, notebooks, strict=True):
        nbformat.validate(notebook)
        nbformat.write(notebook, folder(root) / chapter.path.name)
        download = root / "_build/html/_sources/notebooks" / chapter.path.name  # what the page's button downloads
        if download.exists():
            nbformat.write(notebook, download)
    (folder(root) / ".key").write_text(key(root))
    return []


def key(root: Path) -> str:
    """What the edition depends on."""
    return digest(root, ["notebooks", "_config.yml", ENVIRONMENT, *TOOLS])


def is_current(root: Path) -> bool:
    """Whether the edition is there, and made from the present sources and site."""
    stamp = folder(root) / ".key"
    return stamp.exists() and stamp.read_text() == key(root)


def main(root: Path = ROOT) -> int:
    """Command line; returns the exit status."""
    start = time.monotonic()
    try:
        errors = make(root)
    except FileNotFoundError as missing:
        errors = [str(missing)]
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    if not errors:
        count = len(list(folder(root).glob("*.ipynb")))
        print(f"The notebook edition: {count} notebooks in _build/notebooks, in {time.monotonic() - start:.1f} s")
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
