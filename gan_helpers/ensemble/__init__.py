"""Many GANs at once, each with its own seed and settings, and the table of what came of them."""

from gan_helpers.ensemble.members import MemberAdam, draw, look_ahead
from gan_helpers.ensemble.runs import experiment
from gan_helpers.ensemble.step import StackedLinear, Steps, build, stack, train_many
from gan_helpers.ensemble.table import Table

__all__ = [
    "MemberAdam",
    "StackedLinear",
    "Steps",
    "Table",
    "build",
    "draw",
    "experiment",
    "look_ahead",
    "stack",
    "train_many",
]
