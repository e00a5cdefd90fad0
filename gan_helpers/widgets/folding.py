"""A trained generator as the fewest plain layers: batch norm folded away, shapes known, ready to run elsewhere.

In evaluation mode a generator is a chain of affine maps and bends. `fold` makes that chain, `steps` writes it down for
`static/layers.js`, and `jacobian` differentiates it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

CONV = (nn.Conv2d, nn.ConvTranspose2d)
AFFINE = (nn.Linear, *CONV)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
BENDS = (nn.LeakyReLU, nn.ReLU, nn.Tanh, nn.Sigmoid)
SHAPES = (nn.Unflatten, nn.Flatten)
PASS = (nn.Identity, nn.Dropout, nn.Dropout2d)  # in evaluation they change nothing
KNOWN = (
    "Linear, ConvTranspose2d and Conv2d (groups=1, dilation=1, zero padding), each with or without a BatchNorm1d or "
    "BatchNorm2d with running statistics right after it, LeakyReLU, ReLU, Tanh, Sigmoid, Unflatten, Flatten, and "
    "Upsample by a whole factor (nearest) can"
)


def fold(G: nn.Module) -> nn.Sequential:
    """The layers of a generator in a chain, batch norm folded into the affine layer before it; G stays as it is.

    In evaluation batch norm is the affine map `gamma (x - mean) / sqrt(var + eps) + beta` of each channel, and an
    affine map of an affine map is one affine map.

    Raises:
        ValueError: a layer that is not among those named in `KNOWN`.

    >>> fold(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(), nn.Tanh()))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): Tanh()
    )
    """
    layers: list[nn.Module] = []
    last = -1  # index of the layer into which a batch norm may go
    for name, module in G.named_modules(remove_duplicate=False):
        if any(True for _ in module.children()) or isinstance(module, PASS):
            continue
        if isinstance(module, NORMS) and last >= 0 and _fits(module, layers[last]):
            layers[last] = _normed(layers[last], module)
        elif _runs(module):
            layers.append(_apart(module) if isinstance(module, BENDS) else module)
            last = len(layers) - 1 if isinstance(module, AFFINE) else last if isinstance(module, SHAPES) else -1
        else:
            raise ValueError(f"layer {name or 'G'!r}, {module}, cannot run on the page: {KNOWN}")
    return nn.Sequential(*layers)


def _runs(module: nn.Module) -> bool:
    """Whether the page knows this layer."""
    if isinstance(module, CONV):
        plain = module.padding_mode == "zeros" and not isinstance(module.padding, str)
        return plain and module.groups == 1 and set(module.dilation) == {1}
    if isinstance(module, nn.Upsample):
        factors = module.scale_factor if isinstance(module.scale_factor, tuple) else (module.scale_factor,)
        return module.mode == "nearest" and all(factor and float(factor).is_integer() for factor in factors)
    return isinstance(module, (nn.Linear, *BENDS, *SHAPES))


def _apart(bend: nn.Module) -> nn.Module:
    """The same bend, which leaves its input as it is."""
    bend = copy.deepcopy(bend)
    bend.inplace = False  # type: ignore[assignment]
    return bend


def _channels(layer: Any) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels


def _fits(norm: Any, layer: nn.Module) -> bool:
    """Whether a norm has fixed statistics of the layer's channels; after Unflatten a channel has many features."""
    return norm.running_mean is not None and _channels(layer) % norm.num_features == 0


def _normed(layer: Any, norm: Any) -> nn.Module:
    """The affine layer that does what `layer` and then `norm` do."""
    scale = (norm.running_var + norm.eps).rsqrt() * (1.0 if norm.weight is None else norm.weight)
    shift = (0.0 if norm.bias is None else norm.bias) - scale * norm.running_mean
    each = _channels(layer) // norm.num_features
    scale, shift = scale.repeat_interleave(each), shift.repeat_interleave(each)
    shape = [1] * layer.weight.ndim
    shape[1 if isinstance(layer, nn.ConvTranspose2d) else 0] = -1
    new = copy.deepcopy(layer)
    new.weight = nn.Parameter(scale.reshape(shape) * layer.weight)
    new.bias = nn.Parameter(shift + (0.0 if layer.bias is None else scale * layer.bias))
    return new


