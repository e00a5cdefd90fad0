"""The training step: who learns from what, what is yielded, and what bad input gets."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import Adam

from gan_helpers import data, losses, models, runtime
from gan_helpers.losses import get_game
from gan_helpers.train import TrainingDivergedError, averaged, train
from gan_helpers.train import loop as training

GAUSSIAN = data.target("gaussian")


def gan(seed=0):
    rng = runtime.seed(seed)
    return models.mlp(1, 8, 1), models.discriminator(1, 16), rng


def one_d_step(d_step, seed=0):
    """Run one discriminator step and return G, D, and D's weights from before."""
    G, D, rng = gan(seed)
    before = copy.deepcopy(D.state_dict())
    d_step(G, D, Adam(D.parameters(), 0.1), GAUSSIAN.sample(32, rng), models.sample_z(32, 1, rng), get_game("hinge"))
    return G, D, before


def routes_d_step_right(d_step):
    """D has learned, and nothing has reached G."""
    G, D, before = one_d_step(d_step)
    grads = [p.grad for p in D.parameters()]
    return (
        all(p.grad is None for p in G.parameters())
        and all(g.isfinite().all() for g in grads)
        and any(g.abs().max() > 0 for g in grads)
        and any((p != before[name]).any() for name, p in D.named_parameters())
    )


def test_d_step_moves_d_and_leaves_g_without_gradient():
    assert routes_d_step_right(training.d_step)


def test_without_detach_the_routing_test_fails():
    class NoDetach(torch.Tensor):
        """A tensor whose `detach` is forgotten: the mutant of `d_step`."""

        def detach(self):
            return self

    def forgetful(G, D, d_opt, x_real, z, game):
        return training.d_step(lambda z: G(z).as_subclass(NoDetach), D, d_opt, x_real, z, game)

    assert not routes_d_step_right(forgetful)


@pytest.mark.parametrize("name", losses.GAMES)
def test_g_step_moves_g_and_leaves_d_bit_for_bit(name):
    G, D, rng = gan()
    before = [p.clone() for p in D.parameters()], [p.clone() for p in G.parameters()]
    x_real = GAUSSIAN.sample(32, rng)
    training.g_step(G, D, Adam(G.parameters(), 0.1), models.sample_z(32, 1, rng), get_game(name), x_real)
    assert all(torch.equal(p, q) and p.grad is None for p, q in zip(D.parameters(), before[0], strict=True))
    assert all((p != q).any() for p, q in zip(G.parameters(), before[1], strict=True))
    assert all(p.requires_grad for p in D.parameters())


def test_d_step_raises_d_on_real_and_lowers_it_on_generated():
    """Swapped labels fail this: forty steps of D on a frozen G must tell the two apart the right way round."""
    G, D, rng = gan()
    d_opt = Adam(D.parameters(), 1e-2)
    for _ in range(40):
        out = training.d_step(
            G, D, d_opt, GAUSSIAN.sample(64, rng), models.sample_z(64, 1, rng), get_game("nonsaturating")
        )
    assert out[1].mean() > 1 > -1 > out[2].mean()


def test_penalties_change_the_step_but_not_the_reported_loss():
    x_real, z = GAUSSIAN.sample(32, runtime.seed(1)), models.sample_z(32, 1, runtime.seed(2))
    results = []
    for r1, r2 in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
        G, D, _ = gan()
        d_loss, _, _ = training.d_step(
            G, D, torch.optim.SGD(D.parameters(), 0.1), x_real, z, get_game("nonsaturating"), r1, r2
        )
        results.append((d_loss, D[0].weight.detach().clone()))
    assert results[0][0] == results[1][0] == results[2][0]
    assert not torch.equal(results[0][1], results[1][1])
    assert not torch.equal(results[1][1], results[2][1])


