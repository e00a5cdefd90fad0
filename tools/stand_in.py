"""Build a second site as a machine without MNIST and without a network shows it: `python -m tools.stand_in`.

CI has MNIST, so its main site says nothing of this state. The second one is built at the smoke budget, in a folder of
its own; its outputs go into the same cache as those of the first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tools.repository import ROOT

FOLDER = ROOT / "_build/stand_in"
SITE = FOLDER / "_build/html"
SOURCES = ("_config.yml", "_toc.yml", "book", "gan_helpers", "notebooks", "requirements.txt", "tools")
NOBODY = "http://127.0.0.1:9"  # a proxy that is not there: a download is refused at once


def copy_sources() -> None:
    """Copy what a site is built from, and lend it the outputs of executed notebooks."""
    for name in SOURCES:
        source, target = ROOT / name, FOLDER / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            FOLDER.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    outputs = ROOT / "_build/outputs"
    outputs.mkdir(parents=True, exist_ok=True)
    lent = FOLDER / "_build/outputs"
    lent.parent.mkdir(exist_ok=True)
    if not lent.is_symlink():
        lent.symlink_to(os.path.relpath(outputs, lent.parent))


def without_mnist(environment: dict[str, str]) -> dict[str, str]:
    """Environment variables of a machine where MNIST is not found and cannot be had."""
    import matplotlib

    empty = FOLDER / "cache"
    shutil.rmtree(empty, ignore_errors=True)
    lacking = {name: value for name, value in environment.items() if name != "GAN_DATA"}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOBODY)
    fonts = matplotlib.get_cachedir()  # it is kept below XDG_CACHE_HOME too, and making it again takes seconds
    return lacking | proxies | {"XDG_CACHE_HOME": str(empty), "MPLCONFIGDIR": fonts, "GAN_BUDGET": "smoke"}


def main() -> int:
    """Build the site; returns the exit status."""
    copy_sources()
    command = [sys.executable, str(ROOT / "tools/book.py"), "--root", str(FOLDER)]
    return subprocess.run(command, cwd=FOLDER, env=without_mnist(dict(os.environ)), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
