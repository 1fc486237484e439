"""What broken, hostile and impatient servers do, and what the transport makes of it.

The numbers are those of the fault list of the project's protocol notes.
"""

from __future__ import annotations

import gzip
import os
import time
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.transport.http.scripted import Peer, Script, ScriptedServer, answer, scripted
from transport.base import Body
from transport.errors import (
    AuthenticationRequired,
    HttpStatusError,
    NetworkError,
    RemoteProtocolError,
    TransportError,
)
from transport.options import TransportOptions
from transport.schemes import open_transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.base import Service

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


CHUNKED_TEXT = chunked(b"4\r\n001e\r\n", b"%x;note=1\r\n" % 30, ADVERTISEMENT[4:], b"\r\n0\r\nX: y\r\n\r\n")
HEADERS_90 = b"".join(b"X-%d: y\r\n" % number for number in range(90))
GZIPPED = gzip.compress(ADVERTISEMENT)
RAW_DEFLATE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(ok(), id="content-length"),
        pytest.param(CHUNKED_TEXT, id="10-chunk-extensions-and-trailers"),
        pytest.param(bare(status=b"HTTP/1.0 200 OK"), id="08-until-close"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + ok(), id="07-interim"
        ),
        pytest.param(ok(extra=HEADERS_90), id="06-ninety-headers"),
        pytest.param(encoded(b"gzip", GZIPPED), id="11-gzip"),
        pytest.param(encoded(b"x-gzip", GZIPPED), id="11-x-gzip"),
        pytest.param(
            encoded(b"gzip", gzip.compress(ADVERTISEMENT[:9]) + gzip.compress(ADVERTISEMENT[9:])),
            id="11-two-gzip-members",
        ),
        pytest.param(encoded(b"deflate", zlib.compress(ADVERTISEMENT)), id="11-deflate"),
        pytest.param(
            encoded(b"deflate", RAW_DEFLATE.compress(ADVERTISEMENT) + RAW_DEFLATE.flush()),
            id="11-raw-deflate",
        ),
        pytest.param(
            ok(kind=ADVERT_TYPE.replace(b"\r", b" ; charset=utf-8\r").upper()), id="content-type-parameters"
        ),
        pytest.param(ok() + b"left over", id="bytes-after-the-body"),
    ],
)
def test_an_unusual_but_legal_answer_is_read(sent: bytes) -> None:
    with scripted(answer(sent)) as server:
        assert advertised(server.url) == ADVERTISEMENT


@pytest.mark.parametrize("size", [1, 3])
def test_a_slow_drip_is_read(size: int) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        for start in range(0, len(CHUNKED_TEXT), size):
            peer.send(CHUNKED_TEXT[start : start + size])
            time.sleep(0.001)

    with scripted(script) as server:
        assert advertised(server.url) == ADVERTISEMENT


