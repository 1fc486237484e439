"""One connection: a non-blocking socket, with any number of TLS layers above it, in one thread.

    write(data) -> [TLS of the target] -> [TLS of an https proxy] -> unsent bytes -> socket
    receive()   <- [TLS of the target] <- [TLS of an https proxy] <-               <- socket

TLS runs through memory BIOs, because an SSLSocket must not be read and written by two threads, and select
can't see the data decrypted inside it. So `pump` waits on the bare socket in both directions, moves whatever
it can, and hides TLS records: a session ticket is not an answer.

Socket errors while *sending* are stored in `send_error` instead of raised, because the reason is often in the
answer, which can still be read. Silence in both directions raises NetworkError. Bytes without any progress
raise RemoteStalled once `patience` has run out.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING

from transport.errors import NetworkError, RemoteStalled

if TYPE_CHECKING:
    from transport.schemes.patience import Patience

__all__ = ["Stream", "TlsLayer", "tls_error"]

_RECEIVE_BYTES = 64 * 1024
_TLS_RECORD_BYTES = 16 * 1024
_NOT_TLS = frozenset({"wrong version number", "record layer failure", "packet length too long"})


class TlsLayer:
    """TLS between two byte strings, without a socket."""

    def __init__(self, context: ssl.SSLContext, server_hostname: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        self._held = bytearray()  # plain bytes that TLS can't take before it has read something
        self.ended = False

    def handshake(self) -> bool:
        """Continue the handshake; return whether it is done. Raises ssl.SSLError."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def encrypt(self, data: bytes) -> bytes:
        """Return the bytes to send for these plain bytes (and anything TLS itself wants to send)."""
        if self._held:
            data, self._held = bytes(self._held) + data, bytearray()
        view = memoryview(data)
        while view:
            try:
                view = view[self._object.write(view) :]
            except ssl.SSLWantReadError:
                self._held += view
                break
        return self._outgoing.read()

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._incoming.write(data)

    def end_of_input(self) -> None:
        """Signal that no more bytes will arrive."""
        self._incoming.write_eof()

    def read_plain(self) -> bytes:
        """Return all plain bytes that are ready. Raises ssl.SSLError."""
        pieces = []
        while not self.ended:
            try:
                piece = self._object.read(_TLS_RECORD_BYTES)
            except ssl.SSLWantReadError:
                break
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                # A missing close_notify is common; if a cut matters, the framing of HTTP or git shows it.
                piece = b""
            self.ended = not piece
            pieces.append(piece)
        return b"".join(pieces)

    def take_outgoing(self) -> bytes:
        """Return the bytes that TLS itself wants to send."""
        return self._outgoing.read()

    def description(self) -> tuple[str, str]:
        """Return the protocol version and the cipher."""
        cipher = self._object.cipher()
        return self._object.version() or "TLS", cipher[0] if cipher else "no cipher"


