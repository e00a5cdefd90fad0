"""The search page in a real browser: the section that answers comes first. And what its index is made of."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
import yaml
from docutils import nodes
from docutils.utils import new_document

from tools import serve

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build/html"
sys.path.insert(0, str(ROOT / "book/_ext"))

import gan_search  # noqa: E402

THEME_RULES = {"label-content-name-mismatch", "region"}  # what axe-core finds in the theme itself

# What a reader types, the section that answers, and among how many results it must be.
QUESTIONS = [
    ("why is my discriminator loss zero", "06_mlp_mnist.html#check-yourself", 1),
    ("loss not changing", "06_mlp_mnist.html#check-yourself", 1),
    ("own images", "book/package.html#your-own-pictures", 1),
    ("custom dataset", "book/package.html#your-own-pictures", 1),
    ("colour", "book/package.html#your-own-pictures", 3),
    ("mode collapse", "05_mode_collapse.html", 1),
    ("same image every time", "05_mode_collapse.html#play-first", 1),
    ("detach", "01_toy_gan.html#build-it", 1),
    ("learning rate", "01_toy_gan.html#evidence", 1),
    ("which loss to use", "01_toy_gan.html#two-losses-for-the-generator", 1),
    ("vanishing gradient", "03_vanishing_gradients.html", 1),
    ("gan does not converge", "04_fair_game.html", 1),
    ("checkerboard", "07_dcgan.html#where-checkerboards-come-from", 1),
    ("FID", "08_quality.html#the-distance-between-two-gaussians", 1),
    ("batch norm eval", "06_mlp_mnist.html#which-statistics", 1),
    ("batch norm eval", "07_dcgan.html#the-wrong-mode", 3),
    ("EMA", "06_mlp_mnist.html#averaged-weights", 1),
    ("wasserstein", "02_what_d_measures.html#a-ruler-that-knows-how-far", 1),
    ("Waserstein", "02_what_d_measures.html#a-ruler-that-knows-how-far", 3),  # a slip
    ("R1", "04_fair_game.html#friction", 1),
    ("DCGAN", "07_dcgan.html", 1),
]


@pytest.fixture(scope="module", params=["http", "file"])
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the site is looked at: on a server, and as files."""
    if request.param == "file":
        yield f"{SITE.as_uri()}/"
        return
    running = serve.server(SITE, 0)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()


@pytest.fixture
def page(browser) -> Iterator:
    """A page whose console stays clean."""
    complaints: list[str] = []
    opened = browser.new_page()
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    opened.close()
    assert complaints == []


@pytest.fixture
def results(base, page) -> Callable[[str], list[str]]:
    """The addresses that the search page lists for a query, the best first."""

    def ask(query: str) -> list[str]:
        page.goto(f"{base}search.html?q={quote(query)}")
        page.wait_for_selector("#search-results > *")
        return [link.get_attribute("href") for link in page.locator("#search-results li a").all()]

    return ask


@pytest.mark.site
@pytest.mark.parametrize(("query", "section", "within"), QUESTIONS, ids=lambda value: str(value))
def test_the_section_that_answers_comes_first(results, query, section, within):
    assert (section if "/" in section else f"notebooks/{section}") in results(query)[:within]


@pytest.mark.site
def test_result_shows_where_it_is_and_plain_words_with_the_hits_marked(results, page, base):
    (first, *_) = results("checkerboards")
    item = page.locator("#search-results li").first
    assert "Where checkerboards come from" in item.inner_text()
    assert "7. DCGAN: which choices matter?" in item.locator(".where").inner_text()
    assert "checkerboard" in item.locator("mark").first.inner_text().lower()
    item.locator("a").click()
    page.wait_for_url(base + first)
    assert page.locator(":target").is_visible()


@pytest.mark.site
def test_no_result_shows_tex(results, page):
    for query in ("loss", "divergence", "eigenvalue", "features"):
        results(query)
        assert not {"\\", "$", "{"} & set(page.locator("#search-results").inner_text())


@pytest.mark.site
def test_what_is_not_among_the_best_can_be_had(results, page):
    assert len(results("loss")) == 12
    count = int(re.search(r"best 12 of (\d+) sections", page.locator("[role=status]").inner_text())[1])
    page.get_by_role("button", name=f"Show the other {count - 12}").press("Enter")
    assert page.locator("#search-results li").count() == count
    assert page.locator("#search-results li").nth(12).locator("a").evaluate("a => a === document.activeElement")


@pytest.mark.site
def test_words_of_a_query_are_no_markup(results, page):
    assert results("<img src=x> loss")
    assert page.locator("#gan-search img").count() == 0
    assert results("<xyzzy>") == []
    assert page.locator("#gan-search xyzzy").count() == 0


@pytest.mark.site
def test_nothing_found_offers_other_ways(results, page, base):
    links = results("xyzzy")
    assert links == []
    assert "xyzzy" in page.locator("[role=status]").inner_text()
    for link in page.locator("#search-results a").all():
        address = link.get_attribute("href").split("#")[0]
        assert (SITE / address).is_file()
    assert page.locator("#search-results a").count() == 2


@pytest.mark.site
def test_search_starts_from_every_page_by_the_keyboard(base, page):
    page.goto(f"{base}notebooks/01_toy_gan.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("checkerboard")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=checkerboard")
    assert page.locator("#search-results li a").first.get_attribute("href").endswith("#where-checkerboards-come-from")
    assert page.locator("#gan-search input[name=q]").input_value() == "checkerboard"


