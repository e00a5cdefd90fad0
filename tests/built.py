"""The built site, for the tests that look at it: its pages, and a visit to one of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

from bs4 import BeautifulSoup

from tools import crawl

SITE = Path(os.environ.get("GAN_SITE") or crawl.SITE)  # .ci/run tests a second site
PAGES = crawl.pages(SITE)
CHAPTERS = [page for page in PAGES if "/" in page]  # what an author wrote
NOTEBOOKS = [page for page in CHAPTERS if page.startswith("notebooks/")]
OURS = "gan-replay, gan-lab, gan-latent, gan-figure"
PHONE = {"width": 390, "height": 844}
THEME_RULES = {"label-content-name-mismatch", "region"}  # what axe-core finds in the theme itself


@cache
def soup(page: str) -> BeautifulSoup:
    """A built page, parsed."""
    return BeautifulSoup((SITE / page).read_text("utf-8"), "html.parser")


@dataclass
class Visit:
    """A page that was opened, what it asked for, and what it complained about."""

    page: Any
    asked: set[str] = field(default_factory=set)
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, base: str) -> Visit:
        """Note what the page asks for, refuse what is not below `base`, and listen to its console."""

        def ask(route: Any) -> None:
            asked = route.request.url
            if asked.startswith((base, "data:", "blob:")):
                self.asked.add(urldefrag(asked)[0])
                route.continue_()
            else:
                self.foreign.append(asked)
                route.abort()

        self.page.context.route("**/*", ask)
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return self

    def goto(self, url: str, start: bool = True) -> Visit:
        """Open an address, and start the elements, which wait until they come into view."""
        self.page.goto(url, wait_until="load")
        self.page.evaluate("async () => { await window.MathJax?.startup?.promise }")
        if start:
            for element in self.page.locator(OURS).all():
                element.scroll_into_view_if_needed()
                self.page.wait_for_timeout(200)
        return self

    @property
    def weight(self) -> int:
        """Bytes of all files that the page loaded."""
        return crawl.weight(SITE, [url.removeprefix(SITE.as_uri()) for url in self.asked])


def accessibility(page: Any) -> dict[str, list[str]]:
    """What axe-core finds on a page as it is now, beside the theme's own: rules, and the nodes that break them."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return {
        rule["id"]: [node["html"][:200] for node in rule["nodes"]] for rule in found if rule["id"] not in THEME_RULES
    }


def faults(view: Any, *checks: Any) -> dict[str, str]:
    """Make several checks of a page that is open; the names of those that failed, and why.

    A visit costs more than a check, so a test makes many in one visit, and names each.
    """
    from playwright.sync_api import Error

    found = {}
    for check in checks:
        try:
            check(view)
        except (AssertionError, Error) as error:
            found[check.__name__] = str(error).split("\nCall log")[0]
    return found
