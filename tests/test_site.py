"""The built site in a real browser: every page, from a server and from the file system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest
from built import CHAPTERS, NOTEBOOKS, OURS, PAGES, SITE, Visit, accessibility, faults, soup

from gan_helpers import widgets
from tools import crawl, repository

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[1]
BUILT = [*PAGES, "index.html"]  # which only sends the reader on
THEMES = {"http": "light", "file": "dark"}  # a visit in each place, and in each theme
HEAVIEST = crawl.HEAVIEST


@pytest.fixture(params=THEMES)
def base(request: pytest.FixtureRequest) -> str:
    """Where the site is looked at: on a server, and as files."""
    return request.getfixturevalue("server") if request.param == "http" else f"{SITE.as_uri()}/"


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """Open a page in a context of its own: `visit(url, theme="dark")`."""
    contexts = []

    def open_page(url: str, theme: str = "light") -> Visit:
        context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 900})
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
        return Visit(context.new_page()).watch(url[: url.index("/", 8)] + "/").goto(url)

    yield open_page
    for context in contexts:
        context.close()


def test_the_site_is_built():
    assert CHAPTERS, "there is no built site: run make book first"


def test_front_door_leads_to_the_welcome_page(base, visit, browser):
    page = browser.new_page()
    page.goto(base + "index.html")
    page.wait_for_url("**/book/welcome.html")
    page.close()


def targets(page: str) -> Iterator[tuple[str, str]]:
    """Every address that a page points to within the site: the path of the file, and the anchor."""
    for tag, attribute in (("a", "href"), ("img", "src"), ("link", "href"), ("script", "src"), ("source", "src")):
        for element in soup(page).find_all(tag, **{attribute: True}):
            address = element[attribute]
            if not urlparse(address).scheme and not address.startswith("//"):
                path, anchor = urldefrag(urljoin(page, address.split("?")[0] if "?" in address else address))
                yield unquote(path) or page, unquote(anchor)


@pytest.mark.parametrize("page", BUILT)
def test_no_link_or_picture_is_broken(page):
    broken = []
    for path, anchor in set(targets(page)):
        if not (SITE / path).is_file():
            broken.append(path)
        elif anchor and path.endswith(".html") and not soup(path).find(attrs={"id": anchor}):
            broken += [] if soup(path).find(attrs={"name": anchor}) else [f"{path}#{anchor}"]
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_has_a_text(page):
    for picture in soup(page).find_all("img"):
        text = picture.get("alt")
        assert text is not None, picture
        assert not text.startswith(("../", "/", "_images")), f"the alt text is a path: {text}"
        assert text.strip() or not picture.find_parent(class_="cell_output"), f"a figure without alt text: {picture}"


def test_search_finds(base, visit):
    seen = visit(base + "search.html?q=discriminator")
    seen.page.wait_for_selector("#search-results li a")
    assert seen.foreign == []
    assert seen.complaints == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_page_introduces_itself(page):
    """OpenGraph tags and the sitemap name the page's published address."""
    address = repository.pages(repository.url(ROOT)) + page
    tags = {tag["property"]: tag["content"] for tag in soup(page).find_all("meta", property=True)}
    assert tags["og:url"] == address
    assert {"og:title", "og:type", "og:site_name", "og:description"} <= set(tags)
    assert f"<loc>{address}</loc>" in (SITE / "sitemap.xml").read_text("utf-8")


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_notebook_opens_in_colab(page):
    """Button and badge open the notebook edition, and the source, which Colab would show raw, is linked nowhere."""
    address = repository.colab(repository.url(ROOT), Path(page).stem)
    assert soup(page).select(f'.article-header-buttons a[href="{address}"]')
    assert soup(page).select(f'.bd-article a[href="{address}"]')
    assert all(link["href"] == address for link in soup(page).select('a[href*="colab.research.google.com/github"]'))


@pytest.mark.parametrize("page", PAGES)
def test_our_script_is_linked_once_and_only_where_needed(page):
    """The script that a notebook carries inline is gone from the page, and linked where there is an element."""
    assert not soup(page).find_all("script", attrs={"data-gan-helpers": True})
    links = [script["src"] for script in soup(page).find_all("script", src=True)]
    assert len(links) == len(set(links))
    needed = {element.name for element in soup(page).select(OURS)}
    ours = {Path(link.split("?")[0]).stem for link in links}
    assert ours & set(widgets.SCRIPTS) == needed


