"""The laboratory on the page: every control, links, comparison, many seeds, drawing, and what is told in words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finger import BELOW, PHONE, Finger

from gan_helpers import widgets
from gan_helpers.widgets import Lab
from gan_helpers.widgets.lab import SETTINGS, UNLABELLED
from gan_helpers.widgets.page import KNOBS as KNOBS_TABLE

HELPERS = """
window.all = (selector) => [...host().shadowRoot.querySelectorAll(selector)];
window.drawn = () => all("canvas").map((c) => c.toDataURL()).join();
window.weights = (i = 0) => JSON.stringify(Object.values(host().runs[i].gan.exportWeights()).map((w) => [...w]));
window.steps = (i = 0) => host().runs[i].gan.steps;
"""
KNOBS = [SETTINGS[name].key for name in SETTINGS if name not in UNLABELLED]
LIVE = [knob["key"] for knob in KNOBS_TABLE if knob.get("live")]


@pytest.fixture
def show(open_page: Callable) -> Callable[..., Any]:
    """Open a page with a laboratory, and wait until it has started."""

    def show(query: str = "", attributes: str = 'id="lab" share', *, wait: bool = True, before: str = "",
             after: str = "", **options: Any) -> Any:  # fmt: skip
        settings = query.replace("&", "&amp;")
        markup = f'{before}<gan-lab {attributes} settings="{settings}"><p>Needs JavaScript.</p></gan-lab>{after}'
        body = f"{markup}<script>{widgets.script('gan-lab')}</script>"
        return open_page("gan-lab", body, "host().runs.length" if wait else "", helpers=HELPERS, **options)

    return show


def settle(page: Any) -> None:
    """Let two animation frames pass, so that what was asked for is drawn."""
    page.evaluate("settled()")


def drawn(page: Any) -> str:
    """All pictures, as they are once drawn."""
    settle(page)
    return page.evaluate("drawn()")


def button(page: Any, name: str) -> Any:
    """A button by its words."""
    return page.locator("gan-lab").get_by_role("button", name=name, exact=True)


def set_knob(page: Any, key: str, value: str) -> None:
    """Choose from a list as a reader does."""
    page.locator(f"gan-lab #s{key}").select_option(label=value)


def run_to(page: Any, iteration: int) -> None:
    """Train to an iteration with the buttons' own code, without waiting for frames."""
    page.evaluate(f"while (steps() < {iteration}) host().runs.forEach((run) => run.gan.step())")
    button(page, "Iteration").click()


# ---- the controls


def test_every_control_changes_its_setting_by_keyboard(show: Callable) -> None:
    """Each has a label; what is live leaves the networks as they are, the rest begins again."""
    page = show()
    page.locator("gan-lab summary").click()
    assert page.evaluate("all('select, input[type=range]').map((c) => c.id.slice(1))") == KNOBS
    for key in KNOBS:
        button(page, "Reset").click()
        button(page, "Iteration").click()
        control = page.locator(f"gan-lab #s{key}")
        before = page.evaluate(f"host().a.{key}")
        fresh = page.evaluate("host().runs[0].gan.exportWeights && weights()")
        control.focus()
        page.keyboard.press("End")
        end = page.evaluate(f"host().a.{key}")
        page.keyboard.press("Home")
        home = page.evaluate(f"host().a.{key}")
        assert end != home, key
        assert control.evaluate("c => c.labels[0].textContent.length") > 3
        page.evaluate(f"host().put('{key}', {before!r})")
        if key in LIVE:
            assert page.evaluate("weights()") == fresh, f"{key} must leave the running networks alone"
            assert page.evaluate(f"host().runs[0].gan.settings.{key}") == before
        elif key != "speed":
            assert page.evaluate("steps()") == 0, f"{key} must begin with new networks"


@pytest.mark.parametrize("key", ["dLr", "gLr", "nD", "r1", "r2", "noise", "batch", "beta1"])
def test_a_live_setting_changes_how_the_running_gan_trains(show: Callable, key: str) -> None:
    page = show("r1=0.1")
    ends = []
    for press in ("Home", "End"):
        button(page, "Reset").click()
        run_to(page, 3)
        page.evaluate(f"inside('#s{key}').closest('details')?.setAttribute('open', '')")
        page.locator(f"gan-lab #s{key}").focus()
        page.keyboard.press(press)
        for _ in range(2):
            button(page, "Iteration").click()
        ends.append(page.evaluate("weights()"))
    assert ends[0] != ends[1]


# Every game, and every target, with several of the other: a quarter of all pairs.
GAMES, TARGETS = (list(SETTINGS[name].words) for name in ("game", "target"))
PAIRS = [(t, g) for i, t in enumerate(TARGETS) for j, g in enumerate(GAMES) if (i + j) % 4 == 0]


def test_the_pairs_leave_no_game_and_no_target_out() -> None:
    assert {t for t, _ in PAIRS} == set(TARGETS)
    assert {g for _, g in PAIRS} == set(GAMES)


