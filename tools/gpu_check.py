"""Run every notebook at the full budget on a CUDA device, and print seconds, memory and figures: `make gpu-check`.

The figures of a notebook are what its cells with the tag `headline` print; the table is Markdown, also written to
`_build/gpu.md`, ready for a page of the book.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.book import Notebook, say
from tools.repository import ROOT

PROBE = """
import torch as _torch
if _torch.cuda.is_available():
    print(_torch.cuda.max_memory_allocated())
else:
    print(0)
"""


def measure(path: Path) -> tuple[float, int, str]:
    """Execute one notebook. Returns its seconds, the most memory in bytes that its tensors held on the device, and its
    headline. A failing cell raises."""
    import nbformat

    notebook = Notebook(path)
    probe = nbformat.v4.new_code_cell(PROBE)
    notebook.nb.cells.append(probe)
    notebook.code.append(probe)
    try:
        seconds = notebook.execute()
    except Exception as error:
        notebook.report(error)
        raise
    return seconds, int(probe.outputs[-1].text), headline(notebook.nb)


def headline(nb) -> str:
    """What the cells with the tag `headline` printed and tabulated, on one line."""
    cells = [cell for cell in nb.cells if "headline" in cell.metadata.get("tags", [])]
    told = [words(output) for cell in cells for output in cell.get("outputs", [])]
    return "; ".join(line.strip().replace("|", "/") for text in told for line in text.splitlines() if line.strip())


def words(output) -> str:
    """The text of one output: of a print, or of a table; a picture has none."""
    if output.get("name") == "stdout":
        return output.text
    data = output.get("data", {})
    return data.get("text/plain", "") if "text/html" in data else ""


def table(rows: list[tuple[str, float, int, str]], device: str) -> str:
    """The Markdown table, under a line that names the device and the day."""
    lines = [f"Measured on {device}, {date.today():%d %B %Y}.", ""]
    lines += ["| notebook | seconds | memory (MB) | figures |", "|---|---:|---:|---|"]
    lines += [f"| {name} | {seconds:.0f} | {used / 1e6:.0f} | {told} |" for name, seconds, used, told in rows]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder that holds notebooks/")
    parser.add_argument("--budget", default="full", choices=("smoke", "page", "full"))
    parser.add_argument("--anywhere", action="store_true", help="run without CUDA too, to try this script")
    options = parser.parse_args()
    import torch

    if not (torch.cuda.is_available() or options.anywhere):
        print(
            "error: PyTorch sees no CUDA device here. Run this on a machine with one (and a driver that fits "
            f"torch {torch.__version__}), or try it on the CPU: python tools/gpu_check.py --anywhere --budget smoke",
            file=sys.stderr,
        )
        return 1
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "a CPU"
    os.environ["GAN_BUDGET"] = options.budget
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    start, rows, failed = time.monotonic(), [], []
    paths = sorted((options.root / "notebooks").glob("*.ipynb"))
    if not paths:
        print(f"error: there are no notebooks in {options.root / 'notebooks'}", file=sys.stderr)
        return 1
    for path in paths:
        try:
            rows.append((path.stem, *measure(path)))
            say(f"  {path.stem}: {rows[-1][1]:.0f} s, {rows[-1][2] / 1e6:.0f} MB. {rows[-1][3]}")
        except Exception:
            failed.append(path.stem)
    text = table(rows, device)
    out = options.root / "_build" / "gpu.md"
    out.parent.mkdir(exist_ok=True)
    out.write_text(text)
    print(f"\n{text}\n{time.monotonic() - start:.0f} s in all; the table is in {out}")
    if failed:
        print(f"error: these notebooks failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
