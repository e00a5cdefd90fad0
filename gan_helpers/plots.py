"""Arrays in, Axes out: the figures that more than one chapter draws, and tables of results.

Nothing here trains, and nothing calls `show`.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from gan_helpers import metrics, style, theory
from gan_helpers.data import side_by_side


def losses(ax: Axes, step: ArrayLike, d_loss: ArrayLike, g_loss: ArrayLike) -> Axes:
    """Both losses over steps, with the two landmarks: log 4 for D and log 2 for G, where D can only guess.

    Args:
        step, d_loss, g_loss: `(n,)`, losses in nats; or `(K, n)` for K runs, drawn as median and 10 to 90 % band.
    """
    for loss, label, colour, dash in ((d_loss, "d_loss", style.INK, "-"), (g_loss, "g_loss", style.FAKE, "--")):
        curves = np.atleast_2d(np.asarray(loss, float))
        low, middle, high = metrics.quantiles(curves)
        ax.plot(step, middle, dash, color=colour, label=label)
        if len(curves) > 1:
            ax.fill_between(step, low, high, color=colour, alpha=0.15, linewidth=0)
    for value, label in ((theory.LOG4, "log 4"), (theory.LOG2, "log 2")):
        ax.axhline(value, color=style.MUTED, linewidth=0.8, linestyle=":")
        ax.annotate(label, (1, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    ax.set(xlabel="step", ylabel="loss (nats)")
    ax.legend(loc="upper right", ncols=2)
    return ax


def densities(ax: Axes, x: ArrayLike, p_data: ArrayLike, p_gen: ArrayLike, d_prob: ArrayLike) -> Axes:
    """Two densities, what D reports on an axis of its own at the right, and dotted what the best D would report.

    The upper half of Figure 1 in Goodfellow et al. (2014). Returns the right axis. The dotted line is left out where
    both densities together are below 5 % of the peak of p_data: nothing lands there from which D could have learned.

    Args:
        x, p_data, p_gen, d_prob: `(n,)`; densities in units of 1 / x, `d_prob` in [0, 1].
    """
    p, q = np.asarray(p_data, float), np.asarray(p_gen, float)
    ax.fill_between(x, p, color=style.REAL, alpha=0.25, linewidth=0)
    ax.plot(x, p, color=style.REAL, label="real data, p")
    ax.plot(x, q, "--", color=style.FAKE, label="generated, q")
    ax.set(xlabel="x", ylim=(0, 1.5 * p.max()), yticks=[])
    right = ax.twinx()
    right.plot(x, d_prob, color=style.INK, label="D(x), right axis")
    right.plot(x, theory.best_where_seen(p, q), ":", color=style.INK, label="p / (p + q)")
    right.set(ylim=(0, 1.02), yticks=[0, 0.5, 1])
    right.spines["right"].set_visible(True)
    return right


def arrows(ax: Axes, z: ArrayLike, x: ArrayLike) -> Axes:
    """Where G sends each z: arrows from a line of z below up to the x axis above. `z` and `x` are `(n,)`.

    So Figure 1 of Goodfellow et al. (2014) draws it.
    """
    z, x = np.asarray(z, float), np.asarray(x, float)
    span = np.asarray(ax.get_xlim())
    low = span.mean() + (z - z.mean()) / max(np.ptp(z), 1e-9) * np.ptp(span) * 0.9  # z drawn over the width of x
    for start, end in zip(low, x, strict=True):
        ax.annotate("", (end, 1), (start, 0), arrowprops={"arrowstyle": "->", "color": style.FAKE, "lw": 0.8})
    ax.set(xlim=span, ylim=(0, 1), yticks=[0, 1], yticklabels=["z", "x"])
    ax.tick_params(bottom=False, labelbottom=False, left=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def images(ax: Axes, x: ArrayLike, columns: int = 8) -> Axes:
    """A grid of square images with values in [-1, 1], from -1, black: grey or in colour, whatever lies outside clipped.

    Args:
        x: `(n, h, h)`, `(n, 1, h, h)` or rows `(n, h * h)` for grey, `(n, 3, h, h)` for colour.

    Raises:
        ValueError: another shape.
    """
    values = np.asarray(x, float)
    channels = values.shape[1] if values.ndim == 4 else 1
    side = values.shape[-1] if values.ndim > 2 else math.isqrt(values.shape[-1])
    if channels not in (1, 3) or values[0].size != channels * side * side:
        raise ValueError(f"square images are needed, grey or in colour, and these have shape {values.shape}")
    sheet = side_by_side(values.reshape(-1, channels, side, side), columns, empty=-1)
    if channels == 1:
        ax.imshow(sheet[..., 0], cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    else:
        ax.imshow(np.clip((sheet + 1) / 2, 0, 1), interpolation="nearest")
    ax.set_axis_off()
    return ax


digits = images


def strip(ax: Axes, groups: dict[str, ArrayLike], threshold: float | None = None) -> Axes:
    """One dot a seed and row a setting, with the median and its 95 % interval: what "over many seeds" looks like.

    With fewer than six values there is no such interval, and the bar is their range.
    """
    for row, (_name, values) in enumerate(groups.items()):
        v = np.asarray(values, float)
        jitter = 0.28 * np.sin(np.arange(len(v)) * 2.4)  # the same spread each time, without a generator
        ax.plot(v, row + jitter, "o", color=style.REAL, alpha=0.55, markersize=4, markeredgewidth=0)
        middle, low, high = metrics.median_interval(v)
        ax.plot([low, high], [row, row], color=style.INK, linewidth=2.2)
        ax.plot(middle, row, "|", color=style.INK, markersize=16, markeredgewidth=2.2)
    if threshold is not None:
        ax.axvline(threshold, color=style.FAKE, linestyle="--", linewidth=1.2)
    ax.set(yticks=range(len(groups)), yticklabels=list(groups), ylim=(len(groups) - 0.5, -0.5))
    return ax


class Rows:
    """What `table` returns: HTML in a notebook and on the page, aligned text in a terminal."""

    def __init__(self, header: list[str], rows: list[list[str]]) -> None:
        self.header, self.rows = header, rows

    def _repr_html_(self) -> str:
        def cell(text: str, tag: str, side: str) -> str:
            scope = {"th": ' scope="row"', "td": ""}[tag] if side == "left" else ""
            return f'<{tag}{scope} style="text-align:{side}">{html.escape(text)}</{tag}>'

        first, *others = self.header
        head = f'<th scope="col" style="text-align:left">{html.escape(first)}</th>' + "".join(
            f'<th scope="col" style="text-align:right">{html.escape(name)}</th>' for name in others
        )
        body = "".join(
            f"<tr>{cell(name, 'th', 'left')}{''.join(cell(text, 'td', 'right') for text in cells)}</tr>\n"
            for name, *cells in self.rows
        )
        return f'<div class="gan-table"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>'

    def __repr__(self) -> str:
        lines = [self.header, *self.rows]
        first, *widths = (max(len(line[i]) for line in lines) for i in range(len(self.header)))
        aligned = (
            [line[0].ljust(first), *(text.rjust(w) for text, w in zip(line[1:], widths, strict=True))] for line in lines
        )
        return "\n".join("  ".join(line).rstrip() for line in aligned)


def table(rows: Mapping[str, Sequence[object]], columns: Sequence[str], corner: str) -> Rows:
    """Results as a table that a phone can show: a row a setting, numbers at the right.

    Args:
        rows: the cells of each row by its name, as they are to be read: format numbers before.
        columns: a name for each of the cells.
        corner: what the rows are, above their names.

    Raises:
        ValueError: a row that has more or fewer cells than there are columns, or a header that is empty.

    >>> table({"equal rates": ["15 of 16", 0.12], "fast D": ["3 of 16", 1.5]}, ["arrived", "W1"], corner="rates")
    rates         arrived    W1
    equal rates  15 of 16  0.12
    fast D        3 of 16   1.5
    """
    if not all([corner, *columns]):
        raise ValueError(f"every column needs a name, the first one (corner) too: {[corner, *columns]}")
    for name, cells in rows.items():
        if len(cells) != len(columns):
            raise ValueError(f"row {name!r} has {len(cells)} cells for {len(columns)} columns: {', '.join(columns)}")
    return Rows([corner, *columns], [[name, *map(str, cells)] for name, cells in rows.items()])
