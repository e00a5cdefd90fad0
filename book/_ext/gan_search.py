"""Sphinx extension: the search page finds sections, and shows them in plain words.

At build time every section of every page becomes an entry of an index: its title, the title of its page, its address,
its text without formulas and code, the names that its code uses, and what readers type who look for it
(`book/search.yml`). Exercises with their solutions and entries of the glossary are sections of their own. The index is
a script, so that it loads from the file system too. `book/_search/gan-search.js` searches in it. Only the search page
loads these two.

An entry of `book/search.yml` for a page or section that does not exist is a warning; warnings fail the build.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

SCRIPT, STYLE, INDEX = "gan-search.js", "gan-search.css", "gan-search-index.js"
NAME = re.compile(r"[A-Za-z_]\w{2,}")  # a name in code
SIGNS = {
    "approx": "≈", "to": "→", "infty": "∞", "pm": "±", "cdot": "·", "times": "×", "le": "≤", "ge": "≥", "ne": "≠",
    "theta": "θ", "lambda": "λ", "gamma": "γ", "beta": "β", "sigma": "σ", "psi": "ψ", "ell": "ℓ", "epsilon": "ε",
    "mu": "μ", "pi": "π", "Delta": "Δ", "log": "log ", "max": "max ", "min": "min ", "quad": " ", "mid": "|",
}  # fmt: skip


@dataclass
class Entry:
    """A section as the search page knows it. `alias` is what readers type; `names` are those in its code."""

    url: str
    title: str
    page: str
    text: list[str] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)  # a set that keeps the order
    alias: list[str] = field(default_factory=list)

    def row(self) -> list[str]:
        """What the script reads, in the order of its constant `FIELDS`."""
        text = re.sub(r" (?=[.,;:?!)\]])|(?<=[(\[]) ", "", " ".join("".join(self.text).split()))
        return [self.url, self.title, self.page, text, " ".join(self.names), "; ".join(self.alias)]


def in_words(tex: str) -> str:
    r"""A formula that reads as words, or nothing where it does not.

    >>> in_words(r"\log 4 - 2\,\mathrm{JS}"), in_words(r"p_\text{data}"), in_words(r"\frac{1}{2}")
    ('log 4 - 2 JS', 'p_data', '')
    """
    text = re.sub(r"\\(?:mathrm|text|mathbb|mathcal|lVert|rVert)\b\s*", "", tex)
    text = re.sub(r"\\[,;:! ]|\\(?:Big|big|left|right)\b|~", " ", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda match: SIGNS.get(match[1], match[0]), text)
    text = re.sub(r"[{}]", "", text)
    return "" if "\\" in text or "&" in text or len(text) > 40 else " ".join(text.split())


def plain(title: nodes.Element) -> str:
    """A title in plain words."""
    pieces = ((text.astext(), isinstance(text.parent, nodes.math)) for text in title.findall(nodes.Text))
    return "".join(in_words(text) if is_formula else text for text, is_formula in pieces).strip()


def anchor(node: nodes.Element) -> str:
    """The part of an address after the page that leads to a node."""
    return f"#{node['ids'][0]}" if node["ids"] else ""


def is_title_of_entry(node: nodes.Element) -> bool:
    """Whether a node is the title of a section, an exercise, a solution or a term, and no part of its text."""
    above = node.parent
    if isinstance(node, nodes.title):
        return isinstance(above, nodes.section) or not {"exercise", "solution"}.isdisjoint(above.get("classes", []))
    return isinstance(node, nodes.term) and bool(node["ids"])


class Collector:
    """Walks over one page and writes down its entries."""

    def __init__(self, uri: str, doctree: nodes.document, numbers: dict[str, tuple[int, ...]]) -> None:
        self.uri = uri
        self.numbers = numbers  # of the page's exercises
        self.entries: dict[str, Entry] = {}  # by anchor; the page itself has the anchor ""
        first = next(doctree.findall(nodes.title), None)
        self.page = plain(first) if first else uri
        self.walk(doctree, self.entry("", self.page))

    def entry(self, at: str, title: str) -> Entry:
        """A new entry at an anchor."""
        return self.entries.setdefault(at, Entry(self.uri + at, title, self.page))

    def walk(self, node: nodes.Element, into: Entry) -> None:
        """Add the text below a node to an entry, and to the entries of sections that begin there."""
        for child in node.children:
            if isinstance(child, nodes.Text):
                into.text.append(child.astext())
            elif isinstance(child, nodes.math):
                into.text.append(in_words(child.astext()))
            elif isinstance(child, nodes.literal_block):
                into.names |= dict.fromkeys(NAME.findall(child.astext()))
            elif isinstance(child, nodes.Element) and not is_title_of_entry(child):
                self.enter(child, into)
                into.text.append("" if isinstance(child, nodes.Inline) else "\n")

    def enter(self, node: nodes.Element, into: Entry) -> None:
        """Walk on below an element, in the entry that it belongs to."""
        kinds = node.get("classes", [])
        if isinstance(node, nodes.raw | nodes.comment | nodes.math_block | nodes.image) or node.tagname == "fold":
            return
        if "cell_output" in kinds:  # of what a cell shows only the captions are text
            into.text += [caption.astext() + "\n" for caption in node.findall(nodes.caption)]
            return
        if isinstance(node, nodes.section) and isinstance(node.parent, nodes.section):
            into = self.entry(anchor(node), plain(node[0]))
        elif "exercise" in kinds:
            number = ".".join(str(part) for part in self.numbers.get(node["ids"][0], ()))
            into = self.entry(anchor(node), f"Exercise {number}".strip())
        elif "solution" in kinds:
            into = self.entries.get(f"#{node.get('target_label')}", into)
        elif isinstance(node, nodes.definition_list_item) and node[0].get("ids"):
            into = self.entry(anchor(node[0]), plain(node[0]))
        self.walk(node, into)


def collect(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Keep the entries of a page that is about to be written."""
    if app.builder.format == "html":
        pages = app.__dict__.setdefault("gan_search_pages", {})
        numbers = app.env.toc_fignumbers.get(docname, {}).get("exercise", {})
        pages[docname] = Collector(app.builder.get_target_uri(docname), doctree, numbers).entries


