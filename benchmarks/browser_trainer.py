"""How fast a GAN trains on the page: our JavaScript in headless Chromium beside PyTorch eager on one thread.

One process runs both, in rounds that take turns, so that a busy machine slows both alike; the table has medians.
Below it stands how smoothly the laboratory draws while it trains as fast as it can, in each of its views.

    python benchmarks/browser_trainer.py [--rounds 9] [--seconds 0.5]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from playwright.sync_api import Page  # noqa: E402

from gan_helpers import data, models, runtime, train, widgets  # noqa: E402
from gan_helpers.widgets.page import joined  # noqa: E402
from tools import browser  # noqa: E402

GAN_LAB = 60  # iterations a second: one for each animation frame, by design
CASES = {
    "leaky ReLU": {},
    "leaky ReLU, R1": {"r1": 0.1},
    "tanh": {"activation": "tanh"},
    "tanh, R1 and R2": {"activation": "tanh", "r1": 0.1, "r2": 0.1},
}
RUN = """([name, seconds]) => {
  const end = performance.now() + 1000 * seconds;
  const start = performance.now();
  let n = 0;
  while (performance.now() < end) for (let k = 0; k < 5; k++, n++) gans[name].step();
  return (1000 * n) / (performance.now() - start);
}"""

VIEWS = {
    "ring": "",
    "1-D": "target=gaussian",
    "two networks": "mode=compare",
    "16 seeds": "mode=many",
}
FRAMES = """([query, seconds]) => new Promise((go) => {
  const lab = document.querySelector("gan-lab");
  lab.load(query + "&speed=most");
  lab.play();
  const start = performance.now();
  let frames = 0;
  const look = () => {
    frames++;
    const passed = (performance.now() - start) / 1000;
    if (passed < seconds) return requestAnimationFrame(look);
    lab.pause();
    go([frames / passed, lab.runs[0].gan.steps / passed]);
  };
  requestAnimationFrame(look);
})"""


def in_pytorch(settings: dict) -> Callable[[float], float]:
    """A GAN 2-32-32 in PyTorch, and a function that trains it for some seconds and returns iterations a second."""
    rng = runtime.seed(0)
    activation = settings.get("activation", "leaky_relu")
    G, D = models.mlp(2, 32, 32, 2, activation=activation), models.discriminator(2, 32, 32, activation=activation)
    penalties = {"r1_gamma": settings.get("r1", 0.0), "r2_gamma": settings.get("r2", 0.0)}
    steps = train.train(G, D, data.ring(), z_dim=2, steps=10**9, rng=rng, batch=128, **penalties)

    def run(seconds: float) -> float:
        start, n = time.perf_counter(), 0
        while time.perf_counter() < start + seconds:
            for _ in range(5):
                next(steps)
            n += 5
        return n / (time.perf_counter() - start)

    return run


def measure(page: Page, rounds: int, seconds: float) -> list[tuple[str, float, float, float]]:
    """For each case: its name, our median, PyTorch's, and the median of the rounds' ratios."""
    rows = []
    for name, settings in CASES.items():
        page.evaluate("([name, settings]) => { gans[name] = new Gan(settings); }", [name, settings])
        eager = in_pytorch(settings)
        page.evaluate(RUN, [name, seconds])  # warm up: compile
        eager(seconds / 2)
        pairs = [(page.evaluate(RUN, [name, seconds]), eager(seconds)) for _ in range(rounds)]
        ours, theirs = (median(column) for column in zip(*pairs, strict=True))
        rows.append((name, ours, theirs, median(a / b for a, b in pairs)))
    return rows


def smoothness(page: Page, rounds: int, seconds: float) -> list[tuple[str, float, float]]:
    """For each view of the laboratory: its name, frames a second and iterations a second and network (medians)."""
    page.set_content("<gan-lab settings=''></gan-lab>")
    page.add_script_tag(content=widgets.script("gan-lab"))
    page.wait_for_function("document.querySelector('gan-lab').runs")
    rows = []
    for name, query in VIEWS.items():
        counts = [page.evaluate(FRAMES, [query, seconds]) for _ in range(rounds)]
        rows.append((name, *(median(column) for column in zip(*counts, strict=True))))
    return rows


def main() -> None:
    """Run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of each turn")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with browser.empty_page([]) as (page, version):
        page.add_script_tag(content=joined("gan.js"))
        page.evaluate("() => { globalThis.gans = {}; }")
        rows = measure(page, args.rounds, args.seconds)
        print(f"G and D 2-32-32, batch 128, Adam; iterations a second, medians of {args.rounds} rounds")
        print(f"torch {torch.__version__}, one thread; Chromium {version}")
        print(f"{'':18}{'page':>8}{'PyTorch':>9}{'ratio':>7}{'x GAN Lab':>11}")
        for name, ours, theirs, ratio in rows:
            print(f"{name:18}{ours:8.0f}{theirs:9.0f}{ratio:7.2f}{ours / GAN_LAB:11.1f}")
        print(f"{'GAN Lab (cap)':18}{GAN_LAB:8}")
    with browser.empty_page([]) as (page, _):
        print("\nThe laboratory while it trains at full speed, its own networks and batch")
        print(f"{'':18}{'frames/s':>10}{'iterations/s':>14}")
        for name, frames, iterations in smoothness(page, args.rounds, args.seconds):
            print(f"{name:18}{frames:10.0f}{iterations:14.0f}")


if __name__ == "__main__":
    main()
