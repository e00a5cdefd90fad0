"""An ensemble is K single GANs: equal to them, independent of one another, and harmless to one another."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from gan_helpers import data, losses, metrics, models, theory
from gan_helpers import train as training
from gan_helpers.ensemble import build, members, stack, step, train_many
from gan_helpers.ensemble.members import MemberAdam, draw, draw_noise, look_ahead
from gan_helpers.train.knobs import MAX_N_D

GAUSSIAN = data.target("gaussian")


def make_gan():
    return models.mlp(1, 8, 1), models.discriminator(1, 16)


def weights(net, k=0):
    return torch.cat([p.detach()[k].flatten() for p in net.parameters()])


@pytest.mark.parametrize(
    ("game", "r1_gamma"),
    [(game, 0.0) for game in losses.GAMES] + [("nonsaturating", 1.0), ("relativistic", 1.0)],
)
def test_a_member_equals_the_same_gan_trained_alone(game, r1_gamma):
    """300 steps in float64 against nn.Module, torch.optim.Adam and the steps of `train`: at most 1e-10 apart."""
    rates = {"d_lr": [1e-3, 2e-3, 5e-3], "g_lr": [1e-2, 2e-3, 1e-3], "n_d": [1, 2, 1]}
    seeds = [5, 6, 7]
    alone = []
    for s in seeds:
        torch.manual_seed(s)
        alone.append(tuple(net.double() for net in make_gan()))
    G, D = stack([copy.deepcopy(g) for g, _ in alone]), stack([copy.deepcopy(d) for _, d in alone])
    common = {"game": game, "r1_gamma": r1_gamma}
    for _ in train_many(G, D, GAUSSIAN, seeds=seeds, z_dim=1, steps=300, batch=16, **common, **rates):
        pass

    k, like = 1, torch.zeros(1, dtype=torch.float64)
    g, d = alone[k]
    d_opt = torch.optim.Adam(d.parameters(), rates["d_lr"][k], (0.5, 0.999))
    g_opt = torch.optim.Adam(g.parameters(), rates["g_lr"][k], (0.5, 0.999))
    streams = [draw([GAUSSIAN], [seeds[k]], slot, 16, 1, like) for slot in range(rates["n_d"][k] + 1)]
    for _ in range(300):
        for stream in streams[1:]:
            x, z = next(stream)
            training.d_step(g, d, d_opt, x[0], z[0], losses.get_game(game), r1_gamma)
        x, z = next(streams[0])
        training.g_step(g, d, g_opt, z[0], losses.get_game(game), x[0])
    for stacked, single in ((G, g), (D, d)):
        same = torch.cat([(p.T if p.dim() == 2 else p).flatten() for p in single.parameters()])
        assert (weights(stacked, k) - same).abs().max() <= 1e-10


KNOBS = {
    "gp_lambda": {"gp_lambda": [0.0, 10.0, 1.0], "game": "wasserstein"},
    "r2_gamma": {"r1_gamma": 0.3, "r2_gamma": [1.0, 0.5, 0.0]},
    "clip": {"clip": [0.0, 0.05, 0.2], "game": "wasserstein"},
    "beta1": {"beta1": [0.0, 0.9, 0.5], "beta2": [0.9, 0.99, 0.999]},
    "instance_noise": {"instance_noise": [0.0, 0.5, 1.0], "noise_decay": [False, True, False], "r1_gamma": 0.1},
    "lr_decay": {"lr_decay": [False, True, False]},
    "relativistic with noise": {"instance_noise": 0.3, "game": "relativistic"},
}


@pytest.mark.parametrize("knob", KNOBS)
def test_a_knob_does_to_a_member_what_it_does_to_a_single_gan(knob):
    """Each against a loop of its own in float64, written with nothing but torch: at most 1e-10 apart."""
    settings, seeds, k, steps = KNOBS[knob], [5, 6, 7], 1, 100
    mine = {name: v[k] if isinstance(v, list) else v for name, v in settings.items()}
    torch.manual_seed(0)
    alone = [tuple(net.double() for net in make_gan()) for _ in seeds]
    G, D = stack([copy.deepcopy(g) for g, _ in alone]), stack([copy.deepcopy(d) for _, d in alone])
    for _ in train_many(G, D, GAUSSIAN, seeds=seeds, z_dim=1, steps=steps, batch=16, **settings):
        pass

    g, d = alone[k]
    betas = (mine.get("beta1", 0.5), mine.get("beta2", 0.999))
    d_opt, g_opt = (torch.optim.Adam(net.parameters(), 1e-3, betas) for net in (d, g))
    game, like = losses.get_game(mine.get("game", "nonsaturating")), torch.zeros(1, dtype=torch.float64)
    streams = [draw([GAUSSIAN], seeds[k : k + 1], slot, 16, 1, like) for slot in (0, 1)]
    extras = [draw_noise([GAUSSIAN], seeds[k : k + 1], slot, 16, 1, like) for slot in (0, 1)]
    slope = lambda x: torch.autograd.grad(d(x).sum(), x, create_graph=True)[0][:, 0]
    for i in range(steps):
        left = 1 - i / steps
        for opt in (d_opt, g_opt):
            opt.param_groups[0]["lr"] = 1e-3 * (left if mine.get("lr_decay") else 1)
        level = mine.get("instance_noise", 0) * (left if mine.get("noise_decay") else 1)
        (x, z), (e_real, e_fake, u) = ([a[0] for a in next(source[1])] for source in (streams, extras))
        x, y = (x + level * e_real).requires_grad_(), (g(z).detach() + level * e_fake).requires_grad_()
        between = (u * x.detach() + (1 - u) * y.detach()).requires_grad_()
        loss = game.d_loss(d(x), d(y))
        loss = loss + mine.get("r1_gamma", 0) / 2 * slope(x).square().mean()
        loss = loss + mine.get("r2_gamma", 0) / 2 * slope(y).square().mean()
        loss = loss + mine.get("gp_lambda", 0) * (slope(between).abs() - 1).square().mean()
        d_opt.zero_grad()
        loss.backward()
        d_opt.step()
        if "clip" in mine:
            with torch.no_grad():
                [p.clamp_(-mine["clip"], mine["clip"]) for p in d.parameters()]
        (x, z), (e_real, e_fake, u) = ([a[0] for a in next(source[0])] for source in (streams, extras))
        g_loss = game.g_loss(d(x + level * e_real), d(g(z) + level * e_fake))
        g_opt.zero_grad()
        g_loss.backward()
        g_opt.step()
    for stacked, single in ((G, g), (D, d)):
        same = torch.cat([(p.T if p.dim() == 2 else p).flatten() for p in single.parameters()])
        assert (weights(stacked, k) - same).abs().max() <= 1e-10


def test_a_knob_at_zero_changes_nothing_beside_one_that_is_on():
    plain, _, _ = final([0, 1])
    knobs = {"gp_lambda": 1.0, "r2_gamma": 1.0, "instance_noise": 0.5, "noise_decay": True, "lr_decay": True}
    mixed, _, _ = final([0, 1], **{name: [0, value] for name, value in knobs.items()}, clip=[0, 0.1])
    torch.testing.assert_close(weights(plain, 0), weights(mixed, 0), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(weights(plain, 1), weights(mixed, 1), atol=1e-3)


def test_looking_ahead_is_gradient_descent_on_a_copy():
    """The imagined D equals the D that plain SGD makes, and G's gradient through it is that of finite differences."""
    torch.manual_seed(0)
    gs, ds = zip(*[[net.double() for net in make_gan()] for _ in range(2)], strict=True)
    Gs, Ds = stack(gs), stack(ds)
    x, z = torch.randn(2, 16, 1, dtype=torch.float64), torch.randn(2, 16, 1, dtype=torch.float64)
    lr = torch.tensor([0.1, 0.3], dtype=torch.float64)

    def seen():
        y = Gs(z)
        return look_ahead(Ds, lambda D: losses.d_logistic(D(x), D(y)), lr, steps=3)(y).sum(-1)

    before, logits = weights(Ds, 1), seen()
    y = gs[1](z[1]).detach()
    opt = torch.optim.SGD(ds[1].parameters(), lr=0.3)
    for _ in range(3):
        opt.zero_grad()
        losses.d_logistic(ds[1](x[1]), ds[1](y)).backward()
        opt.step()
    torch.testing.assert_close(logits[1], ds[1](y).sum())
    assert torch.equal(weights(Ds, 1), before)
    bias = Gs[2].bias
    (slope,) = torch.autograd.grad(logits.sum(), bias)
    for k in range(2):
        with torch.no_grad():
            bias[k] += 1e-6
        up = seen()[k].item()
        with torch.no_grad():
            bias[k] -= 2e-6
        down = seen()[k].item()
        with torch.no_grad():
            bias[k] += 1e-6
        assert abs((up - down) / 2e-6 - slope[k].item()) < 1e-6


