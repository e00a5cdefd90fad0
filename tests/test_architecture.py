"""The architecture itself, read from the source without running it: imports, randomness, notebooks, repository."""

from __future__ import annotations

import ast
import re
import shutil
from functools import cache
from pathlib import Path

import nbformat
import pytest

from tools import folds, repository

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gan_helpers"
MODULES = sorted(path for path in PACKAGE.glob("*.py") if path.stem != "__init__")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# An import goes to a layer above one's own, or to a module of the same layer.
LAYERS = (
    {"runtime", "style", "theory"},
    {"data", "models", "losses"},
    {"train", "ensemble", "metrics"},
    {"plots", "widgets"},
)
PART_OF = {"densities": "data", "digits": "data", "fetch": "data"}  # modules split out of a larger one
PART_OF |= {"codec": "widgets", "views": "widgets", "live": "widgets", "live_toy": "widgets", "lab": "widgets"}
PART_OF |= {"latent": "widgets", "members": "ensemble", "experiment": "ensemble", "table": "metrics"}
PART_OF |= {"trail": "widgets", "dirac": "theory", "convnets": "models", "quality": "metrics"}
PART_OF |= {"precision": "train", "checkpoint": "train"}
PART_OF |= {"inception": "metrics", "dcgan": "train", "parallel": "train", "folding": "widgets"}


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, as `package.module`."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_imports(path: Path) -> set[str]:
    """The modules of the package that a file imports, by name."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("gan_helpers.")}
    return names & {module.stem for module in MODULES}


def layer(module: str) -> int:
    """The layer of a module, 0 at the foundation."""
    module = PART_OF.get(module, module)
    found = [i for i, names in enumerate(LAYERS) if module in names]
    assert found, f"gan_helpers/{module}.py belongs to no layer: name it in LAYERS or PART_OF"
    return found[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_point_one_way(path):
    upward = {name for name in own_imports(path) if layer(name) > layer(path.stem)}
    assert not upward, f"{path.stem} imports {upward}, which stand on it"


def reaches(module: str) -> set[str]:
    """Everything that a module imports, directly or through the package."""
    seen, todo = set(), [module]
    while todo:
        name = todo.pop()
        seen.add(name)
        found = imports(PACKAGE / f"{name}.py") if (PACKAGE / f"{name}.py").exists() else set()
        seen |= {f.split(".")[0] for f in found}
        todo += [own for own in own_imports(PACKAGE / f"{name}.py") if own not in seen] if found else []
    return seen


def test_training_draws_nothing():
    assert "matplotlib" not in reaches("train") | reaches("ensemble")


def test_plots_train_nothing():
    assert not reaches("plots") & {"train", "ensemble"}
    assert not re.search(r"\.(backward|step)\(", (PACKAGE / "plots.py").read_text("utf-8"))


GLOBAL_RANDOM = re.compile(
    r"(torch\.(manual_seed|seed|random\.\w+)|(np|numpy)\.random\.(?!default_rng|Generator)\w+|random\.\w+)"
)
DRAWS = re.compile(
    r"torch\.(randn?|randint|randperm|normal|bernoulli|multinomial|poisson)|\w+\.(normal_|uniform_|random_)"
)


@pytest.mark.parametrize("path", [p for p in MODULES if p.stem != "runtime"], ids=lambda path: path.stem)
def test_only_runtime_touches_a_global_random_generator(path):
    for call in (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        assert not GLOBAL_RANDOM.fullmatch(name), f"line {call.lineno}: {name} uses a global generator"
        if DRAWS.fullmatch(name):
            given = {keyword.arg for keyword in call.keywords}
            assert "generator" in given, f"line {call.lineno}: {name} without generator="


def is_public(node: ast.AST) -> bool:
    """Whether a node is a public function or class."""
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_everything_public_has_a_docstring(path):
    """Of several classes with the same method one says what it is for; a Protocol's methods may be bare."""
    top = [node for node in tree(path).body if is_public(node)]
    without = {node.name for node in top if not ast.get_docstring(node)}
    classes = [node for node in top if isinstance(node, ast.ClassDef)]
    methods = [child for node in classes for child in node.body if is_public(child) and child.name != "forward"]
    methods = [method for method in methods if ast.unparse(method.body[-1]) != "..."]
    said = {method.name for method in methods if ast.get_docstring(method)}
    without |= {method.name for method in methods if method.name not in said}
    assert ast.get_docstring(tree(path))
    assert without == set()


# Notebooks


@cache
def notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook as it is in the repository."""
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    """The code cells of a notebook."""
    return [cell for cell in notebook(path).cells if cell.cell_type == "code"]


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


SHOWN = [
    (path, cell.id, tag.removeprefix("shows:"))
    for path in NOTEBOOKS
    for cell in code_cells(path)
    for tag in cell.metadata.get("tags", [])
    if tag.startswith("shows:")
]


@pytest.mark.parametrize(("path", "cell_id", "shown"), SHOWN, ids=lambda value: getattr(value, "stem", value))
def test_shown_code_is_the_package_s(path, cell_id, shown):
    module, name = shown.split(".")
    cell = next(cell for cell in code_cells(path) if cell.id == cell_id)
    assert bare(cell.source, name) == bare((PACKAGE / f"{module}.py").read_text("utf-8"), name)


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
