"""A trained generator that runs in the reader's browser: sliders move its latent z, and the page shows G(z).

`Latent` writes one HTML element, `<gan-latent>`. Batch norm is folded into the linear layers, and the weights travel as
half-precision floats; `static/latent.js` multiplies them out in plain JavaScript.
"""

from __future__ import annotations

import base64
import copy
import html
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from gan_helpers import codec

__all__ = ["Latent"]

PASS = (nn.Identity, nn.Dropout, nn.Flatten, nn.Unflatten)  # in evaluation they change no number
LARGEST = 65504  # of half precision
MOST = 8  # directions


NONE = torch.empty(0)


@dataclass(frozen=True)
class _Layer:
    """One step: `linear` with a weight `(n_out, n_in)` and a bias `(n_out,)`, or a bend of each number."""

    kind: str
    slope: float = 0.0
    weight: Tensor = NONE
    bias: Tensor = NONE

    def __call__(self, x: Tensor) -> Tensor:
        if self.kind == "linear":
            return x @ self.weight.T + self.bias
        if self.kind == "leaky":
            return torch.where(x < 0, self.slope * x, x)
        return torch.tanh(x) if self.kind == "tanh" else torch.sigmoid(x)


def _fold(G: nn.Module) -> list[_Layer]:
    """The layers of an MLP in double precision, batch norm folded into the linear layer before it.

    In evaluation batch norm is the affine map `gamma (x - mean) / sqrt(var + eps) + beta` of each feature, and an
    affine map of an affine map is one affine map.

    Raises:
        ValueError: a layer that is not among those named in `Latent`.
    """
    layers: list[_Layer] = []
    after_linear = False
    for name, module in G.named_modules(remove_duplicate=False):
        if any(True for _ in module.children()) or isinstance(module, PASS):
            continue
        mean, var = getattr(module, "running_mean", None), getattr(module, "running_var", None)
        if isinstance(module, nn.BatchNorm1d) and after_linear and mean is not None and var is not None:
            old = layers.pop()
            scale = (var + module.eps).rsqrt() * (1.0 if module.weight is None else module.weight)
            shift = 0.0 if module.bias is None else module.bias
            layers.append(_Layer("linear", 0.0, scale[:, None] * old.weight, scale * (old.bias - mean) + shift))
        elif isinstance(module, nn.Linear):
            bias = module.weight.new_zeros(module.out_features) if module.bias is None else module.bias
            layers.append(_Layer("linear", 0.0, module.weight, bias))
        elif isinstance(module, nn.LeakyReLU | nn.ReLU):
            layers.append(_Layer("leaky", float(getattr(module, "negative_slope", 0.0))))
        elif isinstance(module, nn.Tanh | nn.Sigmoid):
            layers.append(_Layer(type(module).__name__.lower()))
        else:
            raise ValueError(
                f"layer {name or 'G'!r}, {module}, cannot run on the page: an MLP of Linear, each with or without a "
                "BatchNorm1d with running statistics right after it, LeakyReLU, ReLU, Tanh and Sigmoid can"
            )
        after_linear = isinstance(module, nn.Linear)
    return layers


