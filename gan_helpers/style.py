"""Colours and matplotlib defaults of every figure.

Real is blue and round, generated is vermilion and crossed, the discriminator is ink: the same three in every chapter.
Shape always says what colour says.
"""

from __future__ import annotations

import matplotlib as mpl
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap

REAL = "#0072B2"  # blue, marker "o"
FAKE = "#D55E00"  # vermilion, marker "x"
INK = "#1A1A1A"  # the discriminator, a line
MUTED = "#6B6B6B"  # landmarks and annotations
DARK = {"REAL": "#56B4E9", "FAKE": "#E69F00", "INK": "#E6E6E6"}  # the same three on a dark page

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
            "axes.prop_cycle": cycler(color=[REAL, FAKE, INK, "#009E73", "#CC79A7", "#56B4E9"]),
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
