"""What the tests of faults send and ask: answers byte by byte, bodies, servers that answer early."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from transport.base import Body
from transport.options import TransportOptions
from transport.schemes import open_transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transport.http.scripted import Peer, Script, ScriptedServer

ADVERTISEMENT = b"001e# service=git-upload-pack\n0000"
ADVERT_TYPE = b"Content-Type: application/x-git-upload-pack-advertisement\r\n"
RESULT_TYPE = b"Content-Type: application/x-git-receive-pack-result\r\n"
REPORT = b"000eunpack ok\n0000"
MIB = 1024 * 1024


def ok(body: bytes = ADVERTISEMENT, *, extra: bytes = b"", kind: bytes = ADVERT_TYPE) -> bytes:
    return b"HTTP/1.1 200 OK\r\n%b%bContent-Length: %d\r\n\r\n%b" % (kind, extra, len(body), body)


def bare(*headers: bytes, body: bytes = ADVERTISEMENT, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([status, *headers, ADVERT_TYPE, body])


def chunked(*lines: bytes) -> bytes:
    return bare(b"Transfer-Encoding: chunked", body=b"".join(lines))


def encoded(coding: bytes, body: bytes) -> bytes:
    return ok(body, extra=b"Content-Encoding: %b\r\n" % coding)


def advertised(url: str, options: TransportOptions | None = None) -> bytes:
    transport = open_transport(url + "/x.git", options or TransportOptions(idle_timeout=10))
    with transport.advertise("git-upload-pack", version=0) as blocks:
        return b"".join(blocks)


def body_of(size: int, pulled: list[int] | None = None) -> Body:
    block = os.urandom(64 * 1024)

    def blocks() -> Iterator[bytes]:
        for start in range(0, size, len(block)):
            if pulled is not None:
                pulled.append(len(block))
            yield block[: size - start]

    return Body(blocks)


def probed(peer: Peer) -> None:
    """Answer the probe."""
    assert peer.read_request().body == b"0000"
    peer.send(ok(b"", kind=RESULT_TYPE))


def sent(server: ScriptedServer, body: Body, options: TransportOptions | None = None) -> bytes:
    transport = open_transport(f"{server.url}/x.git", options or TransportOptions(idle_timeout=10))
    with transport.request("git-receive-pack", body, version=0) as blocks:
        return b"".join(blocks)


def early(reply: bytes, after: int, then: str) -> Script:
    def script(peer: Peer) -> None:
        peer.read_head()
        while len(peer.received.body) < after:
            peer.read_chunk()
        peer.send(reply)
        if then == "linger":
            peer.linger()
        elif then == "reset":
            peer.reset()
        elif then == "drain":
            while peer.sock.recv(1 << 20):
                pass

    return script
