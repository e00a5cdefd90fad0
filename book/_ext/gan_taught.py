"""Sphinx extension: a table of what chapters write out and the package holds, for the page on the package.

```{taught}
```
"""

from __future__ import annotations

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from tools import repository, rooms
from tools.taught import Taught, taught

HEAD = ["| name | what it is | written out in | tested in |", "|---|---|---|---|"]


def row(one: Taught) -> str:
    """A line of the table, in Markdown."""
    source = f"{repository.url()}/blob/main"
    path, line = one.path.relative_to(rooms.ROOT).as_posix(), one.node.lineno
    test = f"[{one.test.stem}]({source}/tests/{one.test.name})"
    said = one.docstring.partition("\n\n")[0].replace("\n", " ").replace("|", r"\|")
    chapter = f"[chapter {one.chapter}](../notebooks/{one.notebook.name})"
    return f"| [`{one.room}.{one.name}`]({source}/{path}#L{line}) | {said} | {chapter} | {test} |"


class Table(Directive):
    """The table itself."""

    def run(self) -> list[nodes.Node]:
        lines = HEAD + [row(one) for one in taught()]
        node = nodes.container()
        self.state.nested_parse(StringList(lines, source="taught"), self.content_offset, node)
        for table in node.findall(nodes.table):
            table["classes"].append("gan-taught")
        return node.children


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_directive("taught", Table)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
