r"""Find the end of an answer on a persistent connection: its first flush, without parsing its lines.

    0009abcd\n 0001 000a12345\n 0000 | 0002
    ^ lines, a delimiter, a line  ^    ^ no longer part of the answer

If several answers follow each other on one connection, there is no end of stream to wait for. `FlushFinder`
reads the length of each pkt-line and skips the line, so that a pack of gigabytes passes without being copied.
It lets bytes that are not pkt-lines pass, because the parser reports them. See gitprotocol-common(5).

>>> finder = FlushFinder()
>>> finder.feed(b"0009ab"), finder.feed(b"cd\n00"), finder.feed(b"000002")
(None, None, 2)
"""

from __future__ import annotations

import re

__all__ = ["FlushFinder"]

_LENGTH_BYTES = 4
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}\Z")


class FlushFinder:
    """Follows the pkt-lines in blocks of any size up to the first flush."""

    def __init__(self) -> None:
        self._length = b""
        self._to_skip = 0
        self.lost = False
        """Whether there were bytes that are not pkt-lines; then no flush can be found any more."""
        self.found = False

    def feed(self, data: bytes) -> int | None:
        """Return the number of bytes of the block that belong to the answer, or None without its flush."""
        position, size = 0, len(data)
        while position < size and not self.lost and not self.found:
            step = min(self._to_skip, size - position)
            self._to_skip -= step
            position += step
            wanted = _LENGTH_BYTES - len(self._length)
            self._length += data[position : position + wanted]
            position += min(wanted, size - position)
            if len(self._length) == _LENGTH_BYTES:
                self._line_begins()
        return position if self.found else None

    def _line_begins(self) -> None:
        if not _LENGTH.match(self._length):
            self.lost = True
            return
        length = int(self._length, 16)
        self._length = b""
        self.found = length == 0
        self._to_skip = max(0, length - _LENGTH_BYTES)
