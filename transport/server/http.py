"""Our smart-HTTP server: the bare repositories below one folder, a thread for each connection.

    with GitHttpServer("repositories", allow_push=True) as server:
        print(server.url)
        server.serve_forever()

h11 speaks HTTP in `server.http_connection`; what requests ask for is `server.http_handler`'s part. It has no
TLS: where others listen, put a proxy with TLS in front. Bounded are connections, the time for a head, for
silence and for a whole request, and the size of a fetch's request; a pack is bounded by `Limits` and by the
repository's receive.maxInputSize.

When all connections are taken, one that waits for its client makes room: idle and slow clients can't shut the
others out. It belongs to the address with the most connections, and has kept us waiting longest. Only if
each is being answered, or is pushing, at a fair pace, a new one is told 503. The same holds among the
connections of one address when it has as many as it may.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from transport.errors import NetworkError
from transport.safe_text import one_line
from transport.server.clients import client_of
from transport.server.counts import ServerCounts
from transport.server.http_connection import HttpConnection
from transport.server.http_handler import Handler
from transport.server.metrics_page import serve_metrics
from transport.server.served import ServedRepositories
from transport.server.settings import ServerSettings
from transport.server.simulation import Edge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    _Serve = Callable[[HttpConnection, str], None]
    """Serves one connection of a client's address."""

__all__ = ["GitHttpServer", "ServerSettings"]

_METRICS_CONNECTIONS = 16
_POLL_SECONDS = 0.2
"""How soon a listener sees that it is to stop."""
_BUSY_WORDS = {"all": "too many connections", "client": "too many connections from your address"}
"""What a client is told, by whose limit was reached (`counts.LIMITS`)."""


