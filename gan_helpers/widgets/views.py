"""The pictures a replay can be made of: which recorded arrays each one needs, and how it looks when it stands still.

`static/views.js` draws the same pictures, moving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from gan_helpers import plots, style, theory
from gan_helpers.data import side_by_side
from gan_helpers.widgets import codec

Run = Mapping[str, NDArray]


@dataclass(frozen=True)
class Need:
    """One recorded array of a run: `(*item,)`, or `(frames, *item)` when it changes with time; None fits any length."""

    key: str
    item: tuple[int | None, ...]
    timed: bool = True
    pack: Callable[[NDArray], codec.Channel] = codec.quantise


class View(Protocol):
    """What `widgets.Replay` asks of a picture."""

    def needs(self) -> list[Need]:
        """The arrays that every run must hold."""

    def spec(self, runs: Sequence[Run]) -> dict[str, Any]:
        """What the browser must know, JSON-able; `type` names the class in views.js."""

    def still(self, ax: Axes, run: Run, frame: int) -> None:
        """Draw one frame with matplotlib, for readers without JavaScript."""


def _floats(values: ArrayLike) -> list[float]:
    return [float(f"{v:.5g}") for v in np.asarray(values, float).ravel()]


class Toy1D:
    """Figure 1 of Goodfellow et al. (2014): two densities, D between them, and where G carries each z.

    A run holds, under the names given here, `p_data` of shape `(n,)`, and for every frame `p_gen` and `d_prob` of
    shape `(frames, n)` and, when `z` is given, `x_of_z` of shape `(frames, m)`. The dotted p / (p + q) is computed
    in the browser from the two densities.

    Args:
        x: the grid, `(n,)`, ascending.
        z: `(m,)` latent values, ascending, whose images G(z) the arrows show (about 24 read well); None for no arrows.
        y_max: top of the density axis; by default 1.25 times the highest `p_data` of any run.

    >>> [need.key for need in Toy1D(np.linspace(-4, 4, 128)).needs()]
    ['p_data', 'p_gen', 'd_prob']
    """

    def __init__(
        self,
        x: ArrayLike,
        *,
        p_data: str = "p_data",
        p_gen: str = "p_gen",
        d_prob: str = "d_prob",
        z: ArrayLike | None = None,
        x_of_z: str = "x_of_z",
        y_max: float | None = None,
    ) -> None:
        self.x = np.asarray(x, float)
        self.z = None if z is None else np.asarray(z, float)
        self.p_data, self.p_gen, self.d_prob, self.x_of_z, self.y_max = p_data, p_gen, d_prob, x_of_z, y_max
        for name, axis in (("x", self.x), ("z", self.z)):
            if axis is not None and (axis.ndim != 1 or axis.size < 2 or not (np.diff(axis) > 0).all()):
                raise ValueError(f"{name} must be ascending with shape (n,), n >= 2; got shape {axis.shape}")

    def needs(self) -> list[Need]:
        n = (self.x.size,)
        highest = 1 / float(np.diff(self.x).min())  # a density of mass one that fills a single cell of the grid
        density = partial(codec.quantise, lo=0.0, cap=highest, power=2)
        found = [
            Need(self.p_data, n, timed=False, pack=density),
            Need(self.p_gen, n, pack=density),
            Need(self.d_prob, n, pack=partial(codec.quantise, lo=0.0, hi=1.0)),
        ]
        if self.z is None:
            return found
        span = float(self.x[-1] - self.x[0])  # arrows that leave the picture by more than its width look the same
        place = partial(codec.quantise, lo=float(self.x[0]) - span, hi=float(self.x[-1]) + span, bits=11)
        return [*found, Need(self.x_of_z, self.z.shape, pack=place)]

    def _top(self, runs: Sequence[Run]) -> float:
        return self.y_max or 1.25 * max(float(np.nanmax(run[self.p_data])) for run in runs) or 1.0

    def spec(self, runs: Sequence[Run]) -> dict[str, Any]:
        names = {"pData": self.p_data, "pGen": self.p_gen, "dProb": self.d_prob, "xOfZ": self.x_of_z}
        z = None if self.z is None else _floats(self.z)
        return {"type": "Toy1D", "x": _floats(self.x), "z": z, "yMax": self._top(runs), **names}

    def still(self, ax: Axes, run: Run, frame: int) -> None:
        right = plots.densities(
            ax, self.x, run[self.p_data], np.nan_to_num(run[self.p_gen][frame]), run[self.d_prob][frame]
        )
        ax.set(xlim=(self.x[0], self.x[-1]))
        handles = [*ax.get_lines(), *right.get_lines()]
        ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderpad=0)


Landmarks = Mapping[str, float]


class Losses:
    """Both losses over time, with the landmarks log 4 (D can only guess) and log 2 (G's loss then).

    A run holds, under the names given here, two arrays of shape `(frames,)`. All runs share one axis, from the 1st to
    the 98th percentile of everything recorded, widened to hold the landmarks; what lies outside is drawn at its edge.

    Args:
        landmarks: `{"log 4": value}`; or, where they are not the same in all runs, a function of a run that returns
            such a dict. Besides its arrays a run holds the values of its settings, under their names.
        unit: of the losses; "" for a game whose losses have none.
    """

    def __init__(
        self,
        d_loss: str = "d_loss",
        g_loss: str = "g_loss",
        *,
        landmarks: Landmarks | Callable[[Run], Landmarks] | None = None,
        unit: str = "nats",
    ) -> None:
        self.d_loss, self.g_loss, self.unit = d_loss, g_loss, unit
        self.landmarks = {"log 4": theory.LOG4, "log 2": theory.LOG2} if landmarks is None else landmarks

    def _marks(self, run: Run) -> Landmarks:
        return self.landmarks(run) if callable(self.landmarks) else self.landmarks

    def needs(self) -> list[Need]:
        return [Need(key, (), pack=codec.halves) for key in (self.d_loss, self.g_loss)]

    def _all_marks(self, runs: Sequence[Run]) -> list[Landmarks]:
        """Those of each run; once, if they are the same in all."""
        return [self._marks(run) for run in (runs if callable(self.landmarks) else runs[:1])]

    def _range(self, runs: Sequence[Run]) -> tuple[float, float]:
        values = np.concatenate([run[key] for run in runs for key in (self.d_loss, self.g_loss)])
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [1, 98]) if values.size else (0.0, 1.0)
        marks = [value for each in self._all_marks(runs) for value in each.values()]
        low, high = float(min(low, 0.0, *marks)), float(max(high, *marks, low + 1e-6))
        return low, high + 0.08 * (high - low)

    def spec(self, runs: Sequence[Run]) -> dict[str, Any]:
        lo, hi = self._range(runs)
        marks = [[[value, name] for name, value in each.items()] for each in self._all_marks(runs)]
        given = {"marksOf": marks} if callable(self.landmarks) else {"landmarks": marks[0]}
        names = {"dLoss": self.d_loss, "gLoss": self.g_loss, "unit": self.unit}
        return {"type": "Losses", "lo": lo, "hi": hi, **given, **names}

    def still(self, ax: Axes, run: Run, frame: int) -> None:
        ax.plot(run[self.d_loss], color=style.INK, label="D's loss")
        ax.plot(run[self.g_loss], color=style.FAKE, ls="--", label="G's loss")
        low, high = self._range([run])
        beside = -np.inf  # of the label below, so that none overprints the next
        for name, value in sorted(self._marks(run).items(), key=lambda mark: mark[1]):
            beside = max(value, beside + 0.14 * (high - low))
            ax.axhline(value, color=style.MUTED, lw=0.8, ls=":")
            ax.annotate(f" {name}", (1, beside), xycoords=("axes fraction", "data"), va="center", fontsize=8)
        ax.set(ylim=(low, high), xticks=[], xlabel="time")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderpad=0)


class Images:
    """A sheet of small pictures, grey or in colour, each row and column always from the same z.

    A run holds, under the name given here, uint8 of shape `(frames, rows * cols, h, w)`, or `(frames, rows * cols, 3,
    h, w)` in colour; 0 is drawn black.

    Args:
        rows, cols: how the pictures are laid out.
        channels: 1 for grey, 3 for red, green and blue.
        smooth: blend pixels when scaling up; False keeps them crisp.
        levels: levels of a channel that are kept, 2 to 256. Fewer compress better; from 32 on nobody sees it.
        max_width: of the sheet on the page, in pixels.
    """

    def __init__(
        self,
        frames: str = "frames",
        *,
        rows: int,
        cols: int,
        channels: int = 1,
        smooth: bool = True,
        levels: int = 64,
        max_width: int = 640,
    ) -> None:
        if not 2 <= levels <= 256:
            raise ValueError(f"levels must be between 2 and 256, got {levels}")
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 (grey) or 3 (colour), got {channels}")
        self.frames, self.rows, self.cols, self.channels = frames, rows, cols, channels
        self.smooth, self.levels, self.max_width = smooth, levels, max_width

    def needs(self) -> list[Need]:
        colours = (self.channels,) if self.channels > 1 else ()
        return [Need(self.frames, (self.rows * self.cols, *colours, None, None), pack=self._pack)]

    def _pack(self, frames: NDArray) -> codec.Channel:
        if frames.dtype != np.uint8:
            raise ValueError(f"images must be uint8, and {self.frames!r} is {frames.dtype}")
        scale = 255 / (self.levels - 1)
        return codec.Channel(np.rint(frames / scale).astype(np.uint8), scale=scale)

    def spec(self, runs: Sequence[Run]) -> dict[str, Any]:
        size = {"rows": self.rows, "cols": self.cols, "maxWidth": self.max_width}
        return {"type": "Images", "frames": self.frames, "channels": self.channels, "smooth": self.smooth, **size}

    def still(self, ax: Axes, run: Run, frame: int) -> None:
        images = run[self.frames][frame].reshape(self.rows * self.cols, self.channels, *run[self.frames].shape[-2:])
        gaps = np.pad(images, [(0, 0), (0, 0), (0, 1), (0, 1)], constant_values=255)
        sheet = side_by_side(gaps, self.cols, empty=255)
        ax.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="antialiased" if self.smooth else "nearest")
        ax.set_axis_off()


class Points:
    """Real points as blue discs and generated ones as vermilion crosses, in the plane.

    A run holds, under the names given here, `real` of shape `(n, 2)` and `fake` of shape `(frames, m, 2)`. Places are
    kept to one part in a thousand of the range they cover.

    Args:
        limits: ends of both axes; by default the real points of all runs and a quarter more.
    """

    def __init__(self, real: str = "real", fake: str = "fake", *, limits: tuple[float, float] | None = None) -> None:
        self.real, self.fake, self.limits = real, fake, limits

    def needs(self) -> list[Need]:
        lo, hi = self.limits or (None, None)
        pack = partial(codec.quantise, lo=lo, hi=hi, bits=10)
        return [Need(self.real, (None, 2), timed=False, pack=pack), Need(self.fake, (None, 2), pack=pack)]

    def spec(self, runs: Sequence[Run]) -> dict[str, Any]:
        reach = 1.25 * max(float(np.nanmax(np.abs(run[self.real]))) for run in runs)
        return {"type": "Points", "real": self.real, "fake": self.fake, "limits": self.limits or (-reach, reach)}

    def still(self, ax: Axes, run: Run, frame: int) -> None:
        ax.scatter(
            run[self.real][:, 0], run[self.real][:, 1], s=8, color=style.REAL, marker="o", label="real", alpha=0.6
        )
        fake = run[self.fake][frame]
        ax.scatter(fake[:, 0], fake[:, 1], s=14, color=style.FAKE, marker="x", lw=1, label="generated")
        ax.set(xlim=self.limits, ylim=self.limits, aspect="equal")
        ax.legend(loc="upper right")