def test_records_are_frozen_counted_and_shaped():
    G, D, rng = gan()
    records = list(train(G, D, GAUSSIAN, z_dim=1, steps=6, rng=rng, batch=16, snapshot_every=3, n_snapshot=5))
    assert [r.step for r in records] == [1, 2, 3, 4, 5, 6]
    assert [r.step for r in records if r.x_fake is not None] == [1, 3, 6]
    assert records[2].x_fake.shape == (5, 1)
    assert records[0].real_logits.shape == records[0].fake_logits.shape == (16,)
    assert not records[0].real_logits.requires_grad
    with pytest.raises(AttributeError):
        records[0].d_loss = 0.0


def test_the_same_seed_twice_is_the_same_run_and_another_is_not():
    def losses_of(seed):
        G, D, rng = gan(seed)
        return [(s.d_loss, s.g_loss) for s in train(G, D, GAUSSIAN, z_dim=1, steps=20, rng=rng)]

    assert losses_of(3) == losses_of(3)
    assert losses_of(3) != losses_of(4)


def test_n_d_counts_discriminator_updates():
    calls = []

    class Counting(nn.Sequential):
        def forward(self, x):
            calls.append(torch.is_grad_enabled())
            return super().forward(x)

    G, D, rng = gan()
    D = Counting(*D)
    steps = train(G, D, GAUSSIAN, z_dim=1, steps=2, rng=rng, n_d=3)
    calls.clear()  # the check of shapes has called D too
    list(steps)
    assert len(calls) == 2 * (3 * 2 + 1)  # a step: three times real and generated, then once for G


@pytest.mark.parametrize("game", losses.GAMES)
def test_every_game_runs_with_every_penalty(game):
    G, D, rng = gan()
    last = list(train(G, D, GAUSSIAN, z_dim=1, steps=5, rng=rng, game=game, r1_gamma=1, r2_gamma=1, clip=0.5))[-1]
    assert math.isfinite(last.d_loss)
    assert math.isfinite(last.g_loss)
    assert max(p.abs().max() for p in D.parameters()) <= 0.5


def test_a_loss_that_is_not_finite_stops_and_keeps_the_records():
    class Breaks:
        calls = 0

        def sample(self, n, rng):
            self.calls += 1
            return torch.full((n, 1), float("nan") if self.calls == 4 else 1.0)  # the first call checks shapes

    G, D, rng = gan()
    with pytest.raises(TrainingDivergedError, match=r"step 3: d_loss is nan.*learning rate") as caught:
        list(train(G, D, Breaks(), z_dim=1, steps=10, rng=rng))
    assert [r.step for r in caught.value.records] == [1, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"game": "wgan"}, r"unknown game 'wgan'.*hinge"),
        ({"z_dim": 3}, r"z of shape \(2, 3\)"),
        ({"G": models.mlp(1, 2)}, r"\(2, 2\), the target \(2, 1\)"),
        ({"D": models.discriminator(4, 2)}, r"samples of shape \(2, 1\)"),
        ({"D": models.mlp(1, 4, 1)}, r"shape \(2,\).*not \(2, 1\).*Flatten"),
        ({"steps": 0}, r"steps must be a whole number of at least 1, got 0"),
        ({"n_d": 0}, r"n_d must be a whole number from 1 to 31, got 0"),
        ({"D": nn.Sequential(models.discriminator(1, 4), nn.Sigmoid())}, r"D ends in Sigmoid.*leave that layer out"),
    ],
)
def test_bad_input_is_named_at_once(change, message):
    G, D, rng = gan()
    arguments = {"G": G, "D": D, "target": GAUSSIAN, "z_dim": 1, "steps": 1, "rng": rng} | change
    with pytest.raises(ValueError, match=message):
        train(**arguments)


def test_looking_does_not_change_the_run():
    def run(**snapshots):
        G, D, rng = gan()
        return [s.d_loss for s in train(G, D, GAUSSIAN, z_dim=1, steps=8, rng=rng, **snapshots)]

    assert run() == run(snapshot_every=1)


