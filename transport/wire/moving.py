r"""Distinguish progress that advances from progress that only repeats, by the numbers in its lines.

    Compressing objects:  12% (123/1000)\r    title "Compressing objects: #% (#/#)", numbers (12, 123, 1000)

A line advances if its title is new, or if its numbers are higher than all before under that title. So a
repeated line does not, nor do two alternating ones. The number of titles is bounded, so endless text isn't
progress either.

>>> seen = MovingProgress()
>>> [seen.moves_on(line) for line in (b"Counting: 1", b"Counting: 2", b"Counting: 2", b"Sorting")]
[True, True, False, True]
"""

from __future__ import annotations

import re

__all__ = ["TITLES_MAX", "MovingProgress"]

TITLES_MAX = 1000
"""Further titles don't count; git has about ten."""

_TITLE_BYTES = 200
_LINES_MAX = 8
"""Only the last lines of a longer packet are checked, because they have the highest numbers."""
_NUMBER = re.compile(rb"[0-9]{1,18}")


class MovingProgress:
    """The progress that one answer has reported so far."""

    def __init__(self) -> None:
        self._best: dict[bytes, tuple[int, ...]] = {}

    def moves_on(self, text: bytes) -> bool:
        """Take the text of one packet, with any number of lines; return whether any of them advances."""
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
