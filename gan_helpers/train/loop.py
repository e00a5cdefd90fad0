"""Training as an iterator: one discriminator step, one generator step, and a loop that yields what happened.

There is no Trainer, no callback, no configuration object. You loop over `train(...)`, and look, plot or break off
in the body of your own loop.
"""

from __future__ import annotations

import math
import os
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.swa_utils import AveragedModel

from gan_helpers.augment import Augmented, must_be_images
from gan_helpers.data import Source, described
from gan_helpers.losses import Game, clip_weights, get_game, gradient_penalty, interpolation_penalty
from gan_helpers.models import evaluating, sample_z
from gan_helpers.runtime import progress as progress_bar
from gan_helpers.runtime import stream
from gan_helpers.train import checkpoint
from gan_helpers.train.knobs import KNOBS, all_checked
from gan_helpers.train.precision import run_in


@dataclass(frozen=True, eq=False)
class Step:
    """What one step of `train` did. A step is one generator update, with the discriminator updates before it.

    Attributes:
        step: 1 for the first.
        d_loss, g_loss: in nats for the logistic games, `d_loss` the sum of its real and fake means, without penalty.
        real_logits, fake_logits: `(n,)`, of the last discriminator update.
        x_fake: G at a fixed z, `(n, *sample)`, on the steps that `snapshot_every` asks for; else None.
        judged: D's mean logit on samples that it trains on and on `held_out` ones, on the same steps; else None.
    """

    step: int
    d_loss: float
    g_loss: float
    real_logits: Tensor
    fake_logits: Tensor
    x_fake: Tensor | None = None
    judged: Judged | None = None


class Judged(NamedTuple):
    """D's mean logit, in evaluation mode, on samples that it trains on and on others that it has never seen."""

    known: float
    new: float

    @property
    def gap(self) -> float:
        """How much more real the known samples look to D: 0 for a D that has learned what all have in common.

        Karras et al. (2020) watch it, divided by the distance from known to generated samples, for overfitting.
        """
        return self.known - self.new


REACH = {nn.Tanh: (-1.0, 1.0), nn.Sigmoid: (0.0, 1.0), nn.ReLU: (0.0, math.inf)}  # of what a last layer returns
SHOWN = 256  # samples, known and held out, whose mean logits are told
LOOKING = ("steps", "snapshot_every", "n_snapshot", "save_every")  # knobs that leave the run what it is


class Losses(NamedTuple):
    """The losses of one step, in nats for the logistic games."""

    step: int
    d_loss: float
    g_loss: float


class TrainingDivergedError(FloatingPointError):
    """A loss became infinite or NaN. `records` holds the losses of the steps before (the last 10,000 of them)."""

    def __init__(self, message: str, records: list[Losses]):
        super().__init__(message)
        self.records = records


