"""Train a DCGAN from the command line, in one process or in many.

    python -m gan_helpers.dcgan train --data my_pictures --size 64 --steps 5000 --augment
    torchrun --nproc-per-node 2 -m gan_helpers.dcgan train --epochs 2 --device cpu

One process and many train the same GAN: `--batch` is what all take together, and each takes its share of one stream of
samples and noise. (With `--augment` each draws its own changes.) The step itself is that of `train`. `sample` and
`judge` look at what was trained.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
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
from gan_helpers.augment import KINDS, Augmented
from gan_helpers.data import Images, described
from gan_helpers.dcgan import look, source
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
from gan_helpers.train import (
    PRECISIONS,
    Judged,
    averaged,
    checked,
    checkpoint,
    d_step,
    g_step,
    go_on,
    run_in,
    set_rates,
)

GAME = get_game("nonsaturating")
FREE = ("help", "epochs", "steps", "device", "out", "save_every", "resume", "judge")  # what may change on --resume
LIGHT = "colour shift"  # what --augment alone means
NOTHING = "nothing"  # of no augmentation, in a checkpoint: an empty word would count as unknown there
SHOWN = 500  # images, known and held out, whose mean logits make D's gap
LIKE = {  # the knob whose limits an option has
    **dict.fromkeys(("width", "epochs", "save_every"), "steps"),
    **{name: name for name in ("z_dim", "batch", "beta1", "ema", "seed")},
    "lr": "g_lr",
    "steps": "unroll",
    "augment": "augment",
}
SHEET = 8  # rows and columns of a sample sheet
JUDGED = 10_000  # generated images


def parser() -> argparse.ArgumentParser:
    """Every option, with what it does and its default."""
    top = argparse.ArgumentParser("python -m gan_helpers.dcgan train", description=(__doc__ or "").partition("\n")[0])
    top.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    add = top.add_argument
    add("--data", default="mnist", help=f"a folder of pictures, or one of {', '.join(source.NAMED)}")
    add("--size", type=int, help=f"height and width, {source.sizes()} pixels; by default the data's own, or 64")
    add("--channels", type=int, choices=(1, 3), help="1 for grey, 3 for colour; by default the data's own, or 3")
    kinds = f"what D never sees images without: some of {', '.join(KINDS)}, in quotes; alone, {LIGHT!r}"
    add("--augment", nargs="?", const=LIGHT, default="", help=kinds)
    held_out = "share (below 1) or number of images that are not trained on; losses.csv then has D's gap to them"
    add("--held-out", type=float, default=0.0, help=held_out)
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
        G, D = (synchronised(net).to(device) for net in look.networks(args.size, args.channels, args.width, args.z_dim))
        adam = partial(Adam, lr=args.lr, betas=(args.beta1, 0.999), fused=device.type != "mps")
        return cls(G, D, averaged(G, args.ema), adam(G.parameters()), adam(D.parameters()), noise)

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds besides the step and the settings."""
        return {"G": self.G, "D": self.D, "ema": self.ema, "g_opt": self.g_opt, "d_opt": self.d_opt, "rng": self.noise}


def settings(args: argparse.Namespace, images: Images) -> dict[str, Any]:
    """What a resumed run must share with the run that it goes on with: its options, and the images."""
    own = [action.dest for action in parser()._actions if action.dest not in FREE]
    values = {name: getattr(args, name) for name in own} | {"augment": args.augment or NOTHING}
    return {f"--{name.replace('_', '-')}": value for name, value in values.items()} | {"images": described(images)}


def take_up(args: argparse.Namespace) -> None:
    """On `--resume` options that were not asked for are those of the checkpoint. A new `--lr` is taken, and said."""
    try:
        before = checkpoint.read(args.out / "checkpoint.pt").get("settings", {})
    except (FileNotFoundError, ValueError):
        return  # that is said when the checkpoint is loaded
    for option, value in before.items():
        name = option.removeprefix("--").replace("-", "_")
        if hasattr(args, name) and name not in args.asked:
            setattr(args, name, "" if value == NOTHING else value)
    if args.lr != before.get("--lr", args.lr):
        print(f"--lr {args.lr:g} from here on, in place of {before['--lr']:g}")


