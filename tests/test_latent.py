"""The generator on the page: the browser's pictures against PyTorch's, every control, and what an author is told."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_helpers import codec, runtime, widgets
from gan_helpers.widgets import Latent

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Latent</title><meta name="viewport" '
    'content="width=device-width, initial-scale=1"></head><body><main><h1>Latent</h1>{}</main></body></html>'
)
HELPERS = """
window.host = (i = 0) => document.querySelectorAll("gan-latent")[i];
window.inside = (selector, i = 0) => host(i).shadowRoot.querySelector(selector);
window.drawn = (i = 0) => [...host(i).shadowRoot.querySelectorAll("canvas")].map((c) => c.toDataURL());
"""
SLIDERS = ("between", "d1", "d2", "d3")


def generator(*widths: int, norm: bool = True, bend: Callable[[], nn.Module] = nn.ReLU, last: Any = nn.Tanh) -> Any:
    """A random MLP whose batch norms have seen data, and whose weights are as large as those of a trained one."""
    rng = runtime.seed(3)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths[:-1]):
        layers += [nn.Linear(n_in, n_out), *([nn.BatchNorm1d(n_out)] if norm else []), bend()]
    G = nn.Sequential(*layers, nn.Linear(*widths[-2:]), last())
    with torch.no_grad():
        for module in G.modules():
            if isinstance(module, nn.Linear):
                module.weight.mul_(2)
            if isinstance(module, nn.BatchNorm1d):
                module.weight.normal_(1, 0.3, generator=rng)
                module.bias.normal_(0, 0.3, generator=rng)
        for _ in range(20):
            G(1 + 2 * torch.randn(64, widths[0], generator=rng))
    return G


def latent(G: nn.Module | None = None, **changes: Any) -> Latent:
    options: dict[str, Any] = {"z_dim": 6, "shape": (8, 8), "title": "Walk & <see>", "alt": 'A made-up "digit".'}
    return Latent(G or generator(6, 16, 32, 64), **(options | changes))


def samples(n: int, z_dim: int = 6) -> Tensor:
    return torch.randn(n, z_dim, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Write elements into a page, open it from file://, wait until all have drawn; console errors fail the test."""
    pages, errors = [], []

    def open_page(*shown: Latent, body: str = "", wait: bool = True, width: int = 1000, **context: Any) -> Any:
        body = body + "".join(one._repr_mimebundle_()["text/html"] for one in shown)
        (tmp_path / "page.html").write_text(PAGE.format(body), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 1200}, **context)
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: errors.append(r.url) if not re.match("file:|data:|blob:|about:", r.url) else None)
        page.add_init_script(HELPERS)
        page.goto((tmp_path / "page.html").as_uri())
        if wait:
            page.wait_for_function("[...document.querySelectorAll('gan-latent')].every((e) => e.shown)")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert errors == []


def drawn(page: Any, i: int = 0) -> list[str]:
    """All pictures, the big one first, as they are once drawn."""
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
    return page.evaluate("drawn", i)


def press(page: Any, slider: str, *keys: str) -> None:
    page.locator("gan-latent").first.locator(f"#{slider}").focus()
    for key in keys:
        page.keyboard.press(key)


# ---- the pictures are PyTorch's


def rounded(G: nn.Sequential) -> nn.Sequential:
    """Written out for this test: batch norm folded as PyTorch's own tool does, weights in half precision."""
    G = copy.deepcopy(G).double().eval()
    folded: list[nn.Module] = []
    for module in G:
        if isinstance(module, nn.BatchNorm1d):
            folded[-1] = torch.nn.utils.fusion.fuse_linear_bn_eval(folded[-1], module)
        else:
            folded.append(module)
    return nn.Sequential(*folded).half().double()


