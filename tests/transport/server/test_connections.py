"""How our HTTP server shares its connections: idle and slow clients make room, clients at work do not."""

from __future__ import annotations

import random
import socket
import sys
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from tests.support import git, history, ls_remote, make_repository
from tests.transport.server.serving import serving, statuses
from transport.server import http_connection
from transport.server.http_connection import SLOW_BYTES_PER_SECOND, SLOW_SECONDS, HttpConnection
from transport.wire.pktline import DELIM, FLUSH, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def connected(
    server: GitHttpServer, stack: ExitStack, data: bytes = b"", *, source: str = "127.0.0.1"
) -> socket.socket:
    there = ("127.0.0.1", server.port)
    connection = stack.enter_context(socket.create_connection(there, timeout=20, source_address=(source, 0)))
    connection.sendall(data)
    return connection


def pushing_clients(
    server: GitHttpServer, stack: ExitStack, count: int, *, source: str = "127.0.0.1"
) -> list[socket.socket]:
    """Return connections whose pushes have begun, as the server sees it."""
    clients = [connected(server, stack, PUSH + b"0", source=source) for _ in range(count)]
    while sum(not each.connection.gives_way for each in list(server._server._open.values())) < count:
        time.sleep(0.001)
    return clients


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
    # More than git's requests, each of which may find the one before not closed yet.
    with serving(root, connections=8) as server, ExitStack() as stack:
        waiting = [connected(server, stack, sent) for _ in range(6)]
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
        (pushing,) = pushing_clients(server, stack, 1)
        other = connected(server, stack)
        assert b"too many connections" in other.recv(65536)
        pushing.sendall(b"0" * 39)
        assert begun.wait(20)
    assert any("told 503" in line for line in lines)


def status_of(server: GitHttpServer, *, source: str = "127.0.0.1") -> int:
    """Return what a client is told that asks for the refs."""
    with ExitStack() as stack:
        connection = connected(server, stack, source=source)
        with suppress(ConnectionError):  # it may be told before it has sent all
            connection.sendall(LIST)
        with suppress(ConnectionError):
            return statuses(connection.recv(65536))[0]
        return 0


def until(server: GitHttpServer, status: int, *, source: str = "127.0.0.1") -> None:
    """Ask until this is the answer: when the server has got so far can't be seen from outside."""
    while status_of(server, source=source) != status:
        pass


# One address


only_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs two addresses of this machine")
OTHER = "127.0.0.2"


@only_linux
def test_one_address_cannot_take_all_connections(root):
    with serving(root, connections=4, connections_per_client=2) as server, ExitStack() as stack:
        pushing = pushing_clients(server, stack, 2, source=OTHER)
        assert status_of(server, source=OTHER) == 503
        assert status_of(server) == 200
        for connection in pushing:
            connection.sendall(b"0" * 39)
            assert statuses(connection.recv(65536)) == [200]


@only_linux
def test_an_address_makes_room_for_itself(root):
    with serving(root, connections=9, connections_per_client=2) as server, ExitStack() as stack:
        elsewhere = connected(server, stack)
        idle = [connected(server, stack, source=OTHER) for _ in range(2)]
        assert status_of(server, source=OTHER) == 200
        assert closes(idle[0])
        elsewhere.sendall(LIST)
        assert statuses(elsewhere.recv(65536)) == [200]


@only_linux
def test_room_is_made_by_the_address_that_has_most_connections(root):
    with serving(root, connections=9, connections_per_client=8) as server, ExitStack() as stack:
        honest = connected(server, stack)
        idle = [connected(server, stack, source=OTHER) for _ in range(8)]
        assert status_of(server) == 200
        assert closes(idle[0])
        honest.sendall(LIST)
        assert statuses(honest.recv(65536)) == [200]


def test_an_address_may_have_three_quarters_unless_told_otherwise(root):
    with serving(root, connections=4) as server, ExitStack() as stack:
        pushing = pushing_clients(server, stack, 3)
        assert status_of(server) == 503
        for connection in pushing:
            connection.sendall(b"0" * 39)
            assert statuses(connection.recv(65536)) == [200]


# Slow clients


