"""Recorded training runs that a reader replays on the page: sliders choose the run, a scrubber the time.

`Replay` turns arrays into one HTML element, `<gan-replay>`, which needs no kernel, no network and no other library.
Its script is made of the plain files in `static/`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gan_helpers import style
from gan_helpers.widgets import codec
from gan_helpers.widgets.page import element
from gan_helpers.widgets.views import Losses, Need, View


class Setting:
    """One thing that differs between the runs, and the control that chooses it.

    Numbers get a slider with one stop a value, words a drop-down list.

    Args:
        name: the keyword under which the experiment knows it.
        label: what the reader sees.
        values: in the order of the control; a mapping from value to label where the value itself is no good label.
        default: the value at the start, by default the first.

    Raises:
        ValueError: no values, one twice, or a default that is not among them.

    >>> Setting("d_lr", "Learning rate of D", [5e-5, 0.001, 0.005], default=0.001).labels
    ['5e-5', '0.001', '0.005']
    """

    def __init__(
        self, name: str, label: str, values: Sequence[Any] | Mapping[Any, str], *, default: Any = None
    ) -> None:
        self.name, self.label, self.values = name, label, list(values)
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(f"setting {name!r} needs at least one value and each only once, got {self.values}")
        self.default = self.values[0] if default is None else default
        if self.default not in self.values:
            raise ValueError(f"default {default!r} of setting {name!r} is not among its values {self.values}")
        self.labels = [values[v] if isinstance(values, Mapping) else _number(v) for v in self.values]

    def spec(self) -> dict[str, Any]:
        """What the browser must know."""
        kind = "select" if any(isinstance(v, str | bool) for v in self.values) else "range"
        return {"label": self.label, "labels": self.labels, "kind": kind, "at": self.values.index(self.default)}


def _number(value: Any) -> str:
    """0.005 as `0.005`, 5e-05 as `5e-5`, words as they are."""
    return str(value) if isinstance(value, str | bool) else f"{value:g}".replace("e-0", "e-").replace("e+0", "e")


def pad(frames: Any, count: int) -> NDArray:
    """Lengthen the first axis to `count` frames with NaN: the record of a run that diverged and stopped early.

    >>> pad([1.0, 2.0], 4).tolist()
    [1.0, 2.0, nan, nan]
    """
    frames = _array(frames).astype(float)
    return np.concatenate([frames, np.full((max(count - len(frames), 0), *frames.shape[1:]), np.nan)])


def _array(values: Any) -> NDArray:
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


@dataclass(frozen=True)
class _Grid:
    """The runs in the order of the product of all settings."""

    keys: list[tuple]
    runs: list[dict[str, NDArray]]

    @classmethod
    def of(cls, runs: Any, settings: Sequence[Setting]) -> _Grid:
        names = [s.name for s in settings]
        keys = list(itertools.product(*(s.values for s in settings)))
        if callable(runs):
            runs = {key: runs(**dict(zip(names, key, strict=True))) for key in keys}
        elif not settings and () not in runs:
            runs = {(): runs}
        elif len(settings) == 1:
            runs = {key if isinstance(key, tuple) else (key,): run for key, run in runs.items()}
        missing = [key for key in keys if key not in runs]
        if missing:
            first = ", ".join(f"{n}={v!r}" for n, v in zip(names, missing[0], strict=True)) or "()"
            raise ValueError(f"{len(missing)} of {len(keys)} runs are missing, the first is {first}")
        chosen = [{name: _array(v) for name, v in zip(names, key, strict=True)} for key in keys]
        arrays = [{name: _array(a) for name, a in runs[key].items()} for key in keys]
        return cls(keys, [settings | found for settings, found in zip(chosen, arrays, strict=True)])

    def stack(self, need: Need, frames: int) -> NDArray:
        """`(runs, [frames,] *item)` of one recorded array, checked."""
        expected, first = ((frames,) if need.timed else ()) + need.item, self.runs[0]
        for key, run in zip(self.keys, self.runs, strict=True):
            if need.key not in run:
                raise ValueError(f"run {key} has no array {need.key!r}; it has {sorted(run)}")
            shape = run[need.key].shape
            if len(shape) != len(expected) or any(e not in (None, s) for s, e in zip(shape, expected, strict=True)):
                wanted = str(expected).replace("None", "any")
                raise ValueError(f"{need.key!r} of run {key} has shape {shape}, and {wanted} is needed")
            if not need.timed and not np.isfinite(run[need.key]).all():
                raise ValueError(f"{need.key!r} of run {key} holds NaN or infinities, and stands for all frames")
            if shape != first[need.key].shape:
                raise ValueError(f"{need.key!r} has shape {shape} in run {key}, {first[need.key].shape} in another")
        return np.stack([run[need.key] for run in self.runs])


class Replay:
    """Recorded runs over a grid of settings, as an element that works on the published page.

    Shown as the last value of a cell. In a terminal it prints one line; without JavaScript a still picture remains.

    Args:
        runs: `{(value, value, ...): {"name": array}}` for the full product of the settings' values, in their order; or
            a function that records one run, `runs(**settings) -> {"name": array}`; or, without settings, one such
            dict. Arrays may be tensors. Frames with NaN or infinities are shown as a gap and "diverged at step N" (see
            `pad`).
        settings: what the runs differ in; may be empty.
        steps: `(frames,)` training steps at which the arrays were recorded.
        views: `Toy1D`, `Losses`, `Images`, `Points`; each says which arrays a run must hold.
        metrics: `{"label": "name"}` of arrays of shape `(frames,)` that are shown as numbers.
        title, alt: heading, and what the picture shows in words.
        start: frame shown first, an index into `steps`; by default the last, where the settings differ most.
        closed_form: whether the dotted p / (p + q) of `Toy1D` is on at first.
        autoplay, loop, fps: never on its own by default; `fps` None plays the whole in eight seconds, or as long as it
            takes at 15 frames a second.
        max_bytes: limit for the compressed data.

    Raises:
        ValueError: a missing run or array, shapes that do not fit, or more data than `max_bytes`.

    >>> Replay({"d_loss": [1.4, 1.3], "g_loss": [0.7, 0.8]}, steps=[0, 10], views=[Losses()], title="t", alt="a")
    Replay: 1 run x 2 frames; open in a notebook or the book to move the sliders
    """

    def __init__(
        self,
        runs: Mapping[Any, Mapping[str, Any]] | Mapping[str, Any] | Callable[..., Mapping[str, Any]],
        *,
        steps: Sequence[int],
        views: Sequence[View],
        title: str,
        alt: str,
        settings: Sequence[Setting] = (),
        metrics: Mapping[str, str] | None = None,
        start: int = -1,
        closed_form: bool = True,
        autoplay: bool = False,
        loop: bool = False,
        fps: float | None = None,
        max_bytes: int = 2_000_000,
    ) -> None:
        self.settings, self.views, self.metrics = list(settings), list(views), dict(metrics or {})
        self.title, self.alt = title, alt
        self.steps = [int(s) for s in _array(steps)]
        if not self.steps or not -len(self.steps) <= start < len(self.steps):
            raise ValueError(f"start={start} is not a frame: there are {len(self.steps)} steps")
        self._grid = grid = _Grid.of(runs, self.settings)
        channels, bad = self._channels(grid)
        meta = {
            "title": title,
            "alt": alt,
            "steps": self.steps,
            "settings": [s.spec() for s in self.settings],
            "views": [view.spec(grid.runs) for view in self.views],
            "metrics": list(self.metrics.items()),
            "diverged": [int(run.argmax()) if run.any() else -1 for run in bad],
            "first": start % len(self.steps),
            "toggled": closed_form,
            "autoplay": autoplay,
            "loop": loop,
            "fps": fps or min(max(len(self.steps) - 1, 1) / 8, 15),
        }
        self.data = codec.encode(meta, channels)
        self.nbytes = len(self.data) * 3 // 4
        if self.nbytes > max_bytes:
            raise ValueError(
                f"the replay takes {self.nbytes} bytes, the limit is {max_bytes}: record fewer runs or frames"
            )

    def _channels(self, grid: _Grid) -> tuple[dict[str, codec.Channel], NDArray]:
        """Every array that a view or metric needs, and `(runs, frames)`: where a view has no finite values."""
        frames = len(self.steps)
        channels: dict[str, codec.Channel] = {}
        bad = np.zeros((len(grid.runs), frames), bool)
        metrics = [Need(key, (), pack=codec.halves) for key in self.metrics.values()]
        shown = [need for view in self.views for need in view.needs()]
        for need in [*shown, *metrics]:
            if need.key in channels:
                continue
            values = grid.stack(need, frames)
            channels[need.key] = need.pack(values)
            if need.timed and need in shown:
                bad |= ~np.isfinite(values.reshape(len(grid.runs), frames, -1)).all(-1)
        return channels, bad

    def still(self) -> bytes:
        """A PNG of the default run's last frame."""
        with mpl.rc_context():
            style.use()
            tall = [1.0 if isinstance(view, Losses) else 2.4 for view in self.views]
            figure = Figure(figsize=(7, 0.6 + 1.25 * sum(tall)), dpi=100)
            axes = figure.subplots(len(self.views), 1, squeeze=False, gridspec_kw={"height_ratios": tall})[:, 0]
            run = self._grid.runs[self._grid.keys.index(tuple(s.default for s in self.settings))]
            for view, ax in zip(self.views, axes, strict=True):
                view.still(ax, run, -1)
            return codec.png(figure)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        shown = element("gan-replay", self.title, self.alt, self.still(), data=self.data)
        return {"text/plain": repr(self), "text/html": shown}

    def __repr__(self) -> str:
        kind = f"{len(self._grid.runs)} settings" if self.settings else "1 run"
        return f"Replay: {kind} x {len(self.steps)} frames; open in a notebook or the book to move the sliders"
