"""The built site in a real browser: every page, from a server and from the file system."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest
from bs4 import BeautifulSoup

from gan_helpers import widgets
from tools import repository, serve

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build/html"
BUILT = sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if "_static" not in p.parts)
PAGES = [page for page in BUILT if page != "index.html"]  # index.html only sends the reader on
CHAPTERS = [page for page in PAGES if "/" in page]  # what an author wrote
THEME_RULES = {"label-content-name-mismatch", "region"}  # what axe-core finds in the theme itself
OURS = "gan-replay, gan-lab, gan-latent"
HEAVIEST = 5_000_000  # bytes of everything that a page loads, uncompressed
PHONE = {"width": 390, "height": 844}


@cache
def soup(page: str) -> BeautifulSoup:
    """A built page, parsed."""
    return BeautifulSoup((SITE / page).read_text("utf-8"), "html.parser")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server of the site on a free port."""
    running = serve.server(SITE, 0)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()


@pytest.fixture(params=["http", "file"])
def base(request: pytest.FixtureRequest) -> str:
    """Where the site is looked at: on a server, and as files."""
    return request.getfixturevalue("server") if request.param == "http" else f"{SITE.as_uri()}/"


@dataclass
class Visit:
    """A page that was opened, what it asked for, and what it complained about."""

    page: object
    asked: set[str] = field(default_factory=set)
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def weight(self) -> int:
        """Bytes of all files that the page loaded."""
        paths = (unquote(urlparse(url).path) for url in self.asked if not url.startswith(("data:", "blob:")))
        files = (Path(path) if Path(path).is_relative_to(SITE) else SITE / path.lstrip("/") for path in paths)
        return sum(file.stat().st_size for file in files if file.is_file())


@pytest.fixture
def visit(browser) -> Iterator[Callable[..., Visit]]:
    """Open a page in a context of its own: `visit(url, theme="dark", viewport=PHONE)`."""
    contexts = []

    def open_page(url: str, theme: str = "light", viewport: dict | None = None) -> Visit:
        context = browser.new_context(color_scheme=theme, viewport=viewport or {"width": 1280, "height": 900})
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
        here = url[: url.index("/", 8)] + "/"
        seen = Visit(context.new_page())

        def ask(route) -> None:
            asked = route.request.url
            if asked.startswith((here, "data:", "blob:")):
                seen.asked.add(urldefrag(asked)[0])
                route.continue_()
            else:
                seen.foreign.append(asked)
                route.abort()

        context.route("**/*", ask)
        seen.page.on("console", lambda m: seen.complaints.append(m.text) if m.type == "error" else None)
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.goto(url, wait_until="load")
        seen.page.evaluate("async () => { await window.MathJax?.startup?.promise }")
        for element in seen.page.locator(OURS).all():  # elements start when they come into view
            element.scroll_into_view_if_needed()
            seen.page.wait_for_timeout(200)
        return seen

    yield open_page
    for context in contexts:
        context.close()


def test_the_site_is_built():
    assert CHAPTERS, "there is no built site: run make book first"


@pytest.mark.parametrize("page", PAGES)
def test_page_loads_alone(base, page, visit):
    """No request to another host, nothing on the console, nothing too heavy."""
    seen = visit(base + page)
    assert seen.foreign == []
    assert seen.complaints == []
    assert seen.weight < HEAVIEST


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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_page_is_accessible(server, page, theme, visit):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(visit(server + page, theme).page).response["violations"]
    ours = {
        rule["id"]: [node["html"][:200] for node in rule["nodes"]] for rule in found if rule["id"] not in THEME_RULES
    }
    assert ours == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_page_fits_a_phone(server, page, theme, visit):
    view = visit(server + page, theme, PHONE).page
    wide = view.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], "the page scrolls sideways"


@pytest.mark.parametrize("page", CHAPTERS)
def test_still_figures_stay_as_drawn_in_the_dark(server, page, visit):
    """They are opaque light cards; what is HTML, our elements for one, stands on the page's own background."""
    view = visit(server + page, "dark").page
    style = "found => found.map(e => [getComputedStyle(e).filter, getComputedStyle(e).backgroundColor])"
    figures = view.locator(".bd-content .cell_output img:not(:is(gan-replay, gan-lab, gan-latent) *)")
    seen = figures.evaluate_all(style)
    assert seen or not page.startswith("notebooks/"), "a chapter without a figure: does the selector find them?"
    assert all(each == ["none", "rgb(255, 255, 255)"] for each in seen)
    around = view.locator(".bd-content .text_html:not(:has(table.dataframe))")
    seen = around.evaluate_all(style)
    assert seen or not soup(page).select(f".text_html :is({OURS})")
    assert all(each == ["none", "rgba(0, 0, 0, 0)"] for each in seen)


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


@pytest.mark.parametrize("page", [page for page in CHAPTERS if page.startswith("notebooks/")])
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
    held = {element.name for element in soup(page).select(OURS)}
    needed = held | ({"gan-replay"} if held else set())  # its script is what the others build on
    ours = {Path(link.split("?")[0]).stem for link in links}
    assert ours & set(widgets.SCRIPTS) == needed


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


VALUES = "element => [...(element.shadowRoot ?? element).querySelectorAll('input')].map(i => i.value).join()"


def picture_after(view, element, control, end: int, other_than: str | None = None) -> str:
    """Move a control to one of its ends; the element's picture, awaited until it differs from `other_than`."""
    control.evaluate(MOVE, end)
    for _ in range(25):
        view.wait_for_timeout(100)
        picture = element.evaluate(PICTURE)
        if other_than is None or picture != other_than:
            break
    return picture


@pytest.mark.parametrize("page", [page for page in CHAPTERS if soup(page).select(OURS)])
def test_every_control_changes_its_picture(base, page, visit):
    seen = visit(base + page)
    for element in seen.page.locator(OURS).all():
        element.scroll_into_view_if_needed()
        controls = element.locator("input[type=range], select")
        controls.first.wait_for(state="attached")
        for i in range(controls.count()):
            if i >= controls.count():  # a control may hide others, as a game without clipping hides the limit
                break
            control = controls.nth(i)
            name = control.evaluate("c => c.labels?.[0]?.textContent || c.getAttribute('aria-label') || c.name")
            if name == "Settings act on":  # it chooses which of two GANs the other controls show and change
                shown = [control.evaluate(MOVE, end) or element.evaluate(VALUES) for end in (0, 1)]
                assert shown[0] != shown[1]
                continue
            low = picture_after(seen.page, element, control, 0)
            assert picture_after(seen.page, element, control, 1, low) != low, f"{name!r} does not change the picture"
    assert seen.complaints == []


def test_there_is_something_to_play_with():
    assert any(soup(page).select(OURS) for page in CHAPTERS)
