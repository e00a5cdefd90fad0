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

FORMAT = 1  # of saved files


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
        """The metric at the last step, for each setting `(n, ...)`: over the runs that finished and did not diverge.

        So n is not always N, and two settings are paired seed by seed only if no run is missing. `over_time` keeps all.
        """
        self._must_have(metric)
        kept = self.finished & ~self.diverged
        return {name: self.values[metric][s, kept[s], -1] for s, name in enumerate(self.settings)}

    def over_time(self, metric: str, setting: str) -> NDArray:
        """The metric of one setting at every measured step, `(N, T, ...)`; NaN where there is no value."""
        self._must_have(metric)
        return self.values[metric][self.settings.index(setting)]

    def success_rate(self, metric: str, succeeds: Callable[[NDArray], NDArray]) -> dict[str, Rate]:
        """The share of runs whose metric at the last step passes `succeeds`, with its Wilson interval, per setting.

        Runs that diverged count as failures. Runs that an interruption left unfinished are not counted, and settings
        without a finished run are left out.

        Args:
            succeeds: maps the metric of all runs, `(N, ...)`, to a boolean for each, `(N,)`.

        Raises:
            KeyError: an unknown metric. ValueError: `succeeds` returns something else.
        """
        self._must_have(metric)
        rates = {}
        for s, name in enumerate(self.settings):
            ok = np.asarray(succeeds(self.values[metric][s, :, -1]))
            if ok.dtype != bool or ok.shape != self.finished[s].shape:
                got = f"got {ok.dtype} of shape {ok.shape}"
                raise ValueError(f"success is true or false for each of {len(self.seeds)} runs, {got}; add .all(-1)?")
            ok &= ~self.diverged[s]
            if self.finished[s].any():
                rates[name] = rate(ok[self.finished[s]])
        return rates

    def save(self, path: str | Path) -> None:
        """Write one `.npz` file, readable without pickle."""
        head = {
            "format": FORMAT,
            "settings": self.settings,
            "seeds": self.seeds,
            "steps": self.steps,
            "provenance": self.provenance,
        }
        arrays = {f"values/{name}": array for name, array in self.values.items()}
        arrays |= {"diverged": self.diverged, "finished": self.finished, "head": np.array(json.dumps(head))}
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Table:
        """Read what `save` wrote.

        Raises:
            ValueError: a file that `save` did not write, or that another version wrote in another format.
        """
        with np.load(path, allow_pickle=False) as file:
            if "head" not in file.files:
                raise ValueError(f"{path} is not a table: Table.save did not write it")
            head = json.loads(str(file["head"]))
            if head.pop("format") != FORMAT:
                raise ValueError(f"{path} has a table of another version's format: load it with that version")
            values = {name.removeprefix("values/"): file[name] for name in file.files if name.startswith("values/")}
            return cls(**head, values=values, diverged=file["diverged"], finished=file["finished"])

    def __str__(self) -> str:
        """A row a setting: the median of every metric that is one number a run, with its 95 % interval."""
        width = max(map(len, self.settings)) + 2
        lines = []
        for s, setting in enumerate(self.settings):
            cells = [f"{self.finished[s].sum()} of {len(self.seeds)} runs finished, {self.diverged[s].sum()} diverged"]
            for name, array in self.values.items():
                known = array[s, :, -1][np.isfinite(array[s, :, -1])] if array.ndim == 3 else []
                cells += [f"{name} {middle(known)}"] if len(known) else []
            lines.append(f"{setting:{width}}" + "; ".join(cells))
        return "\n".join(lines)

    def _must_have(self, metric: str) -> None:
        if metric not in self.values:
            known = ", ".join(self.values) or "none yet: nothing was measured before the interruption"
            raise KeyError(f"no metric {metric!r} in this table; it has {known}")
