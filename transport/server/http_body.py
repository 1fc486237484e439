r"""The body of one HTTP request, as the blocks that a server of packs reads (RFC 9112, sections 6 and 7).

    chunked         4\r\nWiki\r\n ... 0\r\n\r\n     exactly up to its end: what follows is the next request
    content-length  exactly so many bytes
    neither         no body

A request that can be read in two ways (both headers, two lengths, another coding) is refused, since what
stands between us and the client may have read it the other way. gzip is decoded, within a bound.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from transport.errors import RemoteProtocolError
from transport.http_rules.content import content_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from io import BufferedIOBase

__all__ = ["BodyError", "RequestBody"]

_BLOCK_BYTES = 64 * 1024
_LINE_BYTES_MAX = 4096
_TRAILER_LINES_MAX = 64
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n\Z")
_DIGITS = re.compile(r"[0-9]{1,18}\Z")


class BodyError(Exception):
    """The body can't be read: `status` is the answer, if there is still someone to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RequestBody:
    """One body, read once. `complete` tells whether all of it has been taken off the connection."""

    def __init__(
        self,
        file: BufferedIOBase,
        headers: Sequence[tuple[str, str]],
        *,
        before_reading: Callable[[], None],
    ) -> None:
        """Look at the headers. Raises BodyError; `before_reading` is called before the first byte is read."""
        self._file = file
        self._before_reading: Callable[[], None] | None = before_reading
        self._encoding = ", ".join(value for name, value in headers if name.lower() == "content-encoding")
        self._chunked, self._length = _framing(headers)
        self._in_chunk = False
        self.complete = not self._chunked and not self._length

    @property
    def started(self) -> bool:
        """Whether reading has begun."""
        return self._before_reading is None

    def blocks(self, bytes_max: int | None = None) -> Generator[bytes, None, None]:
        """Yield the content. Raises BodyError: cut short, broken, or (decoded) longer than `bytes_max`."""
        taken = 0
        try:
            decoder = content_decoder(self._encoding)
        except RemoteProtocolError:
            raise BodyError(415, "a Content-Encoding other than gzip or deflate") from None
        try:
            for block in self.raw():
                for piece in decoder.feed(block):
                    taken += len(piece)
                    if bytes_max is not None and taken > bytes_max:
                        raise BodyError(413, f"the request is longer than {bytes_max} bytes")
                    yield piece
            decoder.end()
        except RemoteProtocolError:
            raise BodyError(400, "the compressed request is damaged") from None

    def raw(self) -> Iterator[bytes]:
        """Yield the body's bytes as they were sent, chunk framing aside; also to throw them away."""
        if self.complete:
            return
        if self._before_reading is not None:
            begin, self._before_reading = self._before_reading, None
            begin()
        if self._chunked:
            yield from self._chunks()
        else:
            while self._length:
                block = self._take(self._length)
                self._length -= len(block)
                yield block
        self.complete = True

    def _chunks(self) -> Iterator[bytes]:
        # What is left of a chunk lives in the object: reading may stop here and be taken up again.
        while True:
            if not self._in_chunk:
                self._length = self._chunk_size()
                if not self._length:
                    break
                self._in_chunk = True
            while self._length:
                block = self._take(self._length)
                self._length -= len(block)
                yield block
            if self._line().strip():
                raise BodyError(400, "a chunk is longer than its size says")
            self._in_chunk = False
        for _ in range(_TRAILER_LINES_MAX):
            if not self._line().strip():
                return
        raise BodyError(400, "too many trailers")

    def _chunk_size(self) -> int:
        line = self._line()
        match = _CHUNK_SIZE.match(line)
        if match is None:
            raise BodyError(400, "bad chunk size")
        return int(match[1], 16)

    def _line(self) -> bytes:
        line = self._file.readline(_LINE_BYTES_MAX)
        if not line.endswith(b"\n"):
            raise BodyError(400, "the body was cut short, or has too long a line")
        return line

    def _take(self, size: int) -> bytes:
        block = self._file.read1(min(size, _BLOCK_BYTES))
        if not block:
            raise BodyError(400, "the body was cut short")
        return block


def _framing(headers: Sequence[tuple[str, str]]) -> tuple[bool, int]:
    """Return (is chunked, length). Raises BodyError for what is ambiguous or unknown."""
    codings = [value.strip().lower() for name, value in headers if name.lower() == "transfer-encoding"]
    lengths = {value.strip() for name, value in headers if name.lower() == "content-length"}
    if codings:
        if codings != ["chunked"]:
            raise BodyError(501, "a Transfer-Encoding other than chunked")
        if lengths:
            raise BodyError(400, "both Transfer-Encoding and Content-Length")
        return True, 0
    if len(lengths) > 1 or not all(map(_DIGITS.match, lengths)):
        raise BodyError(400, "a Content-Length that is no number, or two of them")
    return False, int(lengths.pop()) if lengths else 0
