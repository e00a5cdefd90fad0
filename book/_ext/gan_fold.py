"""Sphinx extension: a code cell with the tag `fold` is folded under a line of its own words.

The words are the first line of the cell, a comment: `# Record 72 runs`. What the cell shows stays in view. JupyterLab
folds the same cells (their metadata say so), and the notebook edition makes forms of them for Colab.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from tools.folds import ASKED, split_words

log = logging.getLogger(__name__)


class fold(nodes.Element):
    """Code under a line that opens it; `words` is that line. (docutils names its nodes in small letters.)"""


def visit(self, node: fold) -> None:
    """Open the element."""
    self.body.append(f'<details class="gan-fold"><summary>{self.encode(node["words"])}</summary>\n')


def depart(self, node: fold) -> None:
    """Close it."""
    self.body.append("</details>\n")


class Fold(SphinxTransform):
    """Puts the source of each cell tagged `fold` into a `fold` node."""

    default_priority = 400

    def apply(self, **kwargs) -> None:
        for cell in list(self.document.findall(nodes.container)):
            tags = cell.get("cell_metadata", {}).get("tags", []) if cell.get("nb_element") == "cell_code" else []
            if "fold" not in tags or not cell.children or cell[0].get("nb_element") != "cell_code_source":
                continue
            source = next(cell[0].findall(nodes.literal_block))
            words, code = split_words(source.astext())
            if not words:
                log.warning(ASKED, location=cell)
                continue
            shown = nodes.literal_block(code, code, **{k: v for k, v in source.attributes.items() if v})
            source.replace_self(shown)
            folded = fold(words=words)
            content = cell[0]
            cell.replace(content, folded)
            folded += content


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_node(fold, html=(visit, depart), override=True)
    app.add_transform(Fold)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