def test_unrolling_by_no_step_is_no_unrolling_and_by_one_is_another_game():
    plain, one, again = (final([0, 1], unroll=n)[0] for n in (0, 1, 0))
    assert torch.equal(weights(plain), weights(again))
    assert not torch.allclose(weights(plain), weights(one), atol=1e-3)


def test_packs_and_batch_statistics_stack():
    """D judges packs of two, and one that sees the spread of its batch: as many logits as packs; equal to one alone."""
    for first, width in ((models.Pack(2), 2), (models.MinibatchStd(), 2)):
        d = lambda first=first, width=width: nn.Sequential(first, *models.discriminator(width, 8))
        torch.manual_seed(0)
        ds = [d() for _ in range(3)]
        x = torch.randn(3, 6, 1)
        expected = torch.stack([one(x[k]) for k, one in enumerate(ds)])
        torch.testing.assert_close(stack(ds)(x), expected)
        G, D = build(lambda d=d: (models.mlp(1, 1), d()), [0, 1])
        *_, last = train_many(G, D, GAUSSIAN, seeds=[0, 1], z_dim=1, steps=3, batch=6)
        assert last.fake_logits.shape == (2, 6 // getattr(first, "size", 1))
        assert last.alive.all()


def test_large_samples_are_drawn_in_smaller_blocks():
    drawn = []

    class Picture:
        def sample(self, n, rng):
            drawn.append(n)
            return torch.randn(n, 784, generator=rng)

    source = draw([Picture()], [0], 0, 100, 64, torch.zeros(1))
    batches = [next(source)[0] for _ in range(5)]
    assert max(drawn) * 784 <= 2**18
    assert len({b.sum().item() for b in batches}) == 5


def final(seeds, **settings):
    G, D = build(make_gan, seeds)
    *_, last = train_many(G, D, GAUSSIAN, seeds=seeds, z_dim=1, steps=30, batch=16, **settings)
    return G, D, last


def test_a_member_does_not_depend_on_how_many_there_are_or_on_its_neighbours():
    small, _, _ = final([3, 4])
    large, _, _ = final([9, 3, 1, 2], n_d=[5, 1, 3, 2], game=["hinge", "nonsaturating", "saturating", "wasserstein"])
    torch.testing.assert_close(weights(small, 0), weights(large, 1), rtol=1e-4, atol=1e-5)


def test_the_same_seeds_twice_are_the_same_run():
    assert torch.equal(weights(final([1, 2])[0], 1), weights(final([1, 2])[0], 1))


def test_a_diverged_member_is_frozen_and_harms_no_other():
    class Poisoned:
        def sample(self, n, rng):
            return torch.full((n, 1), math.inf)

    G, D = build(make_gan, [0, 1])
    *_, last = train_many(G, D, [GAUSSIAN, Poisoned()], seeds=[0, 1], z_dim=1, steps=30, batch=16)
    assert last.alive.tolist() == [True, False]
    torch.testing.assert_close(weights(G, 0), weights(final([0])[0], 0), rtol=1e-4, atol=1e-5)
    first_g, first_d = build(make_gan, [0, 1])
    assert torch.equal(weights(G, 1), weights(first_g, 1))
    assert torch.equal(weights(D, 1), weights(first_d, 1))


def test_rate_zero_freezes_a_network():
    G, _ = build(make_gan, [0, 1])
    moved, _, _ = final([0, 1], g_lr=[0.0, 1e-3])
    assert torch.equal(weights(G, 0), weights(moved, 0))
    assert not torch.equal(weights(G, 1), weights(moved, 1))


def test_member_adam_skips_the_inactive_entirely():
    net = stack([nn.Sequential(nn.Linear(1, 1)) for _ in range(2)])
    opt = MemberAdam(net, torch.full((2,), 0.1), torch.full((2,), 0.5), torch.full((2,), 0.999))
    x = torch.ones(2, 4, 1)
    for active in ([True, False], [True, True]):
        opt.minimize(net(x).mean((-1, -2)), torch.tensor(active))
    assert opt.t.flatten().tolist() == [2, 1]
    assert opt.m[1].abs().sum() > 0


def test_records_have_a_member_dimension():
    _, _, last = final([0, 1, 2])
    assert last.d_loss.shape == last.g_loss.shape == last.alive.shape == (3,)
    assert last.real_logits.shape == last.fake_logits.shape == (3, 16)


def test_noise_of_a_stream_depends_on_its_own_seed_and_slot_alone():
    def first(targets, seeds, slot):
        return next(draw(targets, seeds, slot, 4, 1, torch.zeros(1)))

    a, b = first([GAUSSIAN] * 2, [7, 8], 0), first([GAUSSIAN] * 3, [8, 1, 7], 0)
    assert torch.equal(a[1][0], b[1][2])
    assert not torch.equal(a[1][0], first([GAUSSIAN], [7], 1)[1][0])


def test_no_two_streams_are_the_same():
    """Of neighbouring seeds, of the updates of a step, of batches and of the noise that knobs ask for."""
    like, noise = torch.zeros(1), []
    for s in range(3):
        for slot in range(3):
            noise.append(next(draw([GAUSSIAN], [s], slot, 4, 1, like))[1].flatten())
            noise.append(next(draw_noise([GAUSSIAN], np.array([s]), slot, 4, 1, like))[0].flatten())
    assert len({tuple(n.tolist()) for n in noise}) == len(noise)


def test_no_stream_of_random_numbers_is_used_twice(monkeypatch):
    """Turning a knob of noise leaves data and latent noise as they were, whichever update within a step it is for."""
    used = []
    stream = members.stream
    monkeypatch.setattr(members, "stream", lambda n, on: used.append(n) or stream(n, on))
    like = torch.zeros(1)
    for slot in range(MAX_N_D + 1):
        for source in (draw, draw_noise):
            before = len(used)
            next(source([GAUSSIAN], [3], slot, 4, 2, like))
            used[before:] = sorted(set(used[before:]) - {0})  # a trial of shapes has stream 0
    assert len(set(used)) == len(used) == 2 * (MAX_N_D + 1)


def test_in_a_relativistic_game_the_imagined_d_judges_real_samples_too():
    """G's step with unrolling against one written out: both logits are those of the D that is imagined."""
    torch.manual_seed(0)
    g, d = (net.double() for net in make_gan())
    G, D = stack([copy.deepcopy(g)]), stack([copy.deepcopy(d)])
    game, rate, like = losses.get_game("relativistic"), 0.5, torch.zeros(1, dtype=torch.float64)
    knobs = {"game": "relativistic", "unroll": 1, "unroll_lr": rate, "g_lr": 0.1, "d_lr": 0.0}
    for _ in train_many(G, D, GAUSSIAN, seeds=[5], z_dim=1, steps=3, batch=16, **knobs):
        pass
    g_opt, batches = torch.optim.Adam(g.parameters(), 0.1, (0.5, 0.999)), draw([GAUSSIAN], [5], 0, 16, 1, like)
    names = dict(d.named_parameters())
    for _ in range(3):
        x, z = (a[0] for a in next(batches))
        y = g(z)
        slopes = torch.autograd.grad(game.d_loss(d(x), d(y)), list(names.values()), create_graph=True)
        ahead = {name: p - rate * slope for (name, p), slope in zip(names.items(), slopes, strict=True)}
        real, fake = (torch.func.functional_call(d, ahead, (samples,)) for samples in (x, y))
        g_opt.zero_grad()
        game.g_loss(real, fake).backward(inputs=list(g.parameters()))
        g_opt.step()
    same = torch.cat([(p.T if p.dim() == 2 else p).flatten() for p in g.parameters()])
    assert (weights(G) - same).abs().max() <= 1e-10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": [0, 1]}, "3 members but seeds has 2"),
        ({"g_lr": [1e-3, 1e-3]}, "g_lr has 2 values for 3 members"),
        ({"game": "wgan"}, "unknown game 'wgan'"),
        ({"n_d": 0}, "n_d must be a whole number from 1 to 31"),
        ({"n_d": 1.5}, "n_d must be a whole number"),
        ({"clip": -0.1}, "clip must be a finite number of at least 0, got -0.1"),
        ({"beta1": [0.5, 1.5, 0.5]}, "beta1 must be a finite number from 0 to below 1, got 1.5"),
        ({"d_lr": math.nan}, "d_lr must be a finite number of at least 0, got nan"),
        ({"steps": 0}, "at least 1, got 0"),
        ({"z_dim": 3}, r"z of shape \(K, n, 3\)"),
        ({"targets": data.target("ring")}, "do not fit"),
    ],
)
def test_bad_input_is_named_at_once(change, message):
    G, D = build(make_gan, [0, 1, 2])
    arguments = {"seeds": [0, 1, 2], "z_dim": 1, "steps": 1} | change
    with pytest.raises(ValueError, match=message):
        train_many(G, D, arguments.pop("targets", GAUSSIAN), **arguments)