class Latent:
    """A trained generator on the published page: sliders between two samples and along directions of its latent space.

    Shown as the last value of a cell. In a terminal it prints one line; without JavaScript a picture of some samples
    remains. Above each slider stand the pictures to which it leads.

    Between the samples A and B lies `cos(pi t / 2) A + sin(pi t / 2) B`, t from 0 to 1: that is N(0, I) for every t, as
    A and B are. The directions are orthonormal, the strongest first: the top eigenvectors of the mean of J^T J, where J
    is G's Jacobian at a random z. Small steps along them change the picture most. G is run in evaluation mode, and left
    as it is.

    Args:
        G: maps `(n, z_dim)`, N(0, I), to `(n, height * width)` or `(n, 1, height, width)`. Linear layers, each with or
            without BatchNorm1d right after it, LeakyReLU, ReLU, Tanh, Sigmoid; Dropout, Flatten, Unflatten and Identity
            are passed over.
        z_dim: size of the latent.
        title, alt: heading, and what the picture shows in words.
        shape: `(height, width)` of an image. Pixels run from black to white over the range of the last layer, (-1, 1)
            for Tanh and (0, 1) for Sigmoid; else over that of some samples.
        seed: of the samples A and B.
        directions: how many, 1 to 8.
        max_bytes: limit for the compressed weights.

    Raises:
        ValueError: a layer that cannot run on the page, sizes that do not fit, weights that are not finite, a G that
            does something besides its layers, or more data than `max_bytes`.

    >>> G = nn.Sequential(nn.Linear(4, 64), nn.Tanh())
    >>> Latent(G, z_dim=4, shape=(8, 8), title="t", alt="a")
    Latent: G from 4 numbers to 8 x 8 pixels, 3 directions; open in a notebook or the book to move the sliders
    """

    def __init__(
        self,
        G: nn.Module,
        *,
        z_dim: int,
        title: str,
        alt: str,
        shape: tuple[int, int] = (28, 28),
        seed: int = 0,
        directions: int = 3,
        max_bytes: int = 2_000_000,
    ) -> None:
        self.title, self.alt, self.z_dim, self.shape = title, alt, int(z_dim), tuple(int(n) for n in shape)
        twin = copy.deepcopy(G).cpu().double().eval()
        with torch.no_grad():
            self._layers = _fold(twin)
            self._check()
            if not 1 <= directions <= min(MOST, z_dim):
                raise ValueError(
                    f"directions is {directions}, and {z_dim} latent numbers allow 1 to {min(MOST, z_dim)}"
                )
            z = torch.from_numpy(np.random.default_rng(seed).normal(size=(64, self.z_dim)))
            self._samples = self._run(z)
            _must_agree(twin, z, self._samples)
            self.directions = self._strongest(z)[:directions]
        ends = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
        seen = (float(self._samples.min()), float(self._samples.max()) + 1e-6)
        self.range = ends.get(self._layers[-1].kind, seen)
        meta = {
            "title": title,
            "alt": alt,
            "zDim": self.z_dim,
            "shape": self.shape,
            "range": self.range,
            "seed": int(seed),
            "layers": [[layer.kind, layer.slope] for layer in self._layers],
        }
        self.data = codec.encode(meta, self._channels())
        self.nbytes = len(self.data) * 3 // 4
        if self.nbytes > max_bytes:
            raise ValueError(f"G takes {self.nbytes} bytes, the limit is {max_bytes}: take narrower layers")

    def _check(self) -> None:
        linear = [layer.weight for layer in self._layers if layer.kind == "linear"]
        if not linear:
            raise ValueError("G has no linear layer")
        if linear[0].shape[1] != self.z_dim:
            raise ValueError(f"z_dim is {self.z_dim}, but the first layer of G takes {linear[0].shape[1]} numbers")
        n_out = linear[-1].shape[0]
        if len(self.shape) != 2 or n_out != self.shape[0] * self.shape[1]:
            raise ValueError(f"G gives {n_out} numbers, which do not fit the (height, width) {self.shape}")
        for layer in self._layers:
            if not all((values.abs() <= LARGEST).all() for values in (layer.weight, layer.bias)):
                raise ValueError(f"G holds a weight that is not finite, or beyond half precision's {LARGEST}")

    def _run(self, z: Tensor) -> Tensor:
        """`(n, z_dim)` to `(n, height * width)`, by the folded layers."""
        for layer in self._layers:
            z = layer(z)
        return z

    def _strongest(self, z: Tensor, step: float = 1e-3) -> NDArray:
        """`(z_dim, z_dim)`: eigenvectors of the mean of J^T J as rows, the largest eigenvalue first."""
        total = torch.zeros(self.z_dim, self.z_dim, dtype=z.dtype)
        steps = step * torch.eye(self.z_dim, dtype=z.dtype)
        for at in z:
            slopes = (self._run(at + steps) - self._run(at - steps)) / (2 * step)  # (z_dim, pixels): J transposed
            total += slopes @ slopes.T
        found = torch.linalg.eigh(total).eigenvectors.T.flip(0).numpy()
        largest = np.take_along_axis(found, np.abs(found).argmax(1)[:, None], 1)
        return found * np.sign(largest)  # an eigenvector's sign is free: this makes it the same everywhere

    def _channels(self) -> dict[str, codec.Channel]:
        arrays = {"directions": self.directions}
        for i, layer in enumerate(self._layers):
            if layer.kind == "linear":
                arrays |= {f"w{i}": layer.weight.detach().numpy(), f"b{i}": layer.bias.detach().numpy()}
        return {name: codec.halves(a[None]) for name, a in arrays.items()}

    def still(self, rows: int = 2, cols: int = 8, zoom: int = 3) -> bytes:
        """A PNG of some samples."""
        height, width = self.shape
        lo, hi = self.range
        grey = 255 * np.clip((self._samples[: rows * cols].numpy() - lo) / (hi - lo), 0, 1)
        sheet = grey.reshape(rows, cols, height, width).transpose(0, 2, 1, 3).reshape(rows * height, cols * width)
        picture = Image.fromarray(np.rint(sheet).astype(np.uint8))
        out = io.BytesIO()
        picture.resize((zoom * picture.width, zoom * picture.height), Image.Resampling.NEAREST).save(out, "png")
        return out.getvalue()

    def _html(self) -> str:
        from gan_helpers.widgets import script

        picture = base64.b64encode(self.still()).decode()
        alt = html.escape(f"{self.alt} (still picture: the sliders need JavaScript)")
        return (
            f'<gan-latent data-lm-suppress-shortcuts="true" data="{self.data}">'
            f'<p><strong>{html.escape(self.title)}</strong></p><img alt="{alt}" style="max-width:100%" '
            f'src="data:image/png;base64,{picture}"></gan-latent>\n'
            f"<script data-gan-helpers>{script()}</script>\n<script data-gan-helpers>{script('gan-latent')}</script>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._html()}

    def __repr__(self) -> str:
        height, width = self.shape
        ways = "1 direction" if len(self.directions) == 1 else f"{len(self.directions)} directions"
        size = f"G from {self.z_dim} numbers to {height} x {width} pixels"
        return f"Latent: {size}, {ways}; open in a notebook or the book to move the sliders"


def _must_agree(G: nn.Module, z: Tensor, found: Tensor) -> None:
    """The folded layers give what G gives, else G's `forward` does more than to apply its layers in turn."""
    given = G(z).reshape(len(z), -1)
    if given.shape != found.shape or not torch.allclose(given, found, rtol=1e-6, atol=1e-8, equal_nan=True):
        raise ValueError("G does something besides applying its layers in turn: pass an nn.Sequential of them")
