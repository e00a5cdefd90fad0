"""Drawings: every file is used, names itself in words, keeps to the palette, and fits a phone in both themes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gan_helpers import style, widgets
from gan_helpers.widgets.drawing import FOLDER, NAMES

ROOT = Path(__file__).resolve().parents[1]


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"unknown drawing 'gan': choose one of batch_norm"):
        widgets.Drawing("gan", caption="c")


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_is_well_formed_named_and_of_the_palette(name):
    drawing = widgets.Drawing(name, caption='See "this" & that')
    root = ElementTree.fromstring(drawing.svg)
    assert root.get("role") == "img"
    assert len(drawing.alt) > 60
    text = (FOLDER / f"{name}.svg").read_text("utf-8")
    assert not re.search(r"#[0-9a-fA-F]{3,6}\b(?!\))|rgb|<script|https?://(?!www\.w3\.org)", text), (
        "a colour of its own"
    )
    shown = drawing._repr_html_()
    assert "&quot;this&quot; &amp; that" in shown
    assert shown.count("<figure") == 1
    assert style.PALETTE["dark"]["real"] in shown


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_stands_in_a_chapter(name):
    notebooks = "".join(path.read_text("utf-8") for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert f'\\"{name}\\"' in notebooks


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [390, 1280])
def test_no_text_is_cut_and_all_is_legible(open_page: Callable, name: str, width: int):
    page = open_page("figure", widgets.Drawing(name, caption="c")._repr_html_(), width=width)
    svg = page.locator("svg").bounding_box()
    for text in page.locator("svg text").all():
        box = text.bounding_box()
        assert svg["x"] - 1 <= box["x"], text.text_content()
        assert box["x"] + box["width"] <= svg["x"] + svg["width"] + 1, text.text_content()
    heights = page.evaluate("[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height)")
    assert min(heights) > 11  # of a line: letters of about 10 pixels


@pytest.mark.parametrize("name", NAMES)
def test_no_two_texts_overlap(open_page: Callable, name: str):
    page = open_page("figure", widgets.Drawing(name, caption="c")._repr_html_(), width=390)
    boxes = [(t.text_content(), t.bounding_box()) for t in page.locator("svg text").all()]
    for i, (one, a) in enumerate(boxes):
        for other, b in boxes[i + 1 :]:
            across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
            along = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
            assert across < 1 or along < 4, f"{one!r} and {other!r}"


def test_the_dark_theme_changes_its_colours(open_page: Callable):
    page = open_page("figure", widgets.Drawing("data_flow", caption="c")._repr_html_())
    colour = "getComputedStyle(document.querySelector('svg .line-fake')).stroke"
    light = page.evaluate(colour)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate(colour) != light
