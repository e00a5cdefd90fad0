"""The browser's trainer against PyTorch: the same weights, batches and noise must give the same GAN."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.utils import parameters_to_vector

from gan_helpers import data, losses, metrics, models, runtime, theory
from gan_helpers import train as training
from gan_helpers.widgets.page import KNOBS, joined

ITERATIONS = 50
PENALTIES = {"none": (0.0, 0.0), "r1": (0.5, 0.0), "r2": (0.0, 0.5)}


@pytest.fixture(scope="module")
def page(browser):
    """An empty page with the trainer in it."""
    page = browser.new_page()
    page.add_script_tag(content=joined("gan.js"))
    yield page
    page.close()


def flat(net: torch.nn.Module) -> list[float]:
    """All weights of a network in the order of its parameters."""
    return parameters_to_vector(net.parameters()).tolist()


def pair(seed: int, z_dim: int = 2, hidden: tuple[int, ...] = (12, 11), dim: int = 2, activation: str = "leaky_relu"):
    """A generator and a discriminator, and the settings that give the browser's GAN the same shape."""
    runtime.seed(seed)
    G = models.mlp(z_dim, *hidden, dim, activation=activation)
    D = models.discriminator(dim, *hidden, activation=activation)
    settings = {
        "target": "ring" if dim == 2 else "gaussian",
        "zDim": z_dim,
        "gHidden": list(hidden),
        "dHidden": list(hidden),
        "activation": activation,
    }
    return G, D, settings


TRAIN = """({ settings, weights, real, z }) => {
  const gan = new Gan(settings);
  gan.importWeights(weights);
  real.forEach((x, k) => {
    for (let i = 0; i < settings.nD; i++) gan.dStepOn(x[i], z[k][i]);
    gan.gStepOn(z[k][settings.nD], x[settings.nD - 1]);
  });
  const { losses, diverged } = gan;
  return { g: [...gan.G.weights], d: [...gan.D.weights], losses, diverged };
}"""


def torch_run(G, D, settings, real, z, precision):
    """`gan_helpers.train`'s two steps on given batches; returns both weights and both curves."""
    G, D = copy.deepcopy(G).to(precision), copy.deepcopy(D).to(precision)
    game = losses.get_game(settings["game"])
    if settings["optimizer"] == "adam":
        betas = (settings["beta1"], 0.999)
        d_opt = torch.optim.Adam(D.parameters(), lr=settings["dLr"], betas=betas)
        g_opt = torch.optim.Adam(G.parameters(), lr=settings["gLr"], betas=betas)
    else:
        d_opt = torch.optim.SGD(D.parameters(), lr=settings["dLr"])
        g_opt = torch.optim.SGD(G.parameters(), lr=settings["gLr"])
    curves = []
    for x_k, z_k in zip(real.to(precision), z.to(precision), strict=True):
        for x_real, noise in zip(x_k, z_k[:-1], strict=True):
            d_loss, _, _ = training.d_step(G, D, d_opt, x_real, noise, game, settings["r1"], settings["r2"])
            if settings["game"] == "wasserstein" and settings["clip"]:
                losses.clip_weights(D, settings["clip"])
        g_loss = training.g_step(G, D, g_opt, z_k[-1], game, x_k[-1])
        curves.append([d_loss.item(), g_loss.item()])
    return np.array(flat(G)), np.array(flat(D)), np.array(curves)


def compare(page, seed=0, dim=2, z_dim=2, hidden=(12, 11), activation="leaky_relu", batch=16, **changes):
    """Train both; the largest difference to PyTorch in double and in single precision: weights and losses."""
    G, D, shape = pair(seed, z_dim, hidden, dim, activation)
    defaults = {"game": "nonsaturating", "optimizer": "adam", "gLr": 1e-3, "dLr": 1e-3, "beta1": 0.5, "nD": 1}
    settings = shape | defaults | {"batch": batch, "r1": 0.0, "r2": 0.0, "noise": 0.0, "clip": 0.05} | changes
    rng = torch.Generator().manual_seed(seed)
    n_d = settings["nD"]
    real = torch.stack([data.target(shape["target"]).sample(batch, rng) for _ in range(ITERATIONS * n_d)])
    real = real.view(ITERATIONS, n_d, batch, dim)
    z = torch.randn(ITERATIONS, n_d + 1, batch, z_dim, generator=rng)
    weights = {"g": flat(G), "d": flat(D)}
    arguments = {"settings": settings, "weights": weights, "real": real.flatten(2).tolist(), "z": z.flatten(2).tolist()}
    ours = page.evaluate(TRAIN, arguments)
    if ours["diverged"]:
        raise RuntimeError(f"diverged at iteration {ours['diverged']}")
    curves = np.array([ours["losses"]["d"], ours["losses"]["g"]]).T
    gaps = []
    for precision in (torch.float64, torch.float32):
        g, d, theirs = torch_run(G, D, settings, real, z, precision)
        gaps.append(
            max(
                np.abs(ours["g"] - g).max(),
                np.abs(ours["d"] - d).max(),
                (np.abs(curves - theirs) / (1 + np.abs(theirs))).max(),
            )
        )
    moved = np.abs(np.array(ours["d"]) - weights["d"]).max()
    if moved < 1e-3:
        raise RuntimeError("nothing was trained")
    return gaps


