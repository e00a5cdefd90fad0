"""Walk through every page of the built site as a reader does, and measure it: `make crawl`.

    python tools/crawl.py                              in Chromium
    python tools/crawl.py --engine firefox             in another engine: chromium, firefox or webkit
    python tools/crawl.py --engine all

At 390, 800 and 1280 pixels it opens the chapter menu and reaches the next page by it. On the way it starts every
element, moves one control of each, and listens to the console. It prints a row for each page:

    MB          of everything that the page loads, uncompressed
    slider      seconds until the first slider has redrawn its picture: look at it on a quiet machine
    px 1280     from the heading above the first element to the element, in a window of 1280 pixels, and of 390
    elements    how many answered to a control
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlparse

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import engines, serve
from tools.repository import ROOT

SITE = ROOT / "_build/html"
SCRIPT = Path(__file__).with_suffix(".js").read_text("utf-8")
WIDTHS = {1280: 900, 800: 1100, 390: 844}  # and heights
HEAVIEST = 3_500_000  # bytes of everything that a page loads, uncompressed
FARTHEST = {1280: 600, 390: 900}  # pixels from a heading to the element that it promises
TOGGLE = ".bd-header-article .primary-toggle"


def pages(site: Path) -> list[str]:
    """Every page of a built site but the front door, which only sends the reader on."""
    found = sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html") if "_static" not in p.parts)
    return [page for page in found if page != "index.html"]


class WithScript(serve.QuietHandler):
    """Serves a page with the crawl's script at its head."""

    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path))
        if file.suffix != ".html" or not file.is_file():
            return super().do_GET()
        body = file.read_text("utf-8").replace("<head>", f"<head><script>{SCRIPT}</script>", 1).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of a server of the site, its pages with the crawl's script."""
    running = serve.Server(("127.0.0.1", 0), partial(WithScript, directory=str(site)))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()


def weight(site: Path, urls: Sequence[str]) -> int:
    """Bytes of the site's files behind these addresses, each counted once."""
    paths = {unquote(urlparse(url).path).lstrip("/") for url in urls if not url.startswith(("data:", "blob:"))}
    return sum((site / path).stat().st_size for path in paths if (site / path).is_file())


@dataclass
class Row:
    """What was measured on a page, and what is wrong with it."""

    page: str
    weight: int = 0
    slider: float | None = None
    distance: dict[int, int | None] = field(default_factory=dict)
    elements: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        def number(value: float | None, form: str) -> str:
            return "-" if value is None else format(value, form)

        far = [number(self.distance.get(width), "d") for width in FARTHEST]
        verdict = f"{len(self.wrong)} wrong" if self.wrong else "ok"
        return (
            f"{self.page:38} {self.weight / 1e6:5.2f} {number(self.slider, '.2f'):>7} "
            f"{far[0]:>8} {far[1]:>7} {self.elements:>9}  {verdict}"
        )


TRIES = 3  # a busy machine may lose a click on what has just moved; a dead button loses them all
HEAD = f"{'page':38} {'MB':>5} {'slider':>7} {'px 1280':>8} {'px 390':>7} {'elements':>9}"


def menu_fault(engine: engines.Engine) -> str | None:
    """Open the chapter menu of the page in view and go on by it to the next page; what went wrong, or None.

    On a wide window the menu is open already: there its button folds it away, and brings it back.
    """
    try:
        before = engine.evaluate("crawl.isMenuShown()")
        for shown in [False, True] if before else [True]:
            for _ in range(TRIES):
                engine.click(TOGGLE)
                if engine.evaluate(f"crawl.menu({str(shown).lower()})") == shown:
                    break
            else:
                return f"the button of the menu does not {'open' if shown else 'close'} it"
        target = engine.evaluate("crawl.markNext()")
        engine.click("#crawl-next")
    except RuntimeError as error:
        return f"the menu: {error}"
    arrived = f"{target},complete"
    for _ in range(100):
        with suppress(RuntimeError):  # between two pages there is none to ask
            if engine.evaluate("[location.href.split('#')[0], document.readyState].join()") == arrived:
                return None
        time.sleep(0.05)
    return f"the link in the menu does not lead to {target}"


def look(engine: engines.Engine, site: Path, base: str, page: str, widths: Sequence[int]) -> Row:
    """Visit a page at every width."""
    row = Row(page)
    for width in widths:
        engine.resize(width, WIDTHS[width])
        engine.goto(base + page + ("?play" if width == 1280 else ""))
        faults = []
        if width == 1280:
            silent = engine.evaluate("crawl.silent()")
            faults += [f"{name} does not answer to its first control" for name in silent]
            row.elements = engine.evaluate("crawl.elements().length") - len(silent)
            row.slider = engine.evaluate("crawl.firstUse")
            row.weight = weight(site, engine.evaluate("crawl.files()"))
            faults += [f"{row.weight:,} bytes, more than {HEAVIEST:,}"] if row.weight > HEAVIEST else []
        if width in FARTHEST:
            far = row.distance[width] = engine.evaluate("crawl.distance()")
            faults += [f"the element is {far} px below its heading"] if (far or 0) > FARTHEST[width] else []
        faults += engine.errors() + engine.evaluate("crawl.errors")
        faults += [fault] if (fault := menu_fault(engine)) else []
        row.wrong += [f"{width} px: {fault}" for fault in faults]
    return row


def crawl(name: str, site: Path = SITE, widths: Sequence[int] = tuple(WIDTHS)) -> list[Row]:
    """Visit every page in an engine, and print a row for each."""
    rows = []
    with served(site) as base, engines.start(name) as engine:
        print(f"\n{engine.name}\n{HEAD}", flush=True)
        for page in pages(site):
            rows.append(look(engine, site, base, page, widths))
            print("\n    ".join([str(rows[-1]), *rows[-1].wrong]), flush=True)
    return rows


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Walk through every page of the built site.")
    parser.add_argument("--engine", choices=[*engines.MODULES, "all"], default="chromium")
    options = parser.parse_args()
    if not pages(SITE):
        print("error: there is no built site yet; type: make book", file=sys.stderr)
        return 1
    names = list(engines.MODULES) if options.engine == "all" else [options.engine]
    for name in names:
        if how_to := engines.missing(name):
            print(f"error: no {name} here; {how_to}", file=sys.stderr)
            return 1
    rows = [row for name in names for row in crawl(name)]
    wrong = sum(len(row.wrong) for row in rows)
    print(f"\n{len(rows)} pages, {wrong} faults")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