class GitHttpServer:
    """A server that listens from the moment it is made. A context manager: leaving it stops it."""

    def __init__(
        self,
        root: str | Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        metrics_port: int | None = None,
        export_all: bool = False,
        **settings: Any,
    ) -> None:
        """Listen; `settings` are the fields of ServerSettings, `repositories` aside; port 0: a free one.

        `metrics_port` is where `GET /metrics` is answered; None: nowhere. `export_all` serves hidden
        repositories and those of work trees, too.

        Raises RepositoryError where `root` can't be served, NetworkError where nobody can listen.
        """
        self.settings = ServerSettings(ServedRepositories(root, export_all=export_all), **settings)
        edge = Edge(self.settings.simulation)
        self._server = _listener(
            (host, port),
            self.settings,
            lambda connection, client: Handler(connection, client, self.settings, edge).serve(),
        )
        self._metrics: _Listener | None = None
        self._metrics_thread: threading.Thread | None = None
        if metrics_port is not None:
            try:
                self._metrics = self._listen_for_metrics(host, metrics_port)
            except NetworkError:
                self._server.server_close()
                raise
        self._stopped = threading.Event()
        self._stopped.set()

    def _listen_for_metrics(self, host: str, port: int) -> _Listener:
        # Its connections are none of git's clients: they are neither counted nor logged.
        own = replace(
            self.settings, counts=ServerCounts(), log=lambda _: None, connections=_METRICS_CONNECTIONS
        )
        return _listener((host, port), own, lambda connection, _: serve_metrics(connection, self.settings))

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The URL below which the repositories are."""
        return _url_of(self._server)

    @property
    def metrics_url(self) -> str | None:
        """Where the metrics are; None if they are nowhere."""
        return None if self._metrics is None else f"{_url_of(self._metrics)}/metrics"

    def serve_forever(self) -> None:
        """Answer until `stop` is called from another thread, or an exception (Ctrl-C) comes through."""
        self._stopped.clear()
        if self._metrics is not None and self._metrics_thread is None:
            self._metrics_thread = threading.Thread(
                target=self._metrics.serve_forever,
                args=(_POLL_SECONDS,),
                name="packcore-metrics",
                daemon=True,
            )
            self._metrics_thread.start()
        try:
            self._server.serve_forever(_POLL_SECONDS)
        finally:
            self._stopped.set()

    def stop(self, *, grace_seconds: float = 5) -> None:
        """Listen no longer; requests that run get `grace_seconds` to end. Idempotent."""
        if not self._stopped.is_set():
            self._server.shutdown()
        self._server.server_close()
        self._server.end_connections(grace_seconds)
        if self._metrics is not None:
            if self._metrics_thread is not None:
                self._metrics.shutdown()
                self._metrics_thread.join()
                self._metrics_thread = None
            self._metrics.server_close()
            self._metrics.end_connections(grace_seconds)
        self.settings.views.close()
        if self.settings.packs is not None:
            self.settings.packs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Open(NamedTuple):
    """A connection that is open, and whose it is."""

    socket: socket.socket
    connection: HttpConnection
    client: str


class _Listener(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], settings: ServerSettings, serve: _Serve) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._settings = settings
        self._serve = serve
        self._lock = threading.Condition()
        self._open: dict[socket.socket, _Open] = {}
        super().__init__(address, BaseRequestHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or send it away if there are too many that can't make room."""
        client = client_of(client_address[0])
        with self._lock:
            exceeded = self._exceeded_limit(client)
            if exceeded is None:
                self._open[request] = _Open(request, HttpConnection(request), client)
                self._settings.counts.open_connections = len(self._open)
        if exceeded is not None:
            words = _BUSY_WORDS[exceeded]
            self._settings.log(f"{client_address[0]}: {words}, told 503")
            self._settings.counts.refused(exceeded)
            with suppress(OSError):
                request.settimeout(1)
                request.sendall(_busy(words))
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def _exceeded_limit(self, client: str) -> str | None:
        """Return whose limit one more connection of a client would exceed; None if it has room.

        Another connection may have to end for it.
        """
        settings = self._settings
        per_client = settings.connections_per_client or max(1, settings.connections * 3 // 4)
        of_client = [each for each in self._open.values() if each.client == client]
        if len(of_client) >= per_client:
            return None if self._make_room(of_client) else "client"
        if len(self._open) < settings.connections or self._make_room(self._open.values()):
            return None
        return "all"

    def _make_room(self, candidates: Iterable[_Open]) -> bool:
        """End a connection that keeps us waiting, if there is one: first those that owe us a request."""
        candidates = list(candidates)
        waiting = [each for each in candidates if each.connection.owes_request]
        waiting = waiting or [each for each in candidates if each.connection.is_slow]
        if not waiting:
            return False
        held = Counter(each.client for each in self._open.values())
        worst = min(waiting, key=lambda each: (-held[each.client], each.connection.request_began))
        del self._open[worst.socket]
        with suppress(OSError):
            worst.socket.shutdown(socket.SHUT_RDWR)  # wakes its thread, which closes it
        return True

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in its thread."""
        with self._lock:
            found = self._open.get(request)
        if found is None:
            return  # it had to make room before its thread began
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._serve(found.connection, str(client_address[0]))

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, and count it out when it has ended."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
                self._settings.counts.open_connections = len(self._open)
                self._lock.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log what no request should cause, in one line, and go on with the other connections."""
        error = sys.exception()
        if not isinstance(error, OSError):
            words = f"{type(error).__name__}: {error}"
            self._settings.log(f"{client_address[0]}: internal error: {one_line(words)}")

    def end_connections(self, grace_seconds: float) -> None:
        """Wake those that wait for a request, let those at work end, then cut what is left."""
        for how in (socket.SHUT_RD, socket.SHUT_RDWR):
            with self._lock:
                for connection in self._open:
                    with suppress(OSError):
                        connection.shutdown(how)
                self._lock.wait_for(lambda: not self._open, timeout=grace_seconds)


def _listener(address: tuple[str, int], settings: ServerSettings, serve: _Serve) -> _Listener:
    """Listen. Raises NetworkError where nobody can."""
    try:
        return _Listener(address, settings, serve)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NetworkError(f"can't listen on {address[0]} port {address[1]}: {reason}") from None


def _url_of(listener: _Listener) -> str:
    host, port = str(listener.server_address[0]), listener.server_address[1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _busy(words: str) -> bytes:
    return (
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(words) + 1}\r\n\r\n{words}\n"
    ).encode()
