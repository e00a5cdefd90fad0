"""The set-up cell of every notebook, where readers run it: in the repository, after pip install, and alone in a folder.

The last two use a fresh environment that sees the packages of this one, all but `gan_helpers`, and has no package
index. So whatever pip would want to download fails the test; torch above all.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tools import repository

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("git"), reason="needs git"),
]

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = Path(sysconfig.get_path("purelib"))
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def run(command: list[str], cwd: Path, **env: str) -> str:
    """What a command prints; a failing command fails the test with its output."""
    keep = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GAN_BUDGET")}
    done = subprocess.run(command, cwd=cwd, env=keep | env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def run_cell(python: str, cwd: Path, **env: str) -> str:
    """Run the set-up cell as a notebook would, magics and all, and say where the package comes from."""
    cell = cwd / "cell.ipy"
    source = repository.setup_cell(repository.url(), "01_toy_gan")
    cell.write_text(f"{source}\nimport gan_helpers, torch\nprint(gan_helpers.__file__, torch.__file__, sep='\\n')\n")
    try:
        return run([python, "-m", "IPython", "--quick", "--no-banner", "--colors=NoColor", cell.name], cwd, **env)
    finally:
        cell.unlink()


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A new environment's Python. It sees every package that is installed here but `gan_helpers`."""
    others = tmp_path / "others"
    others.mkdir()
    for entry in PACKAGES.iterdir():
        if "gan_helpers" not in entry.name and not entry.name.startswith("pip"):
            (others / entry.name).symlink_to(entry)
    venv.create(tmp_path / "env", with_pip=True, symlinks=True)
    python = tmp_path / "env/bin/python"
    where = run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], tmp_path).strip()
    for entry in Path(where).iterdir():  # an older Python brings a setuptools that is too old for torch
        if "pip" not in entry.name:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (Path(where) / "others.pth").write_text(f"{others}\n")
    return python


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A git repository with this one's files."""
    target = tmp_path / "copy"
    for path in repository.tracked(ROOT):
        (target / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path.relative_to(ROOT))
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", "copy"]):
        run(["git", *command], target)
    return target


def own_packages(python: Path) -> set[str]:
    """The distributions in the environment's own folder."""
    return {path.name.split("-")[0] for path in python.parents[1].glob("lib/python*/site-packages/*.dist-info")}


def torch_here() -> tuple:
    """What any change of the installed torch would alter."""
    return tuple(sorted((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in PACKAGES.glob("torch-*/*")))


def test_in_the_repository(tmp_path):
    said = run_cell(sys.executable, ROOT / "notebooks", PIP_NO_INDEX="1")
    assert str(ROOT / "gan_helpers/__init__.py") in said
    assert re.search(
        r"^budget page: (about (a|\d+)|under a) minutes? here; for smoke or full set GAN_BUDGET", said, re.M
    )


def test_after_pip_install(fresh, copy, tmp_path):
    run([str(fresh), "-m", "pip", "install", "-q", str(copy)], tmp_path, **NO_INDEX)
    before = own_packages(fresh)
    said = run_cell(str(fresh), tmp_path, **NO_INDEX)
    assert str(tmp_path / "env") in said
    assert own_packages(fresh) == before


def test_alone_in_an_empty_folder(fresh, copy, tmp_path):
    """The cell installs the package from the repository's address, which git is told to find in the copy."""
    empty = tmp_path / "empty"
    empty.mkdir()
    git = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{copy}.insteadOf"}
    git |= {"GIT_CONFIG_VALUE_0": repository.url(), "GIT_ALLOW_PROTOCOL": "file"}
    before, torch_before = own_packages(fresh), torch_here()
    said = run_cell(str(fresh), empty, **NO_INDEX, **git)
    assert str(tmp_path / "env") in said
    assert str(PACKAGES / "torch") in said or str(tmp_path / "others/torch") in said
    assert own_packages(fresh) - before == {"gan_helpers"}
    assert torch_before
    assert torch_here() == torch_before
