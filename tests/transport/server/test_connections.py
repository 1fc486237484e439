"""How our HTTP server shares its connections: idle and slow clients make room, clients at work do not."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from tests.support import history, ls_remote, make_repository
from tests.transport.server.serving import serving, statuses

if TYPE_CHECKING:
    from pathlib import Path

    from transport.server.http import GitHttpServer

LIST = b"GET /x.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: h\r\n\r\n"
FETCH = (
    b"POST /x.git/git-upload-pack HTTP/1.1\r\nHost: h\r\nGit-Protocol: version=2\r\n"
    b"Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 40\r\n\r\n"
)
PUSH = FETCH.replace(b"upload", b"receive")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_repository(tmp_path / "served" / "x.git", history(commits=2))
    return tmp_path / "served"


def connected(server: GitHttpServer, stack: ExitStack, data: bytes = b"") -> socket.socket:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
    connection.sendall(data)
    return connection


def closes(connection: socket.socket) -> bool:
    """Return whether the server ends the connection without an answer."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "sent", [b"", LIST[:10], FETCH, FETCH + b"00"], ids=["idle", "half a head", "no body", "half a body"]
)
def test_whoever_kept_us_waiting_longest_makes_room(root, sent):
    with serving(root, connections=2) as server, ExitStack() as stack:
        waiting = [connected(server, stack, sent) for _ in range(2)]
        for _ in range(5):
            assert ls_remote(f"{server.url}/x.git") == ls_remote(root / "x.git")
        assert closes(waiting[0])


def test_clients_that_idle_between_requests_make_room(root):
    with serving(root, connections=1) as server, ExitStack() as stack:
        first = connected(server, stack, LIST)
        answer = b""
        while not answer.endswith(b"0\r\n\r\n"):
            answer += first.recv(65536)
        assert ls_remote(f"{server.url}/x.git") == ls_remote(root / "x.git")
        assert closes(first)


def test_one_connection_too_many_is_told_503_while_all_are_at_work(root):
    lines: list[str] = []
    begun = threading.Event()

    def log(line: str) -> None:
        lines.append(line)
        begun.set()

    with serving(root, connections=1, log=log) as server, ExitStack() as stack:
        pushing = connected(server, stack, PUSH + b"0")
        # A push is at work as soon as its head is read, which can only be seen from outside by trying.
        while True:
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as other:
                answer = b""
                with suppress(ConnectionError):  # it may be told before it has sent all
                    other.sendall(LIST)
                with suppress(ConnectionError):
                    answer = other.recv(65536)
            if statuses(answer) == [503]:
                break
            with suppress(ConnectionError):
                pushing = connected(server, stack, PUSH + b"0")
        assert b"too many connections" in answer
        pushing.sendall(b"0" * 39)
        assert begun.wait(20)
    assert any("told 503" in line for line in lines)
