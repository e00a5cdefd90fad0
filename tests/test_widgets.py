"""Replays: what travels to the page, what the reader can do with it there, and what an author is told."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_helpers import codec, widgets
from gan_helpers.theory import normal_pdf
from gan_helpers.widgets import Images, Losses, Points, Replay, Setting, Toy1D, Trail

X = np.linspace(-6, 8, 96)
Z = np.linspace(-2, 2, 15)
STEPS = [0, 10, 20, 30, 40, 50]
RATE = Setting("d_lr", "Learning rate of D", [0.0005, 0.005, 0.05], default=0.005)
GAME = Setting("game", "Loss <b>of G</b>", {"saturating": "saturating", "ns": "non-saturating"})


def record(d_lr: float = 0.005, game: str = "ns") -> dict[str, Any]:
    """A made-up run whose generator walks towards the data, faster with a larger rate."""
    t = np.arange(len(STEPS))[:, None]
    mean = 4 * (1 - np.exp(-t * d_lr * 60)) - (game == "ns")
    p, q = normal_pdf(X, 3, 1), normal_pdf(X - mean, 0, 1.3)
    return {
        "p_data": p,
        "p_gen": q,
        "d_prob": (p + 0.02) / (p + q + 0.04),
        "x_of_z": mean + 1.3 * Z,
        "d_loss": 1.4 - 0.1 * np.cos(t[:, 0] * 100 * d_lr),
        "g_loss": 0.7 + d_lr * t[:, 0],
        "w1": np.abs(3 - mean[:, 0]),
    }


def toy(runs: Any = record, settings: Any = (RATE, GAME), **changes: Any) -> Replay:
    options: dict[str, Any] = {
        "settings": settings,
        "steps": STEPS,
        "views": [Toy1D(X, z=Z), Losses()],
        "metrics": {"W1": "w1"},
        "title": "Two bumps & a <judge>",
        "alt": 'Densities "real" and generated.',
    }
    return Replay(runs, **(options | changes))


# ---- the codec


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 33), (3, 7, 33, 2), (2, 4, 3, 8, 8), (4, 1, 2), (1, 1)])
@pytest.mark.parametrize("bits", [8, 9, 12, 15])
def test_codec_round_trip_within_half_a_level(shape: tuple[int, ...], bits: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=shape).cumsum(-1) * 3
    values[rng.random(shape) < 0.1] = np.nan
    values[-1] = values[0]  # a repeated run
    meta, arrays = codec.decode(codec.encode({"a": [1, "é"]}, {"v": codec.quantise(values, bits=bits)}))
    assert meta == {"a": [1, "é"]}
    span = np.nanmax(values) - np.nanmin(values) if np.isfinite(values).any() else 0.0
    np.testing.assert_array_equal(np.isnan(arrays["v"]), np.isnan(values))
    assert np.nanmax(np.abs(arrays["v"] - values), initial=0) <= span / (2 * (2**bits - 2)) + 1e-9


def test_codec_keeps_scalars_to_three_digits_and_images_exactly() -> None:
    scalars = np.array([[1.3863, -250.3, 1e-3, 0.0, np.inf, 1e30]])
    images = np.random.default_rng(0).integers(0, 256, (1, 3, 4, 5, 5)).astype(np.uint8)
    _, arrays = codec.decode(codec.encode({}, {"s": codec.halves(scalars), "i": codec.Channel(images)}))
    np.testing.assert_allclose(arrays["s"][0, :4], scalars[0, :4], rtol=5e-4)
    assert np.isnan(arrays["s"][0, 4])
    assert arrays["s"][0, 5] == 65504
    np.testing.assert_array_equal(arrays["i"], images)


def test_square_root_levels_keep_the_closed_form_where_densities_are_small() -> None:
    p, q = normal_pdf(X, 3, 1), normal_pdf(X, 2, 0.4)
    p8, q8 = codec.quantise(p[None], lo=0, power=2).values()[0], codec.quantise(q[None], lo=0, power=2).values()[0]
    seen = p + q > 0.01
    assert np.abs(p8[seen] / (p8 + q8)[seen] - (p / (p + q))[seen]).max() < 0.03


@pytest.mark.parametrize("values", [np.full((2, 3), np.nan), np.full((2, 3), 5.0), np.zeros((1, 1, 1))])
def test_codec_with_nothing_to_scale(values: np.ndarray) -> None:
    _, arrays = codec.decode(codec.encode({}, {"v": codec.quantise(values)}))
    np.testing.assert_array_equal(arrays["v"], values)


def hundred_runs() -> dict[str, codec.Channel]:
    """100 runs of 60 frames: three curves of 128 points, as training makes them, noise from step to step included."""
    rng = np.random.default_rng(0)
    x, t = np.linspace(-6, 10, 128), np.linspace(0, 1, 60)
    p, p_gen, d_prob = normal_pdf(x, 4, 1.25), np.empty((100, 60, 128)), np.empty((100, 60, 128))
    for k in range(100):
        speed, turns = rng.uniform(1, 8), rng.uniform(0, 12)
        walk = 0.05 * rng.normal(size=60).cumsum()
        mean = 4 * (1 - np.exp(-speed * t)) + rng.uniform(0, 1.5) * np.sin(turns * t) + walk
        sd = 0.3 + 1.25 * (1 - np.exp(-speed * t)) + 0.2 * np.abs(np.sin(0.7 * turns * t))
        p_gen[k] = np.exp(-0.5 * ((x - mean[:, None]) / sd[:, None]) ** 2) / (sd[:, None] * np.sqrt(2 * np.pi))
        bends = np.tanh((x - rng.uniform(-6, 10, (12, 1))) * rng.uniform(0.5, 3, (12, 1)))  # the kinks of 12 units
        d_prob[k] = np.clip(p / (p + p_gen[k] + 1e-3) + 0.02 * rng.normal(size=(60, 12)).cumsum(0) @ bends, 0, 1)
    return {
        "p_gen": codec.quantise(p_gen, lo=0, power=2),
        "d_prob": codec.quantise(d_prob, lo=0, hi=1),
        "third": codec.quantise(p_gen * d_prob[::-1], lo=0, power=2),
    }


@pytest.fixture(scope="module")
def big() -> str:
    return codec.encode({}, hundred_runs())


def test_a_hundred_runs_fit_into_500_kb(big: str) -> None:
    assert len(base64.b64decode(big)) < 500_000


# ---- what an author is told


def test_a_missing_run_is_named() -> None:
    runs = {(d_lr, game): record(d_lr, game) for d_lr in RATE.values for game in GAME.values}
    del runs[0.05, "ns"]
    with pytest.raises(ValueError, match=r"1 of 6 runs are missing, the first is d_lr=0\.05, game='ns'"):
        toy(runs)


def test_shapes_that_do_not_fit_are_both_named() -> None:
    run = record()
    with pytest.raises(ValueError, match=r"'p_gen' .* has shape \(6, 95\), and \(6, 96\) is needed"):
        toy(run | {"p_gen": run["p_gen"][:, 1:]}, settings=())
    with pytest.raises(ValueError, match=r"'d_loss' .* has shape \(5,\), and \(6,\) is needed"):
        toy(run | {"d_loss": run["d_loss"][1:]}, settings=())
    with pytest.raises(ValueError, match="has no array 'x_of_z'; it has"):
        toy({k: v for k, v in run.items() if k != "x_of_z"}, settings=())


def test_other_bad_input() -> None:
    with pytest.raises(ValueError, match="default 3 of setting 'a' is not among its values"):
        Setting("a", "A", [1, 2], default=3)
    with pytest.raises(ValueError, match="each only once"):
        Setting("a", "A", [1, 1])
    with pytest.raises(ValueError, match="ascending"):
        Toy1D(X[::-1])
    with pytest.raises(ValueError, match="limit is 100"):
        toy(max_bytes=100)
    with pytest.raises(ValueError, match="start=9 is not a frame"):
        toy(start=9)
    with pytest.raises(ValueError, match="images must be uint8"):
        Replay({"f": np.zeros((2, 4, 8, 8))}, steps=[0, 1], views=[Images("f", rows=2, cols=2)], title="t", alt="a")
    with pytest.raises(ValueError, match="levels must be"):
        Images(rows=1, cols=1, levels=1)


def test_runs_may_be_a_mapping_a_function_tensors_or_a_single_run() -> None:
    import torch

    runs = {d_lr: record(d_lr) for d_lr in RATE.values}
    tensors = {k: {n: torch.tensor(np.asarray(a, np.float32)) for n, a in run.items()} for k, run in runs.items()}
    by_name = toy(lambda d_lr: runs[d_lr], [RATE])
    assert toy(runs, [RATE]).data == by_name.data
    assert (
        repr(toy(tensors, [RATE]))
        == "Replay: 3 settings x 6 frames; open in a notebook or the book to move the sliders"
    )
    assert repr(toy(record(), ())).startswith("Replay: 1 run x 6 frames")


# ---- the bundle


class Elements(HTMLParser):
    """Start tags with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, dict(attrs)))


