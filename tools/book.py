"""Execute the notebooks in parallel, build the site and the notebook edition: what `make book` runs.

    python tools/book.py                builds _build/html and _build/notebooks
    python tools/book.py --linkcheck    asks every external link of the book whether it still answers

An executed notebook is kept in a file that is named after everything its outputs depend on: its code, the modules that
it reaches, the requirements, the budget, Python, and the data sets that are on this machine. So a change of any of them
is never served old outputs, and a change of anything else executes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import edition
from tools.keys import Code, codes, data_files, data_key, digest, pages_key, site_key
from tools.repository import ROOT

KEEP = 3  # how many files of outputs stay for a notebook, the latest used
HEARTBEAT = 15  # seconds between two signs of life
FETCH = ".venv/bin/python -c 'from gan_helpers import data; data.digits()'"


def say(line: str) -> None:
    """Print a line at once and in one piece, whichever thread it comes from."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def budget_name() -> str:
    """The budget to build at: `GAN_BUDGET`, or `page` where that is unset. ValueError if there is no such budget."""
    if not os.environ.get("GAN_BUDGET"):
        return "page"
    from gan_helpers import runtime  # here, not above: it brings torch, which takes seconds

    return runtime.budget_name()


def outputs_file(root: Path, name: str, key: str) -> Path:
    """The file for a notebook's outputs with this key; those of the notebook that were not used lately are removed."""
    folder = root / "_build/outputs" / name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{key}.ipynb"
    if file.exists():
        file.touch()
    by_age = sorted(folder.glob("*.ipynb"), key=lambda f: f.stat().st_mtime, reverse=True)
    for old in by_age[KEEP:]:
        old.unlink()
    return file


def drop_progress_bars(nb) -> None:
    """Remove progress bars from a notebook's outputs. Whatever else is on stderr stays, and fails the site's build."""
    for cell in nb.cells:
        outputs = cell.get("outputs", [])
        is_bar = [o.get("name") == "stderr" and not re.sub(r"\r[^\r\n]*", "", o.text).strip() for o in outputs]
        if any(is_bar):
            cell.outputs = [o for o, bar in zip(outputs, is_bar, strict=True) if not bar]


class Notebook:
    """One notebook on its way through a kernel."""

    def __init__(self, path: Path) -> None:
        import nbformat

        self.path = path
        self.nb = nbformat.read(path, as_version=4)
        self.code = [cell for cell in self.nb.cells if cell.cell_type == "code"]
        self.started, self.at = 0.0, 0

    def execute(self) -> float:
        """Run every cell in a fresh kernel; returns the seconds that it took. A failing cell raises."""
        from nbclient import NotebookClient

        def count(cell, cell_index) -> None:
            self.at = 1 + sum(c.cell_type == "code" for c in self.nb.cells[:cell_index])

        self.started = time.monotonic()
        say(f"  {self.path.stem}: started")
        client = NotebookClient(
            self.nb,
            resources={"metadata": {"path": str(self.path.parent)}},
            timeout=None,
            record_timing=False,
            store_widget_state=False,  # a page has no kernel behind it, so it shows no ipywidgets
            extra_arguments=["--log-level=ERROR"],
            on_cell_execute=count,
        )
        asyncio.run(client.async_execute())
        drop_progress_bars(self.nb)
        return time.monotonic() - self.started

    def store_in(self, file: Path) -> None:
        """Keep the outputs, whole or not at all."""
        import nbformat

        partial = file.with_suffix(".partial")
        nbformat.write(self.nb, partial)
        partial.replace(file)

    def report(self, error: BaseException) -> None:
        """Say which cell failed, and how."""
        bad = next((c for c in self.code if any(o.output_type == "error" for o in c.get("outputs", []))), None)
        print(f"\nerror: notebooks/{self.path.name}, code cell {self.at} of {len(self.code)} failed:", file=sys.stderr)
        if bad is None:
            print(f"{type(error).__name__}: {error}\n", file=sys.stderr)
            return
        print("\n".join(f"    | {line}" for line in bad.source.splitlines()), file=sys.stderr)
        trace = next(o for o in bad.outputs if o.output_type == "error").traceback
        print("\n".join(trace) + "\n", file=sys.stderr, flush=True)


def execute(root: Path, budget: str, code: dict[str, Code] | None = None) -> tuple[list[str], list[str]]:
    """Execute what has no outputs yet. Returns the names that ran, and the names that failed.

    Where a notebook has downloaded a data set, outputs from before that are looked at again: they may show what stood
    in for it. `code` is what to keep the outputs under, by default `codes` as they are now.
    """
    os.environ["GAN_BUDGET"] = budget
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    code = code or codes(root, budget)
    ran: list[str] = []
    while True:
        data = data_key()
        names, failed = execute_once(root, budget, code)
        ran += [name for name in names if name not in ran]
        if failed or data_key() == data:
            return ran, failed
        say("The data sets on this machine have changed meanwhile: once more what ran before that")


