"""How fast image GANs train on one CPU thread, beside the loops that most tutorials print; and how good they get.

    python benchmarks/images.py [--rounds 9]     speed: ratios within one run, medians of rounds that take turns
    python benchmarks/images.py --quality        FID over three seeds: DCGAN, 2 epochs; MLP, 20 epochs
    python benchmarks/images.py --pictures       a folder in colour: reading it, and its share of a step at 64 x 64

Speed is CPU time, so that a busy machine slows all alike. MNIST has to be at hand: set GAN_DATA, or let it download.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402
from torchvision import transforms  # noqa: E402

from gan_helpers import convnets, data, models, runtime  # noqa: E402
from gan_helpers.quality import Judge  # noqa: E402
from gan_helpers.train import averaged, evaluating, train  # noqa: E402
from gan_helpers.train.precision import fastest  # noqa: E402

BATCH, Z_DIM = 128, 64
EPOCH = 60_000 // BATCH


def mlp() -> tuple[nn.Sequential, nn.Sequential]:
    """The networks of chapter 6."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((Z_DIM, 128, 256, 512, 1024)):
        layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(1024, 784), nn.Tanh()), models.discriminator(784, 512, 256)


def dcgan(layout: torch.memory_format = torch.channels_last) -> tuple[nn.Sequential, nn.Sequential]:
    """The networks of chapter 7 for 28 x 28 pixels."""
    return (net.to(memory_format=layout) for net in (convnets.generator28(), convnets.discriminator28()))


class OneByOne(Dataset):
    """Images as most tutorials load them: one at a time, from an array over PIL to a tensor, then normalised."""

    def __init__(self, images: data.Images):
        self.images = images.images[:, 0].numpy()
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.transform(Image.fromarray(self.images[index]))


def batches(images: data.Images) -> Iterator[Tensor]:
    """Epoch after epoch from a DataLoader."""
    while True:
        yield from DataLoader(OneByOne(images), BATCH, shuffle=True, drop_last=True)


def blog_loop(make, images: data.Images, flat: bool, source: Iterator[Tensor] | None = None) -> Iterator[None]:
    """One GAN as most tutorials train it: sigmoid and BCE, D's weights get a gradient in G's step, `.item()`, a loop
    over the weights in Adam; and a DataLoader, unless `source` gives the batches."""
    runtime.seed(0)
    G, D = make()
    D = nn.Sequential(*D[:-1], nn.Sigmoid(), nn.Flatten(0))
    bce, real, fake = nn.BCELoss(), torch.ones(BATCH), torch.zeros(BATCH)
    d_opt, g_opt = (torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), foreach=False) for net in (D, G))
    history = []
    for x in source or batches(images):
        x = x.reshape(BATCH, -1) if flat else x
        d_opt.zero_grad()
        d_loss = bce(D(x), real) + bce(D(G(torch.randn(BATCH, Z_DIM)).detach()), fake)
        d_loss.backward()
        d_opt.step()
        g_opt.zero_grad()
        g_loss = bce(D(G(torch.randn(BATCH, Z_DIM))), real)
        g_loss.backward()
        g_opt.step()
        history.append((d_loss.item(), g_loss.item()))
        yield


def ours(make, images: data.Images, precision: str, **options) -> Iterator[object]:
    """The book's loop."""
    rng = runtime.seed(0)
    options |= {"batch": BATCH, "g_lr": 2e-4, "d_lr": 2e-4, "precision": precision}
    return train(*make(), images, z_dim=Z_DIM, steps=10**9, rng=rng, **options)


def indexed(images: data.Images) -> Iterator[Tensor]:
    """Batches by index from one tensor, as the book has them."""
    rng = runtime.stream(0)
    while True:
        yield images.sample(BATCH, rng)


def seconds(steps: Iterator, n: int) -> float:
    """CPU seconds a step."""
    start = time.process_time()
    for _ in range(n):
        next(steps)
    return (time.process_time() - start) / n


