"""What several test files share: the repository's root and a browser."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that the tests can import tools/

from tools import browser as finder  # noqa: E402


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