def execute_once(
    root: Path, budget: str, code: dict[str, Code], workers: int | None = None
) -> tuple[list[str], list[str]]:
    """One round of `execute`, one kernel a core. Outputs are kept under the data that are there when they end."""

    def file(name: str) -> Path:
        return outputs_file(root, name, code[name].with_data(data_key()))

    notebooks = [Notebook(root / "notebooks" / f"{name}.ipynb") for name in code]
    waiting = [nb for nb in notebooks if not file(nb.path.stem).exists()]
    workers = workers or max(1, min(os.cpu_count() or 1, len(waiting)))
    say(f"Notebooks at the {budget} budget: {len(waiting)} to execute, {len(notebooks) - len(waiting)} unchanged")

    failed = []
    with ThreadPoolExecutor(workers) as pool:
        # Later chapters train longer: started first, they do not end last and alone.
        running: dict[Future, Notebook] = {pool.submit(nb.execute): nb for nb in reversed(waiting)}
        while running:
            done, _ = wait(running, timeout=HEARTBEAT, return_when=FIRST_COMPLETED)
            for future in done:
                nb = running.pop(future)
                if error := future.exception():
                    nb.report(error)
                    failed.append(nb.path.stem)
                else:
                    nb.store_in(file(nb.path.stem))
                    say(f"  {nb.path.stem}: done in {future.result():.0f} s")
            if not done:
                for nb in (nb for nb in running.values() if nb.started):
                    at = f"cell {nb.at} of {len(nb.code)}, {time.monotonic() - nb.started:.0f} s"
                    say(f"  {nb.path.stem}: {at}")
    return [nb.path.stem for nb in waiting], failed


def lend(root: Path, files: list[Path]) -> Path:
    """A fresh jupyter-cache, from which the pages are built: today's notebooks with the outputs in these files."""
    import nbformat
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    folder = root / "_build/.jupyter_cache"
    shutil.rmtree(folder, ignore_errors=True)
    cache = get_cache(folder)
    for file in files:
        path = root / "notebooks" / f"{file.parent.name}.ipynb"
        nb, executed = (nbformat.read(each, as_version=4) for each in (path, file))
        pairs = zip(*([c for c in n.cells if c.cell_type == "code"] for n in (nb, executed)), strict=True)
        for cell, ran in pairs:
            cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
        nb.metadata = executed.metadata | nb.metadata
        cache.cache_notebook_bundle(CacheBundleIn(nb, str(path)), check_validity=False, overwrite=True)
    return folder


def build(root: Path, outputs: Path, builder: str = "html") -> bool:
    """Build the pages from the jupyter-cache `outputs`, every warning an error. Returns whether that went well."""
    from jupyter_book.sphinx import build_sphinx

    out = root / "_build" / builder
    for stale in (out, root / "_build" / "jupyter_execute"):
        shutil.rmtree(stale, ignore_errors=True)
    settings = {
        "external_toc_path": str(root / "_toc.yml"),
        "latex_individualpages": False,
        "nb_execution_cache_path": str(outputs),
        "nitpicky": True,
    }
    result = build_sphinx(
        root,
        out,
        noconfig=True,
        path_config=root / "_config.yml",
        confoverrides=settings,
        builder=builder,
        freshenv=True,
        warningiserror=True,
        keep_going=True,
    )
    return result == 0


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Execute the notebooks and build the book.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder that holds _config.yml")
    parser.add_argument("--linkcheck", action="store_true", help="check external links instead of building pages")
    options = parser.parse_args()
    root = options.root.resolve()
    try:
        budget = budget_name()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    index, stamp = root / "_build/html/index.html", root / "_build/html/.site-key"
    where = f"\nThe book is in {index}\nOpen that file in a browser, or type: make serve"
    no_data = f"\nMNIST is not on this machine, so small digits stand in for it. To fetch it: {FETCH}; then: make book"

    if not options.linkcheck and stamp.exists() and stamp.read_text() == site_key(root, budget):
        print(f"Nothing has changed since the last build.{where}{'' if data_files() else no_data}")
        return 0 if edition.is_current(root) else edition.main(root)
    pages, code = pages_key(root), codes(root, budget)  # an edit from here on calls for another build
    _, failed = execute(root, budget, code)
    if failed:
        print(f"error: no site was built, because these notebooks failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    say("Building the pages")
    data = data_key()  # of the data sets that are there by now
    names = {name: each.with_data(data) for name, each in code.items()}
    outputs = lend(root, [outputs_file(root, name, key) for name, key in names.items()])
    if not build(root, outputs, "linkcheck" if options.linkcheck else "html"):
        print("error: the build of the pages failed; every warning above counts as an error", file=sys.stderr)
        return 1
    if not options.linkcheck:
        stamp.write_text(f"{pages}-{digest(root, [], *names.values())}")
        status = edition.main(root)
        print(f"{where}{'' if data_files() else no_data}")
        return status
    return 0


if __name__ == "__main__":
    try:
        status = main()
    except KeyboardInterrupt:  # the kernels notice that this process is gone, and end
        print("\nstopped", file=sys.stderr, flush=True)
        os._exit(130)
    sys.exit(status)
