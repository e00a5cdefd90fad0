"""Numbers that say how good, and intervals that say how sure.

Every metric has a floor, what a perfect sampler scores with as many samples; print it beside the score.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


def w1(x: Tensor, y: Tensor) -> Tensor:
    """Wasserstein-1 distance of two 1-D samples of the same size: the mean gap between the sorted values.

    How far, on average, sand must be carried to turn one heap into the other; in units of x.

    Args:
        x, y: `(..., n)`; the result is `(...)`.

    Raises:
        ValueError: sample sizes that differ, or one number a sample, as in `(n, 1)`; the message says the shapes.

    Source: Peyré and Cuturi (2019), section 2.6.

    >>> w1(torch.tensor([0.0, 1.0]), torch.tensor([5.0, 4.0])).item()
    4.0
    """
    must_be_flat("w1", x, y)
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"w1 compares samples of one size, got shapes {tuple(x.shape)} and {tuple(y.shape)}")
    return (x.sort(-1).values - y.sort(-1).values).abs().mean(-1)


def must_be_flat(name: str, *samples: Tensor) -> None:
    """Refuse samples `(..., n, 1)`, as a 1-D target draws them: sorted along 1 number, they would stay unsorted."""
    for x in samples:
        if x.dim() > 1 and x.shape[-1] == 1:
            raise ValueError(
                f"{name} takes a sample along the last dimension, and got shape {tuple(x.shape)}: pass x[..., 0]"
            )


def w1_to(x: Tensor, quantile: Callable[[Tensor], Tensor]) -> Tensor:
    """Wasserstein-1 distance of a 1-D sample `(..., n)` to a known distribution, by its quantile function.

    The sorted sample is held against the quantiles at (i - 1/2) / n. A perfect sampler of a normal distribution with
    standard deviation s scores about 1.25 s / sqrt(n), not 0.

    >>> w1_to(torch.tensor([1.0, 3.0]), lambda u: 4 * u).item()
    0.0
    """
    must_be_flat("w1_to", x)
    n = x.shape[-1]
    u = (torch.arange(n, dtype=x.dtype, device=x.device) + 0.5) / n
    return (x.sort(-1).values - quantile(u)).abs().mean(-1)


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for a share seen as `successes` of `n` independent runs, as `(low, high)`.

    Unlike the share plus or minus two standard errors, it stays inside [0, 1] and is not empty at 0 of n or n of n.

    Raises:
        ValueError: `n` below 1, successes outside 0 to n, or a confidence that is not between 0 and 1.

    Source: Wilson (1927).

    >>> [round(end, 3) for end in wilson(32, 32)]
    [0.893, 1.0]
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} runs: need n >= 1 and 0 <= successes <= n")
    must_be_a_share(confidence)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def must_be_a_share(confidence: float) -> None:
    """Refuse a confidence of 95, which means .95."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a share between 0 and 1, such as 0.95, got {confidence}")


class Rate(NamedTuple):
    """A share of runs with its interval: `successes` of `runs`, between `low` and `high` as shares of all seeds."""

    successes: int
    runs: int
    low: float
    high: float
    confidence: float = 0.95

    def __str__(self) -> str:
        percent = (
            f"{self.successes / self.runs:.0%}, {self.confidence:.0%} interval {100 * self.low:.0f} to {self.high:.0%}"
        )
        return f"{self.successes} of {self.runs} ({percent})".replace("%", " %")

    @property
    def cells(self) -> tuple[str, str]:
        """Two cells of a table: the count, and its interval."""
        return f"{self.successes} of {self.runs}", f"{100 * self.low:.0f} to {100 * self.high:.0f} %"


def rate(successes: ArrayLike, confidence: float = 0.95) -> Rate:
    """Count the successes among runs, `(n,)` and boolean, with their Wilson interval.

    Raises:
        ValueError: anything else, such as a list of numbers.

    >>> rate([True, True, False])[:2]
    (2, 3)
    """
    ok = np.asarray(successes)
    if ok.dtype != bool or ok.ndim != 1:
        raise ValueError(f"one true or false a run is counted, shape (n,), got {ok.dtype} of shape {ok.shape}")
    return Rate(int(ok.sum()), ok.size, *wilson(int(ok.sum()), ok.size, confidence), confidence)


def share(successes: ArrayLike, confidence: float = 0.95) -> str:
    """A share of runs in words, with its Wilson interval: what the chapters print.

    >>> share([True, True, True, False])
    '3 of 4 (75 %, 95 % interval 30 to 95 %)'
    """
    return str(rate(successes, confidence))


def share_cells(successes: ArrayLike) -> tuple[str, str]:
    """The same as two cells of a table: the count, and its 95 % interval.

    >>> share_cells([True, True, True, False])
    ('3 of 4', '30 to 95 %')
    """
    return rate(successes).cells


