"""Replays: what travels to the page, what the reader can do with it there, and what an author is told."""

from __future__ import annotations

import base64
import io
import itertools
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
from finger import BELOW, PHONE, Finger
from matplotlib.figure import Figure
from PIL import Image

from gan_helpers import widgets
from gan_helpers.theory import normal_pdf
from gan_helpers.widgets import Images, Losses, Points, Replay, Setting, Toy1D, codec
from gan_helpers.widgets import page as page_module

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
        "start": 0,
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


def test_gaps_in_what_stands_for_all_frames_are_named() -> None:
    run = {"real": np.array([[0.0, np.nan]]), "fake": np.zeros((2, 3, 2))}
    with pytest.raises(ValueError, match=r"'real' of run \(\) holds NaN or infinities"):
        Replay(run, steps=[0, 1], views=[Points()], title="t", alt="a")


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
    assert [tag for tag, _ in found] == ["gan-replay", "p", "strong", "img", "p", "script"]
    picture = found[3][1]
    assert picture["alt"].startswith('Densities "real" and generated.')
    assert base64.b64decode(picture["src"].split(",")[1]).startswith(b"\x89PNG")
    without_script = re.sub(r"<script data-gan-helpers>.*?</script>", "", bundle["text/html"], flags=re.DOTALL)
    assert "<script" not in without_script
    assert "<judge>" not in without_script
    assert widgets.script().count("</script") == 0


OF_ONE = {
    "gan-replay": "class GanReplay",
    "gan-lab": "class Gan {",
    "gan-latent": "class GanLatent",
    "gan-figure": "class GanFigure",
}


@pytest.mark.parametrize(
    ("element", "most"), [("gan-replay", 39_000), ("gan-lab", 80_000), ("gan-latent", 30_000), ("gan-figure", 39_000)]
)
def test_script_is_small_and_holds_nothing_of_the_others(element: str, most: int) -> None:
    text = widgets.script(element)
    assert len(text.encode()) < most
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|\b(import|export|require)\b|\bfetch\(|/\*|^//", text)
    assert {name for name, part in OF_ONE.items() if part in text} == {element}


def test_a_module_that_cannot_be_joined_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "STATIC", tmp_path)
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = 1;\n')
    (tmp_path / "b.js").write_text('import { c as d } from "./c.js";\n')
    with pytest.raises(ValueError, match=r"b\.js: cannot join 'import \{ c as d \}"):
        page_module.joined("a.js")
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\n')
    with pytest.raises(ValueError, match=r"a\.js -> b\.js -> a\.js"):
        page_module.joined("a.js")
    (tmp_path / "b.js").write_text("export const b = 2;\n")
    assert page_module.joined("a.js", "b.js") == "const b = 2;\nconst a = 1;\n"


def test_two_modules_must_not_declare_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "STATIC", tmp_path)
    (tmp_path / "a.js").write_text(
        'import { f } from "./b.js";\nexport function g() { return f(); }\nconst fill = 1;\n'
    )
    (tmp_path / "b.js").write_text("export function f() {}\nfunction fill() {}\n")
    with pytest.raises(ValueError, match=r"b\.js and a\.js both declare fill"):
        page_module.joined("a.js")


@pytest.mark.parametrize("element", widgets.SCRIPTS)
def test_an_element_hides_nothing_that_every_element_has(open_page: Callable, element: str) -> None:
    """A method or a field named `after`, say, would break what the browser and other scripts do with the element."""
    page = open_page(element, f"<script>{widgets.script(element)}</script>")
    hidden = page.evaluate(
        """(tag) => {
          const meant = ["constructor", "connectedCallback", "disconnectedCallback"];
          const one = document.createElement(tag), names = Object.getOwnPropertyNames(one);
          for (let its = Object.getPrototypeOf(one); its !== HTMLElement.prototype; its = Object.getPrototypeOf(its)) {
            names.push(...Object.getOwnPropertyNames(its));
          }
          return { looked: names.length, found: names.filter((n) => n in HTMLElement.prototype && !meant.includes(n)) };
        }""",
        element,
    )
    assert hidden["looked"] > 30
    assert hidden["found"] == []


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
    assert page.evaluate("inside('.time .value').textContent") == "50"
    assert page.evaluate("inside('.settings .value').textContent") == "0.05"
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
    page = show(toy(fps=30, loop=True), clock=True)
    page.evaluate("listen()")
    page.locator("gan-replay .play").click()
    page.clock.run_for(10_000)  # 300 frames
    times = [time for time, _ in page.evaluate("told")]
    assert len(times) == 2
    assert all(later - earlier >= 4000 for earlier, later in itertools.pairwise(times))


