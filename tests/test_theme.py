"""The controls of the theme, on every page and at three widths: menu, page contents, search, theme, full screen.

Visits are dear and checks are cheap: each page is opened once a width, and everything is tried there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from built import CHAPTERS, NOTEBOOKS, PAGES, SITE, accessibility, faults, soup

from tools import crawl
from tools.engines.chromium import Chromium

pytestmark = pytest.mark.site

WIDTHS = {390: 844, 800: 1100, 1280: 900}  # and heights
NARROW = 992  # from here on the theme shows the menu beside the page
MENU, CONTENTS, SEARCH = "#pst-primary-sidebar-modal", "#pst-secondary-sidebar-modal", "#pst-search-dialog"


@pytest.fixture(scope="module")
def windows(browser: Any) -> Iterator[Callable[[int], Any]]:
    """`windows(width)` is a page of that width, the same each time."""
    opened: dict[int, Any] = {}

    def window(width: int) -> Any:
        if width not in opened:
            size = {"width": width, "height": WIDTHS[width]}
            context = browser.new_context(viewport=size, has_touch=width < NARROW, color_scheme="light")
            context.add_init_script(crawl.SCRIPT)
            context.set_default_timeout(8000)
            opened[width] = context.new_page()
        return opened[width]

    yield window
    for page in opened.values():
        page.context.close()


def width_of(view: Any) -> int:
    return view.viewport_size["width"]


def wait(view: Any, condition: str, why: str) -> None:
    """Wait until a condition holds in the page."""
    from playwright.sync_api import TimeoutError

    try:
        view.wait_for_function(condition)
    except TimeoutError:
        raise AssertionError(why) from None


def is_open(selector: str) -> str:
    """The condition that a dialog is open."""
    return f"document.querySelector('{selector}').open"


def tap_beside(view: Any, selector: str) -> None:
    """Tap the page where a dialog leaves it free."""
    box = view.locator(selector).bounding_box()
    size = view.viewport_size
    x = (box["x"] + box["width"] + size["width"]) / 2 if box["x"] <= 0 else box["x"] / 2
    assert 0 < x < size["width"], "nothing is left beside it to tap"
    view.touchscreen.tap(x, size["height"] / 2)


def closes(view: Any, selector: str, button: str) -> None:
    """What opens by a button closes by Escape and by a tap beside it, and the focus returns to the page."""
    view.keyboard.press("Escape")
    wait(view, f"!{is_open(selector)}", "Escape does not close it")
    view.locator(button).first.click()
    wait(view, is_open(selector), "it does not open again")
    tap_beside(view, selector)
    wait(view, f"!{is_open(selector)}", "a tap beside it does not close it")


# ---- What is tried on each page. The name of a check is what a failure is listed under.


def menu_opens_and_closes(view: Any) -> None:
    if width_of(view) >= NARROW:
        return  # there the menu stands beside the page; the way by it folds it away and back
    assert not view.evaluate("crawl.isMenuShown()"), "it is open before its button is used"
    view.locator(crawl.TOGGLE).click()
    wait(view, is_open(MENU), "its button does not open it")
    assert view.evaluate("crawl.menu(true)"), "it shows no link to the next page"
    shown = view.locator(f"{MENU} nav.bd-docs-nav a").evaluate_all("links => links.map(link => link.href)")
    assert len(shown) >= len(CHAPTERS), f"it holds {len(shown)} links"
    if width_of(view) == 390:
        assert accessibility(view) == {}
    closes(view, MENU, crawl.TOGGLE)


def contents_lead_to_a_section(view: Any) -> None:
    sections = view.locator("#pst-page-toc-nav > ul > li > a")  # those below are shown near their section
    if not sections.count():
        return
    if width_of(view) == 1280:
        assert sections.first.is_visible(), "they are not in view"
        assert view.evaluate("crawl.isInView(document.querySelector('#pst-page-toc-nav a'))"), "they are cut"
    else:
        button = ".bd-header-article .secondary-toggle"
        view.locator(button).click()
        wait(view, is_open(CONTENTS), "their button does not open them")
        closes(view, CONTENTS, button)
        view.locator(button).click()
    link = sections.nth(min(1, sections.count() - 1))
    target = link.get_attribute("href")
    link.click()
    assert view.evaluate("location.hash") == target
    section = f"document.getElementById({target[1:]!r})"
    wait(view, f"Math.abs({section}.getBoundingClientRect().top) < 200 || scrollY + innerHeight > "
               "document.documentElement.scrollHeight - 5", f"{target} is not in view")  # fmt: skip
    if width_of(view) != 1280:
        wait(view, f"!{is_open(CONTENTS)}", "they cover the section that one has chosen")


def theme_goes_through_its_states(view: Any) -> None:
    seen = {}
    for _ in range(3):
        view.locator(".theme-switch-button:visible").first.click()
        mode = view.evaluate("document.documentElement.dataset.mode")
        colour = view.evaluate("getComputedStyle(document.body).backgroundColor")
        seen[mode] = sum(map(int, re.findall(r"\d+", colour)[:3]))  # of red, green and blue, 0 to 255 each
    assert set(seen) == {"light", "dark", "auto"}
    assert seen["dark"] < 150, "the dark page is not dark"
    assert min(seen["light"], seen["auto"]) > 650, "a light page is not light"


def download_and_colab_menus_open(view: Any) -> None:
    for menu in view.locator(".article-header-buttons .dropdown").all():
        menu.locator(".dropdown-toggle").click()
        entries = menu.locator(".dropdown-item")
        entries.first.wait_for(state="visible")
        for box in entries.evaluate_all("all => all.map(entry => entry.getBoundingClientRect().toJSON())"):
            assert box["left"] >= 0, "an entry is cut"
            assert box["right"] <= width_of(view), "an entry is cut"
        view.mouse.move(0, 400)  # the theme also shows them while the mouse is there
        view.keyboard.press("Escape")
        entries.first.wait_for(state="hidden")


def full_screen_opens_and_closes(view: Any) -> None:
    button = view.locator(".btn-fullscreen-button").first
    if not button.is_visible():
        return
    button.click()
    wait(view, "document.fullscreenElement", "its button does not fill the screen")
    button.click()
    wait(view, "!document.fullscreenElement", "its button does not leave full screen")


def search_opens_by_button_and_key(view: Any) -> None:
    here = view.url.split("#")[0]
    if "search.html" in here:
        return  # that page has a field of its own
    view.locator(".search-button__button:visible").first.click()
    wait(view, is_open(SEARCH), "its button does not open it")
    view.keyboard.press("Escape")
    wait(view, f"!{is_open(SEARCH)}", "Escape does not close it")
    view.keyboard.press("Control+k")
    wait(view, is_open(SEARCH), "Ctrl+K does not open it")
    if width_of(view) != 390:
        view.keyboard.press("Escape")
        return
    view.keyboard.type("mode collapse")
    view.keyboard.press("Enter")
    view.wait_for_url("**/search.html?q=mode+collapse*", wait_until="commit")
    view.goto(here)


def menu_leads_to_the_next_page(view: Any) -> None:
    assert not (fault := crawl.menu_fault(Chromium(view))), fault


CHECKS = (
    menu_opens_and_closes,
    contents_lead_to_a_section,
    theme_goes_through_its_states,
    download_and_colab_menus_open,
    full_screen_opens_and_closes,
    search_opens_by_button_and_key,
    menu_leads_to_the_next_page,
)


# On a tablet the same menus stand in other places: three kinds of page are enough. `make crawl` opens them on all.
CONTROLS = [(page, w) for page in PAGES for w in WIDTHS if w != 800 or page in (PAGES[0], NOTEBOOKS[1], NOTEBOOKS[-1])]


@pytest.mark.parametrize(("page", "width"), CONTROLS)
def test_controls_of_the_theme_work(server, windows, page, width):
    view = windows(width)
    view.goto(server + page)
    assert faults(view, *CHECKS) == {}


@pytest.mark.parametrize("page", CHAPTERS)
def test_buttons_have_an_address_and_a_name(page):
    """Colab, the repository, a new issue, the source of the page."""
    entries = soup(page).select(".article-header-buttons .dropdown-item")
    assert entries
    for entry in entries:
        assert entry.get_text(strip=True) or entry.get("aria-label"), f"no name: {entry}"
        assert entry.get("href") or entry.get("onclick"), f"no address: {entry}"
    assert (page in NOTEBOOKS) == any("colab" in (entry.get("href") or "") for entry in entries)
    source = soup(page).select_one(".btn-download-source-button")["href"]
    assert (SITE / page).parent.joinpath(source).is_file()


def tab_to(view: Any, selector: str, most: int = 80) -> None:
    """Press Tab until the focus is on an element with this selector."""
    for _ in range(most):
        view.keyboard.press("Tab")
        if view.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"Tab does not reach {selector}")


@pytest.mark.parametrize("width", WIDTHS)
def test_controls_of_the_theme_work_by_keyboard_alone(server, windows, width):
    view = windows(width)
    view.goto(f"{server}{NOTEBOOKS[1]}")
    view.locator("#main-content").focus()
    tab_to(view, ".theme-switch-button")
    before = view.evaluate("document.documentElement.dataset.mode")
    view.keyboard.press("Space")
    assert view.evaluate("document.documentElement.dataset.mode") != before
    if width != 1280:
        tab_to(view, ".secondary-toggle")
        view.keyboard.press("Enter")
        wait(view, is_open(CONTENTS), "the contents do not open")
        tab_to(view, "#pst-page-toc-nav a")
        view.keyboard.press("Escape")
        wait(view, f"!{is_open(CONTENTS)}", "Escape does not close the contents")
        assert view.evaluate("document.activeElement.matches('.secondary-toggle, body')"), "the focus is lost"
    view.reload()
    if width < NARROW:
        tab_to(view, crawl.TOGGLE)
        view.keyboard.press("Enter")
        wait(view, is_open(MENU), "the menu does not open")
    target = view.evaluate("crawl.markNext()")
    tab_to(view, "#crawl-next")
    view.keyboard.press("Enter")
    view.wait_for_url(target)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_dead_menu_is_noticed(server, browser, width):
    """The theme binds its menus to the first button of their class, which it once kept hidden in its header."""
    page = browser.new_page(viewport={"width": width, "height": WIDTHS[width]})
    page.add_init_script(crawl.SCRIPT)
    hidden = '<button class="pst-navbar-icon sidebar-toggle primary-toggle" hidden></button>'

    def spoil(route: Any) -> None:
        answer = route.fetch()
        whole = answer.text()
        spoilt = re.sub(r'(<header[^>]*id="pst-header"[^>]*>)', rf"\1{hidden}", whole)
        assert spoilt != whole
        route.fulfill(response=answer, body=spoilt)

    page.route("**/*.html", spoil)
    page.goto(f"{server}{NOTEBOOKS[1]}")
    try:
        assert "does not" in (crawl.menu_fault(Chromium(page)) or "")
    finally:
        page.close()
