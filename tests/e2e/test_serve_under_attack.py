"""`packcore serve` in a process of its own, under requests that are small to send and dear to answer.

    pytest -m slow tests/e2e/test_serve_under_attack.py -s        PACKCORE_SOAK_SECONDS=600 for ten minutes

The soak keeps 500 connections that say nothing, 50 that send a byte now and then, 20 that take a little of an
answer now and then, and the bombs of `bombs()` one after the other, while git clones. It prints what it has
seen, minute by minute, and fails if the server is larger in the second half than it was before.
"""

from __future__ import annotations

import gzip
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support import (
    ROOT,
    git,
    git_environment,
    history,
    init_repository,
    ls_remote,
    make_repository,
    run_git,
)
from transport.wire.pktline import DELIM, FLUSH, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

SOAK_SECONDS = float(os.environ.get("PACKCORE_SOAK_SECONDS", "60"))
BOMB_MB_MAX = 64
IDLE, SLOW, READING = 500, 50, 20
LARGE_BYTES = 17 << 20
"""More than the buffers of a connection take; from 16 MiB on an object is never whole in memory."""
GROWTH_MAX = 1.05
"""The server's largest size in the second half, as a multiple of that in the second quarter."""
ZERO = "0" * 40


class Served(NamedTuple):
    """A server in a process of its own."""

    port: int
    pid: int
    root: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def peak_mb(self) -> float:
        return self._status("VmHWM")

    def own_mb(self) -> float:
        """Return the memory of its own: mapped packs are shared, and counted once for each connection."""
        return self._status("RssAnon")

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def _status(self, name: str) -> float:
        text = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(rf"{name}:\s+([0-9]+) kB", text)
        assert found is not None
        return int(found[1]) / 1024


