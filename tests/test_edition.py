"""The notebook edition: on a tiny book that is built for these tests, and on the book itself where its site is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import book, edition, keys
from tools.plain import Plain
from tools.raw import raw
from tools.references import References
from tools.running import in_html

ROOT = Path(__file__).resolve().parents[1]
SITE = "https://example.org/tiny/"

CONFIG = f"""\
title: Tiny
author: A
only_build_toc_files: true
execute: {{ execute_notebooks: "off" }}
parse:
  myst_enable_extensions: [amsmath, attrs_inline, colon_fence, deflist, dollarmath, substitution]
bibtex_bibfiles: [book/references.bib]
html: {{ baseurl: "{SITE}" }}
sphinx:
  extra_extensions: [sphinx_exercise, sphinxcontrib.bibtex]
  config: {{ bibtex_reference_style: author_year, myst_heading_anchors: 4 }}
"""
TOC = """\
format: jb-book
root: book/glossary
chapters: [{file: notebooks/00_one}, {file: notebooks/01_two}, {file: book/references}]
"""
GLOSSARY = """\
# Words

```{glossary}
prior (先验分布)
  What z is drawn from.
```
"""
SOURCES = """\
@article{many2014, author = {A, B. and C, D. and E, F.}, title = {Many}, year = {2014}, journal = {J}, doi = {10.1/2}}
@misc{two2017, author = {G, H. and I, J.}, title = {Two}, year = {2017}, eprint = {1701.1}, archiveprefix = {arXiv}}
@book{bare1999, author = {K, L.}, title = {Bare}, year = {1999}, publisher = {P}}
"""
ONE = """\
# One

(sec-idea)=
## The idea *here*

Cited by {cite:t}`many2014`, {cite}`two2017,bare1999`. A {term}`prior <prior (先验分布)>`.

$$
x = 1
$$ (eq-one)

![A dot](../book/dot.svg)
"""
EXERCISE = """\
```{exercise} How *far*?
:label: ex-far

By {eq}`eq-one`, how far?
```

