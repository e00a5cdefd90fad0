"""The architecture itself, read from the source without running it: imports, randomness, notebooks, repository."""

from __future__ import annotations

import ast
import re
import shutil
from functools import cache
from pathlib import Path

import nbformat
import pytest

from gan_helpers import style
from tools import folds, repository, rooms
from tools.keys import code_cells
from tools.taught import taught

ROOT = Path(__file__).resolve().parents[1]
MODULES = rooms.modules()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_no_module_imports_in_a_circle():
    assert rooms.circle(rooms.arrows()) == []
    assert rooms.circle(rooms.plan()) == []


def write_package(folder: Path, **sources: str) -> Path:
    """A package of a few modules; two underscores in a name stand for a folder."""
    for name, source in sources.items():
        path = folder / "gan_helpers" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        (path.parent / "__init__.py").touch()
    return folder


def test_a_circle_is_found(tmp_path):
    sources = {"a": "import os\n", "b": "from gan_helpers import a\n", "c__d": "from gan_helpers.b import f\n"}
    sound = write_package(tmp_path / "sound", **sources)
    assert rooms.arrows(sound) == {"a": set(), "b": {"a"}, "c": set(), "c.d": {"b"}}
    assert rooms.floors(rooms.plan(sound)) == [["a"], ["b"], ["c"]]
    bent = write_package(tmp_path / "bent", **sources | {"a": "def f():\n    from gan_helpers.c import d\n"})
    assert set(rooms.circle(rooms.arrows(bent))) == {"a", "b", "c.d"}


def test_the_drawing_of_the_rooms_is_that_of_the_imports():
    drawn = rooms.DRAWING.search((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert drawn, "CONTRIBUTING.md has no place for the drawing"
    assert drawn[0] == rooms.drawing(), "look at the new arrows, then type: make rooms"


DOORS = {name: path for name, path in MODULES.items() if path.stem == "__init__"}


@pytest.mark.parametrize("name", DOORS)
def test_a_door_holds_no_logic(name):
    """It imports from its own room, or hands on what chapters look for there, and lists what it hands on."""
    docstring, *body = rooms.tree(DOORS[name]).body
    assert isinstance(docstring, ast.Expr)
    *imports, listed = body or [None]
    assert all(isinstance(node, ast.ImportFrom) for node in imports)
    if listed:
        handed = [alias.name for node in imports for alias in node.names]
        assert ast.unparse(listed.targets[0]) == "__all__"
        assert sorted(ast.literal_eval(listed.value)) == sorted(handed)


@pytest.mark.parametrize("name", MODULES)
def test_a_room_is_entered_by_its_door(name):
    """From elsewhere one takes what the door hands on, or a whole module, and no name from behind it."""
    behind = [
        full
        for full in rooms.imported(rooms.tree(MODULES[name]))
        if full.startswith(f"{rooms.PACKAGE}.") and full.count(".") == 3 and full.split(".")[1] != rooms.room(name)
    ]
    assert behind == []


def reaches(module: str) -> set[str]:
    """The top-level name of everything that a module imports, directly or through the package."""
    found = rooms.reached([module])
    outside = set().union(*(rooms.imported(rooms.tree(MODULES[name])) for name in found))
    return found | {name.partition(".")[0] for name in outside}


def test_training_draws_nothing():
    assert "matplotlib" not in reaches("train") | reaches("ensemble")


def test_plots_train_nothing():
    assert not reaches("plots") & {"train", "ensemble"}
    assert not re.search(r"\.(backward|step)\(", MODULES["plots"].read_text("utf-8"))


GLOBAL_RANDOM = re.compile(
    r"(torch\.(manual_seed|seed|random\.\w+)|(np|numpy)\.random\.(?!default_rng|Generator)\w+|random\.\w+)"
)
DRAWS = re.compile(
    r"torch\.(randn?|randint|randperm|normal|bernoulli|multinomial|poisson)|\w+\.(normal_|uniform_|random_)"
)


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"runtime"}))
def test_only_runtime_touches_a_global_random_generator(name):
    for call in (node for node in ast.walk(rooms.tree(MODULES[name])) if isinstance(node, ast.Call)):
        called = ast.unparse(call.func)
        assert not GLOBAL_RANDOM.fullmatch(called), f"line {call.lineno}: {called} uses a global generator"
        if DRAWS.fullmatch(called):
            given = {keyword.arg for keyword in call.keywords}
            assert "generator" in given, f"line {call.lineno}: {called} without generator="