@pytest.fixture
def all_are_slow(monkeypatch) -> None:
    """Judge each client as if it had kept us waiting for long."""
    monkeypatch.setattr(http_connection, "SLOW_SECONDS", 0)
    monkeypatch.setattr(http_connection, "SLOW_BYTES_PER_SECOND", 1 << 60)


@pytest.mark.usefixtures("all_are_slow")
def test_a_slow_push_makes_room(root):
    with serving(root, connections=1) as server, ExitStack() as stack:
        (pushing,) = pushing_clients(server, stack, 1)
        until(server, 200)
        assert statuses(pushing.recv(65536)) in ([], [400])


@pytest.mark.usefixtures("all_are_slow")
def test_a_slow_reader_of_an_answer_makes_room(root):
    large = make_repository(root / "large.git", [*history(commits=1)])
    (root / "noise").write_bytes(random.Random(1).randbytes(12 << 20))
    blob = git("hash-object", "-w", str(root / "noise"), cwd=large)
    git("update-ref", "refs/tags/large", blob, cwd=large)
    body = encode_text("command=fetch") + DELIM + encode_text(f"want {blob}") + encode_text("done") + FLUSH
    request = FETCH.replace(b"/x.git", b"/large.git").replace(b"40", b"%d" % len(body)) + body
    with serving(root, connections=1) as server, ExitStack() as stack:
        reading = connected(server, stack, request)
        assert statuses(reading.recv(4096)) == [200]
        until(server, 200)  # 503 as long as the first one is being answered
        received = 0
        with suppress(ConnectionError):
            while block := reading.recv(1 << 20):
                received += len(block)
        assert received < 12 << 20


@pytest.fixture
def clock(monkeypatch) -> Iterator[list[float]]:
    """A clock that the test moves."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    yield now
    monkeypatch.undo()


class ScriptedSocket:
    """A client that lets us wait before each block; it calls back while we do."""

    def __init__(self, clock: list[float], script: list[tuple[float, bytes]]) -> None:
        self._clock = clock
        self._script = script
        self.was_slow: list[bool] = []
        self.connection: HttpConnection | None = None

    def settimeout(self, seconds: float) -> None:
        """Take whatever time is given."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        if flags == socket.MSG_PEEK:
            self._clock[0] += self._script[0][0]
            assert self.connection is not None
            self.was_slow.append(self.connection.is_slow)
            return self._script[0][1][:1]
        assert len(self._script[0][1]) <= size
        return self._script.pop(0)[1]


def judged(clock: list[float], script: list[tuple[float, bytes]], *, work_seconds: float = 0) -> list[bool]:
    """Return whether a client was slow at each wait for a block of its body."""
    total = sum(len(block) for _, block in script)
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % total
    scripted = ScriptedSocket(clock, [(0, head), *script])
    connection = HttpConnection(scripted)  # type: ignore[arg-type]
    scripted.connection = connection
    connection.begin_request(1e6, 1e6)
    assert connection.next_request() is not None
    for _ in connection.body():
        clock[0] += work_seconds
    assert not connection.is_slow, "nobody waits any more"
    return scripted.was_slow[1:]


def test_a_byte_now_and_then_is_slow(clock):
    assert judged(clock, [(SLOW_SECONDS / 4, b"x")] * 6) == [False, False, False, True, True, True]


def test_a_modem_is_not_slow(clock):
    block = b"x" * 1024
    assert not any(judged(clock, [(len(block) / (SLOW_BYTES_PER_SECOND * 1.2), block)] * 99))


def test_a_short_pause_is_not_slow(clock):
    assert not any(judged(clock, [(SLOW_SECONDS - 1, b"x")]))


def test_a_quick_start_does_not_count_for_long(clock):
    script = [(0.01, b"x" * 60_000)] * 40 + [(SLOW_SECONDS / 2, b"x")] * 6
    assert judged(clock, script)[-6:] == [False, False, False, True, True, True]


def test_one_wait_that_is_too_long_is_slow(clock):
    assert judged(clock, [(0.01, b"x" * 60_000)] * 40 + [(SLOW_SECONDS, b"x")])[-1]


def test_our_own_work_is_not_held_against_a_client(clock):
    assert not any(judged(clock, [(0.1, b"x")] * 20, work_seconds=SLOW_SECONDS))
