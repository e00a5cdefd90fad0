"""An element as it stands in a page: HTML, a picture for where it does not start, and the script it needs.

The scripts are the modules of `static/`, joined.
"""

from __future__ import annotations

import base64
import html
import json
import re
from importlib import resources
from typing import Any

STATIC = resources.files("gan_helpers.widgets") / "static"
#: The module of each element; what it imports comes along.
SCRIPTS = {"gan-replay": "replay.js", "gan-lab": "lab.js", "gan-latent": "latent.js", "gan-figure": "figure.js"}
#: The settings of the laboratory: names in Python and in links, labels, words or stops, where they begin.
KNOBS: list[dict[str, Any]] = json.loads((resources.files("gan_helpers.widgets") / "knobs.json").read_text("utf-8"))
#: What modules import that is not a module: tables that Python reads too, by their address from `static/`.
TABLES = {"../knobs.json": "gan_helpers.widgets", "../../shared.json": "gan_helpers"}
SAYS = "A still picture; with JavaScript, sliders move it."

IMPORT = re.compile(
    r'^import (?P<names>\w+|\{[^}]*\}) from "(?P<source>[^"]+)"(?: with \{ type: "json" \})?;[^\n]*\n', re.MULTILINE
)
EXPORT = re.compile(r"^export ", re.MULTILINE)
DECLARED = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
COMMENT = re.compile(r"^\s*//.*\n|(?s:/\*\*.*?\*/) ?", re.MULTILINE)
INDENT = re.compile(r"^\s+", re.MULTILINE)


def script(element: str = "gan-replay") -> str:
    """The JavaScript of an element: its module with all that it imports, in a scope that a second load leaves alone.

    Raises:
        ValueError: an unknown element; the message names the known ones.

    >>> script("gan-lab").splitlines()[2]
    'if (customElements.get("gan-lab")) return;'
    """
    if element not in SCRIPTS:
        raise ValueError(f"unknown element {element!r}: choose one of {', '.join(SCRIPTS)}")
    body = INDENT.sub("", COMMENT.sub("", joined(SCRIPTS[element])))
    return f'(() => {{\n"use strict";\nif (customElements.get("{element}")) return;\n{body}}})();\n'


def joined(*modules: str) -> str:
    """Modules of `static/` and all that they import as one plain script, each module after those that it needs.

    Nothing is rewritten: `import` and `export` are taken out, and a table stands where it was imported. So of all that
    is joined only one module may declare a name, and it is imported under that name.

    Args:
        modules: names of files.

    Raises:
        ValueError: an import that cannot be joined, two modules that need each other, or a name that two of them
            declare: in one script the later would silently take the place of the other.

    >>> "export" in joined("rng.js")
    False
    """
    parts: dict[str, str] = {}
    for module in modules:
        _join(module, parts, ())
    declared: dict[str, str] = {}
    for module, text in parts.items():
        for name in DECLARED.findall(text):
            if name in declared:
                raise ValueError(f"{declared[name]} and {module} both declare {name}: rename one")
            declared[name] = module
    return "".join(parts.values())


def _join(module: str, parts: dict[str, str], waiting: tuple[str, ...]) -> None:
    """Add a module to the parts, after all that it imports; `waiting` are the modules that import it."""
    if module in waiting:
        raise ValueError(f"modules that need each other: {' -> '.join((*waiting, module))}")
    if module in parts:
        return
    text = (STATIC / module).read_text("utf-8")
    for found in IMPORT.finditer(text):
        names, source = found["names"], found["source"]
        if source in TABLES:
            table = json.loads((resources.files(TABLES[source]) / source.split("/")[-1]).read_text("utf-8"))
            parts[names] = f"const {names} = {json.dumps(table, ensure_ascii=False)};\n"
        elif source.startswith("./") and " as " not in names:
            _join(source.removeprefix("./"), parts, (*waiting, module))
        else:
            raise ValueError(f"{module}: cannot join {found[0].strip()!r}")
    parts[module] = EXPORT.sub("", IMPORT.sub("", text))


def element(tag: str, title: str, alt: str, picture: bytes, says: str = SAYS, **attributes: str) -> str:
    """An element as HTML: what is seen until it starts, on paper and without JavaScript, and the script it needs.

    Args:
        tag, title, alt: its name, its heading, and what the picture shows in words.
        picture: a PNG.
        says: what JavaScript adds to the picture.
        attributes: of the element; `data` is what `codec.encode` packed. An empty one stands without a value.

    >>> element("gan-latent", "A < B", "Two letters.", b"", data="H4sI").splitlines()[0][:68]
    '<gan-latent data-lm-suppress-shortcuts="true" data="H4sI"><p><strong'
    """
    shown = base64.b64encode(picture).decode()
    written = "".join(f' {name}="{html.escape(value)}"' if value else f" {name}" for name, value in attributes.items())
    return (
        f'<{tag} data-lm-suppress-shortcuts="true"{written}><p><strong>{html.escape(title)}</strong></p>'
        f'<img alt="{html.escape(alt)}" style="max-width:100%" src="data:image/png;base64,{shown}">'
        f"<p>{html.escape(says)}</p></{tag}>\n<script data-gan-helpers>{script(tag)}</script>"
    )