@pytest.mark.site
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_results_are_accessible_and_fit_a_phone(browser, base, theme):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(color_scheme=theme, viewport={"width": 390, "height": 844})
    page = context.new_page()
    for query in ("loss", "xyzzy"):
        page.goto(f"{base}search.html?q={query}")
        page.wait_for_selector("#search-results > *")
        wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1]
        found = Axe().run(page, context={"include": [["#gan-search"]]}).response["violations"]
        assert [rule["id"] for rule in found if rule["id"] not in THEME_RULES] == []
    context.close()


@pytest.mark.site
def test_only_the_search_page_loads_the_index():
    index = (SITE / "_static" / gan_search.INDEX).stat().st_size
    assert index < 400_000
    for path in SITE.rglob("*.html"):
        source = path.read_text("utf-8")
        assert (gan_search.INDEX in source) == (path.name == "search.html"), path.name
        assert "searchindex.js" not in source, path.name


@pytest.mark.site
def test_without_javascript_the_page_says_so(browser, base):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}search.html")
    assert "needs JavaScript" in page.locator("#gan-search").inner_text()
    context.close()


# The index


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        (r"\log 4", "log 4"),
        (r"\log 4 - 2\,\mathrm{JS}", "log 4 - 2 JS"),
        (r"p_\text{data}", "p_data"),
        (r"D \approx 0", "D ≈ 0"),
        (r"\frac{1}{2}", ""),
        (r"\begin{pmatrix} 0 & 1 \end{pmatrix}", ""),
    ],
)
def test_formula_reads_as_words_or_is_left_out(tex, words):
    assert gan_search.in_words(tex) == words


def small_page() -> nodes.document:
    """A page with two sections, a formula, code, an exercise and a term."""
    exercise = nodes.admonition(
        "", nodes.title("", ""), nodes.paragraph("", "Try it."), classes=["exercise"], ids=["ex"]
    )
    solution = nodes.admonition("", nodes.title("", "Solution"), nodes.paragraph("", "Done."), classes=["solution"])
    solution["target_label"] = "ex"
    item = nodes.definition_list_item(
        "", nodes.term("", "nat", ids=["term-nat"]), nodes.definition("", nodes.Text("A unit."))
    )
    loss = nodes.paragraph("", "", nodes.Text("At "), nodes.math(r"\log 4", r"\log 4"), nodes.Text("."))
    code = nodes.container("", nodes.literal_block("", "z = noise(n)"))
    output = nodes.container("", nodes.literal_block("", "tensor"), nodes.caption("", "See."), classes=["cell_output"])
    inner = nodes.section("", nodes.title("", "Loss"), loss, code, output, exercise, solution, item, ids=["loss"])
    page = new_document("page")
    page += nodes.section("", nodes.title("", "9. A page"), nodes.paragraph("", "Hello."), inner, ids=["a-page"])
    return page


def test_every_section_exercise_and_term_is_an_entry():
    found = gan_search.Collector("p.html", small_page(), {"ex": (7,)}).entries
    rows = [entry.row()[:5] for entry in found.values()]
    assert rows == [
        ["p.html", "9. A page", "9. A page", "Hello.", ""],
        ["p.html#loss", "Loss", "9. A page", "At log 4. See.", "noise"],
        ["p.html#ex", "Exercise 7", "9. A page", "Try it. Done.", ""],
        ["p.html#term-nat", "nat", "9. A page", "A unit.", ""],
    ]


def test_what_readers_type_must_lead_somewhere():
    found = {"p": gan_search.Collector("p.html", small_page(), {}).entries}
    wanted = [("p", "loss", ["cost"]), ("p", "top", ["start"]), ("p", "lost", ["x"]), ("q", "top", ["x"])]
    complaints = list(gan_search.add_aliases(found, iter(wanted)))
    assert found["p"]["#loss"].alias == ["cost"]
    assert found["p"][""].alias == ["start"]
    assert len(complaints) == 2
    assert "p has no section 'lost'; it has ex, loss, term-nat, top" in complaints[0]
    assert "'q'" in complaints[1]


def test_the_index_is_a_script_with_every_entry(tmp_path):
    source = tmp_path / "book"
    (source / "_search").mkdir(parents=True)
    (source / "search.yml").write_text("spellings: {color: colour}\nsections: {p: {loss: [cost]}}\n")
    for name in (gan_search.SCRIPT, gan_search.STYLE):
        (source / "_search" / name).write_text("")
    (tmp_path / "_static").mkdir()
    entries = gan_search.Collector("p.html", small_page(), {}).entries
    gan_search.write(SimpleNamespace(srcdir=tmp_path, outdir=tmp_path, gan_search_pages={"p": entries}), None)
    script = (tmp_path / "_static" / gan_search.INDEX).read_text("utf-8")
    index = json.loads(script.removeprefix("const GAN_INDEX = ").removesuffix(";\n"))
    assert index["spellings"] == {"color": "colour"}
    assert [row[-1] for row in index["sections"]] == ["", "cost", "", ""]


def test_phrases_stand_at_one_section_each():
    """A phrase at two sections would decide for neither."""
    sections = yaml.safe_load((ROOT / "book/search.yml").read_text("utf-8"))["sections"]
    phrases = [phrase for page in sections.values() for section in page.values() for phrase in section]
    assert sorted({phrase for phrase in phrases if phrases.count(phrase) > 1}) == []
    assert not [phrase for phrase in phrases if ";" in phrase or not isinstance(phrase, str)]