@pytest.mark.parametrize(
    ("nets", "message"),
    [
        ([nn.Sequential(nn.BatchNorm1d(2))], "cannot stack BatchNorm1d"),
        ([nn.Sequential(nn.Linear(1, 1, bias=False))], "cannot stack Linear.*bias=False"),
        ([nn.Sequential(nn.Flatten(1))], "cannot stack Flatten"),
        ([nn.Sequential(nn.ReLU()), nn.Sequential(nn.Tanh())], "differ: ReLU.* and Tanh"),
        ([nn.Sequential(nn.Linear(1, 1)), nn.Sequential(nn.Linear(1, 2))], "differ: Linear"),
        ([nn.Sequential(nn.ReLU()), nn.Sequential()], "differ: None and ReLU"),
        ([], "nothing to stack"),
    ],
)
def test_networks_that_cannot_be_stacked_are_named(nets, message):
    with pytest.raises(ValueError, match=message):
        stack(nets)


def test_a_loss_belongs_to_the_logits_beside_it_whatever_the_neighbours_do():
    _, _, last = final([0, 1], n_d=[1, 5])
    torch.testing.assert_close(losses.d_logistic(last.real_logits, last.fake_logits), last.d_loss)


def test_arrays_and_tensors_serve_as_sequences():
    a, _, _ = final([0, 1], g_lr=np.array([1e-3, 5e-3]))
    b, _, _ = final([0, 1], g_lr=torch.tensor([1e-3, 5e-3], dtype=torch.float64))
    assert torch.equal(weights(a, 1), weights(b, 1))


