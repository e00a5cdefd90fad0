"""Stopped and resumed equals never stopped, bit for bit; and a file is whole or not there."""

from __future__ import annotations

import os
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from gan_helpers import data, models, runtime
from gan_helpers.train import averaged, checkpoint, train

RING = data.target("ring")


def networks(seed=0):
    """G with batch norm, D with dropout: running statistics and the global generator decide the run too."""
    rng = runtime.seed(seed)
    G = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    D = nn.Sequential(nn.Linear(2, 16), nn.Dropout(0.2), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Flatten(0))
    return G, D, averaged(G, 0.9), rng


def run(nets, steps, **more):
    G, D, ema, rng = nets
    options = {"z_dim": 2, "batch": 16, "n_d": 2, "r1_gamma": 0.1} | more
    return train(G, D, RING, steps=steps, rng=rng, ema=ema, **options)


def same(a, b):
    """Whether networks, averages and generators are equal to the last bit."""
    states = [[net.state_dict() for net in nets[:3]] for nets in (a, b)]
    nets_equal = all(torch.equal(x[name], y[name]) for x, y in zip(*states, strict=True) for name in x | y)
    return nets_equal and torch.equal(a[3].get_state(), b[3].get_state())


@pytest.mark.parametrize("more", [{}, {"precision": "bfloat16"}, {"lr_decay": True}], ids=["plain", "bf16", "decay"])
def test_a_resumed_run_equals_one_that_was_not_stopped(tmp_path, more):
    whole = networks()
    losses = [(s.step, s.d_loss, s.g_loss) for s in run(whole, 12, **more)]
    stopped = networks()
    file = tmp_path / "run.pt"
    for record in run(stopped, 12, **more, save_to=file, save_every=5):
        if record.step == 7:
            break  # two steps after the file was written: they are lost, and made again
    resumed = networks(seed=99)  # other weights, other streams: all must come from the file
    torch.rand(7)
    again = [(s.step, s.d_loss, s.g_loss) for s in run(resumed, 12, **more, resume=file)]
    assert again == losses[5:]
    assert same(whole, resumed)
    assert not same(whole, stopped)


@pytest.mark.parametrize("forgotten", ["g_opt", "d_opt", "rng", "ema", "G", "D", checkpoint.GLOBAL])
def test_each_part_is_needed(tmp_path, monkeypatch, forgotten):
    """The mutants of `restore`: without any one part the resumed run goes another way."""
    whole, file = networks(), tmp_path / "run.pt"
    list(run(whole, 8))
    list(run(networks(), 4, save_to=file))
    state = checkpoint.read(file)
    resumed = networks(seed=99)
    fresh = torch.get_rng_state()
    restore = checkpoint.restore

    def forgetful(state, **parts):
        restore(state, **{name: part for name, part in parts.items() if name != forgotten})
        if forgotten == checkpoint.GLOBAL:
            torch.set_rng_state(fresh)

    monkeypatch.setattr(checkpoint, "restore", forgetful)
    assert forgotten in state
    list(run(resumed, 8, resume=file))
    assert not same(whole, resumed)


def test_ctrl_c_leaves_usable_networks_and_the_last_file(tmp_path):
    class Interrupted:
        calls = 0

        def sample(self, n, rng):
            self.calls += 1
            if self.calls == 10:
                raise KeyboardInterrupt
            return RING.sample(n, rng)

    G, D, ema, rng = networks()
    file = tmp_path / "run.pt"
    loop = train(G, D, Interrupted(), z_dim=2, steps=50, batch=16, rng=rng, ema=ema, save_to=file, save_every=2)
    with pytest.raises(KeyboardInterrupt):
        list(loop)
    assert all(p.isfinite().all() for net in (G, D, ema) for p in net.parameters())
    assert G.training
    assert D.training
    done = checkpoint.read(file)["step"]
    assert done == 8
    nets = networks(seed=1)
    after = train(*nets[:2], RING, z_dim=2, steps=50, batch=16, rng=nets[3], ema=nets[2], resume=file)
    assert next(after).step == done + 1


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "run.pt"
    checkpoint.save(file, step=1)

    def crash(state, where):
        where.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(file, step=2)
    assert checkpoint.read(file)["step"] == 1
    assert os.listdir(tmp_path) == ["run.pt"]


def test_a_run_that_is_done_yields_nothing(tmp_path):
    file = tmp_path / "run.pt"
    list(run(networks(), 3, save_to=file))
    assert list(run(networks(), 3, resume=file)) == []
    assert [s.step for s in run(networks(), 5, resume=file)] == [4, 5]


