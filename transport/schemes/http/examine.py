"""Which requests a host, or an edge before it, accepts from a push: tested without pushing anything.

    chunks     POST of "0000" in one chunk             400, 411, 501: chunked bodies are refused
    a size     a head that announces the size,         413 and its like: too large; silence, 200: accepted
               and 4 bytes of the body
    silence    2 bytes of a body, and no more          an answer or an end: silence is cut after that time

"0000" ends a list of no commands, so receive-pack changes nothing. Only 4 bytes of an announced body are
sent: an edge refuses by the head alone, and a host that doesn't sees a request that ends early.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from transport.errors import NetworkError
from transport.http_rules.framing import LAST_CHUNK, encode_chunk
from transport.schemes.http.heads import HeadParser

if TYPE_CHECKING:
    from transport.base import Service
    from transport.schemes.http.client import HttpTransport
    from transport.schemes.http.stream import Stream

__all__ = ["Examination", "SizeLimit"]

_SERVICE: Service = "git-receive-pack"
_PATIENCE_SECONDS = 30.0
_FLUSH = b"0000"
_REFUSES_CHUNKS = (400, 411, 501)
_REFUSES_SIZE = (413, 400, 403, 502, 503)
_SIZES = tuple(1 << bits for bits in (16, 20, 23, 26, 27, 29, 30, 31, 32, 33))
_STEPS = 6
"""Halvings between a size that was taken and one that was refused."""


class SizeLimit(NamedTuple):
    """The largest body that was accepted, and the smallest that was refused; None if none was."""

    taken: int
    refused: int | None


class Examination:
    """Tests one remote over HTTP. Read its refs for a push first, so that the transport is signed in."""

    def __init__(self, transport: HttpTransport, *, answer_seconds: float = 1.0) -> None:
        """`answer_seconds` is how long to wait for a refusal."""
        self._transport = transport
        self._answer_seconds = answer_seconds

    def takes_chunks(self) -> bool:
        """Return whether the host accepts a body of unknown length."""
        body = encode_chunk(_FLUSH) + LAST_CHUNK
        status, _ = self._ask([("Transfer-Encoding", "chunked")], body, _PATIENCE_SECONDS)
        return status not in _REFUSES_CHUNKS

    def size_limit(self) -> SizeLimit:
        """Find how large a body may be, as far as the host decides by the head of a request."""
        taken, refused = 0, None
        for size in _SIZES:
            if not self._takes(size):
                refused = size
                break
            taken = size
        steps = _STEPS if refused is not None else 0
        for _ in range(steps):
            middle = (taken + (refused or 0)) // 2
            if middle in (taken, refused):
                break
            if self._takes(middle):
                taken = middle
            else:
                refused = middle
        return SizeLimit(taken, refused)

    def silence(self, seconds: float) -> float | None:
        """Fall silent in the middle of a body; return the seconds until the host cut it, or None."""
        begun = time.monotonic()
        # A packet begins with four digits: this chunk of four has only two of them yet.
        body = b"4\r\n" + _FLUSH[:2]
        status, ended = self._ask([("Transfer-Encoding", "chunked")], body, seconds)
        return time.monotonic() - begun if ended or status else None

    def _takes(self, size: int) -> bool:
        status, _ = self._ask([("Content-Length", str(size))], _FLUSH, self._answer_seconds)
        return status not in _REFUSES_SIZE

    def _ask(self, framing: list[tuple[str, str]], body: bytes, seconds: float) -> tuple[int | None, bool]:
        """Send a head and the start of a body; return the status if it came in time, and whether it ended."""
        stream = self._transport.open_post(_SERVICE, [*framing, ("Connection", "close")])
        with closing(stream):
            try:
                stream.write(body)
                return self._head(stream, seconds)
            except NetworkError:
                return None, True

    @staticmethod
    def _head(stream: Stream, seconds: float) -> tuple[int | None, bool]:
        parser = HeadParser()
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            data = stream.receive(left)
            if data and (parsed := parser.feed(data)) is not None and parsed[0].status >= 200:
                return parsed[0].status, False
            if stream.ended or stream.receive_error is not None or stream.send_error is not None:
                return None, True
        return None, False
