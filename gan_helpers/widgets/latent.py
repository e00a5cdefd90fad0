"""A trained generator that runs in the reader's browser: sliders move its latent z, and the page shows G(z).

`Latent` writes one HTML element, `<gan-latent>`. `folding` makes the generator plain, its weights travel as
half-precision floats, and `static/layers.js` multiplies them out in plain JavaScript.
"""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from gan_helpers.data import side_by_side
from gan_helpers.widgets import codec, folding
from gan_helpers.widgets.page import element

__all__ = ["Latent"]

LARGEST = 65504  # of half precision
MOST = 8  # directions
POINTS = 16  # random z at which the Jacobian is taken


class Latent:
    """A trained generator on the published page: sliders between two samples and along directions of its latent space.

    Shown as the last value of a cell. In a terminal it prints one line; without JavaScript a picture of some samples
    remains. Above each slider stand the pictures to which it leads.

    Between the samples A and B lies `cos(pi t / 2) A + sin(pi t / 2) B`, t from 0 to 1: that is N(0, I) for every t, as
    A and B are. The directions are orthonormal, the strongest first: the top eigenvectors of the mean of J^T J, where J
    is G's Jacobian at 16 random z. Small steps along them change the picture most. G runs in evaluation mode, and is
    left as it is.

    Args:
        G: maps `(n, z_dim)`, N(0, I), to `(n, height * width)`, `(n, 1, height, width)`, or in colour `(n, 3, height,
            width)`. Linear, ConvTranspose2d and
            Conv2d (groups=1, dilation=1, zero padding), each with or without batch norm right after it, LeakyReLU,
            ReLU, Tanh, Sigmoid, Unflatten, Flatten, and Upsample by a whole factor (nearest); Dropout and Identity are
            passed over.
        z_dim: size of the latent.
        title, alt: heading, and what the picture shows in words.
        shape: `(height, width)` of an image. Pixels run from black to white, or each colour from none to all, over the
            range of the last layer, (-1, 1) for Tanh and (0, 1) for Sigmoid; else over that of some samples.
        seed: of the samples A and B.
        directions: how many, 1 to 8; by default 3, or z_dim where that is less.
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
        directions: int | None = None,
        max_bytes: int = 2_000_000,
    ) -> None:
        self.title, self.alt, self.z_dim, self.shape = title, alt, int(z_dim), tuple(int(n) for n in shape)
        twin = copy.deepcopy(G).cpu().double().eval()
        with torch.no_grad():
            layers = folding.fold(twin)
            self._steps, made = folding.steps(layers, self.z_dim)
            self._check(made)
            self.channels = made[0] if len(made) == 3 else 1
            directions = min(3, self.z_dim) if directions is None else int(directions)
            if not 1 <= directions <= min(MOST, z_dim):
                raise ValueError(
                    f"directions is {directions}, and {z_dim} latent numbers allow 1 to {min(MOST, z_dim)}"
                )
            z = torch.from_numpy(np.random.default_rng(seed).normal(size=(64, self.z_dim)))
            self._samples = layers(z).flatten(1)  # (64, channels * height * width)
            folding.must_agree(twin, z, self._samples)
            self.directions = _strongest(layers, z[:POINTS])[:directions]
        ends = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
        seen = (float(self._samples.min()), float(self._samples.max()) + 1e-6)
        self.range = ends.get(self._steps[-1].kind, seen)
        meta = {
            "title": title,
            "alt": alt,
            "zDim": self.z_dim,
            "shape": self.shape,
            "channels": self.channels,
            "range": self.range,
            "seed": int(seed),
            "layers": [{"kind": step.kind} | step.numbers for step in self._steps],
        }
        self.data = codec.encode(meta, self._channels())
        self.nbytes = len(self.data) * 3 // 4
        if self.nbytes > max_bytes:
            raise ValueError(f"G takes {self.nbytes} bytes, the limit is {max_bytes}: take narrower layers")

    def _check(self, made: tuple[int, ...]) -> None:
        shape = tuple(self.shape)
        if len(shape) != 2 or made not in ((1, *shape), (3, *shape), (shape[0] * shape[1],)):
            what = f"{made[0]} numbers" if len(made) == 1 else f"{made}"
            raise ValueError(f"G gives {what}, which do not fit the (height, width) {shape}")
        for step in self._steps:
            if not all((values.abs() <= LARGEST).all() for values in (step.weight, step.bias) if values is not None):
                raise ValueError(f"G holds a weight that is not finite, or beyond half precision's {LARGEST}")

    def _channels(self) -> dict[str, codec.Channel]:
        arrays = {"directions": self.directions}
        for i, step in enumerate(self._steps):
            if step.weight is not None and step.bias is not None:
                arrays |= {f"w{i}": step.weight.detach().numpy(), f"b{i}": step.bias.detach().numpy()}
        return {name: codec.halves(a[None]) for name, a in arrays.items()}

    def still(self, rows: int = 2, cols: int = 8, zoom: int = 3) -> bytes:
        """A PNG of some samples."""
        height, width = self.shape
        lo, hi = self.range
        light = 255 * np.clip((self._samples[: rows * cols].numpy() - lo) / (hi - lo), 0, 1)
        sheet = side_by_side(light.reshape(-1, self.channels, height, width), cols, empty=0)
        picture = Image.fromarray(np.rint(sheet).astype(np.uint8).squeeze())
        out = io.BytesIO()
        picture.resize((zoom * picture.width, zoom * picture.height), Image.Resampling.NEAREST).save(out, "png")
        return out.getvalue()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        shown = element("gan-latent", self.title, self.alt, self.still(), data=self.data)
        return {"text/plain": repr(self), "text/html": shown}

    def __repr__(self) -> str:
        height, width = self.shape
        ways = "1 direction" if len(self.directions) == 1 else f"{len(self.directions)} directions"
        size = f"G from {self.z_dim} numbers to {height} x {width} pixels{' in colour' * (self.channels == 3)}"
        return f"Latent: {size}, {ways}; open in a notebook or the book to move the sliders"


def _strongest(layers: nn.Sequential, z: Tensor) -> NDArray:
    """`(z_dim, z_dim)`: eigenvectors of the sum of J^T J over z `(n, z_dim)` as rows, the largest eigenvalue first."""
    single = copy.deepcopy(layers).float()  # twice as fast, and the eigenvectors are orthonormal all the same
    slopes = torch.cat([folding.jacobian(single, at) for at in z.float()], dim=1).double()  # (z_dim, n * pixels)
    found = torch.linalg.eigh(slopes @ slopes.T).eigenvectors.T.flip(0).numpy()
    largest = np.take_along_axis(found, np.abs(found).argmax(1)[:, None], 1)
    return found * np.sign(largest)  # an eigenvector's sign is free: this makes it the same everywhere
