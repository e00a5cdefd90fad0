"""The lessons of chapter 1: a fast D harms a G whose Adam remembers, and not one that forgets; where JS is zero."""

from __future__ import annotations

import chapters
import numpy as np
import pytest
from torch import nn

from gan_helpers import models, theory


@pytest.mark.statistical
@pytest.mark.slow
def test_a_fast_discriminator_harms_through_adams_memory():
    """16 paired seeds. Over 32, the fast D costs 1.04 of W1 after 300 steps with beta2 .999, and 0.19 with .9."""
    cells = ("imports", "grid", "look", "networks", "d-logistic", "g-nonsaturating", "fast-d")
    travel = chapters.run(1, *cells, seeds=range(16))["travel"]  # W1 twice, and the push early and later
    slow, _, early_slow, _ = travel(3e-3, 0.999, steps=600)  # (16,) each; the first after 300 steps
    fast, _, early_fast, _ = travel(3e-2, 0.999, steps=600)
    assert int((fast > slow).sum()) >= 13  # by chance: 1 in 94
    assert early_fast.median() > 3 * early_slow.median()  # the large gradients come first
    (slow_9, slow_end, *_), (fast_9, fast_end, *_) = (travel(rate, 0.9, steps=600) for rate in (3e-3, 3e-2))
    assert (fast_9 - slow_9).median() < (fast - slow).median() / 3
    assert abs((fast_end - slow_end).median()) < 0.15


def test_js_is_zero_only_where_the_densities_are_equal():
    """The step from the game to the data: any other q leaves the best `d_loss` below log 4."""
    x = np.linspace(-20, 20, 20_001)
    p = theory.normal_pdf(x, 4, 1.25)
    assert theory.optimal_d_loss(p, p, x) == pytest.approx(theory.LOG4)
    for mean, sd in ((4.05, 1.25), (4, 1.3), (2, 1.5)):
        assert theory.optimal_d_loss(p, theory.normal_pdf(x, mean, sd), x) < theory.LOG4 - 1e-5


def test_two_parameters_are_two_numbers():
    assert sum(p.numel() for p in models.mlp(1, 1).parameters()) == 2
    assert isinstance(models.mlp(1, 1)[-1], nn.Linear)
