"""Sphinx extension: the theme's Colab button opens a chapter of the notebook edition, not its MyST source.

The theme can only name a file of the book's own branch, and Colab shows MyST as raw text.
"""

from __future__ import annotations

from sphinx.application import Sphinx

from tools import repository


def open_edition(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Put the edition's address into the button that the theme has made."""
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("text") == "Colab":
                button["url"] = repository.colab(
                    app.config.html_theme_options["repository_url"], pagename.split("/")[-1]
                )


def setup(app: Sphinx) -> dict:
    """Register with Sphinx, to be called after the theme."""
    app.connect("html-page-context", open_edition, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