def check(args: argparse.Namespace, world: World) -> torch.device:
    """The device of this process, if the settings can be met.

    Raises:
        SettingError: they cannot; the message says why.
    """
    for name, knob in LIKE.items():
        try:
            setattr(args, name, checked(knob, getattr(args, name), f"--{name.replace('_', '-')}"))
        except ValueError as problem:
            raise SettingError(str(problem)) from None
    if args.size not in source.SIZES:
        raise SettingError(f"--size {args.size} has no networks: choose {source.sizes()}")
    folder = Path(args.data).expanduser()
    if args.data not in source.NAMED and args.out.absolute().is_relative_to(folder.absolute()):
        raise SettingError(
            f"--out {args.out} lies inside --data {args.data}: sheets would become pictures; take another"
        )
    if not 0 <= args.held_out < math.inf:
        raise SettingError(f"--held-out must be a share or a number of images, got {args.held_out}")
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
    nets: list[nn.Module] = [state.G, state.D, averaging(state.G, device), averaging(state.D, device)]
    G, D, averaging_G, averaging_D = (run_in(args.precision, net) for net in nets)
    changes = torch.Generator(device)
    if args.augment:
        D, averaging_D = (Augmented(net, args.augment, changes) for net in (D, averaging_D))
    order = Epochs(len(images), args.batch, args.seed)
    while True:
        changes.manual_seed((1_000_003 * args.seed + 10_007 * state.step + world.rank) % 2**32)  # the same on --resume
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
    if args.resume:
        take_up(args)
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
    try:
        with nullcontext() if world.first else redirect_stdout(None):  # what a folder lacks is told once
            images = source.load(args.data, args.size, args.channels, device)
    except ValueError as problem:
        raise SettingError(f"--data: {problem}") from None
    try:
        images, apart = images.split(args.held_out) if args.held_out else (images, None)
    except ValueError as problem:
        raise SettingError(f"--held-out: {problem}") from None
    if args.judge and (images.labels is None or len(images.labels.unique()) < 2):
        raise SettingError("--judge needs labelled images: leave it out, and judge the checkpoint with the word judge")
    if len(images) < args.batch:
        raise SettingError(
            f"--batch {args.batch} is more than the {len(images)} images that there are to train with: take less"
        )
    state, steps = Run.new(args, device), args.steps or args.epochs * (len(images) // args.batch)
    fixed = settings(args, images)
    if args.resume:
        try:
            state.step = go_on(args.out / "checkpoint.pt", state.parts(), fixed | {"--lr": ""})
        except (FileNotFoundError, ValueError) as problem:
            raise SettingError(f"--resume: {problem}") from None
        set_rates(1.0, (state.g_opt, args.lr), (state.d_opt, args.lr))  # that of the checkpoint, or the one asked for
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
            saving = world.first and (stop or step == steps or step % args.save_every == 0)
            gap = f"{d_gap(state.D, images, apart):.6g}" if saving and apart is not None else ""
            print(step, d_loss, g_loss, *([gap] if apart is not None else []), sep=",", file=losses)
            if saving:
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
        print(f"step,d_loss,g_loss{',gap' * bool(args.held_out)}", *kept, sep="\n", file=file, flush=True)
        yield file


def d_gap(D: nn.Module, known: Images, new: Images) -> float:
    """D's mean logit on images that it trains on, less that on held-out ones: 0 for a D that knows none by heart."""
    with evaluating(D):
        return Judged(*(D(part.batch(slice(SHOWN))).mean().item() for part in (known, new))).gap


def sheet(G: nn.Module, args: argparse.Namespace, device: torch.device) -> Image.Image:
    """Samples at noise that is the same at every step, side by side in one picture."""
    z = sample_z(SHEET * SHEET, args.z_dim, runtime.stream(args.seed)).to(device)
    with evaluating(G):
        return look.picture(G(z), SHEET)


def fid(G: nn.Module, args: argparse.Namespace, images: Images) -> float:
    """The FID of `JUDGED` samples of G against the images it was trained on, by the book's own classifier."""
    rng = runtime.stream(args.seed)
    judge = Judge.of(images, rng, progress="judge")
    with evaluating(G):
        x = [G(sample_z(500, args.z_dim, rng).to(images.images.device)) for _ in range(JUDGED // 500)]
    return judge(torch.cat(x)).fid


def options(argv: list[str]) -> argparse.Namespace:
    """The options of a run, complete; `asked` holds the names of those that were given, not left to their defaults."""
    args, bare = parser().parse_args(argv), parser()
    for action in bare._actions:
        action.default = argparse.SUPPRESS
    args.asked = set(vars(bare.parse_args(argv)))
    args.size, args.channels = source.shape(args.data, args.size, args.channels)
    return args


def main(argv: list[str] | None = None) -> int:
    """Run the command: `train`, which may be left out, `sample` or `judge`; returns its exit status."""
    for out in (sys.stdout, sys.stderr):
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")  # a console that cannot show the folder's name shows its codes
    argv = sys.argv[1:] if argv is None else list(argv)
    word, rest = (argv[0], argv[1:]) if argv and argv[0] in ("train", *look.WORDS) else ("train", argv)
    world = World()
    try:
        if word != "train":
            return look.main(word, rest)
        args = options(rest)
        world = World.here()
        run(args, world)
    except (SettingError, OSError, FloatingPointError) as problem:
        who = f" in process {world.rank}" if world.size > 1 else ""  # all speak: one alone may lack its GPU
        print(f"error{who}: {problem}", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        return 130 if world.size == 1 else 0  # torchrun takes 130 for a crash, and kills those still at work
    return 0
