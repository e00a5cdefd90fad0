"""What the book's own script and styles do to a page: nothing is cut, figures open, code folds, paper is white."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import pytest
from built import CHAPTERS, NOTEBOOKS, OURS, PAGES, faults, soup

from tools import crawl

pytestmark = pytest.mark.site

ROOT = crawl.ROOT
WINDOWS = {
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    "desk": {"viewport": {"width": 1280, "height": 900}},
    # A4 with its margins has this width; the reader has chosen the dark theme.
    "paper": {"viewport": {"width": 718, "height": 1000}, "color_scheme": "dark"},
    "no script": {"viewport": {"width": 1280, "height": 900}, "java_script_enabled": False},
}
DARK = "localStorage.setItem('mode', 'dark'); localStorage.setItem('theme', 'dark')"
LONGEST = 84  # characters of a line of code that fits a window of 1280 pixels


@pytest.fixture(scope="module")
def windows(browser: Any) -> Iterator[Callable[[str], Any]]:
    """`windows("phone")` is a page in that kind of window, the same each time."""
    opened: dict[str, Any] = {}

    def window(name: str) -> Any:
        if name not in opened:
            context = browser.new_context(**WINDOWS[name])
            context.set_default_timeout(8000)
            if name == "paper":
                context.add_init_script(DARK)
            else:
                context.add_init_script(crawl.SCRIPT)
            opened[name] = context.new_page()
            if name == "paper":
                opened[name].emulate_media(media="print", color_scheme="dark")
        return opened[name]

    yield window
    for page in opened.values():
        page.context.close()


def goto(view: Any, url: str) -> None:
    """Open a page and wait until its formulas are fitted."""
    view.goto(url)
    if view.locator(".bd-article").count():
        view.wait_for_function("document.documentElement.dataset.formulas === 'fitted'")


def none(view: Any, selector: str, test: str, why: str) -> None:
    """Fail if a test of `e` holds for a visible part of the article."""
    found = view.evaluate(
        """([selector, test]) => {
          const holds = new Function("e", `return ${test}`);
          return [...document.querySelectorAll(`.bd-article :is(${selector})`)]
            .filter(e => e.checkVisibility() && e.getBoundingClientRect().width && holds(e))
            .map(e => `${e.localName}.${e.className}: ${(e.textContent.trim() || e.src || "").slice(0, 60)}`);
        }""",
        [selector, test],
    )
    if found:
        raise AssertionError(f"{len(found)} {why}: {found[:6]}")


IS_CUT = "e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline'"
BOX = "e.closest('.gan-table, .pst-scrollable-table-container')"  # a table's, which may scroll
IS_OUTSIDE = "e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1"


# ---- On a phone, and on a desk


def page_does_not_scroll_sideways(view: Any) -> None:
    for theme in ("dark", "light"):
        view.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        assert view.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, theme


def no_formula_is_cut(view: Any) -> None:
    none(view, "div.math, mjx-container[display]", IS_CUT, "scroll")
    none(view, "mjx-container, .gan-piece", f"!{BOX} && ({IS_OUTSIDE})", "outside the window")


def no_line_begins_with_the_mark_after_a_formula(view: Any) -> None:
    """A comma or a full stop stands beside the formula that it follows, not below it."""
    lost = view.evaluate(
        r"""() => [...document.querySelectorAll(".bd-article span.math")].filter(e => e.checkVisibility()).map(e => {
          const around = e.parentElement;
          const after = e.nextSibling ?? (around.matches("strong, em") ? around.nextSibling : null);
          if (!/^[.,;:?!)]/.test(after?.data ?? "")) return null;
          const range = document.createRange();
          range.setStart(after, 0);
          range.setEnd(after, 1);
          const mark = range.getBoundingClientRect();
          return mark.width && mark.left < e.getBoundingClientRect().right - 2 ? after.data.slice(0, 30) : null;
        }).filter(Boolean)"""
    )
    assert not lost, f"{len(lost)} marks begin a line: {lost[:6]}"


def no_figure_or_element_is_cut(view: Any) -> None:
    none(view, f"img, figcaption, {OURS}", IS_OUTSIDE, "outside the window")


def no_result_is_cut(view: Any) -> None:
    none(view, ".cell_output pre, .cell_output .output", IS_CUT, "scroll")


def a_wide_table_says_that_it_scrolls(view: Any) -> None:
    scrolls = f"({BOX}?.scrollWidth > {BOX}?.clientWidth)"
    none(view, "table", f"!{scrolls} && ({IS_OUTSIDE})", "cut, and in no box that scrolls")
    none(view, "table", f"{scrolls} && {BOX}.tabIndex !== 0", "scroll, and no keyboard reaches them")
    none(view, "table", f"{scrolls} && !getComputedStyle({BOX}).backgroundImage.includes('gradient')", "without a hint")


def code_does_not_scroll(view: Any) -> None:
    view.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    longest = f"Math.max(...e.textContent.split('\\n').map(line => line.length)) <= {LONGEST}"
    none(view, "div.highlight pre", f"({longest}) && {IS_CUT}", f"scroll, with lines of at most {LONGEST} characters")


def element_stands_near_its_heading(view: Any) -> None:
    distance = view.evaluate("crawl.distance()")
    assert (distance or 0) <= crawl.FARTHEST[view.viewport_size["width"]]


def figure_opens_in_full_size(view: Any) -> None:
    figures = view.locator("button.gan-open:visible")
    if not figures.count():
        return
    dialog, picture = view.locator("dialog.gan-zoom"), view.locator("dialog.gan-zoom img")
    first = figures.first
    open_by = [first.tap] if view.viewport_size["width"] == 390 else [first.click]
    for opening in [*open_by, lambda: first.press("Enter")]:
        first.scroll_into_view_if_needed()
        opening()
        dialog.wait_for(state="visible")
        assert picture.get_attribute("src") == first.evaluate("button => button.querySelector('img').src")
        assert picture.get_attribute("alt")
        shown = [picture.get_attribute("src")]
        for key in ("ArrowRight", "ArrowLeft"):
            view.keyboard.press(key)
            shown.append(picture.get_attribute("src"))
        assert shown[0] == shown[2]
        for fits in (True, False):  # a tap on the picture fits it to the window, and the next one undoes that
            view.locator("dialog.gan-zoom .picture").click(position={"x": 20, "y": 20})
            wide = "([img, box]) => img.clientWidth <= box.clientWidth && img.clientHeight <= innerHeight"
            assert dialog.evaluate("dialog => dialog.classList.contains('fits')") == fits
            assert not fits or dialog.evaluate(f"d => ({wide})(['img', '.picture'].map(s => d.querySelector(s)))")
        assert shown[0] != shown[1] or view.locator("button.gan-open").count() == 1
        view.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
        assert first.evaluate("button => button === document.activeElement"), "the focus does not return"


def fold_opens_by_keyboard(view: Any) -> None:
    folds = view.locator("details.gan-fold")
    if folds.count():
        summary = folds.first.locator("summary")
        before = folds.first.evaluate("details => details.open")
        for expected in (not before, before):
            summary.press("Enter")
            assert folds.first.evaluate("details => details.open") == expected


EVERYWHERE = (
    page_does_not_scroll_sideways,
    no_formula_is_cut,
    no_line_begins_with_the_mark_after_a_formula,
    no_figure_or_element_is_cut,
    no_result_is_cut,
    a_wide_table_says_that_it_scrolls,
    element_stands_near_its_heading,
    figure_opens_in_full_size,
)


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_cut_on_a_phone(server, windows, page):
    view = windows("phone")
    goto(view, server + page)
    assert faults(view, *EVERYWHERE) == {}


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_cut_on_a_desk(server, windows, page):
    view = windows("desk")
    goto(view, server + page)
    assert faults(view, *EVERYWHERE, fold_opens_by_keyboard, code_does_not_scroll) == {}


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_machinery_is_folded_under_its_own_words(page):
    """Every cell tagged `fold`, in order; words of the theme's own stand nowhere."""
    notebook = nbformat.read(ROOT / page.replace(".html", ".ipynb"), as_version=4)
    folded = [cell.source for cell in notebook.cells if "fold" in cell.metadata.get("tags", [])]
    words = [source.splitlines()[0].removeprefix("#").strip().rstrip(".") for source in folded]
    assert [summary.get_text(strip=True) for summary in soup(page).select("details.gan-fold > summary")] == words
    assert words
    assert not any(saying in soup(page).get_text() for saying in ("Show code cell", "Toggle hidden content"))


