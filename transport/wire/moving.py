r"""Tells progress that moves on from progress that is only repeated, by the numbers in its lines.

    Compressing objects:  12% (123/1000)\r    title "Compressing objects: #% (#/#)", numbers (12, 123, 1000)

A line moves on if its title is new, or its numbers are above all that came with that title. So a line that is
sent again, and two that take turns, don't. Titles are bounded, so words without end aren't progress either.

>>> seen = MovingProgress()
>>> [seen.moves_on(line) for line in (b"Counting: 1", b"Counting: 2", b"Counting: 2", b"Sorting")]
[True, True, False, True]
"""

from __future__ import annotations

import re

__all__ = ["TITLES_MAX", "MovingProgress"]

TITLES_MAX = 1000
"""Further titles are no news: git has about ten."""

_TITLE_BYTES = 200
_LINES_MAX = 8
"""Of a packet with more lines the last ones are looked at: they have the highest numbers."""
_NUMBER = re.compile(rb"[0-9]{1,18}")


class MovingProgress:
    """What was reported so far in one answer."""

    def __init__(self) -> None:
        self._best: dict[bytes, tuple[int, ...]] = {}

    def moves_on(self, text: bytes) -> bool:
        """Take the text of one packet, of any number of lines; return whether any of them is news."""
        lines = text.splitlines()[-_LINES_MAX:]
        moving = [line for line in lines if line.strip() and self._takes(line)]
        return bool(moving)

    def _takes(self, line: bytes) -> bool:
        line = line[:_TITLE_BYTES]
        title = _NUMBER.sub(b"#", line)
        numbers = tuple(map(int, _NUMBER.findall(line)))
        best = self._best.get(title)
        if best is None and len(self._best) >= TITLES_MAX:
            return False
        if best is not None and numbers <= best:
            return False
        self._best[title] = numbers
        return True