def test_a_penalty_that_blows_up_freezes_its_member_only(monkeypatch):
    penalty = step.gradient_penalty
    monkeypatch.setattr(step, "gradient_penalty", lambda D, x: penalty(D, x) * torch.tensor([1.0, math.inf]))
    G, D, last = final([0, 1], r1_gamma=0.1)
    assert last.alive.tolist() == [True, False]
    assert weights(D, 1).isfinite().all()
    assert weights(G, 0).isfinite().all()


def test_a_generator_whose_loss_breaks_is_frozen(monkeypatch):
    broken = losses.Game("nonsaturating", losses.d_logistic, lambda real, fake: fake.mean(-1) * math.nan)
    monkeypatch.setitem(losses.GAMES, "nonsaturating", broken)
    G, _, last = final([0, 1])
    assert last.alive.tolist() == [False, False]
    assert torch.equal(weights(G, 0), weights(build(make_gan, [0])[0], 0))


@pytest.mark.statistical
@pytest.mark.slow
def test_the_lesson_of_chapter_1():
    """With a rate it can travel at, the affine G arrives; at 1e-3 it cannot; and a D left alone finds p / (p + q).

    m of n: a true share of 0.9 gives at least 13 of 16 in all but 1.7 % of repetitions.
    """
    seeds = range(16)
    affine = lambda: (models.mlp(1, 1), models.discriminator(1, 32, 32))
    G, D = build(affine, [*seeds, *seeds])
    rates = [1e-2] * 16 + [1e-3] * 16
    for _ in train_many(G, D, GAUSSIAN, seeds=[*seeds, *seeds], z_dim=1, steps=1500, batch=64, g_lr=rates, d_lr=1e-3):
        pass
    z = models.sample_z(4096, 1, torch.Generator().manual_seed(1)).expand(32, -1, -1)
    with torch.no_grad():
        near = metrics.w1_to(G(z)[..., 0], GAUSSIAN.quantile) < 0.15
    assert near[:16].sum() >= 13
    assert near[16:].sum() <= 3


@pytest.mark.statistical
@pytest.mark.slow
def test_a_discriminator_trained_on_a_frozen_g_finds_the_share_of_real_mass():
    seeds = range(8)
    make = lambda: (frozen(2.0, 1.5), models.discriminator(1, 32, 32))
    G, D = build(make, seeds)
    for _ in train_many(G, D, GAUSSIAN, seeds=seeds, z_dim=1, steps=400, batch=256, g_lr=0.0, d_lr=5e-3):
        pass
    x = torch.linspace(-3, 9, 241)
    p, q = (theory.normal_pdf(x.numpy(), m, s) for m, s in ((4, 1.25), (2, 1.5)))
    best = torch.from_numpy(theory.optimal_discriminator(p, q)).float()
    mass = torch.from_numpy((p + q) / (p + q).sum()).float()
    with torch.no_grad():
        gap = ((torch.sigmoid(D(x[None, :, None].expand(8, -1, 1))) - best).abs() * mass).sum(-1)
    assert (gap < 0.05).sum() >= 7


def frozen(mean, sd):
    net = models.mlp(1, 1)
    nn.init.constant_(net[0].weight, sd)
    nn.init.constant_(net[0].bias, mean)
    return net