@contextmanager
def server_of(root: Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "cli", "serve", str(root), "--port", "0", "--allow-push"]
    environment = git_environment({"PYTHONPATH": str(ROOT)})
    with (
        (root.parent / "serve.log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment) as process,
    ):
        try:
            assert process.stdout is not None
            found = re.search(rb":([0-9]+)", process.stdout.readline())
            assert found is not None
            yield Served(int(found[1]), process.pid, root)
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert "internal error" not in (root.parent / "serve.log").read_text()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attacked") / "served"
    folder.mkdir()
    made = make_repository(folder / "x.git", history(commits=300), repack=True)
    for number in range(50):
        git("branch", f"b{number}", f"main~{number}", cwd=made)
    init_repository(folder / "empty.git")
    large = init_repository(folder / "large.git")
    noise = folder.parent / "noise"
    noise.write_bytes(random.Random(1).randbytes(LARGE_BYTES))
    git("update-ref", "refs/tags/large", git("hash-object", "-w", str(noise), cwd=large), cwd=large)
    git("repack", "-qad", cwd=large)
    return folder


def post(service: str, data: bytes, *, repository: str = "x.git") -> bytes:
    body = gzip.compress(data)
    head = (
        f"POST /{repository}/git-{service} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        f"Content-Type: application/x-git-{service}-request\r\nGit-Protocol: version=2\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def bombs(root: Path) -> dict[str, tuple[bytes, bytes]]:
    """Return requests, each of at most 300 KB on the wire, and words of the answer."""
    main = git("rev-parse", "main", cwd=root / "x.git")
    orphan = git("commit-tree", "-m", "x", "-p", "main", "main^{tree}", cwd=root / "x.git")
    pack = subprocess.run(
        ["git", "pack-objects", "--stdout", "-q"],
        cwd=root / "x.git",
        input=f"{orphan}\n".encode(),
        capture_output=True,
        check=True,
        env=git_environment(),
    ).stdout

    def fetch(lines: bytes) -> bytes:
        command = encode_text("command=fetch") + DELIM + encode_text(f"want {main}")
        return post("upload-pack", command + lines + encode_text("done") + FLUSH)

    def push(names: list[str], tip: str, more: bytes) -> bytes:
        commands = [f"{ZERO} {tip} {name}" for name in names]
        first = encode_packet(f"{commands[0]}\0 report-status push-options".encode())
        lines = first + b"".join(map(encode_text, commands[1:])) + FLUSH
        return post("receive-pack", lines + more, repository="empty.git")

    prefix = encode_text("command=ls-refs") + DELIM
    equal = b"ERR too many lines that are equal"
    equal_blobs = b"PACK" + struct.pack(">II", 2, 1_000_000) + (b"\x31" + zlib.compress(b"0")) * 1_000_000
    blanks = b"X:" + b" " * 30_000 + b"\x0b\r\n\r\n"
    chunked = b"POST /x.git/git-upload-pack HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    return {
        "2,000 deepen-not": (fetch(encode_text("deepen-not b9") * 2000), b"PACK"),
        "3.5 M ref-prefix": (
            post("upload-pack", prefix + encode_text("ref-prefix a") * 3_500_000 + FLUSH),
            equal,
        ),
        "1.3 M equal haves": (fetch(encode_text(f"have {'1' * 40}") * 1_300_000), equal),
        "1.3 M known haves": (fetch(encode_text(f"have {main}") * 1_300_000), equal),
        "a million filters": (fetch(encode_text("filter blob:none") * 1_000_000), equal),
        "1.4 M capabilities": (
            post("upload-pack", encode_text("agent=x") * 1_400_000 + FLUSH),
            b"ERR too many capabilities",
        ),
        "a push that grows": (push(["refs/heads/x"], main, FLUSH + equal_blobs), b"HTTP/1.1 413 "),
        "2,000 incomplete tips": (
            push([f"refs/heads/{n}" for n in range(2000)], orphan, FLUSH + pack),
            b"ng refs/heads/1999 missing necessary objects",
        ),
        "1,000 push options": (
            push(["refs/heads/x"], main, encode_packet(b"x" * 65_000) * 1000 + FLUSH),
            b"ERR more than 1000 push options",
        ),
        "a head of blanks": (b"GET / HTTP/1.1\r\nHost: h\r\n" + blanks, b"HTTP/1.1 400 "),
        "trailers of blanks": (chunked + blanks, b"HTTP/1.1 415 "),
    }


def ask(server: Served, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        with suppress(ConnectionError):
            connection.sendall(request)
        answer = b""
        with suppress(ConnectionError):
            while block := connection.recv(65536):
                answer += block
        return answer


def test_no_bomb_takes_much_memory(root: Path) -> None:
    grown: dict[str, float] = {}
    for name, (request, words) in bombs(root).items():
        assert len(request) < 300_000
        with server_of(root) as server:
            assert ls_remote(f"{server.url}/x.git")
            before = server.peak_mb()
            answer = ask(server, request)
            grown[name] = server.peak_mb() - before
            assert words in answer, name
    print("\n" + "\n".join(f"{name:24} +{megabytes:5.1f} MB" for name, megabytes in grown.items()))
    assert max(grown.values()) < BOMB_MB_MAX


class Crowd:
    """Connections that are kept open, and made again when the server ends them."""

    def __init__(self, server: Served, count: int, sent: bytes, *, more: bytes = b"0") -> None:
        """Send `sent` at first and `more` in each round; with neither, say nothing."""
        self._server = server
        self._sent = sent
        self._more = more if sent else b""
        self._open: list[socket.socket | None] = [None] * count
        self.made = 0

    def keep(self, stopped: threading.Event, pause_seconds: float) -> None:
        """Keep them open until told to stop, each sending and taking a little in each round."""
        while not stopped.wait(pause_seconds):
            for place, connection in enumerate(self._open):
                if stopped.is_set():
                    break
                self._open[place] = self._renewed(connection)
        for connection in filter(None, self._open):
            connection.close()

    def _renewed(self, connection: socket.socket | None) -> socket.socket | None:
        try:
            if connection is None:
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.settimeout(5)
                connection.connect(("127.0.0.1", self._server.port))
                self.made += 1
                connection.sendall(self._sent)
                connection.setblocking(False)
            elif self._more:
                connection.send(self._more)
            with suppress(BlockingIOError):
                if not connection.recv(256):
                    raise ConnectionError
        except OSError:
            if connection is not None:
                connection.close()
            return None
        return connection


@pytest.mark.slow
@pytest.mark.timeout(SOAK_SECONDS + 300)
def test_honest_clients_are_served_while_others_attack(root: Path, tmp_path: Path) -> None:
    slow_head = (
        b"POST /x.git/git-upload-pack HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n"
        b"Content-Type: application/x-git-upload-pack-request\r\n\r\n"
    )
    requests = bombs(root)
    stopped = threading.Event()
    tag = git("rev-parse", "large", cwd=root / "large.git")
    lines = encode_text("command=fetch") + DELIM + encode_text(f"want {tag}") + encode_text("done") + FLUSH
    sent, failures = 0, []
    seen: list[Seen] = []
    with server_of(root) as server:
        crowds = [
            Crowd(server, IDLE, b""),
            Crowd(server, SLOW // 2, b"GET /"),
            Crowd(server, SLOW // 2, slow_head),
            Crowd(server, READING, post("upload-pack", lines, repository="large.git"), more=b""),
        ]

        def attack() -> None:
            nonlocal sent
            while not stopped.is_set():
                for request, _ in requests.values():
                    with suppress(OSError):
                        ask(server, request)
                        sent += 1

        threads = [threading.Thread(target=crowd.keep, args=(stopped, 1.0)) for crowd in crowds]
        threads.append(threading.Thread(target=attack))
        for thread in threads:
            thread.start()
        try:
            began = now = time.monotonic()
            while now - began < SOAK_SECONDS:
                done = run_git("clone", "-q", "--bare", f"{server.url}/x.git", tmp_path / "clone.git")
                seconds, now = time.monotonic() - now, time.monotonic()
                shutil.rmtree(tmp_path / "clone.git", ignore_errors=True)
                if done.returncode != 0:
                    failures.append(done.stderr)
                seen.append(Seen(now - began, seconds, server.own_mb(), server.threads(), sent))
        finally:
            stopped.set()
            for thread in threads:
                thread.join()
    print(f"\n{sum(crowd.made for crowd in crowds)} idle and slow connections made\n{table(seen)}")
    assert not failures
    early = [each.own_mb for each in seen if SOAK_SECONDS / 4 <= each.at_seconds < SOAK_SECONDS / 2]
    late = [each.own_mb for each in seen if each.at_seconds >= SOAK_SECONDS / 2]
    assert len(early) > 1
    assert len(late) > 1
    assert max(late) <= max(early) * GROWTH_MAX, "memory grows"


class Seen(NamedTuple):
    """What one honest clone saw."""

    at_seconds: float
    clone_seconds: float
    own_mb: float
    threads: int
    bombs: int


def table(seen: list[Seen]) -> str:
    """Return a line for each minute."""
    lines = ["minute  clones  median s  longest s       own MB (least, most)  threads  bombs so far"]
    for minute in range(int(seen[-1].at_seconds // 60) + 1):
        part = [each for each in seen if each.at_seconds // 60 == minute]
        if part:
            took = sorted(each.clone_seconds for each in part)
            sizes = [each.own_mb for each in part]
            lines.append(
                f"{minute:>6}  {len(part):>6}  {took[len(took) // 2]:>8.2f}  {took[-1]:>9.2f}"
                f"  {min(sizes):>18.1f}  {max(sizes):>5.1f}  {max(each.threads for each in part):>7}"
                f"  {part[-1].bombs:>12}"
            )
    return "\n".join(lines)