BENDS = {
    "relu": nn.ReLU,
    "leaky": lambda: nn.LeakyReLU(0.2),
    "steep": lambda: nn.LeakyReLU(0.7),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("bend", list(BENDS))
def test_browser_and_pytorch_agree(show: Callable, bend: str, norm: bool) -> None:
    G = generator(6, 16, 32, 64, norm=norm, bend=BENDS[bend], last=nn.Sigmoid if bend == "sigmoid" else nn.Tanh)
    z = samples(10)
    page = show(latent(G))
    got = np.array(page.evaluate("(zs) => zs.map((z) => [...host().picture(Float32Array.from(z))])", z.tolist()))
    with torch.no_grad():
        same, exact = rounded(G)(z.double()), copy.deepcopy(G).eval()(z)
    assert got.std() > 0.05
    np.testing.assert_allclose(got, same, atol=1e-5)
    np.testing.assert_allclose(got, exact, atol=5e-3)  # half precision keeps three digits


def test_layers_without_bias_or_scale_or_bend_and_those_passed_over(show: Callable) -> None:
    runtime.seed(0)
    G = nn.Sequential(
        nn.Sequential(nn.Linear(6, 20, bias=False), nn.BatchNorm1d(20, affine=False), nn.Dropout(0.5)),
        nn.Identity(),
        nn.Linear(20, 64),
        nn.Unflatten(1, (1, 8, 8)),
    )
    G(samples(50))
    page = show(latent(G))
    got = page.evaluate("(z) => [...host().picture(Float32Array.from(z))]", samples(1)[0].tolist())
    with torch.no_grad():
        np.testing.assert_allclose(got, G.eval()(samples(1)).flatten(), atol=3e-3)


def test_what_is_drawn_is_the_picture(show: Callable) -> None:
    page = show(latent())
    grey = page.evaluate(
        "[...inside('canvas').getContext('2d').getImageData(0, 0, 8, 8).data].filter((v, i) => i % 4 === 1)"
    )
    shown = np.array(page.evaluate("[...host().shown]"))
    np.testing.assert_allclose(grey, 255 * (shown + 1) / 2, atol=0.51)


def test_the_strip_shows_where_its_slider_leads(show: Callable) -> None:
    page = show(latent())
    part = "(left) => [...host().sliders[1].strip.getContext('2d').getImageData(left, 0, 8, 8).data]"
    ends = [page.evaluate(part, left) for left in (0, 8 * 9)]
    for key, there in zip(("Home", "End"), ends, strict=True):
        press(page, "d1", key)
        drawn(page)
        assert page.evaluate("[...inside('canvas').getContext('2d').getImageData(0, 0, 8, 8).data]") == there


def test_the_path_and_the_directions(show: Callable) -> None:
    shown = latent()
    page = show(shown)
    at = lambda *values: np.array(page.evaluate("(v) => [...host().latent(v)]", list(values)))
    a, b = (np.array(page.evaluate(f"[...host().ends[{end}].z]")) for end in (0, 1))
    np.testing.assert_allclose(at(0, 0, 0, 0), a, atol=1e-6)
    np.testing.assert_allclose(at(1, 0, 0, 0), b, atol=1e-6)
    np.testing.assert_allclose(at(1 / 3, 0, 0, 0), np.sqrt(3) / 2 * a + b / 2, atol=1e-6)
    np.testing.assert_allclose(at(0, 0, -2, 1), a + shown.directions.T @ [0, -2, 1], atol=5e-3)


def test_directions_are_orthonormal_and_those_of_most_change() -> None:
    np.testing.assert_allclose(latent().directions @ latent().directions.T, np.eye(3), atol=1e-12)
    runtime.seed(0)
    linear = nn.Sequential(nn.Linear(6, 64))
    right = torch.linalg.svd(linear[0].weight.detach().double()).Vh[:3].numpy()  # J is the weight itself
    np.testing.assert_allclose(np.abs(np.sum(latent(linear).directions * right, axis=1)), 1, atol=1e-6)


def test_samples_repeat_with_the_seed_and_are_normal(show: Callable) -> None:
    wide = generator(500, 8, 64)
    options = {"G": wide, "z_dim": 500}
    page = show(latent(**options), latent(**options), latent(**options, seed=1))
    first, again, other = (np.array(page.evaluate(f"[...host({i}).ends[0].z]")) for i in range(3))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert abs(first.mean()) < 0.2
    assert abs(first.std() - 1) < 0.15


def test_time_of_one_picture(show: Callable) -> None:
    G = generator(64, 128, 256, 784, bend=lambda: nn.LeakyReLU(0.2))
    page = show(latent(G, z_dim=64, shape=(28, 28)))
    took = page.evaluate("""() => {
        const z = host().latent(host().values), began = performance.now();
        for (let i = 0; i < 100; i++) host().picture(z);
        return (performance.now() - began) / 100;
    }""")
    print(f"{took:.2f} ms for one picture of 28 x 28")
    assert took > 0


# ---- controls


def test_every_control_changes_the_pictures_by_keyboard(show: Callable) -> None:
    page = show(latent())
    seen = [drawn(page)]
    for slider in SLIDERS:
        press(page, slider, "ArrowRight", "ArrowRight", "ArrowRight", "PageUp")
        seen.append(drawn(page))
    for name in ("Directions to 0", "New A", "New B", "New B"):
        page.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press("Enter")
        seen.append(drawn(page))
    for k in range(5):  # the big picture and each strip
        changes = [before[k] != after[k] for before, after in pairwise(seen)]
        assert changes == [k == 0 or at != k - 1 for at in range(8)]  # a slider leaves only its own strip as it is
    assert [page.evaluate(f"inside('#d{k}').value") for k in (1, 2, 3)] == ["0", "0", "0"]


def test_every_control_has_a_label_and_says_its_value(show: Callable) -> None:
    page = show(latent())
    page.get_by_label("Between A and B", exact=True).press("End")
    page.get_by_label("Direction 2", exact=True).press("Home")
    drawn(page)
    assert page.evaluate("inside('#between').getAttribute('aria-valuetext')") == "100% of the way to B"
    assert page.evaluate("inside('#d2').getAttribute('aria-valuetext')") == "-3.0"
    assert page.evaluate("[...host().shadowRoot.querySelectorAll('output')].map((o) => o.textContent)") == [
        "1.00", "0.0", "-3.0", "0.0"]  # fmt: skip


def test_nothing_moves_by_itself_and_status_is_told_once_things_stand_still(show: Callable) -> None:
    page = show(latent())
    note = "new MutationObserver(() => told.push(inside('.told').textContent))"
    page.evaluate(f"window.told = []; {note}.observe(inside('.told'), {{childList: true}})")
    before = drawn(page)
    page.wait_for_timeout(300)
    assert drawn(page) == before
    press(page, "d1", *["ArrowRight"] * 12)
    page.wait_for_function("told.length > 0")
    page.wait_for_timeout(900)
    told = page.evaluate("told")
    assert len(told) == 1
    assert re.fullmatch(
        r"50% of the way from A, sample 1, to B, sample 2\. Direction 1 at 1\.2, Direction 2 at 0\.0, "
        r"Direction 3 at 0\.0\. \d+% of the pixels are bright\.",
        told[0],
    )
    assert page.evaluate("inside('canvas').getAttribute('aria-label')") == f'A made-up "digit". {told[0]}'
    assert page.evaluate("inside('.told').getAttribute('aria-live')") == "polite"


def test_keys_that_move_a_slider_do_not_reach_the_page(show: Callable) -> None:
    page = show(latent())
    page.evaluate("window.heard = 0; document.addEventListener('keydown', () => heard++)")
    press(page, "d1", "ArrowRight")
    assert page.evaluate("heard") == 0


# ---- the page around it


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_sideways_scroll_axe_clean_light_and_dark(show: Callable, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(latent(), width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("host().card.dataset.theme") == scheme
    result = Axe().run(page)
    assert [v["id"] for v in result.response["violations"]] == [], result.generate_report()


def test_two_elements_keep_to_themselves(show: Callable) -> None:
    page = show(latent(), latent())  # each bundle brings the scripts
    first, second = drawn(page, 0), drawn(page, 1)
    press(page, "between", "End")
    assert drawn(page, 0) != first
    assert drawn(page, 1) == second


def test_far_below_the_weights_stay_packed(show: Callable) -> None:
    page = show(latent(), body='<div style="height:9000px"></div>', wait=False)
    page.wait_for_timeout(200)
    assert page.evaluate("!host().layers && host().shadowRoot.querySelector('slot') !== null")
    page.evaluate("host().scrollIntoView()")
    page.wait_for_function("host().shown")


def test_without_script_a_picture_stays(show: Callable) -> None:
    page = show(latent(), java_script_enabled=False, wait=False)
    assert page.locator("gan-latent img").bounding_box()["width"] > 100


def test_bundle_and_line() -> None:
    bundle = latent()._repr_mimebundle_()
    line = "Latent: G from 6 numbers to 8 x 8 pixels, 3 directions; open in a notebook or the book to move the sliders"
    assert bundle["text/plain"] == line
    assert "1 direction;" in repr(latent(directions=1))
    markup = re.sub(r"<script data-gan-helpers>.*?</script>", "", bundle["text/html"], flags=re.DOTALL)
    assert bundle["text/html"].count("<script data-gan-helpers>") == 2
    assert "<script" not in markup
    assert "<see>" not in markup
    assert widgets.script("gan-latent").count("</script") == 0


# ---- what an author is told


def test_folding_leaves_the_generator_untouched() -> None:
    G = generator(6, 16, 32, 64).train()
    state = {name: value.clone() for name, value in G.state_dict().items()}
    latent(G)
    assert all(module.training for module in G.modules())
    assert all(torch.equal(value, state[name]) for name, value in G.state_dict().items())
    assert all(p.requires_grad and p.grad is None and p.dtype == torch.float32 for p in G.parameters())


class Hidden(nn.Module):
    """A generator that bends once more in `forward` than its layers say."""

    def __init__(self) -> None:
        super().__init__()
        self.net = generator(6, 16, 64)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z) ** 2


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([nn.Linear(6, 64), nn.Softplus()], r"layer '1', Softplus\("),
        ([nn.Linear(6, 64), nn.ReLU(), nn.BatchNorm1d(64)], r"layer '2', BatchNorm1d\(64"),
        ([nn.Linear(6, 64), nn.BatchNorm1d(64, track_running_stats=False)], r"layer '1', BatchNorm1d\(64"),
        ([nn.Sequential(nn.ConvTranspose2d(6, 1, 8))], r"layer '0\.0', ConvTranspose2d\("),
    ],
)
def test_a_layer_that_cannot_run_is_named(layers: list[nn.Module], named: str) -> None:
    with pytest.raises(ValueError, match=named + r".*an MLP of Linear"):
        latent(nn.Sequential(*layers))