def test_status_is_told_in_words_once_things_stand_still(show: Callable) -> None:
    page = show(toy(), clock=True)
    page.clock.run_for(2000)  # what there was to say of the start has been said
    page.evaluate("listen()")
    acted = page.evaluate("turn('#time', 3)")
    page.clock.run_for(10_000)
    [(time, told)] = page.evaluate("told")  # three moves, one sentence
    assert time - acted < 1000
    assert re.fullmatch(r"Step 30\. Learning rate of D 0\.005, Loss <b>of G</b> saturating, W1 [\d.]+\.", told)
    assert page.evaluate("inside('.told').getAttribute('aria-live')") == "polite"


def test_play_runs_to_the_end_stops_and_pauses(show: Callable) -> None:
    page = show(toy(fps=30))
    assert page.evaluate("host().frame") == 0  # nothing moves before it is asked to
    press = "inside('.play').click(), inside('.play').textContent.trim()"  # at once: on a slow machine the film may end
    assert page.evaluate(press) == "Pause"
    page.wait_for_function("host().frame === 5 && !host().timer")
    assert page.locator("gan-replay .play").inner_text() == "Play"
    assert page.evaluate(press) == "Pause"
    assert page.evaluate(f"({press}, host().frame)") < 5


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
    page = show(Replay(run, steps=STEPS, views=views, title="Digits", alt="Six digits and some points.", start=0))
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


def test_images_in_colour(show: Callable) -> None:
    images = np.random.default_rng(1).integers(0, 256, (len(STEPS), 6, 3, 8, 8)).astype(np.uint8)
    view = Images(rows=2, cols=3, channels=3, smooth=False, levels=256)
    replay = Replay({"frames": images}, steps=STEPS, views=[view], title="Six", alt="Six colours.", start=0)
    page = show(replay)
    pixel = """() => {
        const canvas = inside("canvas"), k = Math.min(640, canvas.clientWidth) / 27;
        const left = (canvas.clientWidth - 27 * k) / 2;
        return [...canvas.getContext("2d").getImageData(left + 11.5 * k, 12.5 * k, 1, 1).data];
    }"""
    assert page.evaluate(pixel) == [*images[0, 4, :, 3, 2], 255]  # row 1, column 1: the fifth picture
    assert Image.open(io.BytesIO(replay.still())).convert("RGB").getcolors(10**6)
    with pytest.raises(ValueError, match=r"channels must be 1 \(grey\) or 3 \(colour\), got 2"):
        Images(rows=1, cols=1, channels=2)
    with pytest.raises(ValueError, match="has shape"):
        Replay({"frames": images[:, :, 0]}, steps=STEPS, views=[view], title="t", alt="a")


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


# ---- where it opens, and how long a film lasts


CHANGED = """async (i, k) => {
    const pixels = () => [...host().shadowRoot.querySelectorAll("canvas")].map((c) =>
        new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer));
    const before = pixels();
    const kept = host().choice[i];
    host().choose(i, k);
    await settled();
    const after = pixels();
    host().choose(i, kept);
    await settled();
    const changed = before.map((canvas, n) => canvas.filter((v, at) => v !== after[n][at]).length);
    return changed.reduce((a, b) => a + b) / before.reduce((sum, canvas) => sum + canvas.length, 0);
}"""


