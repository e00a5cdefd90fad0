"""The laboratory: GANs that train in the reader's browser, on the published page, without a kernel or a network.

`Lab` writes one HTML element, `<gan-lab>`, whose trainer is a second implementation of `gan_helpers.train` in plain
JavaScript; tests hold the two together, number for number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gan_helpers import metrics, models, runtime, style
from gan_helpers.data import TARGETS
from gan_helpers.train import plain
from gan_helpers.widgets import codec
from gan_helpers.widgets.page import KNOBS, element

__all__ = ["SETTINGS", "Lab"]


@dataclass(frozen=True)
class Knob:
    """A setting of the laboratory: its name in the browser, and the words or the range that it takes."""

    key: str
    words: tuple[str, ...] = ()
    low: float = 0
    high: float = 1
    whole: bool = False

    @classmethod
    def of(cls, knob: Mapping[str, Any]) -> Knob:
        """From its entry in `knobs.json`: one of some words, or a number between the first stop and the last."""
        if "words" in knob:
            return cls(knob["key"], tuple(knob["words"]))
        stops = knob["stops"]
        return cls(knob["key"], low=stops[0], high=stops[-1], whole=all(isinstance(stop, int) for stop in stops))

    def check(self, name: str, value: Any) -> str:
        """The value as the browser reads it.

        Raises:
            ValueError: not one of the words, outside the range, or not whole; the message says what is valid.
        """
        value = plain(value)
        if self.words:
            if value not in self.words:
                raise ValueError(f"unknown {name} {value!r}: choose one of {', '.join(self.words)}")
            return str(value)
        if not isinstance(value, int | float) or not self.low <= value <= self.high:
            raise ValueError(f"{name} is a number from {self.low:g} to {self.high:g}, got {value!r}")
        if self.whole and value != int(value):
            raise ValueError(f"{name} is a whole number, got {value!r}")
        return f"{value:.10g}"


SETTINGS = {knob["name"]: Knob.of(knob) for knob in KNOBS}
PER_PAGE = [knob["name"] for knob in KNOBS if knob.get("look") or knob.get("shared")]  # the same in both columns
UNLABELLED = [knob["name"] for knob in KNOBS if not knob["label"]]  # set by buttons and by the legend
ON_A_LINE = ("gaussian", "mixture")  # the targets of one dimension
EXTENTS: dict[str, list[float]] = style.SHARED["extents"]  # what one sees of a target: from, to
SAYS = "A still picture, before training. With JavaScript a GAN trains here while you watch and turn its settings."
SEEN = 200  # samples in a picture


class Lab:
    """A GAN that the reader trains on the page: play, single steps, sliders that act on the running networks.

    Shown as the last value of a cell. In a terminal it prints one line; without JavaScript a still picture remains.

    Args:
        title: heading of the element.
        controls: names of settings that the reader may change, or "all".
        compare: settings in which a second GAN, beside the first and from the same seed, differs.
        autoplay: train as soon as it is in view; a reader who asks for reduced motion presses play.
        share: write the settings into the address of the page, and start from those of a link.
        **settings: where to begin; `SETTINGS` names them all. Names and meanings are those of `train.train`; `target`
            may also be "drawn". The networks are MLPs: `g_layers` hidden layers of `g_units` units, and so for D.
            `mode` is "one", "compare" or "many" (16 seeds), `speed` "slow", "10hz", "60hz" (iterations a second) or
            "most".

    Raises:
        ValueError: an unknown setting, control, game or target, or a value out of range; the message says what is
            valid.

    >>> Lab("Two learning rates", target="gaussian", compare={"d_lr": 0.01})
    Lab: target gaussian; beside it d_lr 0.01; open in a notebook or the book to train it
    """

    def __init__(
        self,
        title: str = "GAN laboratory",
        *,
        controls: Sequence[str] | str = "all",
        compare: Mapping[str, Any] | None = None,
        autoplay: bool = False,
        share: bool = False,
        **settings: Any,
    ) -> None:
        self.title, self.autoplay, self.share = title, autoplay, share
        self.settings, self.compare = settings, dict(compare or {})
        shown = [name for name in SETTINGS if name not in UNLABELLED]
        self.controls = shown if controls == "all" else [controls] if isinstance(controls, str) else list(controls)
        _must_know("control", self.controls, shown)
        both = [name for name in SETTINGS if name not in PER_PAGE]
        _must_know("setting", settings, list(SETTINGS))
        _must_know("setting", self.compare, both)
        query = {SETTINGS[name].key: SETTINGS[name].check(name, value) for name, value in settings.items()}
        query |= {f"b.{SETTINGS[name].key}": SETTINGS[name].check(name, value) for name, value in self.compare.items()}
        self.query = urlencode(query)
        self._named = None if controls == "all" else " ".join(SETTINGS[name].key for name in self.controls)

    def still(self) -> bytes:
        """A PNG of what one begins with: real samples, and what untrained generators make of noise."""
        runs = self._runs()
        across = 4 if len(runs) > 2 else len(runs)
        flat = all(run.get("target") in ON_A_LINE for run in runs)
        height = {1: 2.4 if flat else 3.4, 2: 2.0 if flat else 3.2, 4: 4.4}[across]
        with mpl.rc_context():
            style.use()
            figure = Figure(figsize=(7, height), dpi=80)
            axes = figure.subplots(len(runs) // across, across, squeeze=False)
            for run, ax, name in zip(runs, axes.flat, "AB" if len(runs) == 2 else " " * len(runs), strict=True):
                _draw(ax, run)
                ax.set_title(name.strip())
                ax.locator_params(axis="x", nbins=3 if across == 4 else 8)
            handles, labels = axes[0, 0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper left", ncols=2)
            return codec.png(figure, colours=24)

    def _runs(self) -> list[dict[str, Any]]:
        """The settings of each GAN that is seen at first."""
        first = self.settings
        if self.compare or first.get("mode") == "compare":
            return [first, first | self.compare]
        seed = int(first.get("seed", 0))
        return [first | {"seed": seed + i} for i in range(16)] if first.get("mode") == "many" else [first]

    def _html(self) -> str:
        attributes = {"settings": self.query, "heading": self.title}
        if self._named is not None:
            attributes["controls"] = self._named
        attributes |= {"id": "lab", "share": ""} if self.share else {}
        attributes |= {"autoplay": ""} if self.autoplay else {}
        target = self.settings.get("target", "ring").replace("_", " ")
        alt = f"Before training: real data, {target}, and what an untrained generator makes of noise."
        return element("gan-lab", self.title, alt, self.still(), SAYS, **attributes)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._html()}

    def __repr__(self) -> str:
        first = _in_words(self.settings) or "ring of 8 bumps"
        beside = f"beside it {_in_words(self.compare)}; " if self.compare else ""
        return f"Lab: {first}; {beside}open in a notebook or the book to train it"


def _draw(ax: Axes, run: Mapping[str, Any]) -> None:
    """Real data and what an untrained generator makes of noise, under the settings of one GAN."""
    name, seed = run.get("target", "ring"), int(run.get("seed", 0))
    dim = 1 if name in ON_A_LINE else 2
    low, high = EXTENTS[name]
    fake = _untrained(run, dim)
    if dim == 1:
        x = torch.linspace(low, high, 200)
        p = TARGETS[name]().log_prob(x[:, None]).exp()
        ax.fill_between(x, p, color=style.REAL, alpha=0.25, linewidth=0)
        ax.plot(x, p, color=style.REAL, label="real data, density p")
        ax.plot(x, metrics.kde(fake[:, 0], x, 0.15), "--", color=style.FAKE, label="generated, density q")
        ax.set(xlim=(low, high), ylim=(0, 1.7 * float(p.max())), yticks=[])
        return
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    eight = np.stack([2 * np.sin(t), 1.2 * np.sin(2 * t)], axis=-1)  # what a reader who draws begins with
    rng = torch.Generator().manual_seed(seed)
    real = eight if name == "drawn" else TARGETS[name]().sample(SEEN, rng)
    ax.plot(*real.T, "o", color=style.REAL, alpha=0.6, markersize=3, label="real")
    ax.plot(*fake.T, "x", color=style.FAKE, markersize=4, label="generated")
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", yticks=[])


def _untrained(run: Mapping[str, Any], dim: int) -> Tensor:
    """`(200, dim)` samples of a generator with its first weights; PyTorch's own generator is left as it was."""
    before = runtime.global_random_state()
    rng = runtime.seed(int(run.get("seed", 0)))
    z_dim = int(run.get("z_dim", dim))
    hidden = [int(run.get("g_units", 32))] * int(run.get("g_layers", 2))
    G = models.mlp(z_dim, *hidden, dim, activation=run.get("activation", "leaky_relu"))
    runtime.set_global_random_state(before)
    z = models.sample_z(SEEN, z_dim, rng, run.get("prior", "normal"))
    with torch.no_grad():
        return G(z)


def _must_know(kind: str, names: Sequence[str] | Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"unknown {kind} {unknown[0]!r}: choose from {', '.join(known)}")


def _in_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
