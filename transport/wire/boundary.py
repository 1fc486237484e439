r"""Where an answer ends on a connection that lasts: at its first flush, without taking its lines apart.

    0009abcd\n 0001 000a12345\n 0000 | 0002
    ^ lines, a delimiter, a line  ^    ^ not the answer's any more

A connection over which one answer follows another has no end of stream to wait for. `FlushFinder` reads the
length of each pkt-line and skips the line, so that a pack of gigabytes goes by uncopied. Bytes that are no
pkt-line it lets pass: to complain of them is the parser's part. See gitprotocol-common(5).

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
    """Follows the pkt-lines in blocks of any size, up to the first flush."""

    def __init__(self) -> None:
        self._length = b""
        self._to_skip = 0
        self.lost = False
        """Whether the bytes were no pkt-lines; then no flush is found any more."""
        self.found = False

    def feed(self, data: bytes) -> int | None:
        """Return how many bytes of the block belong to the answer if its flush is here, else None."""
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
