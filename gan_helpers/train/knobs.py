"""The knobs of a GAN's training, and what each may be: one table for `train`, `train_many`, `experiment`, the command.

A knob may be given as a number of Python, NumPy or torch. It is refused with its name, its limits and what was given,
and it becomes a plain number of Python, because it goes into checkpoints and tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from gan_helpers.augment import KINDS, named
from gan_helpers.losses import get_game

MAX_N_D = 31  # an ensemble has a stream of batches for each update within a step: see `ensemble.members`


@dataclass(frozen=True)
class Number:
    """A number between two ends, which are included unless `open_above`; whole or not."""

    low: float = 0.0
    high: float = math.inf
    whole: bool = False
    open_above: bool = False

    def __call__(self, value: Any) -> float | int | None:
        """The value as a plain number, or None where it is not valid."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        above = value >= self.high if self.open_above else value > self.high
        if value < self.low or above or (self.whole and value != int(value)):
            return None
        return int(value) if self.whole else float(value)

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a finite number"
        if self.high == math.inf:
            return f"{kind} of at least {self.low:g}"
        return f"{kind} from {self.low:g} to {'below ' * self.open_above}{self.high:g}"


class Name:
    """The name of a game."""

    def __call__(self, value: Any) -> str | None:
        return get_game(value).name if isinstance(value, str) else None

    def __str__(self) -> str:
        return "the name of a game"


class Changes:
    """What `augment` does to images: names of its kinds, in its own order, or none."""

    def __call__(self, value: Any) -> str | None:
        if not isinstance(value, str) or (value and not value.split()):
            return None
        return " ".join(named(value)) if set(value.split()) <= set(KINDS) else None

    def __str__(self) -> str:
        return f"some of {', '.join(KINDS)}, separated by spaces"


class Switch:
    """True or false."""

    def __call__(self, value: Any) -> bool | None:
        return bool(value) if isinstance(value, bool | int | float) and value in (0, 1) else None

    def __str__(self) -> str:
        return "True or False"


COUNT, AMOUNT, DECAY = Number(1, whole=True), Number(), Number(high=1, open_above=True)
KNOBS: dict[str, Callable[[Any], Any]] = {
    "game": Name(),
    "z_dim": COUNT,
    "steps": COUNT,
    "batch": COUNT,
    "n_d": Number(1, MAX_N_D, whole=True),
    "g_lr": AMOUNT,
    "d_lr": AMOUNT,
    "beta1": DECAY,
    "beta2": DECAY,
    "r1_gamma": AMOUNT,
    "r2_gamma": AMOUNT,
    "gp_lambda": AMOUNT,
    "clip": AMOUNT,
    "instance_noise": AMOUNT,
    "augment": Changes(),
    "noise_decay": Switch(),
    "lr_decay": Switch(),
    "fresh_z": Switch(),
    "unroll": Number(whole=True),
    "unroll_lr": AMOUNT,
    "ema": DECAY,
    "warm_up": Switch(),
    "seed": Number(0, 2**32 - 1, whole=True),
    "snapshot_every": Number(whole=True),
    "n_snapshot": COUNT,
    "save_every": Number(whole=True),
}


def plain(value: Any) -> Any:
    """A scalar of NumPy or torch as Python's own, with the digits that it prints; anything else as it is.

    >>> plain(np.float32(0.01)), plain(np.int64(3)), plain([1])
    (0.01, 3, [1])
    """
    if not (isinstance(value, np.generic | np.ndarray | Tensor) and value.ndim == 0):
        return value
    number = value.item()
    short = isinstance(number, float) and str(value.dtype).rpartition(".")[2] == "float32"
    return float(str(np.float32(number))) if short else number


def checked(name: str, value: Any, says: str = "") -> Any:
    """A knob's value as a plain number, word or truth value. `says` is what the reader calls it, if not by its name.

    Raises:
        ValueError: a value that this knob cannot have; the message says which it can.

    >>> checked("n_d", np.int64(5))
    5
    >>> checked("clip", -1)
    Traceback (most recent call last):
    ...
    ValueError: clip must be a finite number of at least 0, got -1
    """
    given = plain(value)
    found = KNOBS[name](given)
    if found is None:
        raise ValueError(f"{says or name} must be {KNOBS[name]}, got {given!r}")
    return found


def all_checked(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """The same for several knobs; names that are none stay as they are."""
    return {name: checked(name, value) if name in KNOBS else value for name, value in knobs.items()}
