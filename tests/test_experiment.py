"""A table of runs: each is what it would be alone, failures and interruptions are counted for what they are."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from gan_helpers import data, metrics, models
from gan_helpers.ensemble import build, runs, train_many
from gan_helpers.ensemble.table import Table

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
    return runs.experiment(settings, **({"seeds": [3, 9, 4]} | given | changes))


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
        G, D = build(special.pop("make_gan", make_gan), [9])
        for _ in train_many(G, D, GAUSSIAN, seeds=[9], z_dim=1, steps=12, batch=8, **special):
            pass
        alone = measure(G)["samples"][0].detach().numpy()
        np.testing.assert_allclose(table["samples"][label][1], alone, rtol=1e-4, atol=1e-5)


def test_runs_are_planned_by_architecture_and_cost_and_none_is_lost():
    full = {label: {"make_gan": make_gan, "batch": 8, "z_dim": 1} | s for label, s in SETTINGS.items()}
    ensembles = runs.plan(full, range(90))
    assert sorted(run for each in ensembles for run in each) == sorted((s, n) for s in full for n in range(90))
    assert max(map(len, ensembles)) <= runs.MOST
    together = [{label for label, _ in each} for each in ensembles]
    assert {"plain", "rates"} in together
    assert not [labels for labels in together if len(labels) > 1 and labels != {"plain", "rates"}]


def test_larger_networks_go_in_smaller_ensembles():
    gan = lambda width: (models.mlp(2, width, width, 2), models.discriminator(2, width, width))
    fits = [runs.members_that_fit(gan(width), 128) for width in (16, 64, 128, 512)]
    assert fits == sorted(fits, reverse=True)
    assert fits[0] == runs.MOST
    assert fits[-1] == runs.FEWEST
    assert runs.members_that_fit(gan(64), 512) < runs.members_that_fit(gan(64), 64)


def test_measured_at_the_steps_asked_for_and_at_the_last():
    table = make_table({"plain": {}}, at=[4, 8, 99])
    assert table.steps == [4, 8, 12]
    assert table.over_time("mean", "plain").shape == (3, 3)
    shorter = make_table({"plain": {}}, steps=8, at=[4])
    np.testing.assert_allclose(shorter.over_time("mean", "plain"), table.over_time("mean", "plain")[:, :2], rtol=1e-5)


def test_averaged_weights_are_those_of_the_running_mean():
    """They begin with the first weights, and look back over a tenth of the run unless told not to warm up."""
    for warm_up in (True, False):
        look = {"measure": lambda G: {"bias": G[-1].bias[:, 0, 0]}, "at": [1, 2]}
        table = make_table({"plain": {}}, ema=0.8, warm_up=warm_up, steps=3, **look)
        raw, mean = table.over_time("bias", "plain"), table.over_time("ema_bias", "plain")
        expected = raw[:, 0]
        for t in (0, 1, 2):
            share = max(0.2, 9 / (10 + t)) if warm_up else 0.2
            expected = expected + share * (raw[:, t] - expected) if t else expected
            np.testing.assert_allclose(mean[:, t], expected, rtol=1e-5)


class Poisoned:
    def sample(self, n, rng):
        return torch.full((n, 1), math.inf)


def test_a_diverged_run_counts_as_a_failure_and_has_no_value():
    table = make_table({"good": {}, "bad": {"target": Poisoned()}})
    assert table.diverged.tolist() == [[False] * 3, [True] * 3]
    rates = table.success_rate("mean", lambda mean: ~(mean > 100))  # which NaN passes too
    assert rates["good"][:2] == (3, 3)
    assert rates["bad"][:2] == (0, 3)
    assert len(table["mean"]["bad"]) == 0
    assert np.isnan(table.values["samples"][1]).all()
    assert "3 of 3 runs finished, 3 diverged" in str(table)


def test_the_last_step_is_what_counts():
    table = make_table({"plain": {}}, at=[1, 6])
    table.values["mean"][...] = [[[5.0, 5.0, 1.0], [5.0, 5.0, 2.0], [5.0, 5.0, 9.0]]]
    assert table["mean"]["plain"].tolist() == [1, 2, 9]
    assert table.success_rate("mean", lambda mean: mean < 4)["plain"][:2] == (2, 3)
    assert "median 2.000" in str(table)


def test_one_answer_a_run_is_asked_for():
    table = make_table({"plain": {}})
    for wrong in (lambda samples: samples > 0, lambda samples: samples.mean(-1), lambda samples: True):
        with pytest.raises(ValueError, match="true or false for each of 3 runs"):
            table.success_rate("samples", wrong)
    assert table.success_rate("samples", lambda samples: (samples < 100).all(-1))["plain"][:2] == (3, 3)


def interrupted_after(calls):
    """A measure that is stopped by the user when it has been called so often (twice before the training starts)."""
    seen = []

    def measure_or_stop(G):
        seen.append(G)
        if len(seen) > calls:
            raise KeyboardInterrupt
        return measure(G)

    return measure_or_stop


def test_an_interruption_keeps_what_is_done(capsys):
    """The first ensemble is finished; of the second there is what was measured until then."""
    settings = {"first": {}, "second": {"n_d": 2}}
    table = make_table(settings, at=[4], measure=interrupted_after(2 + 2 + 1))
    assert table.finished.tolist() == [[True] * 3, [False] * 3]
    assert "3 of 6 runs are finished" in capsys.readouterr().out
    assert np.isfinite(table.over_time("mean", "first")).all()
    assert np.isfinite(table.over_time("mean", "second")).tolist() == [[True, False]] * 3
    assert list(table.success_rate("mean", np.isfinite)) == ["first"]
    assert "0 of 3 runs finished" in str(table)
    assert len(table["mean"]["second"]) == 0


def test_an_interruption_before_anything_was_measured_says_so(capsys):
    table = make_table({"only": {}}, measure=interrupted_after(1))
    assert "0 of 3 runs" in capsys.readouterr().out
    with pytest.raises(KeyError, match="nothing was measured"):
        table["mean"]
    assert "0 of 3 runs finished" in str(table)


def test_saved_and_loaded_it_is_the_same(tmp_path):
    table = make_table(SETTINGS | {"bad": {"target": Poisoned()}}, at=[6])
    table.save(tmp_path / "table.npz")
    again = Table.load(tmp_path / "table.npz")
    assert (again.settings, again.seeds, again.steps) == (table.settings, table.seeds, table.steps)
    for name in table.values:
        np.testing.assert_array_equal(again.values[name], table.values[name])
    np.testing.assert_array_equal(again.diverged, table.diverged)
    np.testing.assert_array_equal(again.finished, table.finished)
    assert str(again) == str(table)
    assert json.dumps(again.provenance) == json.dumps(table.provenance)
    assert again.provenance["versions"]["torch"] == torch.__version__
    assert again.provenance["settings"]["packed"]["make_gan"] == "make_packed"
    assert again.provenance["settings"]["plain"]["game"] == "nonsaturating"
    assert "Pack(2)" in again.provenance["networks"]["packed"]
    assert again.provenance["seconds"] >= 0


def test_a_file_that_is_no_table_is_named(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz is not a table"):
        Table.load(tmp_path / "other.npz")
    head = json.dumps({"format": 99})
    np.savez(tmp_path / "later.npz", head=np.array(head))
    with pytest.raises(ValueError, match="another version"):
        Table.load(tmp_path / "later.npz")


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
        ({"seeds": [1, 1]}, ValueError, "each seed only once"),
        ({"settings": {"a": {}, "b": {"n_d": 3, "game": "wgan"}}}, ValueError, "unknown game"),
        ({"settings": {"a": {"g_lr": [1e-3, 1e-3]}}}, ValueError, "g_lr of setting 'a' has several values"),
        ({"measure": lambda G: {"mean": 1.0}}, ValueError, "tensor .* for 'mean'"),
        ({"measure": lambda G: {"mean": torch.zeros(5)}}, ValueError, "tensor .* for 'mean'"),
    ],
)
def test_bad_input_is_named(changes, error, message, monkeypatch):
    """Before any run is trained, also where the mistake is in the last setting."""
    changes = dict(changes)
    monkeypatch.setattr(runs, "train_and_measure", lambda *_: pytest.fail("a run was trained"))
    with pytest.raises(error, match=message):
        make_table(changes.pop("settings", {"plain": {}}), **changes)


def test_a_default_may_be_spelt_out():
    plain, spelt = make_table({"plain": {}, "spelt": {"unroll": 0, "n_d": 1, "batch": 8}})["mean"].values()
    np.testing.assert_allclose(plain, spelt, rtol=1e-5)


def test_what_was_measured_does_not_change_afterwards():
    """Also in double precision, where a metric may be a view of the weights."""
    double = lambda: tuple(net.double() for net in make_gan())
    table = make_table({"plain": {}}, make_gan=double, at=[1, 6], measure=lambda G: {"bias": G[-1].bias[:, 0, 0]})
    seen = table.over_time("bias", "plain")
    assert (seen[:, 0] != seen[:, -1]).all()


def test_unknown_metric_is_named():
    with pytest.raises(KeyError, match="it has mean, samples, d_loss, g_loss"):
        make_table({"plain": {}})["w1"]
