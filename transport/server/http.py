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
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from transport.errors import NetworkError
from transport.safe_text import one_line
from transport.server.clients import client_of
from transport.server.http_connection import HttpConnection
from transport.server.http_handler import Handler
from transport.server.served import ServedRepositories
from transport.server.settings import ServerSettings
from transport.server.simulation import Edge

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


__all__ = ["GitHttpServer", "ServerSettings"]

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 21\r\n\r\ntoo many connections\n"
)


class GitHttpServer:
    """A server that listens from the moment it is made. A context manager: leaving it stops it."""

    def __init__(
        self,
        root: str | Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        export_all: bool = False,
        **settings: Any,
    ) -> None:
        """Listen; `settings` are the fields of ServerSettings, `repositories` aside; port 0: a free one.

        `export_all` serves hidden repositories and those of work trees, too.

        Raises RepositoryError where `root` can't be served, NetworkError where nobody can listen.
        """
        self.settings = ServerSettings(ServedRepositories(root, export_all=export_all), **settings)
        try:
            self._server = _Listener((host, port), self.settings)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NetworkError(f"can't listen on {host} port {port}: {reason}") from None
        self._stopped = threading.Event()
        self._stopped.set()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The URL below which the repositories are."""
        host = str(self._server.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def serve_forever(self) -> None:
        """Answer until `stop` is called from another thread, or an exception (Ctrl-C) comes through."""
        self._stopped.clear()
        try:
            self._server.serve_forever(poll_interval=0.2)
        finally:
            self._stopped.set()

    def stop(self, *, grace_seconds: float = 5) -> None:
        """Listen no longer; requests that run get `grace_seconds` to end. Idempotent."""
        if not self._stopped.is_set():
            self._server.shutdown()
        self._server.server_close()
        self._server.end_connections(grace_seconds)
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

    def __init__(self, address: tuple[str, int], settings: ServerSettings) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._settings = settings
        self._edge = Edge(settings.simulation)
        self._lock = threading.Condition()
        self._open: dict[socket.socket, _Open] = {}
        super().__init__(address, BaseRequestHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or send it away if there are too many that can't make room."""
        client = client_of(client_address[0])
        with self._lock:
            has_room = self._has_room(client)
            if has_room:
                self._open[request] = _Open(request, HttpConnection(request), client)
        if not has_room:
            with suppress(OSError):
                request.settimeout(1)
                request.sendall(_BUSY)
            self._settings.log(f"{client_address[0]}: too many connections, told 503")
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def _has_room(self, client: str) -> bool:
        """Return whether a client may have one more connection, for which another one may have to end."""
        settings = self._settings
        per_client = settings.connections_per_client or max(1, settings.connections * 3 // 4)
        of_client = [each for each in self._open.values() if each.client == client]
        if len(of_client) >= per_client:
            return self._make_room(of_client)
        return len(self._open) < settings.connections or self._make_room(self._open.values())

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
        Handler(found.connection, str(client_address[0]), self._settings, self._edge).serve()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, and count it out when it has ended."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
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