@pytest.mark.parametrize("activation", ["leaky_relu", "tanh"])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("game", losses.GAMES)
def test_fifty_iterations_agree_with_pytorch(page, game, penalty, activation):
    """To 1e-4 in every weight with PyTorch's singles, and to 1e-8 with the same steps in double precision."""
    r1, r2 = PENALTIES[penalty]
    double, single = compare(page, game=game, r1=r1, r2=r2, activation=activation)
    assert double < 1e-8
    assert single < 1e-4


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "gLr": 0.05, "dLr": 0.05},
        {"optimizer": "sgd", "gLr": 0.05, "dLr": 0.05, "r1": 0.3, "r2": 0.7, "activation": "tanh"},
        {"r1": 0.3, "r2": 0.7, "activation": "tanh", "hidden": (5, 7, 6, 9)},
        {"r1": 1.0, "r2": 0.1, "game": "relativistic", "hidden": (4,)},
        {"nD": 3, "beta1": 0.9, "dim": 1, "z_dim": 1, "r1": 0.1},
        {"game": "wasserstein", "nD": 2, "clip": 0.0, "r1": 2.0, "activation": "tanh", "dim": 1},
        {"hidden": (), "r1": 0.5, "game": "hinge", "optimizer": "sgd", "dLr": 0.1},
        {"batch": 128, "hidden": (32, 32), "beta1": 0.0},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_other_settings_agree_with_pytorch(page, changes):
    double, single = compare(page, seed=1, **changes)
    assert double < 1e-8
    assert single < 1e-4


