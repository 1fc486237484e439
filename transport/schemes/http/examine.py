"""What a host, or an edge before it, does with requests that a push may need: asked without pushing anything.

    chunks     POST of "0000" in one chunk             411, 501: bodies of unknown length are not taken
    a size     a head that announces so many bytes,    413 at once: too large; nothing, or 200: taken
               and 4 of them
    silence    2 bytes of a body, and no more          an answer or an end: cut after so many seconds

"0000" is the end of a list of commands that names none, so receive-pack changes nothing. What is announced is
not sent beyond 4 MiB: edges refuse by the head, and what doesn't is left with a request that ends early.
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
    """The largest body that was not refused, and the smallest that was; None for none."""

    taken: int
    refused: int | None


class Examination:
    """Asks one remote over HTTP, whose list of refs for a push was read before, so that it is signed in."""

    def __init__(self, transport: HttpTransport, *, answer_seconds: float = 1.0) -> None:
        """`answer_seconds` is how long a refusal is waited for."""
        self._transport = transport
        self._answer_seconds = answer_seconds

    def takes_chunks(self) -> bool:
        """Tell whether a body of unknown length is taken."""
        body = encode_chunk(_FLUSH) + LAST_CHUNK
        status, _ = self._ask([("Transfer-Encoding", "chunked")], body, _PATIENCE_SECONDS)
        return status not in _REFUSES_CHUNKS

    def size_limit(self) -> SizeLimit:
        """Find how large a body may be, as far as the host says so by its head."""
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
        """Fall silent in the middle of a body; return after how many seconds that was cut, None if not."""
        begun = time.monotonic()
        # Half of the four digits that a packet begins with, in a chunk of four.
        body = b"4\r\n" + _FLUSH[:2]
        status, ended = self._ask([("Transfer-Encoding", "chunked")], body, seconds)
        return time.monotonic() - begun if ended or status else None

    def _takes(self, size: int) -> bool:
        status, _ = self._ask([("Content-Length", str(size))], _FLUSH, self._answer_seconds)
        return status not in _REFUSES_SIZE

    def _ask(self, framing: list[tuple[str, str]], body: bytes, seconds: float) -> tuple[int | None, bool]:
        """Send a head and the start of a body; return the status that came in time, and whether it ended."""
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
