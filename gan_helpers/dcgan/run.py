"""Train a DCGAN from the command line, in one process or in many.

    python -m gan_helpers.dcgan --epochs 2
    torchrun --nproc-per-node 2 -m gan_helpers.dcgan --epochs 2 --device cpu

Both train the same GAN: `--batch` is what all processes take together, and each takes its share of one stream of
samples and noise. The step itself is that of `train`.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import torch
from filelock import FileLock, Timeout
from PIL import Image
from torch import nn
from torch.optim import Adam, Optimizer
from torch.optim.swa_utils import AveragedModel

from gan_helpers import runtime
from gan_helpers.convnets import discriminator28, discriminator64, generator28, generator64
from gan_helpers.data import DATASETS, Images, described, digits
from gan_helpers.dcgan.parallel import (
    Epochs,
    SettingError,
    World,
    average,
    averaging,
    interruptible,
    joined,
    synchronised,
)
from gan_helpers.losses import get_game
from gan_helpers.models import evaluating, sample_z
from gan_helpers.quality import Judge
from gan_helpers.train import PRECISIONS, averaged, checked, checkpoint, d_step, g_step, go_on, run_in

GAME = get_game("nonsaturating")
FREE = ("help", "epochs", "steps", "device", "out", "save_every", "resume", "judge")  # what may change on --resume
NETWORKS: dict[int, tuple[Callable[..., nn.Module], Callable[..., nn.Module]]]
NETWORKS = {28: (generator28, discriminator28), 64: (generator64, discriminator64)}
LIKE = {  # the knob whose limits an option has
    **dict.fromkeys(("width", "epochs", "save_every"), "steps"),
    **{name: name for name in ("z_dim", "batch", "beta1", "ema", "seed")},
    "lr": "g_lr",
    "steps": "unroll",
}
SHEET = 8  # rows and columns of a sample sheet
JUDGED = 10_000  # generated images


def parser() -> argparse.ArgumentParser:
    """Every option, with what it does and its default."""
    top = argparse.ArgumentParser("python -m gan_helpers.dcgan", description=(__doc__ or "").partition("\n")[0])
    top.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    add = top.add_argument
    add("--data", choices=DATASETS, default="mnist", help="which images to imitate")
    add("--size", type=int, choices=NETWORKS, default=28, help="height and width of an image, in pixels")
    add("--width", type=int, default=32, help="channels of the first layer of D; 64 in most code for 64 pixels")
    add("--z-dim", type=int, default=64, help="dimensions of the noise")
    add("--lr", type=float, default=1e-3, help="learning rate of both networks (Adam)")
    add("--beta1", type=float, default=0.5, help="decay rate of Adam's mean gradient")
    add("--batch", type=int, default=128, help="images in a batch, over all processes together")
    length = top.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=int, default=2, help="passes through the data")
    length.add_argument("--steps", type=int, default=0, help="generator updates; 0 for as many as --epochs asks for")
    add("--ema", type=float, default=0.999, help="decay rate of the average of G's weights that samples come from")
    add("--precision", choices=PRECISIONS, default="float32", help="of the networks' forward passes")
    add("--device", default="auto", help="cpu, cuda or mps; auto is cuda where there is one, else cpu")
    add("--seed", type=int, default=0, help="of the weights, the noise and the order of the images")
    add("--out", type=Path, default=Path("dcgan"), help="folder for checkpoint.pt, losses.csv and sample sheets")
    add("--save-every", type=int, default=500, help="steps between two checkpoints, and between two sample sheets")
    add("--resume", action="store_true", help="go on from the checkpoint in the folder")
    add("--judge", action="store_true", help=f"at the end, print the FID of {JUDGED:,} images by the book's classifier")
    return top


@dataclass(eq=False)
class Run:
    """What a run consists of at a given step; `ema` is the average of G."""

    G: nn.Module
    D: nn.Module
    ema: AveragedModel
    g_opt: Optimizer
    d_opt: Optimizer
    noise: torch.Generator
    step: int = 0

    @classmethod
    def new(cls, args: argparse.Namespace, device: torch.device) -> Run:
        """The run before its first step: the same in every process, and on every device."""
        noise = runtime.seed(args.seed)  # on the CPU, so that its numbers do not depend on the device
        make_G, make_D = NETWORKS[args.size]
        G, D = (synchronised(net).to(device) for net in (make_G(args.z_dim, args.width), make_D(args.width)))
        adam = partial(Adam, lr=args.lr, betas=(args.beta1, 0.999), fused=device.type != "mps")
        return cls(G, D, averaged(G, args.ema), adam(G.parameters()), adam(D.parameters()), noise)

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds besides the step and the settings."""
        return {"G": self.G, "D": self.D, "ema": self.ema, "g_opt": self.g_opt, "d_opt": self.d_opt, "rng": self.noise}


