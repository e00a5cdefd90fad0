"""Memory of a long run: what `train` keeps while a loop looks at every step, snapshots included, and forgets it.

    python benchmarks/memory.py [--steps 10000]

The table has the memory that this process holds (resident set size) above its start, every tenth of the run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from gan_helpers import data, models, runtime  # noqa: E402
from gan_helpers.train import train  # noqa: E402

LIMIT = 100  # MiB that a run may add


def resident() -> float:
    """MiB that this process holds now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this benchmark reads /proc, which Linux has")


def main() -> int:
    """Run, print the table, and return 1 where the limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    rng = runtime.seed(0)
    images = data.Samples(torch.rand(1000, 784, generator=rng))
    G, D = models.mlp(16, 32, 784), models.discriminator(784, 32)
    start, most = 0.0, 0.0
    print(f"MLPs on 784 numbers, batch 64, a snapshot of 64 samples a step; {steps:,} steps\n{'step':>8}{'MiB':>8}")
    for step in train(G, D, images, z_dim=16, steps=steps, batch=64, rng=rng, snapshot_every=1, n_snapshot=64):
        if step.step == 50:  # by then torch has what it needs
            start = resident()
        if step.step > 50 and step.step % max(1, steps // 10) == 0:
            most = max(most, resident() - start)
            print(f"{step.step:8,}{resident() - start:+8.1f}")
    print(f"at most {most:.1f} MiB more than at step 50; the limit is {LIMIT}")
    return int(most > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
