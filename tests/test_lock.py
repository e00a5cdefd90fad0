"""The locks hold what is asked for, to the letter, and all that this needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pins(name: str) -> dict[str, str]:
    """Each requirement's version, `""` where it is not pinned."""
    lines = [line.split("#")[0].split(";")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()]
    parts = [re.fullmatch(r"([\w.-]+)(?:==(\S+))?", line) for line in lines if line]
    assert None not in parts, f"{name} has a line that is no requirement"
    return {part[1].lower().replace("_", "-"): part[2] or "" for part in parts if part}


@pytest.mark.parametrize("name", ["requirements", "requirements-lab"])
def test_a_lock_has_what_is_asked_for_and_pins_all_of_it(name):
    asked, lock = pins(f"{name}.in"), pins(f"{name}.txt")
    assert asked == {one: lock.get(one) for one in asked}, "type: make lock"
    assert [one for one, version in lock.items() if not version] == []
    assert len(lock) > 3 * len(asked)


def test_both_locks_can_be_installed_together():
    book, lab = pins("requirements.txt"), pins("requirements-lab.txt")
    assert {one: book[one] for one in book.keys() & lab.keys()} == {one: lab[one] for one in book.keys() & lab.keys()}


def test_what_the_package_needs_is_asked_for():
    import tomllib

    ranges = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert {re.split(r"[<>=!\[ ]", one)[0] for one in ranges} <= set(pins("requirements.in"))