def is_public(node: ast.AST) -> bool:
    """Whether a node is a public function or class."""
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name):
    """Of several classes with the same method one says what it is for; a Protocol's methods may be bare."""
    source = rooms.tree(MODULES[name])
    top = [node for node in source.body if is_public(node)]
    without = {node.name for node in top if not ast.get_docstring(node)}
    classes = [node for node in top if isinstance(node, ast.ClassDef)]
    methods = [child for node in classes for child in node.body if is_public(child) and child.name != "forward"]
    methods = [method for method in methods if ast.unparse(method.body[-1]) != "..."]
    said = {method.name for method in methods if ast.get_docstring(method)}
    without |= {method.name for method in methods if method.name not in said}
    assert ast.get_docstring(source)
    assert without == set()


def test_a_colour_of_the_palette_is_written_once():
    """In `shared.json`, from which figures and elements take it; white may be anywhere."""
    colours = {c.lower() for theme in style.PALETTE.values() for c in theme.values()} - {"#ffffff"}
    sources = [path for path in (ROOT / "gan_helpers").rglob("*") if path.suffix in (".py", ".js")]
    again = {
        path.name: found
        for path in sources
        if (found := colours & set(re.findall(r"#\w{6}", path.read_text().lower())))
    }
    assert again == {}


# Notebooks


@cache
def notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook as it is in the repository."""
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_valid_and_committed_without_outputs(path):
    nbformat.validate(notebook(path))
    for cell in code_cells(path):
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_written_for_small_diffs(path):
    """Cell ids say what a cell is about, metadata holds no editor's state, and the file is as nbformat writes it."""
    assert (notebook(path).nbformat, notebook(path).nbformat_minor) >= (4, 5)
    ids = [cell.id for cell in notebook(path).cells]
    assert len(ids) == len(set(ids))
    assert not [i for i in ids if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", i)], (
        "give cells ids that stay: a word each"
    )
    assert set(notebook(path).metadata) <= {"kernelspec", "language_info", "mystnb", "colab"}
    assert notebook(path).metadata.kernelspec.name == "python3"
    assert path.read_text("utf-8").rstrip() == nbformat.writes(notebook(path)).rstrip(), "type: make format"


