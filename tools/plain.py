"""MyST as plain Markdown and HTML, for readers whose notebook interface knows no MyST: Colab, VS Code, GitHub.

The book's own parser says what is a block, a fence, a display or running text; only running text is searched for
roles and links, so code that merely looks like one stays as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

from tools.references import References, Unresolved
from tools.running import HTML_TAG, Running, in_html, is_elsewhere

EXTENSIONS = ("amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath", "substitution")
ADMONITIONS = ("attention", "caution", "danger", "error", "hint", "important", "note", "seealso", "tip", "warning")
FENCE = re.compile(r"\{([a-zA-Z][\w:+.-]*)\}\s*(.*)")
OPTION = re.compile(r":([\w-]+):\s*(.*)")
NUMBERED = re.compile(r"\\end\{(equation|align|gather|multline|eqnarray|alignat|flalign)\}\s*\Z")
DROPPED = ("myst_target", "myst_line_comment", "myst_block_break")
NO_PLAIN_FORM = {
    "substitution_block": "a substitution",
    "dl_open": "a definition list",
    "footnote_reference_open": "a footnote",
    "front_matter": "front matter",
}


def parser(extensions: Any = EXTENSIONS) -> MarkdownIt:
    """The book's own Markdown parser."""
    return create_md_parser(MdParserConfig(enable_extensions=set(extensions)), RendererHTML)


