"""What a reader is told where other data stand in for what was asked for."""

from __future__ import annotations

import html
import sys

from gan_helpers.style import PALETTE


class Notice:
    """Plain text in a terminal, a framed line that opens in a notebook.

    Args:
        line: what has happened, in a few words.
        text: what it means, why, and what to do.
    """

    def __init__(self, line: str, text: str) -> None:
        self.line, self.text = line, text

    def __repr__(self) -> str:
        return f"Notice: {self.text}"

    def _repr_html_(self) -> str:
        frame = f"border-left: 0.3em solid {PALETTE['dark']['fake']}; padding: 0 0.8em"
        line = f"<summary><strong>Notice.</strong> {html.escape(self.line)}</summary>"
        return f'<div role="note" style="{frame}"><details>{line}{html.escape(self.text)}</details></div>'


_told: set[str] = set()  # what was shown in this process: train and test digits need one notice, not two


def show(notice: Notice) -> None:
    """Display in a notebook, print anywhere else; the same words once."""
    if notice.text in _told:
        return
    _told.add(notice.text)
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display(notice)
    else:
        print(notice)
