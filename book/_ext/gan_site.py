"""Sphinx extension of this book: pages that ask no other host for anything, and our elements' script, once.

- MathJax is copied from the package `sphinx-mathjax-offline` into the build.
- The elements' scripts, which a notebook carries inline, are taken out of the pages and written to one file
  for each element; a page links it only if it holds that element.
- A badge picture on another host becomes a local one; scripts that are registered twice are linked once; roles that
  accessibility checkers refuse (a list of citations without list items) are left out.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx

from gan_helpers import widgets

ELEMENT = re.compile(r"<(gan-[a-z]+)")
INLINE_SCRIPT = re.compile(r"<script\b[^>]*\bdata-gan-helpers\b[^>]*>.*?</script>\s*", re.DOTALL)
REMOTE_BADGE = re.compile(r'src="https://colab\.research\.google\.com/assets/colab-badge\.svg"')
CITATION_ROLES = re.compile(r' role="doc-biblioentry"|(?<=<div) role="list"(?= class="citation-list")')
MATHJAX = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions", "a11y", "sre")


def vendor(app: Sphinx) -> None:
    """Write the files that pages would otherwise load from elsewhere, before the first page is written."""
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise RuntimeError("the package sphinx-mathjax-offline is missing: pip install -r requirements.txt")
    mathjax = Path(package.origin).parent / "static/mathjax"
    for name in MATHJAX:
        source, target = mathjax / name, static / "mathjax" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
    for element in widgets.SCRIPTS:
        (static / f"{element}.js").write_text(widgets.script(element), encoding="utf-8")


def prepare_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Take the inline scripts out of a page and link those of the elements that it holds."""
    depth = "../" * pagename.count("/")
    body = INLINE_SCRIPT.sub("", context.get("body", ""))
    body = CITATION_ROLES.sub("", body)
    context["body"] = REMOTE_BADGE.sub(f'src="{depth}_static/colab-badge.svg"', body)
    for element in sorted(set(ELEMENT.findall(body))):
        app.add_js_file(f"{element}.js", loading_method="defer")


def tidy_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Drop the second of two equal scripts, and Thebe's, which Jupyter Book registers on every page."""
    seen: set[tuple] = set()
    scripts = context.get("script_files", [])
    for script in list(scripts):
        same = (script.filename, script.attributes.get("body"))
        if same in seen or "thebe" in str(same).lower():
            scripts.remove(script)
        seen.add(same)


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("builder-inited", vendor)
    app.connect("html-page-context", prepare_page)
    app.connect("html-page-context", tidy_scripts, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
