"""Look at what was trained: samples and walks from a checkpoint, and what numbers say of it.

python -m gan_helpers.dcgan sample dcgan/checkpoint.pt --n 64 --out sheet.png --walk film.gif
python -m gan_helpers.dcgan judge dcgan/checkpoint.pt
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from gan_helpers import quality, runtime
from gan_helpers.convnets import discriminator, discriminator28, generator, generator28
from gan_helpers.data import Images, side_by_side
from gan_helpers.dcgan import source
from gan_helpers.dcgan.parallel import SettingError
from gan_helpers.models import evaluating, sample_z
from gan_helpers.quality import inception
from gan_helpers.train import averaged, checkpoint

WORDS = ("sample", "judge")
JUDGED = 2000  # generated images, and real ones beside them
LABELLED = 1000  # images that a classifier is trained on, at least
STOPS, BETWEEN = 6, 12  # samples that a walk passes, and pictures from one to the next


def networks(size: int, channels: int, width: int, z_dim: int) -> tuple[nn.Sequential, nn.Sequential]:
    """G and D for a size: chapter 7's for grey images of 28 pixels, else those of `convnets.generator`."""
    if (size, channels) == (28, 1):
        return generator28(z_dim, width), discriminator28(width)
    return generator(size, channels, width, z_dim), discriminator(size, channels, width)


def trained(path: Path, device: torch.device) -> tuple[nn.Module, SimpleNamespace, int]:
    """The averaged generator of a checkpoint, the settings of its run, and its step.

    Raises:
        SettingError: there is none, or it is not one of this command.
    """
    path = path / "checkpoint.pt" if path.is_dir() else path
    try:
        state = checkpoint.read(path)
        given = {name.removeprefix("--").replace("-", "_"): value for name, value in state["settings"].items()}
        G, _ = networks(given["size"], given.get("channels", 1), given["width"], given["z_dim"])
        mean = averaged(G, given["ema"])
        mean.load_state_dict(state["ema"])
    except FileNotFoundError as problem:
        raise SettingError(str(problem)) from None
    except (ValueError, KeyError, RuntimeError) as problem:
        raise SettingError(f"{path} is not a checkpoint of this command: {problem}") from None
    return mean.to(device), SimpleNamespace(**{"channels": 1, "held_out": 0.0} | given), int(state["step"])


def made(G: nn.Module, n: int, z_dim: int, rng: torch.Generator, device: torch.device) -> Tensor:
    """n images, `(n, channels, h, h)`, some at a time."""
    with evaluating(G):
        parts = [G(sample_z(min(250, n - i), z_dim, rng).to(device)) for i in range(0, n, 250)]
    return torch.cat(parts)


def picture(x: Tensor, columns: int) -> Image.Image:
    """Images `(n, channels, h, h)` in [-1, 1] in rows of so many, grey or in colour; what is missing is black."""
    pixels = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()
    sheet = side_by_side(pixels, columns, empty=0)
    return Image.fromarray(sheet[..., 0] if x.shape[1] == 1 else sheet)


def walk(z: Tensor) -> Iterator[Tensor]:
    """From each of the z `(n, rows, z_dim)` to the next and back to the first, on arcs along which N(0, I) stays."""
    for a, b in zip(z, z.roll(-1, 0), strict=True):
        for step in range(BETWEEN):
            angle = math.pi / 2 * step / BETWEEN
            yield math.cos(angle) * a + math.sin(angle) * b


def sample(args: argparse.Namespace) -> int:
    """Save a sheet of samples, and a film of a walk if one is asked for."""
    device = runtime.device(None if args.device == "auto" else args.device)
    G, given, step = trained(args.checkpoint, device)
    rng = runtime.stream(args.seed)
    columns = math.ceil(math.sqrt(args.n))
    picture(made(G, args.n, given.z_dim, rng, device), columns).save(args.out)
    print(f"step {step}: {args.n} samples in {args.out}")
    if args.walk:
        z = sample_z(STOPS * 16, given.z_dim, rng).reshape(STOPS, 16, -1)
        with evaluating(G):
            film = [picture(G(at.to(device)), 4) for at in walk(z)]
        film[0].save(args.walk, save_all=True, append_images=film[1:], duration=80, loop=0)
        print(f"a walk past {STOPS} samples, sixteen at a time, in {args.walk}")
    return 0


