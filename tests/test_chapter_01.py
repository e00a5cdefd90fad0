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
    """16 paired seeds. Over 32, the fast D costs 0.79 of W1 with beta2 .999, and -0.02 with .9."""
    cells = ("imports", "grid", "look", "networks", "d-logistic", "g-nonsaturating", "fast-d")
    travel = chapters.run(1, *cells, seeds=range(16))["travel"]  # W1, and the push early and later, `(16,)` each
    slow, early_slow, _ = travel(3e-3, 0.999, steps=600)
    fast, early_fast, _ = travel(3e-2, 0.999, steps=600)
    assert int((fast > slow).sum()) >= 13  # by chance: 1 in 94
    assert early_fast.median() > 3 * early_slow.median()  # the large gradients come first
    forgets = travel(3e-2, 0.9, steps=600)[0] - travel(3e-3, 0.9, steps=600)[0]
    assert abs(forgets.median()) < 0.15 < (fast - slow).median() / 2


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
