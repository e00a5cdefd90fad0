"""The words of a folded cell: what the page, the notebook edition and the checks agree on.

A code cell with the tag `fold` begins with a comment that says what it does, `# Record 72 runs`.
"""

from __future__ import annotations

import re

WORDS = re.compile(r"#(?: |(?=\w))(\S.*)")  # `#!` begins no words
ASKED = "a cell with the tag `fold` begins with a comment that says what it does"


def split_words(source: str) -> tuple[str, str]:
    """The words of a folded cell, and its code without them; words are empty where the first line is no comment.

    >>> split_words("# Record 72 runs\\nruns = {}")
    ('Record 72 runs', 'runs = {}')
    """
    first, _, rest = source.partition("\n")
    words = WORDS.fullmatch(first)
    return (words[1].rstrip("."), rest.lstrip("\n")) if words else ("", source)