def is_folded(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell has the tag that folds it."""
    return "fold" in cell.metadata.get("tags", [])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_cell_shows_stands_at_its_end(path):
    """A table or an element that is made in the middle of a cell is shown nowhere."""
    lost = []
    for cell in code_cells(path):
        body = ast.parse(re.sub(r"^( *)%", r"\1pass  # ", cell.source, flags=re.MULTILINE)).body
        for statement in body[:-1]:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                name = ast.unparse(statement.value.func)
                if name == "plots.table" or re.fullmatch(r"widgets\.[A-Z]\w+", name):
                    lost.append(f"{cell.id}: {name}")
    assert lost == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_code_cells_are_short(path):
    """25 lines, and the line of words where a cell is folded."""
    lines = {cell.id: len(cell.source.splitlines()) - is_folded(cell) for cell in code_cells(path)}
    assert {name: n for name, n in lines.items() if n > 25} == {}


def fold_faults(cell: nbformat.NotebookNode) -> list[str]:
    """What is wrong with a cell that is folded: it says what it does first, and JupyterLab folds it too."""
    words, code = folds.split_words(cell.source)
    first = cell.source.partition("\n")[0]
    few = 5 <= len(words) <= 72 and first == f"# {words}"
    faults = [] if few else [f"begins with {first!r}, not with a comment of a few words that says what it does"]
    faults += [] if code.strip() else ["holds no code"]
    source_hidden = cell.metadata.get("jupyter", {}).get("source_hidden") is True
    return faults if source_hidden else [*faults, 'needs "jupyter": {"source_hidden": true} in its metadata']


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_folded_cells_say_what_they_do(path):
    faults = {cell.id: found for cell in code_cells(path) if is_folded(cell) and (found := fold_faults(cell))}
    assert faults == {}
    hidden = [cell.id for cell in code_cells(path) if {"hide-input", "hide-cell"} & set(cell.metadata.get("tags", []))]
    assert hidden == [], "there is one way to fold: the tag fold"


def test_a_fold_without_words_is_found():
    hidden = {"tags": ["fold"], "jupyter": {"source_hidden": True}}
    assert fold_faults(nbformat.v4.new_code_cell("# Record 72 runs\nx = 1", metadata=hidden)) == []
    assert fold_faults(nbformat.v4.new_code_cell("x = 1\ny = 2", metadata=hidden))
    assert fold_faults(nbformat.v4.new_code_cell("# Record 72 runs", metadata=hidden))
    assert fold_faults(nbformat.v4.new_code_cell("# Record 72 runs\nx = 1", metadata={"tags": ["fold"]}))


MACHINERY = re.compile(r"(?m:^(?:import |from gan_helpers|if runtime\.budget_name|widgets\.\w+\(|plt\.show))|\Aassert ")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_machinery_is_folded(path):
    """Imports, elements, plots and asserts; in solutions, which are folded themselves, code stays as it is."""
    shown, within = [], False
    for cell in notebook(path).cells:
        if cell.cell_type == "markdown":
            within = (within or "{solution-start}" in cell.source) and "{solution-end}" not in cell.source
        elif not within and not is_folded(cell) and (found := MACHINERY.search(cell.source)):
            shown.append((cell.id, found[0]))
    assert shown == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_first_code_cell_is_the_set_up(path):
    """It is the template's, with this chapter's minutes, and it is folded."""
    assert repository.MINUTES[path.stem]["page"] > 0
    assert code_cells(path)[0].source == repository.setup_cell(repository.url(), path.stem)
    assert "fold" in code_cells(path)[0].metadata.tags


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_first_cell_opens_this_notebook_in_colab(path):
    assert f"({repository.colab(repository.url(), path.stem)})" in notebook(path).cells[0].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_figures_have_a_text_and_a_caption(path):
    """A cell that names an alternative text also has a caption, and the text is no path."""
    for cell in code_cells(path):
        rendered = cell.metadata.get("mystnb", {})
        assert ("image" in rendered) == ("figure" in rendered), cell.id
        if rendered:
            assert len(rendered["image"]["alt"]) > 20, cell.id
            assert {"caption", "name"} <= set(rendered["figure"]), cell.id


class Bare(ast.NodeTransformer):
    """Leaves docstrings and annotations out of a syntax tree."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        return self.without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        return self.without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return ast.Assign([node.target], node.value, lineno=0) if node.value else node

    @staticmethod
    def without_docstring(node):
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node


def bare(source: str, name: str) -> str:
    """The definition of `name` in a source, without docstrings and annotations."""
    found = [n for n in ast.walk(ast.parse(source)) if getattr(n, "name", None) == name and hasattr(n, "body")]
    assert found, f"no definition of {name}"
    return ast.dump(Bare().visit(found[0]))


TAUGHT = list(taught())


@pytest.mark.parametrize("one", TAUGHT, ids=lambda one: f"{one.room}.{one.name}")
def test_shown_code_is_the_package_s_and_each_names_the_other(one):
    cell = next(cell for cell in code_cells(one.notebook) if cell.id == one.cell)
    assert bare(cell.source, one.name) == bare(one.path.read_text("utf-8"), one.name)
    assert f"Chapter {one.chapter} writes it out." in one.docstring
    assert one.test.is_file()


def test_comparison_of_shown_code_sees_a_difference():
    ours = 'def f(x: int) -> int:\n    """Doc."""\n    return x + 1\n'
    assert bare(ours, "f") == bare("def f(x):\n    # a comment\n    return x + 1\n", "f")
    assert bare(ours, "f") != bare("def f(x):\n    return x - 1\n", "f")


# The repository


def test_no_large_file():
    assert [path.name for path in repository.tracked(ROOT) if path.stat().st_size > 1_000_000] == []


def test_no_path_of_one_machine():
    """Nobody's home folder; the shared data are named in one place only."""
    mine = re.compile(r"(?<![\w.:/])/(home|Users|root|work|tmp)/\w")
    data = "shared" + "/data"
    for path in repository.tracked(ROOT):
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        assert not mine.search(text), path
        assert data not in text or path == ROOT / ".ci/run", path


def test_repository_is_named_the_same_everywhere():
    changed = [path.name for path in repository.stamp(ROOT, repository.url(), write=False)]
    assert changed == [], "type: make set-repository URL=" + repository.url()


ADDRESSES = {  # where a repository's site is published
    "gan-book/gan-book": "https://gan-book.github.io/gan-book/",
    "gan-book/gan-book-2": "https://gan-book.github.io/gan-book-2/",
    "gan-book/book": "https://gan-book.github.io/book/",
    "me/me.github.io": "https://me.github.io/",
    "me/book": "https://me.github.io/book/",
    "Someone/my.book": "https://someone.github.io/my.book/",
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gan-book/gan-book", "gan-book/gan-book-2"),
        ("gan-book/gan-book", "gan-book/book"),
        ("me/me.github.io", "me/book"),
        ("gan-book/gan-book", "me/me.github.io"),
        ("gan-book/gan-book", "Someone/my.book"),
    ],
)
def test_set_repository_reaches_every_place(tmp_path, old, new):
    """And no more than that: back again, the files are what they were."""
    home = repository.slug(repository.url())
    for path in repository.files(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    for here in (old, new, old, home):
        repository.stamp(tmp_path, f"https://github.com/{here}")
        assert repository.url(tmp_path) == f"https://github.com/{here}"
        site = ADDRESSES.get(here, repository.pages(repository.url()))
        config = (tmp_path / "_config.yml").read_text("utf-8")
        assert re.findall(r"^ +(?:baseurl|ogp_site_url): *(.+)$", config, re.MULTILINE) == [site, site]
        assert repository.pages(repository.url(tmp_path)) == site
        for path in repository.files(tmp_path):
            text = path.read_text("utf-8")
            slugs = re.findall(
                r"(?:\bgit\+https://|colab\.research\.google\.com/)github(?:\.com)?/([\w.-]+/[\w.-]+)", text
            )
            assert set(slugs) <= {here}, path
            assert here == home or not re.search(rf"github\.com/{home}(?![\w-])", text), path
            sites = re.findall(r"https://[\w-]+\.github\.io\S*", text)
            assert sites == ([site, site] if path.name == "_config.yml" else []), path
    for path in repository.files(ROOT):
        assert (tmp_path / path.relative_to(ROOT)).read_bytes() == path.read_bytes(), path


@pytest.mark.parametrize("branch", ["main/notebooks", "notebooks", "main"])
def test_drifted_address_is_found_and_mended(branch, tmp_path):
    (tmp_path / "notebooks").mkdir()
    shutil.copyfile(ROOT / "_config.yml", tmp_path / "_config.yml")
    badge = "https://colab.research.google.com/github/{}/blob/{}/a.ipynb"
    install = '%pip install -q \\"gan_helpers @ git+https://github.com/{}\\"'
    drifted = tmp_path / "notebooks/a.ipynb"
    drifted.write_text(f"{badge} {install}".format("old/name", branch, "old/name"))
    assert repository.stamp(tmp_path, repository.url(), write=False) == [drifted]
    repository.stamp(tmp_path, repository.url())
    slug = repository.slug(repository.url())
    assert drifted.read_text() == f"{badge} {install}".format(slug, "notebooks", slug)


@pytest.mark.parametrize(
    "address", ["", "gan-book", "https://gitlab.com/a/b", "https://github.com/a", "https://github.com/a/b/c"]
)
def test_set_repository_refuses_what_is_no_repository(address):
    with pytest.raises(ValueError, match="OWNER/REPO"):
        repository.slug(address)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_one_cell_prints_what_gpu_check_shows(path):
    headlines = [cell for cell in code_cells(path) if "headline" in cell.metadata.get("tags", [])]
    assert len(headlines) == 1
    assert "print(" in headlines[0].source or "plots.table(" in headlines[0].source
