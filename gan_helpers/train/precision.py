"""Half the bits where that is faster: bfloat16 for the heavy products of a network, float32 for everything else."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gan_helpers import runtime
from gan_helpers.models import sample_z

PRECISIONS = ("float32", "bfloat16")
CLEARLY = 0.9  # bfloat16 has to need less than this share of float32's time
HOPELESS = 2.0  # and beyond this one, a second look is a waste

_known: dict[tuple[str, ...], str] = {}


class LowPrecision(nn.Module):
    """A network whose convolutions and matrix products run in bfloat16; its weights and its output stay float32.

    It *shares* the weights of `net`: train the one, and the other is trained. bfloat16 has the range of float32 and
    8 bits of precision instead of 24, so that no loss has to be scaled, as it does in float16.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.net(x).float()


def run_in(precision: str, net: nn.Module) -> nn.Module:
    """The network as it is for `"float32"`, wrapped into `LowPrecision` for `"bfloat16"`.

    Raises:
        ValueError: another precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}")
    return net if precision == "float32" else LowPrecision(net)


def fastest(G: nn.Module, D: nn.Module, *, z_dim: int, batch: int = 128, rounds: int = 5) -> str:
    """Time both precisions on these networks and this machine: `"bfloat16"` if it is clearly faster, else `"float32"`.

    A processor with instructions for bfloat16 runs an image GAN up to twice as fast with it; one without is slower by
    up to a factor of ten. What is timed is a batch through G and D and back, in alternation, after a warm-up; medians
    are compared. G and D are left as they are, no random stream moves, and the answer for such networks is kept for
    as long as the process lives.

    Args:
        G, D: on one device; on a device that is neither CPU nor CUDA the answer is `"float32"`.
        batch: samples, as in training: small batches gain less.

    >>> from gan_helpers import models
    >>> fastest(models.mlp(2, 8, 2), models.discriminator(2, 8), z_dim=2, batch=4) in PRECISIONS
    True
    """
    device = next(G.parameters()).device
    if device.type not in ("cpu", "cuda"):
        return "float32"
    key = (repr(G), repr(D), str(device), str(batch), str(torch.get_num_threads()), layout(G), layout(D))
    if key not in _known:
        twins = copy.deepcopy(G).train(), copy.deepcopy(D).train()
        z = sample_z(batch, z_dim, runtime.stream(0, device))
        before = runtime.global_random_state()  # dropout draws from it
        try:
            _known[key] = _race({name: _pass(*twins, z, name) for name in PRECISIONS}, device, rounds)
        finally:
            runtime.set_global_random_state(before)
    return _known[key]


def layout(net: nn.Module) -> str:
    """The strides of the weights, in which `channels_last` shows."""
    return str([p.stride() for p in net.parameters()])


def _pass(G: nn.Module, D: nn.Module, z: Tensor, precision: str) -> Callable[[], None]:
    """A batch through G and D and back, as a function."""
    run_g, run_d = run_in(precision, G), run_in(precision, D)
    return lambda: run_d(run_g(z)).mean().backward()


def _race(runs: dict[str, Callable[[], None]], device: torch.device, rounds: int) -> str:
    """The winner, by medians of alternating rounds; float32 unless bfloat16 wins clearly."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            spent = _seconds(run, device)
            if number:  # the first round warms up
                times[name].append(spent)
        if number > 1 and min(times["bfloat16"]) > HOPELESS * statistics.median(times["float32"]):
            return "float32"
    half, full = statistics.median(times["bfloat16"]), statistics.median(times["float32"])
    return "bfloat16" if half < CLEARLY * full else "float32"


def _seconds(run: Callable[[], None], device: torch.device) -> float:
    """Time of one run: of the processor where it computes, of the clock where a GPU does."""
    if device.type == "cpu":
        start = time.process_time()  # not the clock: another process may be running
        run()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    run()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start
