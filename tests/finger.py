"""A finger on the screen, for tests of what a phone does with our elements."""

from __future__ import annotations

from typing import Any

PHONE = {"width": 390, "has_touch": True, "is_mobile": True}
BELOW = '<div style="height:4000px"></div>'  # so that there is something to scroll


class Finger:
    """Touches as a screen reports them; the browser makes scrolls and taps of them."""

    def __init__(self, page: Any) -> None:
        self.page, self.session = page, page.context.new_cdp_session(page)

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y} for x, y in points]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
        self.page.wait_for_timeout(16)

    def swipe(self, target: Any, across: float = 0, along: float = 0) -> None:
        """From a sixth of the way along a part, by so many pixels; by none, a tap."""
        box = target.bounding_box()
        x, y = box["x"] + box["width"] / 6, box["y"] + box["height"] / 2
        self._send("touchStart", (x, y))
        for k in range(1, 13 if across or along else 1):
            self._send("touchMove", (x + k * across / 12, y + k * along / 12))
        self._send("touchEnd")
        self.page.wait_for_timeout(300)
