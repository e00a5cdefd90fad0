"""K GANs at once: an ensemble is one more leading dimension.

One GAN's batch has shape `(n, d)`; K of them have `(K, n, d)`, and a layer's weight `(in, out)` becomes `(K, in, out)`.
A loss is a mean over the last dimension, so it gives one number a member, `(K,)`; the gradient of their sum is, for
each member, the gradient of its own loss. That is all there is to it: the step below is the step of `train`.

Each member has its own seed, data, noise, learning rates, game, penalties and number of discriminator updates, and none
of these depends on how many neighbours it has. `experiment` makes a table of such runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import zip_longest
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from gan_helpers.data import Source
from gan_helpers.ensemble.members import MemberAdam, draw, draw_noise, look_ahead
from gan_helpers.losses import Game, get_game, gradient_penalty, interpolation_penalty
from gan_helpers.models import MinibatchStd, Pack, evaluating, sample_z
from gan_helpers.runtime import progress as progress_bar
from gan_helpers.runtime import seed, stream
from gan_helpers.train import KNOBS, checked

SHARED = ("steps", "batch", "z_dim", "unroll")  # knobs of which a whole ensemble has one value
PLAIN = (nn.LeakyReLU, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Identity, Pack, MinibatchStd)  # same for any leading dimension


class StackedLinear(nn.Module):
    """K linear layers side by side: `(K, n, in)` to `(K, n, out)` in one batched matrix product.

    Chapter 3 writes it out.
    """

    def __init__(self, layers: Sequence[nn.Linear]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))  # (K, in, out)
        self.bias = nn.Parameter(torch.stack([layer.bias.detach()[None] for layer in layers]))  # (K, 1, out)

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.shape[-1] == 1:  # matrices of one column: to multiply and sum is several times faster
            return (x * self.weight.mT).sum(-1, keepdim=True) + self.bias
        return torch.baddbmm(self.bias, x, self.weight)


def stack(nets: Sequence[nn.Sequential]) -> nn.Sequential:
    """Lay K networks of one architecture side by side: `(K, n, in)` to `(K, n, out)`, or `(K, n)` for discriminators.

    Raises:
        ValueError: networks that differ in a layer, or a layer that is neither linear with a bias, an element-wise
            activation, `models.Pack`, `models.MinibatchStd`, nor the final `nn.Flatten(0)`.

    >>> nets = [nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)) for _ in range(3)]
    >>> stack(nets)(torch.zeros(3, 5, 2)).shape
    torch.Size([3, 5])
    """
    if not nets:
        raise ValueError("there is nothing to stack: give at least one network")
    columns: list[nn.Module] = []
    for layers in zip_longest(*nets):
        kinds = sorted({repr(layer) for layer in layers})
        if len(kinds) > 1:
            raise ValueError(f"networks of one architecture can be stacked, but these differ: {' and '.join(kinds)}")
        if isinstance(layers[0], nn.Linear) and layers[0].bias is not None:
            columns.append(StackedLinear(layers))  # type: ignore[arg-type]
        elif isinstance(layers[0], nn.Flatten) and layers[0].start_dim == 0:
            columns.append(nn.Flatten(-2))  # (K, n, 1) to (K, n)
        elif isinstance(layers[0], PLAIN):
            columns.append(layers[0])
        else:
            raise ValueError(f"cannot stack {layers[0]}: use nn.Linear with a bias, activations and nn.Flatten(0)")
    return nn.Sequential(*columns)


def build(
    make_gan: Callable[[], tuple[nn.Sequential, nn.Sequential]], seeds: Sequence[int]
) -> tuple[nn.Sequential, nn.Sequential]:
    """Make one GAN a seed, exactly as alone after `runtime.seed(s)`, and stack them: returns stacked G and D.

    Raises:
        ValueError: no seed, or a `make_gan` that returns networks it has returned before.
    """
    if not len(seeds):
        raise ValueError("build needs at least one seed")
    pairs: list[tuple[nn.Sequential, nn.Sequential]] = []
    known: set[int] = set()
    for s in seeds:
        seed(checked("seed", s))
        pairs.append(make_gan())
        weights = [p for net in pairs[-1] for p in net.parameters()]
        if known & set(map(id, weights)):
            raise ValueError(
                "make_gan returns the same networks again, so that seeds would not differ: build new ones in it"
            )
        known |= set(map(id, weights))
    Gs, Ds = zip(*pairs, strict=True)
    return stack(Gs), stack(Ds)


@dataclass(frozen=True, eq=False)
class Steps:
    """What one step did to all members: the fields of `train.Step` with a leading dimension of members.

    Attributes:
        step: 1 for the first.
        d_loss, g_loss: `(K,)`.
        real_logits, fake_logits: `(K, n)`, of the last discriminator update.
        alive: `(K,)`, false for members whose loss was not finite at some step; they are frozen where they were.
    """

    step: int
    d_loss: Tensor
    g_loss: Tensor
    real_logits: Tensor
    fake_logits: Tensor
    alive: Tensor


def train_many(
    G: nn.Module,
    D: nn.Module,
    targets: Source | Sequence[Source],
    *,
    seeds: Sequence[int],
    z_dim: int,
    steps: int,
    game: str | Sequence[str] = "nonsaturating",
    batch: int = 128,
    g_lr: float | Sequence[float] = 1e-3,
    d_lr: float | Sequence[float] = 1e-3,
    beta1: float | Sequence[float] = 0.5,
    beta2: float | Sequence[float] = 0.999,
    n_d: int | Sequence[int] = 1,
    r1_gamma: float | Sequence[float] = 0.0,
    r2_gamma: float | Sequence[float] = 0.0,
    gp_lambda: float | Sequence[float] = 0.0,
    clip: float | Sequence[float] = 0.0,
    instance_noise: float | Sequence[float] = 0.0,
    noise_decay: bool | Sequence[bool] = False,
    lr_decay: bool | Sequence[bool] = False,
    unroll: int = 0,
    unroll_lr: float | Sequence[float] = 0.1,
    progress: str = "",
) -> Iterator[Steps]:
    """Train the K stacked GANs `G` and `D` in place and yield a frozen `Steps` after every generator update.

    From `game` to `unroll_lr`, all but `batch` and `unroll` are one value for all members or a sequence of K.

    Args:
        G, D: from `build` or `stack`.
        targets: one for all members, or K of them.
        seeds: K of them; member k draws its data and noise from generators seeded with `seeds[k]`.
        r1_gamma, r2_gamma, gp_lambda: weights of the gradient penalties at real samples, at generated ones
            (`losses.gradient_penalty`, with its factor 1/2) and between (`losses.interpolation_penalty`). They are
            means over samples also where D judges packs.
        clip: limit for D's weights after each update; 0 for none.
        instance_noise: sd of the normal noise added to every sample that D sees, in D's updates and in G's.
        noise_decay, lr_decay: let the noise, or both learning rates, fall linearly to 0 over the run.
        unroll, unroll_lr: let G learn from D as it would be after `unroll` more steps of plain gradient descent at this
            rate, on the batch at hand. (An Adam rate would be far too small: Adam rescales small gradients.)
        progress: a label for a progress bar; empty for none.

    Raises:
        ValueError: a sequence whose length is not K, an unknown game, or shapes that do not fit; at once.

    >>> from gan_helpers import data, models
    >>> G, D = build(lambda: (models.mlp(1, 1), models.discriminator(1, 16)), seeds=[0, 1, 2])
    >>> for s in train_many(G, D, data.target("gaussian"), seeds=[0, 1, 2], z_dim=1, steps=5):
    ...     pass
    >>> s.d_loss.shape
    torch.Size([3])
    """
    first = next(G.parameters())
    K, device = len(first), first.device
    if len(seeds) != K:
        raise ValueError(f"G has {K} members but seeds has {len(seeds)}")
    seeds, targets = [checked("seed", s) for s in seeds], one_each("targets", targets, K)
    knobs = columns({name: v for name, v in locals().items() if name in KNOBS}, K, first)
    games, updates = knobs.game, knobs.n_d
    limit = knobs.clip.masked_fill(knobs.clip == 0, torch.inf)
    adam = partial(MemberAdam, beta1=knobs.beta1, beta2=knobs.beta2)
    d_opt, g_opt = adam(D, knobs.d_lr), adam(G, knobs.g_lr)
    steps, batch, z_dim, unroll = knobs.steps, knobs.batch, knobs.z_dim, knobs.unroll
    dim, n_logits = check_members(G, D, targets, z_dim, batch, first)
    with_r1, with_r2, with_gp = (bool(gamma.any()) for gamma in (knobs.r1_gamma, knobs.r2_gamma, knobs.gp_lambda))
    with_clip, noisy = bool(limit.isfinite().any()), bool(knobs.instance_noise.any())
    slots, none = int(updates.max()), first.new_zeros(())
    # One stream of batches for each D update within a step, one for G's: a neighbour's n_d then shifts nothing.
    batches = [draw(targets, seeds, slot, batch, z_dim, first) for slot in range(slots + 1)]
    extras = [draw_noise(targets, seeds, slot, batch, dim, first) for slot in range(slots + 1)]

    def batch_of(slot: int, i: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For update `slot` of step `i`: real samples as D sees them, z, noise for generated ones, and shares."""
        x_real, z = next(batches[slot])  # (K, n, d), (K, n, z_dim)
        if not (noisy or with_gp):
            return x_real, z, none, none
        real_noise, fake_noise, u = next(extras[slot])
        level = (knobs.instance_noise * (1 - knobs.noise_decay * (i - 1) / steps))[:, None, None]  # (K, 1, 1)
        return x_real + level * real_noise, z, level * fake_noise, u

    def loop() -> Iterator[Steps]:
        alive = torch.ones(K, dtype=torch.bool, device=device)
        d_loss, real_logits, fake_logits = (first.new_zeros(shape) for shape in (K, (K, n_logits), (K, n_logits)))
        numbers = range(1, steps + 1)
        for i in progress_bar(numbers, desc=progress) if progress else numbers:
            pace = (1 - knobs.lr_decay * (i - 1) / steps)[:, None]  # (K, 1)
            for j in range(1, slots + 1):
                x_real, z, blur, u = batch_of(j, i)
                with torch.no_grad():  # cut here: this loss must not reach G
                    x_fake = G(z) + blur
                real, fake = D(x_real), D(x_fake)  # (K, n) both
                loss = total = member_losses(games, "d_loss", real, fake)  # (K,)
                if with_r1:
                    total = total + knobs.r1_gamma * gradient_penalty(D, x_real)
                if with_r2:
                    total = total + knobs.r2_gamma * gradient_penalty(D, x_fake)
                if with_gp:
                    total = total + knobs.gp_lambda * interpolation_penalty(D, x_real, x_fake, u)
                turn = updates >= j  # (K,): whose update this is
                alive = alive & (total.isfinite() | ~turn)
                d_opt.minimize(total, alive & turn, pace)
                if with_clip:
                    d_opt.clip(limit)
                # Keep, for each member, what its own last update saw.
                d_loss = torch.where(turn, loss.detach(), d_loss)
                real_logits = torch.where(turn[:, None], real.detach(), real_logits)
                fake_logits = torch.where(turn[:, None], fake.detach(), fake_logits)
            x_real, z, blur, _ = batch_of(0, i)
            x_fake = G(z) + blur  # a new forward pass, and no detach
            judge: Callable[[Tensor], Tensor] = D
            if unroll:
                d_losses = lambda D, x=x_real, y=x_fake: member_losses(games, "d_loss", D(x), D(y))
                judge = look_ahead(D, d_losses, knobs.unroll_lr, unroll)
            compared = judge(x_real) if any(g.g_needs_real for g in games) else None
            g_loss = member_losses(games, "g_loss", compared, judge(x_fake))  # (K,)
            alive = alive & g_loss.isfinite()
            g_opt.minimize(g_loss, alive, pace)
            yield Steps(i, d_loss, g_loss.detach(), real_logits, fake_logits, alive)

    return loop()