def must_agree(G: nn.Module, z: Tensor, found: Tensor) -> None:
    """The folded layers give what G gives.

    Raises:
        ValueError: they do not, so G's `forward` does more than to apply its layers in turn.
    """
    given = G(z).reshape(len(z), -1)
    if given.shape != found.shape or not torch.allclose(given, found, rtol=1e-6, atol=1e-8, equal_nan=True):
        raise ValueError("G does something besides applying its layers in turn: pass an nn.Sequential of them")


@dataclass(frozen=True)
class Step:
    """One layer as the page runs it: a bend, a copy of pixels ("nearest"), or a matrix and a bias.

    `weight` is `(n_out, n_in)` for "linear", `(c_out * kh * kw, c_in)` for "up", a transposed convolution, and
    `(c_out, c_in * kh * kw)` for "down", a convolution; `numbers` says what else JavaScript has to know.
    """

    kind: str
    numbers: dict[str, Any] = field(default_factory=dict)
    weight: Tensor | None = None
    bias: Tensor | None = None


def steps(layers: nn.Sequential, z_dim: int) -> tuple[list[Step], tuple[int, ...]]:
    """What the page runs, and the shape of what comes out for one z.

    Raises:
        ValueError: a layer that does not take what the layers before it give, or nothing with weights.

    >>> steps(nn.Sequential(nn.Unflatten(1, (4, 1, 1)), nn.ConvTranspose2d(4, 1, 7)), 4)[1]
    (1, 7, 7)
    """
    if not any(isinstance(layer, AFFINE) for layer in layers):
        raise ValueError("G has no linear layer and no convolution")
    found, x = [], torch.zeros(1, z_dim, dtype=next(layers.parameters()).dtype)
    for layer in layers:
        try:
            _must_take(layer, x)
            y = layer(x)
        except (RuntimeError, ValueError) as error:
            shape = tuple(x.shape[1:])
            raise ValueError(f"z_dim is {z_dim}, so {layer} gets {shape}, which it does not take: {error}") from error
        if not isinstance(layer, SHAPES):
            found.append(_step(layer, x, y))
        x = y
    return found, tuple(x.shape[1:])


def _must_take(layer: nn.Module, x: Tensor) -> None:
    if isinstance(layer, nn.Linear) and x.ndim != 2:
        raise ValueError("it needs (n, features), Flatten before")
    if isinstance(layer, (*CONV, nn.Upsample)) and x.ndim != 4:
        raise ValueError("it needs (n, c, h, w), Unflatten(1, (c, h, w)) before")


def _step(layer: Any, x: Tensor, y: Tensor) -> Step:
    maps = {"from": list(x.shape[1:]), "to": list(y.shape[1:])}
    if isinstance(layer, nn.LeakyReLU | nn.ReLU):
        return Step("leaky", {"slope": float(getattr(layer, "negative_slope", 0.0))})
    if isinstance(layer, nn.Tanh | nn.Sigmoid):
        return Step(type(layer).__name__.lower())
    if isinstance(layer, nn.Upsample):
        return Step("nearest", maps)
    bias = y.new_zeros(_channels(layer)) if layer.bias is None else layer.bias
    if isinstance(layer, nn.Linear):
        return Step("linear", {}, layer.weight, bias)
    if x[0].numel() == len(x[0]):  # on a map of 1 x 1 pixel a convolution is a matrix: see what it makes of each unit
        units = torch.eye(len(x[0]), dtype=x.dtype)[:, :, None, None]
        constant = layer(torch.zeros_like(x)).flatten()
        return Step("linear", {}, (layer(units).flatten(1) - constant).T, constant)
    kernel = {"kernel": list(layer.kernel_size), "stride": list(layer.stride), "padding": list(layer.padding)}
    if isinstance(layer, nn.Conv2d):
        return Step("down", maps | kernel, layer.weight.flatten(1), bias)
    return Step("up", maps | kernel, layer.weight.flatten(1).T, bias)


def jacobian(layers: nn.Sequential, z: Tensor) -> Tensor:
    """How each number of G(z) changes with each of z: `(z_dim, n_out)`, J transposed, at one z `(z_dim,)`.

    The unit vectors go through the layers beside z: an affine layer acts on them without its bias, a bend scales them
    by its slope at z.
    """
    x, ways = z[None], torch.eye(len(z), dtype=z.dtype)
    for layer in layers:
        if isinstance(layer, BENDS):
            with torch.enable_grad():
                bent = layer(x.requires_grad_())
                ways = ways * torch.autograd.grad(bent.sum(), x)[0]
            x = bent.detach()
        else:
            x, ways = layer(x), layer(ways) - layer(torch.zeros_like(x))
    return ways.flatten(1)