class Plain:
    """Turns the MyST of one page into plain Markdown: `Plain(references, "notebooks/01_toy_gan").text(source)`.

    Raises `Unresolved` for a role or directive that it does not know, and for what the book does not have. `labels` are
    the labels that the sources so far define.
    """

    def __init__(self, references: References, page: str, extensions: Any = EXTENSIONS) -> None:
        self.book, self.page = references, page
        self.words = Running(references, page)
        self.parser = parser(extensions)
        self.labels: list[str] = []

    def text(self, source: str) -> str:
        """A Markdown source in plain Markdown."""
        lines = source.split("\n")
        for start, end, new in reversed(list(self.changes(lines))):
            lines[start:end] = new
        return "\n".join(lines).strip("\n")

    def changes(self, lines: list[str]) -> Iterator[tuple[int, int, list[str]]]:
        """Which lines of a source change into which, from the top: `(start, end, new lines)`."""
        tokens = self.parser.parse("\n".join(lines))
        roles: Counter[tuple[int, int]] = Counter()
        for token in tokens:
            if token.type == "inline" and token.map:
                roles[token.map[0], token.map[1]] += sum(child.type == "myst_role" for child in token.children or [])
        last = (-1, -1)
        for token in tokens:
            if token.type in NO_PLAIN_FORM:
                raise Unresolved(f"{NO_PLAIN_FORM[token.type]}: {lines[token.map[0] if token.map else 0]!r}")
            if not token.map or (token.map[0], token.map[1]) == last:
                continue  # the cells of a table share their line
            start, end = token.map
            if token.type in DROPPED:
                yield self.dropped(lines, start, end)
                self.labels += [token.content] if token.type == "myst_target" else []
            elif token.type == "inline":
                last = (start, end)
                met, words = self.words.roles, "\n".join(lines[start:end])
                yield start, end, self.words.text(words).split("\n")
                if self.words.roles - met != roles[last]:
                    raise Unresolved(f"roles in an unclear place: {words!r}")
            elif token.type == "html_block":
                yield start, end, HTML_TAG.sub(self.words.html_tag, "\n".join(lines[start:end])).split("\n")
            elif (new := self.block(token)) is not None:
                first = lines[start][: lines[start].index(token.markup)]
                other = re.sub(r"[^>\s]", " ", first)  # a list's mark stands before the first line only
                while end > start and not lines[end - 1].strip(" >"):
                    end -= 1
                head, *rest = new.split("\n")
                yield start, end, [first + head, *((other + line).rstrip() for line in rest)]

    @staticmethod
    def dropped(lines: list[str], start: int, end: int) -> tuple[int, int, list[str]]:
        """The change that leaves lines out, with the blank ones below them; what they kept apart stays apart."""
        while end < len(lines) and not lines[end].strip():
            end += 1
        apart = start > 0 and end < len(lines) and lines[start - 1].strip()
        return start, end, [""] if apart else []

    def block(self, token: Token) -> str | None:
        """What stands in a block's place; None for a block that stays as it is."""
        if token.type == "math_block_label":
            self.labels.append(token.info)
            return self.display(token.content, token.info)
        found = FENCE.fullmatch(token.info.strip()) if token.type in ("fence", "colon_fence") else None
        if found:
            return self.directive(found[1], found[2].strip(), token.content)
        if token.type == "colon_fence":
            raise Unresolved(f"a fence of colons: {token.markup}{token.info}")
        return None

    def display(self, tex: str, label: str) -> str:
        """A display with the number that the page gives it."""
        tag = rf"\tag{{{self.book.equation(label)[0]}}}"
        tex = tex.strip("\n ")
        inside = NUMBERED.search(tex)
        return f"$$\n{tex[: inside.start()]}{tag} {inside[0].strip()}\n$$" if inside else f"$$\n{tex} {tag}\n$$"

    def directive(self, name: str, argument: str, content: str) -> str:
        """A directive as plain Markdown."""
        options, body = self.options(content)
        if "label" in options:
            self.labels.append(options["label"])
        if name == "admonition" or name in ADMONITIONS:
            title = self.words.text(argument) if name == "admonition" else name.capitalize()
            body = body if name == "admonition" or not argument else f"{argument}\n{body}"
            folded = "dropdown" in options.get("class", "")
            return self.details(title, self.text(body)) if folded else self.quote(title, self.text(body))
        simple: dict[str, Callable[[], str]] = {
            "exercise": lambda: f"{self.exercise(options, argument)}\n\n{self.text(body)}",
            "exercise-start": lambda: self.exercise(options, argument),
            "exercise-end": lambda: "",
            "solution": lambda: self.details("Solution", self.text(body)),
            "dropdown": lambda: self.details(self.words.text(argument), self.text(body)),
            "math": lambda: self.display(body, options["label"]) if "label" in options else f"$$\n{body}\n$$",
            "image": lambda: self.picture(argument, options),
            "figure": lambda: self.figure(argument, options, body),
            "bibliography": lambda: self.book.bibliography(self.words.cited),
        }
        if name in ("code", "code-block", "code-cell"):
            return f"```{argument}\n{body}\n```"
        if name not in simple:
            raise Unresolved(f"unknown directive {{{name}}}")
        return simple[name]()

    @staticmethod
    def options(content: str) -> tuple[dict[str, str], str]:
        """A directive's options, the lines `:name: value` at its top, and what follows them."""
        options, lines = {}, content.strip("\n").split("\n")
        while lines and (found := OPTION.fullmatch(lines[0].strip())):
            options[found[1]] = found[2]
            lines.pop(0)
        return options, "\n".join(lines).strip("\n")

    def exercise(self, options: dict[str, str], title: str) -> str:
        """The heading of an exercise: its number on the page, and its title."""
        name = "Exercise"
        if "label" in options:
            name = self.book.numbered(*self.book.labelled(options["label"])) or name
        return f"### {name}: {self.words.text(title)}" if title else f"### {name}"

    def quote(self, title: str, body: str) -> str:
        """A box as a quote. Displays go on one line: interfaces take a quote's marks for part of them."""
        lines = body.split("\n")
        for token in reversed(self.parser.parse(body)):
            if token.type.startswith("math_block") and token.map:
                mark = lines[token.map[0]][: lines[token.map[0]].index("$$")]
                tex = " ".join(token.content.split())
                lines[token.map[0] : token.map[1]] = [f"{mark}$$ {tex} $$"]
        quoted = [f"**{title}**", *([""] if body else []), *(lines if body else [])]
        return "\n".join(f"> {line}".rstrip() for line in quoted)

    def details(self, title: str, body: str) -> str:
        """Text that opens on a click. With blank lines around it, it is Markdown still."""
        return f"<details>\n<summary>{in_html(title)}</summary>\n\n{body}\n\n</details>"

    def picture(self, target: str, options: dict[str, str]) -> str:
        """A picture, at its published address."""
        address = target if is_elsewhere(target) else self.book.image(self.page, target)
        return f"![{options.get('alt', '')}]({address})"

    def figure(self, target: str, options: dict[str, str], body: str) -> str:
        """A picture and its caption."""
        self.labels += [options["name"]] if "name" in options else []
        return f"{self.picture(target, options)}\n\n{self.caption(body, options.get('name', ''))}"

    def caption(self, words: str, label: str = "") -> str:
        """The caption of a figure, with its number where the page numbers it: a cell may draw none at this budget."""
        number = self.book.numbered(*self.book.labelled(label)) if self.book.has(label) else ""
        return f"**{number}.** {self.text(words)}" if number else self.text(words)