def judge(args: argparse.Namespace) -> int:
    """Print what numbers say of a checkpoint, each beside its floor, what real images score."""
    device = runtime.device(None if args.device == "auto" else args.device)
    G, given, step = trained(args.checkpoint, device)
    name = args.data or given.data
    try:
        images = source.load(name, given.size, given.channels, device)
    except ValueError as problem:
        raise SettingError(f"--data: {problem}") from None
    n = min(JUDGED, len(images) // 2)
    if n < 2:
        raise SettingError(f"{len(images)} images are too few to judge by: at least 4 are needed")
    rng = runtime.stream(args.seed)
    x = made(G, n, given.z_dim, rng, device)
    first, second = (part.batch(slice(n)) for part in images.split(len(images) // 2, args.seed))
    print(f"step {step}, {n} images by {n} of {name}; in brackets what two halves of the real images score")
    patches = [quality.patch_distance(y, first, runtime.stream(1, device)) for y in (x, second)]
    for scale, score in patches[0].items():
        print(f"  patches at {scale:3} pixels   {score:8.3f} ({patches[1][scale]:.3f})")
    for line in by_features(x, first, second, images):
        print(f"  {line}")
    return 0


def by_features(x: Tensor, first: Tensor, second: Tensor, images: Images) -> Iterator[str]:
    """Distances in what a network sees: the book's classifier where there are labels, Inception where it is at hand."""
    if images.labels is None or len(images.labels.unique()) < 2:
        yield "no classifier: the images have no labels"
    elif len(images) < LABELLED:
        yield f"no classifier: {len(images)} labelled images are too few to train one, {LABELLED:,} are needed"
    else:
        judge = quality.Judge.of(images, runtime.stream(0), progress="judge")
        see = lambda y: quality.features(judge.classifier, y)
        a, b, generated = see(first), see(second), see(x)
        for name, distance in (("FID", quality.frechet), ("KID", quality.kid)):
            yield f"{name} by a classifier  {distance(generated, a):8.1f} ({distance(b, a):.1f})"
    try:
        seen = [inception.features(y) for y in (x, first, second)]
    except inception.UnavailableError as problem:
        yield f"no Inception: {problem}"
        return
    yield f"KID by Inception     {quality.kid(seen[0], seen[1]):8.4f} ({quality.kid(seen[2], seen[1]):.4f})"


def parser(word: str) -> argparse.ArgumentParser:
    """The options of `sample` or `judge`."""
    says = {"sample": "Save samples of a trained generator.", "judge": "Score a trained generator beside real images."}
    top = argparse.ArgumentParser(f"python -m gan_helpers.dcgan {word}", description=says[word])
    top.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    add = top.add_argument
    add("checkpoint", type=Path, help="checkpoint.pt of a run, or its folder")
    if word == "sample":
        add("--n", type=int, default=64, help="how many samples")
        add("--out", type=Path, default=Path("sheet.png"), help="the picture to save them in")
        add("--walk", type=Path, help="a film, .gif, of sixteen walks through the latent space")
    else:
        add("--data", help="images to judge by, where those of the run lie elsewhere now")
    add("--seed", type=int, default=0, help="of the noise")
    add("--device", default="auto", help="cpu, cuda or mps; auto is cuda where there is one, else cpu")
    return top


def main(word: str, argv: list[str]) -> int:
    """Run `sample` or `judge`; returns the exit status. SettingError: what was asked for cannot be done."""
    args: Any = parser(word).parse_args(argv)
    if word == "sample" and args.n < 1:
        raise SettingError(f"--n must be at least 1, got {args.n}")
    try:
        return sample(args) if word == "sample" else judge(args)
    except ValueError as problem:
        raise SettingError(str(problem)) from None
