"""What bodies may cost: chunks that hold hardly anything, pushes that grow, and the end of the last one."""

from __future__ import annotations

import gzip
import socket
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.support import init_repository
from tests.transport.server.serving import ask, serving, statuses
from transport.server.http_body import FREE_BYTES, GROWTH_MAX, content_of
from transport.server.http_connection import (
    PIECE_BYTES_MIN,
    SMALL_PIECES_MAX,
    HttpConnection,
    HttpFault,
)

if TYPE_CHECKING:
    from pathlib import Path


class Scripted:
    """A client that has sent everything already, and leaves."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def settimeout(self, seconds: float) -> None:
        """Take whatever time is given."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        data = self._data[:size]
        if flags != socket.MSG_PEEK:
            self._data = self._data[size:]
        return data


def body_of(chunk: bytes, count: int) -> int:
    """Return how many bytes come of a body of equal chunks."""
    head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + b"%x\r\n%b\r\n" % (len(chunk), chunk) * count + b"0\r\n\r\n"
    connection = HttpConnection(Scripted(data))  # type: ignore[arg-type]
    connection.begin_request(1e6, 1e6)
    assert connection.next_request() is not None
    return sum(map(len, connection.body()))


def test_a_body_may_have_many_small_chunks():
    assert body_of(b"x", SMALL_PIECES_MAX) == SMALL_PIECES_MAX


def test_with_very_many_chunks_they_must_hold_something():
    with pytest.raises(HttpFault, match="chunks of hardly any bytes") as refused:
        body_of(b"x", SMALL_PIECES_MAX + 1)
    assert refused.value.status == 400
    enough = b"x" * PIECE_BYTES_MIN * 2  # some are cut in two where a block ends
    assert body_of(enough, SMALL_PIECES_MAX + 1) == len(enough) * (SMALL_PIECES_MAX + 1)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_push_may_not_grow_much_when_it_is_unpacked(coding):
    compress = gzip.compress if coding == "gzip" else zlib.compress
    fits = compress(bytes(FREE_BYTES))
    assert sum(map(len, content_of([fits], coding))) == FREE_BYTES
    grows = compress(bytes(FREE_BYTES * 2))
    with pytest.raises(HttpFault, match=f"grows by more than {GROWTH_MAX}") as refused:
        list(content_of([grows], coding))
    assert refused.value.status == 413


def test_a_push_that_is_not_compressed_may_have_any_size():
    block = bytes(FREE_BYTES)
    assert sum(map(len, content_of([block] * 8, ""))) == 8 * FREE_BYTES


def test_a_push_that_says_close_is_closed_when_it_is_answered(tmp_path: Path):
    """The client still has its side open, and nothing waits for it until the time to linger is over."""
    init_repository(tmp_path / "served" / "x.git")
    line = f"{'0' * 40} {'1' * 40} refs/heads/x\0 report-status"
    body = b"%04x%b0000PACK" % (len(line) + 4, line.encode())
    head = (
        "POST /x.git/git-receive-pack HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        f"Content-Type: application/x-git-receive-pack-request\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with serving(tmp_path / "served", linger_seconds=3600) as server:
        answer = ask(server, head.encode() + body, end=False)
    assert statuses(answer) == [200]
    assert b"unpack " in answer
