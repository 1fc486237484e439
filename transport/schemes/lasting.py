"""git's protocol over one persistent connection: the common part of ssh, git:// and helpers.

    upload-pack    connect, advertisement ...... request, answer, request, answer ......... flush, close
    receive-pack   connect, advertisement, flush, close
                   connect, advertisement, request, answer, close

A push opens a new connection: between the listing and the push there are a fetch and a search for deltas, and
a server would not wait that long. A fetch continues where the listing ended. If the connection was closed in
the meantime, or its conversation is over, a new one is opened.

Requests are sent as their blocks arrive. The connection is watched in both directions, and an answer that is
complete before the request was sent (a refusal) stops the sending. An answer ends at its flush. In protocol
v0 an answer to haves has none, and its reader knows the end.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from transport.base import Body, Service, TransferStats
from transport.errors import NetworkError, RemoteProtocolError, TransportError
from transport.safe_text import one_line
from transport.schemes.early import EarlyAnswer
from transport.trace import RequestTrace
from transport.wire.advertisement import parse_advertisement
from transport.wire.boundary import FlushFinder
from transport.wire.headway import Headway
from transport.wire.pktline import FLUSH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from transport.options import TransportOptions
    from transport.schemes.links import Link

__all__ = ["LastingTransport"]

_UNSENT_BYTES_MAX = 256 * 1024
_LEAVE_SECONDS = 10.0
_RESPONSE_END = b"0002"


class LastingTransport:
    """One remote repository over connections that `connect` opens, one service each."""

    stateless = False

    def __init__(
        self,
        url: str,
        options: TransportOptions,
        connect: Callable[[Service, int, RequestTrace], Link],
        *,
        scheme: str,
        response_end: bool = False,
    ) -> None:
        """Connect later; with `response_end`, the peer sends a response-end packet after each v2 answer."""
        self.url = url
        self.stats = TransferStats()
        self.limits = options.wire_limits
        self.response_end = response_end
        self._options = options
        self._connect = connect
        self._scheme = scheme
        self._session: _Session | None = None
        self._number = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Open a connection and yield its advertisement; see `Transport.advertise`."""
        with self._options.secrets.masking_errors():
            session = self._open(service, version)
            try:
                yield session.advertisement(headway)
            except BaseException:
                self._leave(politely=False)
                raise
        self._account()
        if _pushes(service):
            self._leave(politely=True)

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Send one request and yield the blocks of its answer; see `Transport.request`."""
        blocks = body.blocks()
        try:
            # Before connecting, because the first block may come after a long search.
            first = next(blocks, b"")
            used = self._session
            session = self._session_for(service, version, first)
            answer = self._exchange(session, service, version, first, blocks, headway=headway)
            if session is used and version == 2 and not session.is_answered():
                # It was closed while it was idle; a request that only reads can be repeated.
                self._leave(politely=False)
                session = self._session_for(service, version, first)
                again = body.blocks()
                answer = self._exchange(session, service, version, next(again, b""), again, headway=headway)
            yield answer
            if _pushes(service):
                if session.sent_whole:
                    session.read_to_end()
                self._leave(politely=session.sent_whole)
            elif version == 2 and not session.at_rest():
                self._leave(politely=False)
        except BaseException as error:
            self._leave(politely=False)
            self._options.secrets.mask_error(error)
            raise
        finally:
            stop = getattr(blocks, "close", None)
            if stop is not None:
                stop()
        self._account()

    def close(self) -> None:
        """End the conversation and close the connection. Idempotent."""
        self._leave(politely=True)

    def _exchange(
        self,
        session: _Session,
        service: Service,
        version: int,
        first: bytes,
        blocks: Iterator[bytes],
        *,
        headway: Headway | None,
    ) -> Iterator[bytes]:
        self.stats.requests += 1
        ends_at_flush = version == 2 or _pushes(service)
        return session.exchange(first, blocks, self._trace(), headway=headway, ends_at_flush=ends_at_flush)

    # -- connections ------------------------------------------------------------------------------

    def _open(self, service: Service, version: int) -> _Session:
        self._leave(politely=True)
        self._number += 1
        self.stats.requests += 1
        trace = self._trace()
        link = self._connect(service, 0 if _pushes(service) else version, trace)
        self._session = _Session(link, self.url, service, trace, response_end=self.response_end)
        return self._session

    def _trace(self) -> RequestTrace:
        options = self._options
        trace = RequestTrace(options.trace, self._number, scheme=self._scheme, mask=options.secrets.mask)
        trace.starts()
        return trace

    def _session_for(self, service: Service, version: int, first: bytes) -> _Session:
        """Return a connection that can take this request, after its advertisement."""
        session = self._session
        if session is not None and session.service == service and session.can_take(first, version):
            return session
        session = self._open(service, version)
        try:
            headway = Headway()
            blocks = session.advertisement(headway)
            parse_advertisement(blocks, service, limits=self.limits, to_end=False, headway=headway)
        except BaseException:
            self._leave(politely=False)
            raise
        return session

    def _leave(self, *, politely: bool) -> None:
        session, self._session = self._session, None
        if session is not None:
            times = session.trace
            if times.blocks:
                self.stats.first_byte_seconds = times.first_byte_seconds
                self.stats.longest_gap_seconds = times.longest_gap_seconds
                self.stats.longest_stall_seconds = times.longest_stall_seconds
            session.close(politely=politely)
            self._account(session)

    def _account(self, session: _Session | None = None) -> None:
        session = session or self._session
        if session is not None:
            sent, received = session.take_counts()
            self.stats.bytes_sent += sent
            self.stats.bytes_received += received


def _pushes(service: Service) -> bool:
    return service == "git-receive-pack"


class _Session:
    """One connection to one service: its advertisement, then requests and answers in turn."""

    def __init__(
        self, link: Link, url: str, service: Service, trace: RequestTrace, *, response_end: bool
    ) -> None:
        self.service = service
        self.trace = trace
        self._link = link
        self._stream = link.stream
        self._url = url
        self._response_end = response_end
        self._early = EarlyAnswer(url)
        self._finder: FlushFinder | None = None
        self._surplus = b""  # bytes after the flush of the answer
        self._counted = (0, 0)
        self.sent_whole = True
        """Whether the last request was sent completely; false if its answer came first."""
        self._fresh = True  # only the advertisement has passed so far
        self._stream.phase = "while waiting for the refs"

    def advertisement(self, headway: Headway | None) -> Iterator[bytes]:
        """Yield the blocks of the advertisement up to its flush."""
        self._stream.patience.follow(headway)
        self._finder = FlushFinder()
        return self._received()

    def can_take(self, first: bytes, version: int) -> bool:
        """Return whether a request that begins with `first` may come next on this connection."""
        self._stream.pump(0)
        if self._stream.ended or self._stream.send_error is not None:
            return False
        if version == 2:
            return self.at_rest()
        begins = first[4:9] in (b"want ", b"shall")
        return self._fresh if begins else not self._fresh

    def at_rest(self) -> bool:
        """Return whether the last answer was read to its flush, so that another request may follow."""
        expected = _RESPONSE_END if self._response_end else b""
        return self._finder is not None and self._finder.found and expected.startswith(self._surplus)

    def exchange(
        self,
        first: bytes,
        blocks: Iterator[bytes],
        trace: RequestTrace,
        *,
        headway: Headway | None,
        ends_at_flush: bool,
    ) -> Iterator[bytes]:
        """Send the request, and yield its answer.

        Raises NetworkError, RemoteProtocolError, the link's error for an early end, and what the blocks
        raise.
        """
        if self._response_end and not self._fresh:
            self._take_response_end()
        self.trace = trace
        self._finder = FlushFinder() if ends_at_flush else None
        self._fresh = False
        self._early.close()
        self._early = EarlyAnswer(self._url)
        self._stream.phase = "while the request was being sent"
        self._stream.patience.follow(headway)
        self.trace.room_for_block()
        more = not first or self._write(first)
        while more and (block := next(blocks, None)) is not None:
            more = not block or self._write(block)
        self._drain(unsent_max=0)
        self.sent_whole = more and not self._stream.unsent_bytes and self._stream.send_error is None
        self.trace.body_done(chunked=False)
        self._stream.phase = "while waiting for the answer"
        self._stream.patience.restart()
        return self._answer()

    def is_answered(self) -> bool:
        """Wait for the first bytes of the answer; return whether any arrived."""
        if self._early.size:
            return True
        data = self._stream.receive()
        self._stream.put_back(data)
        return bool(data)

    def read_to_end(self) -> None:
        """Wait until the peer ends the connection, so that its work after the report is not interrupted."""
        deadline = time.monotonic() + _LEAVE_SECONDS
        try:
            while not self._stream.ended and (left := deadline - time.monotonic()) > 0:
                self._stream.receive(left)
        except TransportError as error:
            self.trace.say(f"after the answer: {error}")

    def close(self, *, politely: bool) -> None:
        """Close the connection; if `politely`, first send the flush to a peer that waits for a request."""
        self._early.close()
        if politely and not self._stream.ended and (self._fresh or self.at_rest()):
            self._stream.write(FLUSH)
            self._stream.pump(0)
        self._link.close(politely=politely)
        self.trace.closed()

    def take_counts(self) -> tuple[int, int]:
        """Return the bytes sent and received since the last call."""
        now = (self._stream.bytes_sent, self._stream.bytes_received)
        then, self._counted = self._counted, now
        return now[0] - then[0], now[1] - then[1]

    # -- sending ----------------------------------------------------------------------------------

    def _write(self, block: bytes) -> bool:
        self._stream.write(block)
        self.trace.body_block(len(block))
        more = self._drain(unsent_max=_UNSENT_BYTES_MAX)
        self.trace.room_for_block()
        return more

    def _drain(self, *, unsent_max: int) -> bool:
        """Move bytes both ways until at most `unsent_max` are unsent; return whether to continue sending."""
        self._stream.pump(0)
        while True:
            while data := self._stream.take_received():
                self._early.keep(self._cut(data))
            answered = self._finder is not None and self._finder.found
            if answered or self._stream.ended or self._stream.send_error is not None:
                return False
            if self._stream.unsent_bytes <= unsent_max:
                return True
            self._stream.pump()

    # -- receiving --------------------------------------------------------------------------------

    def _answer(self) -> Iterator[bytes]:
        yield from self._early.blocks()
        yield from self._received()

    def _received(self) -> Iterator[bytes]:
        while self._finder is None or not self._finder.found:
            data = self._stream.receive()
            if not data:
                self._check_end()
                return
            yield self._cut(data)

    def _cut(self, data: bytes) -> bytes:
        """Return the part of a received block that belongs to this answer."""
        if self._finder is None:
            return data
        end = None if self._finder.found else self._finder.feed(data)
        if end is None:
            return data
        self._surplus += data[end:]
        return data[:end]

    def _take_response_end(self) -> None:
        """Read the packet that a helper sends after an answer."""
        while len(self._surplus) < len(_RESPONSE_END) and (data := self._stream.receive()):
            self._surplus += data
        if self._surplus != _RESPONSE_END:
            raise RemoteProtocolError(f"{self._url}: no response-end packet behind an answer")
        self._surplus = b""

    def _check_end(self) -> None:
        """Raise an error if the connection ended too early or in the wrong place."""
        error = self._stream.receive_error
        if error is not None:
            raise NetworkError(f"{self._url}: the connection was lost: {one_line(error.strerror or '')}")
        fault = self._link.fault()
        if fault is not None:
            raise fault
        if self._stream.send_error is not None:
            raise NetworkError(f"{self._url} closed the connection while the request was being sent")