def settings(args: argparse.Namespace, images: Images) -> dict[str, Any]:
    """What a resumed run must share with the run that it goes on with: its options, and the images."""
    own = [action.dest for action in parser()._actions if action.dest not in FREE]
    return {f"--{name.replace('_', '-')}": getattr(args, name) for name in own} | {"images": described(images)}


def check(args: argparse.Namespace, world: World) -> torch.device:
    """The device of this process, if the settings can be met.

    Raises:
        SettingError: they cannot; the message says why.
    """
    for name, knob in LIKE.items():
        try:
            checked(knob, getattr(args, name), f"--{name.replace('_', '-')}")
        except ValueError as problem:
            raise SettingError(str(problem)) from None
    if args.batch % world.size:
        raise SettingError(f"--batch {args.batch} cannot be shared equally by {world.size} processes")
    try:
        device = runtime.device(None if args.device == "auto" else args.device)
        if device.type == "cuda":  # one GPU for each process
            device = runtime.device(f"cuda:{world.local_rank if world.size > 1 else device.index or 0}")
            torch.cuda.set_device(device)
    except ValueError as problem:
        raise SettingError(f"--device: {problem}") from None
    if world.size > 1 and device.type == "mps":
        raise SettingError("--device mps works with one process only")
    if world.first:
        try:
            args.out.mkdir(parents=True, exist_ok=True)
            checkpoint.must_be_writable(args.out / "checkpoint.pt")
        except OSError as problem:
            raise SettingError(f"--out: {problem}") from None
        if (args.out / "checkpoint.pt").exists() and not args.resume:
            raise SettingError(f"{args.out} holds a checkpoint: add --resume to go on, or name another folder")
    return device


def train(
    args: argparse.Namespace, world: World, state: Run, images: Images, interrupted: threading.Event
) -> Iterator[tuple[float, float, bool]]:
    """Take step after step, without end. Yields D's and G's loss on the whole batch, and whether to stop.

    Every process draws the whole batch's indices and noise and takes its share. Every process is told to stop after
    the same step, whichever was interrupted: otherwise the others would wait for it for ever.
    """
    device = next(state.G.parameters()).device
    nets = [state.G, state.D, averaging(state.G, device), averaging(state.D, device)]
    G, D, averaging_G, averaging_D = (run_in(args.precision, net) for net in nets)
    order = Epochs(len(images), args.batch, args.seed)
    while True:
        x_real = images.batch(world.share(order(state.step + 1)).to(device))  # (batch / processes, 1, size, size)
        z_d, z_g = (world.share(sample_z(args.batch, args.z_dim, state.noise)).to(device) for _ in range(2))
        d_loss, _, _ = d_step(G, averaging_D, state.d_opt, x_real, z_d, GAME)  # the backward pass is D's alone
        g_loss = g_step(averaging_G, D, state.g_opt, z_g, GAME)  # it goes through D, but ends in G's weights
        state.step += 1
        state.ema.update_parameters(state.G)
        stop = torch.full_like(d_loss, interrupted.is_set())
        d_mean, g_mean, stop_mean = average(torch.stack([d_loss, g_loss, stop])).tolist()
        yield d_mean, g_mean, stop_mean > 0


def run(args: argparse.Namespace, world: World) -> Run:
    """Train as the settings say, and return the run as it stands at the end.

    The first process alone writes into the folder: the checkpoint, sheets of samples, and the losses of every step.

    Raises:
        SettingError: the settings cannot be met.
        FloatingPointError: a loss is no longer finite.
        KeyboardInterrupt: Ctrl-C, after the step in hand and its checkpoint.
    """
    device = check(args, world)
    with reserved(args.out, world):
        return train_in_folder(args, world, device)


@contextmanager
def reserved(folder: Path, world: World) -> Iterator[None]:
    """Within this block no other run writes into the folder. SettingError where one does already."""
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        with lock if world.first else nullcontext():
            yield
    except Timeout:
        raise SettingError(f"another run is writing into {folder}: wait for its end, or name another --out") from None


