"""Running text of MyST as plain Markdown: roles, links, pictures and HTML tags; code and mathematics stay."""

from __future__ import annotations

import html
import re

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from tools.references import References, Unresolved, titled

ROLE = re.compile(r"\{([a-zA-Z][\w:+.-]*)\}(`+)")
LINK = re.compile(r"\]\(\s*(<[^<>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)")
HTML_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
HTML_ADDRESS = re.compile(r"(\s(?:href|src)=)([\"'])([^\"']*)\2")
ATTRIBUTES = re.compile(r"\{[^{}`\n]*\}(?!`)")


def is_elsewhere(target: str) -> bool:
    """Whether an address is one of another site, or carries its own data."""
    return bool(re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//", target))


def one_line(text: str) -> str:
    """Text on one line; the marks of a quote that it ran through go."""
    return re.sub(r"[ \t]*\n[ \t]*(?:>[ \t]?)*", " ", text)


class Running:
    """Turns running text of one page into plain Markdown: `Running(references, "notebooks/01_toy_gan").text(source)`.

    `cited` are the sources met so far, and `roles` counts the roles.
    """

    def __init__(self, references: References, page: str) -> None:
        self.book, self.page = references, page
        self.cited: list[str] = []
        self.roles = 0

    def text(self, source: str) -> str:
        """Running text with its roles, links and pictures resolved."""
        out: list[str] = []
        brackets: list[int] = []
        at = 0
        while at < len(source):
            at = self.step(source, at, out, brackets)
        return "".join(out)

    def step(self, source: str, at: int, out: list[str], brackets: list[int]) -> int:
        """Move what begins at one place of running text to `out`; returns the place behind it."""
        sign = source[at]
        if sign == "\\":
            out.append(source[at : at + 2])
            return at + 2
        if sign == "{" and (found := ROLE.match(source, at)):
            end = self.closing(source, found[2], found.end())
            if end > 0:
                content = one_line(source[found.end() : end]).strip()
                out.append(self.role(found[1], content))
                return end + len(found[2])
        if sign == "{" and source.startswith("{{", at):
            raise Unresolved(f"a substitution: {source[at : at + 30]!r}")
        if sign == "`":
            ticks = re.compile("`+").match(source, at)[0]  # type: ignore[index]
            end = self.closing(source, ticks, at + len(ticks))
            stop = end + len(ticks) if end > 0 else at + len(ticks)
            out.append(source[at:stop])
            return stop
        if sign == "$":
            return self.mathematics(source, at, out)
        if sign == "<" and (found := HTML_TAG.match(source, at)):
            out.append(self.html_tag(found))
            return found.end()
        if sign == "[":
            brackets.append(len(out))
        elif sign == "]" and brackets:
            return self.link(source, at, out, brackets.pop())
        out.append(sign)
        return at + 1

    @staticmethod
    def closing(source: str, ticks: str, start: int) -> int:
        """Where a run of just these ticks begins, from `start` on; -1 if there is none."""
        found = re.compile(rf"(?<!`){ticks}(?!`)").search(source, start)
        return found.start() if found else -1

    @staticmethod
    def mathematics(source: str, at: int, out: list[str]) -> int:
        """Move mathematics to `out`, on one line: interfaces take it out of the text before they know of quotes."""
        mark = "$$" if source.startswith("$$", at) else "$"
        found = re.compile(r"(?:[^\\$]|\\.)+" + re.escape(mark), re.DOTALL).match(source, at + len(mark))
        if not found:
            out.append(mark)
            return at + len(mark)
        out.append(mark + one_line(found[0]))
        return found.end()

    def link(self, source: str, at: int, out: list[str], opened: int) -> int:
        """Close a bracket: a link, a picture, words with attributes, or only a bracket."""
        is_picture = opened > 0 and out[opened - 1] == "!"
        found = LINK.match(source, at)
        end = found.end() if found else at + 1
        attributes = ATTRIBUTES.match(source, end)
        if not found:
            if attributes:  # words with a class of their own
                out[opened] = ""
                return attributes.end()
            out.append("]")
            return end
        target = found[1].strip("<>")
        if not is_elsewhere(target):
            if is_picture:
                target = self.book.image(self.page, target)
            else:
                title, target = self.book.document(self.page, target)
                out.append(title if not "".join(out[opened + 1 :]).strip() else "")
        out.append(f"]({target}{found[2] or ''})")
        return attributes.end() if attributes else end

    def html_tag(self, tag: re.Match) -> str:
        """An HTML tag, with the published address where it names one of the book's own places."""

        def absolute(found: re.Match) -> str:
            target = html.unescape(found[3])
            if is_elsewhere(target) or target.startswith("#"):
                return found[0]
            path, mark, rest = target.partition("#")
            path, question, query = path.partition("?")
            if found[1].strip() == "src=":
                address = self.book.image(self.page, path)
            else:
                address = self.book.document(self.page, path)[1]
            return f"{found[1]}{found[2]}{html.escape(address + question + query + mark + rest)}{found[2]}"

        return HTML_ADDRESS.sub(absolute, tag[0])

    def role(self, name: str, content: str) -> str:
        """A role as plain Markdown."""
        self.roles += 1
        if name == "cite" or name.startswith("cite:"):
            self.cited += [target.key for _, target in self.book.cited(content)]
            return self.book.cite(name[5:] or "p", content)
        if name == "eq":
            number, page, address = self.book.equation(content)
            return f"({number})" if page == self.page else f"[({number})]({address})"
        if name in ("ref", "numref", "term"):
            text, address = getattr(self.book, name)(content)
            return f"[{text}]({address})"
        if name == "doc":
            words, target = titled(content)
            title, address = self.book.document(self.page, target)
            return f"[{words or title}]({address})"
        if name == "math":
            return f"${content}$"
        if name in ("sub", "sup"):
            return f"<{name}>{html.escape(content)}</{name}>"
        if name == "abbr" and (found := re.fullmatch(r"(.*?)\s*\((.*)\)", content)):
            return f'<abbr title="{html.escape(found[2])}">{html.escape(found[1])}</abbr>'
        raise Unresolved(f"unknown role {{{name}}}`{content}`")


def in_html(markdown: str) -> str:
    """Running text as HTML, for a place where no interface reads Markdown; mathematics keeps its dollars.

    >>> in_html("The *slope* of $D_x$")
    'The <em>slope</em> of $D_x$'
    """
    md = MarkdownIt("commonmark").use(dollarmath_plugin, renderer=lambda tex, _: f"${html.escape(tex)}$")
    return re.sub(r'</?(?:span|div)(?: class="math[^"]*")?>', "", md.renderInline(markdown)).strip()
