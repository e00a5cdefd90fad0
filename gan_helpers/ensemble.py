"""K GANs at once: an ensemble is one more leading dimension.

One GAN's batch has shape `(n, d)`; K of them have `(K, n, d)`, and a layer's weight `(in, out)` becomes `(K, in, out)`.
A loss is a mean over the last dimension, so it gives one number a member, `(K,)`; the gradient of their sum is, for
each member, the gradient of its own loss. That is all there is to it: the step below is the step of `train`.

Each member has its own seed, data, noise, learning rates, game, penalty and number of discriminator updates, and none
of these depends on how many neighbours it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn

from gan_helpers.losses import Game, get_game, gradient_penalty
from gan_helpers.models import sample_z
from gan_helpers.runtime import progress as progress_bar
from gan_helpers.runtime import seed, stream
from gan_helpers.train import Source, evaluating

MAX_SLOTS = 64  # streams of noise a seed has: one for G, and up to 63 discriminator updates a step
BLOCK = 64  # steps of noise drawn at a time: one draw of 64 batches is far cheaper than 64 draws of one


class StackedLinear(nn.Module):
    """K linear layers side by side: `(K, n, in)` to `(K, n, out)` in one batched matrix product."""

    def __init__(self, layers: Sequence[nn.Linear]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))  # (K, in, out)
        self.bias = nn.Parameter(torch.stack([layer.bias.detach()[None] for layer in layers]))  # (K, 1, out)

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


def stack(nets: Sequence[nn.Sequential]) -> nn.Sequential:
    """Lay K networks of one architecture side by side: `(K, n, in)` to `(K, n, out)`, or `(K, n)` for discriminators.

    Raises:
        ValueError: networks that differ in a layer, or a layer that is neither linear with a bias, an element-wise
            activation, nor the final `nn.Flatten(0)`.

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
        elif isinstance(layers[0], nn.LeakyReLU | nn.ReLU | nn.Tanh | nn.Sigmoid | nn.Identity):
            columns.append(layers[0])
        else:
            raise ValueError(f"cannot stack {layers[0]}: use nn.Linear with a bias, activations and nn.Flatten(0)")
    return nn.Sequential(*columns)


def build(
    make_gan: Callable[[], tuple[nn.Sequential, nn.Sequential]], seeds: Sequence[int]
) -> tuple[nn.Sequential, nn.Sequential]:
    """Make one GAN a seed, exactly as alone after `runtime.seed(s)`, and stack them: returns stacked G and D."""
    if not len(seeds):
        raise ValueError("build needs at least one seed")
    pairs = []
    for s in seeds:
        seed(s)
        pairs.append(make_gan())
    Gs, Ds = zip(*pairs, strict=True)
    return stack(Gs), stack(Ds)


