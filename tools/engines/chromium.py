"""Chromium, driven by playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tools import browser


@contextmanager
def in_words() -> Iterator[None]:
    """Playwright's errors as RuntimeError."""
    from playwright.sync_api import Error

    try:
        yield
    except Error as error:
        raise RuntimeError(error.message.splitlines()[0]) from error


class Chromium:
    """A page of playwright's as an `Engine`."""

    def __init__(self, page: Any, name: str = "Chromium") -> None:
        self.page, self.name = page, name
        self.heard: list[str] = []
        page.on("console", lambda message: self.heard.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.heard.append(str(error)))

    def resize(self, width: int, height: int) -> None:
        self.page.set_viewport_size({"width": width, "height": height})

    def goto(self, url: str) -> None:
        self.page.goto(url, wait_until="load")

    def evaluate(self, expression: str) -> Any:
        with in_words():
            return self.page.evaluate(expression)

    def click(self, selector: str) -> None:
        with in_words():
            self.page.locator(selector).first.click(timeout=5000)

    def errors(self) -> list[str]:
        heard, self.heard = self.heard, []
        return heard


def missing() -> str | None:
    """What has to be installed, or None."""
    return None if browser.find() else browser.HOW_TO


@contextmanager
def start() -> Iterator[Chromium]:
    """Start Chromium, and end it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        running = p.chromium.launch(executable_path=browser.find(), args=browser.flags())
        yield Chromium(running.new_page(), f"Chromium {running.version}")
        running.close()
