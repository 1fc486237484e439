"""One request and its answer on one connection, in one thread.

    send                              meanwhile, after each block                 then
    ----                              ---------------------------                 ----
    head + first body block together  read and store an answer that arrives       read the rest of
    block by block, never more than   status >= 300, or a complete 200: stop      the answer as it arrives,
    256 KiB unsent                    a failed send: stop, still read the answer  block by block

A 200 before the body is sent is normal (git http-backend does that). Sending continues, and the answer is
stored, in a temporary file beyond 4 MiB, so that the two sides never wait for each other forever. If the
generator of the body fails, the exchange must be closed. Then the last chunk is never sent, so the server
can't mistake a truncated body for a complete one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transport.errors import NetworkError, TransportError
from transport.http_rules.framing import LAST_CHUNK, encode_chunk
from transport.http_rules.statuses import size_text
from transport.safe_text import TEXT_BYTES_MAX
from transport.schemes.early import EarlyAnswer
from transport.schemes.http.answer import Answer
from transport.schemes.http.heads import ResponseHead, format_request_head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.auth import Credential
    from transport.endpoint import Endpoint
    from transport.schemes.http.body import OutgoingBody
    from transport.schemes.http.stream import Stream
    from transport.trace import RequestTrace
    from transport.wire.headway import Headway

__all__ = ["Exchange", "NoAnswer", "Request"]

_UNSENT_BYTES_MAX = 256 * 1024
_TAIL_SILENCE_SECONDS = 1.0
_TAIL_SECONDS = 5.0
_AFTER_SEND_ERROR_SECONDS = 10.0
_LEFT_OVER_BYTES_MAX = 64 * 1024

_LIMIT = "if that recurs, a limit of the host may be the reason: packcore doctor finds limits"


class NoAnswer(NetworkError):
    """The server closed the connection without a byte of an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """The request to send. `url` is for messages, without secrets."""

    method: str
    url: Endpoint
    target: str
    headers: tuple[tuple[str, str], ...]
    body: OutgoingBody | None = None
    credential: Credential | None = None