```{solution} ex-far
:class: dropdown

So far: $a
= b$.
```
"""


def chapter(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook of these cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=list(cells), metadata={"kernelspec": kernel})


def markdown(source: str, name: str = "words") -> nbformat.NotebookNode:
    """A Markdown cell."""
    return new_markdown_cell(source, id=name)


def code(source: str, name: str = "code", **metadata) -> nbformat.NotebookNode:
    """A code cell."""
    return new_code_cell(source, id=name, metadata=metadata)


FIGURE = {"figure": {"caption": "See *this*, as in {eq}`eq-one`.", "name": "fig-this"}, "image": {"alt": "A line."}}
TWO = chapter(
    markdown("# Two\n\nSee {ref}`ex-far`."),
    code("# Draw it\nplot()", "figure", tags=["fold"], mystnb=FIGURE),
    code("x = 1  # in view", "view"),
    markdown("```{exercise}\n:label: ex-run\n\nRun it.\n```", "ask"),
    markdown("```{solution-start} ex-run\n:class: dropdown\n```\n\nIn words.", "start"),
    code("y = 2", "answer"),
    code("# Print it\nprint(y)", "print", tags=["fold"]),
    markdown("```{solution-end}\n```", "end"),
    markdown("After it.", "after"),
)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny book with its site, built in a process of its own."""
    root = tmp_path_factory.mktemp("tiny")
    (root / "book").mkdir()
    (root / "notebooks").mkdir()
    files = {"_config.yml": CONFIG, "_toc.yml": TOC, "book/glossary.md": GLOSSARY, "book/references.bib": SOURCES}
    files |= {"book/references.md": "# Sources\n\n```{bibliography}\n:filter: True\n```\n"}
    files |= {"book/dot.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>'}
    for name, text in files.items():
        (root / name).write_text(text, "utf-8")
    nbformat.write(chapter(markdown(ONE), markdown(EXERCISE, "exercise")), root / "notebooks/00_one.ipynb")
    nbformat.write(TWO, root / "notebooks/01_two.ipynb")
    build = (
        "import sys; from pathlib import Path; from tools import book; r = Path(sys.argv[1]); book.build(r, r / 'c')"
    )
    done = subprocess.run(
        [sys.executable, "-c", build, str(root)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / "_build/html/notebooks/00_one.html").exists(), done.stdout + done.stderr
    return root


@pytest.fixture
def tiny(built: Path, tmp_path: Path) -> Path:
    """A copy of the tiny book, to change."""
    shutil.copytree(built, tmp_path / "tiny", ignore=shutil.ignore_patterns("html"))
    return tmp_path / "tiny"


@pytest.fixture
def plain(built: Path) -> Plain:
    """What turns MyST of the tiny book's first chapter into plain Markdown."""
    return Plain(References(built), "notebooks/00_one")


def put(root: Path, *cells: nbformat.NotebookNode) -> list[str]:
    """Make these cells the tiny book's second chapter, and its edition; returns what is wrong with it."""
    nbformat.write(chapter(*cells), root / "notebooks/01_two.ipynb")
    return edition.make(root)


def read(root: Path, name: str = "01_two") -> dict[str, nbformat.NotebookNode]:
    """The cells of a chapter of the edition, by their ids."""
    return {cell.id: cell for cell in nbformat.read(edition.folder(root) / f"{name}.ipynb", as_version=4).cells}


# Running text

ROLES = {
    "{cite:t}`many2014`": "A *et al.* [[2014](https://doi.org/10.1/2)]",
    "{cite}`two2017`": "[[G and I, 2017](https://arxiv.org/abs/1701.1)]",
    "{cite:p}`bare1999,many2014`": (
        f"[[K, 1999]({SITE}book/references.html#ID), [A *et al.*, 2014](https://doi.org/10.1/2)]"
    ),
    "by {eq}`eq-one`.": "by (1).",
    "{ref}`ex-far`": f"[Exercise 1]({SITE}notebooks/00_one.html#ex-far)",
    "{ref}`sec-idea`": f"[The idea here]({SITE}notebooks/00_one.html#sec-idea)",
    "{ref}`Sec-Idea`": f"[The idea here]({SITE}notebooks/00_one.html#sec-idea)",
    "{ref}`that\n  idea <sec-idea>`": f"[that idea]({SITE}notebooks/00_one.html#sec-idea)",
    "{numref}`ex-far`": f"[Exercise 1]({SITE}notebooks/00_one.html#ex-far)",
    "{term}`priors <prior (先验分布)>`": f"[priors]({SITE}book/glossary.html#term-0)",
    "{doc}`../book/glossary`": f"[Words]({SITE}book/glossary.html)",
    "{math}`x_1` and {sup}`2`": "$x_1$ and <sup>2</sup>",
    "[next *one*](01_two.ipynb)": f"[next *one*]({SITE}notebooks/01_two.html)",
    "[](../book/glossary.md)": f"[Words]({SITE}book/glossary.html)",
    "[here](#the-idea-here)": f"[here]({SITE}notebooks/00_one.html#the-idea-here)",
    "[x](https://a.b/c_(d)?e#f) [y]": "[x](https://a.b/c_(d)?e#f) [y]",
    "![A dot](../book/dot.svg){width=50%}": f"![A dot]({SITE}_images/dot.svg)",
    "some [words]{.note} here": "some words here",
    '<a href="../book/glossary.html#lab?a=1&amp;b=2">x': f'<a href="{SITE}book/glossary.html#lab?a=1&amp;b=2">x',
    "`{cite}` is no role, nor is `` {eq}`a` ``": "`{cite}` is no role, nor is `` {eq}`a` ``",
    "$a\n  = b$ and \\$5": "$a = b$ and \\$5",
    "| a | {eq}`eq-one` |\n|---|---|\n| {eq}`eq-one` | `{eq}` |": "| a | (1) |\n|---|---|\n| (1) | `{eq}` |",
}


@pytest.mark.parametrize("source", ROLES)
def test_running_text(plain, source):
    expected, found = ROLES[source], plain.text(source)
    if "#term-0" in expected or "#ID" in expected:  # Sphinx numbers these
        name = found.split("#")[1].split(")")[0]
        expected = expected.replace("#term-0", f"#{name}").replace("#ID", f"#{name}")
    assert found == expected


def test_equations_of_another_chapter_are_links(built):
    other = Plain(References(built), "notebooks/01_two")
    assert other.text("{eq}`eq-one`") == f"[(1)]({SITE}notebooks/00_one.html#equation-eq-one)"


# Blocks

BLOCKS = {
    "(sec-x)=\n## Head\n\n% a remark\n\nWords.": "## Head\n\nWords.",
    "One.\n% a remark\nTwo.": "One.\n\nTwo.",
    "```python\na\n\n\nb\n```": "```python\na\n\n\nb\n```",
    "$$\nx\n$$ (eq-one)\n\n$$ y $$": "$$\nx \\tag{1}\n$$\n\n$$ y $$",
    "$$\n\\begin{align}\nx\n\\end{align}\n$$ (eq-one)": "$$\n\\begin{align}\nx\n\\tag{1} \\end{align}\n$$",
    "```{note}\nBe {eq}`eq-one`.\n```": "> **Note**\n>\n> Be (1).",
    ":::{admonition} Look at $x$\n:class: tip\nOnce.\n\nTwice.\n:::": "> **Look at $x$**\n>\n> Once.\n>\n> Twice.",
    "```{tip}\n$$\na \\\\\nb\n$$ (eq-one)\n```": "> **Tip**\n>\n> $$ a \\\\ b \\tag{1} $$",
    "````{note}\n```python\n{eq}`x`\n```\n````": "> **Note**\n>\n> ```python\n> {eq}`x`\n> ```",
    "- one\n\n  ```{note}\n  x\n  ```\n- two": "- one\n\n  > **Note**\n  >\n  > x\n- two",
    "- ```{note}\n  x\n  ```": "- > **Note**\n  >\n  > x",
    "> ```{note}\n> x\n> ```\n> after": "> > **Note**\n> >\n> > x\n> after",
    ":::{admonition} *Why* {eq}`eq-one`?\n:class: dropdown\nSo.\n:::": (
        "<details>\n<summary><em>Why</em> (1)?</summary>\n\nSo.\n\n</details>"
    ),
    "```{figure} ../book/dot.svg\n:alt: A dot\nOne *dot*.\n```": f"![A dot]({SITE}_images/dot.svg)\n\nOne *dot*.",
    "```{math}\n:label: eq-one\nx\n```": "$$\nx \\tag{1}\n$$",
    "```{code-block} python\nx = 1\n```": "```python\nx = 1\n```",
    "```python\n{cite}`a`\n```\n\n    {eq}`indented`": "```python\n{cite}`a`\n```\n\n    {eq}`indented`",
    EXERCISE: (
        "### Exercise 1: How *far*?\n\nBy (1), how far?\n\n"
        "<details>\n<summary>Solution</summary>\n\nSo far: $a = b$.\n\n</details>"
    ),
}


@pytest.mark.parametrize("source", BLOCKS)
def test_blocks(plain, source):
    assert plain.text(source) == BLOCKS[source]


def test_bibliography_lists_what_the_chapter_cites(plain):
    plain.text("{cite:t}`two2017`")
    listed = plain.text("```{bibliography}\n:filter: docname in docnames\n```")
    assert listed.startswith("- ")
    assert "Two" in listed
    assert listed.endswith("<https://arxiv.org/abs/1701.1>")
    assert "Many" not in listed


def test_a_title_within_html_is_html():
    assert in_html("*a* < `b` $c_d < e_f$") == "<em>a</em> &lt; <code>b</code> $c_d &lt; e_f$"


# Notebooks


def test_cells_of_a_chapter(tiny):
    assert edition.make(tiny) == []
    cells = read(tiny)
    assert list(cells) == ["words", "figure", "figure-caption", "view", "ask", "start", "answer", "print", "after"]
    assert cells["figure"].source == "#@title Draw it\nplot()"
    assert cells["figure"].metadata == {"cellView": "form", "jupyter": {"source_hidden": True}}
    assert cells["figure-caption"].source == f"See *this*, as in [(1)]({SITE}notebooks/00_one.html#equation-eq-one)."
    assert cells["view"].source == "x = 1  # in view"
    assert cells["view"].metadata == {}
    assert cells["start"].source == (
        "#### Solution\n\n<details>\n<summary>The answer in words</summary>\n\nIn words.\n\n</details>"
    )
    assert cells["answer"].source == "#@title Solution: exercise 2\ny = 2"
    assert cells["print"].source == "#@title Solution: Print it\nprint(y)"
    assert cells["answer"].metadata.cellView == "form"
    assert cells["after"].source == "After it."


def test_a_figure_that_sphinx_numbered_shows_its_number(tiny, monkeypatch):
    references = References(tiny)
    references.std["anonlabels"]["fig-this"] = ("notebooks/01_two", "id9")
    references.env.toc_fignumbers["notebooks/01_two"]["figure"] = {"id9": (3,)}
    notebook = edition.Chapter(tiny / "notebooks/01_two.ipynb", references).notebook()
    caption = next(cell for cell in notebook.cells if cell.id == "figure-caption")
    assert caption.source.startswith("**Fig. 3.** See *this*")


def test_nothing_is_raw_in_the_edition_and_the_detector_sees_the_sources(tiny):
    edition.make(tiny)
    for name in ("00_one", "01_two"):
        source = nbformat.read(tiny / f"notebooks/{name}.ipynb", as_version=4)
        assert [found for cell in source.cells if cell.cell_type == "markdown" for found in raw(cell.source)]
        assert [found for cell in read(tiny, name).values() for found in raw(cell.source) if "#@" not in found] == []


RAW = [
    "a {cite:t}`b`",
    "```{note}\nx\n```",
    ":::{note}\nx\n:::",
    "(a-label)=\n# Head",
    ":class: tip",
    "$$\nx\n$$ (eq-x)",
    "a {{ word }} here",
    "[a](b.ipynb)",
    "![a](b.png)",
    "[a]{.b}",
    "> {eq}`x`",
    "<details>\n\n{eq}`x`\n\n</details>",
]


@pytest.mark.parametrize("source", RAW)
def test_detector_sees(source):
    assert list(raw(source))


@pytest.mark.parametrize(
    "source", ["`{cite}`", "``{eq}`x` ``", "```python\n{eq}`x`\n```", "$\\frac{{a}}{b}$", "a (b) = c", "[a](https://b)"]
)
def test_detector_lets_pass(source):
    assert list(raw(source)) == []


# What bad input gets

BAD = {
    "{foo}`bar`": r"unknown role {foo}`bar`",
    "```{foo} bar\nx\n```": "unknown directive {foo}",
    ":::\nx\n:::": "a fence of colons",
    "{ref}`nowhere`": "the label 'nowhere' is nowhere",
    "{eq}`eq-none`": "no equation of the built book has the label 'eq-none'",
    "{term}`unheard of`": "the glossary has no entry 'unheard of'",
    "{cite}`nobody1900`": "the bibliography has no source 'nobody1900'",
    "[a](02_none.ipynb)": "'02_none.ipynb', which is no page",
    "[a](00_one.ipynb#none)": "no section 'none'",
    "![a](none.png)": "the picture 'none.png'",
    "![a {eq}`eq-one`](../book/dot.svg)": "roles in an unclear place",
    "a {{ word }}": "a substitution",
    "{{ word }}": "a substitution",
    "a\n: b": "a definition list",
    "```{note}\n- deep {foo}`bar`\n```": "unknown role {foo}",
}


@pytest.mark.parametrize("source", BAD)
def test_what_has_no_plain_form_is_named_with_file_and_cell(tiny, source):
    [error] = put(tiny, markdown("# Two", "title"), markdown(source, "bad"))
    assert error.startswith("notebooks/01_two.ipynb, cell bad: ")
    assert BAD[source] in error
    assert not edition.folder(tiny).exists()


def test_every_bad_cell_is_named(tiny):
    errors = put(tiny, markdown("{foo}`a`", "one"), code("x = 1", "two", tags=["fold"]))
    assert [error.split(": ")[0].split()[-1] for error in errors] == ["one", "two"]
    assert "begins with a comment" in errors[1]


def test_a_label_used_twice_is_said_with_both_places(tiny):
    [error] = put(tiny, markdown("# Two", "title"), markdown("(sec-idea)=\n## Again", "again"))
    assert "01_two.ipynb, cell again" in error
    assert "'sec-idea' stands already in notebooks/00_one.ipynb, cell words" in error
    (tiny / "book/glossary.md").write_text(f"(sec-idea)=\n{GLOSSARY}", "utf-8")
    [error] = put(tiny, markdown("# Two", "title"))
    assert error.startswith("book/glossary.md, line 1: the label 'sec-idea'")


def test_without_a_site_the_command_says_what_to_type(tmp_path, capsys):
    assert edition.main(tmp_path) == 1
    said = capsys.readouterr()
    assert "type: make book" in said.err
    assert said.out == ""


def test_the_edition_is_stale_after_an_edit(tiny):
    assert not edition.is_current(tiny)
    assert edition.main(tiny) == 0
    assert edition.is_current(tiny)
    put(tiny, markdown("# Two, once more", "title"))
    assert edition.is_current(tiny)
    nbformat.write(TWO, tiny / "notebooks/01_two.ipynb")
    assert not edition.is_current(tiny)


def test_make_book_makes_a_missing_or_stale_edition_though_nothing_else_has_changed(tiny, monkeypatch, capsys):
    monkeypatch.delenv("GAN_BUDGET", raising=False)
    monkeypatch.setattr(sys, "argv", ["book.py", "--root", str(tiny)])
    (tiny / "_build/html").mkdir()
    (tiny / "_build/html/.site-key").write_text(keys.site_key(tiny, "page"))
    for told in (True, False):  # the second time there is nothing to do
        assert book.main() == 0
        assert ("2 notebooks in _build/notebooks" in capsys.readouterr().out) == told
    assert edition.is_current(tiny)


def test_a_chapter_that_is_gone_leaves_the_edition(tiny):
    edition.make(tiny)
    (tiny / "notebooks/01_two.ipynb").unlink()
    edition.make(tiny)
    assert [path.name for path in sorted(edition.folder(tiny).glob("*.ipynb"))] == ["00_one.ipynb"]


# The book itself

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_the_sources_are_raw_to_a_notebook_interface():
    """So the detector sees what the edition must not have."""
    cells = [cell for path in CHAPTERS for cell in nbformat.read(path, as_version=4).cells]
    found = [what for cell in cells if cell.cell_type == "markdown" for what in raw(cell.source)]
    assert len(found) > 290


@pytest.mark.site
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_of_the_edition(path):
    """It is current, nothing in it is raw, every folded cell has a title, and the page's button downloads it."""
    assert edition.is_current(ROOT), "the edition is stale: run make book"
    notebook = nbformat.read(edition.folder(ROOT) / path.name, as_version=4)
    nbformat.validate(notebook)
    assert {c.id: found for c in notebook.cells if c.cell_type == "markdown" and (found := list(raw(c.source)))} == {}
    for cell in notebook.cells:
        folded = cell.metadata.get("cellView") == "form"
        assert (
            folded == cell.source.startswith("#@title ") == cell.metadata.get("jupyter", {}).get("source_hidden", False)
        )
    assert (ROOT / "_build/html/_sources/notebooks" / path.name).read_bytes() == (
        edition.folder(ROOT) / path.name
    ).read_bytes()


@pytest.mark.site
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_renders_as_a_notebook_interface_does(path):
    from nbconvert import HTMLExporter as exporter

    page, _ = exporter(embed_images=False).from_filename(str(edition.folder(ROOT) / path.name))
    assert page.count("<summary>") == page.count("</details>") > 0
    assert "<blockquote>" in page
    assert r"\tag{" in page or path.stem.startswith("00")
