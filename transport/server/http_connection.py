r"""One client's connection: requests in, answers out, HTTP/1.1 spoken by h11 (RFC 9112).

    client                                      HttpConnection
    POST /x HTTP/1.1\r\n ... \r\n\r\n     ->    next_request()    an HttpRequest, or None at the end
    4\r\nWiki\r\n 0\r\n\r\n               ->    body()            its bytes, without their framing
    HTTP/1.1 200 OK\r\n ... \r\n\r\n      <-    respond()
    5\r\nhello\r\n                        <-    write()           in chunks, or bare for HTTP/1.0
    0\r\n\r\n                             <-    end()

h11 parses and frames; the socket, the clock and the bounds are here. What h11 leaves to its users is decided
strictly, since a proxy in front of us may read such a request the other way, and its next one would be ours
to misread: lines must end in CRLF, may not be folded and may hold no control characters, and a request has
Content-Length or Transfer-Encoding, never both. A head that breaks a rule is answered with 400, and the
connection closed: nothing after it can be trusted to be a request. HTTP/0.9 has no heads at all: 400, too.
"""

from __future__ import annotations

import re
import socket
import time
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import h11

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["HEAD_BYTES_MAX", "HttpConnection", "HttpFault", "HttpRequest"]

HEAD_BYTES_MAX = 32 * 1024
"""A request's line and headers. Kerberos tickets make the longest that are seen."""
BODY_LINE_BYTES_MAX = 1024
"""The line before a chunk, and all trailers together, if they come in more than one block."""
SMALL_PIECES_MAX = 50_000
"""Pieces of a body that may be small; with more, they must have `PIECE_BYTES_MIN` bytes on average."""
PIECE_BYTES_MIN = 16
SLOW_SECONDS = 30
SLOW_BYTES_PER_SECOND = 1024
"""A client is slow once it has kept us waiting for so long and has moved fewer bytes a second meanwhile."""
_BLANKS_MAX = 512
_TABS_TO_BLANKS = bytes.maketrans(b"\t", b" ")
_RECEIVE_BYTES = 64 * 1024
_LOGGED_BYTES_MAX = 400
_HEAD_END = b"\r\n\r\n"
_NOT_PLAIN = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?=[^\n])|\n[ \t]")
"""In a head: a control character, half a line end, or the blank that folds a line."""
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_OVERLAP_BYTES = 3
"""A search goes back so far into what it has seen, for what was cut in two."""


class HttpFault(Exception):
    """A request that can't be taken: `status` is the answer, if there is still someone to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HttpRequest(NamedTuple):
    """A request's head."""

    method: str
    target: str
    """As sent, percent-encoded."""
    version: str
    """`1.1`, or `1.0`, whose clients understand no chunks."""
    headers: list[tuple[str, str]]
    """In their order, names in lower case."""

    def header(self, name: str) -> str:
        """Return a header's value, all of them joined by commas if it is repeated; "" if it isn't there."""
        return ", ".join(value for key, value in self.headers if key == name)