# ---- On paper

TEXT = "p, li, td, th, pre, code, h1, h2, h3, h4, figcaption, summary"
SUM = "(colour => colour.match(/[\\d.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0))"  # of red, green and blue
IS_PALE = f"{SUM}(getComputedStyle(e).color) > 200"
GROUND = "getComputedStyle(e).backgroundColor"
IS_DARK = f"!/, 0\\)$|transparent/.test({GROUND}) && {SUM}({GROUND}) < 700"


def paper_is_white_and_text_black(view: Any) -> None:
    for part in ("html", "body"):
        assert view.evaluate(f"{SUM}(getComputedStyle(document.querySelector('{part}')).backgroundColor)") == 765, part
    none(view, TEXT, f"!e.closest('{OURS}') && {IS_PALE}", "pale")
    none(view, f"{TEXT}, div, section", f"!e.closest('{OURS}') && {IS_DARK}", "on a dark ground")


CLOSED = "document.querySelectorAll('.bd-article details:not(.gan-fold, [open])').length"


def solutions_are_open(view: Any) -> None:
    assert view.evaluate(CLOSED) == 0
    view.evaluate("dispatchEvent(new Event('afterprint'))")
    assert view.evaluate(CLOSED) > 0 or not view.evaluate(CLOSED.replace(", [open]", "")), "they do not close again"


