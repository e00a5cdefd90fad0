"""Training as an iterator: one discriminator step, one generator step, and a loop that yields what happened.

There is no Trainer, no callback, no configuration object. You loop over `train(...)`, and look, plot or break off
in the body of your own loop.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.swa_utils import AveragedModel

from gan_helpers import checkpoint
from gan_helpers.losses import Game, clip_weights, get_game, gradient_penalty
from gan_helpers.models import sample_z
from gan_helpers.precision import run_in
from gan_helpers.runtime import progress as progress_bar
from gan_helpers.runtime import stream


class Source(Protocol):
    """Anything that can be sampled can be learned."""

    def sample(self, n: int, rng: torch.Generator) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class Step:
    """What one step of `train` did. A step is one generator update, with the discriminator updates before it.

    Attributes:
        step: 1 for the first.
        d_loss, g_loss: in nats for the logistic games, `d_loss` the sum of its real and fake means, without penalty.
        real_logits, fake_logits: `(n,)`, of the last discriminator update.
        x_fake: G at a fixed z, `(n, *sample)`, on the steps that `snapshot_every` asks for; else None.
    """

    step: int
    d_loss: float
    g_loss: float
    real_logits: Tensor
    fake_logits: Tensor
    x_fake: Tensor | None = None


class TrainingDivergedError(FloatingPointError):
    """A loss became infinite or NaN. `records` holds the steps before (the last 10,000 of them)."""

    def __init__(self, message: str, records: list[Step]):
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
) -> tuple[Tensor, Tensor, Tensor]:
    """One discriminator update: tell real from generated a little better, and leave G alone.

    Args:
        x_real: `(n, *sample)`; z: `(n, z_dim)`.
        r1_gamma, r2_gamma: weights of the gradient penalties at real and at generated samples.

    Returns:
        the loss without penalty, `()`, and the logits on real and generated samples, `(n,)` each; all detached.
    """
    x_fake = G(z).detach()  # cut here: this loss must not reach G
    real_logits, fake_logits = D(x_real), D(x_fake)
    d_loss = total = game.d_loss(real_logits, fake_logits)
    if r1_gamma:
        total = total + r1_gamma * gradient_penalty(D, x_real, x_real.dim() - 1)
    if r2_gamma:
        total = total + r2_gamma * gradient_penalty(D, x_fake, x_fake.dim() - 1)
    d_opt.zero_grad()
    total.backward()
    d_opt.step()
    return d_loss.detach(), real_logits.detach(), fake_logits.detach()


def g_step(G: nn.Module, D: nn.Module, g_opt: Optimizer, z: Tensor, game: Game, x_real: Tensor | None = None) -> Tensor:
    """One generator update: make D more wrong about G's samples, and leave D alone. Returns the loss, `()`.

    The gradient passes *through* D on its way to G, but none is computed for D's own weights.
    `x_real` is looked at only by games whose generator loss compares with real samples.
    """
    real_logits = D(x_real) if game.g_needs_real else None
    g_loss = game.g_loss(real_logits, D(G(z)))  # a new forward pass, and no detach
    g_opt.zero_grad()
    g_loss.backward(inputs=list(G.parameters()))  # D's weights stay without a gradient
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
    betas: tuple[float, float] = (0.5, 0.999),
    lr_decay: bool = False,
    n_d: int = 1,
    fresh_z: bool = True,
    r1_gamma: float = 0.0,
    r2_gamma: float = 0.0,
    clip: float = 0.0,
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
        lr_decay: let both learning rates fall linearly to 0 over the run.
        n_d: discriminator updates for each generator update.
        fresh_z: draw new noise for G's update, as Algorithm 1 does. If false, G is updated on the noise of D's last
            update, as much public code does, and what G makes of it is computed once for both: faster, another run.
        r1_gamma, r2_gamma: weights of the gradient penalties; see `losses.gradient_penalty` for the factor 1/2.
        clip: limit for D's weights after each update; 0 for none.
        precision: `"float32"`, or `"bfloat16"` for the heavy products; `precision.fastest` times which is faster.
        ema: from `averaged(G)`; updated after every step, used by nobody here.
        snapshot_every: yield G at `n_snapshot` fixed z every that many steps, and at the first; 0 for never.
        save_to: a file for checkpoints, written every `save_every` steps (0 for never) and after the last, before the
            step is yielded.
        resume: a checkpoint to go on from, at its step + 1, with the same settings. On the CPU the steps that follow
            are bit for bit those of a run that was not stopped, if your loop draws nothing from `rng` itself.
        progress: a label for a progress bar; empty for none.

    Ctrl-C ends the loop and leaves G, D and `ema` usable, with D at most `n_d` updates ahead of G.

    Raises:
        ValueError: unknown game or precision, shapes or devices that do not fit, a checkpoint of other settings;
            at once, not at the first step.
        FileNotFoundError: no checkpoint `resume`, or no folder for `save_to`.
        TrainingDivergedError: a loss that is not finite; its `records` are the steps so far. G and D keep the weights
            that this step gave them.

    Source: Goodfellow et al. (2014), Algorithm 1, with Adam in place of plain gradient descent.

    >>> from gan_helpers import data, models, runtime
    >>> rng = runtime.seed(0)
    >>> G, D = models.mlp(1, 1), models.discriminator(1, 16)
    >>> [s.step for s in train(G, D, data.target("gaussian"), z_dim=1, steps=3, rng=rng)]
    [1, 2, 3]
    """
    chosen = get_game(game)
    if min(steps, batch, n_d) < 1:
        raise ValueError(f"steps, batch and n_d must be at least 1, got {steps}, {batch} and {n_d}")
    if save_every and save_to is None:
        raise ValueError("save_every asks for checkpoints: name their file with save_to")
    # Plain numbers, not NumPy's: they go into checkpoints, with the optimizers and the settings.
    steps, batch, n_d, z_dim = (int(n) for n in (steps, batch, n_d, z_dim))
    g_lr, d_lr, r1_gamma, r2_gamma, clip = (float(x) for x in (g_lr, d_lr, r1_gamma, r2_gamma, clip))
    betas = float(betas[0]), float(betas[1])
    check_shapes(G, D, target, z_dim, rng)
    d_opt = Adam(D.parameters(), lr=d_lr, betas=betas, fused=rng.device.type != "mps")
    g_opt = Adam(G.parameters(), lr=g_lr, betas=betas, fused=rng.device.type != "mps")
    z_fixed = sample_z(n_snapshot, z_dim, stream(0, rng.device))  # its own stream: looking must not change the run
    run_g, run_d = run_in(precision, G), run_in(precision, D)
    if not fresh_z:
        run_g = Once(run_g)
    settings = {"game": game, "z_dim": z_dim, "batch": batch, "g_lr": g_lr, "d_lr": d_lr, "betas": list(betas)}
    settings |= {"fresh_z": fresh_z, "lr_decay": lr_decay} | ({"steps": steps} if lr_decay else {})
    settings |= {"n_d": n_d, "r1_gamma": r1_gamma, "r2_gamma": r2_gamma, "clip": clip, "precision": precision}
    parts = {"G": G, "D": D, "g_opt": g_opt, "d_opt": d_opt, "rng": rng} | ({} if ema is None else {"ema": ema})
    if save_to is not None:
        checkpoint.must_have_folder(save_to)
    done = 0 if resume is None else go_on(resume, parts, settings)

    def loop() -> Iterator[Step]:
        so_far: deque[Step] = deque(maxlen=10_000)
        numbers = range(done + 1, steps + 1)
        for i in progress_bar(numbers, desc=progress) if progress else numbers:
            set_rates(1 - lr_decay * (i - 1) / steps, (g_opt, g_lr), (d_opt, d_lr))
            for _ in range(n_d):
                x_real = target.sample(batch, rng)  # (n, *sample)
                z = sample_z(batch, z_dim, rng)  # (n, z_dim)
                d_loss, real_logits, fake_logits = d_step(run_g, run_d, d_opt, x_real, z, chosen, r1_gamma, r2_gamma)
                if clip:
                    clip_weights(D, clip)
            z = sample_z(batch, z_dim, rng) if fresh_z else z
            g_loss = g_step(run_g, run_d, g_opt, z, chosen, x_real)
            losses = torch.stack([d_loss, g_loss]).tolist()  # one transfer from the device, not two
            if not all(map(math.isfinite, losses)):
                raise diverged(i, losses, list(so_far))
            if ema is not None:
                ema.update_parameters(G)
            if save_to is not None and (i == steps or (save_every and i % save_every == 0)):
                checkpoint.save(save_to, **parts, step=i, settings=settings)
            x_fake = None
            if snapshot_every and (i == 1 or i % snapshot_every == 0):
                with evaluating(G):
                    x_fake = G(z_fixed)
            record = Step(i, losses[0], losses[1], real_logits, fake_logits, x_fake)
            so_far.append(record)
            yield record

    return loop()