def speed(rounds: int) -> None:
    """Print steps a second, and ratios."""
    rows, square = data.digits(flat=True), data.digits()
    plain = lambda: dcgan(torch.contiguous_format)
    cases = {
        "MLP, blog loop, DataLoader": (blog_loop(mlp, rows, True), 12),
        "MLP, blog loop, indexed tensor": (blog_loop(mlp, rows, True, indexed(rows)), 12),
        "MLP, ours, float32": (ours(mlp, rows, "float32"), 12),
        "MLP, ours, bfloat16": (ours(mlp, rows, "bfloat16"), 12),
        "MLP, ours, one z, float32": (ours(mlp, rows, "float32", fresh_z=False), 12),
        "MLP, ours, one z, bfloat16": (ours(mlp, rows, "bfloat16", fresh_z=False), 12),
        "DCGAN, blog loop, DataLoader": (blog_loop(plain, square, False), 3),
        "DCGAN, ours, plain order": (ours(plain, square, "float32"), 3),
        "DCGAN, ours, float32": (ours(dcgan, square, "float32"), 3),
        "DCGAN, ours, bfloat16": (ours(dcgan, square, "bfloat16"), 3),
        "DCGAN, ours, plain order, bfloat16": (ours(plain, square, "bfloat16"), 3),
    }
    pipeline = indexed(rows)
    for steps, _ in cases.values():
        seconds(steps, 2)
    timed = [{name: seconds(*case) for name, case in cases.items()} for _ in range(rounds)]
    shares = [seconds(pipeline, 200) for _ in range(rounds)]
    print(f"{'case':38}{'steps/s':>9}{'blog loop':>11}{'plain order':>13}")
    for name in cases:
        kind = name.split(",")[0]
        blog = median(t[f"{kind}, blog loop, DataLoader"] / t[name] for t in timed)
        order = median(t["DCGAN, ours, plain order"] / t[name] for t in timed) if kind == "DCGAN" else None
        against = "" if order is None else f"{order:13.2f}"
        print(f"{name:38}{1 / median(t[name] for t in timed):9.1f}{blog:11.2f}{against}")
    share = median(s / t["MLP, ours, float32"] for s, t in zip(shares, timed, strict=True))
    half = median(s / t["MLP, ours, bfloat16"] for s, t in zip(shares, timed, strict=True))
    print(f"\nshare of the input pipeline in a step of the MLP: {share:.2%}, with bfloat16 {half:.2%}")
    for kind, make in (("MLP", mlp), ("DCGAN", dcgan)):
        G, D = make()
        chosen = fastest(G, D, z_dim=Z_DIM, batch=BATCH)
        gain = median(t[f"{kind}, ours, float32"] / t[f"{kind}, ours, {chosen}"] for t in timed)
        print(f"{kind}: the probe chooses {chosen}, {gain:.2f} times as fast as float32")


def good(seeds: int) -> None:
    """Print what the judge says of each run, of 10,000 images; and of as many real ones, as the floor."""
    judge = Judge.of(data.digits(), runtime.seed(0), progress="judge")
    floor = judge(data.digits(train=False).batch(slice(None)))
    print(f"{'run':28}{'FID':>8}{'averaged':>10}{'/ floor':>9}{'classes':>9}{'class KL':>10}{'CPU s':>8}")
    print(
        f"{'test images: the floor':28}{floor.fid:8.2f}{'':10}{1:9}{floor.classes:9}{floor.class_kl:10.4f}", flush=True
    )
    for name, make, flat, epochs, lr in (("DCGAN", dcgan, False, 2, 1e-3), ("MLP", mlp, True, 20, 2e-4)):
        images = data.digits(flat=flat)
        for number in range(seeds):
            rng = runtime.seed(number)
            G, D = make()
            precision = fastest(G, D, z_dim=Z_DIM, batch=BATCH)
            ema, start = averaged(G), time.process_time()
            options = {"batch": BATCH, "g_lr": lr, "d_lr": lr, "ema": ema, "precision": precision}
            for _ in train(G, D, images, z_dim=Z_DIM, steps=epochs * EPOCH, rng=rng, progress=name, **options):
                pass
            spent = time.process_time() - start
            with evaluating(G, ema):
                z = models.sample_z(10_000, Z_DIM, runtime.stream(1000))
                raw, mean = (judge(torch.cat([net(part) for part in z.split(1000)])) for net in (G, ema))
            label = f"{name}, {epochs} epochs, seed {number}"
            told = f"{raw.fid:8.1f}{mean.fid:10.1f}{mean.fid / floor.fid:9.0f}{mean.classes:9}{mean.class_kl:10.3f}"
            print(f"{label:28}{told}{spent:8.0f}", flush=True)


def folder_of_pictures(rounds: int, count: int = 20_000, files: int = 2_000) -> None:
    """Print how fast a folder of JPEGs is read, and what a batch of pictures in colour costs beside a step."""
    noise = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        os.environ["XDG_CACHE_HOME"] = f"{place}/cache"
        folder = Path(place) / "pictures"
        folder.mkdir()
        for number in range(files):
            small = Image.fromarray(noise.integers(0, 256, (25, 25, 3), np.uint8))
            small.resize((200, 200), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=85)
        times = []
        for _ in range(2):
            start = time.perf_counter()
            data.pictures(folder, size=64)
            times.append(time.perf_counter() - start)
    print(f"{files:,} JPEGs of 200 x 200: {times[0]:.1f} s, again {times[1]:.1f} s;", end=" ")
    print(f"10,000 at this pace {times[0] * 1e4 / files:.0f} s")
    pixels = torch.randint(256, (count, 3, 64, 64), dtype=torch.uint8, generator=runtime.stream(0))
    images, rng = data.Images(pixels, None, "noise"), runtime.seed(0)
    G, D = convnets.generator(64, width=64), convnets.discriminator(64, width=64)
    steps = train(G, D, images, z_dim=100, steps=10**9, rng=rng, batch=BATCH)
    pipeline = indexed(images)
    seconds(steps, 1)
    shares = [seconds(pipeline, 20) / seconds(steps, 1) for _ in range(rounds)]
    print(f"{count:,} pictures, 64 x 64 in colour, width 64, batch {BATCH}:", end=" ")
    print(f"the pipeline takes {median(shares):.2%} of a step (median of {rounds})")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quality", action="store_true", help="train in full and print FID instead of speed")
    parser.add_argument("--pictures", action="store_true", help="pictures in colour from a folder instead")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    runtime.threads(1)
    if options.pictures:
        folder_of_pictures(options.rounds)
    elif options.quality:
        good(options.seeds)
    else:
        speed(options.rounds)


if __name__ == "__main__":
    main()
