"""How fast a trained generator runs on the page: our JavaScript in headless Chromium beside PyTorch on one thread.

Both run in rounds that take turns, so that a busy machine slows both alike. The table has the median of the rounds and
the fastest, one image at a time.

    python benchmarks/browser_latent.py [--rounds 30] [--images 5]
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
from torch import nn  # noqa: E402

from gan_helpers import convnets, models, runtime, widgets  # noqa: E402
from tools import browser  # noqa: E402

CASES: dict[str, tuple[Callable[[], nn.Module], int, int]] = {  # a generator, its z_dim, pixels along one side
    "MLP 64-128-256-784": (lambda: nn.Sequential(*models.mlp(64, 128, 256, 784), nn.Tanh()), 64, 28),
    "generator28, width 16": (lambda: convnets.generator28(width=16), 64, 28),
    "generator28, width 32": (lambda: convnets.generator28(width=32), 64, 28),
    "generator64, width 16": (lambda: convnets.generator64(width=16), 100, 64),
    "generator64, width 32": (lambda: convnets.generator64(width=32), 100, 64),
}
START = """async ([data, zDim]) => {
  const { meta, channels } = await unpack(data);
  globalThis.picture = generatorOf(meta.layers, channels);
  globalThis.z = Float32Array.from({ length: zDim }, (_, k) => Math.sin(k + 1));
}"""
RUN = """(images) => {
  const start = performance.now();
  for (let k = 0; k < images; k++) picture(z);
  return (performance.now() - start) / images;
}"""


def in_pytorch(G: nn.Module, z_dim: int) -> Callable[[int], float]:
    """A function that makes some images, one at a time, and returns milliseconds an image."""
    z = torch.sin(torch.arange(1.0, z_dim + 1))[None]  # (1, z_dim)

    def run(images: int) -> float:
        start = time.perf_counter()
        with torch.no_grad():
            for _ in range(images):
                G(z)
        return 1000 * (time.perf_counter() - start) / images

    return run


def measure(page: Page, name: str, rounds: int, images: int) -> tuple[float, list[float], list[float]]:
    """kB of compressed weights, and milliseconds an image in every round: ours, PyTorch's."""
    build, z_dim, side = CASES[name]
    G = build().eval()
    shown = widgets.Latent(G, z_dim=z_dim, shape=(side, side), title=name, alt="", max_bytes=10**8)
    page.evaluate(START, [shown.data, z_dim])
    eager = in_pytorch(G, z_dim)
    page.evaluate(RUN, 50)  # warm up: compile
    eager(5)
    pairs = [(page.evaluate(RUN, images), eager(images)) for _ in range(rounds)]
    return shown.nbytes / 1000, [ours for ours, _ in pairs], [theirs for _, theirs in pairs]


def main() -> None:
    """Run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--images", type=int, default=5, help="length of each turn")
    args = parser.parse_args()
    torch.set_num_threads(1)
    runtime.seed(0)
    scripts = [ROOT / "gan_helpers/widgets/static" / name for name in ("codec.js", "layers.js")]
    with browser.empty_page(scripts) as (page, version):
        print(f"ms an image, median (fastest) of {args.rounds} rounds of {args.images}; ratio of medians")
        print(f"torch {torch.__version__}, one thread; Chromium {version}")
        print(f"{'':24}{'kB':>6}{'page':>16}{'PyTorch':>16}{'ratio':>7}")
        for name in CASES:
            size, ours, theirs = measure(page, name, args.rounds, args.images)
            columns = "".join(f"{median(column):7.2f} ({min(column):6.2f})" for column in (ours, theirs))
            print(f"{name:24}{size:6.0f}{columns}{median(ours) / median(theirs):7.1f}")


if __name__ == "__main__":
    main()
