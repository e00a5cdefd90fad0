"""Colours and matplotlib defaults of every figure.

Real is blue and round, generated is vermilion and crossed, the discriminator is ink: the same three in every chapter.
Shape always says what colour says. The colours stand in `shared.json`, which the elements of the page read too.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap

#: What figures share with the elements of the page.
SHARED: dict[str, Any] = json.loads((resources.files("gan_helpers") / "shared.json").read_text("utf-8"))
#: Colours on light and on dark paper, by what they mean.
PALETTE: dict[str, dict[str, str]] = SHARED["palette"]
REAL = PALETTE["light"]["real"]  # blue, marker "o"
FAKE = PALETTE["light"]["fake"]  # vermilion, marker "x"
INK = PALETTE["light"]["ink"]  # the discriminator, a line
MUTED = PALETTE["light"]["muted"]  # landmarks and annotations

#: Fake - neutral - real, for heatmaps of D from 0 to 1.
D_MAP = LinearSegmentedColormap.from_list("discriminator", [FAKE, "#F7F7F7", REAL])


def use() -> None:
    """Make the book's style matplotlib's default: opaque light cards, few lines, the palette's order."""
    mpl.rcParams.update(
        {
            "figure.figsize": (7.0, 3.2),
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
            "axes.prop_cycle": cycler(color=[REAL, FAKE, INK, "#009E73", "#CC79A7", PALETTE["dark"]["real"]]),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": MUTED,
            "axes.labelcolor": INK,
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "axes.labelsize": 9,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "legend.frameon": False,
            "legend.fontsize": 8,
            "lines.linewidth": 1.8,
            "lines.markersize": 4,
        }
    )