@pytest.mark.parametrize(("target", "game"), PAIRS)
def test_games_draw_on_targets(show: Callable, target: str, game: str) -> None:
    page = show(f"target={target}&game={game}&mesh=1&batch=16")
    first = drawn(page)
    run_to(page, 30)
    assert drawn(page) != first
    assert "NaN" not in page.evaluate("inside('.card').textContent")
    assert page.evaluate("host().runs[0].gan.diverged") == 0


def test_single_steps_move_one_network_each(show: Callable) -> None:
    page = show()
    halves = "host().runs[0].gan.exportWeights()"
    d, g = page.evaluate(f"[[...{halves}.d], [...{halves}.g]]")
    button(page, "D step").click()
    assert page.evaluate(f"[...{halves}.d]") != d
    assert page.evaluate(f"[...{halves}.g]") == g
    assert page.evaluate("inside('.say').textContent").startswith("D step: D sees 128 real and 128 generated")
    d = page.evaluate(f"[...{halves}.d]")
    button(page, "G step").click()
    assert page.evaluate(f"[...{halves}.d]") == d
    assert page.evaluate(f"[...{halves}.g]") != g
    assert page.evaluate("inside('.say').textContent").startswith("G step: D stands still")
    assert page.evaluate("steps()") == 1
    button(page, "Iteration").click()
    assert page.evaluate("inside('.bar .value').textContent") == "seed 0, iteration 2"


def test_reset_repeats_a_run_and_a_new_seed_does_not(show: Callable) -> None:
    page = show()
    start = page.evaluate("weights()")
    button(page, "Iteration").click()
    after = page.evaluate("weights()")
    button(page, "Reset").click()
    assert page.evaluate("weights()") == start
    button(page, "Iteration").click()
    assert page.evaluate("weights()") == after != start
    button(page, "New seed").click()
    assert page.evaluate("weights()") not in (start, after)
    assert page.evaluate("inside('.bar .value').textContent") == "seed 1, iteration 0"


def test_slow_motion_names_each_half_step(show: Callable) -> None:
    page = show("speed=slow&nD=2&batch=16", clock=True)
    page.evaluate("() => { window.said = []; new MutationObserver(() => said.push(inside('.say').textContent[0]))"
                  ".observe(inside('.say'), { childList: true }); }")  # fmt: skip
    button(page, "Play").click()
    page.clock.run_for(13_000)  # a half step each 2.2 seconds
    assert "".join(page.evaluate("said")) == "DDGDDG"


def test_speed_is_kept_by_the_clock(show: Callable) -> None:
    page = show("speed=60hz&batch=8")
    page.evaluate("() => { host().play(); host().last = 0; cancelAnimationFrame(host().timer); host().due = 0; }")
    for ms in (250, 500, 750, 1000):
        page.evaluate(f"() => {{ host().tick({ms}); cancelAnimationFrame(host().timer); }}")
    assert page.evaluate("steps() + host().due") == pytest.approx(60)  # done, or owed to the next frame


def test_toggles_change_the_picture(show: Callable) -> None:
    page = show()
    seen = [drawn(page)]
    for key in ("push", "mesh"):
        page.locator(f"gan-lab #{key}").focus()
        page.keyboard.press("Space")
        seen.append(drawn(page))
    page.evaluate("host().load('target=gaussian')")
    seen.append(drawn(page))
    page.locator("gan-lab #best").focus()
    page.keyboard.press("Space")
    seen.append(drawn(page))
    assert len(set(seen)) == 5


def test_a_slider_keeps_the_focus_and_a_list_too(show: Callable) -> None:
    page = show()
    for key in ("starget", "smode", "sdLr"):
        page.locator(f"gan-lab #{key}").focus()
        page.keyboard.press("ArrowDown")
        assert page.evaluate("host().shadowRoot.activeElement.id") == key


@pytest.mark.parametrize(
    "query", ["", "target=gaussian", "mode=many", "mode=many&target=mixture", "zDim=1&target=gaussian"]
)
def test_the_legend_lists_what_is_drawn(show: Callable, query: str) -> None:
    page = show(query)
    legend = page.evaluate("[...host().legend.querySelectorAll('li')].map((li) => li.textContent)")
    flat, many = "target" in query, "many" in query
    drawn_here = ["real data, density p", "generated, density q"] if flat else ["real", "generated", "D undecided"]
    rest = ["D(x), right scale", "G carries z to x", "p / (p + q), the best D there is"] if flat else []
    rest += [] if flat else ["minus the gradient of G's loss", "where G sends the latent grid"]
    drawn_here += [] if flat else ["D says generated, real"]
    assert legend == drawn_here + ([] if many else rest)


def test_samples_outside_the_picture_are_counted_beside_it(show: Callable) -> None:
    page = show("target=gaussian")
    text = "inside('.words').textContent"
    assert "outside" not in page.evaluate(text)
    move = "({ gan }) => gan.importWeights({ g: gan.G.weights.map((w) => 400 * w), d: gan.D.weights })"
    page.evaluate(f"host().runs.forEach({move}); host().update()")
    settle(page)
    share = float(
        re.search(r"(\d+(?:\.\d)?) % of the generated samples are outside the picture", page.evaluate(text))[1]
    )
    out = page.evaluate(
        "[...host().runs[0].gan.generate(host().runs[0].z, 200)].filter((x) => x < -2 || x > 9).length / 2"
    )
    assert share == pytest.approx(out, abs=0.51) != 0
    page.evaluate("host().load('mode=many&target=gaussian')")
    page.evaluate(f"host().runs.forEach({move}); host().update()")
    settle(page)
    assert re.search(
        r"\d % of the generated samples are outside the pictures", page.evaluate("inside('.count').textContent")
    )


