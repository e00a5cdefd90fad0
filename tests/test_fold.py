"""What the tag `fold` does to a cell on the page: words in view, code behind them, outputs where they were."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from docutils import nodes, utils
from docutils.frontend import get_default_settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book/_ext"))

import gan_fold


def page(source: str, tags: list[str]) -> nodes.document:
    """A page with one code cell that has an output, as myst-nb hands it on."""
    document = utils.new_document("page.ipynb", get_default_settings())
    cell = nodes.container(nb_element="cell_code", cell_metadata={"tags": tags}, classes=["cell"])
    code = nodes.container(nb_element="cell_code_source", classes=["cell_input"])
    code += nodes.literal_block(source, source, language="ipython3")
    output = nodes.container(nb_element="cell_code_output", classes=["cell_output"])
    output += nodes.literal_block("72", "72")
    cell += [code, output]
    document += cell
    gan_fold.Fold(document).apply()
    return document


def test_words_stand_above_and_code_behind_them():
    (cell,) = page("# Record 72 runs.\n\nruns = {}\n", ["fold"]).children
    folded, output = cell.children
    assert isinstance(folded, gan_fold.fold)
    assert folded["words"] == "Record 72 runs"
    (code,) = folded.findall(nodes.literal_block)
    assert code.astext() == "runs = {}\n"
    assert code["language"] == "ipython3"
    assert output.astext() == "72"


def test_other_cells_stay_as_they_are():
    (cell,) = page("# Record 72 runs\nruns = {}", ["headline"]).children
    assert [part["nb_element"] for part in cell.children] == ["cell_code_source", "cell_code_output"]
    assert cell[0].astext().startswith("# Record")


@pytest.mark.parametrize("source", ["runs = {}", "#", "#!shell\nls", ""])
def test_a_fold_without_words_is_a_warning_and_stays_in_view(source, caplog):
    with caplog.at_level(logging.WARNING, logger="sphinx.gan_fold"):
        document = page(source, ["fold"])
    assert not list(document.findall(gan_fold.fold))
    assert "begins with a comment" in caplog.text
