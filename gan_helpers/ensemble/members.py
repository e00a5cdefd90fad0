"""What each member of an ensemble has for itself: its weights' optimizer, its data and its noise.

A member's numbers depend on its own seed and settings alone. Whoever its neighbours are, it sees the same batches and
takes the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gan_helpers.data import Source
from gan_helpers.models import sample_z
from gan_helpers.runtime import stream

SLOTS = 64  # streams a seed has: the lower half for batches, the upper half for the noise that knobs ask for
BLOCK = 64  # at most so many batches are drawn at a time: one draw of 64 is far cheaper than 64 draws of one
BLOCK_NUMBERS = 2**18  # and at most so many numbers a member, so that images are drawn in smaller blocks


class MemberAdam:
    """Adam with learning rates, decay rates and a step count for each member; who sits out a step stays as it is.

    All weights of a network live in one buffer `(K, P)`, which the layers view, so that an update is a few operations
    on one tensor. Source: Kingma and Ba (2015), Algorithm 1; agrees with `torch.optim.Adam`.

    Args:
        net: from `ensemble.build` or `ensemble.stack`.
        lr, beta1, beta2: `(K,)`.
    """

    def __init__(self, net: nn.Module, lr: Tensor, beta1: Tensor, beta2: Tensor, eps: float = 1e-8):
        self.params = list(net.parameters())
        K = len(self.params[0])
        self.weights = torch.cat([p.detach().reshape(K, -1) for p in self.params], dim=1)  # (K, P)
        self.m, self.v = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.t = self.weights.new_zeros(K, 1)
        self.lr, self.beta1, self.beta2, self.eps = lr.view(K, 1), beta1.view(K, 1), beta2.view(K, 1), eps
        columns = self.weights.split([p[0].numel() for p in self.params], dim=1)
        for p, column in zip(self.params, columns, strict=True):
            p.data = column.view(p.shape)

    def minimize(self, losses: Tensor, active: Tensor, factor: Tensor | float = 1.0) -> None:
        """One Adam update on the members' losses `(K,)`.

        Args:
            active: `(K,)`, boolean; the others keep weights, moments and step count.
            factor: on the learning rates, one number or `(K, 1)`.
        """
        grads = torch.autograd.grad(losses.sum(), self.params)
        grad = torch.cat([g.reshape(len(g), -1) for g in grads], dim=1)  # (K, P)
        with torch.no_grad():
            on = active[:, None].to(grad)  # (K, 1), 1 or 0
            if not active.all():
                grad.masked_fill_(on == 0, 0.0)  # a diverged member's gradient may be NaN, and 0 times NaN is no 0
            self.t += on
            self.m.lerp_(grad, (1 - self.beta1) * on)
            self.v.lerp_(grad.square_(), (1 - self.beta2) * on)
            t = self.t.clamp(min=1)
            rate = factor * self.lr * on / (1 - self.beta1**t)  # with m's bias correction
            root = (self.v / (1 - self.beta2**t)).sqrt_().add_(self.eps)
            self.weights -= root.reciprocal_().mul_(rate).mul_(self.m)

    def clip(self, limit: Tensor) -> None:
        """Clamp the weights of member k to [-limit[k], limit[k]]; `limit` is `(K,)`, infinite for none."""
        torch.clamp(self.weights, -limit[:, None], limit[:, None], out=self.weights)


def draw(
    targets: Sequence[Source], seeds: Sequence[int], slot: int, batch: int, z_dim: int, like: Tensor
) -> Iterator[tuple[Tensor, ...]]:
    """Yield real samples `(K, n, d)` and latent noise `(K, n, z_dim)` for one update after another.

    What member k gets depends on `seeds[k]`, `targets[k]` and `slot` alone. `like` gives dtype and device.
    """

    def one(k: int, n: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        return targets[k].sample(n, rng), sample_z(n, z_dim, rng)

    return _blocks(one, seeds, slot, batch, like)


def draw_noise(
    targets: Sequence[Source], seeds: Sequence[int], slot: int, batch: int, dim: int, like: Tensor
) -> Iterator[tuple[Tensor, ...]]:
    """Yield what some knobs need beside the batch of an update, from streams of their own.

    Normal noise for real and for generated samples, `(K, n, dim)` each, and uniform shares `(K, n, 1)`. Turning a knob
    thus leaves data and latent noise as they were.
    """

    def one(k: int, n: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        normal = torch.randn(n, 2 * dim, generator=rng, device=rng.device)
        return normal[:, :dim], normal[:, dim:], torch.rand(n, 1, generator=rng, device=rng.device)

    return _blocks(one, seeds, SLOTS // 2 + slot, batch, like)


def _blocks(
    one: Callable[[int, int, torch.Generator], tuple[Tensor, ...]],
    seeds: Sequence[int],
    slot: int,
    batch: int,
    like: Tensor,
) -> Iterator[tuple[Tensor, ...]]:
    """Draw many batches of every member at a time, and yield them one by one."""
    rngs = [stream(SLOTS * int(s) + slot, like.device) for s in seeds]
    width = max(a.shape[1:].numel() for a in one(0, 2, stream(0, like.device)))
    n = batch * max(1, min(BLOCK, BLOCK_NUMBERS // (batch * width)))
    while True:
        members = [one(k, n, rng) for k, rng in enumerate(rngs)]
        stacked = [torch.stack(arrays).to(like) for arrays in zip(*members, strict=True)]  # (K, n, ...) each
        for start in range(0, n, batch):
            yield tuple(array[:, start : start + batch] for array in stacked)


def look_ahead(
    D: nn.Module, d_losses: Callable[[Callable[[Tensor], Tensor]], Tensor], lr: Tensor, steps: int
) -> Callable[[Tensor], Tensor]:
    """The discriminators as they would be after `steps` more steps of gradient descent, with the graph kept.

    Chapter 5 writes it out.

    A generator that learns from them learns also how D would answer its move: unrolling. D itself stays as it is.

    Args:
        d_losses: maps a discriminator to the losses `(K,)` of the members.
        lr: `(K,)`, learning rates of these imagined steps.

    Source: Metz et al. (2017), section 2.
    """
    names, weights = zip(*D.named_parameters(), strict=True)
    imagined = lambda x: functional_call(D, dict(zip(names, weights, strict=True)), (x,))
    for _ in range(steps):
        loss = d_losses(imagined).sum()
        grads = torch.autograd.grad(loss, weights, create_graph=True)
        pairs = zip(weights, grads, strict=True)
        weights = tuple(w - lr[:, None, None] * g for w, g in pairs)
    return imagined
