"""Run every check of the book in order, and say at the end which passed: `make test`, or `--quick` for `make check`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import book, browser, elements, stand_in
from tools.repository import ROOT

PYTEST = ["pytest", "-n", "2"]
NBVAL = ["-p", "no:doctest", "-W", "default", "--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300"]


@dataclass(frozen=True)
class Part:
    """One check: its name, the arguments after `python -m`, and environment variables of its own."""

    name: str
    module: list[str]
    env: dict[str, str] = field(default_factory=dict)
    tests: str = ""  # the part that builds the site which this one looks at in a browser


QUICK = [
    Part("lint", ["ruff", "check", "."]),
    Part("format", ["ruff", "format", "--check", "."]),
    Part("types", ["mypy"]),
    Part("elements", ["tools.elements"]),
    Part("outputs", ["nbstripout", "--verify", "--keep-id", *map(str, sorted(ROOT.glob("notebooks/*.ipynb")))]),
    Part("architecture", ["pytest", "tests/test_architecture.py"]),
]
FULL = [
    *QUICK[:5],
    Part("unit tests", [*PYTEST, "--dist", "worksteal", "-m", "not site", "--doctest-modules", "tests", "gan_helpers"]),
    Part("notebooks", [*PYTEST, "--dist", "loadscope", *NBVAL, "notebooks"], {"GAN_BUDGET": "smoke"}),
    Part("book", ["tools.book"]),
    Part("site", [*PYTEST, "--dist", "worksteal", "-m", "site", "tests"], tests="book"),
]
# What differs on a machine without MNIST, which CI has: the outputs, and so what a page weighs and shows.
IN_CI = [
    Part("book, stand-in", ["tools.stand_in"]),
    Part(
        "site, stand-in",
        [*PYTEST, "-m", "site", "tests/test_site.py", "-k", "test_page_works and http and notebooks"],
        {"GAN_SITE": str(stand_in.SITE)},
        tests="book, stand-in",
    ),
]


def run(part: Part) -> str:
    """Run one part with its output in view; returns its verdict."""
    print(f"\n== {part.name}: {' '.join(part.module)[:100]}", flush=True)
    start = time.monotonic()
    env = os.environ | {"OMP_NUM_THREADS": "1"} | part.env
    status = subprocess.run([sys.executable, "-m", *part.module], cwd=ROOT, env=env, check=False).returncode
    if part.name == "elements" and status == elements.LEFT_OUT:
        return "LEFT OUT: Node, TypeScript or Biome cannot be had here"
    return f"{'passed' if status == 0 else 'FAILED'} in {time.monotonic() - start:.0f} s"


def main() -> int:
    """Run the parts; returns the exit status."""
    quick = "--quick" in sys.argv[1:]
    try:
        book.budget_name()  # the notebooks are tested at `smoke` whatever it is, but the book is built at it
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    verdicts: dict[str, str] = {}
    in_ci = bool(os.environ.get("CI"))
    for part in QUICK if quick else FULL + IN_CI * in_ci:
        if part.tests and verdicts[part.tests].startswith("FAILED"):
            verdicts[part.name] = "FAILED: there is no site to test"
        elif part.tests and not browser.find_or_install():
            verdicts[part.name] = f"{'FAILED' if in_ci else 'LEFT OUT'}: no browser; {browser.HOW_TO}"
        else:
            verdicts[part.name] = run(part)
    print("\n== summary")
    for name, verdict in verdicts.items():
        print(f"  {name:14} {verdict}")
    return int(any(verdict.startswith("FAILED") for verdict in verdicts.values()))


if __name__ == "__main__":
    try:
        status = main()
    except KeyboardInterrupt:  # the part that was running has had the same signal
        print("\nstopped", file=sys.stderr)
        status = 130
    sys.exit(status)
