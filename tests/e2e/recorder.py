"""A TCP relay that records: what one side sent, when, and on which connection.

It stands between packcore and a server, and is the capture that claims about sockets are checked
against. It can also hold the bytes back after a given number, so that a test may interrupt a run at an
exact place instead of after a guessed time.

    client  ->  Recorder(port)  ->  server          exchange.request   exchange.response

`Exchange.parsed()` reads the recorded request side as HTTP: heads, framing, bodies.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Exchange", "Recorder", "Request"]

_BLOCK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it was sent."""

    line: str
    headers: dict[str, str]
    body: bytes
    """Without its chunked framing."""
    chunk_bytes: list[int]
    """Sizes of the body's chunks; empty for a body with Content-Length."""
    complete: bool

    @property
    def chunked(self) -> bool:
        """Tell whether the body travelled in chunks."""
        return self.headers.get("transfer-encoding", "").lower() == "chunked"


@dataclass(slots=True)
class Exchange:
    """One connection. Times are `time.monotonic()`, which all processes of a machine share."""

    opened: float
    request: bytearray = field(default_factory=bytearray)
    response: bytearray = field(default_factory=bytearray)
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    """When bytes came from the client, and the number of bytes until then."""
    longest_wait: float = 0.0
    """Longest time in seconds that the relay, ready to read, waited between two body pieces.

    Unlike the gap between arrivals it leaves out the time in which the server took nothing."""
    closed_first_by: Literal["client", "server"] | None = None
    client_closed: float | None = None

    def parsed(self) -> list[Request]:
        """Return the requests that this connection carried."""
        rest, requests = bytes(self.request), []
        while rest:
            request, rest = _take_request(rest)
            requests.append(request)
        return requests

    @property
    def line(self) -> str:
        """The first request's line."""
        return bytes(self.request[:_BLOCK_BYTES]).partition(b"\r\n")[0].decode("latin-1")

    def body_arrivals(self) -> list[float]:
        """Return when body bytes came, beginning with the piece that holds the first of them."""
        head_bytes = self.request.find(b"\r\n\r\n") + 4
        return [when for when, total in self.arrivals if total > head_bytes]

    def first_body_seconds(self) -> float:
        """Return the seconds from the request line to the first body byte."""
        return self.body_arrivals()[0] - self.arrivals[0][0]

    def longest_gap_seconds(self) -> float:
        """Return the longest time between two arrivals of body bytes."""
        times = self.body_arrivals()
        return max((after - before for before, after in itertools.pairwise(times)), default=0.0)


class Recorder:
    """Relay connections to `127.0.0.1:port`, recording each. A context manager.

    `hold_request` or `hold_response` names a connection by a part of its request line and a number of
    bytes: once so many have passed in that direction, the rest is held back, and `held` is set.
    """

    def __init__(
        self,
        port: int,
        *,
        hold_request: tuple[str, int] | None = None,
        hold_response: tuple[str, int] | None = None,
    ) -> None:
        self.exchanges: list[Exchange] = []
        self.held = threading.Event()
        self._target_port = port
        self._hold_request = hold_request
        self._hold_response = hold_response
        self._released = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(timeout=10)

    def url(self, path: str) -> str:
        """Return the URL of a repository through this relay."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def release(self) -> None:
        """Let what is held back go on."""
        self._released.set()

    def cut(self) -> None:
        """Break all open connections, as a dying server or network does."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def matching(self, part: str) -> list[Exchange]:
        """Return the exchanges whose request line holds `part`, in the order of their opening."""
        return [exchange for exchange in self.exchanges if part in exchange.line]

    def _spawn(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._relay, client)

    def _relay(self, client: socket.socket) -> None:
        exchange = Exchange(opened=time.monotonic())
        self.exchanges.append(exchange)
        with client, socket.socket() as server:
            try:
                server.connect(("127.0.0.1", self._target_port))
            except OSError:
                return
            self._open |= {client, server}
            upward = self._spawn(self._pump_request, exchange, client, server)
            self._pump_response(exchange, client, server)
            upward.join(timeout=60)
            self._open -= {client, server}

    def _pump_request(self, exchange: Exchange, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                ready = time.monotonic()
                block = client.recv(_BLOCK_BYTES)
                if not block:
                    break
                if len(exchange.arrivals) > 1:
                    exchange.longest_wait = max(exchange.longest_wait, time.monotonic() - ready)
                exchange.request += block
                exchange.arrivals.append((time.monotonic(), len(exchange.request)))
                self._maybe_hold(self._hold_request, exchange, len(exchange.request))
                server.sendall(block)
        exchange.client_closed = time.monotonic()
        exchange.closed_first_by = exchange.closed_first_by or "client"
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _pump_response(self, exchange: Exchange, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := server.recv(_BLOCK_BYTES):
                exchange.response += block
                self._maybe_hold(self._hold_response, exchange, len(exchange.response))
                client.sendall(block)
        exchange.closed_first_by = exchange.closed_first_by or "server"
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)

    def _maybe_hold(self, rule: tuple[str, int] | None, exchange: Exchange, passed_bytes: int) -> None:
        if rule is not None and passed_bytes >= rule[1] and rule[0] in exchange.line:
            self.held.set()
            self._released.wait(timeout=120)


def _take_request(data: bytes) -> tuple[Request, bytes]:
    head, separator, rest = data.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    pairs = (text.partition(":") for text in fields)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if not separator:
        return Request(line, headers, b"", [], complete=False), b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _take_chunked(line, headers, rest)
    size = int(headers.get("content-length", "0"))
    return Request(line, headers, rest[:size], [], complete=len(rest) >= size), rest[size:]


def _take_chunked(line: str, headers: dict[str, str], rest: bytes) -> tuple[Request, bytes]:
    body, position = bytearray(), 0
    sizes: list[int] = []
    while (end := rest.find(b"\r\n", position)) >= 0:
        size = int(rest[position:end], 16)
        start = end + 2
        if size == 0:
            return Request(line, headers, bytes(body), sizes, complete=True), rest[start + 2 :]
        if len(rest) < start + size + 2:
            break
        body += rest[start : start + size]
        sizes.append(size)
        position = start + size + 2
    return Request(line, headers, bytes(body), sizes, complete=False), b""
