"""The networks of the book, and the latent noise that feeds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
}
PRIORS = ("normal", "uniform")


def mlp(*widths: int, activation: str = "leaky_relu") -> nn.Sequential:
    """A multi-layer perceptron: linear layers of the given widths with an activation between each two.

    `mlp(1, 1)` is the affine map `x = a z + b`. Weights start as PyTorch's default draws them, from the global
    generator that `runtime.seed` sets.

    Args:
        widths: input, hidden and output widths; maps `(n, widths[0])` to `(n, widths[-1])`.
        activation: one of `leaky_relu` (slope 0.2), `relu`, `tanh`.

    Raises:
        ValueError: fewer than two widths, or an unknown activation.

    >>> mlp(2, 64, 1)(torch.zeros(5, 2)).shape
    torch.Size([5, 1])
    """
    if len(widths) < 2:
        raise ValueError(f"an MLP needs an input and an output width, got {widths}")
    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}: choose one of {', '.join(ACTIVATIONS)}")
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def discriminator(*widths: int, activation: str = "leaky_relu") -> nn.Sequential:
    """An MLP that ends in one logit a sample: `(n, widths[0])` to `(n,)`.

    >>> discriminator(2, 64)(torch.zeros(5, 2)).shape
    torch.Size([5])
    """
    return nn.Sequential(*mlp(*widths, 1, activation=activation), nn.Flatten(0))


class Pack(nn.Module):
    """Lay `size` samples side by side, so that D judges them together: `(..., n, d)` to `(..., n / size, size * d)`.

    Chapter 5 writes it out.

    D then sees that samples repeat one another. Source: Lin et al. (2018), section 2.

    >>> Pack(2)(torch.zeros(6, 2)).shape
    torch.Size([3, 4])
    """

    def __init__(self, size: int):
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        n, d = x.shape[-2:]
        if n % self.size:
            raise ValueError(f"{n} samples do not make packs of {self.size}: change the batch")
        return x.reshape(*x.shape[:-2], n // self.size, self.size * d)

    def extra_repr(self) -> str:
        """The size, in `repr`: by that `ensemble.stack` tells one packing from another."""
        return str(self.size)


class MinibatchStd(nn.Module):
    """Append to every row the mean over features of their standard deviation in the batch.

    `(..., n, d)` to `(..., n, d + 1)`. A batch whose samples are too alike gives itself away.

    Source: Karras et al. (2018), section 3.

    >>> MinibatchStd()(torch.zeros(6, 2)).shape
    torch.Size([6, 3])
    """

    def forward(self, x: Tensor) -> Tensor:
        sd = (x.var(-2, correction=0) + 1e-8).sqrt().mean(-1)  # (...); the constant keeps the slope finite at 0
        return torch.cat([x, sd[..., None, None].expand(*x.shape[:-1], 1)], dim=-1)


def sample_z(n: int, z_dim: int, rng: torch.Generator, prior: str = "normal") -> Tensor:
    """Latent noise `(n, z_dim)` on the generator's device: N(0, 1), or uniform on [-1, 1].

    Raises:
        ValueError: an unknown prior.

    >>> sample_z(3, 2, torch.Generator().manual_seed(0)).shape
    torch.Size([3, 2])
    """
    if prior == "normal":
        return torch.randn(n, z_dim, generator=rng, device=rng.device)
    if prior == "uniform":
        return 2 * torch.rand(n, z_dim, generator=rng, device=rng.device) - 1
    raise ValueError(f"unknown prior {prior!r}: choose one of {', '.join(PRIORS)}")


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