def test_snapshots_are_of_one_z_and_leave_batch_norm_alone():
    rng = runtime.seed(0)
    G = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    D = models.discriminator(1, 4)
    records = list(train(G, D, GAUSSIAN, z_dim=1, steps=3, rng=rng, snapshot_every=1, n_d=1))
    assert G[1].num_batches_tracked == 6  # one batch for D and one for G a step
    assert G.training
    G, D, rng = gan()
    still = [s.x_fake for s in train(G, D, GAUSSIAN, z_dim=1, steps=3, rng=rng, snapshot_every=1, g_lr=0.0)]
    assert torch.equal(still[0], still[2])
    assert not torch.equal(records[0].x_fake, records[2].x_fake)


def test_every_discriminator_update_sees_new_data():
    seen = []

    class Watched:
        def sample(self, n, rng):
            seen.append(GAUSSIAN.sample(n, rng))
            return seen[-1]

    G, D, rng = gan()
    list(train(G, D, Watched(), z_dim=1, steps=1, rng=rng, n_d=3))
    assert len({batch[0].item() for batch in seen[1:]}) == 3


def test_an_interrupt_leaves_networks_that_can_be_trained_again():
    class Interrupted(nn.Sequential):
        calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls == 4:  # shapes, real, generated, and then in G's step
                raise KeyboardInterrupt
            return super().forward(x)

    G, D, rng = gan()
    D = Interrupted(*D)
    D[0].weight.requires_grad_(False)  # frozen by the reader, and to stay so
    with pytest.raises(KeyboardInterrupt):
        list(train(G, D, GAUSSIAN, z_dim=1, steps=1, rng=rng))
    assert [p.requires_grad for p in D.parameters()] == [False, True, True, True]
    assert len(list(train(G, D, GAUSSIAN, z_dim=1, steps=2, rng=rng))) == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_trains_on_cuda():
    rng = runtime.seed(0, "cuda")
    G, D = models.mlp(1, 8, 1).cuda(), models.discriminator(1, 16).cuda()
    last = list(train(G, D, GAUSSIAN, z_dim=1, steps=5, rng=rng, r1_gamma=0.1))[-1]
    assert last.real_logits.is_cuda
    assert math.isfinite(last.g_loss)


@pytest.mark.parametrize("error", [{"z_dim": 3}, {"D": models.mlp(1, 4, 1)}])
def test_a_refused_run_leaves_modes_as_they_were(error):
    G = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    G[1].eval()  # by the reader's choice
    arguments = {"G": G, "D": models.discriminator(1, 4), "z_dim": 1} | error
    with pytest.raises(ValueError):
        train(target=GAUSSIAN, steps=1, rng=runtime.seed(0), **arguments)
    assert [module.training for module in G] == [True, False, True]
    assert arguments["D"].training


def test_checking_shapes_leaves_training_mode_and_generator_alone():
    rng = runtime.seed(0)
    state = rng.get_state()
    G, D = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)), models.discriminator(1, 4)
    training.check_nets(G, D, GAUSSIAN, 1, rng)
    assert G.training
    assert G[1].num_batches_tracked == 0
    assert torch.equal(rng.get_state(), state)


def test_averaged_follows_and_training_does_not_see_it():
    """The average looks back over a tenth of the run at first, and over 1 / (1 - decay) steps later."""
    G, D, rng = gan()
    ema, seen = averaged(G, decay=0.9), []
    for _ in train(G, D, GAUSSIAN, z_dim=1, steps=120, rng=rng, ema=ema):
        seen.append(copy.deepcopy(G[0].weight.detach()))
    alone, D2, rng2 = gan()
    list(train(alone, D2, GAUSSIAN, z_dim=1, steps=120, rng=rng2))
    assert torch.equal(alone[0].weight, G[0].weight)
    expected = seen[0]
    for n, weight in enumerate(seen[1:], start=1):
        expected = expected + max(0.1, 9 / (10 + n)) * (weight - expected)
    assert torch.allclose(ema.module[0].weight, expected, atol=1e-6)
    assert not torch.equal(ema.module[0].weight, G[0].weight)