def typed(source: str) -> tuple[dict[str, str], Iterator[tuple[str, str, list[str]]]]:
    """What `book/search.yml` says: other spellings of a word; and for page and section, what readers type."""
    content = yaml.safe_load(source)
    spellings = {str(key): str(word) for key, word in content.get("spellings", {}).items()}
    pages = content.get("sections", {})
    return spellings, ((page, at, phrases) for page, found in pages.items() for at, phrases in found.items())


def add_aliases(pages: dict[str, dict[str, Entry]], wanted: Iterator[tuple[str, str, list[str]]]) -> Iterator[str]:
    """Add to the entries what readers type. Yields what is wrong: a page or a section that is not there."""
    for page, at, phrases in wanted:
        entries = pages.get(page)
        if entries is None:
            yield f"there is no page {page!r}"
        elif (entry := entries.get("" if at == "top" else f"#{at}")) is None:
            there = ", ".join(sorted(name.removeprefix("#") or "top" for name in entries))
            yield f"{page} has no section {at!r}; it has {there}"
        else:
            entry.alias += phrases


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the index, and the script that searches in it, beside the pages."""
    pages: dict[str, dict[str, Entry]] = getattr(app, "gan_search_pages", {})
    if exception or not pages:
        return
    source = Path(app.srcdir) / "book/search.yml"
    spellings, wanted = typed(source.read_text("utf-8"))
    for complaint in add_aliases(pages, wanted):
        logger.warning("book/search.yml: %s", complaint, type="search")
    rows = [entry.row() for entries in pages.values() for entry in entries.values()]
    index = json.dumps({"spellings": spellings, "sections": rows}, ensure_ascii=False, separators=(",", ":"))
    static = Path(app.outdir) / "_static"
    (static / INDEX).write_text(f"const GAN_INDEX = {index};\n", encoding="utf-8")
    for name in (SCRIPT, STYLE):
        shutil.copyfile(Path(app.srcdir) / "book/_search" / name, static / name)
    (Path(app.outdir) / "searchindex.js").unlink(missing_ok=True)  # Sphinx's own, which no page loads


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("doctree-resolved", collect, priority=900)  # when references have their text
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