class HttpConnection:
    """One connection. Reading and writing raise OSError where it breaks, TimeoutError when time is up.

    The times are in seconds: `idle_seconds` bounds each silence, `deadline` (on the monotonic clock) ends a
    request however busy its client is.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.idle_seconds = self.deadline = float("inf")
        self.request_began = time.monotonic()
        """When the client could begin with the request that it owes us, or whose body it sends."""
        self.gives_way = True
        """Whether the connection may be closed for another's sake while it waits for bytes of its client."""
        self._is_receiving = True
        """Whether it waits for bytes of its client, or, as it is new, is about to."""
        self._waiting_since: float | None = None
        """Since when it has been waiting for its client, to send or to take; None while we are at work."""
        self._waited_seconds = 0.0
        self._moved_bytes = 0
        """Both since the client was last found quick enough: one that slows down is found out."""
        self._received = bytearray()
        """Not parsed yet: the start of a head, or of what follows one."""
        self._http = h11.Connection(h11.SERVER)
        self._first_line = b""
        self._pieces = self._body_bytes = 0
        self._is_chunked = self._continue_due = False
        self._closes = False

    @property
    def owes_request(self) -> bool:
        """Whether nobody loses by the connection's end but a client that we are waiting for."""
        return self.gives_way and self._is_receiving

    @property
    def is_slow(self) -> bool:
        """Whether we wait for a client that sends or takes so little that it may be closed for another.

        Time that we spend at work ourselves is not held against it.
        """
        since = self._waiting_since
        if since is None:
            return False
        this_wait = time.monotonic() - since
        waited = self._waited_seconds + this_wait
        moves = self._moved_bytes >= waited * SLOW_BYTES_PER_SECOND
        return this_wait >= SLOW_SECONDS or (waited >= SLOW_SECONDS and not moves)

    # Reading

    def begin_request(self, seconds: float, idle_seconds: float) -> None:
        """Give the client so much time for its next request's head."""
        self.request_began = time.monotonic()
        self.deadline = self.request_began + seconds
        self.idle_seconds = idle_seconds
        self.gives_way = True
        self._waited_seconds, self._moved_bytes = 0.0, 0

    def next_request(self) -> HttpRequest | None:
        """Return the next request; None where the client has left, or may send none.

        Raises HttpFault for what is no request: `respond` can still say so.
        """
        if self._closes:
            return None
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=BODY_LINE_BYTES_MAX)
        self._pieces = self._body_bytes = 0
        head = self._read_head()
        if head is None:
            return None
        try:
            self._http.receive_data(head)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            self._closes = True
            # In h11's words the bytes themselves would be repeated, credentials among them.
            raise HttpFault(
                error.error_status_hint, "not an HTTP request: its head breaks the rules"
            ) from None
        assert isinstance(event, h11.Request)
        request = HttpRequest(
            event.method.decode("ascii"),
            event.target.decode("ascii"),
            event.http_version.decode("ascii"),
            [(name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers],
        )
        self._refuse_doubtful(request)
        self._is_chunked = bool(request.header("transfer-encoding"))
        self._continue_due = self._http.they_are_waiting_for_100_continue
        return request

    @property
    def first_line(self) -> str:
        """The first line of what was taken for a request's head last, for the log."""
        return self._first_line.decode("latin-1")

    def _read_head(self) -> bytes | None:
        searched = 0
        while True:
            end = self._received.find(_HEAD_END, max(0, searched - _OVERLAP_BYTES))
            stop = len(self._received) if end < 0 else end + len(_HEAD_END)
            self._first_line = bytes(self._received[:_LOGGED_BYTES_MAX]).partition(b"\n")[0].rstrip()
            if _NOT_PLAIN.search(self._received, max(0, searched - _OVERLAP_BYTES), stop):
                self._closes = True
                raise HttpFault(400, "not an HTTP request: lines must end in CRLF and hold only text")
            if stop > HEAD_BYTES_MAX:
                self._closes = True
                raise HttpFault(431, f"the head is longer than {HEAD_BYTES_MAX} bytes")
            if end >= 0:
                head = bytes(self._received[:stop])
                del self._received[:stop]
                line, end_of_line, headers = head.partition(b"\r\n")
                # git sends the letters of a URL as they were typed, which h11 does not take.
                return _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line) + end_of_line + headers
            searched = len(self._received)
            data = self._receive()
            if not data:
                return None
            self._received += data

    def _refuse_doubtful(self, request: HttpRequest) -> None:
        if request.version[0] != "1":
            self._closes = True
            raise HttpFault(505, f"HTTP/{request.version} is not spoken here")
        if request.header("transfer-encoding"):
            if request.header("content-length"):
                self._closes = True
                raise HttpFault(400, "both Transfer-Encoding and Content-Length")
            if request.version == "1.0":
                self._closes = True
                raise HttpFault(400, "Transfer-Encoding is not part of HTTP/1.0")

    def body(self) -> Iterator[bytes]:
        """Yield the body, or what is left of it. Raises HttpFault if it is cut short or broken."""
        if self._continue_due:
            self._continue_due = False
            self._send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
        # Behind the end they are done, or must close if they said so: then there is nothing to wait for.
        while self._http.their_state is h11.SEND_BODY:
            try:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    self._http.receive_data(self._take_received())
                    continue
            except h11.RemoteProtocolError as error:
                self._closes = True
                raise HttpFault(
                    error.error_status_hint, "the body was cut short, or its framing is broken"
                ) from None
            if not isinstance(event, h11.Data):
                self._received[:0] = self._http.trailing_data[0]
                return
            self._count_piece(len(event.data))
            yield bytes(event.data)

    def _count_piece(self, size: int) -> None:
        """Count a chunk, or what came of one. Raises HttpFault if there are too many for what they hold."""
        self._pieces += 1
        self._body_bytes += size
        if self._pieces > SMALL_PIECES_MAX and self._body_bytes < self._pieces * PIECE_BYTES_MIN:
            self._closes = True
            raise HttpFault(400, f"more than {SMALL_PIECES_MAX} chunks of hardly any bytes")

    def read_rest(self) -> None:
        """Take what the client still sends off the connection, so that it lives to see its answer."""
        if self._continue_due:
            self._closes = True  # it may send the body or leave it out, and nothing tells which
        elif self._http.their_state is h11.ERROR or (
            self._closes and self._http.their_state is h11.SEND_BODY
        ):
            self.drain()
        else:
            for _ in self.body():
                pass

    def drain(self) -> None:
        """Throw away what can't be parsed: closing at once would take the answer from the client."""
        self._socket.shutdown(socket.SHUT_WR)
        while self._receive():
            pass

    def _take_received(self) -> bytes:
        if not self._received:
            self._received += self._receive()
        size = len(self._received)
        # h11's patterns take quadratic time on blanks with a control character behind them. A line of them
        # must not reach it whole; in small pieces it soon is too long.
        if self._is_chunked and b" " * _BLANKS_MAX in self._received.translate(_TABS_TO_BLANKS):
            size = BODY_LINE_BYTES_MAX
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def _receive(self) -> bytes:
        self._is_receiving = True
        try:
            with self._waiting():
                # A buffer is allocated before the wait: hundreds of idle clients would hold one each.
                self._socket.recv(1, socket.MSG_PEEK)
        finally:
            self._is_receiving = False
        data = self._socket.recv(_RECEIVE_BYTES)
        self._moved_bytes += len(data)
        return data

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Wait for the client within the time that is left, and count the seconds."""
        self._socket.settimeout(self._time_left())
        self._waiting_since = began = time.monotonic()
        try:
            yield
        finally:
            self._waiting_since = None
            self._waited_seconds += time.monotonic() - began
            if SLOW_SECONDS <= self._waited_seconds < self._moved_bytes / SLOW_BYTES_PER_SECOND:
                self._waited_seconds, self._moved_bytes = 0.0, 0

    def _time_left(self) -> float:
        left = min(self.deadline - time.monotonic(), self.idle_seconds)
        if left <= 0:
            raise TimeoutError("the request takes too long")
        return left

    # Writing

    def respond(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Send an answer's head. Without a Content-Length its body is chunked, or ends the connection."""
        if self._closes or self._continue_due:
            headers = [*headers, ("Connection", "close")]
        reason = _REASONS.get(status, "").encode("ascii")
        self._send(h11.Response(status_code=status, headers=list(headers), reason=reason))

    def write(self, data: bytes) -> None:
        """Send a part of the answer's body."""
        self._send(h11.Data(data=data))

    def end(self) -> None:
        """End the answer."""
        self._send(h11.EndOfMessage())

    def close_after_this(self) -> None:
        """Take no further request."""
        self._closes = True

    @property
    def goes_on(self) -> bool:
        """Whether another request may follow: both sides are through with this one, and none said `close`."""
        states = self._http.states
        return not self._closes and states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}

    def _send(self, event: h11.Response | h11.InformationalResponse | h11.Data | h11.EndOfMessage) -> None:
        data = self._http.send(event)
        if data:
            with self._waiting():
                self._socket.sendall(data)
            self._moved_bytes += len(data)


# 413 by its name of today (RFC 9110), whichever the Python at hand knows.
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {413: "Content Too Large"}
