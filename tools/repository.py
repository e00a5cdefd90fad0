"""Stamp the address of the repository into every file that names it: `make set-repository URL=...`.

The address stands in `_config.yml` (`repository.url`). Set-up cells, Colab badges and the site's
own address follow from it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = ("_config.yml", "*.md", "CITATION.cff", "pyproject.toml", "book/*.md", "notebooks/*.ipynb", "gan_helpers/*.py")
SLUG = r"[\w.-]+/[\w.-]+?"
NO_MORE = r"(?![\w-]|\.\w)"  # the end of OWNER/REPO, though a full stop may follow
COLAB = rf"(?<=colab\.research\.google\.com/github/){SLUG}/blob/(?:\w+/notebooks|\w+)/"
SITE_KEYS = r"^( +(?:baseurl|ogp_site_url): *)\S+"  # where _config.yml, and it alone, names the published site

COLAB_BRANCH = "notebooks"  # holds the notebook edition, which .github/workflows/notebooks.yml writes

SETUP_CELL = """\
# Set up: install gan_helpers where it is missing, choose a device
# Your torch stays as it is. To choose another budget, run this in a cell above,
# and then all cells again: import os; os.environ["GAN_BUDGET"] = "smoke"
try:
    import gan_helpers  # noqa: F401
except ModuleNotFoundError:
    %pip install -q "gan_helpers @ git+{url}"
from gan_helpers import runtime, style

device = runtime.setup(minutes={minutes})
style.use()"""

# How long each chapter takes, in minutes on one core of the machine that `runtime.REFERENCE` was measured on. `full` is
# for a GPU; the set-up cell says that it was not measured.
MINUTES: dict[str, dict[str, float]] = {
    "00_five_minutes": {"page": 0.8, "full": 1.6},
    "01_toy_gan": {"page": 1.3},
    "02_what_d_measures": {"page": 0.8},
    "03_vanishing_gradients": {"page": 1.9, "full": 7.9},
    "04_fair_game": {"page": 1.6},
    "05_mode_collapse": {"page": 4.0},
    "06_mlp_mnist": {"page": 1.7},
    "07_dcgan": {"page": 3.4},
    "08_quality": {"page": 1.1},
}


def setup_cell(address: str, chapter: str) -> str:
    """The set-up cell of a chapter, `01_toy_gan` for one."""
    minutes = str(MINUTES.get(chapter, {})).replace("'", '"')
    return SETUP_CELL.format(url=address, minutes=minutes)


def url(root: Path = ROOT) -> str:
    """The repository's address, from `_config.yml`."""
    found = re.search(
        r"^repository:\n(?:[ #].*\n)*?  url: *(\S+)", (root / "_config.yml").read_text("utf-8"), re.MULTILINE
    )
    if not found:
        raise ValueError("_config.yml has no repository.url")
    return found[1]


def slug(address: str) -> str:
    """`OWNER/REPO` of a GitHub address.

    >>> slug("https://github.com/gan-book/gan-book")
    'gan-book/gan-book'
    """
    found = re.fullmatch(rf"https://github\.com/({SLUG})(?:\.git)?/?", address)
    if not found:
        raise ValueError(
            f"URL is {address!r}, but must look like https://github.com/OWNER/REPO (Colab opens GitHub only)"
        )
    return found[1]


def pages(address: str) -> str:
    """The address of the published site on GitHub Pages."""
    owner, repo = slug(address).split("/")
    host = f"https://{owner.lower()}.github.io/"
    return host if repo.lower() == f"{owner}.github.io".lower() else f"{host}{repo}/"


def colab(address: str, chapter: str) -> str:
    """The address that opens a chapter of the notebook edition in Colab.

    >>> colab("https://github.com/gan-book/gan-book", "01_toy_gan")
    'https://colab.research.google.com/github/gan-book/gan-book/blob/notebooks/01_toy_gan.ipynb'
    """
    return f"https://colab.research.google.com/github/{slug(address)}/blob/{COLAB_BRANCH}/{chapter}.ipynb"


def files(root: Path) -> Iterator[Path]:
    """The files that may name the repository."""
    for pattern in FILES:
        yield from sorted(root.glob(pattern))


def tracked(root: Path) -> list[Path]:
    """The files of the repository: what git tracks or would track; without git, what is not built or installed."""
    if shutil.which("git") and (root / ".git").exists():
        listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()
        return [root / name for name in names if (root / name).is_file()]
    skip = {".venv", "_build", "__pycache__", "gan_helpers.egg-info", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
    return [path for path in root.rglob("*") if path.is_file() and not skip & set(path.relative_to(root).parts)]


def stamp(root: Path, new: str, write: bool = True) -> list[Path]:
    """Put the address `new` wherever the repository is named; returns the files where that makes a difference."""
    old, changed = url(root), []
    for path in files(root):
        text = path.read_text("utf-8")
        stamped = re.sub(rf"github\.com/{re.escape(slug(old))}{NO_MORE}", f"github.com/{slug(new)}", text)
        if path.name == "_config.yml":
            stamped = re.sub(SITE_KEYS, lambda key: key[1] + pages(new), stamped, flags=re.M)
        stamped = re.sub(COLAB, f"{slug(new)}/blob/{COLAB_BRANCH}/", stamped)
        stamped = re.sub(rf"(?<=gan_helpers @ git\+https://github\.com/){SLUG}(?=[\\\"'`])", slug(new), stamped)
        stamped = re.sub(
            rf"^cd {re.escape(slug(old).split('/')[1])}$", f"cd {slug(new).split('/')[1]}", stamped, flags=re.M
        )
        if stamped != text:
            changed.append(path)
            if write:
                path.write_text(stamped, "utf-8")
    return changed


def main() -> int:
    """Command line; returns the exit status."""
    try:
        new = f"https://github.com/{slug(sys.argv[1] if len(sys.argv) > 1 else '')}"
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    changed = stamp(ROOT, new)
    print(f"{new}: stamped into {len(changed)} files; the site's address is {pages(new)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
