"""Sphinx extension: a directive that shows on one page the interactive element that a notebook of the book has made.

    ```{element} notebooks/01_toy_gan.ipynb toy
    ```

places the HTML output of the code cell tagged `element:toy`. The welcome page holds a slider this way, and the runs
behind it are the chapter's own. And another, for the page that is a laboratory:

    ```{laboratory} GAN laboratory
    ```
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from docutils import nodes
from docutils.parsers.rst import Directive
from jupyter_cache import get_cache
from sphinx.application import Sphinx

from gan_helpers.widgets.lab import Lab


class Element(Directive):
    """The output of a tagged cell of an executed notebook; arguments: the notebook's path, and the element's name."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        env = self.state.document.settings.env
        path, name = self.arguments
        env.note_dependency(path)
        notebook = nbformat.read(Path(env.srcdir) / path, as_version=4)
        try:
            _, executed = get_cache(env.config.nb_execution_cache_path).merge_match_into_notebook(notebook)
        except KeyError:
            raise self.error(f"{path} has no outputs yet: build the book with make book") from None
        pages = [
            output.data["text/html"]
            for cell in executed.cells
            if f"element:{name}" in cell.metadata.get("tags", [])
            for output in cell.get("outputs", [])
            if "text/html" in output.get("data", {})
        ]
        if len(pages) != 1:
            raise self.error(f"{path} must have one cell with the tag element:{name} and HTML output, not {len(pages)}")
        return [nodes.raw("", pages[0], format="html")]


class Laboratory(Directive):
    """The laboratory with all its controls, which keeps its settings in the page's address; argument: its heading."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        made = Lab(self.arguments[0], share=True)._repr_mimebundle_()["text/html"]
        return [nodes.raw("", made, format="html")]


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_directive("element", Element)
    app.add_directive("laboratory", Laboratory)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
