"""The command against servers whose answers have no end: it ends with an error, in bounded memory.

    pytest -m slow tests/e2e/test_hostile_servers.py -s       prints what each flood cost

Every limit is the default. The command runs in a process of its own, which reports its own peak
(`VmHWM`): what a parent is told of a child's counts the parent's pages, too.
"""

from __future__ import annotations

import gzip
import itertools
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT, git_environment, history, make_repository
from tests.transport.http.faults import ADVERT_TYPE, RESULT_TYPE
from tests.transport.http.scripted import Script, answer, scripted
from transport.wire.pktline import encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.transport.http.scripted import Peer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BOMB_MB_MAX = 64
OID = "1" * 40
PUSH_ADVERT_TYPE = ADVERT_TYPE.replace(b"upload", b"receive")
UPLOAD_TYPE = RESULT_TYPE.replace(b"receive", b"upload")
SERVICE = encode_text("# service=git-upload-pack") + b"0000"

RUN = """
import re, sys
from cli.__main__ import main
try:
    sys.exit(main())
finally:
    found = re.search(r"VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())
    print("peak", found[1], file=sys.stderr)
"""


def run(*arguments: str) -> tuple[int, str, float]:
    """Run the command; return its exit code, what it says on stderr, and its peak in MB."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        cwd=ROOT,
        env=git_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    peak = re.search(r"^peak ([0-9]+)$", done.stderr, re.MULTILINE)
    assert peak is not None, done.stderr
    return done.returncode, done.stderr, int(peak[1]) / 1024


def flood(head: bytes, pieces: Iterator[bytes], first: bytes = b"") -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + first)
        while group := b"".join(itertools.islice(pieces, 500)):
            peer.send(group)

    return script


def whole(head: bytes, body: bytes) -> Script:
    return answer(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))


def listed(service: str, *lines: str) -> bytes:
    return (
        encode_text(f"# service=git-{service}")
        + b"0000"
        + b"".join(encode_text(line) for line in lines)
        + b"0000"
    )


ONE_REF = listed("upload-pack", f"{OID} refs/heads/main\0side-band-64k ofs-delta")
NO_REF = listed("receive-pack", f"{'0' * 40} capabilities^{{}}\0report-status side-band-64k ofs-delta")


@pytest.fixture(scope="module")
def base_mb() -> float:
    """The peak of the command that lists one ref."""
    with scripted(whole(ADVERT_TYPE, ONE_REF)) as server:
        code, said, peak = run("ls-refs", f"{server.url}/x.git")
    assert code == 0, said
    return peak


def names(form: str) -> Iterator[bytes]:
    yield SERVICE
    for number in itertools.count():
        line = f"{number:040x} " + form.format(number)
        yield encode_packet((line if number else f"{line}\0ofs-delta").encode())


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("refs/heads/b{}", id="short-names"),
        pytest.param("refs/pull/{}/head-of-a-branch-with-a-name", id="usual-names"),
        pytest.param("refs/heads/{}/" + "n" * 3000, id="long-names"),
        pytest.param("refs/heads/{}/\N{PILE OF POO}" + "n" * 3000, id="wide-characters"),
        pytest.param("refs/heads/{}/" + "n" * 60_000, id="names-that-no-disk-holds"),
        pytest.param("other/{}/" + "n" * 1000, id="names-that-are-none"),
    ],
)
def test_a_listing_without_end_ends_below_64_mb(base_mb, form):
    with scripted(flood(ADVERT_TYPE, names(form))) as server:
        code, said, peak = run("ls-refs", f"{server.url}/x.git")
    print(f"\n{form[:40]}: {peak - base_mb:.0f} MB over the base of {base_mb:.0f} MB")
    assert (code, "its list of refs holds" in said) == (4, True), said
    assert "Traceback" not in said
    assert peak - base_mb < BOMB_MB_MAX


def test_a_listing_of_v2_without_end_ends_below_64_mb(base_mb):
    offered = b"".join(map(encode_text, ("version 2", "ls-refs", "fetch"))) + b"0000"
    tags = (
        encode_text(f"{number:040x} refs/tags/v{number} peeled:{number:040x} symref-target:refs/x/{number}")
        for number in itertools.count()
    )
    with scripted(whole(ADVERT_TYPE, offered), flood(UPLOAD_TYPE, tags)) as server:
        code, said, peak = run("ls-refs", f"{server.url}/x.git")
    print(f"\nls-refs of v2: {peak - base_mb:.0f} MB over the base")
    assert (code, "its list of refs holds" in said) == (4, True), said
    assert peak - base_mb < BOMB_MB_MAX


def test_headers_without_end_end_below_64_mb(base_mb):
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        for number in itertools.count():
            peer.send(b"X%d: y\r\n" % number * 100)

    with scripted(script) as server:
        code, said, peak = run("ls-refs", f"{server.url}/x.git")
    assert (code, "headers are too long" in said) == (4, True), said
    assert peak - base_mb < BOMB_MB_MAX


def with_extensions() -> Iterator[bytes]:
    refs = b"".join(itertools.islice(names("refs/{}"), 99))
    return (b"1;%b\r\n%c\r\n" % (b"e" * 2000, byte) for byte in refs)


def capabilities() -> Iterator[bytes]:
    yield encode_text("version 2")
    yield from itertools.repeat(encode_text("x=" + "y" * 60_000))


LISTED_BOMBS: dict[str, tuple[bytes, Callable[[], Iterator[bytes]]]] = {
    "gzip members": (
        ADVERT_TYPE + b"Content-Encoding: gzip\r\n",
        lambda: itertools.repeat(gzip.compress(b"", mtime=0)),
    ),
    "chunk extensions": (ADVERT_TYPE + b"Transfer-Encoding: chunked\r\n", with_extensions),
    "capabilities": (ADVERT_TYPE, capabilities),
}


@pytest.mark.parametrize("name", LISTED_BOMBS)
def test_an_answer_that_says_nothing_ends_below_64_mb(base_mb, name):
    head, pieces = LISTED_BOMBS[name]
    with scripted(flood(head, pieces())) as server:
        code, said, peak = run("ls-refs", f"{server.url}/x.git")
    print(f"\n{name}: {peak - base_mb:.0f} MB over the base")
    assert code == 4, said
    assert "Traceback" not in said
    assert peak - base_mb < BOMB_MB_MAX


FETCHED_BOMBS = {
    "progress": encode_packet(b"\2" + b"words and words\r" * 4000),
    "keep-alives": b"0005\1",
    "new words": encode_packet(b"\2" + b"".join(b"%x\n" % (n * 7919) for n in range(4000))),
}


@pytest.mark.parametrize("name", FETCHED_BOMBS)
def test_a_fetch_that_brings_no_pack_ends_below_64_mb(base_mb, name, tmp_path: Path):
    bomb = flood(UPLOAD_TYPE, itertools.repeat(FETCHED_BOMBS[name]), b"0008NAK\n")
    with scripted(whole(ADVERT_TYPE, ONE_REF), bomb) as server:
        code, said, peak = run("fetch", f"{server.url}/x.git", "--into", str(tmp_path / "x.git"))
    print(f"\n{name}: {peak - base_mb:.0f} MB over the base")
    assert (code, "its pack holds more than" in said) == (4, True), said[-2000:]
    assert peak - base_mb < BOMB_MB_MAX


PUSHED_BOMBS = {
    "keep-alives": b"0005\1",
    "a report": encode_packet(b"\1" + encode_text("ok refs/heads/main") * 1000),
    "reasons": encode_packet(b"\1" + encode_text("ng refs/heads/main " + "x" * 60_000)),
}


@pytest.mark.parametrize("name", PUSHED_BOMBS)
def test_a_push_that_is_never_reported_ends_below_64_mb(base_mb, name, tmp_path: Path):
    source = make_repository(tmp_path / "source.git", history(commits=2))
    first = encode_packet(b"\1" + encode_text("unpack ok"))
    bomb = flood(RESULT_TYPE, itertools.repeat(PUSHED_BOMBS[name]), first)
    listing = whole(PUSH_ADVERT_TYPE, NO_REF)
    with scripted(listing, bomb, listing) as server:
        code, said, peak = run("sync", str(source), f"{server.url}/x.git")
    print(f"\n{name}: {peak - base_mb:.0f} MB over the base")
    assert (code, "its report on the push holds more than" in said) == (4, True), said[-2000:]
    assert peak - base_mb < BOMB_MB_MAX


def test_keep_alives_without_end_are_ended_by_the_stall_timeout(tmp_path: Path):
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" + UPLOAD_TYPE + b"\r\n0008NAK\n")
        while not peer.stop.wait(0.02):
            peer.send(b"0005\1")

    with scripted(whole(ADVERT_TYPE, ONE_REF), script) as server:
        options = ("--into", str(tmp_path / "x.git"), "--stall-timeout", "1s")
        code, said, _ = run("fetch", f"{server.url}/x.git", *options)
    assert code == 4, said
    assert "brought next to nothing for 1 seconds" in said
    assert "--stall-timeout sets how long to wait" in said
    assert [path for path in (tmp_path / "x.git/objects").rglob("*") if path.is_file()] == []