class Exchange:
    """One request on an open stream; closes the stream."""

    def __init__(
        self, stream: Stream, request: Request, trace: RequestTrace, headway: Headway | None = None
    ) -> None:
        """Make `headway` the count of progress, kept by the answer's reader; None counts every byte."""
        self.request = request
        self._stream = stream
        self._trace = trace
        self._headway = headway
        self._answer = Answer(str(request.url), self._head_came)
        self._early = EarlyAnswer(str(request.url))
        self._closed = False
        self.body_sent_whole = False

    @property
    def head(self) -> ResponseHead:
        """The head of the answer, after `run`."""
        assert self._answer.head is not None
        return self._answer.head

    @property
    def body_bytes_sent(self) -> int:
        """The bytes of the body that were sent, as far as the socket shows."""
        return max(0, self._trace.body_bytes - self._stream.unsent_bytes)

    @property
    def bytes_sent(self) -> int:
        """The bytes sent through the socket, including heads and TLS."""
        return self._stream.bytes_sent

    @property
    def bytes_received(self) -> int:
        """The bytes received through the socket, including heads and TLS."""
        return self._stream.bytes_received

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        self._trace.say(text)

    def run(self) -> ResponseHead:
        """Send the request and return the head of the answer.

        Raises NetworkError, RemoteProtocolError, and whatever the generator of the body raises.
        """
        self._send()
        self._await_head()
        return self.head

    def blocks(self) -> Iterator[bytes]:
        """Yield the decoded body of the answer to its end. Raises NetworkError, RemoteProtocolError."""
        if self._closed:
            raise NetworkError(f"{self.request.url}: the connection was closed before its answer was read")
        self._stream.phase = "within the answer"
        yield from self._early.blocks()
        while not self._answer.complete:
            data = self._stream.receive()
            if data:
                yield from self._answer.feed(data)
            else:
                self._connection_ended()
                return

    def first_bytes(self, count: int) -> bytes:
        """Return the first bytes of the body, or fewer if it is shorter; `blocks` still yields them."""
        self._stream.phase = "within the answer"
        while self._early.size < count and not self._answer.complete:
            data = self._stream.receive()
            if not data:
                break
            for piece in self._answer.feed(data):
                self._early.keep(piece)
        return self._early.read(count)

    def error_text(self) -> bytes:
        """Return the body of an error answer, bounded in size and time, even if it is broken."""
        self._stream.discard_unsent()
        text = self._early.read(TEXT_BYTES_MAX)
        deadline = time.monotonic() + _TAIL_SECONDS
        try:
            while not self._answer.complete and len(text) < TEXT_BYTES_MAX and time.monotonic() < deadline:
                data = self._stream.receive(_TAIL_SILENCE_SECONDS)
                if not data:
                    break
                text += b"".join(self._answer.feed(data))
        except TransportError:
            # The status matters; its text is an extra that may be cut off.
            return text[:TEXT_BYTES_MAX]
        return text[:TEXT_BYTES_MAX]

    def finish(self) -> None:
        """Read the little that may be left of the answer, then close.

        Closing with unread bytes would reset the connection while the server is still writing. Problems with
        these last bytes are not errors, because everything that git needs was already read.
        """
        left = _LEFT_OVER_BYTES_MAX
        if self._closed:
            return
        deadline = time.monotonic() + _TAIL_SECONDS
        try:
            while not self._answer.complete and left > 0 and time.monotonic() < deadline:
                data = self._stream.receive(_TAIL_SILENCE_SECONDS)
                if not data:
                    break
                left -= sum(len(piece) for piece in self._answer.feed(data)) + 1
        except TransportError as error:
            self._trace.say(f"after the answer: {error}")
        finally:
            self.close()

    def close(self) -> None:
        """Close connection and temporary file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._early.close()
        self._stream.close()
        if self.request.body is not None:
            self.request.body.close()
        self._trace.closed()

    def _send(self) -> None:
        request = self.request
        self._stream.phase = "while the request was being sent"
        self._stream.patience.follow(self._headway)
        head = format_request_head(request.method, request.target, request.headers)
        self._trace.request(request.method, request.target, request.headers)
        if request.body is None:
            self._stream.write(head)
            written = True
        else:
            written = self._send_body(head, request.body)
        self._drain(unsent_max=0)
        self.body_sent_whole = written and not self._stream.unsent_bytes and self._stream.send_error is None

    def _send_body(self, head: bytes, body: OutgoingBody) -> bool:
        """Write the body to the stream; return whether all of it was written."""
        chunked = body.length is None
        self._trace.room_for_block()
        for block in body.blocks():
            self._stream.write(head + (encode_chunk(block) if chunked else block))
            head = b""
            self._trace.body_block(len(block))
            if not self._drain(unsent_max=_UNSENT_BYTES_MAX):
                written = False
                break
            self._trace.room_for_block()
        else:
            self._stream.write(head + (LAST_CHUNK if chunked else b""))
            written = True
        self._trace.body_done(chunked=chunked)
        return written

    def _drain(self, *, unsent_max: int) -> bool:
        """Move bytes both ways until at most `unsent_max` are unsent; return whether to continue sending."""
        self._stream.pump(0)
        while True:
            self._take_early()
            if self._should_stop():
                return False
            if self._stream.unsent_bytes <= unsent_max:
                return True
            self._stream.pump()

    def _should_stop(self) -> bool:
        """Return whether to stop sending: refused, fully answered, or the peer has stopped reading."""
        head = self._answer.head
        answered = head is not None and (head.status >= 300 or self._answer.complete)
        return answered or self._stream.ended or self._stream.send_error is not None

    def _take_early(self) -> None:
        while data := self._stream.take_received():
            for piece in self._answer.feed(data):
                self._early.keep(piece)

    def _await_head(self) -> None:
        self._stream.phase = "while waiting for the answer"
        self._stream.patience.restart()
        failed = self._stream.send_error is not None
        deadline = time.monotonic() + _AFTER_SEND_ERROR_SECONDS
        while self._answer.head is None:
            data = self._stream.receive(max(0.0, deadline - time.monotonic()) if failed else None)
            if not data:
                raise self._no_answer()
            for piece in self._answer.feed(data):
                self._early.keep(piece)

    def _connection_ended(self) -> None:
        error = self._stream.receive_error
        if error is not None:
            raise NetworkError(
                f"{self.request.url}: the connection was lost within the answer: {_words(error)}"
            )
        self._answer.end()

    def _no_answer(self) -> NetworkError:
        error = self._stream.send_error or self._stream.receive_error
        reason = f" ({_words(error)})" if error is not None else ""
        sending = "" if self.body_sent_whole else " while the request was being sent"
        sent = f", after {size_text(self.body_bytes_sent)} of the body" if self._trace.blocks else ""
        if self._answer.begun:
            return NetworkError(f"{self.request.url} closed the connection within its headers{reason}")
        return NoAnswer(
            f"{self.request.url} closed the connection without an answer{sending}{sent}{reason}",
            hint=_LIMIT if self.body_bytes_sent else None,
        )

    def _head_came(self, head: ResponseHead) -> None:
        if self._headway is not None:
            self._headway.tell()
        self._trace.response(head.status_line, head.headers)


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__
