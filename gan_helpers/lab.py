"""The laboratory: GANs that train in the reader's browser, on the published page, without a kernel or a network.

`Lab` writes one HTML element, `<gan-lab>`, whose trainer is a second implementation of `gan_helpers.train` in plain
JavaScript; tests hold the two together, number for number.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from gan_helpers.data import TARGETS
from gan_helpers.losses import GAMES

__all__ = ["SETTINGS", "Lab"]


@dataclass(frozen=True)
class Knob:
    """A setting of the laboratory: its name in the browser, and the words or the range that it takes."""

    key: str
    words: tuple[str, ...] = ()
    low: float = 0
    high: float = 1
    whole: bool = False

    def check(self, name: str, value: Any) -> str:
        """The value as the browser reads it.

        Raises:
            ValueError: not one of the words, outside the range, or not whole; the message says what is valid.
        """
        if self.words:
            if value not in self.words:
                raise ValueError(f"unknown {name} {value!r}: choose one of {', '.join(self.words)}")
            return str(value)
        if not isinstance(value, int | float) or not self.low <= value <= self.high:
            raise ValueError(f"{name} is a number from {self.low:g} to {self.high:g}, got {value!r}")
        if self.whole and value != int(value):
            raise ValueError(f"{name} is a whole number, got {value!r}")
        return f"{value:.10g}"


SETTINGS = {
    "mode": Knob("mode", ("one", "compare", "many")),
    "speed": Knob("speed", ("slow", "10hz", "60hz", "most")),
    "target": Knob("target", (*TARGETS, "drawn")),
    "game": Knob("game", tuple(GAMES)),
    "d_lr": Knob("dLr", low=1e-5),
    "g_lr": Knob("gLr", low=1e-5),
    "n_d": Knob("nD", low=1, high=10, whole=True),
    "r1_gamma": Knob("r1", high=10),
    "r2_gamma": Knob("r2", high=10),
    "noise": Knob("noise"),
    "batch": Knob("batch", low=8, high=512, whole=True),
    "clip": Knob("clip", low=0.005, high=0.5),
    "optimizer": Knob("optimizer", ("adam", "sgd")),
    "beta1": Knob("beta1", high=0.95),
    "activation": Knob("activation", ("leaky_relu", "tanh")),
    "g_layers": Knob("gLayers", low=1, high=4, whole=True),
    "g_units": Knob("gUnits", low=4, high=64, whole=True),
    "d_layers": Knob("dLayers", low=1, high=4, whole=True),
    "d_units": Knob("dUnits", low=4, high=64, whole=True),
    "z_dim": Knob("zDim", low=1, high=2, whole=True),
    "prior": Knob("prior", ("normal", "uniform")),
    "seed": Knob("seed", high=999_999, whole=True),
    "closed_form": Knob("best", whole=True),
    "push": Knob("push", whole=True),
    "latent_grid": Knob("mesh", whole=True),
}
PER_PAGE = ("mode", "speed", "seed", "closed_form", "push", "latent_grid")  # the same in both columns of a comparison
UNLABELLED = ("seed", "closed_form", "push", "latent_grid")  # set by buttons and by the legend


class Lab:
    """A GAN that the reader trains on the page: play, single steps, sliders that act on the running networks.

    Shown as the last value of a cell. In a terminal it prints one line; without JavaScript a sentence remains.

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

    def _html(self) -> str:
        from gan_helpers.widgets import script

        attributes = {"settings": self.query, "heading": self.title}
        if self._named is not None:
            attributes["controls"] = self._named
        written = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
        written += ' id="lab" share' if self.share else ""
        written += " autoplay" if self.autoplay else ""
        return (
            f'<gan-lab data-lm-suppress-shortcuts="true"{written}>'
            f"<p><strong>{html.escape(self.title)}</strong></p>"
            "<p>Here a GAN trains while you watch and turn its settings; it needs JavaScript.</p></gan-lab>\n"
            f"<script data-gan-helpers>{script()}</script>\n<script data-gan-helpers>{script('gan-lab')}</script>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._html()}

    def __repr__(self) -> str:
        first = _in_words(self.settings) or "ring of 8 bumps"
        beside = f"beside it {_in_words(self.compare)}; " if self.compare else ""
        return f"Lab: {first}; {beside}open in a notebook or the book to train it"


def _must_know(kind: str, names: Sequence[str] | Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"unknown {kind} {unknown[0]!r}: choose from {', '.join(known)}")


def _in_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
