"""How fast an ensemble trains: K GANs at once beside the loop that most tutorials print, as ratios within one run.

CPU time on one thread, in rounds that take turns, so that a busy machine slows all alike; the table has medians.

    python benchmarks/ensemble.py [--rounds 5]

Faster is possible: backward passes written by hand into buffers need no autograd graph, and `torch.compile` fuses the
small operations. The first would cost a second copy of every derivative, to be kept in step with the losses that the
chapters write out; the second a wait at every new shape. The ensemble keeps autograd: its step is the step of a reader.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import nn  # noqa: E402

from gan_helpers import data, models, runtime  # noqa: E402
from gan_helpers.ensemble import build, train_many  # noqa: E402
from gan_helpers.losses import GAMES  # noqa: E402

BUSY = "import torch; torch.set_num_threads(1); a = torch.randn(500, 500)\nwhile True: a = torch.tanh(a @ a)"


def small() -> tuple[nn.Sequential, nn.Sequential]:
    """The networks of the 1-D case."""
    return models.mlp(1, 16, 1), models.discriminator(1, 32, 32)


def large() -> tuple[nn.Sequential, nn.Sequential]:
    """The networks of the ring."""
    relu = {"activation": "relu"}
    return models.mlp(2, 128, 128, 2, **relu), models.discriminator(2, 128, 128, **relu)


def blog_loop(make: Callable, target: data.Target, z_dim: int, batch: int) -> Iterator[None]:
    """One GAN as most tutorials train it: sigmoid and BCE, a new fake batch for each player, `.item()` each step."""
    runtime.seed(0)
    rng = torch.Generator().manual_seed(0)
    G, D = make()
    D = nn.Sequential(*D[:-1], nn.Sigmoid())
    bce, real, fake = nn.BCELoss(), torch.ones(batch, 1), torch.zeros(batch, 1)
    d_opt, g_opt = (torch.optim.Adam(net.parameters(), 1e-3, (0.5, 0.999), foreach=False) for net in (D, G))
    history = []
    while True:
        d_opt.zero_grad()
        d_loss = bce(D(target.sample(batch, rng)), real)
        d_loss = d_loss + bce(D(G(torch.randn(batch, z_dim)).detach()), fake)
        d_loss.backward()
        d_opt.step()
        g_opt.zero_grad()
        g_loss = bce(D(G(torch.randn(batch, z_dim))), real)
        g_loss.backward()
        g_opt.step()
        history.append((d_loss.item(), g_loss.item()))
        yield


def members(K: int, make: Callable, target: data.Target, z_dim: int, batch: int, **settings) -> Iterator[object]:
    """K of them in one ensemble."""
    G, D = build(make, range(K))
    return train_many(G, D, target, seeds=range(K), z_dim=z_dim, steps=10**9, batch=batch, **settings)


def rate(steps: Iterator, gans: int, seconds: float) -> float:
    """GAN steps a CPU second."""
    start, n = time.process_time(), 0
    while time.process_time() < start + seconds:
        next(steps)
        n += gans
    return n / (time.process_time() - start)


def beside_busy_processes(seconds: float) -> float:
    """How much more CPU time the 1-D ensemble takes for a step while two other processes keep both cores busy."""
    steps = members(64, small, data.gaussian(), 1, 64)
    rate(steps, 64, seconds)
    alone = rate(steps, 64, 3 * seconds)
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    try:
        time.sleep(3)
        return alone / rate(steps, 64, 3 * seconds)
    finally:
        for other in others:
            other.kill()
            other.wait()


def main() -> None:
    """Run every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each turn")
    options = parser.parse_args()
    runtime.threads(1)

    line, ring = (small, data.gaussian(), 1, 64), (large, data.ring(), 2, 256)
    games = [list(GAMES)[k % 5] for k in range(64)]
    mixed = {
        "game": games,
        "g_lr": [1e-4 * (1 + k) for k in range(64)],
        "clip": [0.05 * (g == "wasserstein") for g in games],
    }
    cases = {
        "1-D, blog loop": (blog_loop(*line), 1),
        "1-D, K = 64": (members(64, *line), 64),
        "1-D, K = 64, R1": (members(64, *line, r1_gamma=0.1), 64),
        "1-D, K = 64, five games, 64 rates": (members(64, *line, **mixed), 64),
        "1-D, K = 64, n_d = 5": (members(64, *line, n_d=5), 64),
        "1-D, K = 64, five games, n_d of 1, 2, 5": (
            members(64, *line, **mixed, n_d=[(1, 2, 5)[k % 3] for k in range(64)]),
            64,
        ),
        "ring, blog loop": (blog_loop(*ring), 1),
        "ring, K = 8": (members(8, *ring), 8),
        "ring, K = 16": (members(16, *ring), 16),
        "ring, K = 64 in one piece": (members(64, *ring), 64),
    }
    for steps, gans in cases.values():
        rate(steps, gans, options.seconds / 4)
    rounds = [{name: rate(*case, options.seconds) for name, case in cases.items()} for _ in range(options.rounds)]
    print(f"{'case':42}{'GAN steps/s':>12}  ratio to the blog loop")
    for name in cases:
        loop = f"{name.split(',')[0]}, blog loop"
        ratio = median(r[name] / r[loop] for r in rounds)
        print(f"{name:42}{median(r[name] for r in rounds):12.0f}  {ratio:.2f}")
    for of, to in (
        ("1-D, K = 64, five games, 64 rates", "1-D, K = 64"),
        ("1-D, K = 64, five games, n_d of 1, 2, 5", "1-D, K = 64, n_d = 5"),
    ):
        print(f"{of} / {to}: {median(r[of] / r[to] for r in rounds):.2f}")
    slow = [beside_busy_processes(options.seconds) for _ in range(3)]
    print(f"CPU time a step beside two busy processes, against alone: {median(slow):.2f}")


if __name__ == "__main__":
    main()
