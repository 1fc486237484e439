"""What servers do while a body is on its way to them, and what the transport makes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.transport.http.faults import MIB, REPORT, RESULT_TYPE, body_of, early, ok, probed, sent
from tests.transport.http.scripted import Peer, answer, scripted
from transport.base import Body
from transport.errors import AuthenticationRequired, HttpStatusError, NetworkError, RemoteProtocolError
from transport.options import TransportOptions
from transport.schemes import open_transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transport.http.scripted import Script


def test_a_body_within_the_post_buffer_travels_whole_with_its_length() -> None:
    with scripted(answer(ok(REPORT, kind=RESULT_TYPE))) as server:
        assert sent(server, body_of(MIB)) == REPORT
    assert server.requests[0].headers["content-length"] == str(MIB)
    assert len(server.requests[0].body) == MIB


def test_a_larger_body_is_chunked_after_a_probe_on_a_connection_of_its_own() -> None:
    with scripted(probed, answer(ok(REPORT, kind=RESULT_TYPE))) as server:
        assert sent(server, body_of(MIB + 1)) == REPORT
    assert len(server.requests[1].body) == MIB + 1
    assert max(server.requests[1].chunks) <= 64 * 1024


def test_a_probe_is_not_repeated_once_the_service_has_taken_a_post() -> None:
    with scripted(probed, *2 * [answer(ok(REPORT, kind=RESULT_TYPE))]) as server:
        transport = open_transport(f"{server.url}/x.git")
        for _ in range(2):
            with transport.request("git-receive-pack", body_of(2 * MIB), version=0) as blocks:
                assert b"".join(blocks) == REPORT


REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\ntoo much\n"


@pytest.mark.fault(22)
@pytest.mark.parametrize("then", ["close", "linger", "drain", "reset"])
def test_an_early_refusal_stops_the_body_and_is_quoted(then: str) -> None:
    pulled: list[int] = []
    with scripted(probed, early(REFUSAL, 128 * 1024, then)) as server:
        with pytest.raises(
            HttpStatusError, match=r"413 Too Large after .* were sent; remote: too much"
        ) as caught:
            sent(server, body_of(400 * MIB, pulled), TransportOptions(idle_timeout=60))
    assert caught.value.status == 413
    assert caught.value.hint is not None
    assert sum(pulled) < 100 * MIB


@pytest.mark.fault(22)
def test_an_early_refusal_without_a_length_on_a_connection_kept_open_is_reported() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\n\r\n<html>"
    with scripted(probed, early(refusal, 128 * 1024, "linger")) as server:
        with pytest.raises(HttpStatusError, match="413"):
            sent(server, body_of(400 * MIB), TransportOptions(idle_timeout=60))


@pytest.mark.fault(26)
@pytest.mark.parametrize("then", ["close", "linger", "drain"])
def test_an_early_complete_report_stops_the_body_and_is_used(then: str) -> None:
    report = b"0012unpack failed\n0000"
    with scripted(probed, early(ok(report, kind=RESULT_TYPE), 128 * 1024, then)) as server:
        assert sent(server, body_of(400 * MIB), TransportOptions(idle_timeout=60)) == report


@pytest.mark.fault(25)
def test_a_reset_while_sending_says_how_much_was_sent() -> None:
    with scripted(probed, early(b"", 128 * 1024, "reset")) as server:
        with pytest.raises(NetworkError, match=r"while the request was being sent, after .* of the body"):
            sent(server, body_of(400 * MIB))


@pytest.mark.fault(26)
def test_a_server_that_writes_a_lot_before_it_reads_gets_the_whole_request() -> None:
    noise = b"x" * (16 * MIB)

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(
            b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (RESULT_TYPE, len(noise) + len(REPORT))
        )
        peer.send(noise)
        while peer.read_chunk():
            pass
        peer.send(REPORT)

    with scripted(probed, script) as server:
        assert sent(server, body_of(30 * MIB)) == noise + REPORT
    assert len(server.requests[1].body) == 30 * MIB


@pytest.mark.fault(27)
def test_a_server_that_reads_slowly_is_not_timed_out_and_holds_the_body_back() -> None:
    pulled: list[int] = []
    ahead: list[int] = []

    def script(peer: Peer) -> None:
        peer.read_head()
        for _ in range(10):
            time.sleep(0.05)
            peer.read_chunk()
            ahead.append(sum(pulled) - len(peer.received.body))
        while peer.read_chunk():
            pass
        peer.send(ok(REPORT, kind=RESULT_TYPE))

    with scripted(probed, script) as server:
        assert sent(server, body_of(64 * MIB, pulled), TransportOptions(idle_timeout=5)) == REPORT
    assert max(ahead) < 16 * MIB


@pytest.mark.fault(28)
def test_a_body_that_fails_midway_never_looks_whole() -> None:
    class Broken(Exception):
        pass

    def blocks() -> Iterator[bytes]:
        yield bytes(2 * MIB)
        raise Broken

    def script(peer: Peer) -> None:
        peer.read_request()

    with scripted(probed, script) as server:
        with pytest.raises(Broken):
            sent(server, Body(blocks))
    assert not server.requests[1].complete


@pytest.mark.fault(24)
@pytest.mark.parametrize("status", [b"411 Length Required", b"501 Not Implemented"])
def test_a_refusal_of_chunks_is_answered_with_a_content_length_once(status: bytes) -> None:
    refusal = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status
    with scripted(probed, early(refusal, 64 * 1024, "close"), answer(ok(REPORT, kind=RESULT_TYPE))) as server:
        assert sent(server, body_of(3 * MIB)) == REPORT
    assert server.requests[2].headers["content-length"] == str(3 * MIB)
    with scripted(probed, early(refusal, 64 * 1024, "close"), answer(refusal)) as server:
        with pytest.raises(HttpStatusError, match=status[:3].decode()):
            sent(server, body_of(3 * MIB))


@pytest.mark.fault(24)
def test_a_400_before_the_body_was_read_is_answered_with_a_content_length() -> None:
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    with scripted(probed, early(refusal, 0, "close"), answer(ok(REPORT, kind=RESULT_TYPE))) as server:
        assert sent(server, body_of(40 * MIB)) == REPORT
    assert server.requests[2].headers["content-length"] == str(40 * MIB)


@pytest.mark.fault(24)
def test_a_400_once_the_body_was_read_is_final() -> None:
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    with scripted(probed, answer(refusal)) as server:
        with pytest.raises(HttpStatusError, match="400"):
            sent(server, body_of(3 * MIB))


@pytest.mark.fault(23)
@pytest.mark.parametrize("status", [408, 504, 524])
def test_a_timeout_of_the_server_advises_smaller_pushes(status: int) -> None:
    refusal = b"HTTP/1.1 %d Timeout\r\nContent-Length: 0\r\n\r\n" % status
    with scripted(probed, answer(refusal)) as server:
        with pytest.raises(HttpStatusError) as caught:
            sent(server, body_of(2 * MIB))
    assert "push less at once" in (caught.value.hint or "")


@pytest.mark.fault(16)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_a_post_is_an_error_and_nothing_is_sent_elsewhere(status: int) -> None:
    with scripted() as elsewhere:
        sent_back = b"HTTP/1.1 %d Moved\r\nLocation: %b/\r\nContent-Length: 0\r\n\r\n" % (
            status,
            elsewhere.url.encode(),
        )
        with scripted(answer(sent_back)) as server:
            with pytest.raises(HttpStatusError, match="not the first"):
                sent(server, Body.of(REPORT))


@pytest.mark.fault(4)
def test_a_post_is_never_repeated_after_a_lost_connection() -> None:
    with scripted(lambda peer: None) as server:
        with pytest.raises(NetworkError):
            sent(server, Body.of(REPORT), TransportOptions(retries=5, idle_timeout=5))


@pytest.mark.fault(19)
def test_a_401_within_a_streamed_body_is_an_authentication_error() -> None:
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    with scripted(probed, early(refusal, 256 * 1024, "close")) as server:
        with pytest.raises(AuthenticationRequired, match="wants credentials"):
            sent(server, body_of(100 * MIB))


@pytest.mark.fault(12)
@pytest.mark.parametrize("coming", ["at once", "byte by byte", "early"])
@pytest.mark.parametrize(
    "kind",
    [
        b"Content-Type: application/x-git-receive-pack-advertisement\r\n",
        b"Content-Type: application/octet-stream\r\n",
        b"Content-Type: text/plain; charset=utf-8\r\n",
        b"",
    ],
)
def test_the_answer_to_a_post_is_read_whatever_its_content_type(kind: bytes, coming: str) -> None:
    reply = ok(REPORT, kind=kind)

    def drip(peer: Peer) -> None:
        peer.read_request()
        for byte in reply:
            peer.send(bytes([byte]))

    scripts: dict[str, list[Script]] = {
        "at once": [answer(reply)],
        "byte by byte": [drip],
        "early": [probed, early(reply, 64 * 1024, "drain")],
    }
    with scripted(*scripts[coming]) as server:
        assert sent(server, body_of(2 * MIB if coming == "early" else 64)) == REPORT


@pytest.mark.fault(12)
@pytest.mark.parametrize("page", [b"<html>sign in", b"", b"00", b"no\n", b"+0ff", b"Moved"])
@pytest.mark.parametrize("kind", [b"Content-Type: text/html\r\n", b"Content-Type: text/plain\r\n"])
def test_a_page_that_answers_a_post_is_no_answer_of_git(kind: bytes, page: bytes) -> None:
    with scripted(answer(ok(page, kind=kind))) as server:
        with pytest.raises(RemoteProtocolError, match="not a git repository over smart HTTP") as caught:
            sent(server, body_of(64))
    assert ("remote: Moved" in str(caught.value)) == (page == b"Moved" and b"plain" in kind)


def test_a_request_states_its_type_and_the_type_it_expects() -> None:
    with scripted(answer(ok(REPORT, kind=RESULT_TYPE))) as server:
        sent(server, body_of(64))
    assert server.requests[0].headers["content-type"] == "application/x-git-receive-pack-request"
    assert server.requests[0].headers["accept"] == "application/x-git-receive-pack-result"
