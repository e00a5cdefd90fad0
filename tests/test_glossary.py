"""The rule by which a chapter's terms link to the glossary, on small pages; the book's own build applies it to all."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from docutils import nodes
from sphinx import addnodes

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book/_ext"))

import gan_glossary as glossary  # noqa: E402

ENTRIES = tuple(re.findall(r"^(\S.* \(.+\))$", (ROOT / "book/glossary.md").read_text("utf-8"), re.MULTILINE))


def found(text: str) -> list[tuple[str, str]]:
    """The words of a text that use a term, and the English name of the term."""
    return [(match[0], entry.split(" (")[0]) for match, entry in glossary.uses(text, ENTRIES)]


def term(words: str, name: str) -> nodes.Element:
    """A link to the glossary."""
    entry = next(entry for entry in ENTRIES if entry.startswith(f"{name} ("))
    return addnodes.pending_xref("", nodes.inline("", words), reftype="term", reftarget=entry, refdomain="std")


def page(*parts: nodes.Node) -> nodes.document:
    """A page with these parts in one section."""
    from docutils.utils import new_document

    document = new_document("page")
    document += nodes.section("", nodes.title("", "Mode collapse"), *parts)
    return document


def text(*parts: nodes.Node | str) -> nodes.paragraph:
    """A paragraph."""
    return nodes.paragraph("", "", *(nodes.Text(part) if isinstance(part, str) else part for part in parts))


def test_tables_name_entries_that_are_there():
    names = {entry.split(" (")[0] for entry in ENTRIES}
    assert len(names) == len(ENTRIES) > 90
    assert set(glossary.FORMS) <= names


@pytest.mark.parametrize(
    ("words", "uses"),
    [
        ("The Generator and two discriminators", [("Generator", "generator"), ("discriminators", "discriminator")]),
        ("mode collapse, mode by mode", [("mode collapse", "mode collapse"), ("mode", "mode"), ("mode", "mode")]),
        ("in evaluation mode and training\nmode", []),
        ("cross\nentropy", [("cross\nentropy", "cross entropy")]),
        ("It is an FID of 3", [("FID", "Fréchet inception distance")]),
        ("fid, js and gans", []),
        ("an f-GAN, WGAN-GP and GAN Lab", []),
        ("the non-saturating loss", [("non-saturating loss", "non-saturating loss")]),
        ("a batch norm", [("batch norm", "batch normalization")]),
        ("steps, misstep, step-wise", [("steps", "step")]),
    ],
)
def test_a_term_is_a_whole_word_and_the_longest_one(words, uses):
    assert found(words) == uses


def test_a_term_that_is_never_linked_is_named_with_its_place():
    (complaint,) = glossary.complaints(page(text("Here the batch is large.")), ENTRIES)
    assert "'batch (小批量)'" in complaint
    assert "Here the batch is large." in complaint


def test_one_link_is_enough_and_two_are_too_many():
    once = page(text("A ", term("batch", "batch"), " is a batch."))
    twice = page(text(term("batch", "batch"), term("batches", "batch")))
    assert glossary.complaints(once, ENTRIES) == []
    assert ["2 times" in complaint for complaint in glossary.complaints(twice, ENTRIES)] == [True]


@pytest.mark.parametrize(
    "part",
    [
        nodes.literal_block("", "batch"),
        text(nodes.literal("", "batch")),
        text(nodes.math("", "batch")),
        text(nodes.reference("", "batch", refuri="x")),
        text(nodes.raw("", '<a href="x">', format="html"), "batch", nodes.raw("", "</a>", format="html")),
        text(nodes.strong("", "What is a batch?")),
        nodes.admonition("", nodes.title("", "A batch")),
        nodes.figure("", nodes.caption("", "A batch")),
    ],
    ids=lambda part: str(part)[:40],
)
def test_what_is_no_running_text_needs_no_link(part):
    assert glossary.complaints(page(part), ENTRIES) == []


def test_prose_in_boxes_lists_and_bold_words_counts():
    box = nodes.admonition("", nodes.title("", "Predict"), nodes.bullet_list("", nodes.list_item("", text("a batch"))))
    bold = text("A ", nodes.strong("", "batch"), " is")
    assert [len(glossary.complaints(page(part), ENTRIES)) for part in (box, bold)] == [1, 1]