BOMB = gzip.compress(bytes(80 * MIB), 9)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n", "not HTTP", id="05-ssh-greeting"),
        pytest.param(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "not HTTP", id="05-http2-frame"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x46", "not HTTP", id="05-tls-alert"),
        pytest.param(b"HTTP/2 200\r\n\r\n", "status line", id="05-http2-status"),
        pytest.param(b"HTTP/1.1 2x0 OK\r\n\r\n", "status line", id="05-bad-status"),
        pytest.param(b"HTTP/1.1 101 Switching\r\n\r\n", "protocol", id="07-switching-protocols"),
        pytest.param(b"HTTP/1.1 102 Wait\r\n\r\n" * 150, "interim", id="07-endless-interim"),
        pytest.param(ok(extra=b"X: y\r\n" * 110), "headers", id="06-too-many-headers"),
        pytest.param(ok(extra=b"X: %b\r\n" % (b"y" * 70_000)), "headers", id="06-long-header-line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000, "too long", id="06-head-without-end"),
        pytest.param(ok(extra=b"no colon here\r\n"), "colon", id="06-header-without-colon"),
        pytest.param(ok()[:-1], "cut short", id="09-short-body"),
        pytest.param(ok(extra=b"Content-Length: 3\r\n"), "two different", id="09-two-lengths"),
        pytest.param(bare(b"Content-Length: -1"), "no number", id="09-negative-length"),
        pytest.param(bare(b"Transfer-Encoding: gzip, chunked"), "Transfer-Encoding", id="09-gzip-chunked"),
        pytest.param(chunked(b"0x4\r\n001e\r\n0\r\n\r\n"), "chunk size", id="10-hex-prefix"),
        pytest.param(chunked(b"-4\r\n001e\r\n0\r\n\r\n"), "chunk size", id="10-negative-chunk"),
        pytest.param(chunked(b"4\r\n001eX\r\n0\r\n\r\n"), "longer than", id="10-chunk-too-long"),
        pytest.param(chunked(b"4\r\n001e\r\n"), "last chunk", id="10-no-last-chunk"),
        pytest.param(chunked(b"4\r\n00"), "last chunk", id="10-torn-chunk"),
        pytest.param(chunked(b"4" * 9000), "too long", id="10-endless-size-line"),
        pytest.param(encoded(b"gzip", GZIPPED[:-8] + bytes(8)), "damaged", id="11-bad-crc"),
        pytest.param(encoded(b"gzip", GZIPPED[:-3]), "cut short", id="11-truncated-gzip"),
        pytest.param(encoded(b"gzip", ADVERTISEMENT), "damaged", id="11-not-gzip"),
        pytest.param(encoded(b"gzip", BOMB), "beyond all measure", id="11-bomb"),
        pytest.param(encoded(b"br", ADVERTISEMENT), "Content-Encoding", id="11-unknown-coding"),
        pytest.param(
            ok(b"<html>secret page", kind=b"Content-Type: text/html\r\n"),
            "not a git repository",
            id="12-login-page",
        ),
        pytest.param(ok(kind=b""), "content type none", id="12-no-content-type"),
    ],
)
def test_a_broken_answer_is_one_clean_error(sent: bytes, words: str) -> None:
    with scripted(answer(sent)) as server:
        with pytest.raises(RemoteProtocolError, match=words) as caught:
            advertised(server.url)
    assert "secret page" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_server_that_never_answers_is_given_up_after_the_idle_timeout() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.linger()

    with scripted(script) as server:
        with pytest.raises(NetworkError, match=r"for 0\.1 seconds while waiting for the answer"):
            advertised(server.url, TransportOptions(idle_timeout=0.1))


def test_a_get_that_was_closed_without_an_answer_is_asked_once_more() -> None:
    def closes(peer: Peer) -> None:
        peer.read_request()

    with scripted(closes, answer(ok())) as server:
        assert advertised(server.url) == ADVERTISEMENT
    with scripted(closes, closes) as server:
        with pytest.raises(NetworkError, match="without an answer"):
            advertised(server.url)


def test_a_connection_that_is_reset_within_the_answer_is_an_error() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(ok()[:-4])
        time.sleep(0.05)
        peer.reset()

    with scripted(script) as server, pytest.raises(TransportError, match=r"lost|cut short"):
        advertised(server.url)


def test_every_address_is_named_when_none_can_be_reached() -> None:
    with scripted() as server:
        port = server.port
    with pytest.raises(NetworkError, match=rf"localhost:{port} \(.*127\.0\.0\.1:{port}: Connection refused"):
        advertised(f"http://localhost:{port}")


def test_a_name_that_does_not_resolve_is_a_network_error() -> None:
    with pytest.raises(NetworkError, match="can't resolve"):
        advertised("http://no-such-host.invalid")


@pytest.mark.parametrize(
    "status", [b"403 Forbidden", b"404 Not Found", b"410 Gone", b"500 Oops", b"204 Nothing"]
)
def test_an_error_status_quotes_the_plain_text_made_safe(status: bytes) -> None:
    text = b"no \x1b[31mway\x1b[0m\r\nat all\n"
    sent = b"HTTP/1.1 %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(text),
        text,
    )
    with scripted(answer(sent)) as server, pytest.raises(HttpStatusError) as caught:
        advertised(server.url)
    assert caught.value.status == int(status[:3])
    assert str(caught.value).isprintable()
    if status[:3] != b"204":
        assert "remote: no ^[[31mway^[[0m; at all" in str(caught.value)


def test_an_html_error_page_is_not_quoted() -> None:
    sent = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
    with (
        scripted(answer(sent)) as server,
        pytest.raises(HttpStatusError, match="HTTP 502 Bad Gateway") as caught,
    ):
        advertised(server.url)
    assert "<html>" not in str(caught.value)


# -- retries --------------------------------------------------------------------------------------


def limited(retry_after: bytes) -> bytes:
    return b"HTTP/1.1 429 Slow Down\r\n%bContent-Length: 0\r\n\r\n" % retry_after


def test_a_429_is_waited_for_when_retries_are_allowed() -> None:
    with scripted(answer(limited(b"Retry-After: 0\r\n")), answer(ok())) as server:
        assert advertised(server.url, TransportOptions(retries=1)) == ADVERTISEMENT


