"""Requests whose end a proxy before us could see elsewhere: what follows is never taken for a request.

Each head below is sent with a body that is itself a request, over a real socket. If one of them were read by
other rules than RFC 9112's, that body would be answered as a second request. Shapes after RFC 9112, section
11.2, and the published attacks on servers in Python.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.support import history, make_repository
from tests.transport.server.serving import ask, serving, statuses
from transport.server.htpasswd import Passwords
from transport.server.http_connection import BODY_LINE_BYTES_MAX, HEAD_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.server.http import GitHttpServer

LS_REFS = b"0014command=ls-refs\n00010000"
HIDDEN = b"GET /x.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: h\r\n\r\n"
POST = (
    b"POST /x.git/git-upload-pack HTTP/1.1\r\nHost: h\r\nGit-Protocol: version=2\r\n"
    b"Content-Type: application/x-git-upload-pack-request\r\n"
)
LENGTH = b"Content-Length: %d\r\n" % len(HIDDEN)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ONE_CHUNK = b"%x\r\n%b\r\n" % (len(LS_REFS), LS_REFS)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[GitHttpServer]:
    root = tmp_path_factory.mktemp("served")
    make_repository(root / "x.git", history(commits=3))
    with serving(root, head_seconds=5, idle_seconds=5, linger_seconds=1) as running:
        yield running


HEADS = {
    "a blank before the colon": b"X-Odd : 1\r\n" + LENGTH,
    "a blank before the length's own colon": LENGTH.replace(b":", b" :"),
    "a line without a colon": b"nonsense\r\n" + LENGTH,
    "a name that is empty": b": x\r\n" + LENGTH,
    "a name with a control character": b"X\x0bOdd: 1\r\n" + LENGTH,
    "a folded line": b"X-Odd: 1\r\n 2\r\n" + LENGTH,
    "a folded length": b"Content-Length:\r\n %d\r\n" % len(HIDDEN),
    "a vertical tab before chunked": b"Transfer-Encoding: \x0bchunked\r\n",
    "a NUL in a value": b"X-Odd: a\0b\r\n" + LENGTH,
    "a line that ends in LF alone": b"X-Odd: 1\n" + LENGTH,
    "a line that ends in CR alone": b"X-Odd: 1\r" + LENGTH,
    "a head that ends in LF alone": LENGTH + b"\n",
    "a length and chunks": LENGTH + CHUNKED,
    "chunks and a length": CHUNKED + LENGTH,
    "two lengths": LENGTH + b"Content-Length: 0\r\n",
    "two lengths in one line": LENGTH.replace(b"\r\n", b", 0\r\n"),
    "a length with a plus": LENGTH.replace(b": ", b": +"),
    "a length with a minus": b"Content-Length: -1\r\n",
    "a length with a blank in it": b"Content-Length: 1 0\r\n",
    "a length in hex": b"Content-Length: 0x40\r\n",
    "a length with an underscore": b"Content-Length: 1_0\r\n",
    "a length in other digits": "Content-Length: ٤\r\n".encode(),
    "an empty length": b"Content-Length:\r\n",
    "a length of 30 digits": b"Content-Length: " + b"9" * 30 + b"\r\n",
    "no host": None,
    "two hosts": b"Host: other\r\n" + LENGTH,
}


@pytest.mark.parametrize("shape", HEADS)
def test_a_head_that_breaks_the_rules_is_told_400_and_ends_the_connection(server, shape):
    extra = HEADS[shape]
    head = POST.replace(b"Host: h\r\n", b"") + LENGTH if extra is None else POST + extra
    answer = ask(server, head + b"\r\n" + HIDDEN + HIDDEN, end=False)
    assert statuses(answer) == [400]
    assert b"\r\nConnection: close\r\n" in answer


def test_a_fold_before_the_first_header_is_told_400(server):
    request_line, _, headers = POST.partition(b"\r\n")
    answer = ask(
        server, request_line + b"\r\n folded: 1\r\n" + headers + LENGTH + b"\r\n" + HIDDEN, end=False
    )
    assert statuses(answer) == [400]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /x.git", 400),
        (b"GET /x.git HTTP/0.9", 505),
        (b"GET /x.git HTTP/2.0", 505),
        (b"GET /x.git HTTP/1.10", 400),
        (b"GET  /x.git HTTP/1.1", 400),
        (b"GET /x.git  HTTP/1.1", 400),
        (b"GET\t/x.git HTTP/1.1", 400),
        (b" GET /x.git HTTP/1.1", 400),
        (b"GET /x.git HTTP/1.1 ", 400),
        (b"", 400),
    ],
)
def test_a_request_line_is_read_strictly(server, line, status):
    assert statuses(ask(server, line + b"\r\nHost: h\r\n\r\n" + HIDDEN, end=False)) == [status]


@pytest.mark.parametrize(
    "coding", [b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked;q=1", b"identity", b"x\tchunked"]
)
def test_another_coding_than_chunked_is_told_501(server, coding):
    answer = ask(server, POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + ONE_CHUNK + HIDDEN, end=False)
    assert statuses(answer) == [501]


def test_two_codings_are_told_501(server):
    assert statuses(ask(server, POST + CHUNKED + CHUNKED + b"\r\n" + ONE_CHUNK + HIDDEN, end=False)) == [501]


def test_chunks_are_not_part_of_http_1_0(server):
    old = POST.replace(b"HTTP/1.1", b"HTTP/1.0")
    assert statuses(ask(server, old + CHUNKED + b"\r\n" + ONE_CHUNK + HIDDEN, end=False)) == [400]


CHUNKS = {
    "a size with a sign": b"+4\r\n0000\r\n",
    "a size with 0x": b"0x4\r\n0000\r\n",
    "a size with an underscore": b"0_4\r\n0000\r\n",
    "a size after a blank": b" 4\r\n0000\r\n",
    "a size of 21 digits": b"0" * 21 + b"\r\n\r\n",
    "an empty size": b"\r\n0000\r\n",
    "a size that ends in LF alone": b"4\n0000\r\n",
    "a chunk that ends in LF alone": b"4\r\n0000\n",
    "a chunk that is longer than its size": b"4\r\n0000xx",
    "a size line without end": b"4;" + b"x" * 2 * BODY_LINE_BYTES_MAX,
    "an extension that holds a CR": b"4;a\rb\r\n0000\r\n",
    "a trailer without a colon": b"0\r\nnonsense\r\n\r\n",
    "a trailer with a blank before its colon": b"0\r\nX : 1\r\n\r\n",
    "a trailer of blanks, which a pattern takes long for": b"0\r\nX:" + b" " * 60_000 + b"\x0b\r\n\r\n",
    "a trailer of blanks and tabs": b"0\r\nX:" + b" \t" * 30_000 + b"\x0b\r\n\r\n",
    "an extension of blanks": b"4;" + b" " * 60_000 + b"\n\r\n0000\r\n",
    "trailers without end": b"0\r\n" + b"X: 1\r\n" * BODY_LINE_BYTES_MAX,
}


@pytest.mark.parametrize("shape", CHUNKS)
def test_broken_chunks_end_the_connection(server, shape):
    answer = ask(server, POST + CHUNKED + b"\r\n" + CHUNKS[shape] + HIDDEN + HIDDEN)
    # The answer may have begun before the break was met; nothing follows it in any case.
    assert len(statuses(answer)) <= 1
    assert statuses(answer) in ([400], [431], [200], [])
    assert answer.count(b"# service=") == 0


def test_a_chunk_of_any_size_is_only_awaited(server):
    answer = ask(server, POST + CHUNKED + b"\r\n" + b"f" * 20 + b"\r\n" + LS_REFS, end=True)
    assert statuses(answer) in ([200], [400])


@pytest.mark.parametrize(
    "body",
    [
        ONE_CHUNK + b"0\r\n\r\n",
        ONE_CHUNK.replace(b"\r\n", b";name=value\r\n", 1) + b"0;last\r\n\r\n",
        ONE_CHUNK.replace(b"\r\n", b" \r\n", 1) + b"0\r\n\r\n",
        ONE_CHUNK + b"0\r\nX-Checksum: 1\r\nX-More: 2\r\n\r\n",
        b"00000" + ONE_CHUNK + b"000\r\n\r\n",
    ],
    ids=["plain", "extensions", "a blank after the size", "trailers", "zeros before sizes"],
)
def test_what_the_rules_allow_of_chunks_is_read_exactly_to_its_end(server, body):
    request = POST + CHUNKED + b"\r\n" + body
    answer = ask(server, request + request + HIDDEN)
    assert statuses(answer) == [200, 200, 200]
    assert answer.count(b"# service=") == 1


def test_a_trailer_changes_nothing_of_its_request(server, tmp_path):
    users = Passwords({"alice": "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="})  # "password"
    make_repository(tmp_path / "x.git", history(commits=2))
    trailer = b"0\r\nAuthorization: Basic YWxpY2U6cGFzc3dvcmQ=\r\n\r\n"
    with serving(tmp_path, passwords=users) as guarded:
        assert statuses(ask(guarded, POST + CHUNKED + b"\r\n" + ONE_CHUNK + trailer)) == [401]


def test_the_same_length_twice_is_one(server):
    length = b"Content-Length: %d\r\n" % len(LS_REFS)
    assert statuses(ask(server, POST + length + length + b"\r\n" + LS_REFS + HIDDEN)) == [200, 200]


def test_a_head_without_end_is_told_431(server):
    answer = ask(server, POST + b"X: " + b"x" * HEAD_BYTES_MAX, end=False)
    assert statuses(answer) == [431]


def test_requests_are_read_the_same_a_byte_at_a_time(server):
    body = ONE_CHUNK + b"0\r\nX: 1\r\n\r\n"
    requests = POST + CHUNKED + b"\r\n" + body + HIDDEN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for position in range(len(requests)):
            connection.sendall(requests[position : position + 1])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert statuses(answer) == [200, 200]