def test_other_settings_are_named(tmp_path):
    file = tmp_path / "run.pt"
    list(run(networks(), 1, save_to=file))
    with pytest.raises(ValueError, match=r"g_lr 0\.001, not 0\.1; n_d 2, not 1"):
        run(networks(), 2, resume=file, g_lr=0.1, n_d=1)
    G, _, ema, rng = networks()
    D, options = models.discriminator(2, 5), {"z_dim": 2, "batch": 16, "n_d": 2, "r1_gamma": 0.1}
    with pytest.raises(ValueError, match="'D' in the checkpoint does not fit"):
        train(G, D, RING, steps=2, rng=rng, ema=ema, resume=file, **options)


def test_without_ema_there_is_none_to_resume(tmp_path):
    file = tmp_path / "run.pt"
    G, D, ema, rng = networks()
    list(islice(train(G, D, RING, z_dim=2, steps=1, rng=rng, save_to=file), 1))
    with pytest.raises(ValueError, match="holds no 'ema'"):
        train(G, D, RING, z_dim=2, steps=2, rng=rng, ema=ema, resume=file)


def test_files_that_are_not_there_or_something_else(tmp_path):
    G, D, _, rng = networks()
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        train(G, D, RING, z_dim=2, steps=1, rng=rng, resume=tmp_path / "none.pt")
    with pytest.raises(FileNotFoundError, match="does not exist: create it"):
        train(G, D, RING, z_dim=2, steps=1, rng=rng, save_to=tmp_path / "no" / "run.pt")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        checkpoint.read(tmp_path / "text")
    torch.save({"a": 1}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="is not a checkpoint of gan_helpers"):
        checkpoint.read(tmp_path / "other.pt")


def test_numbers_from_numpy_survive(tmp_path):
    file, rate = tmp_path / "run.pt", np.geomspace(1e-3, 1e-2, 3)[0]
    list(run(networks(), 1, save_to=file, g_lr=rate, batch=np.int64(16)))
    assert [s.step for s in run(networks(), 2, resume=file, g_lr=rate)] == [2]


@pytest.mark.parametrize("broken", ["no ema", "another D"])
def test_a_refused_resume_leaves_everything_as_it_was(tmp_path, broken):
    file, nets = tmp_path / "run.pt", networks()
    G, D, ema, rng = nets
    list(train(G, D, RING, z_dim=2, steps=1, rng=rng, save_to=file))
    G, D, ema, rng = networks(seed=5)
    if broken == "another D":
        D, ema = models.discriminator(2, 5), None
    untouched = [part.state_dict() for part in (G, D)], rng.get_state()
    untouched = [{k: v.clone() for k, v in state.items()} for state in untouched[0]], untouched[1].clone()
    with pytest.raises(ValueError, match="checkpoint"):
        train(G, D, RING, z_dim=2, steps=2, rng=rng, ema=ema, resume=file)
    for part, before in zip((G, D), untouched[0], strict=True):
        assert all(torch.equal(value, before[name]) for name, value in part.state_dict().items())
    assert torch.equal(rng.get_state(), untouched[1])


def test_averaged_weights_are_not_dropped_in_silence(tmp_path):
    file = tmp_path / "run.pt"
    list(run(networks(), 1, save_to=file))
    G, D, _, rng = networks()
    with pytest.raises(ValueError, match="pass ema=averaged"):
        train(G, D, RING, z_dim=2, steps=2, rng=rng, batch=16, n_d=2, r1_gamma=0.1, resume=file)


def test_a_decaying_run_must_keep_its_length(tmp_path):
    file = tmp_path / "run.pt"
    list(islice(run(networks(), 4, lr_decay=True, save_to=file, save_every=1), 2))
    with pytest.raises(ValueError, match="steps 4, not 8"):
        run(networks(), 8, lr_decay=True, resume=file)


def test_where_a_checkpoint_cannot_go(tmp_path):
    with pytest.raises(IsADirectoryError, match="name a file in it"):
        run(networks(), 1, save_to=tmp_path)
    with pytest.raises(ValueError, match="name their file with save_to"):
        run(networks(), 1, save_every=5)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_others_may_read_a_checkpoint_as_any_file(tmp_path):
    checkpoint.save(tmp_path / "run.pt", step=1)
    (tmp_path / "plain").touch()
    assert (tmp_path / "run.pt").stat().st_mode == (tmp_path / "plain").stat().st_mode
