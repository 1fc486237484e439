"""The pushes that bring people here: git fails, and the same push with the prefix succeeds."""

from __future__ import annotations

import random
import socket
import threading
from contextlib import contextmanager, suppress
from math import inf
from typing import TYPE_CHECKING

import pytest

from tests.e2e import slow_strategy
from tests.e2e.desk import Desk
from tests.e2e.nginx import EDGE_PATIENCE_SECONDS
from tests.support import fsck, git, init_repository, ls_remote
from tests.transport.server.serving import serving
from transport.server.faults import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e

MEGABYTE = 1_000_000


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk")
    made.begin()
    return made


def fill(desk: Desk, *, commits: int, size: int) -> None:
    """Commit files that don't compress."""
    chance = random.Random(commits)
    for number in range(commits):
        (desk.work / f"file{number}").write_bytes(chance.randbytes(size))
        desk.commit()


def assert_arrived(desk: Desk, target: Path) -> None:
    assert ls_remote(target) == {
        name: oid for name, oid in ls_remote(desk.work).items() if name.startswith("refs/heads/")
    }
    assert fsck(target) == []


def test_an_edge_that_cuts_after_three_silent_seconds_while_the_pack_is_prepared(
    desk: Desk, server: GitHttpServer, place: Place, tmp_path: Path
) -> None:
    thinking = EDGE_PATIENCE_SECONDS + 1.5
    desk.commit(a="one\n", b="two\n")
    # These commands fill git's post buffer, so git opens the request before it prepares the pack.
    desk.branches(f"a-branch-with-a-name-of-usual-length/{number:04}" for number in range(600))
    target = server.create(place.path("x.git"))
    url = server.url(place.path("x.git"), "edge")
    desk.slow_packing(thinking)
    failed = desk.fails("-c", "http.postBuffer=65536", "push", "--all", url)
    assert "RPC failed" in failed.stderr
    assert ls_remote(target) == {}

    slow = slow_strategy.install(tmp_path / "plugin", thinking)
    desk.import_path.append(slow.folder)
    desk.must("-c", "packcore.strategy=slow", "push", "--all", desk.ours(url))
    assert slow.has_begun()
    assert_arrived(desk, target)


def test_a_body_limit_of_one_megabyte(desk: Desk, server: GitHttpServer, place: Place) -> None:
    fill(desk, commits=12, size=300_000)
    target = server.create(place.path("x.git"))
    url = server.url(place.path("x.git"), "small")
    failed = desk.fails("push", url, "main")
    assert "HTTP 413" in failed.stderr
    assert ls_remote(target) == {}

    said = desk.must("push", desk.ours(url), "main")
    assert "main -> main" in said.stderr
    assert [line for line in said.stderr.splitlines() if line.endswith("; sent again in parts")]
    assert not [line for line in said.stderr.splitlines() if line.startswith("remote:") and "413" in line]
    assert_arrived(desk, target)


def test_a_connection_that_drops_every_five_megabytes(
    desk: Desk, server: GitHttpServer, place: Place
) -> None:
    fill(desk, commits=16, size=MEGABYTE)
    target = server.create(place.path("x.git"))
    with dropping(server.ports["plain"], 5 * MEGABYTE) as port:
        url = f"http://127.0.0.1:{port}/{place.path('x.git')}"
        failed = desk.fails("push", url, "main")
        assert "RPC failed" in failed.stderr
        assert ls_remote(target) == {}

        desk.must("push", desk.ours(url), "main")
    assert_arrived(desk, target)


def test_a_host_that_wants_a_length_and_says_411(desk: Desk, tmp_path: Path) -> None:
    fill(desk, commits=2, size=2 * MEGABYTE)
    target = init_repository(tmp_path / "served" / "x.git")
    with serving(tmp_path / "served", simulation=Simulation.parse("no-chunked")) as server:
        url = f"{server.url}/x.git"
        failed = desk.fails("push", url, "main")
        assert "HTTP 411" in failed.stderr
        assert ls_remote(target) == {}

        desk.must("push", desk.ours(url), "main")
    assert_arrived(desk, target)


def test_a_push_that_broke_off_goes_on_where_it_was(desk: Desk, server: GitHttpServer, place: Place) -> None:
    fill(desk, commits=8, size=300_000)
    target = server.create(place.path("x.git"))
    url = desk.ours(server.url(place.path("x.git"), "small"))
    # A file that is too large by itself ends the push after the batches before it.
    limit = ("-c", "packcore.maxPackBytes=1000k")
    hook = target / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho x >> {target}/seen\ntest $(wc -l < {target}/seen) -lt 3\n")
    hook.chmod(0o755)
    desk.fails(*limit, "push", url, "main")
    held = git("for-each-ref", "refs/packcore", cwd=target)
    assert len(held.splitlines()) == 2, "two batches were taken"

    hook.write_text(f"#!/bin/sh\necho y >> {target}/seen\n")
    desk.must(*limit, "push", url, "main")
    seen = (target / "seen").read_text().split()
    assert seen.count("y") < len(seen) - 1, "what was there was not sent again"
    assert_arrived(desk, target)


@contextmanager
def dropping(to_port: int, bytes_max: int) -> Iterator[int]:
    """Relay connections to a port; drop each after a given number of bytes from the client."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def pump(source: socket.socket, sink: socket.socket, left: float) -> None:
        with suppress(OSError):
            while left > 0 and (data := source.recv(65536)):
                sink.sendall(data)
                left -= len(data)
        for end in (source, sink) if left <= 0 else (sink,):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR if left <= 0 else socket.SHUT_WR)

    def relay(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", to_port)) as server:
            back = threading.Thread(target=pump, args=(server, client, inf))
            back.start()
            pump(client, server, bytes_max)
            back.join(30)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=relay, args=(client,), daemon=True))
            threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)
        for thread in threads:
            thread.join(5)


@pytest.mark.parametrize("fault", ["late-status=504", "drop-report"])
def test_an_answer_that_is_lost_after_the_push_arrived(desk: Desk, tmp_path: Path, fault: str) -> None:
    target = init_repository(tmp_path / "served" / "x.git")
    twin = init_repository(tmp_path / "served" / "twin.git")
    desk.commit(a="one\n")
    with serving(tmp_path / "served", simulation=Simulation.parse(fault)) as server:
        desk.fails("push", f"{server.url}/twin.git", "main")
        assert ls_remote(twin), "it was taken, and git does not know"

        said = desk.must("push", desk.ours(f"{server.url}/x.git"), "main")
    assert "packcore: warning:" in said.stderr
    assert "listed again, the remote has it all" in said.stderr
    assert_arrived(desk, target)


def test_temporary_refs_are_no_refs_of_users(desk: Desk, server: GitHttpServer, place: Place) -> None:
    fill(desk, commits=2, size=1000)
    target = server.create(place.path("x.git"))
    url = desk.ours(server.url(place.path("x.git")))
    desk.must("push", url, "main")
    held = git("rev-parse", "main~1", cwd=desk.work)
    git("update-ref", f"refs/packcore/bootstrap/{held}", held, cwd=target)
    said = desk.must("push", "--mirror", url)
    assert "packcore/bootstrap" not in said.stderr
    desk.commit(b="more\n")
    desk.must("push", url, "main")
    assert_arrived(desk, target)
