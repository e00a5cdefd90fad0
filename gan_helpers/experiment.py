"""Settings x seeds x metrics: train every setting from every seed, and tabulate what came of it.

>>> from gan_helpers import data, models
>>> table = experiment(
...     {"slow": {"g_lr": 1e-4}, "fast": {"g_lr": 1e-2}},
...     seeds=range(3),
...     make_gan=lambda: (models.mlp(1, 1), models.discriminator(1, 16)),
...     target=data.target("gaussian"),
...     measure=lambda G: {"bias": G[0].bias[:, 0, 0]},
...     z_dim=1,
...     steps=5,
... )
>>> table["bias"]["fast"].shape
(3,)
>>> print(table.success_rate("bias", lambda bias: bias < 100)["slow"])
3 of 3 (100 %, 95 % interval 44 to 100 %)
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gan_helpers import __version__
from gan_helpers.ensemble import build, train_many
from gan_helpers.runtime import progress as progress_bar
from gan_helpers.table import Table
from gan_helpers.train import Source, evaluating

Measure = Callable[[nn.Module], Mapping[str, Tensor]]

CACHE = 2**25  # bytes that the working set of an ensemble should stay below
FEWEST, MOST = 8, 64  # fewer members waste calls, more gain nothing
DEFAULTS = {name: p.default for name, p in signature(train_many).parameters.items()}
SHARED = ("batch", "z_dim", "unroll")  # one value for a whole ensemble
# Runs that differ in these train in different ensembles: one member's choice would cost the others time.
APART = ("make_gan", "n_d", *SHARED)
COSTLY = ("r1_gamma", "r2_gamma", "gp_lambda", "instance_noise")  # and here it counts whether it is on

Run = tuple[str, int]  # a setting's label and a seed


def experiment(
    settings: Mapping[str, Mapping[str, Any]],
    *,
    seeds: Sequence[int],
    make_gan: Callable[[], tuple[nn.Sequential, nn.Sequential]],
    target: Source,
    measure: Measure,
    steps: int,
    at: Sequence[int] = (),
    ema: float = 0.0,
    progress: str = "",
    **common: Any,
) -> Table:
    """Train every setting from every seed, as few ensembles that fit the cache, and tabulate what `measure` returns.

    Ctrl-C, or a notebook's stop button, ends the training and returns the runs that are finished by then.

    Args:
        settings: for each label what is special about it: arguments of `ensemble.train_many`, `make_gan` or `target`.
        seeds: N; a seed starts the same networks and data in every setting that has the same architecture.
        make_gan: builds one `(G, D)`.
        measure: maps K stacked generators to metrics, `{name: (K, ...)}`; called without gradients. The table also has
            `d_loss` and `g_loss` of the steps at which it is called.
        at: steps at which to measure; the last one always is.
        ema: decay of a running mean of G's weights; for every metric `name` there is then also `ema_name`, the same
            for the generators with the averaged weights.
        progress: a label for a progress bar over all runs; empty for none.
        **common: arguments of `ensemble.train_many` for all settings.

    Raises:
        ValueError: no settings, no seeds, or what `train_many` does not accept.
    """
    if not settings or not len(seeds):
        raise ValueError("an experiment needs at least one setting and one seed")
    shared = {"make_gan": make_gan, "target": target} | common
    full = {label: shared | dict(special) for label, special in settings.items()}
    times = sorted({int(i) for i in at if 0 < i < steps} | {steps})
    start, cpu = time.perf_counter(), time.process_time()
    shape, place = (len(settings), len(seeds)), {s: i for i, s in enumerate(full)}
    diverged, finished = np.zeros(shape, bool), np.zeros(shape, bool)
    values: dict[str, NDArray] = {}
    ensembles = plan(full, seeds)
    ticks = range(len(ensembles) * steps)
    tick = iter(progress_bar(ticks, desc=progress) if progress else ticks)
    try:
        for runs in ensembles:
            films, alive = train_and_measure(runs, full, measure, steps, times, ema, tick)
            where = [place[label] for label, _ in runs], [list(seeds).index(s) for _, s in runs]
            for name, film in films.items():  # (runs, T, ...)
                values.setdefault(name, np.full((*shape, *film.shape[1:]), np.nan))[where] = film
            finished[where], diverged[where] = True, ~alive
        next(tick, None)  # the bar closes
    except KeyboardInterrupt:
        print(f"stopped: {finished.sum()} of {finished.size} runs are finished, and kept")
    provenance = {
        "settings": {label: {name: in_words(value) for name, value in each.items()} for label, each in full.items()},
        "versions": {"gan_helpers": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "device": "cpu",
        "threads": torch.get_num_threads(),
        "ema": ema,
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    return Table(list(full), [int(s) for s in seeds], times, values, diverged, finished, provenance)


def plan(full: Mapping[str, Mapping[str, Any]], seeds: Sequence[int]) -> list[list[Run]]:
    """Sort all runs into ensembles: of one architecture, with the same costs, and small enough for the cache."""
    groups: dict[tuple, list[Run]] = {}
    for label, each in full.items():
        key = tuple(each.get(name, DEFAULTS.get(name)) for name in APART)
        key += tuple(bool(each.get(name, 0)) for name in COSTLY)
        groups.setdefault(key, []).extend((label, int(s)) for s in seeds)
    ensembles = []
    for runs in groups.values():
        first = full[runs[0][0]]
        most = members_that_fit(first["make_gan"](), first.get("batch", DEFAULTS["batch"]))
        size = -(-len(runs) // -(-len(runs) // most))  # as few ensembles as will do, all about equally large
        ensembles += [runs[i : i + size] for i in range(0, len(runs), size)]
    return ensembles


def members_that_fit(gan: tuple[nn.Module, nn.Module], batch: int) -> int:
    """How many GANs of this kind share the cache: weights with Adam's moments, and what a step keeps of a batch.

    >>> from gan_helpers import models
    >>> members_that_fit((models.mlp(2, 128, 128, 2), models.discriminator(2, 128, 128)), batch=256)
    11
    """
    numbers = 0
    for net, passes in zip(gan, (1, 2), strict=True):  # D sees real and generated samples
        numbers += 4 * sum(p.numel() for p in net.parameters())  # weights, their gradients, two moments
        widths = sum(layer.out_features for layer in net.modules() if isinstance(layer, nn.Linear))
        numbers += 3 * passes * batch * widths  # before and after the activation, and a gradient
    return max(FEWEST, min(MOST, CACHE // (4 * numbers)))


def train_and_measure(
    runs: Sequence[Run],
    full: Mapping[str, Mapping[str, Any]],
    measure: Measure,
    steps: int,
    times: Sequence[int],
    ema: float,
    tick: Iterator[int],
) -> tuple[dict[str, NDArray], NDArray]:
    """Train one ensemble; returns each metric, `(runs, T, ...)`, NaN for who diverged, and who did not, `(runs,)`."""
    each = [full[label] for label, _ in runs]
    seeds = [s for _, s in runs]
    names = dict.fromkeys(name for one in each for name in one if name not in ("make_gan", "target"))
    knobs = {n: each[0][n] if n in SHARED else [one.get(n, DEFAULTS.get(n)) for one in each] for n in names}
    G, D = build(each[0]["make_gan"], seeds)
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(ema)) if ema else None
    films: dict[str, list[Tensor]] = {}
    for s in train_many(G, D, [one["target"] for one in each], seeds=seeds, steps=steps, **knobs):  # type: ignore[arg-type]
        next(tick)
        if average:
            average.update_parameters(G)
        if s.step in times:
            with evaluating(G):
                seen = dict(measure(G))
                seen |= {f"ema_{name}": value for name, value in measure(average.module).items()} if average else {}
            seen |= {"d_loss": s.d_loss, "g_loss": s.g_loss}
            for name, value in seen.items():
                films.setdefault(name, []).append(value.detach().double().cpu())
    alive = s.alive.cpu().numpy()
    stacked = {name: torch.stack(film, dim=1).numpy() for name, film in films.items()}
    for film in stacked.values():
        film[~alive] = np.nan
    return stacked, alive


def in_words(value: Any) -> str:
    """A setting's value for the record: functions by their name, everything else as it prints."""
    return getattr(value, "__qualname__", None) or str(value)
