"""What Sphinx resolved when it built the site: numbers, titles, addresses and citations, for the notebook edition.

Sphinx keeps all that it knows of a book in a file beside the pages. Reading it takes a moment, executes nothing, and
spares the edition a second idea of what "Exercise 3" is.
"""

from __future__ import annotations

import pickle
import posixpath
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

ENVIRONMENT = "_build/.doctrees/environment.pickle"
TITLED = re.compile(r"(?s)(.+?)\s*<([^<>]+)>")


class Unresolved(ValueError):
    """A construct of a source that has no plain form: an unknown role, a label that is nowhere, for two."""


def titled(content: str) -> tuple[str, str]:
    """A role's own text, empty where it has none, and its target.

    >>> titled("noise <prior (x)>"), titled("prior (x)")
    (('noise', 'prior (x)'), ('', 'prior (x)'))
    """
    found = TITLED.fullmatch(content)
    return (found[1], found[2]) if found else ("", content)


def paper(entry: Any) -> str:
    """The address of a source of the bibliography: its DOI, its own, or arXiv's; empty where it has none."""
    fields = entry.fields
    if "doi" in fields:
        return f"https://doi.org/{fields['doi']}"
    return fields.get("url") or (f"https://arxiv.org/abs/{fields['eprint']}" if "eprint" in fields else "")


