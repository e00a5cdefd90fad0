"""Budget, device, seed, and the progress bar: what a notebook's first cell relies on."""

import numpy as np
import pytest
import torch
from torch import nn

from gan_helpers import models, runtime, style


@pytest.mark.parametrize(("name", "value"), [("smoke", 1), ("page", 2), ("full", 3)])
def test_budget_picks_by_name(monkeypatch, name, value):
    monkeypatch.setenv("GAN_BUDGET", name)
    assert runtime.budget(smoke=1, page=2, full=3) == value


@pytest.mark.parametrize("cuda", [True, False])
def test_budget_unset_follows_the_device(monkeypatch, cuda):
    monkeypatch.delenv("GAN_BUDGET", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert runtime.budget_name() == ("full" if cuda else "page")


def test_unknown_budget_stops_the_first_cell(monkeypatch):
    monkeypatch.setenv("GAN_BUDGET", "fast")
    with pytest.raises(ValueError, match=r"GAN_BUDGET is 'fast'.*smoke, page, full"):
        runtime.setup()


def test_unknown_and_missing_devices_are_named():
    with pytest.raises(ValueError, match=r"unknown device 'gpu'.*cpu, cuda, mps"):
        runtime.device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match=r"'cuda' is not available.*cpu"):
            runtime.device("cuda")
    for odd in ("cpu:foo", "cuda:x", "xla"):
        with pytest.raises(ValueError, match="unknown device"):
            runtime.device(odd)
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        runtime.seed(0, "gpu")
    assert runtime.device("cpu") == runtime.device(torch.device("cpu")) == torch.device("cpu")


def test_seed_repeats_layers_and_noise():
    def draw(n):
        rng = runtime.seed(n)
        return nn.Linear(3, 3).weight.detach(), torch.rand(3, generator=rng)

    assert all(torch.equal(a, b) for a, b in zip(draw(1), draw(1), strict=True))
    assert not torch.equal(draw(1)[0], draw(2)[0])


def test_weights_and_data_are_drawn_from_different_streams():
    rng = runtime.seed(0)
    assert not torch.equal(torch.rand(5), torch.rand(5, generator=rng))


def test_setup_says_in_two_lines_where_and_how_long_it_runs(monkeypatch, capsys):
    monkeypatch.setenv("GAN_BUDGET", "page")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(runtime, "probe", lambda: 2 * runtime.REFERENCE)
    runtime.setup("cpu", minutes={"page": 2})
    first, second, end = capsys.readouterr().out.split("\n")
    assert first.startswith("gan_helpers ")
    assert first.endswith(" · cpu")
    assert second == "budget page: about 4 minutes here; for smoke or full set GAN_BUDGET before this cell"
    assert end == ""
    assert max(len(first), len(second)) <= 84
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("minutes", "slower", "words"),
    [(0.3, 1, "under a minute here"), (1.0, 1, "about a minute here"), (3.0, 0.5, "about 2 minutes here")],
)
def test_duration_is_scaled_by_how_fast_this_machine_is(monkeypatch, minutes, slower, words):
    monkeypatch.setenv("GAN_BUDGET", "page")
    monkeypatch.setattr(runtime, "probe", lambda: slower * runtime.REFERENCE)
    assert runtime.duration({"page": minutes}, torch.device("cpu")) == words


def test_duration_claims_nothing_that_was_not_measured(monkeypatch):
    monkeypatch.setattr(runtime, "probe", lambda: pytest.fail("nothing to scale"))
    monkeypatch.setenv("GAN_BUDGET", "full")
    assert runtime.duration({"page": 3, "full": 2}, torch.device("cpu")) == "time not measured"
    assert runtime.duration({"page": 3}, torch.device("cuda")) == "time not measured"
    assert runtime.duration({"page": 3, "full": 2.2}, torch.device("cuda")) == "about 2 minutes on an H200"
    monkeypatch.setenv("GAN_BUDGET", "page")
    assert runtime.duration({"page": 3}, torch.device("cuda")) == "about 3 minutes on one CPU core"


def test_the_probe_ends_and_draws_nothing():
    before = torch.get_rng_state()
    assert runtime.probe(limit=0) > 0  # one round at least
    assert runtime.probe(limit=0.02) > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_the_readers_own_thread_count_wins(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    runtime.threads(before + 1)
    assert torch.get_num_threads() == before


def test_progress_passes_everything_through_and_is_silent_when_quick(capsys):
    assert list(runtime.progress(range(5), desc="quick")) == [0, 1, 2, 3, 4]
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.statistical
def test_models_shapes_and_errors():
    assert models.mlp(3, 8, 2)(torch.zeros(5, 3)).shape == (5, 2)
    assert models.discriminator(3, 8)(torch.zeros(5, 3)).shape == (5,)
    with pytest.raises(ValueError, match="input and an output width"):
        models.mlp(3)
    with pytest.raises(ValueError, match=r"unknown activation 'gelu'.*tanh"):
        models.mlp(1, 2, 1, activation="gelu")
    rng = torch.Generator().manual_seed(0)
    normal, uniform = (models.sample_z(20_000, 2, rng, prior) for prior in models.PRIORS)
    assert abs(normal.std().item() - 1) < 0.02
    assert uniform.abs().max() <= 1
    assert abs(uniform.std().item() - 3**-0.5) < 0.02
    with pytest.raises(ValueError, match=r"unknown prior 'cauchy'.*normal, uniform"):
        models.sample_z(1, 1, rng, "cauchy")


def lab(colour):
    """CIE L*a*b* of an sRGB colour."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return lab_of(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4))


def lab_of(linear):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_three_colours_stay_apart(theme):
    palette = [style.PALETTE[theme][name] for name in ("real", "fake", "ink")]
    pairs = [(a, b) for i, a in enumerate(palette) for b in palette[i + 1 :]]
    assert min(np.linalg.norm(lab(a) - lab(b)) for a, b in pairs) > 30
