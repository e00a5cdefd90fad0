"""A table of runs: each is what it would be alone, failures and interruptions are counted for what they are."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from gan_helpers import data, experiment, metrics, models
from gan_helpers.ensemble import build, train_many
from gan_helpers.table import Table

GAUSSIAN = data.target("gaussian")


def make_gan():
    return models.mlp(1, 4, 1), models.discriminator(1, 8)


def make_packed():
    return models.mlp(1, 4, 1), nn.Sequential(models.Pack(2), *models.discriminator(2, 8))


def measure(G):
    z = torch.linspace(-1, 1, 5)[:, None].expand(len(G[0].weight), -1, -1)  # (K, 5, 1)
    x = G(z)[..., 0]  # (K, 5)
    return {"mean": x.mean(-1), "samples": x}


def make_table(settings, **changes):
    given = {"make_gan": make_gan, "target": GAUSSIAN, "measure": measure, "steps": 12, "z_dim": 1, "batch": 8}
    return experiment.experiment(settings, seeds=[3, 4, 5], **(given | changes))


SETTINGS = {
    "plain": {},
    "rates": {"g_lr": 1e-2, "beta1": 0.9},
    "packed": {"make_gan": make_packed},
    "R1": {"r1_gamma": 1.0},
    "three D steps": {"n_d": 3, "game": "saturating"},
}


def test_every_run_is_what_it_would_be_alone():
    """Whatever ensemble it was put in: the same seed and setting by itself gives the same samples."""
    table = make_table(SETTINGS)
    assert table.finished.all()
    assert table.values["samples"].shape == (5, 3, 1, 5)
    for label, special in SETTINGS.items():
        special = dict(special)
        G, D = build(special.pop("make_gan", make_gan), [4])
        for _ in train_many(G, D, GAUSSIAN, seeds=[4], z_dim=1, steps=12, batch=8, **special):
            pass
        alone = measure(G)["samples"][0].detach().numpy()
        np.testing.assert_allclose(table["samples"][label][1], alone, rtol=1e-4, atol=1e-5)


def test_runs_are_planned_by_architecture_and_cost_and_none_is_lost():
    full = {label: {"make_gan": make_gan, "batch": 8, "z_dim": 1} | s for label, s in SETTINGS.items()}
    ensembles = experiment.plan(full, range(90))
    assert sorted(run for runs in ensembles for run in runs) == sorted((s, n) for s in full for n in range(90))
    assert max(map(len, ensembles)) <= experiment.MOST
    together = [{label for label, _ in runs} for runs in ensembles]
    assert {"plain", "rates"} in together
    assert not [labels for labels in together if len(labels) > 1 and labels != {"plain", "rates"}]


def test_larger_networks_go_in_smaller_ensembles():
    gan = lambda width: (models.mlp(2, width, width, 2), models.discriminator(2, width, width))
    fits = [experiment.members_that_fit(gan(width), 128) for width in (16, 64, 128, 512)]
    assert fits == sorted(fits, reverse=True)
    assert fits[0] == experiment.MOST
    assert fits[-1] == experiment.FEWEST


def test_measured_at_the_steps_asked_for_and_at_the_last():
    table = make_table({"plain": {}}, at=[4, 8, 99])
    assert table.steps == [4, 8, 12]
    assert table.over_time("mean", "plain").shape == (3, 3)
    shorter = make_table({"plain": {}}, steps=8, at=[4])
    np.testing.assert_allclose(shorter.over_time("mean", "plain"), table.over_time("mean", "plain")[:, :2], rtol=1e-5)


def test_averaged_weights_are_those_of_the_running_mean():
    table = make_table({"plain": {}}, ema=0.5, steps=3, measure=lambda G: {"bias": G[-1].bias[:, 0, 0]}, at=[1, 2])
    raw, mean = table.over_time("bias", "plain"), table.over_time("ema_bias", "plain")
    expected = raw[:, 0]
    for t in (0, 1, 2):
        expected = expected if t == 0 else 0.5 * expected + 0.5 * raw[:, t]
        np.testing.assert_allclose(mean[:, t], expected, rtol=1e-5)


class Poisoned:
    def sample(self, n, rng):
        return torch.full((n, 1), math.inf)


def test_a_diverged_run_counts_as_a_failure_and_has_no_value():
    table = make_table({"good": {}, "bad": {"target": Poisoned()}})
    assert table.diverged.tolist() == [[False] * 3, [True] * 3]
    rates = table.success_rate("mean", lambda mean: mean < 100)
    assert rates["good"][:2] == (3, 3)
    assert rates["bad"][:2] == (0, 3)
    assert len(table["mean"]["bad"]) == 0
    assert "3 diverged" in str(table)


def test_an_interruption_keeps_what_is_finished(monkeypatch, capsys):
    real, calls = experiment.train_and_measure, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(experiment, "train_and_measure", interrupted)
    table = make_table({"first": {}, "second": {"n_d": 2}})
    assert table.finished.tolist() == [[True] * 3, [False] * 3]
    assert "3 of 6 runs are finished" in capsys.readouterr().out
    assert list(table.success_rate("mean", np.isfinite)) == ["first"]
    assert "no run finished" in str(table)


def test_saved_and_loaded_it_is_the_same(tmp_path):
    table = make_table(SETTINGS, at=[6])
    table.save(tmp_path / "table.npz")
    again = Table.load(tmp_path / "table.npz")
    assert (again.settings, again.seeds, again.steps) == (table.settings, table.seeds, table.steps)
    for name in table.values:
        np.testing.assert_array_equal(again.values[name], table.values[name])
    assert str(again) == str(table)
    assert json.dumps(again.provenance) == json.dumps(table.provenance)
    assert again.provenance["versions"]["torch"] == torch.__version__
    assert again.provenance["settings"]["packed"]["make_gan"] == "make_packed"
    assert again.provenance["seconds"] >= 0


def test_rates_come_with_wilson_s_interval():
    table = make_table({"plain": {}})
    found = table.success_rate("mean", lambda mean: mean > -100)["plain"]
    assert (found.low, found.high) == metrics.wilson(3, 3)
    assert str(found) == metrics.share([True] * 3)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"settings": {}}, ValueError, "at least one setting"),
        ({"settings": {"a": {"speed": 3}}}, TypeError, "speed"),
        ({"settings": {"a": {"game": "wgan"}}}, ValueError, "unknown game"),
        ({"z_dim": 7}, ValueError, "do not fit"),
    ],
)
def test_bad_input_is_named(changes, error, message):
    changes = dict(changes)
    with pytest.raises(error, match=message):
        make_table(changes.pop("settings", {"plain": {}}), **changes)


def test_unknown_metric_is_named():
    with pytest.raises(KeyError, match="it has mean, samples, d_loss, g_loss"):
        make_table({"plain": {}})["w1"]
