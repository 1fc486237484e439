"""A server on loopback that does exactly what a test says: one script for each connection, in order.

    with scripted(answer(OK), then_reset) as server:      two connections are expected
        ...
    server.requests                                       what was read, connection by connection

A script is a function of a `Peer`. It may read a request, send any bytes, wait, close, or reset. TLS is put
below it by `tls=`. What a script raises is raised again when the server is left; lost connections aside,
since many tests are about them.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["Peer", "Received", "Script", "ScriptedServer", "answer", "scripted"]


@dataclass
class Received:
    """One request as it came in."""

    line: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    chunks: list[int] = field(default_factory=list)
    complete: bool = False


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, stop: threading.Event) -> None:
        self.sock = sock
        self.stop = stop
        self.file = sock.makefile("rb")
        self.received = Received()

    def read_head(self) -> Received:
        """Read a request's head."""
        received = self.received = Received()
        received.line = self.file.readline().decode("latin-1").rstrip("\r\n")
        while (line := self.file.readline().decode("latin-1").rstrip("\r\n")) != "":
            name, _, value = line.partition(":")
            received.headers[name.lower()] = value.strip()
        return received

    def read_request(self) -> Received:
        """Read a whole request."""
        received = self.read_head()
        if received.headers.get("transfer-encoding") == "chunked":
            while size := self.read_chunk():
                received.chunks.append(size)
        else:
            received.body += self.file.read(int(received.headers.get("content-length", "0")))
        received.complete = True
        return received

    def read_chunk(self) -> int:
        """Read one chunk of the body and return its size; 0 is the last one."""
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the body was torn")
        size = int(line, 16)
        self.received.body += self.file.read(size)
        if self.file.readline() != b"\r\n":
            raise ConnectionError("the body was torn")
        return size

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.sock.sendall(data)

    def reset(self) -> None:
        """End the connection by RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def linger(self) -> None:
        """Keep the connection open, reading nothing, until the test is over."""
        self.stop.wait(60)

    def close(self) -> None:
        """Close the connection."""
        self.file.close()
        self.sock.close()


Script = Callable[[Peer], None]


@dataclass
class ScriptedServer:
    """The running server."""

    port: int
    url: str
    requests: list[Received] = field(default_factory=list)
    closed_by_client: list[bool] = field(default_factory=list)


def answer(data: bytes) -> Script:
    """Return the script that reads a request, sends these bytes, and closes."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(data)

    return script


@contextmanager
def scripted(*scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a server that plays one script for each connection, and expects no further one."""
    stop = threading.Event()
    failures: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        port = listener.getsockname()[1]
        server = ScriptedServer(port, f"{'https' if tls else 'http'}://127.0.0.1:{port}")

        def play(script: Script, sock: socket.socket) -> None:
            with sock:
                sock.settimeout(20)
                # With Nagle's delay a last word can still be queued here when an early close drops it.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer = None
                try:
                    if tls is not None:
                        sock = tls.wrap_socket(sock, server_side=True)
                    with sock:
                        peer = Peer(sock, stop)
                        with contextlib.closing(peer.file):
                            script(peer)
                except OSError:
                    pass  # lost connections are what many scripts are about
                except BaseException as error:
                    failures.append(error)
                finally:
                    if peer is not None:
                        server.requests.append(peer.received)

        def serve() -> None:
            for script in scripts:
                connection = accepted()
                if connection is None:
                    return
                play(script, connection)

        def accepted() -> socket.socket | None:
            # Once more after the end: a client may have come and gone while the script before was played.
            while True:
                stopped = stop.is_set()
                with contextlib.suppress(TimeoutError):
                    return listener.accept()[0]
                if stopped:
                    return None

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            thread.join()
    if failures:
        raise failures[0]
