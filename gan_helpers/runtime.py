"""Where and how long a notebook runs: device, seed, budget, threads, progress bars.

Nothing else in the package touches a global random generator or the number of CPU threads.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor
from tqdm import tqdm

from gan_helpers import __version__

T = TypeVar("T")

BUDGETS = ("smoke", "page", "full")
DEVICES = ("cpu", "cuda", "mps")
REFERENCE = 9e-5  # seconds that `probe` takes on the machine where the chapters' minutes were measured
STREAM = 1_000_003  # between the seed of the weights and that of data and noise


def budget_name() -> str:
    """The budget in force: `"smoke"`, `"page"` or `"full"`.

    Read from the environment variable `GAN_BUDGET`; unset, it is `full` where there is a CUDA device, `page` elsewhere.

    Raises:
        ValueError: `GAN_BUDGET` holds something else.
    """
    name = os.environ.get("GAN_BUDGET", "") or ("full" if torch.cuda.is_available() else "page")
    if name not in BUDGETS:
        raise ValueError(f"GAN_BUDGET is {name!r}, but must be one of {', '.join(BUDGETS)} (or unset)")
    return name


def budget(*, smoke: T, page: T, full: T) -> T:
    """Pick a value by the budget: the only place where a notebook asks how long it may take.

    `smoke` proves that every cell runs, `page` is the published book (two CPU cores), `full` is for a GPU.

    >>> steps = budget(smoke=20, page=2_000, full=20_000)
    """
    return {"smoke": smoke, "page": page, "full": full}[budget_name()]


def device(name: str | torch.device | None = None) -> torch.device:
    """The device to train on: the one named, or CUDA where there is one, or the CPU.

    Raises:
        ValueError: an unknown name, or a device that this machine does not have.

    >>> device("cpu")
    device(type='cpu')
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    name = str(name or ("cuda" if available["cuda"] else "cpu"))
    kind, _, index = name.partition(":")
    if kind not in DEVICES or not (index.isdigit() or name == kind):
        raise ValueError(f"unknown device {name!r}: choose one of {', '.join(DEVICES)}")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if not available[kind] or int(index or 0) >= count:
        here = ", ".join(d for d in DEVICES if available[d])
        raise ValueError(f"device {name!r} is not available on this machine: choose one of {here}")
    return torch.device(name)


def seed(n: int, on: str | torch.device = "cpu") -> torch.Generator:
    """Make a run repeatable: seed torch's global generator and return another one, on the device `on`.

    The global one is what `nn.Linear` draws its weights from. Everything else in the book (data, noise) draws from
    the generator returned here, so that drawing more of one thing never changes another. The two are seeded apart:
    weights and first batch are independent.

    Raises:
        ValueError: an unknown device.

    >>> rng = seed(0, "cpu")
    >>> torch.rand(2, generator=rng).shape
    torch.Size([2])
    """
    torch.manual_seed(n)
    return stream(n, on)


def stream(n: int, on: str | torch.device = "cpu") -> torch.Generator:
    """A generator on the device `on` whose numbers differ from those of `torch.manual_seed(n)`."""
    return torch.Generator(device(on)).manual_seed(STREAM + n)


def global_random_state() -> list[Tensor]:
    """The states of torch's global generators, the CPU's first, then those of CUDA devices in use."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return [torch.get_rng_state(), *cuda]


def set_global_random_state(states: list[Tensor]) -> None:
    """Put torch's global generators into states that `global_random_state` returned, as far as the devices are here."""
    torch.set_rng_state(states[0])
    for number, state in enumerate(states[1 : 1 + torch.cuda.device_count()]):
        torch.cuda.set_rng_state(state, number)


def threads(n: int) -> None:
    """Let torch use `n` CPU threads.

    One is right for small networks: a second thread makes them slower, and on a busy machine by a factor of a hundred.
    A value that you set yourself in `OMP_NUM_THREADS` wins.
    """
    if not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(n)


def probe(limit: float = 0.15) -> float:
    """Seconds that one CPU thread takes for a fixed small computation, much like a discriminator's step.

    Three layers of 32 on a batch of 128, forward and back, as often as `limit` seconds allow; the median counts.
    Nothing random is drawn.
    """
    x = torch.linspace(-1, 1, 256).reshape(128, 2)  # (128, 2)
    layers = [torch.full(shape, 0.1, requires_grad=True) for shape in ((2, 32), (32, 32), (32, 1))]
    times: list[float] = []
    end = time.perf_counter() + limit
    while (start := time.perf_counter()) < end or not times:
        h = x
        for layer in layers:
            h = torch.tanh(h @ layer)
        torch.autograd.grad(torch.nn.functional.softplus(h).mean(), layers)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:] or times)  # the first one sets torch up


def duration(minutes: Mapping[str, float], where: torch.device) -> str:
    """In words how long a chapter takes at the budget in force, from the minutes that were measured at each budget.

    `full` is for a GPU and was measured on one, an NVIDIA H200; the others on a CPU core, and on a CPU they are scaled
    by what `probe` takes here. How much faster a GPU is depends on the chapter, so nothing is scaled there.
    """
    if budget_name() not in minutes or (budget_name() == "full" and where.type != "cuda"):
        return "time not measured"
    measured = minutes[budget_name()]
    n = round(measured * probe() / REFERENCE if where.type == "cpu" else measured)
    words = "under a minute" if n < 1 else "about a minute" if n == 1 else f"about {n} minutes"
    place = "on an H200" if budget_name() == "full" else "here" if where.type == "cpu" else "on one CPU core"
    return f"{words} {place}"


def setup(device_name: str | None = None, *, minutes: Mapping[str, float] | None = None) -> torch.device:
    """Start a notebook: check the budget, pick the device, use one CPU thread, and say all that in two lines.

    `minutes` is what the chapter took on a reference machine at each budget where that was measured,
    `{"page": 2.8, "full": 4}`; the second line says what to expect of it here, and how to choose another budget.

    Raises:
        ValueError: an unknown budget or device.
    """
    name, where = budget_name(), device(device_name)
    threads(1)
    others = " or ".join(other for other in BUDGETS if other != name)
    print(f"gan_helpers {__version__} · torch {torch.__version__.split('+')[0]} · {where}")
    print(f"budget {name}: {duration(minutes or {}, where)}; for {others} set GAN_BUDGET before this cell")
    return where


def progress(iterable: Iterable[T], total: int | None = None, desc: str = "") -> Iterable[T]:
    """Wrap an iterable in a text progress bar that appears only if it takes more than two seconds."""
    return tqdm(iterable, total=total, desc=desc, delay=2, mininterval=0.5, leave=False)