def test_bundle_holds_a_line_a_picture_and_a_guarded_script() -> None:
    bundle = toy()._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Replay: 6 settings")
    found = Elements(bundle["text/html"]).found
    assert [tag for tag, _ in found] == ["gan-replay", "p", "strong", "img", "script"]
    picture = found[3][1]
    assert picture["alt"].startswith('Densities "real" and generated.')
    assert base64.b64decode(picture["src"].split(",")[1]).startswith(b"\x89PNG")
    without_script = re.sub(r"<script data-gan-helpers>.*?</script>", "", bundle["text/html"], flags=re.DOTALL)
    assert "<script" not in without_script
    assert "<judge>" not in without_script
    assert widgets.script().count("</script") == 0


def test_script_is_small_and_needs_nothing_else() -> None:
    assert len(widgets.script().encode()) < 32_000
    assert len(widgets.script("gan-lab").encode()) < 60_000
    assert len(widgets.script("gan-latent").encode()) < 12_000
    text = "".join(map(widgets.script, widgets.SCRIPTS))
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|\bimport\b|\brequire\b|\bfetch\(", text)


# ---- in a browser


HELPERS = """
window.drawn = (i = 0) => [...host(i).shadowRoot.querySelectorAll("canvas")].map((c) => c.toDataURL()).join();
"""


@pytest.fixture
def show(open_page: Callable) -> Callable[..., Any]:
    """Open a page with replays, and wait until all have started."""

    def show(*replays: Replay, wait: bool = True, body: str = "", **options: Any) -> Any:
        body += "".join(replay._repr_mimebundle_()["text/html"] for replay in replays)
        ready = "hosts().every((e) => e.card)" if wait else ""
        return open_page("gan-replay", body, ready, helpers=HELPERS, **options)

    return show


def settle(page: Any) -> None:
    """Let two animation frames pass, so that what was asked for is drawn."""
    page.evaluate("settled()")


def drawn(page: Any, i: int = 0) -> str:
    settle(page)
    return page.evaluate("drawn", i)


def press(page: Any, selector: str, *keys: str) -> None:
    """Focus a control inside the (first) element and press keys."""
    page.locator("gan-replay").first.locator(selector).focus()
    for key in keys:
        page.keyboard.press(key)


def test_every_control_changes_the_picture_by_keyboard(show: Callable) -> None:
    page = show(toy())
    seen = [drawn(page)]
    for selector, key in (("#time", "ArrowRight"), ("#time", "End"), ("#s0", "ArrowRight"), ("#s1", "ArrowDown")):
        press(page, selector, key)
        seen.append(drawn(page))
    press(page, ".legend input", "Space")
    seen.append(drawn(page))
    assert len(set(seen)) == 6
    assert page.evaluate("inside('#time + *, .time output').textContent") == "50"
    assert page.evaluate("inside('.settings output').textContent") == "0.05"
    assert page.evaluate("inside('#time').getAttribute('aria-valuetext')") == "step 50"


def test_slider_ends_never_crash_and_stay_in_range(show: Callable) -> None:
    page = show(toy())
    for selector in ("#time", "#s0"):
        press(page, selector, "Home", "ArrowLeft", "End", "ArrowRight", "PageUp", "PageDown")
    assert page.evaluate("host().run") < 6


def test_browser_decodes_what_python_encoded(show: Callable) -> None:
    run = record()
    run["d_loss"] = run["d_loss"] * 300
    replay = toy(run, settings=())
    page = show(replay)
    _, arrays = codec.decode(replay.data)
    for name in ("p_data", "p_gen", "d_prob", "x_of_z", "d_loss", "w1"):
        timed = name != "p_data"
        got = page.evaluate(f"[...host().channels.{name}.values(0{', 3' if timed else ''})]")
        np.testing.assert_allclose(
            got, np.atleast_1d(arrays[name][0, 3] if timed else arrays[name][0]), atol=1e-5, rtol=1e-6
        )


def test_every_combination_shows_its_own_run(show: Callable) -> None:
    page = show(toy())
    press(page, "#time", "End")
    for i, d_lr in enumerate(RATE.values):
        for k, game in enumerate(GAME.values):
            page.evaluate(f"host().choose(0, {i}), host().choose(1, {k})")
            shown = page.evaluate("inside('.metrics b').textContent")
            assert float(shown) == pytest.approx(record(d_lr, game)["w1"][-1], rel=2e-3, abs=1e-3)


def test_status_is_told_now_and_then_while_playing(show: Callable) -> None:
    page = show(toy(fps=30, loop=True))
    page.evaluate("window.told = 0; new MutationObserver(() => told++).observe(inside('.told'), {childList: true})")
    page.locator("gan-replay .play").click()
    page.wait_for_timeout(2500)  # 75 frames
    assert page.evaluate("told") == 1


def test_status_is_told_in_words_once_things_stand_still(show: Callable) -> None:
    page = show(toy())
    note = "new MutationObserver(() => told.push(inside('.told').textContent))"
    page.evaluate(f"window.told = []; {note}.observe(inside('.told'), {{childList: true}})")
    press(page, "#time", "ArrowRight", "ArrowRight", "ArrowRight")
    page.wait_for_function("told.length > 0")
    page.wait_for_timeout(900)
    told = page.evaluate("told")
    assert len(told) == 1  # three key presses, one sentence
    assert re.fullmatch(r"Step 30\. Learning rate of D 0\.005, Loss <b>of G</b> saturating, W1 [\d.]+\.", told[0])
    assert page.evaluate("inside('.told').getAttribute('aria-live')") == "polite"


def test_play_runs_to_the_end_stops_and_pauses(show: Callable) -> None:
    page = show(toy(fps=30))
    assert page.evaluate("host().frame") == 0  # nothing moves before it is asked to
    button = page.locator("gan-replay .play")
    button.click()
    assert button.inner_text() == "Pause"
    page.wait_for_function("host().frame === 5 && !host().timer")
    assert button.inner_text() == "Play"
    button.click()
    button.click()
    assert page.evaluate("host().frame") < 5


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_autoplay_only_when_asked_and_never_with_reduced_motion(show: Callable, motion: str) -> None:
    page = show(toy(autoplay=True, loop=True), reduced_motion=motion)
    assert page.evaluate("Boolean(host().timer)") is (motion == "no-preference")
    page.locator("gan-replay .play").click()  # the button works either way
    assert page.evaluate("Boolean(host().timer)") is (motion == "reduce")


def test_play_stops_out_of_sight(show: Callable) -> None:
    page = show(
        body=toy(autoplay=True, loop=True)._repr_mimebundle_()["text/html"] + '<div style="height:5000px"></div>'
    )
    page.evaluate("scrollTo(0, 4000)")
    page.wait_for_function("!host().timer")


def test_an_element_far_below_waits_until_it_comes_near(show: Callable) -> None:
    page = show(body='<div style="height:9000px"></div>' + toy()._repr_mimebundle_()["text/html"], wait=False)
    page.wait_for_timeout(200)
    assert page.evaluate("!host().card && host().shadowRoot.querySelector('slot') !== null")
    page.evaluate("host().scrollIntoView()")
    page.wait_for_function("host().card")


def test_theme_changes_are_followed_live(show: Callable) -> None:
    page = show(toy(), color_scheme="light")
    light = drawn(page)
    theme = "host().card.dataset.theme"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{theme} === 'dark'")
    dark = drawn(page)
    assert dark != light
    page.evaluate("document.documentElement.dataset.theme = 'light'")  # the book's own switch wins
    page.wait_for_function(f"{theme} === 'light'")
    page.evaluate("delete document.documentElement.dataset.theme; document.body.dataset.jpThemeLight = 'true'")
    page.wait_for_timeout(50)
    assert page.evaluate(theme) == "light"
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")  # JupyterLab's
    page.wait_for_function(f"{theme} === 'dark'")
    assert page.evaluate("host().pal.real") == "#56B4E9"


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_horizontal_scroll_and_axe_clean(show: Callable, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(toy(), width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    result = Axe().run(page)
    assert [v["id"] for v in result.response["violations"]] == [], result.generate_report()


def test_two_elements_and_a_second_script_keep_to_themselves(show: Callable) -> None:
    page = show(toy(), toy())  # each bundle brings the script
    first, second = drawn(page, 0), drawn(page, 1)
    press(page, "#time", "End")
    assert drawn(page, 0) != first
    assert drawn(page, 1) == second


def test_a_deferred_script_in_the_head_starts_it_as_well(show: Callable, tmp_path: Path) -> None:
    (tmp_path / "gan-helpers.js").write_text(widgets.script(), encoding="utf-8")
    markup = toy()._repr_mimebundle_()["text/html"].split("<script")[0]
    page = show(body=f'<script defer src="gan-helpers.js"></script>{markup}')
    assert page.evaluate("host().channels.p_gen.shape") == [6, 6, 96]


def test_it_works_in_a_sandboxed_frame_and_when_moved(show: Callable) -> None:
    inner = toy()._repr_mimebundle_()["text/html"].replace("&", "&amp;").replace('"', "&quot;")
    frame = f'<iframe sandbox="allow-scripts" title="output" width="800" height="900" srcdoc="{inner}"></iframe>'
    page = show(body=frame)
    inside = page.frames[1]
    inside.wait_for_function("document.querySelector('gan-replay').card")
    inside.evaluate("document.body.append(document.querySelector('gan-replay'))")  # out and in again
    inside.locator("gan-replay #time").press("End")
    assert inside.evaluate("document.querySelector('gan-replay').frame") == 5


def test_without_script_the_picture_stays(show: Callable) -> None:
    page = show(toy(), java_script_enabled=False, wait=False)
    box = page.locator("gan-replay img").bounding_box()
    assert box["width"] > 300


def test_keys_that_move_a_slider_do_not_reach_the_page(show: Callable) -> None:
    page = show(toy())
    page.evaluate("window.heard = 0; document.addEventListener('keydown', () => heard++)")
    press(page, "#time", "ArrowRight")
    assert page.evaluate("heard") == 0


def test_the_loss_curve_is_a_time_line(show: Callable) -> None:
    page = show(toy())
    box = page.locator("gan-replay canvas.timeline").bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 40)
    assert page.evaluate("host().frame") == 5
    page.mouse.click(box["x"] + 1, box["y"] + 40)
    assert page.evaluate("host().frame") == 0


def test_a_diverged_run_says_so_and_leaves_a_gap(show: Callable) -> None:
    run = {name: a if name == "p_data" else widgets.pad(a[:3], len(STEPS)) for name, a in record().items()}
    page = show(toy(run, settings=()))
    assert "diverged" not in page.evaluate("host().sentence()")
    press(page, "#time", "End")
    assert "diverged at step 30" in page.evaluate("host().sentence()")
    settle(page)
    assert "diverged at step 30" in page.evaluate("inside('canvas').getAttribute('aria-label')")
    assert "diverged at step 30" in page.evaluate("inside('.metrics').textContent")


def test_text_of_the_author_is_never_markup(show: Callable) -> None:
    page = show(toy(title="<img src=x onerror=alert(1)>", metrics={"<b>": "w1"}))
    assert page.evaluate("inside('img, b b')") is None
    assert "<b>" in page.evaluate("inside('.metrics').textContent")


def test_images_and_points(show: Callable) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (len(STEPS), 6, 8, 8)).astype(np.uint8)
    run = {"frames": images, "real": rng.normal(size=(40, 2)), "fake": rng.normal(size=(len(STEPS), 50, 2))}
    views = [Images(rows=2, cols=3, smooth=False, levels=256), Points()]
    page = show(Replay(run, steps=STEPS, views=views, title="Digits", alt="Six digits and some points."))
    np.testing.assert_array_equal(page.evaluate("[...host().channels.frames.values(0, 2)]"), images[2].ravel())
    before = drawn(page).split("data:image")
    press(page, "#time", "ArrowRight")
    after = drawn(page).split("data:image")
    assert before[1] != after[1]
    assert before[2] != after[2]
    pixel = """() => {
        const canvas = inside("canvas"), k = Math.min(640, canvas.clientWidth) / 27;  // 3 pictures of 8 + 1 pixels
        const left = (canvas.clientWidth - 27 * k) / 2;
        return canvas.getContext("2d").getImageData(left + 2.5 * k, 3.5 * k, 1, 1).data[0];
    }"""
    assert page.evaluate(pixel) == images[1, 0, 3, 2]  # crisp: row 3, column 2 of the first picture at step 10


def test_trail_leaves_its_point_where_it_was_recorded(show: Callable) -> None:
    view = Trail(limits=(-2.0, 2.0), side=5)
    path = np.stack([np.linspace(-1, 1, len(STEPS)), np.full(len(STEPS), 0.5)], axis=-1)
    runs = {"in": {"path": path, "push": -view.places()}, "out": {"path": 9 * path, "push": view.places()}}
    setting = Setting("way", "Way", ["in", "out"])
    page = show(Replay(runs, steps=STEPS, views=[view], settings=[setting], title="Two players", alt="A point."))
    np.testing.assert_allclose(page.evaluate("[...host().channels.path.values(0, 2)]"), path[2], atol=2e-3)
    inside = drawn(page)
    press(page, "#time", "End")
    assert drawn(page) != inside
    vermilion = """() => {
        const c = inside("canvas"), seen = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        let found = 0;
        for (let i = 0; i < seen.length; i += 4) found += seen[i] > 200 && seen[i + 1] < 120 && seen[i + 2] < 60;
        return found;
    }"""
    settle(page)
    assert page.evaluate(vermilion) > 100  # the trail
    press(page, "#s0", "ArrowDown")
    settle(page)
    assert page.evaluate(vermilion) > 20  # the point has left, and its cross stays at the edge


def test_a_single_frame_needs_no_scrubber(show: Callable) -> None:
    run = {name: a if name == "p_data" else a[:1] for name, a in record().items()}
    page = show(toy(run, settings=(), steps=[7]))
    assert not page.locator("gan-replay .time").is_visible()


def test_unreadable_data_leave_the_picture_and_say_why(show: Callable) -> None:
    markup = re.sub(' data="[^"]*"', ' data="AAAA"', toy()._repr_mimebundle_()["text/html"])
    page = show(body=markup, wait=False)
    page.wait_for_function("inside('[role=status]')")
    assert "could not start" in page.evaluate("inside('[role=status]').textContent")
    assert page.locator("gan-replay img").is_visible()


def test_decoding_a_hundred_runs(show: Callable, big: str, capsys: pytest.CaptureFixture) -> None:
    page = show(toy())
    decode = """async (data) => {
        const element = document.createElement("gan-replay");
        element.setAttribute("data", data);
        await element.start().catch(() => {});  // these data describe no views
        return element.decodeMs;
    }"""
    times = [page.evaluate(decode, big) for _ in range(3)]
    with capsys.disabled():
        print(f"\ndecoding 100 runs x 60 frames x 3 curves x 128 points: {min(times):.0f} ms")
    assert all(t > 0 for t in times)


@pytest.mark.skipif(shutil.which("node") is None, reason="left out, no node here")
def test_script_parses_in_node(tmp_path: Path) -> None:
    (tmp_path / "all.js").write_text(widgets.script(), encoding="utf-8")
    subprocess.run(["node", "--check", str(tmp_path / "all.js")], check=True)


def test_importing_the_package_does_not_import_the_widgets() -> None:
    code = "import sys, gan_helpers; assert 'ipywidgets' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
