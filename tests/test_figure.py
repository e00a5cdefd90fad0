"""Figures that the page computes: their numbers are those of Python, and mouse, keys and themes work."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gan_helpers import dirac, metrics, theory, widgets

GAMES = (dirac.saturating, dirac.nonsaturating, dirac.wasserstein)
RULES = ("simultaneous", "alternating", "extragradient")


@pytest.fixture
def show(open_page: Callable) -> Callable[..., Any]:
    """A page with one figure, once it has started."""

    def open_figure(kind: str, **options: Any) -> Any:
        figure = widgets.Figure(kind, title="A figure", alt="A picture.")
        page = open_page("gan-figure", figure._repr_html_(), **options)
        page.locator("gan-figure").scroll_into_view_if_needed()
        page.locator("gan-figure .card").wait_for()
        return page

    return open_figure


def ask(page: Any, expression: str, values: dict) -> Any:
    """What the figure's own code answers, `k` being its kind and `v` the values."""
    return page.evaluate(
        f"v => {{ const k = document.querySelector('gan-figure').kind; return {expression}; }}", values
    )


def picture(page: Any) -> str:
    page.wait_for_timeout(80)
    return page.evaluate("document.querySelector('gan-figure').canvas.toDataURL()")


def test_an_unknown_kind_is_refused_by_name():
    with pytest.raises(ValueError, match=r"unknown kind 'points': choose one of point, bumps"):
        widgets.Figure("points", title="t", alt="a")


@pytest.mark.parametrize(("p", "q"), [(0.6, 0.2), (1.0, 1.0), (0.05, 0.9), (0.3, 0.0)])
def test_the_best_report_is_where_the_slope_is_zero(show, p, q):
    page = show("point")
    best = ask(page, "k.best(v)", {"p": p, "q": q})
    assert best == pytest.approx(p / (p + q))
    for d in (0.1, 0.5, 0.8):
        low, high = (ask(page, "k.score(v)", {"p": p, "q": q, "d": d + e}) for e in (-1e-5, 1e-5))
        assert ask(page, "k.slope(v)", {"p": p, "q": q, "d": d}) == pytest.approx((high - low) / 2e-5, abs=1e-4)
    if q:
        assert ask(page, "k.slope(v)", {"p": p, "q": q, "d": best}) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("m", "s"), [(0.0, 1.0), (3.0, 1.0), (-1.5, 0.4), (6.0, 1.8), (0.0, 2.0)])
def test_the_three_distances_are_those_of_quadrature(show, m, s):
    page, x = show("bumps"), np.linspace(-14, 24, 80_001)
    p, q = theory.normal_pdf(x, 0, 1), theory.normal_pdf(x, m, s)
    assert ask(page, "k.js(v)", {"m": m, "s": s}) == pytest.approx(theory.js(p, q, x), abs=1e-4)
    kl = float(np.sum(q * (-((x - m) ** 2) / (2 * s * s) - math.log(s) + x * x / 2)) * (x[1] - x[0]))
    assert ask(page, "k.kl(v)", {"m": m, "s": s}) == pytest.approx(kl, abs=1e-3)
    z = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)
    assert ask(page, "k.w1(v)", {"m": m, "s": s}) == pytest.approx(float(metrics.w1(z, m + s * z)), abs=1e-3)


@pytest.mark.parametrize("game", range(3))
@pytest.mark.parametrize("order", range(3))
def test_the_path_is_that_of_the_package(show, game, order):
    page, values = show("field"), {"game": game, "order": order, "gamma": 0.3, "h": 0.2, "theta": 1.0, "psi": -0.5}
    path = np.array(ask(page, "k.path(v)", values))
    rule = dirac.RULES[RULES[order]]
    expected = dirac.trajectory(dirac.r1(GAMES[game], 0.3), (1.0, -0.5), 0.2, steps=300, rule=rule)
    np.testing.assert_allclose(path, expected, atol=1e-9)


def test_a_path_that_flies_off_ends_and_is_said_to(show):
    page = show("field")
    page.locator("gan-figure #game").select_option("2")
    page.locator("gan-figure #h").evaluate("e => { e.value = 1; e.dispatchEvent(new Event('input')); }")
    assert "beyond a million" in page.locator("gan-figure .metrics").inner_text()


@pytest.mark.parametrize(("k", "s", "p"), [(3, 2, 1), (4, 2, 1), (1, 4, 0), (6, 3, 2), (2, 1, 2)])
def test_the_output_of_the_kernel_is_that_of_torch(show, k, s, p):
    page = show("kernel")
    made = torch.nn.functional.conv_transpose1d(torch.ones(1, 1, 5), torch.ones(1, 1, k), stride=s, padding=p)
    assert ask(page, "k.counts(v)", {"k": k, "s": s, "p": p}) == made[0, 0].tolist()
    inner = made[0, 0, k : len(made[0, 0]) - k]
    if len(inner) > s:
        assert ask(page, "k.isEven(v)", {"k": k, "s": s, "p": p}) == bool((inner == inner[0]).all())


@pytest.mark.parametrize("kind", ["point", "bumps", "field", "kernel"])
def test_keys_move_every_control_and_it_is_told(show, kind):
    page = show(kind)
    seen, told = picture(page), page.locator("gan-figure canvas").get_attribute("aria-label")
    for control in page.locator("gan-figure :is(input, select)").all():
        control.focus()
        page.keyboard.press("ArrowDown" if control.evaluate("e => e.tagName") == "SELECT" else "ArrowRight")
        after = picture(page)
        assert after != seen, control.get_attribute("id")
        words = page.locator("gan-figure canvas").get_attribute("aria-label")
        assert words != told or control.get_attribute("id") in ("game", "order")
        seen, told = after, words


@pytest.mark.parametrize(("kind", "moved"), [("point", "d"), ("bumps", "m"), ("field", "psi")])
def test_a_click_on_the_picture_sets_what_it_shows(show, kind, moved):
    page = show(kind)
    before = page.locator(f"gan-figure #{moved}").input_value()
    box = page.locator("gan-figure canvas").bounding_box()
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
    assert page.locator(f"gan-figure #{moved}").input_value() != before


def test_a_path_starts_where_one_clicks(show):
    page = show("field")
    box = page.locator("gan-figure canvas").bounding_box()
    half = min(box["width"] / 2 - 34, box["height"] / 2 - 22)  # the origin lies 8 right of and 12 above the middle
    middle = box["x"] + box["width"] / 2 + 8, box["y"] + box["height"] / 2 - 12
    page.mouse.click(middle[0] + half / 2.2, middle[1] - half * 0.5 / 2.2)
    assert float(page.locator("gan-figure #theta").input_value()) == pytest.approx(1.0, abs=0.06)
    assert float(page.locator("gan-figure #psi").input_value()) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("kind", ["point", "bumps", "field", "kernel"])
def test_it_fits_a_phone_and_follows_the_theme(show, kind):
    page = show(kind)
    light = picture(page)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert picture(page) != light