EFFECTS = {
    "dLr": "it acts on the next D step",
    "gLr": "it acts on the next G step",
    "nD": "it acts on the next step",
    "game": "it acts on the next step",
    "clip": "it acts in the Wasserstein game only",
    "gUnits": "training begins again, from seed 0",
    "speed": "it acts once you press Play",
}


@pytest.mark.parametrize("key", EFFECTS)
def test_a_setting_moved_while_paused_says_when_it_acts(show: Callable, key: str) -> None:
    page = show("batch=8")
    page.locator("gan-lab summary").click()
    page.locator(f"gan-lab #s{key}").focus()
    page.keyboard.press("ArrowUp" if key == "speed" else "ArrowRight")
    label = page.evaluate(f"inside('#s{key}').labels[0].textContent")
    said = page.evaluate("inside('.say').textContent")
    assert said.startswith(label)
    assert said.endswith(f": {EFFECTS[key]}.")
    button(page, "Iteration").click()
    assert page.evaluate("inside('.say').textContent") == ""
    button(page, "Play").click()
    page.locator(f"gan-lab #s{key}").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("inside('.say').textContent") == ""  # what trains shows it


# ---- links


def test_a_link_gives_back_every_setting(show: Callable) -> None:
    """Set everything away from its default, read the address, open it: the same state, the same networks."""
    page = show()
    for key, press in itertools.product(KNOBS, ["End"]):
        if key not in ("mode", "target"):
            page.evaluate(f"inside('#s{key}').closest('details')?.setAttribute('open', '')")
            page.locator(f"gan-lab #s{key}").focus()
            page.keyboard.press(press)
    set_knob(page, "mode", "two GANs")
    set_knob(page, "side", "B only")
    set_knob(page, "game", "hinge")
    button(page, "New seed").click()
    page.locator("gan-lab #mesh").check()
    state = page.evaluate("[host().a, host().b, weights(0), weights(1)]")
    address = page.evaluate("location.hash")
    assert address.startswith("#lab?")
    again = show(hash=address)
    assert again.evaluate("[host().a, host().b, weights(0), weights(1)]") == state
    assert state[1] == {"game": "hinge"}
    assert state[0]["seed"] == 1


def test_only_an_element_that_shares_reads_and_writes_the_address(show: Callable) -> None:
    page = show("target=line", "", hash="#?target=grid")
    assert page.evaluate("host().a.target") == "line"
    assert not button(page, "Copy link").is_visible()
    set_knob(page, "game", "hinge")
    assert page.evaluate("location.hash") == "#?target=grid"


def test_a_link_on_the_page_loads_while_it_is_open(show: Callable) -> None:
    page = show(before='<a href="#lab?target=grid&amp;r1=1">try this</a><div style="height:3000px"></div>', wait=False)
    page.get_by_text("try this").click()
    page.wait_for_function("host().runs.length")
    assert page.evaluate("[host().a.target, host().a.r1]") == ["grid", 1]
    page.evaluate("location.hash = '#lab?target=spiral'")
    page.wait_for_function("host().a.target === 'spiral' && host().a.r1 === 0")
    assert page.evaluate("inside('#starget').selectedOptions[0].text") == "spiral"


NONSENSE = ["dLr=1e9&gLr=-3&nD=2.7&seed=x", "target=moon&game=&b.mode=many&b.zDim=9", "=&&%%&a", "points=&target=drawn"]
NONSENSE += ["points=zzz&target=drawn", "points=%00&target=drawn", "points=____&target=drawn"]


@pytest.mark.parametrize("query", NONSENSE)
def test_nonsense_in_a_link_does_no_harm(show: Callable, query: str) -> None:
    page = show(query)
    state = page.evaluate("host().a")
    assert 1e-5 <= state["gLr"] <= state["dLr"] <= 1
    assert state["nD"] in (1, 3)
    button(page, "Iteration").click()
    settle(page)


def test_copy_link(show: Callable) -> None:
    page = show("dLr=0.01", permissions=["clipboard-read", "clipboard-write"])
    button(page, "Copy link").click()
    page.wait_for_function("inside('.say').textContent === 'The link is copied.'")
    assert page.evaluate("navigator.clipboard.readText()").endswith("page.html#lab?dLr=0.01")


# ---- two columns, sixteen seeds