def median_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Median of independent values and an interval for it, `(median, low, high)`, from order statistics alone.

    No distribution is assumed: the interval runs between two of the values, chosen so that the true median lies
    outside with probability at most `1 - confidence`. With fewer than 6 values there is no 95 % interval: the ends are
    then the smallest and the largest value, a range, which holds the true median with probability 1 - 2 / 2**n.

    Raises:
        ValueError: no values, one that is NaN, or a confidence that is not between 0 and 1.

    Source: Conover (1999), section 3.2.

    >>> median_interval(range(1, 33))
    (16.5, 10.0, 23.0)
    """
    must_be_a_share(confidence)
    v = np.sort(np.asarray(values, float).ravel())
    if v.size == 0:
        raise ValueError("the median of no values is not defined")
    if np.isnan(v).any():
        raise ValueError("the median of NaN is not defined: count runs that diverged, and leave them out")
    below = np.cumsum([_binomial(v.size, k) for k in range(v.size + 1)])  # P(at most k values under the true median)
    k = int(np.searchsorted(below, (1 - confidence) / 2, side="right")) - 1  # the largest k with P <= half of the rest
    k = max(k, 0)
    return float(np.median(v)), float(v[k]), float(v[v.size - 1 - k])


def has_interval(n: int, confidence: float = 0.95) -> bool:
    """Whether n values are enough for an interval of their median; for 95 % it takes 6.

    >>> has_interval(5), has_interval(6)
    (False, True)
    """
    return 2 * _binomial(n, 0) <= 1 - confidence + 1e-12


def middle(values: ArrayLike, digits: int = 3) -> str:
    """A median in words, with its 95 % interval, or the range of fewer than 6 values: what the chapters print.

    >>> middle(range(1, 33), digits=1)
    'median 16.5 (95 % interval 10.0 to 23.0)'
    >>> middle([1, 2, 3], digits=0)
    'median 2 (range of 3: 1 to 3)'
    """
    n, (median, low, high) = np.asarray(values).size, _rounded(values, digits)
    return f"median {median} ({'95 % interval' if has_interval(n) else f'range of {n}:'} {low} to {high})"


def middle_cells(values: ArrayLike, digits: int = 3) -> tuple[str, str]:
    """The same as two cells of a table: the median, and its 95 % interval, or "n values:" and their range.

    >>> middle_cells(range(1, 33), digits=1)
    ('16.5', '10.0 to 23.0')
    >>> middle_cells([1, 2, 3], digits=0)
    ('2', '3 values: 1 to 3')
    """
    n, (median, low, high) = np.asarray(values).size, _rounded(values, digits)
    return median, f"{'' if has_interval(n) else f'{n} values: '}{low} to {high}"


def _rounded(values: ArrayLike, digits: int) -> tuple[str, str, str]:
    """The median and the ends of its interval, as they are printed; no "-0.000"."""
    median, low, high = (f"{round(value, digits) + 0.0:.{digits}f}" for value in median_interval(values))
    return median, low, high


def _binomial(n: int, k: int) -> float:
    """Probability of k heads in n throws of a fair coin."""
    return comb(n, k) / 2**n


def kde(x: Tensor, grid: Tensor, bandwidth: float) -> Tensor:
    """Density of 1-D samples on a grid, smoothed with a normal kernel.

    Args:
        x: `(..., n)` samples; grid: `(m,)`; bandwidth: the kernel's standard deviation, in units of x.

    Returns:
        `(..., m)`, in units of one over x.

    Raises:
        ValueError: samples `(..., n, 1)`, or a bandwidth that is not above 0.
    """
    must_be_flat("kde", x)
    if not bandwidth > 0:
        raise ValueError(f"a kernel's bandwidth is above 0, got {bandwidth}")
    gap = (grid[:, None] - x[..., None, :]) / bandwidth  # (..., m, n)
    return gap.square().mul(-0.5).exp().mean(-1) / (bandwidth * (2 * torch.pi) ** 0.5)


def coverage(x: Tensor, centers: Tensor, sd: float, n_sd: float = 3.0) -> dict[str, Tensor]:
    """Which modes of a mixture the samples reach, and how well; for one generator `(n, d)` or K of them `(K, n, d)`.

    Chapter 5 writes it out.

    A sample is of high quality when it lies within `n_sd` standard deviations of the nearest centre. By the protocol of
    Lin et al. (2018), a mode is covered when one such sample is nearest to it: 1 of 2,500 counts. Stricter, a mode is
    *held* when its samples come to 5 % of its fair share.

    Args:
        x: `(..., n, d)`; centers: `(m, d)`.

    Returns:
        modes: `(...)`, covered modes out of m.
        quality: `(...)`, share of high-quality samples; 98.9 % for a perfect sampler in 2-D, not 100 %.
        held: `(...)`, modes held, whatever the quality.
        full: `(...)`, 1 where every mode is held by high-quality samples alone, else 0.
        mass: `(..., m)`, the share of samples nearest to each centre.

    Raises:
        ValueError: dimensions that differ; the message says both shapes.

    Source: Lin et al., PacGAN (2018), section 4.1; Srivastava et al., VEEGAN (2017).
    """
    if x.shape[-1] != centers.shape[-1]:
        shapes = f"samples {tuple(x.shape)} and centres {tuple(centers.shape)}"
        raise ValueError(f"{shapes} differ in dimension")
    n, m = x.shape[-2], len(centers)
    exact = "donot_use_mm_for_euclid_dist"  # the fast way is off by more than an sd
    gap, nearest = torch.cdist(x, centers.to(x), compute_mode=exact).min(-1)  # (..., n)
    good = gap <= n_sd * sd
    nearest_to = nearest[..., None] == torch.arange(m, device=x.device)  # (..., n, m)
    nearest_to &= gap.isfinite()[..., None]  # NaN is near nothing
    n_all = nearest_to.sum(-2)  # (..., m)
    n_good = (nearest_to & good[..., None]).sum(-2)  # (..., m)
    enough = 0.05 * n / m
    return {
        "modes": (n_good > 0).sum(-1).to(x),
        "quality": good.to(x).mean(-1),
        "held": (n_all >= enough).sum(-1).to(x),
        "full": (n_good >= enough).all(-1).to(x),
        "mass": n_all.to(x) / n,
    }


def quantiles(values: ArrayLike, at: tuple[float, ...] = (0.1, 0.5, 0.9)) -> NDArray:
    """Quantiles over the first dimension, `(len(at), ...)`: the band of a figure over many seeds."""
    return np.quantile(np.asarray(values, float), at, axis=0)
