"""The lessons of chapter 1 that need training: a fast D harms a G whose Adam remembers, and not one that forgets."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_helpers import data, ensemble, metrics, models
from gan_helpers.losses import d_logistic, g_nonsaturating

SEEDS = range(16)


def travel(d_lr: float, beta2: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Two-parameter GANs, one a seed, 600 steps: W1 at the end, and the push in the first 30, `(16,)` both."""
    target, K, pushes = data.gaussian(4.0, 1.25), len(SEEDS), []
    z_many = torch.special.ndtri((torch.arange(500) + 0.5) / 500)[:, None]
    G, D = ensemble.build(lambda: (models.mlp(1, 1), models.discriminator(1, 32, 32)), SEEDS)
    g_opt = torch.optim.Adam(G.parameters(), 1e-2, betas=(0.5, beta2))
    d_opt = torch.optim.Adam(D.parameters(), d_lr, betas=(0.5, 0.999))
    for_d, for_g = (ensemble.draw([target] * K, list(SEEDS), i, 64, 1, z_many) for i in (1, 0))
    for _ in range(600):
        x_real, z = next(for_d)
        d_opt.zero_grad()
        d_logistic(D(x_real), D(G(z).detach())).sum().backward()
        d_opt.step()
        x_fake = G(next(for_g)[1])
        x_fake.retain_grad()
        g_opt.zero_grad()
        g_nonsaturating(D(x_fake)).sum().backward()
        g_opt.step()
        pushes.append(64 * x_fake.grad.abs().mean((1, 2)))
    with torch.no_grad():
        made = G(z_many.expand(K, -1, -1))[..., 0]
    return metrics.w1(made, target.quantile((torch.arange(500) + 0.5) / 500)), torch.stack(pushes[:30]).mean(0)


@pytest.mark.statistical
@pytest.mark.slow
def test_a_fast_discriminator_harms_through_adams_memory():
    """16 paired seeds. Over 32, the fast D costs 0.79 of W1 with beta2 .999, and -0.02 with .9."""
    (slow, push_slow), (fast, push_fast) = travel(3e-3, 0.999), travel(3e-2, 0.999)
    assert int((fast > slow).sum()) >= 13  # by chance: 1 in 94
    assert push_fast.median() > 3 * push_slow.median()  # the large gradients come first
    forgets = travel(3e-2, 0.9)[0] - travel(3e-3, 0.9)[0]
    assert forgets.median() < (fast - slow).median() / 2


def test_js_is_zero_only_where_the_densities_are_equal():
    """The step from the game to the data: any other q leaves the best `d_loss` below log 4."""
    import numpy as np

    from gan_helpers import theory

    x = np.linspace(-20, 20, 20_001)
    p = theory.normal_pdf(x, 4, 1.25)
    assert theory.optimal_d_loss(p, p, x) == pytest.approx(theory.LOG4)
    for mean, sd in ((4.05, 1.25), (4, 1.3), (2, 1.5)):
        assert theory.optimal_d_loss(p, theory.normal_pdf(x, mean, sd), x) < theory.LOG4 - 1e-5


def test_two_parameters_are_two_numbers():
    assert sum(p.numel() for p in models.mlp(1, 1).parameters()) == 2
    assert isinstance(models.mlp(1, 1)[-1], nn.Linear)