def test_compare_starts_both_from_the_same_seed_and_sets_them_apart(show: Callable) -> None:
    page = show()
    set_knob(page, "mode", "two GANs")
    assert page.evaluate("weights(0) === weights(1)")
    set_knob(page, "side", "B only")
    page.locator("gan-lab #sr1").focus()
    page.keyboard.press("End")
    settle(page)
    assert page.evaluate("[host().runs[0].gan.settings.r1, host().runs[1].gan.settings.r1]") == [0, 10]
    assert page.evaluate("all('.name').slice(-2).map((n) => n.textContent)") == [
        "A. R1 penalty, γ 0",
        "B. R1 penalty, γ 10",
    ]
    page.evaluate("host().play()")
    page.wait_for_function("steps(0) > 20")
    page.evaluate("if (!host().turn) host().advance(); host().pause()")  # between the two
    assert page.evaluate("steps(0) === steps(1)")
    assert page.evaluate("weights(0) !== weights(1)")


def test_settings_act_on_what_they_say(show: Callable) -> None:
    page = show("mode=compare&batch=8")
    assert page.evaluate("[...inside('#sside').options].map((o) => o.text)") == ["both", "A only", "B only"]
    rates = "host().runs.map((run) => run.gan.settings.dLr)"

    def press_end(key: str) -> None:
        page.locator("gan-lab #sdLr").focus()
        page.keyboard.press(key)

    press_end("End")
    assert page.evaluate(rates) == [1, 1]
    set_knob(page, "side", "A only")
    press_end("Home")
    assert page.evaluate(rates) == [1e-5, 1]
    assert page.evaluate("[host().a.dLr, host().b]") == [1e-5, {"dLr": 1}]
    set_knob(page, "side", "B only")
    assert page.evaluate("inside('#sdLr').getAttribute('aria-valuetext')") == "1"
    page.keyboard.press("Tab")
    page.locator("gan-lab #sdLr").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(rates) == [1e-5, 0.5]
    set_knob(page, "target", "grid of 25")  # what needs new networks, too
    assert page.evaluate("host().runs.map((run) => run.gan.settings.target)") == ["ring", "grid"]
    set_knob(page, "side", "both")
    press_end("End")
    assert page.evaluate(rates) == [1, 1]


def test_sixteen_seeds_are_counted(show: Callable) -> None:
    page = show("mode=many&target=two_pieces&batch=32&seed=3")
    assert page.evaluate("all('canvas').length") == 16
    assert page.evaluate("host().runs.map((run) => run.set.seed)") == list(range(3, 19))
    assert page.evaluate("new Set(host().runs.map((_, i) => weights(i))).size") == 16
    text = "inside('.count').textContent"
    assert page.evaluate(text) == "0 of 16 succeed: the energy distance is below 0.02."
    page.evaluate("host().runs.forEach((run, i) => i < 5 && (run.found.distance = 0.01))")
    page.evaluate("host().redraw()")
    settle(page)
    assert page.evaluate(text).startswith("5 of 16 succeed")
    assert "5 of 16 succeed" in page.evaluate("host().sentence()")
    page.evaluate("host().load('mode=many')")
    settle(page)
    assert page.evaluate(text) == "0 of 16 succeed: all 8 modes are covered."
    page.evaluate("host().load('mode=many&target=mixture')")
    settle(page)
    assert page.evaluate(text) == "0 of 16 succeed: W1 to the data is below 0.15."


def test_all_of_many_train_and_are_measured(show: Callable) -> None:
    page = show("mode=many&batch=8&gUnits=4&dUnits=4&gLayers=1&dLayers=1")
    button(page, "Play").click()
    page.wait_for_function("steps(15) >= 50")
    button(page, "Pause").click()
    assert page.evaluate("new Set(host().runs.map((run) => run.gan.steps)).size") == 1
    assert page.evaluate("host().runs.every((run) => run.found.distance !== run.found.ceiling.distance)")


# ---- a target of one's own


def points(page: Any) -> list[float]:
    """The drawn points, as the trainer has them."""
    return page.evaluate("host().runs[0].gan?.settings.points ?? []")


def test_drawing_by_keyboard(show: Callable) -> None:
    page = show()
    set_knob(page, "target", "draw your own")
    assert len(points(page)) == 96  # something to begin with
    page.locator("gan-lab canvas.draws").focus()
    page.keyboard.press("Delete")
    assert points(page) == []
    assert "No data" in page.evaluate("host().sentence()")
    button(page, "Play").click()
    assert page.evaluate("!host().timer")  # nothing to learn
    page.locator("gan-lab canvas.draws").focus()
    before = drawn(page)
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert drawn(page) != before  # the cursor is seen
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    assert points(page) == pytest.approx([0.2, 0.5, 0.1, 0.5])
    assert page.evaluate("host().shadowRoot.activeElement.className") == "draws"
    assert page.evaluate("inside('.say').textContent") == "2 points drawn."
    button(page, "Iteration").click()
    assert page.evaluate("steps()") == 1


