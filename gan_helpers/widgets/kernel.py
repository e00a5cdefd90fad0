"""Train for real, in a running kernel: controls, start, stop, reset, and a picture that follows.

The training loop runs as an asyncio task on the kernel's own event loop and steps aside many times a second, so that a
click on Stop, or another cell, gets its turn. For the published page see `widgets.Replay`.
"""

from __future__ import annotations

import asyncio
import html
import io
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_helpers import style

SLICE = 0.05  # seconds of training between two looks at the reader's clicks
REDRAW = 0.35  # seconds between two pictures, at least


def live(
    make_run: Callable[..., Iterator[Any]],
    controls: Mapping[str, Any],
    draw: Callable[[Sequence[Axes], Any], None],
    *,
    title: str,
    colab: str = "",
    say: Callable[[Any], str] = lambda record: f"step {record.step:,}",
    heights: Sequence[float] = (1.0,),
    figsize: tuple[float, float] = (7.0, 3.4),
) -> Live:
    """Controls and buttons around a training loop that the reader starts, stops and resets.

    Args:
        make_run: called as `make_run(**settings)` at Start; returns an iterator of records, one per training step.
        controls: `{"name": widget}`: any ipywidgets with a `value`, for instance from `log_slider` and `choice`.
        draw: called as `draw(axes, record)` at most three times a second; artists may be kept between calls, and
            after a Reset the axes are empty again.
        title: heading of the whole.
        colab: the chapter's address in Colab, for the sentence that the static page shows instead.
        say: a record in words, for the status line.
        heights: relative heights of the axes, one above the other.

    Raises:
        ImportError: without ipywidgets.
    """
    return Live(make_run, controls, draw, title=title, colab=colab, say=say, heights=heights, figsize=figsize)


def log_slider(label: str, low: float, high: float, value: float) -> Any:
    """A slider over powers of ten, for instance a learning rate between 1e-4 and 1e-1."""
    import ipywidgets

    return ipywidgets.FloatLogSlider(
        value=value,
        min=math.log10(low),
        max=math.log10(high),
        step=0.1,
        readout_format=".1e",
        **_labelled(label),
    )


def choice(label: str, values: Sequence[Any] | Mapping[str, Any], value: Any = None) -> Any:
    """A drop-down list; a mapping goes from what the reader sees to the value."""
    import ipywidgets

    options = list(values.items()) if isinstance(values, Mapping) else list(values)
    first = options[0][1] if isinstance(values, Mapping) else options[0]
    return ipywidgets.Dropdown(options=options, value=first if value is None else value, **_labelled(label))


def _labelled(label: str) -> dict[str, Any]:
    import ipywidgets

    layout = ipywidgets.Layout(width="340px", max_width="100%")
    return {"description": label, "style": {"description_width": "130px"}, "layout": layout}