class Once(nn.Module):
    """A network that computes nothing twice: asked again for the very tensor that it was asked for last, it repeats
    its answer, graph and all. The network must not have changed in between."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net
        self.last: tuple[Tensor, Tensor] | None = None

    def forward(self, z: Tensor) -> Tensor:
        if self.last is None or z is not self.last[0]:
            self.last = z, self.net(z)
        return self.last[1]


def set_rates(pace: float, *rates: tuple[Optimizer, float]) -> None:
    """Set each optimizer's learning rate to `pace` times the rate given."""
    for opt, lr in rates:
        for group in opt.param_groups:
            group["lr"] = pace * lr


def averaged(G: nn.Module, decay: float = 0.999) -> AveragedModel:
    """A second generator beside G, whose weights are a running average of G's: pass it to `train` as `ema`.

    After each step `average += (1 - decay) * (weight - average)`, so that it looks back over about 1 / (1 - decay)
    steps; over a tenth of the run so far while that is less, or it would remember the first, random weights. The
    statistics of batch norm are averaged along. Training never sees it; sample from it in evaluation mode.

    Source: Yazici et al. (2019); Karras et al. (2018) for its use in GANs.

    >>> G = nn.Linear(2, 2)
    >>> averaged(G)(torch.zeros(3, 2)).shape
    torch.Size([3, 2])
    """

    def blend(average: Sequence[Tensor], now: Sequence[Tensor], n: Tensor | int) -> None:
        share = max(1 - decay, 9 / (10 + int(n)))
        if average[0].is_floating_point():
            torch._foreach_lerp_(list(average), list(now), share)
        else:  # batch norm's counter
            torch._foreach_copy_(list(average), list(now))

    return AveragedModel(G, multi_avg_fn=torch.no_grad()(blend), use_buffers=True)