# ---- A visit to each page, where all that needs a browser is looked at. The name of a check is what it fails under.


def asks_nobody_else(seen: Visit) -> None:
    assert seen.foreign == []


def has_no_complaint(seen: Visit) -> None:
    assert seen.complaints == []


def is_light_enough(seen: Visit) -> None:
    assert seen.weight <= HEAVIEST


def is_accessible(seen: Visit) -> None:
    assert accessibility(seen.page) == {}


def figures_stay_as_drawn(seen: Visit) -> None:
    """In the dark they are opaque light cards; what is HTML, our elements too, stands on the page's own background."""
    if seen.page.evaluate("document.documentElement.dataset.theme") == "light":
        return
    style = "found => found.map(e => [getComputedStyle(e).filter, getComputedStyle(e).backgroundColor])"
    figures = seen.page.locator(".bd-content .cell_output img:not(:is(gan-replay, gan-lab, gan-latent, gan-figure) *)")
    shown = figures.evaluate_all(style)
    assert shown or "/notebooks/" not in seen.page.url, "a chapter without a figure: does the selector find them?"
    assert all(each == ["none", "rgb(255, 255, 255)"] for each in shown)
    around = seen.page.locator(".bd-content .text_html:not(:has(table.dataframe))")
    assert all(each == ["none", "rgba(0, 0, 0, 0)"] for each in around.evaluate_all(style))


PICTURE = """element => {
  const root = element.shadowRoot ?? element;
  const drawn = [...root.querySelectorAll('canvas')].map(c => c.toDataURL());
  const marked = [...root.querySelectorAll('svg')].map(s => s.outerHTML);
  const pictures = [...root.querySelectorAll('img')].map(i => i.src);
  return drawn.concat(marked, pictures, element.link ?? []).join('|');  // a laboratory's link holds its settings
}"""
MOVE = """(control, end) => {
  if (control.tagName === 'SELECT') control.selectedIndex = end ? control.options.length - 1 : 0;
  else control.value = end ? control.max : control.min;
  for (const name of ['input', 'change']) control.dispatchEvent(new Event(name, {bubbles: true, composed: true}));
}"""


def picture_after(view: Any, element: Any, control: Any, end: int, other_than: str | None = None) -> str:
    """Move a control to one of its ends; the element's picture, awaited until it differs from `other_than`."""
    control.evaluate(MOVE, end)
    for _ in range(25):
        view.wait_for_timeout(100)
        picture = element.evaluate(PICTURE)
        if other_than is None or picture != other_than:
            break
    return picture


def every_control_changes_its_picture(seen: Visit) -> None:
    """All of them where the page is opened as a file; from a server, where the scripts are the same, each first one."""
    all_of_them = seen.page.url.startswith("file:")
    for element in seen.page.locator(OURS).all():
        element.scroll_into_view_if_needed()
        controls = element.locator("input[type=range], select")
        controls.first.wait_for(state="attached")
        for i in range(controls.count() if all_of_them else 1):
            if i >= controls.count():  # a control may hide others, as a game without clipping hides the limit
                break
            control = controls.nth(i)
            name = control.evaluate("c => c.labels?.[0]?.textContent || c.getAttribute('aria-label') || c.name")
            if name == "Settings act on":  # it chooses which of two GANs the other controls show and change
                control.evaluate(MOVE, 1)
                continue
            low = picture_after(seen.page, element, control, 0)
            assert picture_after(seen.page, element, control, 1, low) != low, f"{name!r} does not change the picture"


CHECKS = (
    every_control_changes_its_picture,
    asks_nobody_else,
    has_no_complaint,
    is_light_enough,
    figures_stay_as_drawn,
    is_accessible,  # last, for axe-core itself asks for the style sheets again, which fails from disk
)


@pytest.mark.parametrize("page", PAGES)
def test_page_works(base, page, visit):
    theme = THEMES["http" if base.startswith("http") else "file"]
    assert faults(visit(base + page, theme), *CHECKS) == {}


def test_there_is_something_to_play_with():
    assert any(soup(page).select(OURS) for page in CHAPTERS)
