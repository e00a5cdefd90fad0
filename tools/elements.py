"""Check the JavaScript of the book: its types by TypeScript, the rest by Biome. Both come from npm, at pinned versions.

python -m tools.elements     ends with 1 if something is wrong, and with 3 where Node or the two cannot be had
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.repository import ROOT

HERE = ROOT / "tools/js"
SCRIPTS = ("gan_helpers/widgets/static", "book/_static/gan-page.js", "book/_search/gan-search.js", "tools/crawl.js")
LEFT_OUT = 3


def install() -> str:
    """Let npm install what the lock names, if that is not there yet; returns why not, or nothing."""
    if not (shutil.which("node") and (npm := shutil.which("npm"))):
        return "no Node with npm; install nodejs and npm to check the elements' types"
    done = HERE / "node_modules/.package-lock.json"
    if done.exists() and done.stat().st_mtime > (HERE / "package-lock.json").stat().st_mtime:
        return ""
    found = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return f"npm could not install TypeScript and Biome:\n{found.stderr.strip()}" if found.returncode else ""


def main() -> int:
    """Check everything; returns the exit status."""
    if why := install():
        print(f"left out: {why}" if not os.environ.get("CI") else f"error: {why}", file=sys.stderr)
        return 1 if os.environ.get("CI") else LEFT_OUT
    tools = HERE / "node_modules/.bin"
    lint = [tools / "biome", "lint", f"--config-path={HERE}", "--error-on-warnings", *SCRIPTS]
    types = [tools / "tsc", "--project", HERE]
    statuses = [subprocess.run(command, cwd=ROOT, check=False).returncode for command in (lint, types)]
    return int(any(statuses))  # a command that was killed has a negative one


if __name__ == "__main__":
    sys.exit(main())