MUTANTS = {
    "no second derivative of tanh": ("below[i] += this.u[l - 1][i];", ";", {"r1": 0.5, "activation": "tanh"}),
    "half of gamma": ("D.penalty(n, 2 * n, r1 / n)", "D.penalty(n, 2 * n, r1 / n / 2)", {"r1": 0.5}),
    "no correction of Adam's second mean": ("Math.sqrt(v[i]) / lack", "Math.sqrt(v[i])", {}),
    "partner's sign": ("? -seeds[n + i]", "? seeds[n + i]", {"game": "relativistic"}),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_comparison_sees_a_bug(browser, name):
    """Each of these slips, put in on purpose, must break the agreement."""
    right, wrong, changes = MUTANTS[name]
    assert joined("gan.js").count(right) == 1
    page = browser.new_page()
    page.add_script_tag(content=joined("gan.js").replace(right, wrong))
    assert min(compare(page, **changes)) > 1e-4
    page.close()


def test_gradient_of_the_penalty_is_autograd_s(page):
    """One product after the other: |dD/dx|² through both activations, on random networks of every depth."""
    script = """({ widths, activation, weights, x, gamma }) => {
      const net = new Net(widths, activation);
      const n = x.length / widths[0];
      net.weights.set(weights);
      net.reserve(n + 3);
      net.h[0].set(x, 2 * widths[0]); // rows 2 and on: the rest must not count
      net.forward(n + 3);
      net.d[widths.length - 1].fill(0);
      net.penalty(2, n + 2, gamma / n);
      net.backward(n + 3, false, 2, n + 2);
      return [...net.grad];
    }"""
    for activation in ("leaky_relu", "tanh"):
        for hidden in ((), (5,), (8, 3), (4, 6, 5, 9)):
            runtime.seed(len(hidden))
            D = models.discriminator(2, *hidden, activation=activation).double()
            x = torch.randn(13, 2, generator=torch.Generator().manual_seed(3)).double()
            gamma = 1.7
            penalty = gamma * losses.gradient_penalty(D, x)
            expected = torch.cat(
                [
                    (torch.zeros_like(p) if g is None else g).flatten()
                    for p, g in zip(
                        D.parameters(), torch.autograd.grad(penalty, [*D.parameters()], allow_unused=True), strict=True
                    )
                ]
            )
            widths = [2, *hidden, 1]
            arguments = {"widths": widths, "activation": activation, "weights": flat(D), "x": x.flatten().tolist()}
            ours = page.evaluate(script, arguments | {"gamma": gamma})
            assert np.abs(np.array(ours) - expected.numpy()).max() < 1e-12, (activation, hidden)


@pytest.mark.parametrize("activation", ["leaky_relu", "tanh"])
@pytest.mark.parametrize("game", losses.GAMES)
def test_arrows_are_minus_the_gradient_of_g_s_actual_loss(page, game, activation):
    G, D, settings = pair(5, hidden=(9, 7), activation=activation)
    n, batch = 300, 20  # more samples than the networks have room for at once
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(n, 2, generator=rng).requires_grad_()
    real = data.ring().sample(batch, rng)
    script = """({ settings, weights, real, x }) => {
      const gan = new Gan(settings);
      gan.importWeights(weights);
      gan.real.set(real);
      return [Array.from(gan.push(x, x.length / 2)), Array.from(gan.logits(x, x.length / 2))];
    }"""
    weights = {"g": flat(G), "d": flat(D)}
    arguments = {"settings": settings | {"game": game, "batch": batch}, "weights": weights}
    arguments |= {"real": real.flatten().tolist(), "x": x.flatten().tolist()}
    ours, logits = page.evaluate(script, arguments)
    chosen = losses.get_game(game)
    columns = D(x)[:, None].expand(n, batch)  # every generated sample against every real one
    loss = chosen.g_loss(D(real).expand(n, batch), columns).sum()
    (grad,) = torch.autograd.grad(loss, x)
    assert np.allclose(ours, -grad.flatten().numpy(), atol=1e-6, rtol=1e-4)
    assert np.allclose(logits, D(x).detach().numpy(), atol=1e-6)


def test_generator_agrees_at_given_z(page):
    G, D, settings = pair(2)
    z = torch.randn(700, 2, generator=torch.Generator().manual_seed(0))
    script = "({settings, weights, z}) => { const gan = new Gan(settings); gan.importWeights(weights);"
    script += "return [Array.from(gan.generate(z, z.length / 2)), gan.exportWeights()].map((v) => JSON.stringify(v)); }"
    weights = {"g": flat(G), "d": flat(D)}
    made, kept = page.evaluate(script, {"settings": settings, "weights": weights, "z": z.flatten().tolist()})
    assert np.allclose(json.loads(made), G(z).detach().flatten().numpy(), atol=1e-6)
    kept = {name: list(values.values()) for name, values in json.loads(kept).items()}
    assert kept == weights


def test_instance_noise_reaches_both_inputs_of_d(page):
    """The noise that the browser draws, given to PyTorch: one update of D, then one of G."""
    G, D, settings = pair(3)
    n, sd = 24, 0.7
    settings |= {"batch": n, "noise": sd, "seed": 11, "optimizer": "sgd", "gLr": 0.1, "dLr": 0.1, "r1": 0.2}
    rng = torch.Generator().manual_seed(4)
    real, z = data.ring().sample(n, rng), torch.randn(2, n, 2, generator=rng)
    script = """({ settings, weights, real, z }) => {
      const gan = new Gan(settings);
      gan.importWeights(weights);
      gan.dStepOn(real, z[0]);
      gan.gStepOn(z[1]);
      const again = new Rng(settings.seed, 3);
      const noise = Array.from({ length: 3 * real.length }, () => again.normal());
      return [[...gan.G.weights], [...gan.D.weights], noise];
    }"""
    weights = {"g": flat(G), "d": flat(D)}
    arguments = {"settings": settings, "weights": weights, "real": real.flatten().tolist()}
    g, d, noise = page.evaluate(script, arguments | {"z": z.flatten(1).tolist()})
    on_fake, on_real, in_g_step = torch.tensor(noise).view(3, n, 2) * sd
    game = losses.get_game("nonsaturating")

    class Noisy(torch.nn.Module):
        """G, and noise added to what it makes."""

        def __init__(self, shift):
            super().__init__()
            self.G, self.shift = G, shift

        def forward(self, z):
            return self.G(z) + self.shift

    d_opt, g_opt = (torch.optim.SGD(net.parameters(), lr=0.1) for net in (D, G))
    training.d_step(Noisy(on_fake), D, d_opt, real + on_real, z[0], game, r1_gamma=0.2)
    training.g_step(Noisy(in_g_step), D, g_opt, z[1], game)
    assert np.allclose(g, flat(G), atol=1e-6)
    assert np.allclose(d, flat(D), atol=1e-6)


# Random numbers and targets


def test_random_numbers_are_uniform_normal_and_repeatable(page):
    script = """(seed) => {
      const rng = new Rng(seed, 1);
      const draw = (n, f) => Array.from({ length: n }, f);
      return [draw(40000, () => rng.uniform()), draw(40001, () => rng.normal())];
    }"""
    uniform, normal = map(np.array, page.evaluate(script, 0))
    for sample, law in ((uniform, "uniform"), (normal, "norm")):
        assert stats.kstest(sample, law).pvalue > 1e-4
        for lag in (1, 2, 3):
            assert abs(np.corrcoef(sample[:-lag], sample[lag:])[0, 1]) < 4.5 / np.sqrt(len(sample))
    assert abs(stats.kurtosis(normal)) < 4.5 * np.sqrt(24 / len(normal))
    assert np.array_equal(page.evaluate(script, 0)[1], normal)
    other = np.array(page.evaluate(script, 1)[1])
    assert abs(np.corrcoef(normal, other)[0, 1]) < 4.5 / np.sqrt(len(normal))


@pytest.mark.parametrize("name", data.TARGETS)
def test_targets_follow_the_law_of_gan_helpers_data(page, name):
    """Two samples of 4,000 look alike from 8 sides, in their log density, and in how many fall to each mode."""
    n = 4000
    theirs = data.target(name)
    script = "([target, n]) => { const gan = new Gan({ target, zDim: 1 });"
    script += "return [Array.from(gan.sampleReal(n)), gan.target.extent, gan.dim]; }"
    x, extent, dim = page.evaluate(script, [name, n])
    assert dim == theirs.dim
    x = torch.tensor(x).view(n, dim)
    y = theirs.sample(n, torch.Generator().manual_seed(0))
    assert ((x > extent[0]) & (x < extent[1])).float().mean() > 0.999
    for k in range(8):
        direction = torch.tensor([np.cos(np.pi * k / 8), np.sin(np.pi * k / 8)][:dim], dtype=torch.float32)
        assert stats.ks_2samp((x @ direction).numpy(), (y @ direction).numpy()).pvalue > 1e-5
    if name == "two_pieces":
        assert torch.isfinite(theirs.log_prob(x)).all()
    else:
        assert stats.ks_2samp(theirs.log_prob(x).numpy(), theirs.log_prob(y).numpy()).pvalue > 1e-5
    if len(getattr(theirs, "centers", [])) > 1:
        counts = [torch.cdist(s, theirs.centers).argmin(1).bincount(minlength=len(theirs.centers)) for s in (x, y)]
        for count in counts:
            assert stats.chisquare(count.numpy()).pvalue > 1e-5
    if dim == 1:
        grid = torch.linspace(*extent, 101)
        script = "([target, x]) => Array.from(new Gan({ target, zDim: 1 }).pData(x))"
        p = page.evaluate(script, [name, grid.tolist()])
        assert np.allclose(p, theirs.log_prob(grid[:, None]).exp().numpy(), atol=1e-6)


def test_drawn_points_are_a_target(page):
    script = """() => {
      const gan = new Gan({ target: "drawn", points: [0, 0, 1, 1, 2, 0] });
      gan.step();
      return [Array.from(gan.sampleReal(3000)), gan.measure()];
    }"""
    x, measured = page.evaluate(script)
    x = torch.tensor(x).view(-1, 2)
    nearest = torch.cdist(x, torch.tensor([[0.0, 0], [1, 1], [2, 0]])).min(1)
    assert nearest.values.square().mean().item() == pytest.approx(2 * 0.05**2, rel=0.1)
    assert nearest.indices.bincount().min() > 900
    assert measured["ofModes"] == 0
    assert measured["ceiling"]["quality"] == pytest.approx(0.989, abs=0.01)


# What is shown


def test_best_d_is_p_over_p_plus_q(page):
    script = """([target, x]) => {
      const gan = new Gan({ target, zDim: 1, seed: 3 });
      for (let i = 0; i < 100; i++) gan.step();
      const samples = gan.generate(gan.zFixed, N_COVER);
      return [gan.bestD(x), gan.pGen(x), samples].map((v) => Array.from(v));
    }"""
    for name in ("gaussian", "mixture"):
        grid = torch.linspace(-5, 9, 141)
        best, q, samples = page.evaluate(script, [name, grid.tolist()])
        expected = metrics.kde(torch.tensor(samples), grid, bandwidth=0.15).double()
        p = data.target(name).log_prob(grid[:, None]).double().exp()
        assert np.allclose(q, expected, atol=1e-6)
        sure = (p + expected > 1e-6).numpy()  # elsewhere both are next to nothing
        assert np.allclose(np.array(best)[sure], theory.optimal_discriminator(p, expected)[sure], atol=1e-3)
        assert (np.array(best) >= 0).all()
        assert (np.array(best) <= 1).all()


MEASURE = """(target) => {
  const gan = new Gan({ target, zDim: 2, seed: 1, gLr: 3e-3, dLr: 3e-3 });
  for (let i = 0; i < 400; i++) gan.step();
  const measured = gan.measure();
  const { real } = gan.ruler;
  return { measured, made: Array.from(gan.generate(gan.zFixed, N_COVER)), real: real && Array.from(real) };
}"""


def energy_distance(x: torch.Tensor, y: torch.Tensor) -> float:
    """The unbiased estimator, by the textbook: every pair of different points."""
    n, m = len(x), len(y)
    within = torch.cdist(x, x).sum() / (n * (n - 1)) + torch.cdist(y, y).sum() / (m * (m - 1))
    return (2 * torch.cdist(x, y).mean() - within).item()


def scores_of(x: torch.Tensor, target, real: torch.Tensor | None) -> dict[str, float]:
    """Modes, quality and distance by `gan_helpers.metrics`; modes and quality where a published protocol has them."""
    if target.dim == 1:
        scores = {"distance": metrics.w1_to(x[:, 0], target.quantile).item()}
    else:
        scores = {"distance": energy_distance(x, real)}
    if hasattr(target, "centers"):
        found = metrics.coverage(x, target.centers.double(), target.sd)
        modes, quality = int(found["modes"]), float(found["quality"])
        scores |= {"modes": modes, "ofModes": len(target.centers), "quality": quality}
    elif target.name == "two_pieces":
        inside = torch.isfinite(target.log_prob(x))
        scores |= {"modes": len((x[inside, 0] > 0).unique()), "ofModes": 2, "quality": inside.double().mean().item()}
    return scores


@pytest.mark.parametrize("name", data.TARGETS)
def test_measures_agree_with_gan_helpers(page, name):
    target = data.target(name)
    result = page.evaluate(MEASURE, name)
    measured, floor, ceiling = result["measured"], result["measured"]["floor"], result["measured"]["ceiling"]
    x = torch.tensor(result["made"], dtype=torch.float64).view(-1, target.dim)
    real = None if target.dim == 1 else torch.tensor(result["real"], dtype=torch.float64).view(-1, 2)[:1000]
    assert len(x) == 2500
    expected = scores_of(x, target, real) | ({} if real is None else {"distance": energy_distance(x[:1000], real)})
    for key, value in expected.items():
        assert measured[key] == pytest.approx(value, abs=2e-4 if real is None else 1e-6), key

    # A perfect sampler at one end, one that spreads its samples over the picture at the other.
    rng = torch.Generator().manual_seed(0)
    lo, hi = page.evaluate("(target) => TARGETS[target]().extent", name)
    perfect = target.sample(10_000, rng).double()
    spread = lo + (hi - lo) * torch.rand(10_000, target.dim, generator=rng).double()
    if real is None:
        w1 = [metrics.w1_to(part[:, 0], target.quantile) for part in perfect.split(2500)]
        assert floor["distance"] == pytest.approx(np.mean(w1), rel=0.8)
    else:
        assert 0 <= floor["distance"] < 0.02
    away = scores_of(spread[:2500], target, real)
    assert ceiling["distance"] == pytest.approx(away["distance"], rel=0.2)
    assert ceiling["modes"] == measured["ofModes"]
    if "quality" in away:
        assert ceiling["quality"] == pytest.approx(scores_of(perfect, target, real)["quality"], abs=0.01)
        assert floor["quality"] == pytest.approx(scores_of(spread, target, real)["quality"], abs=0.03)


def test_energy_distance_of_equal_laws_is_zero_on_the_mean(page):
    """The average over many pairs of small samples is 0 within four standard errors."""
    script = """() => Array.from({ length: 400 }, (_, k) => {
      const rng = new Rng(k, 1);
      const [x, y] = [0, 1].map(() => Float32Array.from({ length: 20 }, () => rng.normal()));
      return energyDistance(x, y, 10);
    })"""
    values = np.array(page.evaluate(script))
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
    assert (values < 0).any()


# The class


def test_same_seed_same_run_whatever_is_looked_at(page):
    script = """(look) => {
      const gan = new Gan({ seed: 7, noise: 0.1, target: "two_pieces", game: "relativistic" });
      for (let i = 0; i < 20; i++) {
        gan.step();
        if (!look) continue;
        const x = gan.sampleReal(50);
        gan.generate(gan.sampleZ(333), 333);
        gan.push(x, 50);
        gan.measure();
      }
      return JSON.stringify([gan.exportWeights(), gan.losses]);
    }"""
    assert page.evaluate(script, True) == page.evaluate(script, False)


def test_new_networks_follow_pytorch_s_law(page):
    w = page.evaluate("() => Array.from(new Gan({ gHidden: [64, 64], seed: 5 }).G.weights)")
    layers = [layer for layer in models.mlp(2, 64, 64, 2) if isinstance(layer, torch.nn.Linear)]
    at = 0
    for layer in layers:
        bound = 1 / layer.in_features**0.5
        for p in (layer.weight, layer.bias):
            part = np.array(w[at : at + p.numel()])
            at += p.numel()
            assert np.abs(part).max() <= bound
            assert p.numel() < 50 or stats.kstest(part / bound, stats.uniform(-1, 2).cdf).pvalue > 1e-4
    assert at == len(w)


def test_settings_of_a_running_gan(page):
    script = """(changes) => {
      const gan = new Gan({ seed: 1 });
      for (let i = 0; i < 3; i++) gan.step();
      try { gan.set(changes); } catch (error) { return `${error.name}: ${error.message}`; }
      for (let i = 0; i < 3; i++) gan.step();
      return [gan.steps, gan.diverged, gan.losses.step.length];
    }"""
    live = {"gLr": 0.01, "dLr": 0.01, "beta1": 0.9, "nD": 2, "batch": 300, "r1": 1, "r2": 1, "noise": 0.2, "clip": 0.1}
    for game in losses.GAMES:
        assert page.evaluate(script, live | {"game": game}) == [6, 0, 6]
    assert "RangeError" in page.evaluate(script, {"target": "grid"})
    assert "nonsaturating" in page.evaluate(script, {"game": "chess"})
    assert "gLr" in page.evaluate(script, {"zDim": 1})


def test_loss_curves_are_thinned_and_complete(page):
    steps, d, g = page.evaluate(
        """() => {
          const gan = new Gan({ gHidden: [4], dHidden: [4], batch: 4, target: "line" });
          const all = { d: [0], g: [0] };
          for (let i = 0; i < 3000; i++) {
            gan.step();
            all.d.push(gan.dLoss);
            all.g.push(gan.gLoss);
          }
          const { step, d, g } = gan.losses;
          return [step, d.map((v, i) => v - all.d[step[i]]), g.map((v, i) => v - all.g[step[i]])];
        }"""
    )
    assert 250 <= len(steps) == len(d) == len(g) <= 500
    assert set(np.diff(steps)) == {8}
    assert not np.any(d)
    assert not np.any(g)


def test_chapter_one_s_recipe_learns(page):
    """A linear generator, D 1-32-32-1 and R1 0.1 find N(4, 1.25²) from several seeds."""
    script = """([settings, steps]) => {
      const gan = new Gan(settings);
      for (let i = 0; i < steps; i++) gan.step();
      return gan.measure();
    }"""
    toy = {"target": "gaussian", "zDim": 1, "gHidden": [], "gLr": 5e-3, "dLr": 5e-3, "r1": 0.1, "batch": 64}
    scores = [page.evaluate(script, [toy | {"seed": seed}, 2000])["distance"] for seed in range(3)]
    assert np.median(scores) < 0.15


def test_a_loss_that_single_precision_cannot_hold_ends_the_run(page):
    """PyTorch would say inf here: ours says at which iteration, keeps the weights, and shows finite numbers."""
    script = """(game) => {
      const gan = new Gan({ game, dHidden: [8, 8, 8, 8] });
      gan.step();
      gan.D.weights.fill(1e9);
      const before = gan.exportWeights();
      for (let i = 0; i < 3; i++) gan.step();
      const shown = [...gan.logits(gan.sampleReal(9), 9), ...gan.push(gan.sampleReal(9), 9), gan.dLoss, gan.gLoss];
      const same = JSON.stringify(before) === JSON.stringify(gan.exportWeights());
      return [gan.diverged, gan.steps, same, shown.every(Number.isFinite)];
    }"""
    for game in losses.GAMES:
        if game == "relativistic":  # equal logits cancel there
            continue
        assert page.evaluate(script, game) == [2, 1, True, True], game


FUZZ = """({ settings, later, steps }) => {
  const bad = [];
  const gan = new Gan(settings);
  const finite = (name, values) => values.every((v) => v !== null && Number.isFinite(Math.fround(v))) || bad.push(name);
  const look = () => {
    const [z, x] = [gan.sampleZ(20), gan.sampleReal(20)];
    const made = gan.generate(z, 20);
    finite("generate", made);
    for (const at of [x, made]) {
      finite("logits", gan.logits(at, 20));
      finite("push", gan.push(at, 20));
    }
    if (gan.dim === 1) finite("bestD", gan.bestD(x));
  };
  for (let i = 0; i < steps; i++) {
    if (2 * i === steps) gan.set(later);
    gan.step();
    if (i % 60 === 0) look();
  }
  look();
  const { floor, ceiling, ...now } = gan.measure();
  for (const score of [floor, ceiling, now]) finite("measure", Object.values(score));
  const { step, d, g } = gan.losses;
  finite("losses", [...step, ...d, ...g]);
  finite("weights", [...gan.G.weights, ...gan.D.weights]);
  const told = gan.diverged ? gan.steps === gan.diverged - 1 || gan.steps === gan.diverged : gan.steps === steps;
  if (!told) bad.push("diverged");
  return [bad, gan.diverged];
}"""

ENDS = {
    "target": ["gaussian", "mixture", "ring", "grid", "line", "two_pieces", "spiral", "drawn"],
    "zDim": [1, 2],
    "prior": ["normal", "uniform"],
    "activation": ["leaky_relu", "tanh"],
    "game": list(losses.GAMES),
    "optimizer": ["adam", "sgd"],
    "gLr": [1e-5, 1.0],
    "dLr": [1e-5, 1.0],
    "beta1": [0.0, 0.99],
    "nD": [1, 1, 1, 10],
    "batch": [1, 8, 8, 128],
    "r1": [0.0, 0.0, 100.0],
    "r2": [0.0, 0.0, 100.0],
    "noise": [0.0, 2.0],
    "clip": [0.0, 0.01, 1.0],
}


@pytest.mark.slow
def test_two_hundred_settings_at_the_ends_of_all_sliders(page):
    """No exception, nothing that is not finite, and a run that diverged says so; halfway the sliders jump."""
    rng = np.random.default_rng(0)
    diverged = 0
    live = [knob["key"] for knob in KNOBS if knob.get("live")]
    assert live == page.evaluate("() => LIVE")
    assert set(page.evaluate("() => Object.keys(TARGETS)")) | {"drawn"} == set(
        page.evaluate("() => CHOICES.target")
    ) | {"drawn"}
    for k in range(200):
        settings, later = ({name: ends[rng.integers(len(ends))] for name, ends in ENDS.items()} for _ in range(2))
        large = rng.random() < 0.05  # large networks are slow: few of them, with small batches
        slow = {"batch": 8, "nD": 1} if large else {}
        for name in ("gHidden", "dHidden"):
            settings[name] = [64 if large else 4] * int(rng.choice([1, 4]))
        settings |= slow | {"seed": k, "points": [0.5, -1.0, 2.0, 2.0]}
        later = {name: later[name] for name in live} | slow
        bad, at = page.evaluate(FUZZ, {"settings": settings, "later": later, "steps": 300})
        assert bad == [], (settings, later)
        diverged += at > 0
    assert 5 < diverged < 150