def go_on(path: str | os.PathLike[str], parts: dict, settings: dict) -> int:
    """Restore the parts of a run from its checkpoint; returns the steps done. ValueError where settings differ."""
    state = checkpoint.read(path)
    before = state.get("settings", {})
    if other := [f"{name} {before.get(name)!r}, not {v!r}" for name, v in settings.items() if before.get(name) != v]:
        raise ValueError(f"the checkpoint {os.fspath(path)!r} is of a run with {'; '.join(other)}")
    if "ema" in state and "ema" not in parts:
        raise ValueError(f"the checkpoint {os.fspath(path)!r} holds averaged weights: pass ema=averaged(G) to go on")
    checkpoint.restore(state, **parts)
    return int(state["step"])


def check_shapes(G: nn.Module, D: nn.Module, target: Source, z_dim: int, rng: torch.Generator) -> None:
    """Try G and D on two samples, and raise a ValueError that says both shapes where they do not fit."""
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


@contextmanager
def evaluating(*nets: nn.Module) -> Iterator[None]:
    """Only look, within this block: no gradients, batch norm holds still; afterwards every mode is put back."""
    modes = [(module, module.training) for net in nets for module in net.modules()]
    try:
        for net in nets:
            net.eval()
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def diverged(step: int, losses: list[float], records: list[Step]) -> TrainingDivergedError:
    """The error for a loss that is not finite: which step, which loss, and the usual causes."""
    return TrainingDivergedError(
        f"step {step}: d_loss is {losses[0]}, g_loss is {losses[1]}. Usual causes: a learning rate that is too high, "
        "a game without a bound on D (wasserstein without clip or penalty), a penalty with too large a gamma, "
        "log(sigmoid(x)) written by hand, or data that is not finite. `error.records` holds the steps so far.",
        records,
    )
