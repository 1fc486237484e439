"""What a connection, an answer and a body live on to: everything is closed, measured and given back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.transport.http.faults import (
    ADVERT_TYPE,
    ADVERTISEMENT,
    MIB,
    REPORT,
    RESULT_TYPE,
    advertised,
    bare,
    ok,
    probed,
)
from tests.transport.http.scripted import Peer, answer, scripted
from transport.base import Body
from transport.errors import NetworkError
from transport.schemes import open_transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.base import Service


def test_leaving_an_answer_closes_its_connection() -> None:
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(ok())
        seen.append(peer.sock.recv(1))

    with scripted(script) as server:
        assert advertised(server.url) == ADVERTISEMENT
    assert seen == [b""]


def test_an_answer_that_continues_after_it_was_left_does_not_block_us() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" + ADVERT_TYPE + b"\r\n")
        while True:
            peer.send(bytes(65536))

    with scripted(script) as server:
        with open_transport(f"{server.url}/x.git").advertise("git-upload-pack", version=0) as blocks:
            assert next(blocks)


def test_a_transport_that_is_closed_has_no_connection_open() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(bare(b"Content-Length: 99"))
        assert peer.sock.recv(1) == b""

    with scripted(script) as server:
        transport = open_transport(f"{server.url}/x.git")
        with transport.advertise("git-upload-pack", version=0) as blocks:
            transport.close()
            with pytest.raises(NetworkError, match="closed"):
                next(blocks)
        transport.close()


def test_the_stats_and_the_longest_gap_are_measured() -> None:
    def blocks() -> Iterator[bytes]:
        yield bytes(2 * MIB)
        time.sleep(0.2)
        yield b"end"

    with scripted(probed, answer(ok(REPORT, kind=RESULT_TYPE))) as server:
        transport = open_transport(f"{server.url}/x.git")
        with transport.request("git-receive-pack", Body(blocks), version=0) as answered:
            b"".join(answered)
    stats = transport.stats
    assert stats.requests == 2
    assert stats.bytes_sent > 2 * MIB
    assert stats.bytes_received > len(REPORT)
    assert stats.longest_gap_seconds is not None
    assert stats.longest_gap_seconds >= 0.2
    assert stats.longest_stall_seconds is not None
    assert stats.longest_stall_seconds >= 0.2
    assert stats.first_byte_seconds is not None


@pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
def test_a_body_is_closed_where_no_connection_comes_about(service: Service) -> None:
    closed: list[bool] = []

    def blocks() -> Iterator[bytes]:
        try:
            yield bytes(2 * MIB)
            yield b"end"
        finally:
            closed.append(True)

    transport = open_transport("http://127.0.0.1:1/x.git")
    with pytest.raises(NetworkError, match="can't connect"):
        with transport.request(service, Body(blocks), version=0):
            pass
    assert closed == [True]