class MemberAdam:
    """Adam with a learning rate and a step count for each member; members left out of a step stay as they are.

    All weights of a network live in one buffer `(K, P)`, which the layers view, so that an update is a few operations
    on one tensor. Source: Kingma and Ba (2015), Algorithm 1; agrees with `torch.optim.Adam`.
    """

    def __init__(self, net: nn.Module, lr: Tensor, betas: tuple[float, float], eps: float = 1e-8):
        self.params = list(net.parameters())
        K = len(self.params[0])
        self.weights = torch.cat([p.detach().reshape(K, -1) for p in self.params], dim=1)  # (K, P)
        self.m, self.v = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.t = self.weights.new_zeros(K, 1)
        self.lr, self.betas, self.eps = lr.reshape(K, 1), betas, eps
        columns = self.weights.split([p[0].numel() for p in self.params], dim=1)
        for p, column in zip(self.params, columns, strict=True):
            p.data = column.view(p.shape)

    def minimize(self, losses: Tensor, active: Tensor) -> None:
        """One Adam update of the members where `active`, `(K,)` and boolean, is true, on their losses `(K,)`."""
        grads = torch.autograd.grad(losses.sum(), self.params)
        grad = torch.cat([g.reshape(len(g), -1) for g in grads], dim=1)  # (K, P)
        b1, b2 = self.betas
        with torch.no_grad():
            self.t += active[:, None]
            if active.all():
                self.m.lerp_(grad, 1 - b1)
                self.v.mul_(b2).addcmul_(grad, grad, value=1 - b2)
            else:
                on = active[:, None]  # (K, 1)
                self.m = torch.where(on, torch.lerp(self.m, grad, 1 - b1), self.m)
                self.v = torch.where(on, b2 * self.v + (1 - b2) * grad * grad, self.v)
            t = self.t.clamp(min=1)
            rate = torch.where(active[:, None], self.lr / (1 - b1**t), 0.0)  # (K, 1), with m's bias correction
            root = (self.v / (1 - b2**t)).sqrt_().add_(self.eps)
            self.weights -= rate * self.m / root


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
    betas: tuple[float, float] = (0.5, 0.999),
    n_d: int | Sequence[int] = 1,
    r1_gamma: float | Sequence[float] = 0.0,
    progress: str = "",
) -> Iterator[Steps]:
    """Train the K stacked GANs `G` and `D` in place and yield a frozen `Steps` after every generator update.

    Args:
        G, D: from `build` or `stack`.
        seeds: K of them; member k draws its data and noise from a generator seeded with `seeds[k]`.
        targets, game, g_lr, d_lr, n_d, r1_gamma: one for all members, or a sequence of K.
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
    K, device, dtype = len(first), first.device, first.dtype
    if len(seeds) != K:
        raise ValueError(f"G has {K} members but seeds has {len(seeds)}")

    def each(name: str, value: Any) -> list:
        value = value.tolist() if hasattr(value, "tolist") else value
        values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value] * K
        if len(values) != K:
            raise ValueError(f"{name} has {len(values)} values for {K} members: give one, or {K}")
        return values

    targets, games = each("targets", targets), [get_game(name) for name in each("game", game)]
    updates = torch.tensor(each("n_d", n_d), device=device)  # (K,)
    gamma = torch.tensor(each("r1_gamma", r1_gamma), dtype=dtype, device=device)  # (K,)
    if min(steps, batch) < 1:
        raise ValueError(f"steps and batch must be at least 1, got {steps} and {batch}")
    if int(updates.min()) < 1 or int(updates.max()) >= MAX_SLOTS:
        raise ValueError(f"n_d must be between 1 and {MAX_SLOTS - 1} for every member")
    d_opt = MemberAdam(D, torch.tensor(each("d_lr", d_lr), dtype=dtype, device=device), betas)
    g_opt = MemberAdam(G, torch.tensor(each("g_lr", g_lr), dtype=dtype, device=device), betas)
    check_members(G, D, targets, z_dim, first)
    penalised, slots = bool(gamma.any()), int(updates.max())
    # One stream of batches for each D update within a step, one for G's: a neighbour's n_d then shifts nothing.
    d_batches = [draw(targets, seeds, slot, batch, z_dim, first) for slot in range(1, slots + 1)]
    g_batches = draw(targets, seeds, 0, batch, z_dim, first)

    def loop() -> Iterator[Steps]:
        alive = torch.ones(K, dtype=torch.bool, device=device)
        d_loss, real_logits, fake_logits = (first.new_zeros(shape) for shape in (K, (K, batch), (K, batch)))
        numbers = range(1, steps + 1)
        for i in progress_bar(numbers, desc=progress) if progress else numbers:
            for j in range(slots):
                x_real, z = next(d_batches[j])  # (K, n, d), (K, n, z_dim)
                x_fake = G(z).detach()  # cut here: this loss must not reach G
                real, fake = D(x_real), D(x_fake)  # (K, n) both
                loss = total = member_losses(games, "d_loss", real, fake)  # (K,)
                if penalised:
                    total = total + gamma * gradient_penalty(D, x_real)
                turn = updates > j  # (K,): whose update this is
                alive = alive & (total.isfinite() | ~turn)
                d_opt.minimize(total, alive & turn)
                # Keep, for each member, what its own last update saw.
                d_loss = torch.where(turn, loss.detach(), d_loss)
                real_logits = torch.where(turn[:, None], real.detach(), real_logits)
                fake_logits = torch.where(turn[:, None], fake.detach(), fake_logits)
            x_real, z = next(g_batches)
            compared = D(x_real) if any(g.g_needs_real for g in games) else None
            g_loss = member_losses(games, "g_loss", compared, D(G(z)))  # (K,); a new forward pass, and no detach
            alive = alive & g_loss.isfinite()
            g_opt.minimize(g_loss, alive)
            yield Steps(i, d_loss, g_loss.detach(), real_logits, fake_logits, alive)

    return loop()


def check_members(G: nn.Module, D: nn.Module, targets: list[Source], z_dim: int, like: Tensor) -> None:
    """Try G and D on two samples a member, and raise a ValueError that says both shapes where they do not fit."""
    rngs = [stream(0, like.device) for _ in targets]
    with evaluating(G, D):
        try:
            x_real = torch.stack([t.sample(2, rng) for t, rng in zip(targets, rngs, strict=True)]).to(like)
            z = torch.stack([sample_z(2, z_dim, rng) for rng in rngs]).to(like)
            x_fake, logits = G(z), D(x_real)
        except RuntimeError as error:
            raise ValueError(f"z of shape (K, n, {z_dim}), the networks and the targets do not fit: {error}") from None
    if x_fake.shape != x_real.shape or logits.shape != x_real.shape[:2]:
        shapes = f"G makes {tuple(x_fake.shape)}, the targets {tuple(x_real.shape)}, D {tuple(logits.shape)}"
        raise ValueError(f"{shapes}; needed are (K, n, d), the same, and (K, n)")


def member_losses(games: list[Game], which: str, real: Tensor | None, fake: Tensor) -> Tensor:
    """The loss of every member in its own game: `(K, n)` logits to `(K,)`."""
    first = games[0]
    if all(game is first for game in games):
        return getattr(first, which)(real, fake)
    out: list[Tensor] = [fake] * len(games)
    for game in dict.fromkeys(game.name for game in games):
        index = [k for k, other in enumerate(games) if other.name == game]
        losses = getattr(get_game(game), which)(None if real is None else real[index], fake[index])
        for k, loss in zip(index, losses, strict=True):
            out[k] = loss
    return torch.stack(out)


def draw(
    targets: list[Source], seeds: Sequence[int], slot: int, batch: int, z_dim: int, like: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield real samples `(K, n, d)` and noise `(K, n, z_dim)` for one update after another, drawn in blocks.

    What member k gets depends on `seeds[k]`, `targets[k]` and `slot` alone. `like` gives dtype and device.
    """
    rngs = [stream(MAX_SLOTS * s + slot, like.device) for s in seeds]
    while True:
        real = torch.stack([t.sample(BLOCK * batch, rng) for t, rng in zip(targets, rngs, strict=True)])
        noise = torch.stack([sample_z(BLOCK * batch, z_dim, rng) for rng in rngs])
        for start in range(0, BLOCK * batch, batch):
            yield real[:, start : start + batch].to(like), noise[:, start : start + batch].to(like)