def test_it_opens_where_each_setting_changes_the_picture(show: Callable) -> None:
    """At least 5 % of its pixels; at the first step all runs look alike."""
    shares = {}
    for name, options in {"last": {}, "first": {"start": 0}}.items():
        replay = Replay(
            record, settings=[RATE, GAME], steps=STEPS, views=[Toy1D(X, z=Z), Losses()], title="t", alt="a", **options
        )
        page = show(replay)
        change = f"(async ([i, k]) => ({CHANGED})(i, k))"
        shares[name] = [page.evaluate(change, [i, k]) for i, k in ((0, 0), (0, 2), (1, 1))]
    assert min(shares["last"]) > 0.05
    assert min(shares["first"]) < 0.05


@pytest.mark.parametrize("frames", [2, 4, 20, 61, 251])
def test_a_film_lasts_at_least_six_seconds(frames: int) -> None:
    losses = {"d_loss": np.ones(frames), "g_loss": np.ones(frames)}
    options: dict[str, Any] = {"steps": range(frames), "views": [Losses()], "title": "t", "alt": "a"}
    meta, _ = codec.decode(Replay(losses, **options).data)
    assert 6 <= (frames - 1) / meta["fps"] < 20
    assert meta["first"] == frames - 1
    meta, _ = codec.decode(Replay(losses, fps=30, start=0, **options).data)
    assert (meta["fps"], meta["first"]) == (30, 0)


def test_a_film_goes_on_where_it_was_left(show: Callable) -> None:
    body = toy(loop=True, fps=30)._repr_mimebundle_()["text/html"] + '<div style="height:5000px"></div>'
    page = show(body=body)
    page.locator("gan-replay .play").click()
    for go, plays in ((4000, "false"), (0, "true")):
        page.evaluate(f"scrollTo(0, {go})")
        page.wait_for_function(f"Boolean(host().timer) === {plays}")
    page.locator("gan-replay .play").click()
    for go in (4000, 0):
        page.evaluate(f"scrollTo(0, {go})")
        page.wait_for_function(f"host().inSight === {str(go == 0).lower()}")
    assert page.evaluate("!host().timer")  # the reader paused it


# ---- on a phone


def test_on_a_phone_the_picture_stands_above_its_sliders(show: Callable) -> None:
    order = "[...host().shadowRoot.querySelectorAll('canvas, input[type=range], select')].map((n) => n.id || n.tagName)"
    page = show(toy(), width=390)
    assert page.evaluate(order) == ["CANVAS", "s0", "s1", "time", "CANVAS"]  # the tab key follows what is seen
    tops = page.evaluate(order.replace("n.id || n.tagName", "n.getBoundingClientRect().top"))
    assert tops[0] < min(tops[1:3]) < max(tops[1:3]) < tops[3] < tops[4]
    assert tops[3] - tops[0] < 700
    press(page, "#s0", "ArrowRight")
    before = drawn(page)
    page.set_viewport_size({"width": 1000, "height": 900})
    page.wait_for_function("!host().narrow")
    assert page.evaluate(order) == ["s0", "s1", "time", "CANVAS", "CANVAS"]
    assert page.evaluate("host().shadowRoot.activeElement.id") == "s0"
    assert drawn(page) != before


