"""bfloat16 only where it is faster, and without a change of anything but the bits of the products."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from gan_helpers import convnets, models, runtime
from gan_helpers.train import precision
from gan_helpers.train.precision import LowPrecision, fastest, run_in

Z = models.sample_z(8, 64, runtime.stream(0))


@pytest.fixture(autouse=True)
def forget():
    """No answer of another test."""
    precision._known.clear()


def test_weights_outputs_and_gradients_stay_float32():
    runtime.seed(0)
    G = convnets.generator28(width=4)
    plain, half = G(Z), LowPrecision(G)(Z)
    half.sum().backward()
    assert half.dtype == torch.float32
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in G.parameters())
    assert (plain - half).abs().max() < 0.05
    assert (plain - half).abs().max() > 0  # it did run in fewer bits


def test_the_wrapper_shares_the_weights():
    G = models.mlp(2, 2)
    assert run_in("float32", G) is G
    assert [p is q for p, q in zip(G.parameters(), run_in("bfloat16", G).parameters(), strict=True)] == [True, True]
    with pytest.raises(ValueError, match="unknown precision 'float16'"):
        run_in("float16", G)


class Timed(nn.Module):
    """A network that takes a little longer in one of the precisions."""

    def __init__(self, slow: str):
        super().__init__()
        self.slow, self.weight = slow, nn.Parameter(torch.ones(()))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        is_low = torch.is_autocast_enabled("cpu")
        if self.slow == ("bfloat16" if is_low else "float32"):
            end = time.process_time() + 0.01
            while time.process_time() < end:
                pass
        return self.weight * x


@pytest.mark.parametrize(("slow", "chosen"), [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_the_faster_one_is_chosen(slow, chosen):
    D = nn.Sequential(nn.Linear(64, 1), nn.Flatten(0))
    assert fastest(Timed(slow), D, z_dim=64, batch=4) == chosen


def test_a_tie_goes_to_float32():
    """What is not clearly faster is not worth the bits."""
    runs = {"float32": lambda: None, "bfloat16": lambda: None}
    ticks = iter(range(1000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precision, "_seconds", lambda run, device: 1.0 + 0.001 * (next(ticks) % 2 == 0))
        assert precision._race(runs, torch.device("cpu"), 5) == "float32"


def test_a_hopeless_race_ends_early(monkeypatch):
    calls = []
    runs = {"float32": lambda: 1.0, "bfloat16": lambda: 9.0}

    def seconds(run, device):
        calls.append(run)
        return run()

    monkeypatch.setattr(precision, "_seconds", seconds)
    assert precision._race(runs, torch.device("cpu"), 50) == "float32"
    assert len(calls) == 6  # warm-up, and two looks


def test_the_answer_is_kept_and_nothing_is_touched():
    runtime.seed(0)
    G, D = convnets.generator28(width=2).eval(), convnets.discriminator28(width=2)
    before = {k: v.clone() for net in (G, D) for k, v in net.state_dict(prefix=str(id(net))).items()}
    stream, answer = torch.get_rng_state(), fastest(G, D, z_dim=64, batch=2)
    after = {k: v for net in (G, D) for k, v in net.state_dict(prefix=str(id(net))).items()}
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert all(p.grad is None for net in (G, D) for p in net.parameters())
    assert not G.training
    assert torch.equal(stream, torch.get_rng_state())
    assert list(precision._known.values()) == [answer]
    fastest(G, D, z_dim=64, batch=2)
    assert len(precision._known) == 1
    fastest(G, D, z_dim=64, batch=3)
    assert len(precision._known) == 2


def test_one_slow_moment_does_not_decide():
    """Neither in the warm-up nor in one round: a median of the rounds does."""
    runs = {"float32": lambda: None, "bfloat16": lambda: None}
    for disturbed in (1, 3):  # the second and the fourth look, both at bfloat16
        times = iter([99.0 if i == disturbed else (1.0, 0.5)[i % 2] for i in range(100)])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(precision, "_seconds", lambda run, device, times=times: next(times))
            assert precision._race(runs, torch.device("cpu"), 5) == "bfloat16"


def test_the_warm_up_does_not_count():
    times = iter([9.0, 1.0, 1.0, 0.95])  # float32 starts slowly, and is then as fast
    runs = {"float32": lambda: None, "bfloat16": lambda: None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precision, "_seconds", lambda run, device: next(times))
        assert precision._race(runs, torch.device("cpu"), 1) == "float32"


def test_the_layout_of_the_weights_is_part_of_the_question():
    G, D = convnets.generator28(width=2), convnets.discriminator28(width=2)
    fastest(G, D, z_dim=64, batch=2)
    fastest(G.to(memory_format=torch.channels_last), D, z_dim=64, batch=2)
    assert len(precision._known) == 2


def test_dropout_in_a_network_does_not_move_the_global_stream():
    G, D = models.mlp(2, 2), nn.Sequential(nn.Linear(2, 1), nn.Dropout(), nn.Flatten(0))
    before = torch.get_rng_state()
    fastest(G, D, z_dim=2, batch=4)
    assert torch.equal(torch.get_rng_state(), before)