def no_code_or_formula_is_cut(view: Any) -> None:
    none(view, "pre, div.math", IS_CUT, "cut")
    none(view, f"pre, mjx-container, table, img, {OURS}", IS_OUTSIDE, "beside the paper")


def links_show_their_address(view: Any) -> None:
    link = "a.reference.external[href^=http]:not(:has(img))"
    none(view, link, "!getComputedStyle(e, '::after').content.includes(e.getAttribute('href'))", "without an address")


def elements_are_still(view: Any) -> None:
    """Each shows a picture, though nobody has scrolled to it."""
    shows = "[...e.querySelectorAll('img, svg, canvas'), ...(e.shadowRoot?.querySelectorAll('img, svg, canvas') ?? [])]"
    shows += ".some(p => p.checkVisibility() && p.getBoundingClientRect().height > 50)"
    none(view, OURS, f"!{shows}", "without a picture")
    controls = "[...(e.shadowRoot?.querySelectorAll('input, select, button') ?? [])]"
    none(view, OURS, f"{controls}.some(c => c.checkVisibility())", "with controls")


def only_the_article_is_printed(view: Any) -> None:
    assert view.locator(".bd-article h1").first.is_visible()
    for part in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".prev-next-footer"):
        assert not any(one.is_visible() for one in view.locator(part).all()), part


ON_PAPER = (
    paper_is_white_and_text_black,
    no_code_or_formula_is_cut,
    links_show_their_address,
    elements_are_still,
    only_the_article_is_printed,
    solutions_are_open,
)


@pytest.mark.parametrize("page", CHAPTERS)
def test_paper(server, windows, page):
    view = windows("paper")
    goto(view, server + page)
    assert view.evaluate("document.documentElement.dataset.theme") == "dark"
    view.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert faults(view, *ON_PAPER) == {}


# ---- Without JavaScript


@pytest.mark.parametrize("page", [page for page in CHAPTERS if soup(page).select(OURS)])
def test_without_a_script_an_element_is_a_picture_and_a_sentence(server, windows, page):
    view = windows("no script")
    view.goto(server + page)
    for element in view.locator(OURS).all():
        picture = element.locator("img, svg").first
        assert picture.is_visible()
        assert picture.bounding_box()["height"] > 50
        assert picture.get_attribute("alt") or picture.get_attribute("aria-label")
        words = element.inner_text().strip()
        assert "." in words, f"no sentence: {words!r}"
        assert len(words) > 20, f"no sentence: {words!r}"