NOTE_TEXT = """
const write = CanvasRenderingContext2D.prototype.fillText;
window.outside = [];
window.sizes = new Set();
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const m = this.measureText(text), at = this.getTransform(), k = this.canvas.width / this.canvas.clientWidth;
    const [left, right] = [x - m.actualBoundingBoxLeft, x + m.actualBoundingBoxRight];
    const [top, bottom] = [y - m.actualBoundingBoxAscent, y + m.actualBoundingBoxDescent];
    const corners = [[left, top], [right, bottom]].map(([u, v]) => at.transformPoint({ x: u, y: v }));
    const out = ({ x, y }) => x < -k || y < -k || x > this.canvas.width + k || y > this.canvas.height + k;
    if (corners.some(out)) outside.push(text);
    sizes.add(parseFloat(this.font) * Math.hypot(at.a, at.b) / k);
    write.call(this, text, x, y);
};
"""


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_is_cut_on_a_phone_and_text_stays_legible(open_page: Callable, width: int) -> None:
    rng = np.random.default_rng(0)
    points = {"real": rng.normal(size=(40, 2)), "fake": rng.normal(size=(len(STEPS), 50, 2))}
    marks = Losses(landmarks={"log 4": 1.386, "log 2": 0.693, "-log 2": -0.693})
    options: dict[str, Any] = {"steps": [1000 * s for s in STEPS], "title": "A title", "alt": "a"}
    shown = [toy(views=[Toy1D(X, z=Z), marks])]
    shown += [Replay(points, views=[Points()], **options)]
    body = "".join(replay._repr_mimebundle_()["text/html"] for replay in shown)
    page = open_page("gan-replay", body, "hosts()[0].card", helpers=HELPERS + NOTE_TEXT, width=width)
    for i in range(len(shown)):
        page.evaluate(f"host({i}).scrollIntoView()")
        page.wait_for_function(f"host({i}).card")
        settle(page)
        parts = f"[...host({i}).shadowRoot.querySelectorAll('.card *:not(select, .told)')]"
        wide = f"{parts}.filter((n) => n.clientWidth && n.scrollWidth > n.clientWidth + 1).map((n) => n.outerHTML)"
        assert page.evaluate(wide) == []
    assert page.evaluate("outside") == []
    assert page.evaluate("Math.min(...sizes)") >= 10


@pytest.mark.parametrize("part", ["#time", "#s0", "canvas.timeline"])
def test_a_swipe_up_scrolls_and_a_swipe_across_or_a_tap_sets(show: Callable, part: str) -> None:
    page = show(body=toy(start=2)._repr_mimebundle_()["text/html"] + BELOW, **PHONE)
    count = "window.set = 0; const show = host().show; host().show = function (...a) { set++; show.apply(this, a); };"
    page.evaluate(f"() => {{ {count} }}")
    finger, target = Finger(page), page.locator(f"gan-replay {part}").first
    state = "[host().frame, ...host().choice, ...[...host().shadowRoot.querySelectorAll('input')].map((i) => i.value)]"
    before = page.evaluate(state)
    finger.swipe(target, along=-150)
    assert page.evaluate("scrollY") > 60
    assert page.evaluate(state) == before
    assert page.evaluate("set") == 0
    page.evaluate("scrollTo(0, 0)")
    finger.swipe(target, across=230)
    across = page.evaluate(state)
    assert across != before
    assert page.evaluate("scrollY") == 0
    finger.swipe(target)
    assert page.evaluate(state) != across


# ---- on paper


@pytest.mark.parametrize("width", [390, 1000])
def test_printed_from_a_dark_page_it_is_black_on_white_without_controls(show: Callable, width: int) -> None:
    page = show(toy(), color_scheme="dark", width=width)
    page.locator("gan-replay .legend input").uncheck()
    dark = drawn(page)
    page.emulate_media(media="print")
    page.wait_for_function("host().card.dataset.theme === 'light'")
    assert page.evaluate("drawn()") != dark  # at once: a printer does not wait for a frame
    assert page.evaluate("getComputedStyle(host().card).backgroundColor") == "rgb(255, 255, 255)"
    seen = "[...host().shadowRoot.querySelectorAll('%s')].filter((n) => n.checkVisibility()).length"
    assert page.evaluate(seen % "button, select, input, .slider") == 0
    assert page.evaluate(seen % "canvas") == 2
    text = page.evaluate("host().card.innerText")
    assert re.search(r"Learning rate of D\s+0\.005\s+Loss <b>of G</b>\s+saturating\s", text)
    assert "the best D there is" not in text  # the legend lists what is drawn
    ratio = "(c) => (c.clientWidth * c.height) / (c.clientHeight * c.width)"
    shape = f"[...host().shadowRoot.querySelectorAll('canvas')].map({ratio})"
    page.set_viewport_size({"width": 700, "height": 900})
    assert page.evaluate(shape) == pytest.approx(
        [1, 1], abs=0.02
    )  # paper is not as wide, and the picture keeps its shape
    page.emulate_media(media="screen")
    page.wait_for_function("host().card.dataset.theme === 'dark'")