def train_in_folder(args: argparse.Namespace, world: World, device: torch.device) -> Run:
    """What `run` does once the device and the folder are known to be good."""
    images = digits(args.data, size=args.size, device=device)
    if len(images) < args.batch:
        raise SettingError(f"--batch {args.batch} is more than the {len(images)} images that there are")
    state, steps = Run.new(args, device), args.steps or args.epochs * (len(images) // args.batch)
    fixed = settings(args, images)
    if args.resume:
        try:
            state.step = go_on(args.out / "checkpoint.pt", state.parts(), fixed)
        except (FileNotFoundError, ValueError) as problem:
            raise SettingError(f"--resume: {problem}") from None
    if state.step >= steps:
        print(f"The checkpoint is at step {state.step} already. To go on, ask for more with --steps or --epochs.")
        return state
    left = range(state.step + 1, steps + 1)
    with joined(world, device), interruptible() as interrupted, losses_file(args, world, state.step) as losses:
        start = time.perf_counter()
        training = train(args, world, state, images, interrupted)
        for step in runtime.progress(left, desc="DCGAN") if world.first else left:
            d_loss, g_loss, stop = next(training)
            if not (math.isfinite(d_loss) and math.isfinite(g_loss)):
                raise FloatingPointError(f"step {step}: d_loss is {d_loss}, g_loss is {g_loss}: try a lower --lr")
            print(step, d_loss, g_loss, sep=",", file=losses)
            if world.first and (stop or step == steps or step % args.save_every == 0):
                losses.flush()
                checkpoint.save(args.out / "checkpoint.pt", **state.parts(), step=step, settings=fixed)
                sheet(state.ema, args, device).save(args.out / f"samples_{step:06}.png")
            if stop:
                break
        rate = (state.step - left[0] + 1) / (time.perf_counter() - start)
    if world.first:
        print(f"step {state.step}: d_loss {d_loss:.3f}, g_loss {g_loss:.3f}; {rate:.1f} steps a second; see {args.out}")
        if state.step < steps:
            print(f"Stopped before step {steps}. To go on, add --resume to the same command.", flush=True)
        elif args.judge:
            print(f"FID {fid(state.ema, args, images):.1f}, of {JUDGED:,} images by a classifier trained just now")
    if state.step < steps:
        raise KeyboardInterrupt
    return state


@contextmanager
def losses_file(args: argparse.Namespace, world: World, step: int) -> Iterator[TextIO]:
    """The file of losses, less those that a resumed run will repeat; none but the first process writes it."""
    path = args.out / "losses.csv" if world.first else Path(os.devnull)
    kept = path.read_text().splitlines()[1 : step + 1] if step and path.exists() else []
    with path.open("w") as file:
        print("step,d_loss,g_loss", *kept, sep="\n", file=file, flush=True)
        yield file


def sheet(G: nn.Module, args: argparse.Namespace, device: torch.device) -> Image.Image:
    """Samples at noise that is the same at every step, side by side in one grey picture."""
    z = sample_z(SHEET * SHEET, args.z_dim, runtime.stream(args.seed)).to(device)
    with evaluating(G):
        x = G(z).cpu().reshape(SHEET, SHEET, args.size, args.size)
    rows = x.permute(0, 2, 1, 3).reshape(SHEET * args.size, SHEET * args.size)
    return Image.fromarray(((rows + 1) * 127.5).round().to(torch.uint8).numpy())


def fid(G: nn.Module, args: argparse.Namespace, images: Images) -> float:
    """The FID of `JUDGED` samples of G against the images it was trained on, by the book's own classifier."""
    rng = runtime.stream(args.seed)
    judge = Judge.of(images, rng, progress="judge")
    with evaluating(G):
        x = [G(sample_z(500, args.z_dim, rng).to(images.images.device)) for _ in range(JUDGED // 500)]
    return judge(torch.cat(x)).fid


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    for out in (sys.stdout, sys.stderr):
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")  # a console that cannot show the folder's name shows its codes
    args, world = parser().parse_args(argv), World()
    try:
        world = World.here()
        run(args, world)
    except (SettingError, OSError, FloatingPointError) as problem:
        who = f" in process {world.rank}" if world.size > 1 else ""  # all speak: one alone may lack its GPU
        print(f"error{who}: {problem}", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        return 130 if world.size == 1 else 0  # torchrun takes 130 for a crash, and kills those still at work
    return 0
