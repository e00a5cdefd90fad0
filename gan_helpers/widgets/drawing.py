"""Drawings of ideas that have a shape: the way of a gradient, what a layer sees. One SVG each, in `drawings/`.

They take their colours from the page, light or dark; in a notebook they stand on white.
"""

from __future__ import annotations

import html
import re
from importlib import resources
from typing import Any

from gan_helpers import style

__all__ = ["Drawing"]

FOLDER = resources.files("gan_helpers.widgets") / "drawings"
NAMES = sorted(file.name.removesuffix(".svg") for file in FOLDER.iterdir() if file.name.endswith(".svg"))
DARK = ("html[data-theme=dark]", "body[data-jp-theme-light=false]")


def looks() -> str:
    """The style sheet: a class for each role and colour of the palette."""
    colours = ("real", "fake", "ink", "muted", "hair", "paper")
    vary = {name: "".join(f"--d-{c}:{style.PALETTE[name][c]};" for c in colours) for name in ("light", "dark")}
    rules = [f".gan-drawing{{{vary['light']}background:var(--d-paper);border-radius:10px;margin:1rem 0;padding:8px}}"]
    rules += [f"{theme} .gan-drawing{{{vary['dark']}}}" for theme in DARK]
    rules.append("@media print{html .gan-drawing.gan-drawing{" + vary["light"] + "break-inside:avoid}}")
    rules.append(".gan-drawing svg{display:block;margin:0 auto;max-width:560px;width:100%}")
    rules.append(
        ".gan-drawing text{fill:var(--d-ink);font:13px system-ui,sans-serif;text-anchor:middle}"
        ".gan-drawing .small{font-size:12.5px}.gan-drawing .big{font-size:15px;font-weight:600}"
        ".gan-drawing .title{font-weight:700;font-size:14px;text-anchor:start}"
        '.gan-drawing [text-anchor="start"]{text-anchor:start}.gan-drawing [text-anchor="end"]{text-anchor:end}'
        ".gan-drawing [class^=line]{fill:none;stroke-width:2}.gan-drawing .dash{stroke-dasharray:5 4}"
        ".gan-drawing [class^=box]{fill:var(--d-paper);stroke-width:2}"
    )
    for c in colours:
        rules.append(
            f".gan-drawing .line-{c},.gan-drawing .box-{c}{{stroke:var(--d-{c})}}"
            f".gan-drawing .fill-{c}{{fill:var(--d-{c})}}"
        )
    rules.append(
        ".gan-drawing figcaption{color:var(--d-muted);font-size:.92em;margin:.4rem auto 0;max-width:560px;"
        "text-align:left}"
    )
    return "".join(rules)


class Drawing:
    """A drawing with a caption. Shown as the last value of a cell; in a terminal it prints what it shows, in words.

    Args:
        name: `data_flow`, `dirac`, `batch_norm`, `dcgan_stack` or `two_clouds`.
        caption: what to see in it.

    Raises:
        ValueError: an unknown name; the message names the known ones.

    >>> Drawing("two_clouds", caption="FID compares the ellipses.")
    Drawing: FID compares the ellipses.
    """

    def __init__(self, name: str, *, caption: str) -> None:
        if name not in NAMES:
            raise ValueError(f"unknown drawing {name!r}: choose one of {', '.join(NAMES)}")
        self.name, self.caption = name, caption

    @property
    def svg(self) -> str:
        """The file's text."""
        return (FOLDER / f"{self.name}.svg").read_text("utf-8").strip()

    @property
    def alt(self) -> str:
        """What it shows, in words."""
        found: Any = re.search(r'aria-label="([^"]*)"', self.svg)
        return str(found[1])

    def _repr_html_(self) -> str:
        shown = f"<style>{looks()}</style>{self.svg}<figcaption>{html.escape(self.caption)}</figcaption>"
        return f'<figure class="gan-drawing">{shown}</figure>'

    def __repr__(self) -> str:
        return f"Drawing: {self.caption}"