@pytest.mark.parametrize(("retries", "retry_after"), [(0, b"7"), (3, b"99999")])
def test_a_429_that_is_not_waited_for_quotes_the_delay(retries: int, retry_after: bytes) -> None:
    with scripted(answer(limited(b"Retry-After: %b\r\n" % retry_after))) as server:
        with pytest.raises(HttpStatusError, match=f"retry after {retry_after.decode()}"):
            advertised(server.url, TransportOptions(retries=retries))


# -- bodies ---------------------------------------------------------------------------------------


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


REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\ntoo much\n"


@pytest.mark.parametrize("then", ["close", "linger", "drain"])
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


def test_an_early_refusal_without_a_length_on_a_connection_kept_open_is_reported() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\n\r\n<html>"
    with scripted(probed, early(refusal, 128 * 1024, "linger")) as server:
        with pytest.raises(HttpStatusError, match="413"):
            sent(server, body_of(400 * MIB), TransportOptions(idle_timeout=60))


@pytest.mark.parametrize("then", ["close", "linger", "drain"])
def test_an_early_complete_report_stops_the_body_and_is_used(then: str) -> None:
    report = b"0012unpack failed\n0000"
    with scripted(probed, early(ok(report, kind=RESULT_TYPE), 128 * 1024, then)) as server:
        assert sent(server, body_of(400 * MIB), TransportOptions(idle_timeout=60)) == report


def test_a_reset_while_sending_says_how_much_was_sent() -> None:
    with scripted(probed, early(b"", 128 * 1024, "reset")) as server:
        with pytest.raises(NetworkError, match=r"while the request was being sent, after .* of the body"):
            sent(server, body_of(400 * MIB))


def test_a_server_that_talks_much_before_it_reads_is_heard_and_served() -> None:
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


@pytest.mark.parametrize("status", [b"411 Length Required", b"501 Not Implemented"])
def test_a_refusal_of_chunks_is_answered_with_a_content_length_once(status: bytes) -> None:
    refusal = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status
    with scripted(probed, early(refusal, 64 * 1024, "close"), answer(ok(REPORT, kind=RESULT_TYPE))) as server:
        assert sent(server, body_of(3 * MIB)) == REPORT
    assert server.requests[2].headers["content-length"] == str(3 * MIB)
    with scripted(probed, early(refusal, 64 * 1024, "close"), answer(refusal)) as server:
        with pytest.raises(HttpStatusError, match=status[:3].decode()):
            sent(server, body_of(3 * MIB))


def test_a_400_before_the_body_was_read_is_answered_with_a_content_length() -> None:
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    with scripted(probed, early(refusal, 0, "close"), answer(ok(REPORT, kind=RESULT_TYPE))) as server:
        assert sent(server, body_of(40 * MIB)) == REPORT
    assert server.requests[2].headers["content-length"] == str(40 * MIB)


def test_a_400_once_the_body_was_read_is_final() -> None:
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    with scripted(probed, answer(refusal)) as server:
        with pytest.raises(HttpStatusError, match="400"):
            sent(server, body_of(3 * MIB))


@pytest.mark.parametrize("status", [408, 504, 524])
def test_a_timeout_of_the_server_advises_smaller_pushes(status: int) -> None:
    refusal = b"HTTP/1.1 %d Timeout\r\nContent-Length: 0\r\n\r\n" % status
    with scripted(probed, answer(refusal)) as server:
        with pytest.raises(HttpStatusError) as caught:
            sent(server, body_of(2 * MIB))
    assert "push less at once" in (caught.value.hint or "")


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


def test_a_post_is_never_repeated_after_a_lost_connection() -> None:
    with scripted(lambda peer: None) as server:
        with pytest.raises(NetworkError):
            sent(server, Body.of(REPORT), TransportOptions(retries=5, idle_timeout=5))


def test_a_401_within_a_streamed_body_is_an_authentication_error() -> None:
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    with scripted(probed, early(refusal, 256 * 1024, "close")) as server:
        with pytest.raises(AuthenticationRequired, match="wants credentials"):
            sent(server, body_of(100 * MIB))


def test_leaving_an_answer_closes_its_connection() -> None:
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(ok())
        seen.append(peer.sock.recv(1))

    with scripted(script) as server:
        assert advertised(server.url) == ADVERTISEMENT
    assert seen == [b""]


def test_an_answer_that_goes_on_after_it_was_left_does_not_hold_us() -> None:
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
