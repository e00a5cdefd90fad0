"""An element as it stands in a page: HTML, a picture for where it does not start, and the scripts it needs.

The scripts are the plain files of `static/`, joined.
"""

from __future__ import annotations

import base64
import html
import json
import re
from importlib import resources
from typing import Any

from gan_helpers import style, theory

# Joined in this order. What trains in the browser is a second script, which builds on the first.
TRAINER = ("rng.js", "net.js", "games.js", "targets.js", "measure.js", "gan.js")
SCRIPTS = {
    "gan-replay": ("codec.js", "draw.js", "touch.js", "views.js", "plane.js", "looks.js", "replay.js"),
    "gan-lab": (*TRAINER, "lab-state.js", "lab-views.js", "lab.js"),
    "gan-latent": ("rng.js", "layers.js", "latent.js"),
}
#: The settings of the laboratory: names in Python and in links, labels, words or stops, where they begin.
KNOBS: list[dict[str, Any]] = json.loads((resources.files("gan_helpers.widgets") / "knobs.json").read_text("utf-8"))
SHARED: dict[str, dict[str, Any]] = {
    "gan-replay": {"PALETTE": style.PALETTE, "SEEN": theory.SEEN},
    "gan-lab": {"KNOBS": KNOBS},
    "gan-latent": {},
}
SAYS = "A still picture; with JavaScript, sliders move it."
TOP_LEVEL = re.compile(r"^(?:async function|function|class|const) (\w+)", re.MULTILINE)


def script(element: str = "gan-replay") -> str:
    """The JavaScript of an element: files of `static/` in one scope, which a second load leaves alone.

    The scripts of the other elements use names of the first one, so that one goes before them on a page.

    Raises:
        ValueError: an unknown element; the message names the known ones.

    >>> script("gan-lab").splitlines()[2]
    'if (customElements.get("gan-lab")) return;'
    """
    if element not in SCRIPTS:
        raise ValueError(f"unknown element {element!r}: choose one of {', '.join(SCRIPTS)}")
    body, names = constants(element) + _source(element), ", ".join(TOP_LEVEL.findall(_text("gan-replay")))
    if element == "gan-replay":
        body += f"globalThis.ganHelpers = {{ {names} }};"
    else:
        body = f"const {{ {names} }} = globalThis.ganHelpers;\n{body}"
    return f'(() => {{\n"use strict";\nif (customElements.get("{element}")) return;\n{body}\n}})();\n'


def constants(element: str) -> str:
    """What Python and an element's JavaScript agree on, as JavaScript."""
    written = (f"const {name} = {json.dumps(value, ensure_ascii=False)};\n" for name, value in SHARED[element].items())
    return "".join(written)


def trainer() -> str:
    """The JavaScript that trains a GAN, without the element about it: for tests and benchmarks."""
    folder = resources.files("gan_helpers.widgets") / "static"
    return constants("gan-lab") + "".join((folder / name).read_text("utf-8") for name in TRAINER)


def _text(element: str) -> str:
    """The files of an element, joined."""
    folder = resources.files("gan_helpers.widgets") / "static"
    return "".join((folder / name).read_text("utf-8") for name in SCRIPTS[element])


def _source(element: str) -> str:
    """The same without comments, empty lines and indentation."""
    return re.sub(r"^\s*(?://.*\n\s*)*", "", _text(element), flags=re.MULTILINE)


def element(tag: str, title: str, alt: str, picture: bytes, says: str = SAYS, **attributes: str) -> str:
    """An element as HTML: what is seen until it starts, on paper and without JavaScript, and the scripts it needs.

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
    needed = dict.fromkeys(["gan-replay", tag])  # each once
    scripts = [f"<script data-gan-helpers>{script(name)}</script>" for name in needed]
    return (
        f'<{tag} data-lm-suppress-shortcuts="true"{written}><p><strong>{html.escape(title)}</strong></p>'
        f'<img alt="{html.escape(alt)}" style="max-width:100%" src="data:image/png;base64,{shown}">'
        f"<p>{html.escape(says)}</p></{tag}>\n" + "\n".join(scripts)
    )
