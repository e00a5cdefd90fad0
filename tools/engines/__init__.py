"""Three browser engines behind one small interface: Chromium, Firefox and WebKit.

with engines.start("firefox") as engine:
    engine.resize(390, 844)
    engine.goto("http://127.0.0.1:8000/book/welcome.html")
    engine.click(".primary-toggle")
    print(engine.evaluate("document.title"), engine.errors())
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tools.engines import chromium, firefox, webkit

MODULES = {"chromium": chromium, "firefox": firefox, "webkit": webkit}


class Engine(Protocol):
    """A browser with one page."""

    name: str  # with its version

    def resize(self, width: int, height: int) -> None:
        """Give the page this many CSS pixels."""

    def goto(self, url: str) -> None:
        """Open an address and wait until it has loaded."""

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited. One that throws raises RuntimeError."""

    def click(self, selector: str) -> None:
        """Click the middle of the first element with this selector, as a mouse does. RuntimeError if that cannot be."""

    def errors(self) -> list[str]:
        """What the browser has complained about since this was last asked."""


def missing(name: str) -> str | None:
    """What has to be installed before the engine can start, as a sentence; None if nothing has to."""
    return MODULES[name].missing()


@contextmanager
def start(name: str) -> Iterator[Engine]:
    """Start an engine, and end it."""
    with MODULES[name].start() as engine:
        yield engine
