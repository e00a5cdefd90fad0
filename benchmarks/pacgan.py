"""One published row, truly attempted: the plain GAN on the ring of eight, as PacGAN's repository trains it.

    python benchmarks/pacgan.py [--seeds 1] [--steps 400000] [--pack 1]

Networks, data, batch, rates, steps and score are those of https://github.com/fjxmlzn/PacGAN (2DRing_GAN&PacGAN): G has
four layers of 400 and batch norm, D three maxout layers of 200 (five pieces), weights start from N(0, .02²); Adam at
1e-4 with beta1 .8, both players at once from one forward pass, batches of 100 from 100,000 stored samples, a ring of
radius 1 with sd .01, and 2,500 samples judged at three sd. Published, ten trials: 6.3 ± 0.5 modes, 98.2 ± 0.2 % of high
quality (Lin et al. 2018, Table 1). What differs: PyTorch for Theano, and so the random numbers. On one CPU thread
1,000 steps take about 20 seconds, so the whole takes hours there.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gan_helpers import metrics, runtime

BATCH, STORED, SD = 100, 100_000, 0.01
PUBLISHED = {1: ("6.3 ± 0.5", "98.2 ± 0.2"), 2: ("7.9 ± 0.1", "95.6 ± 2.0"), 4: ("7.8 ± 0.1", "95.9 ± 1.4")}
ANGLES = torch.arange(8) * 2 * math.pi / 8
CENTERS = torch.stack([ANGLES.cos(), ANGLES.sin()], dim=1)


class Maxout(nn.Module):
    """The largest of five linear maps: `(n, n_in)` to `(n, n_out)`."""

    def __init__(self, n_in: int, n_out: int, pieces: int = 5):
        super().__init__()
        self.linear, self.pieces = nn.Linear(n_in, n_out * pieces), pieces

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(-1, (-1, self.pieces)).amax(-1)


def networks(pack: int) -> tuple[nn.Sequential, nn.Sequential]:
    """G and D, with the published first weights."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((2, 400, 400, 400, 400)):
        layers += [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]
    G = nn.Sequential(*layers, nn.Linear(400, 2))
    D = nn.Sequential(Maxout(2 * pack, 200), Maxout(200, 200), Maxout(200, 200), nn.Linear(200, 1))
    for layer in [*G.modules(), *D.modules()]:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return G, D


def attempt(seed: int, steps: int, pack: int = 1, device: str = "cpu") -> tuple[int, float, float]:
    """Train one GAN. Returns covered modes of 8, the share of high quality, and seconds."""
    rng = runtime.seed(seed, device)
    G, D = (net.to(device) for net in networks(pack))
    centers, start = CENTERS.to(device), time.perf_counter()
    k = torch.randint(8, (STORED, pack), generator=rng, device=device)
    stored = (centers[k] + SD * torch.randn(STORED, pack, 2, generator=rng, device=device)).flatten(1)
    adam = {"lr": 1e-4, "betas": (0.8, 0.999), "fused": True}
    g_opt, d_opt = torch.optim.Adam(G.parameters(), **adam), torch.optim.Adam(D.parameters(), **adam)
    for step in runtime.progress(range(steps), desc=f"seed {seed}"):
        if step % (STORED // BATCH) == 0:
            order = torch.randperm(STORED, generator=rng, device=device)
        rows = order[BATCH * (step % (STORED // BATCH)) :][:BATCH]
        z = torch.randn(pack, BATCH, 2, generator=rng, device=device)
        x_fake = torch.cat([G(each) for each in z], dim=1)  # (100, 2 pack)
        real, fake = D(torch.cat([stored[rows], x_fake])).split(BATCH)
        d_loss = softplus(-real).mean() + softplus(fake).mean()
        g_loss = softplus(-fake).mean()  # theirs adds softplus(real), which does not depend on G
        d_opt.zero_grad()
        g_opt.zero_grad()
        for_g = torch.autograd.grad(g_loss, list(G.parameters()), retain_graph=True)
        for_d = torch.autograd.grad(d_loss, list(D.parameters()))
        for parameters, grads in ((G.parameters(), for_g), (D.parameters(), for_d)):
            for weights, grad in zip(parameters, grads, strict=True):
                weights.grad = grad
        d_opt.step()
        g_opt.step()
    with torch.no_grad():
        x = G.eval()(torch.randn(2500, 2, generator=rng, device=device))
    found = metrics.coverage(x, centers, SD)
    return int(found["modes"]), float(found["quality"]), time.perf_counter() - start


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=400_000)
    parser.add_argument("--pack", type=int, default=1, choices=sorted(PUBLISHED))
    options = parser.parse_args()
    runtime.threads(1)
    device = str(runtime.device())
    print(f"published, 400,000 steps: modes {PUBLISHED[options.pack][0]}, quality {PUBLISHED[options.pack][1]} %")
    for seed in range(options.seeds):
        modes, quality, seconds = attempt(seed, options.steps, options.pack, device)
        print(
            f"seed {seed}, {options.steps:,} steps: modes {modes}, quality {100 * quality:.1f} %, {seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
