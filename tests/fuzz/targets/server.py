"""What strangers send to `serve`: raw requests, paths, and whole conversations of upload-pack."""

from __future__ import annotations

import re
import socket
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.fuzz import samples
from tests.fuzz.shapes import HEAD_AND_CHUNKS, PACKETS
from tests.fuzz.target import agree, scratch, target
from transport.errors import RemoteProtocolError
from transport.server.budget import RequestLimits
from transport.server.http_body import content_of
from transport.server.http_connection import HttpConnection, HttpFault, HttpRequest
from transport.server.served import ServedRepositories
from transport.server.upload_pack import UploadPack
from transport.wire.pktline import PacketReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_REQUESTS_MAX = 20
_STEP_BYTES = 5
"""Of a connection whose bytes come in small pieces. One by one takes most of the time of a run."""


class _Client:
    """A socket whose client has sent everything: it hands over so many bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = data
        self._step = step
        self.sent = b""

    def settimeout(self, seconds: float) -> None:
        """Take whatever time is given."""

    def shutdown(self, how: int) -> None:
        """Take note of nothing."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        data = self._data[: min(size, self._step)]
        if flags != socket.MSG_PEEK:
            self._data = self._data[len(data) :]
        return data

    def sendall(self, data: bytes) -> None:
        self.sent += data


_GET = b"GET /x.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: h\r\n"
_POST = b"POST /x.git/git-upload-pack HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"


@target(
    seeds=lambda: [
        _GET + b"Git-Protocol: version=2\r\n\r\n" + _GET + b"Connection: close\r\n\r\n",
        _POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n6\r\npedia \r\n0\r\n\r\n",
        _POST + b"Content-Length: 4\r\nExpect: 100-continue\r\n\r\nWiki" + _GET + b"\r\n",
        b"POST http://h/x HTTP/1.0\r\nContent-Length: 1\r\n\r\nx",
    ],
    shape=HEAD_AND_CHUNKS,
    words=(
        b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"\r\n\r\n",
        b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Upgrade: h2c\r\n", b"HTTP/1.0",
        b"HTTP/2.0",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01", b"CONNECT h:1 ", b"OPTIONS * ", b"\r\n ", b"\n",
        b"\0", b"Content-Encoding: gzip\r\n", b"0\r\n\r\n", b";a=b", b"\xc3\xa4",
    ),
)  # fmt: skip
def http_request(data: bytes) -> None:
    """Serve a connection: it is the same requests, however the bytes come, and each gets one answer."""

    def read(step: int) -> object:
        client = _Client(data, step)
        connection = HttpConnection(client)  # type: ignore[arg-type]
        connection.begin_request(1e9, 1e9)
        taken = list(_taken(connection))
        statuses = re.findall(rb"HTTP/1\.1 [2-5].. ", client.sent)
        assert len(statuses) == len(taken), f"{len(taken)} requests, answered by {client.sent!r}"
        return taken, client.sent

    agree(lambda: read(1 << 16), lambda: read(_STEP_BYTES))


def _taken(connection: HttpConnection) -> Iterator[tuple[HttpRequest | None, bytes, int]]:
    """Yield each request with its body, and the status that it got."""
    for _ in range(_REQUESTS_MAX):
        body = b""
        request = None
        try:
            request = connection.next_request()
            if request is None:
                return
            body = b"".join(connection.body())
            status = 200
        except HttpFault as fault:
            status = fault.status
            connection.close_after_this()
        connection.respond(status, [("Content-Length", "2")])
        connection.write(b"ok")
        connection.end()
        yield request, body, status
        if not connection.goes_on:
            return


@cache
def _root() -> Path:
    """Return a folder with a repository that is shown, one that is hidden, and one beside it."""
    root = scratch("served/root")
    for name in ("x.git", "team/y.git", ".hidden/z.git", "../beside.git"):
        for folder in ("objects", "refs"):
            (root / name / folder).mkdir(parents=True, exist_ok=True)
        (root / name / "HEAD").write_text("ref: refs/heads/main\n")
        (root / name / "config").write_text("[core]\n\tbare = true\n")
    (root / "out.git").symlink_to(root / "../beside.git")
    return root


@target(
    seeds=lambda: [b"/x.git", b"/x", b"/team/y.git", b"/%78.git", b"/team%2fy"],
    words=(
        b"/..", b"%2e%2e", b"%2f", b"%00", b"%5c", b"//", b"/.", b".git", b"/.hidden/z.git", b"/out.git",
        b"/beside.git", b"~", b":", b"%c0%af", b"%ff", b"/./",
    ),
)  # fmt: skip
def served_path(data: bytes) -> None:
    """Find the repository of a URL's path: one that is shown, or none."""
    root = _root()
    for path in (data.decode("latin-1"), "/" + quote(data)):
        found = ServedRepositories(root).find(path)
        assert found is None or found.resolve() in {root / "x.git", root / "team/y.git"}, found
    if ServedRepositories(root).find(data.decode("latin-1")) is None:
        raise RemoteProtocolError("not found")


