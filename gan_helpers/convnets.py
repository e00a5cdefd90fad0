"""Convolutional generators and discriminators, after DCGAN: for 28 x 28 pixels on a CPU, for 64 x 64 as published."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_helpers.models import ACTIVATIONS

INITS = ("dcgan", "default")


def generator28(
    z_dim: int = 64, width: int = 32, *, norm: bool = True, activation: str = "relu", init: str = "dcgan"
) -> nn.Sequential:
    """Noise `(n, z_dim)` to images `(n, 1, 28, 28)` in (-1, 1): 7 x 7, then twice doubled.

    Chapter 7 writes it out.

    Args:
        width: channels of the widest layer are four times this.
        norm: whether batch norm follows every layer but the last.
        activation: one of `models.ACTIVATIONS`.
        init: `"dcgan"` or `"default"`, see `initialise`.

    Raises:
        ValueError: an unknown activation or init.

    >>> generator28()(torch.zeros(2, 64)).shape
    torch.Size([2, 1, 28, 28])
    """
    layers: list[nn.Module] = [nn.Unflatten(1, (z_dim, 1, 1))]
    layers += block(nn.ConvTranspose2d(z_dim, 4 * width, 7, bias=not norm), norm, activation)  # (n, 4 width, 7, 7)
    layers += block(nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=not norm), norm, activation)  # 14 x 14
    layers += [nn.ConvTranspose2d(2 * width, 1, 4, 2, 1), nn.Tanh()]  # (n, 1, 28, 28)
    return initialise(nn.Sequential(*layers), init)


def discriminator28(
    width: int = 32, *, norm: bool = True, activation: str = "leaky_relu", init: str = "dcgan"
) -> nn.Sequential:
    """Images `(n, 1, 28, 28)` to one logit each, `(n,)`: twice halved, then one number.

    Chapter 7 writes it out.

    Its widest layer has twice `width` channels; the other arguments and errors are those of `generator28`.

    >>> discriminator28()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2])
    """
    layers = block(nn.Conv2d(1, width, 4, 2, 1), False, activation)  # (n, width, 14, 14); no norm on pixels
    layers += block(nn.Conv2d(width, 2 * width, 4, 2, 1, bias=not norm), norm, activation)  # (n, 2 width, 7, 7)
    layers += [nn.Conv2d(2 * width, 1, 7), nn.Flatten(0)]  # (n, 1, 1, 1) -> (n,)
    return initialise(nn.Sequential(*layers), init)


def generator64(z_dim: int = 100, width: int = 64, channels: int = 1) -> nn.Sequential:
    """The published generator: noise `(n, z_dim)` to images `(n, channels, 64, 64)`, 4 x 4 and four times doubled.

    Source: Radford, Metz and Chintala (2016), with half the paper's width and kernels of 4 x 4 for its
    5 x 5, as most public implementations have them.

    >>> generator64(width=4)(torch.zeros(2, 100)).shape
    torch.Size([2, 1, 64, 64])
    """
    layers: list[nn.Module] = [nn.Unflatten(1, (z_dim, 1, 1))]
    layers += block(nn.ConvTranspose2d(z_dim, 8 * width, 4, bias=False), True, "relu")  # (n, 8 width, 4, 4)
    for n_in, n_out in pairwise((8 * width, 4 * width, 2 * width, width)):  # 8 x 8, 16 x 16, 32 x 32
        layers += block(nn.ConvTranspose2d(n_in, n_out, 4, 2, 1, bias=False), True, "relu")
    layers += [nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh()]  # (n, channels, 64, 64)
    return initialise(nn.Sequential(*layers), "dcgan")


def discriminator64(width: int = 64, channels: int = 1) -> nn.Sequential:
    """The published discriminator: images `(n, channels, 64, 64)` to one logit each, `(n,)`. Source: `generator64`.

    >>> discriminator64(width=4)(torch.zeros(2, 1, 64, 64)).shape
    torch.Size([2])
    """
    layers = block(nn.Conv2d(channels, width, 4, 2, 1), False, "leaky_relu")  # (n, width, 32, 32)
    for n_in, n_out in pairwise((width, 2 * width, 4 * width, 8 * width)):  # 16 x 16, 8 x 8, 4 x 4
        layers += block(nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False), True, "leaky_relu")
    layers += [nn.Conv2d(8 * width, 1, 4), nn.Flatten(0)]
    return initialise(nn.Sequential(*layers), "dcgan")


def block(conv: nn.Conv2d | nn.ConvTranspose2d, norm: bool, activation: str) -> list[nn.Module]:
    """A convolution, batch norm if asked for, and an activation. ValueError: an unknown activation.

    Chapter 7 writes it out.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}: choose one of {', '.join(ACTIVATIONS)}")
    return [conv, *([nn.BatchNorm2d(conv.out_channels)] if norm else []), ACTIVATIONS[activation]()]


def initialise(net: nn.Sequential, init: str) -> nn.Sequential:
    """Draw the first weights, from the global generator that `runtime.seed` sets, and return the network.

    `"dcgan"`: weights of convolutions N(0, .02²), scales of batch norm N(1, .02²), biases 0. `"default"`: as PyTorch
    drew them.

    Raises:
        ValueError: another name.
    """
    if init not in INITS:
        raise ValueError(f"unknown init {init!r}: choose one of {', '.join(INITS)}")
    if init == "dcgan":
        for layer in net:
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
                mean = 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0
                layer.weight.data = drawn(layer.weight, mean)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
    return net


def drawn(like: Tensor, mean: float, sd: float = 0.02) -> Tensor:
    """Normal numbers of the shape and device of `like`."""
    return nn.init.normal_(torch.empty_like(like), mean, sd)
