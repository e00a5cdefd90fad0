"""The rooms of the package and the arrows between them, read from the source without running it.

A room is a module at the top level of the package, or a folder; an arrow says that one room imports from another.

    python tools/rooms.py        draws both into CONTRIBUTING.md: make rooms
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "gan_helpers"
DRAWING = re.compile(r"(?<=<!-- rooms -->\n).*(?=<!-- end of rooms -->\n)", re.DOTALL)


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of the package by its dotted name, less the package's own; a folder's door has the folder's name."""
    package = root / PACKAGE
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return parsed(path.read_text("utf-8"))


@cache
def parsed(source: str) -> ast.Module:
    """The same, once for each source."""
    return ast.parse(source)


def imported(source: ast.AST) -> set[str]:
    """All that a syntax tree imports, in full: the module and the name in it, as far as the import says."""
    found = set()
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_door(path: Path) -> bool:
    """Whether a file is the door of a room."""
    return path.stem == "__init__"


def split(name: str, known: Mapping[str, Path]) -> tuple[str, str]:
    """What an import names, as a module of the package and a name in it; two empty ones where it is not the package's.

    >>> split("gan_helpers.data.digits", {"data": Path("data/__init__.py")})
    ('data', 'digits')
    """
    package, _, module = name.partition(".")
    rest = ""
    while module and module not in known:
        module, _, rest = module.rpartition(".")
    return (module, rest) if package == PACKAGE and module else ("", "")


def handed_on(door: Path, known: Mapping[str, Path]) -> dict[str, str]:
    """Where a door has its names from."""
    pairs = (split(name, known) for name in imported(tree(door)))
    return {name: module for module, name in pairs if name}


def taken(source: ast.AST, module: str) -> set[str] | None:
    """The names that a syntax tree takes from a module that it imports whole, or None where it does more with it."""
    called = module.rpartition(".")[2]
    names = [alias.asname or called for n in ast.walk(source) if isinstance(n, ast.ImportFrom) for alias in n.names
             if alias.name == called]  # fmt: skip
    uses = [n for n in ast.walk(source) if isinstance(n, ast.Name) and n.id in names]
    found = [n.attr for n in ast.walk(source) if isinstance(n, ast.Attribute) and n.value in uses]
    return set(found) if len(found) == len(uses) else None


def own(source: ast.AST, known: Mapping[str, Path]) -> set[str]:
    """The modules of the package that a syntax tree takes something from: through a door, the ones behind it."""
    found = set()
    for full in imported(source):
        module, name = split(full, known)
        if module and is_door(known[module]):
            behind = handed_on(known[module], known)
            names = {name} if name else taken(source, module)
            found |= {module} if names is None else {behind.get(n, module) for n in names}
        elif module:
            found.add(module)
    return found


def arrows(root: Path = ROOT) -> dict[str, set[str]]:
    """For each module those that it imports."""
    known = modules(root)
    return {name: own(tree(path), known) - {name} for name, path in known.items()}


def room(module: str) -> str:
    """The room in which a module lies."""
    return module.partition(".")[0]


def plan(root: Path = ROOT) -> dict[str, set[str]]:
    """For each room those that it imports from."""
    found: dict[str, set[str]] = {}
    for module, others in arrows(root).items():
        found.setdefault(room(module), set()).update(map(room, others))
    return {name: others - {name} for name, others in found.items()}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle of arrows, the first name again at its end, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def floors(graph: dict[str, set[str]]) -> list[list[str]]:
    """The rooms from the ground up: each stands above all that it imports from. ValueError where there is a circle."""
    floor: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        floor[name] = max((floor[other] + 1 for other in graph[name]), default=0)
    return [sorted(name for name in floor if floor[name] == at) for at in range(max(floor.values(), default=-1) + 1)]


def reached(names: Iterable[str], root: Path = ROOT) -> set[str]:
    """These modules and all that they need, directly or through others. Doors hold no logic, so they add nothing."""
    graph, seen, todo = arrows(root), set(), list(names)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += graph.get(name, ())
    return seen


def shown(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows without those that a longer way implies."""
    below: dict[str, set[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        below[name] = set().union(*({other} | below[other] for other in graph[name]))
    return {name: {o for o in others if not any(o in below[p] for p in others)} for name, others in graph.items()}


def drawing(root: Path = ROOT) -> str:
    """Rooms by floor and the arrows between them, for Mermaid, and what each folder holds."""
    graph, known = plan(root), modules(root)
    rooms = {name: [m.partition(".") for m in known if m.startswith(f"{name}.")] for name in graph}
    inside = {name: [m for _, _, m in held if m != "__main__"] for name, held in rooms.items()}
    lines = ["```mermaid", "flowchart TB"]
    for number, names in reversed(list(enumerate(floors(graph), 1))):
        boxes = [f'{n}["<b>{n}/</b><br>{" ".join(inside[n])}"]' if inside[n] else f"{n}([{n}])" for n in names]
        lines += [f'  subgraph floor{number}[" "]', "    direction LR", *(f"    {box}" for box in boxes), "  end"]
    for name, others in sorted(shown(graph).items()):
        lines += [f"  {name} --> {other}" for other in sorted(others)]
    return "\n".join([*lines, "```", ""])


def main() -> int:
    """Draw the plan into CONTRIBUTING.md; returns the exit status."""
    if ring := circle(arrows()):
        print(f"error: these import each other in a circle: {' -> '.join(ring)}", file=sys.stderr)
        return 1
    page = ROOT / "CONTRIBUTING.md"
    page.write_text(DRAWING.sub(lambda _: drawing(), page.read_text("utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
