"""What several test files share: the repository's root, a browser, and a page with our elements in it."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that the tests can import tools/

from tools import browser as finder  # noqa: E402
from tools import serve  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seed 7`: only the tests whose verdict rests on what is drawn, with other draws than ever before."""
    parser.addoption("--seed", type=int, help="run the statistical tests only, with all their seeds moved by this")


def pytest_configure(config: pytest.Config) -> None:
    """Move every seed that a test sets."""
    if not (moved := 1_000_003 * (config.getoption("--seed") or 0)):
        return
    manual_seed, default_rng, generator = torch.manual_seed, np.random.default_rng, torch.Generator

    class Generator(generator):
        def manual_seed(self, n: int) -> torch.Generator:
            return super().manual_seed(n + moved)

    torch.Generator = Generator
    torch.manual_seed = lambda n: manual_seed(n + moved)
    np.random.default_rng = lambda n=None: default_rng(n + moved if isinstance(n, int) else n)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--seed`, leave out what does not depend on it."""
    if config.getoption("--seed") is not None:
        others = [item for item in items if not item.get_closest_marker("statistical")]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item.get_closest_marker("statistical")]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A headless Chromium (playwright's `Browser`). Without one the test is left out, and with `CI` set it fails."""
    from playwright.sync_api import sync_playwright

    path = finder.find()
    if path is None:
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out(f"left out, no browser here: {finder.HOW_TO}")
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=path, args=finder.flags())
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server of the built site on a free port."""
    from built import SITE

    running = serve.server(SITE, 0)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()


PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Test</title><meta name="viewport" '
    'content="width=device-width, initial-scale=1"></head><body><main><h1>Test</h1>{}</main></body></html>'
)
HELPERS = """
window.hosts = () => [...document.querySelectorAll("TAG")];
window.host = (i = 0) => hosts()[i];
window.inside = (selector, i = 0) => host(i).shadowRoot.querySelector(selector);
window.turn = (slider, times) => { // as quick presses of a key do, however slow the machine
  for (; times > 0; times--) {
    inside(slider).stepUp();
    for (const name of ["input", "change"]) inside(slider).dispatchEvent(new Event(name, { bubbles: true }));
  }
  return performance.now();
};
window.listen = () => { // keep in `told` what is told in words from now on, each sentence with its time
  window.told = [];
  const note = () => told.push([performance.now(), inside(".told").textContent]);
  new MutationObserver(note).observe(inside(".told"), { childList: true });
};
window.settled = () => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
"""


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Write elements into a page and open it from file://; console errors and requests to a host fail the test.

    `ready` is what to wait for, in JavaScript; in it and in `helpers`, `host(i)` is an element named `tag`,
    `inside(selector, i)` a part of it, `turn(selector, n)` moves a slider of the first one up by n steps at once and
    returns the time, `listen()` notes in `told` what is told in words, and `settled()` lets two animation frames pass.
    With `clock`, time and frames stand still once the page is ready, until the test lets them go on by
    `page.clock.run_for(milliseconds)`, so that no machine is too slow for it.
    """
    pages, errors = [], []

    def opened(tag: str, body: str, ready: str = "", *, helpers: str = "", hash: str = "", width: int = 1000,
               clock: bool = False, **context: Any) -> Any:  # fmt: skip
        (tmp_path / "page.html").write_text(PAGE.format(body), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 1200}, **context)
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: errors.append(r.url) if not re.match("file:|data:|blob:|about:", r.url) else None)
        page.add_init_script(HELPERS.replace("TAG", tag) + helpers)
        if clock:
            page.clock.install(time=0)
        page.goto((tmp_path / "page.html").as_uri() + hash)
        if ready:
            page.wait_for_function(ready)
            page.evaluate("settled()")
        if clock:
            page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
        return page

    yield opened
    for page in pages:
        page.close()
    assert errors == []
