"""The knobs of training: one table of limits for all that trains, and doors that take any kind of number."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_helpers import data, losses, models, runtime
from gan_helpers.dcgan import run as dcgan
from gan_helpers.ensemble import build, experiment, train_many
from gan_helpers.train import KNOBS, checked, train

GAUSSIAN = data.target("gaussian")
NOT_KNOBS = {"G", "D", "target", "targets", "rng", "seeds", "ema", "progress", "save_to", "resume", "precision"}
NOT_KNOBS |= {"held_out"}


def gan():
    return models.mlp(1, 1), models.discriminator(1, 8)


def trained(**knobs):
    """One step of a single GAN."""
    rng = runtime.seed(0)
    return list(train(*gan(), GAUSSIAN, rng=rng, **{"z_dim": 1, "steps": 1, "batch": 4} | knobs))


def trained_many(**knobs):
    """One step of two GANs."""
    G, D = build(gan, [0, 1])
    return list(train_many(G, D, GAUSSIAN, seeds=[0, 1], **{"z_dim": 1, "steps": 1, "batch": 4} | knobs))


def experimented(**knobs):
    """A table of one run."""
    same = {"seeds": [0], "make_gan": gan, "target": GAUSSIAN, "measure": lambda G: {"b": G[0].bias[:, 0, 0]}}
    return experiment({"a": knobs}, **same, **{"z_dim": 1, "steps": 1, "batch": 4} if "steps" not in knobs else {})


@pytest.mark.parametrize("trainer", [train, train_many])
def test_every_argument_is_a_knob_or_known_not_to_be_one(trainer):
    assert set(inspect.signature(trainer).parameters) <= set(KNOBS) | NOT_KNOBS


def test_what_one_trainer_has_the_other_has_too():
    one, many = (set(inspect.signature(trainer).parameters) for trainer in (train, train_many))
    only_one = {"G", "D", "target", "rng", "ema", "precision", "fresh_z", "save_to", "resume", "save_every"}
    only_one |= {"augment", "held_out"}  # of images: an ensemble's networks take rows
    assert one - many == only_one - {"G", "D"} | {"snapshot_every", "n_snapshot"}
    assert many - one == {"targets", "seeds", "unroll", "unroll_lr"}


BAD = {
    "g_lr": [-1, math.nan, math.inf, "fast", None, [1e-3]],
    "beta1": [1.0, 1.5, -0.1, True],
    "clip": [-1],
    "n_d": [0, 1.5, 32],
    "batch": [0, 2.5],
    "r1_gamma": [-0.1, math.inf],
    "lr_decay": [2, "yes"],
    "game": ["wgan", 3],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values], ids=str
)
def test_the_same_mistake_gets_the_same_words_everywhere(name, value):
    said = []
    for trainer in (trained, trained_many):
        with pytest.raises(ValueError, match=r"must be|unknown game|has 1 values for 2 members") as caught:
            trainer(**{name: value})
        said.append(str(caught.value))
    if not isinstance(value, list):
        assert said[0] == said[1]
        with pytest.raises(ValueError) as caught:
            experimented(**{name: value})
        assert str(caught.value) == f"setting 'a': {said[0]}"


@pytest.mark.parametrize(("option", "name", "value"), [("--lr", "g_lr", "-1"), ("--beta1", "beta1", "1.5"),
                                                     ("--batch", "batch", "0"), ("--ema", "ema", "nan")])  # fmt: skip
def test_the_command_line_knows_the_same_limits(option, name, value, tmp_path, capsys):
    with pytest.raises(ValueError) as caught:
        checked(name, float(value) if name != "batch" else int(value))
    assert dcgan.main([option, value, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {str(caught.value).replace(name, option)}\n"


KINDS = [float, np.float64, np.array, torch.tensor, lambda x: torch.tensor([x])[0]]
SCALARS = st.one_of(
    st.floats(width=32), st.integers(-3, 40), st.booleans(), st.none(), st.text(max_size=3), st.just([1.0, 2.0])
)


def result_of(call, name):
    """What a call returns, or nothing where it refuses its argument by name."""
    try:
        return call()
    except ValueError as error:
        if name not in str(error) and "unknown game" not in str(error):
            raise
        return None


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(sorted(KNOBS)), st.sampled_from(KINDS), SCALARS)
def test_a_knob_is_a_plain_value_within_its_limits_or_is_named_in_an_error(name, kind, value):
    number = isinstance(value, int | float) and not isinstance(value, bool)
    found = result_of(lambda: checked(name, kind(value) if number else value), name)
    if found is not None:
        assert type(found) in (int, float, bool, str)
        assert found == (value if isinstance(value, str) else pytest.approx(value, rel=1e-6))
        assert not isinstance(found, float) or math.isfinite(found)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(["g_lr", "d_lr", "beta1", "r1_gamma", "gp_lambda", "clip", "instance_noise"]),
    st.lists(st.one_of(st.floats(-2, 2, width=32), st.sampled_from([math.nan, math.inf, 0, 1])), max_size=3),
    st.sampled_from([list, tuple, np.array, torch.tensor]),
)
def test_a_column_gives_a_result_or_an_error_that_names_it(name, values, kind):
    """Empty, one, many, NaN, from Python, NumPy or torch."""
    steps = result_of(lambda: trained_many(**{name: kind(values)}), name)
    if steps is not None:
        assert len(values) == 2
        assert steps[-1].d_loss.shape == (2,)
        assert all(math.isfinite(value) and value >= 0 for value in values)


def test_checkpoint_settings_are_the_knobs(tmp_path, monkeypatch):
    """A knob that is added to the signature is in the file: nobody has to remember it."""
    from gan_helpers.train import checkpoint

    trained(save_to=tmp_path / "a.pt", g_lr=np.float32(0.01), gp_lambda=1.0, instance_noise=0.1)
    found = checkpoint.read(tmp_path / "a.pt")["settings"]
    free = {"steps", "snapshot_every", "n_snapshot", "save_every", "ema"}
    knobs = {name for name in inspect.signature(train).parameters if name in KNOBS}
    assert set(found) == knobs - free | {"precision", "target"}
    assert found["target"].startswith("gaussian [")


@pytest.mark.parametrize("game", ["nonsaturating", "relativistic"])
def test_instance_noise_and_the_interpolation_penalty_change_a_run_and_not_at_zero(game):
    plain, zero = trained(game=game, steps=3), trained(game=game, steps=3, instance_noise=0.0, gp_lambda=0.0)
    assert [s.d_loss for s in plain] == [s.d_loss for s in zero]
    for knob in ({"instance_noise": 0.5}, {"gp_lambda": 10.0}):
        assert [s.d_loss for s in trained(game=game, steps=3, **knob)] != [s.d_loss for s in plain]


def test_instance_noise_reaches_real_and_generated_samples_alike():
    """D sees samples of the target's law, widened by the noise, on both sides."""
    seen = []

    class Watching(torch.nn.Sequential):
        def forward(self, x):
            seen.append(x.detach())
            return super().forward(x)

    G, D = gan()
    G.requires_grad_(False)
    G[0].weight.fill_(1.25)
    G[0].bias.fill_(4.0)  # G makes what the target is
    G.requires_grad_(True)
    rng = runtime.seed(0)
    steps = train(G, Watching(*D), GAUSSIAN, z_dim=1, steps=1, batch=4000, rng=rng, instance_noise=2.0)
    seen.clear()
    list(steps)
    assert [len(x) for x in seen] == [4000] * 3  # real, generated, and generated for G
    for x in seen:
        assert x.std().item() == pytest.approx(math.hypot(1.25, 2.0), rel=0.05)


