"""Convolutional generators and discriminators, after DCGAN, for images from 28 x 28 to 256 x 256 pixels."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_helpers.models import ACTIVATIONS

INITS = ("dcgan", "default")
SIZES = {28: (7, 2), 32: (4, 3), 64: (4, 4), 128: (4, 5), 256: (4, 6)}  # pixels: where doubling starts, how often
NORMS = ("batch", "spectral", "none")
UPS = ("transposed", "resize")
WIDEST = 8  # times `width`: no layer has more channels


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


def generator(
    size: int,
    channels: int = 3,
    width: int = 32,
    z_dim: int = 100,
    *,
    up: str = "transposed",
    norm: bool = True,
    activation: str = "relu",
    init: str = "dcgan",
) -> nn.Sequential:
    """Noise `(n, z_dim)` to images `(n, channels, size, size)` in (-1, 1): a few pixels, then doubled and doubled.

    Args:
        size: 28, 32, 64, 128 or 256.
        width: channels of the layer before the last at 32 pixels and more; each layer before it has twice as many, up
            to eight times this.
        up: how an image is doubled: `"transposed"` convolutions, as published, or `"resize"`, every pixel four times
            and then a convolution, which leaves no checkerboard (Odena et al., 2016).
        norm: whether batch norm follows every layer but the last.
        activation: one of `models.ACTIVATIONS`.
        init: `"dcgan"` or `"default"`, see `initialise`.

    Raises:
        ValueError: a size that there is no network for (the message names the nearest), or an unknown name.

    Source: Radford, Metz and Chintala (2016), with kernels of 4 x 4 for its 5 x 5, as most public code has them.

    >>> generator(32, width=4)(torch.zeros(2, 100)).shape
    torch.Size([2, 3, 32, 32])
    """
    start, widths = plan(size, channels, width)
    if up not in UPS:
        raise ValueError(f"unknown up {up!r}: choose one of {', '.join(UPS)}")

    enlarge: list[nn.Module] = [] if up == "transposed" else [nn.Upsample(scale_factor=2)]

    def conv(n_in: int, n_out: int, bias: bool) -> nn.Conv2d | nn.ConvTranspose2d:
        if up == "transposed":
            return nn.ConvTranspose2d(n_in, n_out, 4, 2, 1, bias=bias)
        return nn.Conv2d(n_in, n_out, 3, padding=1, bias=bias)

    layers: list[nn.Module] = [nn.Unflatten(1, (z_dim, 1, 1))]
    layers += block(nn.ConvTranspose2d(z_dim, widths[-1], start, bias=not norm), norm, activation)  # start x start
    for n_in, n_out in pairwise(reversed(widths)):
        layers += [*enlarge, *block(conv(n_in, n_out, not norm), norm, activation)]
    layers += [*enlarge, conv(widths[0], channels, True), nn.Tanh()]  # (n, channels, size, size)
    return initialise(nn.Sequential(*layers), init)


def discriminator(
    size: int,
    channels: int = 3,
    width: int = 32,
    *,
    norm: str = "batch",
    activation: str = "leaky_relu",
    init: str = "dcgan",
) -> nn.Sequential:
    """Images `(n, channels, size, size)` to one logit each, `(n,)`: halved and halved, then one number.

    Args:
        norm: `"batch"` after every layer but the first and the last, as published; `"spectral"`, every weight divided
            by its largest singular value (Miyato et al., 2018); or `"none"`. A penalty on D's slope at single images
            wants one of the last two: batch norm makes a logit depend on the other images of the batch.

    Its widths, the other arguments and errors are those of `generator`.

    >>> discriminator(32, width=4)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2])
    """
    start, widths = plan(size, channels, width)
    if norm not in NORMS:
        raise ValueError(f"unknown norm {norm!r}: choose one of {', '.join(NORMS)}")
    batch = norm == "batch"
    layers = block(nn.Conv2d(channels, widths[0], 4, 2, 1), False, activation)  # no norm on pixels
    for n_in, n_out in pairwise(widths):
        layers += block(nn.Conv2d(n_in, n_out, 4, 2, 1, bias=not batch), batch, activation)
    layers += [nn.Conv2d(widths[-1], 1, start), nn.Flatten(0)]
    net = initialise(nn.Sequential(*layers), init)
    if norm == "spectral":
        for i, layer in enumerate(net):
            if isinstance(layer, nn.Conv2d):
                net[i] = spectral_norm(layer)
    return net


def plan(size: int, channels: int, width: int) -> tuple[int, list[int]]:
    """How many pixels wide the smallest layer is, and the channels of each, from the image inwards. ValueError: none.

    >>> plan(64, 3, 32)
    (4, [32, 64, 128, 256])
    """
    if size not in SIZES:
        below, above = [s for s in SIZES if s < size], [s for s in SIZES if s > size]
        near = " or ".join(str(s) for s in (*below[-1:], *above[:1]))
        raise ValueError(f"there is no network for {size} x {size} pixels: choose {near}, and load the images at it")
    if min(channels, width) < 1:
        raise ValueError(f"channels and width must be at least 1, got {channels} and {width}")
    start, doublings = SIZES[size]
    return start, [min(2**i, WIDEST) * width for i in range(doublings)]


def generator64(z_dim: int = 100, width: int = 64, channels: int = 1) -> nn.Sequential:
    """The published generator, `generator` for 64 x 64 pixels, with half the paper's width.

    >>> generator64(width=4)(torch.zeros(2, 100)).shape
    torch.Size([2, 1, 64, 64])
    """
    return generator(64, channels, width, z_dim)


def discriminator64(width: int = 64, channels: int = 1) -> nn.Sequential:
    """The published discriminator: images `(n, channels, 64, 64)` to one logit each, `(n,)`. Source: `generator`.

    >>> discriminator64(width=4)(torch.zeros(2, 1, 64, 64)).shape
    torch.Size([2])
    """
    return discriminator(64, channels, width)


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
