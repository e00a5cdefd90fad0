"""Several processes that train one GAN: which samples each takes, and what they average.

Each process, a rank, holds whole networks and a share of every batch. Averages over the batch are then averages over
ranks of averages over shares, if the shares are equal. That holds for three things: gradients, which
DistributedDataParallel averages; the mean and variance of batch norm, which `SyncBatchNorm` averages; losses, to be
shown. In a lone process every function here does nothing, so the code that calls it is the same for one and for many.
"""

from __future__ import annotations

import copy
import inspect
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from gan_helpers.runtime import stream


class SettingError(ValueError):
    """Settings that cannot be met. The message is for the person who typed them."""


@dataclass(frozen=True)
class World:
    """Which of how many processes this one is. `local_rank` counts those of one machine: it is the number of its GPU.

    >>> World(rank=1, size=2).share(torch.arange(6))
    tensor([1, 3, 5])
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def here(cls) -> World:
        """As `torchrun` says in the environment; without `torchrun`, the only one.

        Raises:
            SettingError: several processes that are not told where to meet, or numbers that are none.
        """
        given = {name: os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
        if odd := [f"{name}={value!r}" for name, value in given.items() if value and not value.isdigit()]:
            raise SettingError(f"the environment says {odd[0]}, which is no number: start with torchrun")
        rank, size, local_rank = given.values()
        missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
        if int(size or 1) > 1 and missing and not distributed.is_initialized():
            raise SettingError(f"WORLD_SIZE is {size}, but {missing[0]} is not set: start with torchrun")
        return cls(int(rank or 0), int(size or 1), int(local_rank or 0))

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes files."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """This process's rows of a batch that every process has drawn alike: `(n, ...)` to `(n / size, ...)`."""
        return batch[self.rank :: self.size]


@contextmanager
def joined(world: World, device: torch.device) -> Iterator[None]:
    """Within this block the processes can talk: through NCCL between GPUs, through gloo between CPUs."""
    alone = world.size == 1 or distributed.is_initialized()  # or the caller has joined them
    if not alone:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        if not alone:
            distributed.destroy_process_group()


def processes() -> int:
    """How many processes are joined; 1 outside of `joined`."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


class Average(torch.autograd.Function):
    """The mean of a tensor over all processes, of the same shape, and known to autograd.

    Each process differentiates its own loss, and their gradients are averaged afterwards. For that average to be the
    gradient of the averaged loss, what flows back through a mean over processes is their mean once more.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total / processes()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The mean over processes of the gradients, which can itself be differentiated."""
        return average(grads[0])


def average(x: Tensor) -> Tensor:
    """The mean of `x` over all processes; every process must ask, and all in the same order."""
    return Average.apply(x) if processes() > 1 else x


class SyncBatchNorm(nn.BatchNorm2d):
    """Batch norm whose mean and variance are those of the whole batch, not of one process's share.

    Maps `(n, c, h, w)` to the same shape. The variance of a batch of equal shares is the mean of their variances plus
    the variance of their means. `torch.nn.SyncBatchNorm` does this on GPUs only; this one on CPUs too.
    """

    momentum: float
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or processes() == 1:
            return super().forward(x)
        x32 = x.float()
        var, mean = torch.var_mean(x32, (0, 2, 3), correction=0)  # (c,) of this share
        own, mean = mean, average(mean)
        var = average(var + (own - mean).square())
        self.remember(mean.detach(), var.detach(), n=processes() * x[:, 0].numel())
        scale = self.weight * (var + self.eps).rsqrt()
        y = (x32 - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]
        return y.to(x.dtype)

    @torch.no_grad()
    def remember(self, mean: Tensor, var: Tensor, n: int) -> None:
        """Move the running mean and (unbiased) variance, which evaluation uses, towards those of this batch."""
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var * n / (n - 1), self.momentum)
        self.num_batches_tracked.add_(1)


def synchronised(net: nn.Module) -> nn.Module:
    """The same network with every `BatchNorm2d` in it replaced by a `SyncBatchNorm` of the same weights and names."""
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.BatchNorm2d:
                norm = copy.copy(child)  # the same weights, buffers and mode
                norm.__class__ = SyncBatchNorm
                setattr(parent, name, norm)
    return net


def averaging(net: nn.Module, device: torch.device) -> nn.Module:
    """`net`, wrapped so that a backward pass leaves the same gradient in every process: the mean of theirs.

    The wrapper must see the forward pass whose backward pass is to be averaged. It also sends the first process's
    weights to all. It leaves the buffers alone: with `SyncBatchNorm` the processes' running statistics never differ.
    """
    if processes() == 1:
        return net
    known = inspect.signature(DistributedDataParallel).parameters  # its argument has had two names
    buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    options: dict[str, Any] = {buffers: False}
    return DistributedDataParallel(net, [device] if device.type == "cuda" else None, **options)


class Epochs:
    """Which samples make up the batch of a step: each once an epoch, in an order that is new in every epoch.

    It depends on nothing but its arguments and the step, so every process draws the same batch, and a run that is
    resumed goes on with the next one. Samples that do not fill a batch are left out of that epoch.

    Args:
        n: samples in the data set.
        batch: samples in a batch of all processes together.

    >>> order = Epochs(7, batch=3, seed=0)
    >>> len(torch.cat([order(1), order(2)]).unique())
    6
    """

    def __init__(self, n: int, batch: int, seed: int):
        self.n, self.batch, self.seed = n, batch, seed
        self.steps = n // batch  # in an epoch
        self._epoch, self._order = -1, torch.empty(0)

    def __call__(self, step: int) -> Tensor:
        """Indices `(batch,)` of the samples of a step, of which the first is 1."""
        epoch, at = divmod(step - 1, self.steps)
        if epoch != self._epoch:
            seeds = torch.randint(2**31, (epoch + 1,), generator=stream(self.seed))  # one for every epoch so far
            rng = stream(int(seeds[epoch]))
            self._epoch, self._order = epoch, torch.randperm(self.n, generator=rng)
        return self._order[at * self.batch : (at + 1) * self.batch]


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Within this block Ctrl-C, or the signal by which a cluster ends a job, only sets the event that it gives."""
    asked = threading.Event()
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