def test_sizes_that_do_not_fit_are_both_named() -> None:
    with pytest.raises(ValueError, match=r"G gives 64 numbers, which do not fit the \(height, width\) \(28, 28\)"):
        latent(shape=(28, 28))
    with pytest.raises(ValueError, match="z_dim is 5, but the first layer of G takes 6 numbers"):
        latent(z_dim=5)
    with pytest.raises(ValueError, match="directions is 7, and 6 latent numbers allow 1 to 6"):
        latent(directions=7)


def test_other_bad_input() -> None:
    with pytest.raises(ValueError, match="besides applying its layers in turn"):
        latent(Hidden())
    with pytest.raises(ValueError, match="no linear layer"):
        latent(nn.Sequential(nn.Tanh()))
    G = generator(6, 16, 64)
    with torch.no_grad():
        G[0].weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        latent(G)
    with pytest.raises(ValueError, match="the limit is 2000000"):
        latent(generator(6, 1200, 1000, 64))


def test_weights_take_two_bytes_each() -> None:
    meta, arrays = codec.decode(latent().data)
    assert meta["layers"] == [["linear", 0], ["leaky", 0], ["linear", 0], ["leaky", 0], ["linear", 0], ["tanh", 0]]
    assert arrays["w2"].shape == (1, 32, 16)
    G = generator(64, 128, 256, 784)
    assert latent(G, z_dim=64, shape=(28, 28)).nbytes < 2.1 * sum(p.numel() for p in G.parameters())
