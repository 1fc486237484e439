r"""Where the body of an HTTP/1.1 answer ends, and chunks in both directions (RFC 9112, sections 6 and 7).

    chunked         4\r\nWiki\r\n  7;ext=1\r\npedia i\r\n  0\r\n  Trailer: x\r\n  \r\n
    content-length  exactly this many bytes; fewer are an error, more are ignored
    until close     all bytes until the connection ends; git's own flush shows whether it was cut off

Strict on purpose: `http.client` accepts "0x4" as a chunk size, doesn't report a short body, and returns raw
chunk framing as data when Transfer-Encoding is anything but "chunked".

>>> encode_chunk(b"Wiki")
b'4\r\nWiki\r\n'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from transport.errors import AnswerTooLarge, RemoteProtocolError
from transport.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["LAST_CHUNK", "BodyReader", "body_reader", "encode_chunk"]

LAST_CHUNK = b"0\r\n\r\n"

_CHUNK_LINE_BYTES_MAX = 4096
_FREE_FRAMING_BYTES = 1024 * 1024
_FRAMING_MAX = 16
"""Bytes of chunk framing allowed per byte of content: a chunk of one byte needs five."""
_TRAILER_BYTES_MAX = 64 * 1024
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\Z")
_DIGITS = re.compile(r"[0-9]{1,18}\Z")

_CUT = "the server or a proxy ended the connection too early: run again, and if that recurs, look at its log"


def encode_chunk(block: bytes) -> bytes:
    """Return one non-empty block as one chunk. An empty one would end the body."""
    assert block
    return b"%x\r\n%b\r\n" % (len(block), block)


class BodyReader(Protocol):
    """Takes the bytes after the head of an answer, and yields those of its body."""

    complete: bool

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the body bytes in `data`. Raises RemoteProtocolError if the framing is broken."""

    def end(self) -> None:
        """Signal end of connection. Raises RemoteProtocolError if the body is incomplete."""


def body_reader(headers: Sequence[tuple[str, str]], status: int) -> BodyReader:
    """Return the reader for the headers of an answer.

    Raises RemoteProtocolError for ambiguous headers.
    """
    if status in (204, 304):
        return _LengthReader(0)
    codings = [value.strip().lower() for name, value in headers if name.lower() == "transfer-encoding"]
    if codings:
        if codings != ["chunked"]:
            raise RemoteProtocolError(f"unsupported Transfer-Encoding: {one_line(', '.join(codings))}")
        return _ChunkedReader()
    lengths = {value.strip() for name, value in headers if name.lower() == "content-length"}
    if not lengths:
        return _UntilCloseReader()
    if len(lengths) > 1:
        raise RemoteProtocolError("the answer has two different Content-Length headers")
    length = lengths.pop()
    if not _DIGITS.match(length):
        raise RemoteProtocolError(f"the answer's Content-Length is not a number: {one_line(length)}")
    return _LengthReader(int(length))


class _UntilCloseReader:
    complete = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if data:
            yield data

    def end(self) -> None:
        self.complete = True


class _LengthReader:
    def __init__(self, length: int) -> None:
        self._length = self._missing = length
        self.complete = length == 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        data = data[: self._missing]
        self._missing -= len(data)
        self.complete = self._missing == 0
        if data:
            yield data

    def end(self) -> None:
        if self._missing:
            raise RemoteProtocolError(
                f"the answer was cut short: {self._missing} of {self._length} body bytes are missing",
                hint=_CUT,
            )


class _ChunkedReader:
    """States: a size line, data, the CRLF behind it, trailer lines after the last chunk."""

    def __init__(self) -> None:
        self.complete = False
        self._line = bytearray()
        self._missing = 0
        self._state = "size"
        self._trailer_bytes = 0
        self._framing_bytes = 0
        self._content_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        position = 0
        while position < len(data) and not self.complete:
            if self._state == "data":
                piece = data[position : position + self._missing]
                position += len(piece)
                self._missing -= len(piece)
                self._content_bytes += len(piece)
                if not self._missing:
                    self._state = "data end"
                yield piece
                continue
            newline = data.find(b"\n", position)
            stop = len(data) if newline < 0 else newline + 1
            self._line += data[position:stop]
            self._count_framing(stop - position)
            position = stop
            if len(self._line) > _CHUNK_LINE_BYTES_MAX:
                raise AnswerTooLarge(
                    "the answer's chunk has a size line or trailer that is too long",
                    limit=f"{_CHUNK_LINE_BYTES_MAX} bytes a line",
                )
            if newline >= 0:
                line = bytes(self._line)
                self._line.clear()
                self._take_line(line.removesuffix(b"\n").removesuffix(b"\r"))

    def _count_framing(self, size: int) -> None:
        self._framing_bytes += size
        if self._framing_bytes > _FREE_FRAMING_BYTES + self._content_bytes * _FRAMING_MAX:
            raise AnswerTooLarge(
                f"the answer's chunks have almost no content: {self._content_bytes:,} bytes of content in "
                f"{self._framing_bytes:,} of framing",
                limit=f"{_FRAMING_MAX} bytes of framing for one of content",
            )

    def _take_line(self, line: bytes) -> None:
        if self._state == "size":
            match = _CHUNK_SIZE.match(line)
            if not match:
                raise RemoteProtocolError(f"bad chunk size in the answer: {one_line(line, limit=80)!r}")
            self._missing = int(match.group(1), 16)
            self._state = "data" if self._missing else "trailer"
        elif self._state == "data end":
            if line:
                raise RemoteProtocolError("a chunk of the answer is longer than its size says")
            self._state = "size"
        elif not line:
            self.complete = True
        else:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > _TRAILER_BYTES_MAX:
                raise AnswerTooLarge(
                    "the answer's trailers are too long", limit=f"{_TRAILER_BYTES_MAX} bytes of trailers"
                )

    def end(self) -> None:
        if not self.complete:
            raise RemoteProtocolError("the answer was cut short: its last chunk is missing", hint=_CUT)