def tls_error(error: ssl.SSLError, host: str) -> NetworkError:
    """Return the NetworkError for a TLS error, with a readable reason."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return NetworkError(
            f"the TLS certificate of {host} is not trusted: {error.verify_message}",
            hint="pass the right authority with ca_bundle",
            option="ca_bundle",
        )
    reason = (error.reason or "").replace("_", " ").lower()
    if not reason or isinstance(error, ssl.SSLEOFError):
        reason = "the connection was closed during the handshake"
    hint = "does this port speak TLS at all?" if reason in _NOT_TLS else None
    return NetworkError(f"no TLS connection to {host}: {reason}", hint=hint)


class Stream:
    """An open connection. `host` is the peer's name in messages: the one that was typed, not an address."""

    def __init__(self, sock: socket.socket, *, host: str, idle_timeout: float, patience: Patience) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # a Unix socket in a test has neither option
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket = sock
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)
        self._is_waiting = False
        self._is_closed = False
        self._events = selectors.EVENT_READ
        self._layers: list[TlsLayer] = []
        self._unsent: deque[memoryview] = deque()
        self._received: deque[bytes] = deque()
        self._idle_timeout = idle_timeout
        self._host = host
        self.patience = patience
        self.unsent_bytes = 0
        self.phase = "while connecting"
        """The current activity, for the message of a timeout."""
        self.bytes_sent = 0
        self.bytes_received = 0
        self.send_error: OSError | None = None
        self.receive_error: OSError | None = None
        self.ended = False
        """Whether the peer has closed its direction."""

    def start_tls(
        self, context: ssl.SSLContext, server_hostname: str, *, host: str, timeout: float
    ) -> TlsLayer:
        """Add a TLS layer and finish its handshake within `timeout` seconds; the peer is now `host`.

        Raises NetworkError with the reason.
        """
        self._host = host
        if self._received:
            raise NetworkError(f"{host} sent data where a TLS handshake was to begin")
        deadline = time.monotonic() + timeout
        try:
            layer = TlsLayer(context, server_hostname)
            while not layer.handshake():
                self._write_through(self._layers, layer.take_outgoing())
                self._pump_until(deadline, "the TLS handshake")
                while self._received:
                    layer.feed(self._received.popleft())
                if self.ended:
                    layer.end_of_input()
            self._write_through(self._layers, layer.take_outgoing())
            plain = layer.read_plain()  # records may have arrived with the last bytes of the handshake
        except ssl.SSLError as error:
            raise tls_error(error, self._host) from None
        except ValueError as error:  # a host name that TLS can't carry
            raise NetworkError(f"no TLS connection to {self._host}: {error}") from None
        self._layers.append(layer)
        self.ended = self.ended or layer.ended
        if plain:
            self._received.append(plain)
        return layer

    def write(self, data: bytes) -> None:
        """Queue plain bytes and send what the socket takes immediately. Never blocks; see `send_error`."""
        self._write_through(self._layers, data)

    def pump(self, timeout: float | None = None) -> bool:
        """Wait until bytes can move, and move them; return whether any did.

        Without a timeout, raises NetworkError when the idle timeout passes, and RemoteStalled when bytes
        arrived but made no progress for the stall timeout.
        """
        wanted = selectors.EVENT_READ if not self.ended else 0
        if self._unsent and self.send_error is None:
            wanted |= selectors.EVENT_WRITE
        if not wanted:
            return False
        if wanted != self._events:
            self._selector.modify(self._socket, wanted)
            self._events = wanted
        ready = self._wait() if timeout is None else self._select(timeout)
        if not ready:
            return False
        events = ready[0][1]
        if events & selectors.EVENT_READ:
            self._receive()
        if events & selectors.EVENT_WRITE:
            self._send()
        return True

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait up to both timeouts. Raises NetworkError, RemoteStalled."""
        patience, started = self.patience, time.monotonic()
        ready = self._select(min(self._idle_timeout, patience.left))
        waited = time.monotonic() - started
        goes_on = patience.wait(waited, sent=self.bytes_sent, received=self.bytes_received)
        if not goes_on or (not ready and patience.seconds < self._idle_timeout):
            whose = f"{patience.side} {self._host}".lstrip()
            raise RemoteStalled(
                f"{whose} has brought next to nothing for {patience.seconds:g} seconds {self.phase}, "
                f"though the connection is open ({self.bytes_received:,} bytes received in all)",
                hint="stall_timeout sets how long to wait",
                option="stall_timeout",
            )
        if not ready:
            raise NetworkError(
                f"no byte to or from {self._host} for {self._idle_timeout:g} seconds {self.phase}",
                hint="idle_timeout sets how long to wait",
                option="idle_timeout",
            )
        return ready

    def _select(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for the socket. Raises NetworkError if another thread closes it in the meantime."""
        self._is_waiting = True
        try:
            ready = self._selector.select(timeout)
        finally:
            self._is_waiting = False
        if self._is_closed:
            self.close()
            raise NetworkError(f"the connection to {self._host} was closed from this side")
        return ready

    def take_received(self) -> bytes:
        """Return plain bytes that have already arrived, or b""."""
        return self._received.popleft() if self._received else b""

    def put_back(self, data: bytes) -> None:
        """Make the next receive return these bytes first."""
        if data:
            self._received.appendleft(data)

    def receive(self, timeout: float | None = None) -> bytes:
        """Wait for plain bytes. Returns b"" if the peer has closed, or after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._received and not self.ended:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            self.pump(left)
        return self.take_received()

    def discard_unsent(self) -> None:
        """Drop everything not sent yet."""
        self._unsent.clear()
        self.unsent_bytes = 0

    def close(self) -> None:
        """Close the connection. Idempotent. Wakes up a thread that waits for it, which then closes it."""
        self._is_closed = True
        if self._is_waiting:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # a close wakes no thread
            return
        self._selector.close()
        self._socket.close()

    def _pump_until(self, deadline: float, phase: str) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not (self.pump(left) or self.ended):
            raise NetworkError(
                f"{self._host} did not finish {phase} in time",
                hint="see connect_timeout",
                option="connect_timeout",
            )
        error = self.send_error or self.receive_error
        if error is not None:
            raise NetworkError(
                f"{self._host} closed the connection during {phase}: {error.strerror or error}"
            )

    def _write_through(self, layers: list[TlsLayer], data: bytes) -> None:
        if self.send_error is not None or not data:
            return
        try:
            for layer in reversed(layers):
                data = layer.encrypt(data)
        except ssl.SSLError as error:
            self.send_error = error
            return
        if data:
            self._unsent.append(memoryview(data))
            self.unsent_bytes += len(data)
        self._send()

    def _send(self) -> None:
        while self._unsent and self.send_error is None:
            piece = self._unsent[0]
            try:
                sent = self._socket.send(piece)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self.send_error = error
                self.discard_unsent()
                return
            self.bytes_sent += sent
            self.unsent_bytes -= sent
            if sent == len(piece):
                self._unsent.popleft()
            else:
                self._unsent[0] = piece[sent:]

    def _receive(self) -> None:
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.receive_error = error
            data = b""
        self.bytes_received += len(data)
        self.ended = not data
        for number, layer in enumerate(self._layers):
            try:
                if data:
                    layer.feed(data)
                if self.ended:
                    layer.end_of_input()
                data = layer.read_plain()
            except ssl.SSLError as error:
                self.receive_error, self.ended, data = error, True, b""
                break
            self._write_through(self._layers[:number], layer.take_outgoing())
            self.ended = self.ended or layer.ended
        if data:
            self._received.append(data)