def test_averaged_takes_batch_norm_along():
    runtime.seed(0)
    G, D = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)), models.discriminator(1, 4)
    ema, rng = averaged(G), runtime.seed(0)
    list(train(G, D, GAUSSIAN, z_dim=1, steps=9, rng=rng, ema=ema))
    assert ema.module[1].num_batches_tracked == G[1].num_batches_tracked == 18  # G runs in both steps
    assert not torch.equal(ema.module[1].running_mean, G[1].running_mean)
    assert ema.module[1].running_mean.abs().max() > 0


def test_low_precision_trains_the_same_networks():
    (G, D, rng), (G2, D2, rng2) = gan(), gan()
    list(train(G, D, GAUSSIAN, z_dim=1, steps=20, rng=rng))
    list(train(G2, D2, GAUSSIAN, z_dim=1, steps=20, rng=rng2, precision="bfloat16"))
    moved = (G2[0].weight - gan()[0][0].weight).abs().max()
    assert moved > 1e-3
    assert not torch.equal(G[0].weight, G2[0].weight)
    assert torch.allclose(G[0].weight, G2[0].weight, atol=0.02)
    with pytest.raises(ValueError, match="unknown precision"):
        train(G, D, GAUSSIAN, z_dim=1, steps=1, rng=rng, precision="half")


def test_learning_rates_fall_on_a_straight_line(monkeypatch):
    seen = []
    set_rates = training.set_rates

    def watched(pace, *rates):
        set_rates(pace, *rates)
        seen.append([opt.param_groups[0]["lr"] for opt, _ in rates])

    monkeypatch.setattr(training, "set_rates", watched)
    G, D, rng = gan()
    list(train(G, D, GAUSSIAN, z_dim=1, steps=4, rng=rng, g_lr=1.0, d_lr=2.0, lr_decay=True))
    assert np.allclose(seen, [[1.0, 2.0], [0.75, 1.5], [0.5, 1.0], [0.25, 0.5]])


def test_a_decayed_run_moves_less():
    weights = []
    for decay in (False, True):
        G, D, rng = gan()
        list(train(G, D, GAUSSIAN, z_dim=1, steps=30, rng=rng, lr_decay=decay))
        weights.append(G[0].weight.detach() - gan()[0][0].weight.detach())
    assert weights[1].norm() < weights[0].norm()


def test_one_noise_for_both_players_is_computed_once():
    """Held to a loop that says so in plain words; G runs once a step, and twice with fresh noise."""
    calls = []

    class Counted(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, z):
            calls.append(len(z))
            return self.net(z)

    G, D, rng = gan()
    list(train(Counted(G), D, GAUSSIAN, z_dim=1, steps=5, batch=32, rng=rng, fresh_z=False))
    assert calls.count(32) == 5
    H, E, again = gan()
    h_opt, e_opt = Adam(H.parameters(), 1e-3, (0.5, 0.999)), Adam(E.parameters(), 1e-3, (0.5, 0.999))
    for _ in range(5):
        x_real, z = GAUSSIAN.sample(32, again), models.sample_z(32, 1, again)
        training.d_step(H, E, e_opt, x_real, z, get_game("nonsaturating"))
        training.g_step(H, E, h_opt, z, get_game("nonsaturating"))
    for mine, other in zip((*G.parameters(), *D.parameters()), (*H.parameters(), *E.parameters()), strict=True):
        assert torch.allclose(mine, other, atol=1e-6)
    calls.clear()
    list(train(Counted(G), D, GAUSSIAN, z_dim=1, steps=5, batch=32, rng=rng))
    assert calls.count(32) == 10