class References:
    """The built book's labels. Every method raises `Unresolved` for what the book does not have."""

    def __init__(self, root: Path) -> None:
        file = root / ENVIRONMENT
        if not file.exists():
            raise FileNotFoundError("there is no built site to take numbers and addresses from; type: make book")
        for folder in (root, root / "book/_ext"):  # what Sphinx kept names classes of our extensions
            if str(folder) not in sys.path:
                sys.path.append(str(folder))
        with file.open("rb") as stream:
            self.env = pickle.load(stream)
        self.base = self.env.config.html_baseurl.rstrip("/") + "/"
        self.std = self.env.domaindata["std"]
        self.exercises = getattr(self.env, "sphinx_exercise_registry", {})
        cite = self.env.domaindata["cite"]
        self.citations = {found.key: found for found in cite["citations"]}

    def page(self, document: str, anchor: str = "") -> str:
        """The published address of a page, or of a place on it."""
        return f"{self.base}{document}.html{anchor and '#'}{anchor}"

    def number(self, document: str, name: str) -> tuple[str, str]:
        """Kind and number of a figure, table, exercise or equation of a page; both empty where it has none."""
        for kind, numbers in self.env.toc_fignumbers.get(document, {}).items():
            if name in numbers:
                return kind, ".".join(map(str, numbers[name]))
        return "", ""

    def numbered(self, document: str, name: str) -> str:
        """How the page names it, `Exercise 3` or `Fig. 2`; empty where it has no number."""
        kind, number = self.number(document, name)
        return self.env.config.numfig_format[kind] % number if kind in self.env.config.numfig_format else ""

    def has(self, label: str) -> bool:
        """Whether something of the book carries a label."""
        return label in self.std["anonlabels"] or label.lower() in self.std["anonlabels"]

    def labelled(self, label: str) -> tuple[str, str]:
        """Page and name of what carries a label."""
        if not self.has(label):
            raise Unresolved(f"the label {label!r} is nowhere in the built book")
        return self.std["anonlabels"].get(label) or self.std["anonlabels"][label.lower()]

    def ref(self, content: str) -> tuple[str, str]:
        """Text and address of a cross reference: an exercise by its number, a section by its title."""
        text, label = titled(content)
        document, name = self.labelled(label)
        if not text and label in self.exercises:
            text = self.numbered(document, name)
        if not text and label.lower() in self.std["labels"]:
            text = str(self.std["labels"][label.lower()][2])
        if not text:
            raise Unresolved(f"the label {label!r} has no title; write {{ref}}`words <{label}>`")
        return text, self.page(document, name)

    def numref(self, content: str) -> tuple[str, str]:
        """Text and address of a reference by number."""
        text, label = titled(content)
        document, name = self.labelled(label)
        kind, number = self.number(document, name)
        if not number:
            raise Unresolved(f"what the label {label!r} names has no number")
        text = (text or self.env.config.numfig_format[kind]).replace("{number}", "%s")
        return text % number if "%s" in text else text, self.page(document, name)

    def equation(self, label: str) -> tuple[str, str, str]:
        """Number, page and address of an equation."""
        objects = self.env.domaindata["math"]["objects"]
        if label not in objects:
            raise Unresolved(f"no equation of the built book has the label {label!r}")
        document, number = objects[label]
        name = f"equation-{label}"
        return self.number(document, name)[1] or str(number), document, self.page(document, name)

    def term(self, content: str) -> tuple[str, str]:
        """Text and address of a glossary term."""
        text, term = titled(content)
        term = " ".join(term.split())
        found = self.std["objects"].get(("term", term)) or self.std["terms"].get(term.lower())
        if not found:
            raise Unresolved(f"the glossary has no entry {term!r}")
        return " ".join((text or term).split()), self.page(*found)

    def document(self, here: str, target: str) -> tuple[str, str]:
        """Title and published address of a page or section, from a path as it stands in a source of the page `here`."""
        path, anchor = urlsplit(target).path, urlsplit(target).fragment
        document = posixpath.normpath(posixpath.join(posixpath.dirname(here), path)) if path else here
        document = re.sub(r"\.(ipynb|md|html)$", "", document)
        if document not in self.env.titles:
            raise Unresolved(f"a link to {target!r}, which is no page of the built book")
        if not anchor:
            return self.env.titles[document].astext(), self.page(document)
        slugs = self.env.metadata[document].get("myst_slugs", {})
        if anchor in slugs:
            return slugs[anchor][2], self.page(document, slugs[anchor][1])
        if self.has(anchor):
            return self.ref(anchor)
        raise Unresolved(f"a link to {target!r}, but that page has no section {anchor!r}")

    def image(self, here: str, target: str) -> str:
        """The published address of a picture of the book."""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        if path not in self.env.images:
            raise Unresolved(f"the picture {target!r} is not in the built book")
        return f"{self.base}_images/{self.env.images[path][1]}"

    def cited(self, keys: str) -> list[Any]:
        """The bibliography's records of the sources that a role names."""
        from sphinxcontrib.bibtex.citation_target import parse_citation_targets

        targets = list(parse_citation_targets(keys))
        for target in targets:
            if target.key not in self.citations:
                raise Unresolved(f"the bibliography has no source {target.key!r}")
        return [(self.citations[target.key], target) for target in targets]

    def cite(self, role: str, keys: str) -> str:
        """A citation as the page words it, with links to the papers: `Goodfellow *et al.* [[2014](https://...)]`."""
        from pybtex_docutils import Backend
        from sphinxcontrib.bibtex.plugin import find_plugin
        from sphinxcontrib.bibtex.style.referencing import format_references
        from sphinxcontrib.bibtex.style.template import SphinxReferenceInfo

        name = self.env.config.bibtex_reference_style
        style = find_plugin("sphinxcontrib.bibtex.style.referencing", name)()
        if role not in style.role_names():
            raise Unresolved(f"unknown role {{cite:{role}}}")
        nowhere: Any = SimpleNamespace(name="html")  # a reference on one page needs no addresses
        found = [
            (
                citation.entry,
                citation.formatted_entry,
                SphinxReferenceInfo(nowhere, "", "", citation.key, None, target.pre, target.post),
            )
            for citation, target in self.cited(keys)
        ]
        nodes = format_references(style, role, found).render(Backend())
        return "".join(self.markdown(node) for node in nodes)

    def markdown(self, node: Any) -> str:
        """A citation's docutils nodes as Markdown."""
        inner = "".join(map(self.markdown, node.children)) or node.astext()
        if node.tagname == "reference":
            return f"[{inner}]({self.source(self.citations[node['refid']])})"
        mark = {"emphasis": "*", "strong": "**"}.get(node.tagname, "")
        return f"{mark}{inner}{mark}"

    def source(self, citation: Any) -> str:
        """The address of a source: the paper's, or its line on the page of references."""
        return paper(citation.entry) or self.page(citation.bibliography_key.docname, citation.citation_id)

    def bibliography(self, keys: list[str]) -> str:
        """A plain list of sources with links, in the order of the book's own list."""
        import pybtex.plugin

        backend = pybtex.plugin.find_plugin("pybtex.backends", "plaintext")()
        lines = []
        for key, citation in self.citations.items():
            if key in keys:
                text = re.sub(r"\s*(doi:\S+|URL: \S+|\\url \S+)\.?$", "", citation.formatted_entry.text.render(backend))
                lines.append(f"- {text} <{self.source(citation)}>")
        return "\n".join(lines)
