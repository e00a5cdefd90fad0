"""Numbers in a chapter's sentences are those of its executed cells.

A Markdown cell's metadata lists them: `"measured": [{"says": "32 of 32", "row": "the recipe"}]` means that the sentence
says "32 of 32", and that the page shows this, up to chance, in a line of output that begins with "the recipe". `within`
is how far a number may lie off, by default a tenth of it; of "k of n" n must agree, and k up to two standard errors.
Where the sentence uses words, `value` is the number behind them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from built import NOTEBOOKS, soup

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
SHARE = re.compile(r"(\d+) of (\d+)")


def measured(page: str) -> Iterator[tuple[str, dict]]:
    """Every number that a chapter's sentences claim, with the sentence's cell."""
    path = ROOT / "notebooks" / Path(page).with_suffix(".ipynb").name
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        for claim in cell["metadata"].get("measured", []):
            yield "".join(cell["source"]), claim


def lines(page: str) -> list[str]:
    """What the cells of a page print and tabulate, line by line."""
    found = []
    for output in soup(page).select(".cell_output"):
        for row in output.select("tr"):
            found.append(" ".join(cell.get_text(" ", strip=True) for cell in row.select("th, td")))
        for text in output.select("pre"):
            found += [re.sub(r"\s+", " ", line).strip() for line in text.get_text().splitlines()]
    return found


def plain(text: str) -> float:
    return float(text.replace(",", ""))


def agrees(claim: dict, line: str) -> bool:
    """Whether a line of output shows what is claimed."""
    wanted, rest = (
        claim.get("value", claim["says"]),
        line[len(claim["row"]) :] if line.startswith(claim["row"]) else line,
    )
    if share := SHARE.search(wanted):
        k, n = map(int, share.groups())
        slack = max(1, 2 * math.sqrt(k * (n - k) / n))
        return any(int(m[2]) == n and abs(int(m[1]) - k) <= slack for m in SHARE.finditer(line))
    number = plain(NUMBER.search(wanted)[0])
    within = claim.get("within", abs(number) / 10)
    return any(abs(plain(m[0]) - number) <= within for m in NUMBER.finditer(rest))


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_numbers_in_sentences_are_those_of_the_cells(page):
    shown = lines(page)
    if not any("budget page" in line for line in shown):
        pytest.skip("left out: the site was built at another budget than `page`")
    if "stand in for it" in soup(page).get_text(" ", strip=True):
        pytest.skip("left out: other digits stand in for MNIST here")
    for source, claim in measured(page):
        row = re.sub(r"\s+", " ", claim["row"])
        assert claim["says"] in re.sub(r"\s+", " ", source), f"the sentence does not say {claim['says']!r}"
        found = [line for line in shown if line.startswith(row)]
        assert found, f"no output begins with {row!r}"
        assert any(agrees({**claim, "row": row}, line) for line in found), f"{claim}: the page shows {found}"


def test_every_chapter_has_a_number_in_a_sentence():
    assert all(any(True for _ in measured(page)) for page in NOTEBOOKS if "00_" not in page)


@pytest.mark.parametrize(
    ("claim", "line", "verdict"),
    [
        ({"says": "32 of 32", "row": "the recipe"}, "the recipe 32 of 32 89 to 100 %", True),
        ({"says": "32 of 32", "row": "the recipe"}, "the recipe 29 of 32", False),
        ({"says": "none of 32", "row": "slow", "value": "0 of 32"}, "slow 0 of 32", True),
        ({"says": "0.10", "row": "a"}, "a 0.14 0.2 to 0.3", False),
        ({"says": "0.10", "row": "a", "within": 0.05}, "a 0.14", True),
        ({"says": "3,700", "row": "lambda 0", "within": 900}, "lambda 0: reads median 3705.51", True),
    ],
)
def test_a_wrong_number_is_noticed(claim, line, verdict):
    assert agrees(claim, line) == verdict
