"""What of MyST stands raw in Markdown: the constructs that a notebook interface without MyST shows as code or as signs.

It reads the text as such an interface does, so it has no part in how the edition is made; the tests hold the edition
to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

DIRECTIVE = re.compile(r"^\s*(?:`{3,}|:{3,})\s*\{[\w:+.-]+\}.*", re.MULTILINE)
IN_TEXT = {
    "role": re.compile(r"\{[a-zA-Z][\w:+.-]*\}$"),  # before a span of code
    "option": re.compile(r"^:[a-z-]+:(?: .*)?$", re.MULTILINE),
    "label": re.compile(r"^\([\w-]+\)=$", re.MULTILINE),
    "equation label": re.compile(r"^ ?\([a-z]+[\w-]*-[\w-]+\)$", re.MULTILINE),
    "fence of colons": re.compile(r"^:{3,}.*", re.MULTILINE),
    "substitution": re.compile(r"\{\{.*"),
    "attributes": re.compile(r"[\]\0]\{(?:[.#]|\w+=)[^}]*\}"),
}


def raw(markdown: str) -> Iterator[str]:
    """The raw constructs of a Markdown text."""
    for token in MarkdownIt("commonmark").enable("table").use(dollarmath_plugin).parse(markdown):
        if token.type == "fence" and DIRECTIVE.match(f"```{token.info}"):
            yield f"directive: {token.info}"
            yield from raw(token.content)
        elif token.type == "math_block_label":
            yield f"equation label: {token.info}"
        elif token.type == "inline":
            yield from raw_text(token.children or [])


def raw_text(children: list[Token]) -> Iterator[str]:
    """The raw constructs of running text; code and mathematics are looked at by nobody."""
    lines = "".join("\n" if child.type == "softbreak" else text(child) for child in children)
    for name, pattern in IN_TEXT.items():
        if name != "role":
            yield from (f"{name}: {found}" for found in pattern.findall(lines))
    for child, after in zip(children, [*children[1:], *[None][: len(children)]], strict=True):
        if child.type == "text" and after is not None and after.type == "code_inline":
            yield from (f"role: {found}`{after.content}`" for found in IN_TEXT["role"].findall(child.content))
        target = child.attrGet("href") if child.type == "link_open" else child.attrGet("src")
        if target is not None and not re.match(r"[a-z]+:", str(target)):
            yield f"address: {target}"


def text(child: Token) -> str:
    """What counts as text of a part of running text."""
    return child.content if child.type == "text" else "\0"
