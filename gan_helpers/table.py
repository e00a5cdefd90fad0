"""The table that an experiment fills: settings x seeds x metrics, which counts, prints itself, and can be saved.

>>> table = Table(["a"], [0, 1], [10], {"w1": np.array([[[0.1], [0.3]]])}, *np.array([[[0, 0]], [[1, 1]]], bool))
>>> table["w1"]["a"].tolist()
[0.1, 0.3]
>>> print(table.success_rate("w1", lambda w1: w1 < 0.15)["a"])
1 of 2 (50 %, 95 % interval 9 to 91 %)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_helpers.metrics import Rate, middle, rate


@dataclass(frozen=True, eq=False)
class Table:
    """What was measured: settings x seeds x steps for each metric.

    Attributes:
        settings: the labels, S of them; seeds: N; steps: T, at which it was measured.
        values: for each metric `(S, N, T, ...)`; NaN where a run was not finished, or diverged.
        diverged, finished: `(S, N)`, boolean.
        provenance: the settings in words, versions, device, seconds.
    """

    settings: list[str]
    seeds: list[int]
    steps: list[int]
    values: dict[str, NDArray]
    diverged: NDArray
    finished: NDArray
    provenance: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, metric: str) -> dict[str, NDArray]:
        """The metric at the last step, for each setting `(n, ...)`: over the runs that finished and did not diverge."""
        self._must_have(metric)
        kept = self.finished & ~self.diverged
        return {name: self.values[metric][s, kept[s], -1] for s, name in enumerate(self.settings)}

    def over_time(self, metric: str, setting: str) -> NDArray:
        """The metric of one setting at every measured step, `(N, T, ...)`."""
        self._must_have(metric)
        return self.values[metric][self.settings.index(setting)]

    def success_rate(self, metric: str, succeeds: Callable[[NDArray], NDArray]) -> dict[str, Rate]:
        """The share of runs whose metric at the last step passes `succeeds`, with its Wilson interval, per setting.

        Runs that diverged count as failures; runs that an interruption left unfinished are not counted.
        """
        self._must_have(metric)
        rates = {}
        for s, name in enumerate(self.settings):
            ok = np.asarray(succeeds(self.values[metric][s, :, -1])) & ~self.diverged[s]
            if self.finished[s].any():
                rates[name] = rate(ok[self.finished[s]])
        return rates

    def save(self, path: str | Path) -> None:
        """Write one `.npz` file, readable without pickle."""
        head = {"settings": self.settings, "seeds": self.seeds, "steps": self.steps, "provenance": self.provenance}
        arrays = {f"values/{name}": array for name, array in self.values.items()}
        arrays |= {"diverged": self.diverged, "finished": self.finished, "head": np.array(json.dumps(head))}
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Table:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            head = json.loads(str(file["head"]))
            values = {name.removeprefix("values/"): file[name] for name in file.files if name.startswith("values/")}
            return cls(**head, values=values, diverged=file["diverged"], finished=file["finished"])

    def __str__(self) -> str:
        """A row a setting: the median of every metric that is one number a run, with its 95 % interval."""
        flat = [name for name, array in self.values.items() if array.ndim == 3]
        width = max(map(len, self.settings)) + 2
        lines = []
        for s, setting in enumerate(self.settings):
            kept = self.finished[s] & ~self.diverged[s]
            cells = [f"{m} {middle(self.values[m][s, kept, -1])}" for m in flat] if kept.any() else ["no run finished"]
            cells += [f"{n} diverged" for n in [int(self.diverged[s].sum())] if n]
            lines.append(f"{setting:{width}}" + "; ".join(cells))
        return "\n".join(lines)

    def _must_have(self, metric: str) -> None:
        if metric not in self.values:
            raise KeyError(f"no metric {metric!r} in this table; it has {', '.join(self.values)}")