def test_frozen_layers_of_a_generator_stay_as_they_are():
    """Transfer learning: only what requires a gradient is trained."""
    rng = runtime.seed(0)
    G, D = models.mlp(1, 4, 1), models.discriminator(1, 8)
    G[0].requires_grad_(False)
    before = [p.clone() for p in G.parameters()]
    list(train(G, D, GAUSSIAN, z_dim=1, steps=3, batch=8, rng=rng))
    same = [torch.equal(p, q) for p, q in zip(G.parameters(), before, strict=True)]
    assert same == [True, True, False, False]


@pytest.mark.parametrize("game", losses.GAMES)
def test_a_sigmoid_in_d_is_refused_where_it_harms(game):
    D = torch.nn.Sequential(*models.discriminator(1, 8)[:-1], torch.nn.Sigmoid(), torch.nn.Flatten(0))
    steps = lambda: train(models.mlp(1, 1), D, GAUSSIAN, z_dim=1, steps=1, rng=runtime.seed(0), game=game)
    if game == "least_squares":
        assert len(list(steps())) == 1
    else:
        with pytest.raises(ValueError, match=f"D ends in Sigmoid.*{game}.*leave that layer out"):
            steps()


def test_a_generator_that_cannot_reach_the_data_is_told():
    G, D = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Sigmoid()), models.discriminator(1, 8)
    with pytest.warns(UserWarning, match=r"reaches 0 to 1, but the data goes from .*: scale the data"):
        train(G, D, GAUSSIAN, z_dim=1, steps=1, rng=runtime.seed(0))


def test_networks_that_are_no_new_ones_are_refused():
    nets = gan()
    with pytest.raises(ValueError, match="the same networks again"):
        build(lambda: nets, [0, 1])