def d_step(
    G: nn.Module,
    D: nn.Module,
    d_opt: Optimizer,
    x_real: Tensor,
    z: Tensor,
    game: Game,
    r1_gamma: float = 0.0,
    r2_gamma: float = 0.0,
    gp_lambda: float = 0.0,
    u: Tensor | None = None,
    x_fake: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """One discriminator update: tell real from generated a little better, and leave G alone.

    Args:
        x_real: `(n, *sample)`; z: `(n, z_dim)`.
        r1_gamma, r2_gamma: weights of the gradient penalties at real and at generated samples.
        gp_lambda: weight of the penalty between them; it needs `u`, `(n, 1)`: see `losses.interpolation_penalty`.
        x_fake: G(z) where that is known already.

    Returns:
        the loss without penalty, `()`, and the logits on real and generated samples, `(n,)` each; all detached.
    """
    x_fake = (G(z) if x_fake is None else x_fake).detach()  # cut here: this loss must not reach G
    real_logits, fake_logits = D(x_real), D(x_fake)
    d_loss = total = game.d_loss(real_logits, fake_logits)
    if r1_gamma:
        total = total + r1_gamma * gradient_penalty(D, x_real, x_real.dim() - 1)
    if r2_gamma:
        total = total + r2_gamma * gradient_penalty(D, x_fake, x_fake.dim() - 1)
    if gp_lambda and u is not None:
        total = total + gp_lambda * interpolation_penalty(D, x_real, x_fake, u, x_fake.dim() - 1)
    d_opt.zero_grad()
    total.backward()
    d_opt.step()
    return d_loss.detach(), real_logits.detach(), fake_logits.detach()


def g_step(
    G: nn.Module,
    D: nn.Module,
    g_opt: Optimizer,
    z: Tensor,
    game: Game,
    x_real: Tensor | None = None,
    x_fake: Tensor | None = None,
) -> Tensor:
    """One generator update: make D more wrong about G's samples, and leave D alone. Returns the loss, `()`.

    The gradient passes *through* D on its way to G, but none is computed for D's own weights, nor for what is frozen in
    G. `x_real` is looked at only by games whose generator loss compares with real samples; `x_fake` is G(z), with its
    graph, where that is known already.
    """
    real_logits = D(x_real) if game.g_needs_real else None
    g_loss = game.g_loss(real_logits, D(G(z) if x_fake is None else x_fake))  # a new forward pass, and no detach
    g_opt.zero_grad()
    g_loss.backward(inputs=[p for p in G.parameters() if p.requires_grad])  # D's weights stay without a gradient
    g_opt.step()
    return g_loss.detach()


def train(
    G: nn.Module,
    D: nn.Module,
    target: Source,
    *,
    z_dim: int,
    steps: int,
    rng: torch.Generator,
    game: str = "nonsaturating",
    batch: int = 128,
    g_lr: float = 1e-3,
    d_lr: float = 1e-3,
    beta1: float = 0.5,
    beta2: float = 0.999,
    lr_decay: bool = False,
    n_d: int = 1,
    fresh_z: bool = True,
    r1_gamma: float = 0.0,
    r2_gamma: float = 0.0,
    gp_lambda: float = 0.0,
    clip: float = 0.0,
    instance_noise: float = 0.0,
    noise_decay: bool = False,
    augment: str = "",
    held_out: Source | None = None,
    precision: str = "float32",
    ema: AveragedModel | None = None,
    snapshot_every: int = 0,
    n_snapshot: int = 64,
    save_to: str | os.PathLike[str] | None = None,
    save_every: int = 0,
    resume: str | os.PathLike[str] | None = None,
    progress: str = "",
) -> Iterator[Step]:
    """Train G against D in place, with Adam, and yield a frozen `Step` after every generator update.

    Args:
        G: maps z `(n, z_dim)` to samples; D: maps samples to logits `(n,)`; both on the device of `rng`.
        target: anything with `sample(n, rng)`.
        game: a name in `losses.GAMES`.
        beta1, beta2: Adam's decay rates of its two means, for both networks.
        lr_decay, noise_decay: let both learning rates, or the instance noise, fall linearly to 0 over the run.
        n_d: discriminator updates for each generator update.
        fresh_z: draw new noise for G's update, as Algorithm 1 does. If false, G is updated on the noise of D's last
            update, as much public code does, and what G makes of it is computed once for both: faster, another run.
        r1_gamma, r2_gamma: weights of the gradient penalties; see `losses.gradient_penalty` for the factor 1/2.
        gp_lambda: weight of `losses.interpolation_penalty`.
        clip: limit for D's weights after each update; 0 for none.
        instance_noise: standard deviation of normal noise on every sample that D sees, real or generated.
        augment: what happens to every image that D sees, real or generated, in its updates and in G's: some of
            `"colour"`, `"shift"`, `"cutout"`, `"flip"`, separated by spaces; see `augment.augment`.
        held_out: samples that are not trained on; every snapshot then tells what D thinks of them (`Step.judged`).
        precision: `"float32"`, or `"bfloat16"` for the heavy products; `precision.fastest` tells which is faster.
        ema: from `averaged(G)`; updated after every step, used by nobody here.
        snapshot_every: yield G at `n_snapshot` fixed z every that many steps, and at the first; 0 for never.
        save_to: a file for checkpoints, written every `save_every` steps (0 for never) and after the last, before the
            step is yielded.
        resume: a checkpoint to go on from, at its step + 1, with the same settings. On the CPU the steps that follow
            are bit for bit those of a run that was not stopped, if your loop draws nothing from `rng` itself.
        progress: a label for a progress bar; empty for none.

    Ctrl-C ends the loop and leaves G, D and `ema` usable, with D at most `n_d` updates ahead of G. What an ensemble has
    besides, unrolling, is there alone: it needs D's weights as arguments, and the evidence of many seeds.

    Raises:
        ValueError: a knob outside its limits (see `knobs`), an unknown precision, shapes or devices that do not fit,
            a D that ends in a sigmoid where the game applies one, a checkpoint of other settings; at once, not at the
            first step.
        OSError: no checkpoint `resume`, or a place for `save_to` that cannot be written to; at once.
        TrainingDivergedError: a loss that is not finite; its `records` are the steps so far. G and D keep the weights
            that this step gave them.

    Source: Goodfellow et al. (2014), Algorithm 1, with Adam in place of plain gradient descent.

    >>> from gan_helpers import data, models, runtime
    >>> rng = runtime.seed(0)
    >>> G, D = models.mlp(1, 1), models.discriminator(1, 16)
    >>> [s.step for s in train(G, D, data.target("gaussian"), z_dim=1, steps=3, rng=rng)]
    [1, 2, 3]
    """
    given = {name: value for name, value in locals().items() if name in KNOBS and name != "ema"}
    knobs = SimpleNamespace(**all_checked(given))
    chosen = get_game(knobs.game)
    if knobs.save_every and save_to is None:
        raise ValueError("save_every asks for checkpoints: name their file with save_to")
    if held_out is not None and not knobs.snapshot_every:
        raise ValueError("held_out is looked at together with snapshots: say how often with snapshot_every")
    check_nets(G, D, target, knobs.z_dim, rng, chosen)
    apart = None if held_out is None else [s.sample(SHOWN, stream(1, rng.device)) for s in (target, held_out)]
    if apart and (apart[0].shape, apart[0].device) != (apart[1].shape, apart[1].device):
        told = [f"{tuple(x.shape[1:])} on {x.device}" for x in apart]
        raise ValueError(f"held_out has samples of shape {told[1]}, the target {told[0]}")
    if knobs.augment:
        must_be_images(target.sample(2, stream(0, rng.device)))
    adam = partial(Adam, betas=(knobs.beta1, knobs.beta2), fused=rng.device.type != "mps")
    d_opt, g_opt = adam(D.parameters(), lr=knobs.d_lr), adam(G.parameters(), lr=knobs.g_lr)
    z_fixed = sample_z(
        knobs.n_snapshot, knobs.z_dim, stream(0, rng.device)
    )  # its own stream: looking must not change the run
    run_g, run_d = run_in(precision, G), run_in(precision, D)
    blur = Blurred(run_d, rng)  # D as it sees samples: through noise
    judge: nn.Module = blur if knobs.instance_noise else run_d
    judge = Augmented(judge, knobs.augment, rng) if knobs.augment else judge
    settings = {name: value for name, value in vars(knobs).items() if name not in LOOKING}
    settings |= {"steps": knobs.steps} if knobs.lr_decay or knobs.noise_decay else {}
    settings |= {"precision": precision, "target": described(target) if save_to or resume else ""}
    settings["augment"] = knobs.augment or "nothing"  # an empty word would count as unknown
    settings |= {} if ema is None else {"ema": getattr(ema, "decay", "")}
    parts = {"G": G, "D": D, "g_opt": g_opt, "d_opt": d_opt, "rng": rng} | ({} if ema is None else {"ema": ema})
    if save_to is not None:
        checkpoint.must_be_writable(save_to)
    done = 0 if resume is None else go_on(resume, parts, settings)

    def loop() -> Iterator[Step]:
        so_far: deque[Losses] = deque(maxlen=10_000)
        numbers = range(done + 1, knobs.steps + 1)
        for i in progress_bar(numbers, desc=progress) if progress else numbers:
            left = 1 - (i - 1) / knobs.steps  # falls from 1 to almost 0
            set_rates(left if knobs.lr_decay else 1.0, (g_opt, knobs.g_lr), (d_opt, knobs.d_lr))
            blur.sd = knobs.instance_noise * (left if knobs.noise_decay else 1.0)
            for _ in range(knobs.n_d):
                x_real = target.sample(knobs.batch, rng)  # (n, *sample)
                z = sample_z(knobs.batch, knobs.z_dim, rng)  # (n, z_dim)
                u = torch.rand(knobs.batch, 1, generator=rng, device=rng.device) if knobs.gp_lambda else None
                x_fake = None if knobs.fresh_z else run_g(z)
                penalties = knobs.r1_gamma, knobs.r2_gamma, knobs.gp_lambda
                d_loss, real_logits, fake_logits = d_step(run_g, judge, d_opt, x_real, z, chosen, *penalties, u, x_fake)
                if knobs.clip:
                    clip_weights(D, knobs.clip)
            z = sample_z(knobs.batch, knobs.z_dim, rng) if knobs.fresh_z else z
            g_loss = g_step(run_g, judge, g_opt, z, chosen, x_real, x_fake)
            losses = Losses(i, *torch.stack([d_loss, g_loss]).tolist())  # one transfer from the device, not two
            if not (math.isfinite(losses.d_loss) and math.isfinite(losses.g_loss)):
                raise diverged(losses, list(so_far))
            if ema is not None:
                ema.update_parameters(G)
            if save_to is not None and (i == knobs.steps or (knobs.save_every and i % knobs.save_every == 0)):
                checkpoint.save(save_to, **parts, step=i, settings=settings)
            look = judged = None
            if knobs.snapshot_every and (i == 1 or i % knobs.snapshot_every == 0):
                with evaluating(G, D):
                    look = G(z_fixed)
                    judged = None if apart is None else Judged(*(D(x).mean().item() for x in apart))
            so_far.append(losses)
            yield Step(*losses, real_logits, fake_logits, look, judged)

    return loop()


class Blurred(nn.Module):
    """A discriminator behind frosted glass: every sample that it sees has normal noise of standard deviation `sd`."""

    def __init__(self, D: nn.Module, rng: torch.Generator):
        super().__init__()
        self.D, self.rng, self.sd = D, rng, 0.0

    def forward(self, x: Tensor) -> Tensor:
        return self.D(x + self.sd * torch.randn(x.shape, generator=self.rng, device=x.device))


def set_rates(pace: float, *rates: tuple[Optimizer, float]) -> None:
    """Set each optimizer's learning rate to `pace` times the rate given."""
    for opt, lr in rates:
        for group in opt.param_groups:
            group["lr"] = pace * lr


def go_on(path: str | os.PathLike[str], parts: dict, settings: dict) -> int:
    """Restore the parts of a run from its checkpoint; returns the steps done. ValueError where settings differ."""
    state = checkpoint.read(path)
    before = {name: value for name, value in state.get("settings", {}).items() if value != ""}
    known = {name: value for name, value in settings.items() if value != ""}
    differing = [name for name in known if name in before and before[name] != known[name]]
    if other := [f"{name} {before[name]!r}, not {known[name]!r}" for name in differing]:
        raise ValueError(f"the checkpoint {os.fspath(path)!r} is of a run with {'; '.join(other)}")
    if "ema" in state and "ema" not in parts:
        raise ValueError(f"the checkpoint {os.fspath(path)!r} holds averaged weights: pass ema=averaged(G) to go on")
    checkpoint.restore(state, **parts)
    return int(state["step"])


def check_nets(
    G: nn.Module, D: nn.Module, target: Source, z_dim: int, rng: torch.Generator, game: Game | None = None
) -> None:
    """Try G and D on two samples, and raise a ValueError that says what does not fit: devices, shapes, or meaning."""
    where = {p.device.type for net in (G, D) for p in net.parameters()} | {rng.device.type}
    if len(where) > 1:
        raise ValueError(f"G, D and rng must be on one device, but are on {', '.join(sorted(where))}")
    probe = torch.Generator(rng.device).manual_seed(0)  # leave the caller's generator where it is
    x_real, z = target.sample(2, probe), sample_z(2, z_dim, probe)
    with evaluating(G, D):
        try:
            x_fake = G(z)
        except RuntimeError as error:
            raise ValueError(f"G does not accept z of shape {tuple(z.shape)} (z_dim={z_dim}): {error}") from None
        if x_fake.shape != x_real.shape:
            raise ValueError(f"G makes samples of shape {tuple(x_fake.shape)}, the target {tuple(x_real.shape)}")
        try:
            logits = D(x_real)
        except RuntimeError as error:
            raise ValueError(f"D does not accept samples of shape {tuple(x_real.shape)}: {error}") from None
        if logits.shape != (2,):
            raise ValueError(
                f"D must return one logit a sample, shape (2,) for 2 samples, not {tuple(logits.shape)}: "
                "end it with nn.Flatten(0)"
            )
    if game is not None:
        check_ends(G, D, target, probe, game)


def check_ends(G: nn.Module, D: nn.Module, target: Source, probe: torch.Generator, game: Game) -> None:
    """Refuse a D whose last layer takes away what the game needs, and warn of a G that cannot reach the data."""
    if isinstance(last_layer(D), nn.Sigmoid | nn.Softmax) and game.name != "least_squares":
        raise ValueError(
            f"D ends in {last_layer(D)}, but the game {game.name!r} needs unbounded logits, and applies the sigmoid "
            "itself where it wants one: leave that layer out"
        )
    reach = next((ends for kind, ends in REACH.items() if isinstance(last_layer(G), kind)), None)
    if reach:
        x = target.sample(256, probe)
        low, high = x.min().item(), x.max().item()
        if low < reach[0] - 1e-3 or high > reach[1] + 1e-3:
            warnings.warn(
                f"G ends in {last_layer(G)} and reaches {reach[0]:g} to {reach[1]:g}, but the data goes from {low:.3g} "
                f"to {high:.3g}: scale the data, or change G's last layer",
                stacklevel=4,
            )


def last_layer(net: nn.Module) -> nn.Module | None:
    """The last layer of a network that has weights or bends: what only reshapes does not count."""
    layers = [m for m in net.modules() if not list(m.children()) and not isinstance(m, nn.Flatten | nn.Unflatten)]
    return layers[-1] if layers else None


def diverged(losses: Losses, records: list[Losses]) -> TrainingDivergedError:
    """The error for a loss that is not finite: which step, which loss, and the usual causes."""
    return TrainingDivergedError(
        f"step {losses.step}: d_loss is {losses.d_loss}, g_loss is {losses.g_loss}. "
        "Usual causes: a learning rate that is too high, "
        "a game without a bound on D (wasserstein without clip or penalty), a penalty with too large a gamma, "
        "log(sigmoid(x)) written by hand, or data that is not finite. `error.records` holds the losses so far.",
        records,
    )
