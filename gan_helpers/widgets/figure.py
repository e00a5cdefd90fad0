"""Figures that compute what they show, in the reader's browser: closed forms under sliders.

`Figure` writes one HTML element, `<gan-figure>`; each kind is a module of `static/`. Without JavaScript, and on paper,
the picture that Python draws of its first setting remains.
"""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from gan_helpers import dirac, style, theory
from gan_helpers.widgets.page import element

__all__ = ["Figure"]


def point(ax: Axes) -> None:
    """The score p log d + q log(1 - d) at one point, and its maximum. Chapter 1."""
    p, q, d = 0.6, 0.2, np.linspace(0.005, 0.995, 199)
    ax.plot(d, p * np.log(d) + q * np.log(1 - d), color=style.INK)
    ax.axvline(p / (p + q), color=style.INK, linestyle=":")
    ax.plot(0.3, p * np.log(0.3) + q * np.log(0.7), "o", color=style.FAKE)
    ax.set(ylim=(-5, 0), xlabel="d, what D reports at this x", ylabel="p log d + q log(1 - d)")


def bumps(ax: Axes) -> None:
    """Two bumps, and where the sand goes. Chapter 2."""
    x = np.linspace(-4, 12, 320)
    ax.plot(x, 0.7 + theory.normal_pdf(x, 0, 1), color=style.REAL)
    ax.plot(x, -theory.normal_pdf(x, 3, 1), "--", color=style.FAKE)
    for z in np.sort(np.random.default_rng(0).normal(size=15)):
        ax.plot([z, z + 3], [0.68, 0.02], color=style.MUTED, linewidth=0.8)
    ax.set(yticks=[], xlabel="x: real above, generated below")


def field(ax: Axes) -> None:
    """The field of the Dirac-GAN, and a path. Chapter 4."""
    ticks = np.linspace(-2, 2, 11)
    places = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    ax.quiver(*places.T, *dirac.saturating(places).T, color=style.MUTED, alpha=0.5, width=0.003)
    path = dirac.trajectory(dirac.saturating, (1, 1), 0.2, steps=300)
    ax.plot(*path.T, color=style.FAKE)
    ax.plot(0, 0, "o", color=style.REAL)
    ax.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal", xlabel="θ: what G makes", ylabel="ψ: slope of D")


def kernel(ax: Axes) -> None:
    """How many kernels of 3 overlap at stride 2. Chapter 7."""
    counts = np.zeros(11)
    for i in range(5):
        counts[2 * i : 2 * i + 3] += 1
    ax.imshow(np.outer(counts, counts)[1:-1, 1:-1], cmap="Greys")
    ax.set(xticks=[], yticks=[], xlabel="how many input pixels paint each output pixel")


KINDS = {"point": point, "bumps": bumps, "field": field, "kernel": kernel}


class Figure:
    """A figure that computes what it shows, under sliders.

    Shown as the last value of a cell. In a terminal it prints one line.

    Args:
        kind: `point`, the score of D's report at one point; `bumps`, two bumps and three distances; `field`, the
            Dirac-GAN and a path that starts where one clicks; `kernel`, what a transposed convolution paints.
        title, alt: heading, and what the picture shows in words.

    Raises:
        ValueError: an unknown kind; the message names the known ones.

    >>> Figure("point", title="One point", alt="A curve.")
    Figure: One point; open in a notebook or the book to move the sliders
    """

    def __init__(self, kind: str, *, title: str, alt: str) -> None:
        if kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r}: choose one of {', '.join(KINDS)}")
        self.kind, self.title, self.alt = kind, title, alt

    def still(self) -> bytes:
        """The first setting as a PNG."""
        canvas = Canvas(figsize=(6.2, 3.4), dpi=110, layout="constrained", facecolor="white")
        KINDS[self.kind](canvas.subplots())
        file = io.BytesIO()
        canvas.savefig(file, format="png")
        return file.getvalue()

    def _repr_html_(self) -> str:
        return element("gan-figure", self.title, self.alt, self.still(), kind=self.kind)

    def __repr__(self) -> str:
        return f"Figure: {self.title}; open in a notebook or the book to move the sliders"