def test_a_printed_page_has_no_empty_box(show: Callable) -> None:
    """A dark page on which the second element has not started; `page.pdf()` prints as a reader would."""
    body = toy()._repr_mimebundle_()["text/html"]
    page = show(body=body + '<div style="height:9000px"></div>' + body, wait=False, color_scheme="dark")
    page.wait_for_function("host(0).card?.dataset.theme && !host(0).pending")
    page.evaluate("""() => { window.themes = []; const paint = host(0).paint;
        host(0).paint = function () { themes.push(this.card.dataset.theme); paint.call(this); }; }""")
    assert len(page.pdf()) > 20_000
    assert page.evaluate("themes[0]") == "light"
    page.wait_for_function("host(0).card.dataset.theme === 'dark'")
    assert page.locator("gan-replay img").nth(1).is_visible() or page.evaluate("Boolean(host(1).card)")


# ---- what is said of the pictures


def test_a_loss_chart_has_words_of_its_own(show: Callable) -> None:
    page = show(toy())
    heaps, losses = page.evaluate(
        "[...host().shadowRoot.querySelectorAll('canvas')].map((c) => c.getAttribute('aria-label'))"
    )
    assert heaps.startswith('Densities "real" and generated.')
    assert re.match(
        r"Both losses from step 0 to step 50, with dotted lines at log 4, log 2\. At this step D's loss is ", losses
    )
    assert "Densities" not in losses


def test_only_the_sentence_is_a_live_region(show: Callable) -> None:
    page = show(toy())
    live = "[...host().shadowRoot.querySelectorAll('output, [aria-live], [role=status], [role=alert], [role=log]')]"
    assert page.evaluate(f"{live}.map((node) => node.className)") == ["told"]


def test_landmarks_may_differ_from_run_to_run(show: Callable) -> None:
    def landmarks(run: Any) -> dict[str, float]:
        return {"log 4": 1.386, **({"log 2": 0.693} if run["game"] == "ns" else {"-log 2": -0.693})}

    page = show(toy(views=[Losses(landmarks=landmarks, unit="")]))
    label = "inside('canvas').getAttribute('aria-label')"
    assert "with dotted lines at log 4, -log 2." in page.evaluate(label)
    press(page, "#s1", "ArrowDown")
    settle(page)
    assert "with dotted lines at log 4, log 2." in page.evaluate(label)
    assert "nats" not in page.evaluate("inside('.legend').textContent")


def test_landmarks_of_the_still_do_not_overprint() -> None:
    figure = Figure(figsize=(7, 1.25))
    ax = figure.subplots()
    view = Losses(landmarks={"log 4": 1.386, "log 2": 0.693, "0": 0.0})
    view.still(ax, {"d_loss": np.array([40.0, 60.0]), "g_loss": np.array([50.0, 60.0])}, -1)
    heights = sorted(text.get_window_extent().y0 for text in ax.texts)
    assert len(heights) == 3
    assert min(np.diff(heights)) > 7  # pixels at 100 dpi, letters of 8 points


def test_points_outside_the_picture_are_counted(show: Callable) -> None:
    fake = np.zeros((len(STEPS), 40, 2))
    fake[1:, :10] = 9
    run = {"real": np.array([[1.0, 1.0], [-1.0, -1.0]]), "fake": fake}
    page = show(Replay(run, steps=STEPS, views=[Points()], title="t", alt="a", start=0))
    assert "outside" not in page.evaluate("host().sentence()")
    press(page, "#time", "End")
    assert page.evaluate("inside('.metrics').textContent") == "generated samples outside the picture 25 %"


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