_LIMITS = RequestLimits(cpu_seconds=1e9)


def _requests() -> Iterator[bytes]:
    """Yield what git's clients sent, about what our sample repository has, each behind its version."""
    tip = samples.repository().refs().known["refs/heads/main"].oid.hex().encode()
    for version, name in ((b"0", "clone-v0"), (b"0", "shallow-v0"), (b"2", "clone-v2"), (b"2", "shallow-v2")):
        for title, said, _ in samples.conversation(name):
            if title.startswith("request"):
                yield version + re.sub(rb"(want|have) [0-9a-f]{40}", rb"\1 " + tip, said)
    have = b"have " + tip + b"\n"
    wants = [b"want " + tip + b" multi_ack_detailed no-done side-band-64k ofs-delta\n", b"0000"]
    yield b"0" + PACKETS.join([*wants, have, b"have " + b"1b" * 20 + b"\n", b"0000", have, b"done\n"])
    arguments = [b"peel\n", b"symrefs\n", b"unborn\n", b"ref-prefix refs/heads/\n", b"0000"]
    yield b"2" + PACKETS.join([b"command=ls-refs\n", b"0001", *arguments])


_SHAPE = PACKETS._replace(
    split=lambda data: [data[:1], *PACKETS.split(data[1:])],
    join=lambda pieces: b"".join(pieces[:1]) + PACKETS.join(pieces[1:]),
)


@target(
    seeds=_requests,
    shape=_SHAPE,
    words=(
        b"command=ls-refs", b"command=fetch", b"ref-prefix ", b"peel", b"symrefs", b"unborn", b"unreadable",
        b"have " + b"1b" * 20, b"done", b"deepen 1", b"deepen-since ", b"deepen-not main", b"filter tree:0",
        b"filter blob:limit=1k", b"want-ref refs/heads/main", b"wait-for-done", b"multi_ack_detailed",
        b"side-band", b"shallow " + b"1b" * 20, b"include-tag", b"deepen-relative", b"object-format=sha1",
        b"filter tree:2", b"filter sparse:oid=main:", b"filter combine:tree:1+blob%3Anone",
        b"command=bundle-uri",
    ),
)  # fmt: skip
def upload_pack(data: bytes) -> None:
    """Answer a request of upload-pack: framed to its end, without a path of this disk."""
    if data[:1] not in (b"0", b"1", b"2"):
        raise RemoteProtocolError("not a version of ours")
    version = int(data[:1])

    def answer(blocks: Iterable[bytes], *, lasting: bool = False) -> bytes:
        server = UploadPack(samples.repository(), request_limits=_LIMITS)
        return b"".join(server.converse(blocks, version, lasting=lasting))

    whole = answer([data[1:]])
    assert answer(data[at : at + 1] for at in range(1, len(data))) == whole
    conversation = answer([data[1:]], lasting=True)
    assert answer((data[at : at + 5] for at in range(1, len(data), 5)), lasting=True) == conversation
    if version == 2 and not whole.rpartition(b"ERR ")[1]:
        assert conversation.startswith(whole)
    assert str(samples.repository().path).encode() not in whole
    reader = PacketReader([whole])
    while isinstance(packet := reader.read_or_end(), bytes):
        if packet.startswith(b"ERR "):
            raise RemoteProtocolError("refused")
        if packet.startswith(b"NAK") and version < 2:
            return  # the pack may go out raw behind it


@target(
    seeds=lambda: [b"gzip\0" + content for content in _compressed()],
)
def request_content(data: bytes) -> None:
    """Unpack a request's body, with and without a bound, as any coding."""
    coding, _, body = data.partition(b"\0")
    for bytes_max in (None, 4096):
        try:
            sizes = [
                len(piece) for piece in content_of([body], coding.decode("latin-1"), bytes_max=bytes_max)
            ]
        except HttpFault as fault:
            if fault.status not in (400, 413, 415):
                raise
            raise RemoteProtocolError(str(fault)) from None
        assert not coding or max(sizes, default=0) <= 1 << 16


def _compressed() -> Iterator[bytes]:
    import gzip

    yield gzip.compress(b"0000", mtime=0)
    yield gzip.compress(b"0032want " + b"1b" * 20 + b"\n0000", mtime=0)