def test_drawing_by_pointer_and_sharing_it(show: Callable) -> None:
    page = show("target=drawn&points=")
    box = page.locator("gan-lab canvas.draws").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + (box["height"] - 14) / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 100, y, steps=5)
    page.mouse.up()
    found = points(page)
    assert len(found) >= 8
    assert found[:2] == pytest.approx([0, 0], abs=0.03)
    assert found[-2] > 1
    assert found[1::2] == pytest.approx([0] * (len(found) // 2), abs=0.03)
    again = show(hash=page.evaluate("location.hash"))
    assert points(again) == found


def test_drawing_by_touch_while_it_trains(show: Callable) -> None:
    page = show("target=drawn&batch=8", has_touch=True)
    button(page, "Play").click()
    page.locator("gan-lab canvas.draws").tap(position={"x": 30, "y": 30})
    assert len(points(page)) == 98
    assert page.evaluate("Boolean(host().timer)")  # it goes on, with the new target
    assert page.evaluate("getComputedStyle(inside('.draws')).touchAction") == "none"


@pytest.mark.parametrize("way", ["mouse", "touch", "key"])
def test_a_drawing_can_be_cleared(show: Callable, way: str) -> None:
    page = show("target=drawn&batch=8", has_touch=True)
    assert len(points(page)) == 96
    clear = button(page, "Clear the drawing")
    {"mouse": clear.click, "touch": clear.tap, "key": lambda: clear.press("Enter")}[way]()
    assert points(page) == []
    assert page.evaluate("inside('.say').textContent") == "0 points drawn."
    set_knob(page, "target", "ring of 8")
    assert not clear.is_visible()


def test_a_finger_draws_on_the_picture_and_scrolls_from_a_slider(show: Callable) -> None:
    page = show("target=drawn&points=", after=BELOW, **PHONE)
    finger = Finger(page)
    page.evaluate("inside('canvas.draws').scrollIntoView({ block: 'center' })")
    at = page.evaluate("scrollY")
    finger.swipe(page.locator("gan-lab canvas.draws"), along=-100)
    assert page.evaluate("scrollY") == at  # drawing holds the page
    found = points(page)
    assert len(found) > 8
    assert found[-1] > found[1] + 1
    slider = page.locator("gan-lab #sdLr")
    page.evaluate("inside('#sdLr').scrollIntoView({ block: 'center' })")
    at, state = page.evaluate("scrollY"), page.evaluate("host().a")
    finger.swipe(slider, along=-150)
    assert page.evaluate("scrollY") > at + 60
    assert page.evaluate("host().a") == state
    page.evaluate("inside('#sdLr').scrollIntoView({ block: 'center' })")
    finger.swipe(slider, across=60)
    assert page.evaluate("host().a.dLr") > state["dLr"]


# ---- on a phone, on paper, without JavaScript


@pytest.mark.parametrize("query", ["", "target=gaussian", "mode=compare", "mode=many"])
def test_on_a_phone_the_picture_stands_above_its_settings(show: Callable, query: str) -> None:
    page = show(query, width=390)
    order = "all('canvas, #sdLr, .words').map((node) => node.tagName + (node.id || node.className))"
    kinds = {"CANVAS": "picture", "INPUTsdLr": "setting", "ULwords": "words"}
    seen = [kinds[name] for name in page.evaluate(order)]
    assert seen[0] == "picture"
    if query != "mode=many":
        assert seen.index("setting") < seen.index("words")
    top = "Math.min(...host().boxes.map(({ canvas }) => canvas.getBoundingClientRect().top))"
    assert 0 < page.evaluate(f"inside('#sr1').getBoundingClientRect().bottom - {top}") < 844  # on one screen
    before = drawn(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_function("!host().narrow")
    assert page.evaluate(order)[0] == "INPUTsdLr"
    assert page.evaluate("weights().length") > 100
    assert drawn(page) != before


def test_nothing_is_cut_on_a_phone(show: Callable) -> None:
    page = show("mode=compare&target=gaussian", width=390)
    page.evaluate("inside('details').open = true")
    settle(page)
    wide = "all('.card *:not(select, .told)').filter((n) => n.clientWidth && n.scrollWidth > n.clientWidth + 1)"
    assert page.evaluate(f"{wide}.map((n) => n.outerHTML.slice(0, 80))") == []


@pytest.mark.parametrize("query", ["", "target=gaussian", "mode=compare", "mode=many"])
def test_printed_from_a_dark_page_it_is_black_on_white_without_controls(show: Callable, query: str) -> None:
    page = show(query, color_scheme="dark")
    dark = drawn(page)
    page.emulate_media(media="print")
    page.wait_for_function("inside('.card').dataset.theme === 'light'")
    assert page.evaluate("drawn()") != dark  # at once: a printer does not wait for a frame
    assert page.evaluate("all('button, select, input, .slider').filter((node) => node.checkVisibility())") == []
    assert page.evaluate("all('canvas').every((c) => c.checkVisibility() && c.clientHeight > 40)")
    assert "0.001" in page.evaluate("inside('.settings').innerText")
    assert "non-saturating" in page.evaluate("inside('.settings').innerText")
    page.emulate_media(media="screen")
    page.wait_for_function("inside('.card').dataset.theme === 'dark'")


def test_before_it_starts_a_still_picture_is_printed(show: Callable) -> None:
    markup = Lab(target="spiral", controls=["d_lr"])._repr_mimebundle_()["text/html"]
    page = show(before='<div style="height:9000px"></div>' + markup, wait=False)
    page.emulate_media(media="print")
    page.wait_for_timeout(200)
    assert page.evaluate("!host().runs.length")
    box = page.locator("gan-lab img").first.bounding_box()
    assert box["height"] > 150
    assert len(page.pdf()) > 10_000


@pytest.mark.parametrize(
    "settings",
    [{}, {"target": "gaussian"}, {"target": "drawn"}, {"compare": {"game": "hinge"}}, {"mode": "many"}],
    ids=lambda settings: "-".join(settings) or "ring",
)
def test_without_script_a_still_picture_and_a_sentence_stay(open_page: Callable, settings: dict) -> None:
    lab = Lab("Two players", **settings)
    page = open_page("gan-lab", lab._repr_mimebundle_()["text/html"], java_script_enabled=False)
    picture = page.locator("gan-lab img")
    assert picture.bounding_box()["width"] > 300
    assert picture.get_attribute("alt").startswith("Before training: real data, ")
    assert page.get_by_text("With JavaScript a GAN trains here").is_visible()
    assert 1000 < len(lab.still()) < 25_000


def test_a_still_draws_nothing_from_a_global_generator() -> None:
    import torch

    before = torch.random.get_rng_state()
    first = Lab(seed=3).still()
    assert first == Lab(seed=3).still() != Lab(seed=4).still()
    assert torch.equal(torch.random.get_rng_state(), before)


# ---- when it runs


def test_nothing_moves_unasked(show: Callable) -> None:
    page = show()
    page.wait_for_timeout(200)
    assert page.evaluate("[Boolean(host().timer), steps()]") == [False, 0]


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_autoplay_only_when_asked_and_never_with_reduced_motion(show: Callable, motion: str) -> None:
    page = show("speed=60hz", "autoplay", reduced_motion=motion, clock=True)
    assert page.evaluate("Boolean(host().timer)") is (motion == "no-preference")
    page.evaluate("""() => {
        host().pause();
        const paint = host().paint;
        window.painted = 0;
        host().paint = function () { painted++; paint.call(this); };
        host().play();
    }""")
    page.clock.run_for(600)
    calm = page.evaluate("painted")
    assert 0 < calm <= 3 if motion == "reduce" else calm > 10


def test_it_stops_out_of_sight_and_when_the_tab_is_hidden_and_goes_on_after(show: Callable) -> None:
    page = show("batch=8", after='<div style="height:5000px"></div>')
    button(page, "Play").click()
    page.wait_for_function("steps() > 0")
    page.evaluate("scrollTo(0, 4500)")
    page.wait_for_function("!host().timer")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function("host().timer")
    hide = ("(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); "
            "document.dispatchEvent(new Event('visibilitychange')); }")  # fmt: skip
    page.evaluate(hide, True)
    assert page.evaluate("!host().timer")
    page.evaluate(hide, False)
    assert page.evaluate("Boolean(host().timer)")
    button(page, "Pause").click()
    for go in (4500, 0):  # what the reader paused stays so
        page.evaluate(f"scrollTo(0, {go})")
        page.wait_for_function(f"host().inSight === {str(go == 0).lower()}")
    assert page.evaluate("!host().timer")


def test_it_starts_only_when_it_comes_near_and_survives_a_move(show: Callable) -> None:
    page = show(before='<div style="height:9000px"></div>', wait=False)
    page.wait_for_timeout(200)
    assert page.evaluate("!host().runs.length")
    assert page.get_by_text("Needs JavaScript.").count() == 1
    page.evaluate("host().scrollIntoView()")
    page.wait_for_function("host().runs.length")
    page.evaluate("document.querySelector('main').prepend(host())")
    button(page, "Iteration").click()
    assert page.evaluate("steps()") == 1


def test_a_diverged_run_says_so_and_stops(show: Callable) -> None:
    page = show("game=wasserstein&optimizer=sgd&batch=8&dLr=1&gLr=1&clip=0.5")
    button(page, "Iteration").click()
    page.evaluate("host().runs[0].gan.diverged = 7")
    button(page, "Iteration").click()
    settle(page)
    assert "Diverged at iteration 7" in page.evaluate("inside('.words').textContent")
    assert "Diverged at iteration 7" in page.evaluate("host().sentence()")
    button(page, "Play").click()
    assert page.evaluate("!host().timer")
    button(page, "Reset").click()
    assert page.evaluate("host().runs[0].gan.diverged") == 0


@pytest.mark.parametrize("query", ["", "target=gaussian", "mode=compare", "mode=many"])
def test_all_networks_train_equally_long(show: Callable, query: str) -> None:
    page = show(f"{query}&speed=60hz&batch=8", clock=True)
    button(page, "Play").click()
    page.clock.run_for(500)
    counts = page.evaluate("host().runs.map(({ gan }) => gan.steps)")
    assert len(counts) == {"mode=compare": 2, "mode=many": 16}.get(query, 1)
    assert max(counts) - min(counts) <= 1
    assert 20 < min(counts) <= 31


# ---- for every reader


@pytest.mark.parametrize("query", ["", "target=gaussian", "mode=compare&b.r1=1", "mode=many", "target=drawn"])
@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1280, "light"), (1280, "dark")])
def test_axe_clean_and_no_sideways_scroll(show: Callable, query: str, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(query, width=width, color_scheme=scheme)
    page.locator("gan-lab summary").click()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("inside('.card').dataset.theme") == scheme
    result = Axe().run(page)
    assert [v["id"] for v in result.response["violations"]] == [], result.generate_report()


def test_the_theme_is_followed_live(show: Callable) -> None:
    page = show(color_scheme="light")
    light = drawn(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("inside('.card').dataset.theme === 'dark'")
    assert drawn(page) != light


def test_status_is_told_in_words_at_a_polite_rate(show: Callable) -> None:
    page = show("batch=8&speed=slow", clock=True)
    page.clock.run_for(2000)
    page.evaluate("listen()")
    button(page, "Play").click()
    page.clock.run_for(10_000)
    told = page.evaluate("told")
    assert len(told) in (3, 4)
    assert all(later - earlier >= 3000 for (earlier, _), (later, _) in itertools.pairwise(told))
    assert any(re.match(r"[DG] step: .* Training, seed 0", text) for _, text in told)


@pytest.mark.parametrize("playing", [False, True])
def test_what_a_reader_does_is_told_at_once_and_once(show: Callable, playing: bool) -> None:
    page = show("batch=8&speed=60hz", clock=True)
    page.clock.run_for(2000)
    if playing:
        button(page, "Play").click()
        page.clock.run_for(6000)  # a sentence has just been told, and the next is due in some seconds
    page.evaluate("listen()")
    acted = page.evaluate("turn('#sdLr', 3)")
    page.clock.run_for(2000)
    [(time, told)] = page.evaluate("told")
    assert time - acted < 1000  # less than the time between two sentences while it trains
    state = "Training" if playing else r"Learning rate of D 0\.01: it acts on the next D step\. Paused"
    assert re.match(rf"{state}, seed 0, iteration [\d,]+\. \d of 8 modes covered, ", told)


def test_only_the_sentence_is_a_live_region(show: Callable) -> None:
    """An `<output>` reads every change aloud, and what trains changes in every frame."""
    page = show("mode=compare")
    live = "[...host().shadowRoot.querySelectorAll('output, [aria-live], [role=status], [role=alert], [role=log]')]"
    assert page.evaluate(f"{live}.map((node) => node.className)") == ["told"]


def test_keys_do_not_reach_the_page(show: Callable) -> None:
    page = show()
    page.evaluate("window.heard = 0; document.addEventListener('keydown', () => heard++)")
    page.locator("gan-lab #sdLr").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("heard") == 0


WRITTEN = """() => { window.texts = []; const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (...a) { texts.push([String(a[0]), a[1], a[2]]);
    write.apply(this, a); }; }"""
LANDMARKS = {
    "nonsaturating": ["log 4", "log 2"],
    "saturating": ["log 4", "−log 2"],
    "relativistic": ["log 2"],
    "least_squares": ["½", "¼"],
    "hinge": ["2"],
    "wasserstein": ["0"],
}


@pytest.mark.parametrize("game", SETTINGS["game"].words)
def test_landmarks_and_units_are_those_of_the_game(show: Callable, game: str) -> None:
    """log 4 and log 2 are written where they are the value of a D that cannot tell, nats where a loss is a log."""
    page = show("target=gaussian")
    page.evaluate(WRITTEN)
    page.evaluate(f"host().put('game', '{game}')")
    settle(page)
    beside = page.evaluate("host().boxes[0].rest.losses.clientWidth") - 42
    right = list(dict.fromkeys(text for text, x, _ in page.evaluate("texts") if x == beside))
    assert right == LANDMARKS[game]
    assert ("nats" in page.evaluate("inside('.card').textContent")) is ("log 2" in "".join(right))


def test_landmarks_do_not_overprint(show: Callable) -> None:
    page = show("target=gaussian")
    page.evaluate(WRITTEN)
    page.evaluate("host().runs[0].gan.losses = { step: [1, 2], d: [40, 60], g: [50, 60] }; host().redraw()")
    settle(page)
    heights = [y for text, _, y in page.evaluate("texts") if text in ("log 4", "log 2")]
    assert len(heights) == 2
    assert abs(heights[0] - heights[1]) >= 12
    assert page.evaluate("inside('.run > div:last-child canvas').getAttribute('aria-label')").startswith("Both losses")


def test_numbers_come_with_floor_and_ceiling(show: Callable) -> None:
    page = show()
    words = page.evaluate("inside('.words').textContent")
    assert re.search(r"\d of 8 modes covered", words)
    assert re.search(r"A perfect generator: 9[89]\.\d %; noise: [\d.]+ %", words)
    assert re.search(r"Energy distance to the data \d\.\d+", words)
    assert re.search(r"A perfect generator: about 0\.00\d; noise all over the picture: 0\.\d+", words)


# ---- in Python


def test_every_python_setting_arrives(show: Callable) -> None:
    settings: dict[str, Any] = {
        "mode": "one",
        "speed": "60hz",
        "target": "two_pieces",
        "game": "hinge",
        "prior": "uniform",
    }
    settings |= {"d_lr": 3e-4, "g_lr": 0.05, "n_d": 2, "r1_gamma": 0.3, "r2_gamma": 0.25, "noise": 0.07, "batch": 48}
    settings |= {"clip": 0.02, "optimizer": "sgd", "beta1": 0.9, "activation": "tanh", "g_layers": 1, "g_units": 24}
    settings |= {"d_layers": 4, "d_units": 8, "z_dim": 1, "seed": 11, "closed_form": 0, "push": 0, "latent_grid": 1}
    assert set(settings) == set(SETTINGS)
    page = show(Lab(**settings).query)
    state = page.evaluate("host().a")
    assert {name: state[knob.key] for name, knob in SETTINGS.items()} == settings
    assert page.evaluate("host().runs[0].gan.settings.dHidden") == [8, 8, 8, 8]
    assert page.evaluate("inside('#sdLr').getAttribute('aria-valuetext')") == "0.0003"


def test_python_and_the_page_know_the_same_limits(show: Callable) -> None:
    page = show()
    for knob in SETTINGS.values():
        low, high = (knob.words[0], knob.words[-1]) if knob.words else (f"{knob.low:g}", f"{knob.high:.10g}")
        for text in (low, high):
            page.evaluate(f"host().load('{knob.key}={text}')")
            found = page.evaluate(f"host().a.{knob.key}")
            assert found == (text if knob.words else float(text)), knob


def test_the_table_of_settings_names_what_there_is() -> None:
    """Games and targets are those of the package, a number begins within its limits, and names differ."""
    from gan_helpers.data import TARGETS
    from gan_helpers.losses import GAMES

    assert SETTINGS["game"].words == tuple(GAMES)
    assert SETTINGS["target"].words == (*TARGETS, "drawn")
    for knob in KNOBS_TABLE:
        assert SETTINGS[knob["name"]].check(knob["name"], knob["default"])
        assert knob.get("stops") in (None, sorted(knob.get("stops") or []))
    assert len({knob["key"] for knob in KNOBS_TABLE}) == len(SETTINGS) == len(KNOBS_TABLE)


def test_bundle_and_controls(show: Callable) -> None:
    lab = Lab("Two <rates>", target="gaussian", d_lr=0.01, compare={"g_lr": 0.1}, controls=["d_lr", "game"], share=True)
    bundle = lab._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Lab: target gaussian, d_lr 0.01; beside it g_lr 0.1; open in")
    markup = re.sub(r"<script data-gan-helpers>.*</script>", "", bundle["text/html"], flags=re.DOTALL)
    assert "<script" not in markup
    assert "<rates>" not in markup
    assert "With JavaScript a GAN trains here" in markup
    page = show(before=markup.replace("</gan-lab>", '</gan-lab><div id="rest">') + "</div>")
    assert page.evaluate("all('select, input[type=range]').map((c) => c.id)") == ["sdLr", "sgame", "sside"]
    assert page.evaluate("[host().runs.length, host().b.gLr]") == [2, 0.1]
    assert not page.locator("gan-lab summary").first.is_visible()


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    import numpy as np
    import torch

    given = Lab(d_lr=np.float32(0.01), batch=torch.tensor(64), n_d=np.int64(2))
    assert given.query == "dLr=0.01&batch=64&nD=2"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 1}, "unknown setting 'learning_rate': choose from mode, speed, target, game, g_lr"),
        ({"game": "minimax"}, "unknown game 'minimax': choose one of nonsaturating, saturating"),
        ({"target": "moon"}, "unknown target 'moon': choose one of gaussian, mixture, ring"),
        ({"controls": ["seed"]}, "unknown control 'seed': choose from mode"),
        ({"compare": {"seed": 1}}, "unknown setting 'seed': choose from target"),
        ({"d_lr": 2}, "d_lr is a number from 1e-05 to 1, got 2"),
        ({"batch": 8.5}, "batch is a whole number, got 8.5"),
        ({"batch": "8"}, "batch is a number from 8 to 512, got '8'"),
    ],
)
def test_what_an_author_is_told(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Lab(**options)


# ---- the page of the book

CHAPTER = Path(__file__).resolve().parents[1] / "book/laboratory.md"


def test_links_of_the_page_set_what_they_say(show: Callable) -> None:
    links = re.findall(r'href="#lab\?([^"]+)"', CHAPTER.read_text("utf-8"))
    assert len(links) > 8
    page = show()
    for link in (link.replace("&amp;", "&") for link in links):
        page.evaluate(f"host().load('{link}')")
        kept = dict(pair.split("=") for pair in page.evaluate("host().link").split("?")[1].split("&"))
        asked = dict(pair.split("=") for pair in link.split("&"))
        asked = {key: f"{float(value):g}" if value[0].isdigit() else value for key, value in asked.items()}
        kept = {key: f"{float(value):g}" if value[0].isdigit() else value for key, value in kept.items()}
        assert kept == {key: value for key, value in asked.items() if (key, value) != ("target", "ring")}