class Live:
    """What `live` returns: shows itself as a widget in a kernel and as a sentence on a page.

    `start`, `stop` and `reset` do what the buttons do; `status` says what is going on.
    """

    def __init__(
        self,
        make_run: Callable[..., Iterator[Any]],
        controls: Mapping[str, Any],
        draw: Callable[[Sequence[Axes], Any], None],
        *,
        title: str,
        colab: str,
        say: Callable[[Any], str],
        heights: Sequence[float],
        figsize: tuple[float, float],
    ) -> None:
        import ipywidgets

        self.make_run, self.controls, self.draw, self.say = make_run, dict(controls), draw, say
        self.title, self.colab = title, colab
        self._run: Iterator[Any] | None = None  # paused or running; None before the first step
        self._record: Any = None
        self._tasks: set[asyncio.Task] = set()  # the event loop itself keeps only weak references
        self._turn: object | None = None  # the Start whose loop is at work; None when nothing trains
        self._stopping = False
        self._figsize, self._heights = figsize, heights
        self.buttons = {}
        for name, icon in (("start", "play"), ("stop", "stop"), ("reset", "undo")):
            button = ipywidgets.Button(description=name.capitalize(), icon=icon, layout={"width": "90px"})
            action = getattr(self, name)
            button.on_click(lambda _, action=action: action())
            self.buttons[name] = button
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self._status = ipywidgets.HTML()
        for control in self.controls.values():
            control.observe(lambda change: self._changed(), names="value")
        wrap = ipywidgets.Layout(display="flex", flex_flow="row wrap")
        heading = ipywidgets.HTML(f"<strong>{html.escape(title)}</strong>")
        panel = ipywidgets.Box([*self.controls.values()], layout=wrap)
        self.view = ipywidgets.VBox(
            [heading, panel, ipywidgets.HBox([*self.buttons.values()]), self._status, self.image]
        )
        self._clear()

    # ---- what the buttons do

    def start(self) -> None:
        """Begin a run with the settings as they stand, or go on with the one that was stopped."""
        if self.running:
            return
        self._stopping = False
        self._turn = turn = object()
        self._tell("starting")
        task = asyncio.get_running_loop().create_task(self._train(turn))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Pause after the step in hand; Start goes on from there."""
        if self.running:
            self._stopping = True
            self._tell("stopping")

    def reset(self) -> None:
        """Stop, forget the run and empty the picture."""
        self._turn = None
        self._clear()

    @property
    def running(self) -> bool:
        """Whether a training loop is at work."""
        return self._turn is not None

    @property
    def status(self) -> str:
        """What the status line says, as HTML."""
        return self._status.value

    # ---- the work

    async def _train(self, turn: object) -> None:
        try:
            if self._run is None:
                self._run = self.make_run(**{name: control.value for name, control in self.controls.items()})
            self._enable()
            await self._loop(self._run, turn)
        except Exception as error:
            if self._turn is turn:
                self._run = None
                self._tell(f"stopped by an error, {type(error).__name__}: {error}", alarm=True)
        except BaseException:  # the kernel was interrupted: this run cannot go on
            self._run = None
            raise
        finally:
            if self._turn is turn:
                self._turn = None
                self._enable()

    async def _loop(self, run: Iterator[Any], turn: object) -> None:
        yielded, drawn, pause = time.monotonic(), 0.0, REDRAW
        for record in run:
            self._record = record
            now = time.monotonic()
            if now - drawn > pause:
                self._paint(f"running, {self.say(record)}")
                drawn = time.monotonic()
                pause = max(REDRAW, 3 * (drawn - now))  # at most a quarter of the time goes into pictures
            if now - yielded > SLICE:
                await asyncio.sleep(0.001)
                yielded = time.monotonic()
            if self._turn is not turn:  # a reset in the meantime
                return
            if self._stopping:
                self._paint(f"stopped, {self.say(record)}; Start goes on")
                return
        self._run = None
        self._paint("finished" if self._record is None else f"finished, {self.say(self._record)}")

    def _paint(self, text: str) -> None:
        buffer = io.BytesIO()
        with mpl.rc_context():
            style.use()
            if self._record is not None:
                self.draw(self._axes, self._record)
            self._figure.savefig(buffer, format="png")
        self.image.value = buffer.getvalue()
        self._tell(text)

    def _clear(self) -> None:
        with mpl.rc_context():
            style.use()
            self._figure = Figure(figsize=self._figsize, dpi=110)
            rows = {"height_ratios": list(self._heights)}
            self._axes = list(self._figure.subplots(len(self._heights), 1, squeeze=False, gridspec_kw=rows)[:, 0])
        self._run, self._record = None, None
        self._paint("ready: press Start")
        self._enable()

    def _changed(self) -> None:
        if self._run is not None:
            self._tell("settings changed: Reset, then Start, begins a run with them")

    def _enable(self) -> None:
        self.buttons["start"].disabled, self.buttons["stop"].disabled = self.running, not self.running

    def _tell(self, text: str, alarm: bool = False) -> None:
        role = "alert" if alarm else "status"
        self._status.value = f'<span role="{role}">{html.escape(text)}</span>'

    # ---- how it shows itself

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.view.model_id}
        bundle: dict[str, Any] = {"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view}
        if "google.colab" not in sys.modules:  # there the widget must be the only choice
            bundle["text/html"] = self._fallback()
        return bundle

    def _fallback(self) -> str:
        link = f' <a href="{html.escape(self.colab)}">Open in Colab</a> and run it there.' if self.colab else ""
        words = "trains real networks while you turn its controls, and for that it needs a running kernel."
        return f'<p class="gan-live"><strong>{html.escape(self.title)}</strong> {words}{link}</p>'

    def __repr__(self) -> str:
        return f"Live: {self.title}; run this cell in a notebook to get the controls"
