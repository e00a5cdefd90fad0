"""Live training: in this process with an event loop of our own, and in a real kernel through its messages."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ipywidgets")

from gan_helpers import widgets
from gan_helpers.widgets import kernel as live_module
from gan_helpers.widgets.kernel import Live, choice, live, log_slider

WIDGET = "application/vnd.jupyter.widget-view+json"


def count(d_lr: float = 0.001, n_d: int = 1) -> Iterator[SimpleNamespace]:
    """Stands in for training: counts, a little time a step."""
    for step in range(1, 5001):  # an end, so that a loop that never steps aside fails its test
        time.sleep(0.002)
        yield SimpleNamespace(step=step, d_lr=d_lr, n_d=n_d)


def draw(axes: Any, record: SimpleNamespace) -> None:
    if not axes[0].lines:
        axes[0].plot([], [])
    axes[0].lines[0].set_data([0, record.step], [0, record.step])


def controls() -> dict[str, Any]:
    return {"d_lr": log_slider("rate", 1e-4, 1e-1, 1e-3), "n_d": choice("updates", [1, 2, 5])}


def made(make_run: Callable[..., Iterator[Any]] = count) -> Live:
    return live(make_run, controls(), draw, title="Toy <GAN>", colab="https://example.org/a?b&c")


def play(scene: Callable[[], Any]) -> None:
    """Run a coroutine function on an event loop of its own; a scene that hangs fails after a minute."""

    async def timed() -> None:
        await asyncio.wait_for(scene(), 60)

    with ThreadPoolExecutor(1) as pool:  # the browser of other tests keeps a loop in this thread
        pool.submit(lambda: asyncio.run(timed())).result()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_start_trains_stop_pauses_and_start_goes_on() -> None:
    async def scene() -> None:
        it = made()
        assert "ready" in it.status
        before = it.image.value
        it.buttons["start"].click()
        await until(lambda: "running, step" in it.status and it._record.step > 5)
        assert it.buttons["start"].disabled
        assert it.image.value != before
        it.buttons["stop"].click()
        await until(lambda: not it.running)
        stopped = it._record.step
        assert f"stopped, step {stopped}" in it.status
        await asyncio.sleep(0.05)
        assert it._record.step == stopped
        it.start()
        await until(lambda: it._record.step > stopped)
        it.stop()
        await until(lambda: not it.running)
        assert it.buttons["stop"].disabled

    play(scene)


def test_reset_forgets_and_new_settings_reach_the_run() -> None:
    async def scene() -> None:
        it = made()
        it.start()
        await until(lambda: it._record is not None)
        it.controls["n_d"].value = 5
        assert "settings changed" in it.status
        it.buttons["reset"].click()
        await until(lambda: not it.running)
        assert "ready" in it.status
        assert it._record is None
        it.start()
        await until(lambda: it._record is not None)
        assert it._record.n_d == 5
        it.reset()
        await until(lambda: not it.running)

    play(scene)


def test_start_at_once_after_reset_begins_a_new_run() -> None:
    async def scene() -> None:
        it = made()
        it.start()
        await until(lambda: it._record is not None and it._record.step > 40)
        it.reset()
        it.start()
        await until(lambda: it._record is not None and it.running)
        assert it._record.step < 40
        it.stop()
        await until(lambda: not it.running)
        assert "stopped" in it.status

    play(scene)


def test_an_error_is_shown_and_the_next_start_begins_anew() -> None:
    def breaks(**settings: Any) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(step=1)
        raise FloatingPointError("step 2: <loss> is nan")

    async def scene() -> None:
        it = made(breaks)
        for _ in range(2):
            it.start()
            await until(lambda: not it.running)
            assert "FloatingPointError: step 2: &lt;loss&gt; is nan" in it.status
            assert 'role="alert"' in it.status
            assert not it.buttons["start"].disabled

    play(scene)


def test_a_run_that_ends_says_so() -> None:
    async def scene() -> None:
        it = made(lambda **settings: itertools.islice(count(**settings), 5))
        it.start()
        await until(lambda: not it.running)
        assert "finished, step 5" in it.status

    play(scene)


def test_pictures_are_few_and_clicks_get_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    async def scene() -> None:
        it = live(count, controls(), lambda axes, record: drawn.append(time.monotonic()), title="t")
        it.start()
        turns = 0
        while len(drawn) < 4:
            await asyncio.sleep(0)
            turns += 1
        it.stop()
        await until(lambda: not it.running)
        assert turns >= 4

    play(scene)
    gaps = [b - a for a, b in itertools.pairwise(drawn[:-1])]
    assert all(gap > live_module.REDRAW * 0.9 for gap in gaps)


def test_slider_ends_are_accepted() -> None:
    slider = log_slider("rate", 1e-4, 1e-1, 1e-3)
    for end in (1e-4, 1e-1):
        slider.value = end
        assert slider.value == pytest.approx(end)
    assert choice("loss", {"non-saturating": "ns", "saturating": "s"}, "s").value == "s"


def test_bundle_is_a_widget_in_a_kernel_and_a_sentence_on_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    it = made()
    bundle = it._repr_mimebundle_()
    assert bundle[WIDGET]["model_id"] == it.view.model_id
    assert "needs a running kernel" in bundle["text/html"]
    assert 'href="https://example.org/a?b&amp;c"' in bundle["text/html"]
    assert "<GAN>" not in bundle["text/html"]
    assert bundle["text/plain"].startswith("Live: Toy")
    monkeypatch.setitem(__import__("sys").modules, "google.colab", SimpleNamespace())
    assert "text/html" not in it._repr_mimebundle_()


def test_the_toy_gan_trains_for_real() -> None:
    async def scene() -> None:
        it = widgets.live_toy1d(steps=30)
        it.start()
        await until(lambda: not it.running)
        assert "finished, step 30" in it.status
        assert len(it._axes[0].lines) == 2  # artists are reused

    play(scene)


# ---- a real kernel


@pytest.fixture
def kernel() -> Iterator[Any]:
    manager_module = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    manager, client = manager_module.start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def ask(client: Any, expression: str) -> str:
    """The repr of an expression in the kernel, through an ordinary execute request."""
    reply = client.execute_interactive(
        "", user_expressions={"it": expression}, timeout=60, store_history=False, output_hook=lambda message: None
    )
    return reply["content"]["user_expressions"]["it"]["data"]["text/plain"]


def click(client: Any, button: str) -> None:
    """What a browser sends when the reader clicks."""
    comm = ask(client, f"it.buttons[{button!r}].comm.comm_id").strip("'")
    data = {"method": "custom", "content": {"event": "click"}}
    client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": comm, "data": data}))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the Jupyter client's own
def test_clicks_start_and_stop_training_in_a_real_kernel(kernel: Any) -> None:
    code = "from gan_helpers import widgets\nit = widgets.live_toy1d(steps=10**6)\nit"
    bundles = []
    reply = kernel.execute_interactive(
        code, timeout=120, output_hook=lambda m: bundles.append(m["content"].get("data", {}))
    )
    assert reply["content"]["status"] == "ok"
    assert any(WIDGET in bundle and "text/html" in bundle for bundle in bundles)

    click(kernel, "start")
    deadline = time.monotonic() + 60
    while "running" not in (status := ask(kernel, "it.status")) and time.monotonic() < deadline:
        time.sleep(0.2)
    first = int(re.search(r"step ([\d,]+)", status)[1].replace(",", ""))
    steps = first
    while steps <= first and time.monotonic() < deadline:  # other cells run while it trains
        time.sleep(0.2)
        steps = int(ask(kernel, "it._record.step"))
    assert steps > first

    click(kernel, "stop")
    while "stopped" not in (status := ask(kernel, "it.status")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "Start goes on" in status
    assert ask(kernel, "it._record.step") == ask(kernel, "it._record.step")
    click(kernel, "reset")
    assert "ready" in ask(kernel, "it.status")
