"""Find a Chrome or Chromium for the tests of the built site, or get one as far as that goes without root.

python tools/browser.py     prints the browser's path, or one line saying how to get one (exit status 1)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome")
MAC_APPS = ("Google Chrome", "Chromium", "Google Chrome for Testing")
HOW_TO = "install Chromium or Chrome (for instance: sudo apt-get install chromium), then run make test again"


def flags() -> list[str]:
    """Command-line flags: no request of the browser's own, and no sandbox for root, who cannot have one."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return quiet + (["--no-sandbox"] if is_root else [])


def candidates() -> Iterator[Path]:
    """Every place where a browser may be, the likeliest first."""
    yield from (Path(path) for name in NAMES if (path := shutil.which(name)))
    for folder in (Path("/Applications"), Path.home() / "Applications"):
        yield from (folder / f"{app}.app/Contents/MacOS/{app}" for app in MAC_APPS)
    yield playwright_download()


def playwright_download() -> Path:
    """Where playwright keeps the browser that it downloads."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        return Path(p.chromium.executable_path)


def find() -> str | None:
    """The path of a browser that is here already, or None."""
    return next((str(path) for path in candidates() if path.is_file() and os.access(path, os.X_OK)), None)


def find_or_install() -> str | None:
    """The path of a browser; where there is none, let playwright download one into its cache (no root needed)."""
    if path := find():
        return path
    print("no Chrome or Chromium found: trying playwright's own download", flush=True)
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return find()


@contextmanager
def empty_page(scripts: Sequence[Path]) -> Iterator[tuple[Page, str]]:
    """An empty page with these scripts loaded, and the browser's version. Without a browser the program ends."""
    from playwright.sync_api import sync_playwright

    path = find()
    if path is None:
        sys.exit(HOW_TO)
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=path, args=flags())
        page = chromium.new_page()
        for script in scripts:
            page.add_script_tag(content=script.read_text("utf-8"))
        yield page, chromium.version
        chromium.close()


if __name__ == "__main__":
    path = find_or_install()
    print(path or f"no browser: {HOW_TO}")
    sys.exit(path is None)