def one_each(name: str, value: Any, K: int) -> list:
    """K values for K members: one for all, or a sequence, an array or a tensor of K."""
    value = value.tolist() if hasattr(value, "tolist") else value
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value] * K
    if len(values) != K:
        raise ValueError(f"{name} has {len(values)} values for {K} members: give one, or {K}")
    return values


def columns(knobs: Mapping[str, Any], K: int, like: Tensor) -> SimpleNamespace:
    """The knobs of K members, checked: `(K,)` of the dtype of `like` each, games as a list, what is shared as a number.

    Raises:
        ValueError: a value that the knob cannot have, or a sequence whose length is not K.
    """
    found = SimpleNamespace()
    for name, value in knobs.items():
        if name in SHARED:
            setattr(found, name, checked(name, value))
            continue
        values = [checked(name, one) for one in one_each(name, value, K)]
        if name == "game":
            found.game = [get_game(game) for game in values]
        else:
            dtype = torch.int64 if name == "n_d" else like.dtype
            setattr(found, name, torch.tensor(values, dtype=dtype, device=like.device))
    return found


def check_members(
    G: nn.Module, D: nn.Module, targets: list[Source], z_dim: int, batch: int, like: Tensor
) -> tuple[int, int]:
    """Try G and D on one batch a member; returns the samples' dimension and the number of logits for a batch.

    Raises:
        ValueError: shapes that do not fit; the message says both.
    """
    rngs = [stream(0, like.device) for _ in targets]
    with evaluating(G, D):
        try:
            x_real = torch.stack([t.sample(batch, rng) for t, rng in zip(targets, rngs, strict=True)]).to(like)
            z = torch.stack([sample_z(batch, z_dim, rng) for rng in rngs]).to(like)
            x_fake, logits = G(z), D(x_real)
        except RuntimeError as error:
            raise ValueError(f"z of shape (K, n, {z_dim}), the networks and the targets do not fit: {error}") from None
    # D may judge packs of samples, and then has fewer logits than samples.
    if x_fake.shape != x_real.shape or logits.shape[:-1] != x_real.shape[:1] or batch % max(1, logits.shape[-1]):
        shapes = f"G makes {tuple(x_fake.shape)}, the targets {tuple(x_real.shape)}, D {tuple(logits.shape)}"
        raise ValueError(f"{shapes}; needed are (K, n, d), the same, and (K, n), or (K, n / m) for packs of m")
    return x_real.shape[-1], logits.shape[-1]


def member_losses(games: Sequence[Game], which: str, real: Tensor | None, fake: Tensor) -> Tensor:
    """The loss of every member in its own game, "d_loss" or "g_loss": `(K, n)` logits to `(K,)`."""
    names, sizes, order, back = by_game(tuple(game.name for game in games))
    if len(names) == 1:
        return getattr(games[0], which)(real, fake)
    parts = [None] * len(names) if real is None else real[order].split(sizes)
    losses = []
    for name, r, f in zip(names, parts, fake[order].split(sizes), strict=True):
        losses.append(getattr(get_game(name), which)(r, f))
    return torch.cat(losses)[back]


@cache
def by_game(games: tuple[str, ...]) -> tuple[list[str], list[int], Tensor, Tensor]:
    """Which games there are, how many members play each, and the orders that sort members by game and back again."""
    names = sorted(set(games))
    order = torch.tensor([k for name in names for k, game in enumerate(games) if game == name])
    return names, [games.count(name) for name in names], order, order.argsort()
