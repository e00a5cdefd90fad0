"""Curves by the thousand in a few hundred kilobytes: how recorded runs travel to a page.

A value becomes an 8 or 16 bit code, neighbours (in time, along the curve, or both) become differences, and gzip does
the rest. `static/codec.js` is the other half.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image


@dataclass(frozen=True)
class Channel:
    """Integer codes and the rule that turns them back into values: `lo + (scale * code) ** power`.

    `codes` has shape `(runs, ...)` and dtype uint8 or uint16. With `gap`, the largest code of `bits` bits means "no
    finite value". With `half` the codes are the bit patterns of half-precision floats, and there is no other rule.
    """

    codes: NDArray
    lo: float = 0.0
    scale: float = 1.0
    power: int = 1
    bits: int = 8
    gap: bool = False
    half: bool = False

    def values(self) -> NDArray:
        """The values that the codes stand for, NaN at gaps; same shape as `codes`."""
        if self.half:
            return np.ascontiguousarray(self.codes).view(np.float16).astype(float)
        values = self.lo + (self.scale * self.codes.astype(float)) ** self.power
        return np.where(self.codes == 2**self.bits - 1, np.nan, values) if self.gap else values


def quantise(
    values: ArrayLike,
    *,
    lo: float | None = None,
    hi: float | None = None,
    cap: float = np.inf,
    bits: int = 8,
    power: int = 1,
) -> Channel:
    """Round curves to `2**bits - 1` levels between `lo` and `hi`; NaN and infinities become gaps.

    With `power=1` the error is at most half a level, `(hi - lo) / 508` for 8 bits. With `power=2` the levels are even
    in the square root, so that a small density keeps its relative precision.

    Args:
        values: any shape, first axis the runs.
        lo, hi: ends of the scale, values outside are clipped; by default the finite extremes.
        cap: `hi` is at most this.
        bits: 8 to 15.

    Raises:
        ValueError: `bits` outside its range.

    >>> quantise([[0.0, 0.5, 1.0, float("nan")]]).values().round(2).tolist()
    [[0.0, 0.5, 1.0, nan]]
    """
    if not 8 <= bits <= 15:
        raise ValueError(f"bits must be between 8 and 15, got {bits}")
    values = np.asarray(values, float)
    finite = np.isfinite(values)
    seen = values[finite] if finite.any() else np.zeros(1)
    lo = float(seen.min()) if lo is None else lo
    span = max(min(float(seen.max()) if hi is None else hi, cap) - lo, 0.0)
    top = 2**bits - 2
    scale = span ** (1 / power) / top
    unit = np.clip(np.where(finite, values, lo) - lo, 0.0, span) ** (1 / power)
    codes = np.rint(unit / scale) if scale else np.zeros_like(unit)
    codes = np.where(finite, codes, top + 1).astype(np.uint8 if bits == 8 else np.uint16)
    return Channel(codes, lo, scale, power, bits, gap=True)


def halves(values: ArrayLike) -> Channel:
    """Numbers of any size, to three digits: half-precision floats, infinities as NaN, at most 65,504 in size.

    >>> halves([[1.3863, 1e9, float("inf")]]).values().round(3).tolist()
    [[1.387, 65504.0, nan]]
    """
    values = np.asarray(values, float)
    values = np.where(np.isfinite(values), np.clip(values, -65504, 65504), np.nan)
    return Channel(values.astype(np.float16).view(np.uint16), bits=16, half=True)


def encode(meta: Mapping[str, Any], channels: Mapping[str, Channel]) -> str:
    """Pack a JSON-able `meta` and named channels into one line of base64, gzip inside.

    Runs that agree in every code are stored once; the differences that compress best are chosen for each channel.
    """
    specs, blobs, offset = [], [], 0
    for name, c in channels.items():
        codes, rows = _unique(c.codes)
        delta = min(_axes(codes), key=lambda axes: len(zlib.compress(_to_bytes(codes[:64], axes), 6)))
        blobs.append(_to_bytes(codes, delta))
        layout = {"name": name, "shape": codes.shape, "rows": rows, "delta": delta, "offset": offset}
        rule = {f.name: getattr(c, f.name) for f in fields(c) if f.name != "codes"}
        specs.append(layout | rule)
        offset += len(blobs[-1])
    header = json.dumps({"meta": meta, "channels": specs}, separators=(",", ":"), allow_nan=False).encode()
    packed = b"".join([len(header).to_bytes(4, "little"), header, *blobs])
    return base64.b64encode(gzip.compress(packed, 9, mtime=0)).decode()


def decode(text: str) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Undo `encode`: the meta dictionary and, by name, the values that a page will draw."""
    packed = gzip.decompress(base64.b64decode(text))
    start = 4 + int.from_bytes(packed[:4], "little")
    header = json.loads(packed[4:start])
    arrays = {}
    for s in header["channels"]:
        layout = {key: s.pop(key) for key in ("name", "shape", "rows", "delta", "offset")}
        size, wide = int(np.prod(layout["shape"])), s["bits"] > 8
        planes = np.frombuffer(packed, np.uint8, size * (1 + wide), start + layout["offset"]).reshape(-1, size)
        codes = (planes[0].astype(np.uint16) << 8 | planes[1]) if wide else planes[0]
        codes = codes.reshape(layout["shape"])
        for axis in layout["delta"]:
            codes = np.cumsum(codes, axis=axis, dtype=codes.dtype)
        arrays[layout["name"]] = Channel(codes[layout["rows"]], **s).values()
    return header["meta"], arrays


def png(figure: Figure, colours: int = 64) -> bytes:
    """A figure as a small PNG of few colours, for readers without JavaScript."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(colours).save(small, "png", optimize=True)
    return small.getvalue()


def _unique(codes: NDArray) -> tuple[NDArray, list[int]]:
    """The distinct runs of `codes`, in order of appearance, and for each run which of them it is."""
    seen: dict[bytes, int] = {}
    rows = [seen.setdefault(run.tobytes(), len(seen)) for run in codes]
    return codes[[rows.index(i) for i in range(len(seen))]], rows


def _axes(codes: NDArray) -> list[tuple[int, ...]]:
    """The choices of axes for differences: none, the second (time), the last (along the curve), both."""
    time, curve = 1, codes.ndim - 1
    return [(), (time,)] if curve == 1 else [(), (time,), (curve,), (time, curve)]


def _to_bytes(codes: NDArray, axes: tuple[int, ...]) -> bytes:
    """Differences along `axes`, modulo the code range; of 16 bits first all high bytes, then all low ones."""
    for axis in axes:
        first = np.take(codes, [0], axis=axis)
        codes = np.concatenate([first, np.diff(codes, axis=axis)], axis=axis)  # unsigned: wraps around
    if codes.itemsize == 1:
        return codes.tobytes()
    return (codes >> 8).astype(np.uint8).tobytes() + (codes & 255).astype(np.uint8).tobytes()
