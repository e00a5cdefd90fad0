"""WebKit: GTK's MiniBrowser on a screen that nobody sees, driven by selenium."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PROGRAMS = ("WebKitWebDriver", "Xvfb")
TIMEOUT = 90  # seconds for one answer
AWAIT = """const tell = arguments[arguments.length - 1];
(async () => (%s))().then((value) => tell(JSON.stringify(value ?? null)), (error) => tell(`"!${error}"`));"""


class WebKit:
    """A window of MiniBrowser as an `Engine`. Its errors are what `tools/crawl.js` hears in the page."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.name = f"WebKitGTK {driver.capabilities['browserVersion']}"
        driver.set_script_timeout(TIMEOUT)

    def resize(self, width: int, height: int) -> None:
        self.driver.set_window_size(width, height)
        inner = self.evaluate("[innerWidth, innerHeight]")  # the window has a bar of its own
        self.driver.set_window_size(2 * width - inner[0], 2 * height - inner[1])

    def goto(self, url: str) -> None:
        self.driver.get(url)

    def evaluate(self, expression: str) -> Any:
        from selenium.common.exceptions import WebDriverException

        try:
            answer = self.driver.execute_async_script(AWAIT % expression)
        except WebDriverException as error:  # the page went away meanwhile
            raise RuntimeError(type(error).__name__) from error
        if answer.startswith('"!'):
            raise RuntimeError(answer[2:-1])
        return json.loads(answer)

    def click(self, selector: str) -> None:
        from selenium.common.exceptions import WebDriverException

        self.evaluate(f"crawl.stands({json.dumps(selector)})")
        try:
            self.driver.find_element("css selector", selector).click()
        except WebDriverException as error:
            raise RuntimeError(f"{selector}: {type(error).__name__}") from error

    def errors(self) -> list[str]:
        return []


def missing() -> str | None:
    """What has to be installed, or None."""
    if all(shutil.which(program) for program in PROGRAMS):
        return None
    return "install WebKit's driver and Xvfb (for instance: sudo apt-get install webkit2gtk-driver xvfb)"


@contextmanager
def screen() -> Iterator[str]:
    """A screen in memory; its name for `DISPLAY`."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1400x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with open(reading, encoding="ascii") as said:
            yield f":{said.readline().strip()}"
    finally:
        process.terminate()
        process.wait(timeout=TIMEOUT)


@contextmanager
def start() -> Iterator[WebKit]:
    """Start MiniBrowser, and end it."""
    from selenium import webdriver
    from selenium.webdriver.webkitgtk.service import Service

    with screen() as display:
        env = os.environ | {"DISPLAY": display, "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"}
        service = Service(shutil.which(PROGRAMS[0]), env=env)
        driver = webdriver.WebKitGTK(service=service)
        try:
            yield WebKit(driver)
        finally:
            driver.quit()
