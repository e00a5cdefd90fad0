"""A second generator whose weights are a running average of those of the first."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from gan_helpers.train.knobs import checked


def averaged(G: nn.Module, decay: float = 0.999, *, warm_up: bool = True) -> AveragedModel:
    """A second generator beside G, whose weights are a running average of G's: pass it to `train` as `ema`.

    After each step `average += (1 - decay) * (weight - average)`, so that it looks back over about 1 / (1 - decay)
    steps; with `warm_up`, over a tenth of the run so far while that is less, or it would remember the first, random
    weights. The statistics of batch norm are averaged along. Training never sees it; sample from it in evaluation mode.
    G may be a stack of generators: see `ensemble.stack`.

    Raises:
        ValueError: a decay outside [0, 1).

    Source: Yazici et al. (2019); Karras et al. (2018) for its use in GANs.

    >>> G = nn.Linear(2, 2)
    >>> averaged(G)(torch.zeros(3, 2)).shape
    torch.Size([3, 2])
    """
    decay, warm_up = checked("ema", decay), checked("warm_up", warm_up)

    def blend(average: Sequence[Tensor], now: Sequence[Tensor], n: Tensor | int) -> None:
        share = max(1 - decay, 9 / (10 + int(n)) if warm_up else 0.0)
        if average[0].is_floating_point():
            torch._foreach_lerp_(list(average), list(now), share)
        else:  # batch norm's counter
            torch._foreach_copy_(list(average), list(now))

    average = AveragedModel(G, multi_avg_fn=torch.no_grad()(blend), use_buffers=True)
    average.decay = decay  # type: ignore[assignment]  # so that a checkpoint can say it
    return average
