"""A picture for `widgets.Replay`: a point that moves in the plane of two parameters and leaves a trail.

`static/plane.js` draws the same picture, moving.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gan_helpers import style
from gan_helpers.widgets import codec
from gan_helpers.widgets.views import Need, Run


class Trail:
    """Two parameters as a point, where it has been, the goal at (0, 0), and arrows: where the game pushes.

    A run holds, under the names given here, `path` of shape `(frames, 2)` and `push` of shape `(side**2, 2)`, the
    field at the places `places` gives, in any unit: the longest arrow of a run fills its cell. What leaves the picture
    is drawn at its edge.

    Args:
        limits: ends of both axes.
        side: arrows in a row.
        names: what the two axes show.

    >>> Trail(limits=(-2.0, 2.0), side=2).places().tolist()
    [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(
        self,
        path: str = "path",
        push: str = "push",
        *,
        limits: tuple[float, float] = (-2.5, 2.5),
        side: int = 11,
        names: tuple[str, str] = ("G's parameter", "D's parameter"),
    ) -> None:
        self.path, self.push, self.limits, self.side, self.names = path, push, limits, side, names

    def places(self) -> NDArray:
        """Where the arrows stand, `(side**2, 2)`: the centres of square cells, row by row from below."""
        lo, hi = self.limits
        ticks = lo + (hi - lo) * (np.arange(self.side) + 0.5) / self.side
        return np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)

    def needs(self) -> list[Need]:
        """The arrays that every run must hold."""
        lo, hi = self.limits
        reach = 0.1 * (hi - lo)  # beyond the edge, so that a point that has left is seen to leave
        near = partial(codec.quantise, lo=lo - reach, hi=hi + reach, bits=11)
        return [Need(self.path, (2,), pack=near), Need(self.push, (self.side**2, 2), timed=False)]

    def spec(self, runs: Sequence[Run]) -> dict[str, Any]:
        """What the browser must know."""
        words = {"path": self.path, "push": self.push, "xName": self.names[0], "yName": self.names[1]}
        return {"type": "Trail", "limits": self.limits, "side": self.side, **words}

    def still(self, ax: Axes, run: Run, frame: int) -> None:
        """Draw one frame with matplotlib."""
        places, push = self.places(), run[self.push]
        ax.quiver(*places.T, *push.T, color=style.MUTED, alpha=0.5, width=0.003)
        path = run[self.path][: None if frame == -1 else frame + 1]
        ax.plot(*path.T, color=style.FAKE, lw=1.4)
        ax.plot(*path[-1], "x", color=style.FAKE, ms=9, mew=2.5)
        ax.plot(0, 0, "o", color=style.REAL, ms=8)
        ax.set(xlim=self.limits, ylim=self.limits, xlabel=self.names[0], ylabel=self.names[1], aspect="equal")
