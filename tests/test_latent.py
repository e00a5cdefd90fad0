"""The generator on the page: the browser's pictures against PyTorch's, every control, and what an author is told."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from finger import BELOW, PHONE, Finger
from torch import Tensor, nn

from gan_helpers import convnets, runtime, widgets
from gan_helpers.widgets import Latent, codec
from gan_helpers.widgets.page import joined

HELPERS = """
window.drawn = (i = 0) => [...host(i).shadowRoot.querySelectorAll("canvas")].map((c) => c.toDataURL());
"""
SLIDERS = ("between", "d1", "d2", "d3")


def generator(*widths: int, norm: bool = True, bend: Callable[[], nn.Module] = nn.ReLU, last: Any = nn.Tanh) -> Any:
    """A random MLP."""
    runtime.seed(3)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths[:-1]):
        layers += [nn.Linear(n_in, n_out), *([nn.BatchNorm1d(n_out)] if norm else []), bend()]
    return seen(nn.Sequential(*layers, nn.Linear(*widths[-2:]), last()), widths[0])


def seen(G: nn.Sequential, z_dim: int = 6) -> nn.Sequential:
    """The same with batch norms that have seen data, and weights about as large as those of a trained generator."""
    rng = runtime.seed(3)
    with torch.no_grad():
        for module in G.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                module.weight.mul_(2 if isinstance(module, nn.Linear) else 3)
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
                module.weight.normal_(1, 0.3, generator=rng)
                module.bias.normal_(0, 0.3, generator=rng)
        for _ in range(20):
            G(1 + 2 * torch.randn(64, z_dim, generator=rng))
    return G


def latent(G: nn.Module | None = None, **changes: Any) -> Latent:
    options: dict[str, Any] = {"z_dim": 6, "shape": (8, 8), "title": "Walk & <see>", "alt": 'A made-up "digit".'}
    return Latent(G or generator(6, 16, 32, 64), **(options | changes))


def samples(n: int, z_dim: int = 6) -> Tensor:
    return torch.randn(n, z_dim, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def show(open_page: Callable) -> Callable[..., Any]:
    """Open a page with elements, and wait until all have drawn all their pictures."""

    def show(*shown: Latent, body: str = "", after: str = "", wait: bool = True, **options: Any) -> Any:
        body += "".join(one._repr_mimebundle_()["text/html"] for one in shown) + after
        ready = "hosts().every((e) => e.shown && !e.pending)" if wait else ""
        return open_page("gan-latent", body, ready, helpers=HELPERS, **options)

    return show


def drawn(page: Any, i: int = 0) -> list[str]:
    """All pictures, the big one first, as they are once drawn."""
    page.evaluate("settled()")
    page.wait_for_function("(i) => !host(i).pending", arg=i)
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
        elif isinstance(module, nn.BatchNorm2d):
            transposed = isinstance(folded[-1], nn.ConvTranspose2d)
            folded[-1] = torch.nn.utils.fusion.fuse_conv_bn_eval(folded[-1], module, transpose=transposed)
        else:
            folded.append(module)
    for weight in nn.Sequential(*folded).parameters():  # NumPy rounds once, PyTorch's half() by way of a float
        weight.data = torch.from_numpy(weight.detach().numpy().astype(np.float16).astype(float))
    return nn.Sequential(*folded)


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


UP = [  # kernel, stride, padding, output padding
    (1, 1, 0, 0),
    (3, 1, 1, 0),
    (4, 2, 1, 0),
    (5, 2, 2, 1),
    ((2, 3), (1, 2), (0, 1), (0, 1)),
    ((4, 2), (3, 1), (2, 0), (2, 0)),
    (2, 3, 0, 0),  # gaps, where only the bias stands
]
DOWN = [(1, 1, 0), (3, 1, 1), (4, 2, 1), (5, 1, 2), ((2, 3), (2, 1), (0, 1)), (2, 3, 1)]
LAYERS = [(nn.ConvTranspose2d, numbers) for numbers in UP] + [(nn.Conv2d, numbers) for numbers in DOWN]


def convolutional(layer: Any, numbers: tuple, bias: bool = True, norm: bool = True) -> nn.Sequential:
    """6 numbers to an image: a map of 5 channels, 7 x 4, from one of 1 x 1, then the layer, then one more."""
    runtime.seed(3)
    norms = [[nn.BatchNorm2d(n)] if norm else [] for n in (5, 3)]
    start = [nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 5, (7, 4), bias=bias), *norms[0], nn.ReLU()]
    end = [layer(5, 3, *numbers, bias=bias), *norms[1], nn.LeakyReLU(0.2), nn.Conv2d(3, 1, 3, padding=1), nn.Tanh()]
    return seen(nn.Sequential(*start, *end))


@pytest.fixture(scope="module")
def on_the_page(browser: Any) -> Iterator[Callable[[Latent, Tensor], np.ndarray]]:
    """What the scripts make of some z `(n, z_dim)`, without an element."""
    page = browser.new_page()
    page.add_script_tag(content=joined("codec.js", "layers.js"))
    run = """async ([data, zs]) => {
        const { meta, channels } = await unpack(data);
        const picture = generatorOf(meta.layers, channels);
        return zs.map((z) => [...picture(Float32Array.from(z))]);
    }"""
    yield lambda shown, z: np.array(page.evaluate(run, [shown.data, z.tolist()]))
    page.close()


@pytest.mark.parametrize(("bias", "norm"), [(True, False), (False, False), (True, True), (False, True)])
@pytest.mark.parametrize(("layer", "numbers"), LAYERS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_convolutions_agree(on_the_page: Callable, layer: Any, numbers: tuple, bias: bool, norm: bool) -> None:
    G = convolutional(layer, numbers, bias, norm)
    with torch.no_grad():
        same, exact = rounded(G)(samples(5).double()), G.eval()(samples(5))
    got = on_the_page(latent(G, shape=same.shape[2:]), samples(5))
    assert got.std() > 0.05
    np.testing.assert_allclose(got, same.flatten(1), atol=1e-5)
    np.testing.assert_allclose(got, exact.flatten(1), atol=5e-3)


@pytest.mark.parametrize("project", [True, False])
def test_images_that_become_vectors_and_vectors_that_become_images(on_the_page: Callable, project: bool) -> None:
    if project:
        start = [nn.Linear(6, 5 * 12, bias=False), nn.Unflatten(1, (5, 3, 4)), nn.BatchNorm2d(5), nn.Sigmoid()]
    else:
        start = [nn.Tanh(), nn.Unflatten(1, (3, 1, 2)), nn.ConvTranspose2d(3, 5, (3, 3)), nn.LeakyReLU(0.1)]
    middle = [nn.Upsample(scale_factor=(2, 3)), nn.Conv2d(5, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten()]
    G = seen(nn.Sequential(*start, *middle, nn.Linear(3 * 4 * 10, 36), nn.BatchNorm1d(36), nn.Unflatten(1, (1, 4, 9))))
    with torch.no_grad():
        exact = G.eval()(samples(5))
    got = on_the_page(latent(G, shape=(4, 9)), samples(5))
    np.testing.assert_allclose(got, exact.flatten(1), atol=5e-3 * float(exact.abs().max()))


@pytest.mark.parametrize("build", [convnets.generator28, partial(convnets.generator28, width=16), convnets.generator64])
def test_generators_of_the_book_agree(on_the_page: Callable, build: Callable) -> None:
    G, z_dim, side = (build(width=4), 100, 64) if build is convnets.generator64 else (build(), 64, 28)
    G, z = seen(G, z_dim), samples(3, z_dim)
    with torch.no_grad():
        same = rounded(G)(z.double()).flatten(1)
    got = on_the_page(latent(G, z_dim=z_dim, shape=(side, side)), z)
    print(f"largest error {np.abs(got - same.numpy()).max():.1e}")
    np.testing.assert_allclose(got, same, atol=1e-5)


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


def test_colours_are_drawn_as_they_are_made(show: Callable) -> None:
    runtime.seed(3)
    G = seen(convnets.generator(32, 3, 2, 6, up="resize"), 6)
    element = latent(G, z_dim=6, shape=(32, 32))
    assert "32 x 32 pixels in colour" in repr(element)
    page = show(element)
    drawn_ = page.evaluate("[...inside('canvas').getContext('2d').getImageData(0, 0, 32, 32).data]")
    colours = np.array(drawn_).reshape(32, 32, 4)[..., :3].transpose(2, 0, 1)
    shown = np.array(page.evaluate("[...host().shown]")).reshape(3, 32, 32)
    np.testing.assert_allclose(colours, 255 * (shown + 1) / 2, atol=0.51)
    assert np.abs(colours[0] - colours[2]).max() > 1  # they differ
    with torch.no_grad():
        z = samples(1, 6)
        np.testing.assert_allclose(page.evaluate("(z) => [...host().picture(Float32Array.from(z))]", z[0].tolist()),
                                   rounded(G)(z.double()).flatten(), atol=1e-5)  # fmt: skip


def test_the_strip_shows_where_its_slider_leads(show: Callable) -> None:
    page = show(latent())
    part = "(left) => [...host().ways[1].strip.getContext('2d').getImageData(left, 0, 8, 8).data]"
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


def test_directions_of_a_convolutional_generator() -> None:
    G = convolutional(nn.ConvTranspose2d, (4, 2, 1)).double().eval()
    z = torch.from_numpy(np.random.default_rng(0).normal(size=(64, 6))[:16])
    image = lambda at: G(at[None]).flatten()
    squares = sum(J.T @ J for J in (torch.autograd.functional.jacobian(image, at) for at in z))
    strongest = torch.linalg.eigh(squares).eigenvectors.T.flip(0)[:3].numpy()
    found = latent(G.float(), shape=(14, 8)).directions
    np.testing.assert_allclose(np.abs(np.sum(found * strongest, axis=1)), 1, atol=1e-5)


def test_few_latent_numbers_have_as_many_directions() -> None:
    for z_dim, count in ((1, 1), (2, 2), (5, 3)):
        element = Latent(generator(z_dim, 8, 64), z_dim=z_dim, shape=(8, 8), title="t", alt="a")
        assert len(element.directions) == count


def test_samples_repeat_with_the_seed_and_are_normal(show: Callable) -> None:
    wide = generator(500, 8, 64)
    options = {"G": wide, "z_dim": 500}
    page = show(latent(**options), latent(**options), latent(**options, seed=1))
    first, again, other = (np.array(page.evaluate(f"[...host({i}).ends[0].z]")) for i in range(3))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert abs(first.mean()) < 0.2
    assert abs(first.std() - 1) < 0.15


# ---- drawing in turns


def test_strips_follow_over_several_frames_and_nothing_stays_stale(show: Callable) -> None:
    page = show(latent(convolutional(nn.ConvTranspose2d, (4, 2, 1)), shape=(14, 8)))
    before = drawn(page)
    frames = page.evaluate("""async () => {
        const move = (k, value) => { host().ways[k].input.value = value; host().changed(); };
        const frame = () => new Promise(requestAnimationFrame);
        host().patience = -1;  // one small picture a frame
        move(1, 2);
        await frame();
        window.early = { big: drawn()[0], waits: Boolean(host().pending), shown: [...host().shown] };
        for (let k = 0; k < 5; k++) await frame();
        move(2, -1);  // while the strips are still behind
        for (let k = 0; k < 40; k++) await frame();
        host().sample(0);  // another A, all else as it is
        host().changed();
        let n = 0;
        for (; host().pending; n++) await frame();
        return n;
    }""")
    early = page.evaluate("early")
    assert early["waits"]
    assert early["big"] != before[0]  # at once
    assert 36 <= frames <= 40  # small pictures
    late = drawn(page)
    page.evaluate("host().patience = 1e9; host().bigState = 0; for (const one of host().small) one.state = 0")
    page.evaluate("host().redraw()")
    assert drawn(page) == late


def test_a_strip_is_not_drawn_for_its_own_slider(show: Callable) -> None:
    page = show(latent())
    count = "const run = host().picture; window.runs = 0; host().picture = (z) => { runs++; return run(z); }"
    page.evaluate(f"() => {{ {count} }}")
    press(page, "d1", "ArrowRight")
    drawn(page)
    assert page.evaluate("runs") == 1 + 3 * 9
    page.evaluate("host().redraw()")
    drawn(page)
    assert page.evaluate("runs") == 1 + 3 * 9


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
    assert page.evaluate("[...host().shadowRoot.querySelectorAll('.value')].map((o) => o.textContent)") == [
        "1.00", "0.0", "-3.0", "0.0"]  # fmt: skip


def test_nothing_moves_by_itself_and_status_is_told_once_things_stand_still(show: Callable) -> None:
    page = show(latent(), clock=True)
    before = page.evaluate("drawn", 0)
    page.clock.run_for(10_000)
    assert page.evaluate("drawn", 0) == before
    page.evaluate("listen()")
    acted = page.evaluate("turn('#d1', 12)")
    page.clock.run_for(10_000)
    [(time, told)] = page.evaluate("told")
    assert time - acted < 1000
    assert re.fullmatch(
        r"50% of the way from A, sample 1, to B, sample 2\. Direction 1 at 1\.2, Direction 2 at 0\.0, "
        r"Direction 3 at 0\.0\. \d+% of the pixels are bright\.",
        told,
    )
    assert page.evaluate("inside('canvas').getAttribute('aria-label')") == f'A made-up "digit". {told}'
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


def test_on_a_phone_the_picture_stands_above_its_sliders_and_a_swipe_scrolls(show: Callable) -> None:
    page = show(latent(), after=BELOW, **PHONE)
    tops = "[host().big, ...host().ways.map((s) => s.input)].map((n) => n.getBoundingClientRect().bottom)"
    heights = page.evaluate(tops)
    assert heights == sorted(heights)
    assert heights[-1] - heights[0] < 700
    wide = (
        "[...host().shadowRoot.querySelectorAll('.card *:not(.told)')].filter((n) => n.scrollWidth > n.clientWidth + 1)"
    )
    assert page.evaluate(f"{wide}.filter((n) => n.clientWidth).map((n) => n.outerHTML)") == []
    finger, slider, before = Finger(page), page.locator("gan-latent #d1"), drawn(page)
    finger.swipe(slider, along=-150)
    assert page.evaluate("scrollY") > 60
    assert drawn(page) == before
    page.evaluate("scrollTo(0, 0)")
    finger.swipe(slider, across=200)
    assert page.evaluate("host().values[1]") > 0.5
    assert page.evaluate("scrollY") == 0


def test_printed_it_shows_its_pictures_without_controls(show: Callable) -> None:
    page = show(latent(), color_scheme="dark")
    page.evaluate("host().patience = -1; host().ways[1].input.value = 2; host().changed()")
    page.emulate_media(media="print")
    page.wait_for_function("host().card.dataset.theme === 'light'")
    states = "host().small.every((one) => one.state === host().state(one.way))"
    assert page.evaluate(states)  # nothing is left half drawn
    seen = "[...host().shadowRoot.querySelectorAll('button, input, .slider')].filter((n) => n.checkVisibility())"
    assert page.evaluate(f"{seen}.length") == 0
    assert "Direction 1" in page.evaluate("host().card.innerText")
    assert "2.0" in page.evaluate("host().card.innerText")
    page.set_viewport_size({"width": 640, "height": 900})
    assert page.evaluate("host().big.clientWidth / host().big.clientHeight") == pytest.approx(1, abs=0.02)


def test_two_elements_keep_to_themselves(show: Callable) -> None:
    page = show(latent(), latent())  # each bundle brings the scripts
    first, second = drawn(page, 0), drawn(page, 1)
    press(page, "between", "End")
    assert drawn(page, 0) != first
    assert drawn(page, 1) == second


def test_far_below_the_weights_stay_packed(show: Callable) -> None:
    page = show(latent(), body='<div style="height:9000px"></div>', wait=False)
    page.wait_for_timeout(200)
    assert page.evaluate("!host().card && host().shadowRoot.querySelector('slot') !== null")
    page.evaluate("host().scrollIntoView()")
    page.wait_for_function("host().shown")


def test_without_script_a_picture_stays(show: Callable) -> None:
    page = show(latent(), java_script_enabled=False, wait=False)
    assert page.locator("gan-latent img").bounding_box()["width"] > 100
    assert page.get_by_text("with JavaScript, sliders move it").is_visible()


def test_bundle_and_line() -> None:
    bundle = latent()._repr_mimebundle_()
    line = "Latent: G from 6 numbers to 8 x 8 pixels, 3 directions; open in a notebook or the book to move the sliders"
    assert bundle["text/plain"] == line
    assert "1 direction;" in repr(latent(directions=1))
    markup = re.sub(r"<script data-gan-helpers>.*?</script>", "", bundle["text/html"], flags=re.DOTALL)
    assert bundle["text/html"].count("<script data-gan-helpers>") == 1
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


def test_a_layer_that_cannot_run_is_named() -> None:
    with pytest.raises(ValueError, match=r"layer '1', Softplus\(.* cannot run on the page: Linear, "):
        latent(nn.Sequential(nn.Linear(6, 64), nn.Softplus()))


def test_sizes_that_do_not_fit_are_both_named() -> None:
    with pytest.raises(ValueError, match=r"G gives 64 numbers, which do not fit the \(height, width\) \(28, 28\)"):
        latent(shape=(28, 28))
    with pytest.raises(ValueError, match=r"G gives \(3, 8, 8\), which do not fit the \(height, width\) \(8, 24\)"):
        latent(nn.Sequential(nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 3, 8)), shape=(8, 24))
    with pytest.raises(ValueError, match=r"z_dim is 5, so Linear\(in_features=6.* gets \(5,\), which it does not take"):
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
    linear, bend = {"kind": "linear"}, {"kind": "leaky", "slope": 0}
    assert meta["layers"] == [linear, bend, linear, bend, linear, {"kind": "tanh"}]
    assert arrays["w2"].shape == (1, 32, 16)
    G = generator(64, 128, 256, 784)
    assert latent(G, z_dim=64, shape=(28, 28)).nbytes < 2.1 * sum(p.numel() for p in G.parameters())
