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
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from gan_helpers import __version__
from gan_helpers.data import Source
from gan_helpers.ensemble.step import SHARED, Steps, build, train_many
from gan_helpers.ensemble.table import Table
from gan_helpers.models import evaluating
from gan_helpers.runtime import progress as progress_bar
from gan_helpers.train import all_checked, averaged, checked, plain

Measure = Callable[[nn.Module], Mapping[str, Tensor]]

CACHE = 2**25  # bytes that the working set of an ensemble should stay below
FEWEST, MOST = 8, 64  # fewer members waste calls, more gain nothing
DEFAULTS = {name: p.default for name, p in signature(train_many).parameters.items() if p.default is not p.empty}
# Runs that differ in these train in different ensembles: one member's choice would cost the others time.
APART = ("make_gan", "n_d", "batch", "z_dim", "unroll")
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
    warm_up: bool = True,
    progress: str = "",
    **common: Any,
) -> Table:
    """Train every setting from every seed, in as few ensembles as fit the cache, and tabulate what `measure` returns.

    Ctrl-C, or a notebook's stop button, ends the training and returns what was measured by then.

    Args:
        settings: for each label what is special about it: arguments of `ensemble.train_many`, one value each, or
            `make_gan` or `target`.
        seeds: N different ones; a seed starts the same networks and data in every setting of the same architecture.
        make_gan: builds one `(G, D)`.
        measure: maps K stacked generators to metrics, tensors `{name: (K, ...)}`; called without gradients. The table
            also has `d_loss` and `g_loss` of the steps at which it is called.
        at: steps at which to measure; the last one always is.
        ema, warm_up: decay of a running mean of G's weights, and how it begins: see `train.averaged`. For every metric
            `name` there is then also `ema_name`, the same for the generators with the averaged weights.
        progress: a label for a progress bar over all runs; empty for none.
        **common: arguments of `ensemble.train_many` for all settings.

    Raises:
        ValueError, TypeError: no settings, no seeds or one twice, a sequence for a value, metrics of a wrong shape, or
            what `train_many` does not accept; before the first run starts.
    """
    seeds, steps, ema = [checked("seed", s) for s in seeds], checked("steps", steps), checked("ema", ema)
    if not settings or not seeds or len(set(seeds)) < len(seeds):
        raise ValueError("an experiment needs at least one setting and one seed, and each seed only once")
    shared = {"make_gan": make_gan, "target": target} | common
    full = {str(label): shared | dict(special) for label, special in settings.items()}
    networks = rehearse(full, seeds[0], measure, steps)
    full = {label: all_checked(each) for label, each in full.items()}
    times = sorted({int(i) for i in at if 0 < i < steps} | {steps})
    start, cpu = time.perf_counter(), time.process_time()
    shape = len(full), len(seeds)
    row, column = ({name: i for i, name in enumerate(names)} for names in (full, seeds))
    diverged, finished = np.zeros(shape, bool), np.zeros(shape, bool)
    values: dict[str, NDArray] = {}
    ensembles = plan(full, seeds)
    mean = partial(averaged, decay=ema, warm_up=checked("warm_up", warm_up)) if ema else None
    ticks = range(len(ensembles) * steps)
    tick = iter(progress_bar(ticks, desc=progress) if progress else ticks)
    for runs in ensembles:
        films, alive, done = train_and_measure(runs, full, measure, steps, times, mean, tick)
        where = [row[label] for label, _ in runs], [column[s] for _, s in runs]
        for name, film in films.items():  # (runs, T, ...)
            values.setdefault(name, np.full((*shape, *film.shape[1:]), np.nan))[where] = film
        finished[where], diverged[where] = done, ~alive
        if not done:
            print(f"stopped: {finished.sum()} of {finished.size} runs are finished, and kept")
            break
    next(tick, None)  # the bar closes
    provenance = {
        "settings": {label: {n: in_words(v) for n, v in (DEFAULTS | each).items()} for label, each in full.items()},
        "networks": networks,
        "versions": {"gan_helpers": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "device": "cpu",
        "threads": torch.get_num_threads(),
        "ema": ema,
        "warm_up": bool(warm_up),
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    return Table(list(full), seeds, times, values, diverged, finished, provenance)


def rehearse(full: Mapping[str, Mapping[str, Any]], seed: int, measure: Measure, steps: int) -> dict[str, str]:
    """Set up one run of every setting and measure it untrained, so that a mistake shows before hours of training.

    Returns the networks of each setting in words. Raises as `experiment` says.
    """
    networks: dict[str, str] = {}
    shapes: dict[str, torch.Size] = {}
    for label, each in full.items():
        several = [n for n, v in each.items() if isinstance(plain(v), list | tuple | range | np.ndarray | Tensor)]
        if several:
            raise ValueError(f"{several[0]} of setting {label!r} has several values: make a setting for each")
        G, D = build(each["make_gan"], [seed])
        knobs = {name: value for name, value in each.items() if name not in ("make_gan", "target")}
        networks[label] = f"G {G}, D {D}"
        try:
            train_many(G, D, each["target"], seeds=[seed], steps=steps, **knobs)
        except ValueError as error:
            raise ValueError(f"setting {label!r}: {error}") from None
        with evaluating(G):
            for name, value in measure(G).items():
                if not isinstance(value, Tensor) or value.shape[:1] != (1,):
                    raise ValueError(f"measure must return a tensor (K, ...) for {name!r}, here with K = 1")
                if shapes.setdefault(name, value.shape) != value.shape:
                    both = f"{tuple(shapes[name])} and {tuple(value.shape)}"
                    raise ValueError(f"the metric {name!r} has shapes {both} in different settings")
    return networks


def plan(full: Mapping[str, Mapping[str, Any]], seeds: Sequence[int]) -> list[list[Run]]:
    """Sort all runs into ensembles: of one architecture, with the same costs, and small enough for the cache."""
    groups: dict[tuple, list[Run]] = {}
    for label, each in full.items():
        key = tuple(each.get(name, DEFAULTS.get(name)) for name in APART)
        key += tuple(bool(each.get(name, 0)) for name in COSTLY)
        groups.setdefault(key, []).extend((label, s) for s in seeds)
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
    mean: Callable[[nn.Module], AveragedModel] | None,
    tick: Iterator[int],
) -> tuple[dict[str, NDArray], NDArray, bool]:
    """Train one ensemble.

    Returns each metric, `(runs, T, ...)`, NaN for who diverged; who did not, `(runs,)`; and whether it came to its end.
    """
    each = [full[label] for label, _ in runs]
    seeds = [s for _, s in runs]
    names = dict.fromkeys(name for one in each for name in one if name not in ("make_gan", "target"))
    own = {n: [one.get(n, DEFAULTS.get(n)) for one in each] for n in names}
    knobs = {n: values[0] if n in SHARED else values for n, values in own.items()}
    G, D = build(each[0]["make_gan"], seeds)
    average = mean(G) if mean else None
    films: dict[str, list[Tensor]] = {}
    alive, done = torch.ones(len(runs), dtype=torch.bool), False
    try:
        for s in train_many(G, D, [one["target"] for one in each], seeds=seeds, steps=steps, **knobs):  # type: ignore[arg-type]
            next(tick)
            alive = s.alive
            if average:
                average.update_parameters(G)
            if s.step in times:
                for name, value in look(measure, G, average, s).items():
                    films.setdefault(name, []).append(value.detach().cpu().double().clone())
        done = True
    except KeyboardInterrupt:
        pass
    kept = alive.cpu().numpy()
    stacked = {}
    for name, film in films.items():
        missing = [torch.full_like(film[0], torch.nan)] * (len(times) - len(film))
        stacked[name] = torch.stack([*film, *missing], dim=1).numpy()
        stacked[name][~kept] = np.nan
    return stacked, kept, done


def look(measure: Measure, G: nn.Module, average: AveragedModel | None, s: Steps) -> dict[str, Tensor]:
    """All that is recorded of one moment: both losses, the metrics, and the metrics of the averaged generators."""
    with evaluating(G):
        later = measure(average.module) if average else {}
        seen = dict(measure(G)) | {f"ema_{name}": value for name, value in later.items()}
    return seen | {"d_loss": s.d_loss, "g_loss": s.g_loss}


def in_words(value: Any) -> str:
    """A setting's value for the record: functions by their name, everything else as it prints."""
    return getattr(value, "__qualname__", None) or str(value)
