"""What broken, hostile and impatient servers answer to a question, and what the transport makes of it."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
import zlib

import pytest

from tests.support import certificate_authority
from tests.transport.http.faults import (
    ADVERT_TYPE,
    ADVERTISEMENT,
    MIB,
    advertised,
    bare,
    chunked,
    encoded,
    ok,
)
from tests.transport.http.scripted import Peer, answer, scripted
from transport.errors import (
    HttpStatusError,
    NetworkError,
    RemoteProtocolError,
    TransportError,
    TruncatedAnswer,
)
from transport.listing import list_refs
from transport.options import TransportOptions
from transport.schemes import open_transport

CHUNKED_TEXT = chunked(b"4\r\n001e\r\n", b"%x;note=1\r\n" % 30, ADVERTISEMENT[4:], b"\r\n0\r\nX: y\r\n\r\n")
HEADERS_90 = b"".join(b"X-%d: y\r\n" % number for number in range(90))
GZIPPED = gzip.compress(ADVERTISEMENT)
RAW_DEFLATE = zlib.compressobj(wbits=-15)


@pytest.mark.fault(6, 7, 8, 9, 10, 11)
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


@pytest.mark.fault(3)
@pytest.mark.parametrize("size", [1, 3])
def test_a_slow_drip_is_read(size: int) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        for start in range(0, len(CHUNKED_TEXT), size):
            peer.send(CHUNKED_TEXT[start : start + size])
            time.sleep(0.001)

    with scripted(script) as server:
        assert advertised(server.url) == ADVERTISEMENT


@pytest.mark.fault(7)
def test_interim_answers_without_end_are_left_after_a_while() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        while True:
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    with scripted(script) as server, pytest.raises(RemoteProtocolError, match="interim"):
        advertised(server.url)


@pytest.mark.fault(8)
@pytest.mark.parametrize("tls", [False, True])
def test_a_list_of_refs_cut_off_one_byte_early_is_an_error(tls: bool) -> None:
    authority = certificate_authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listing = ADVERTISEMENT + b"0000"
    options = TransportOptions(insecure_skip_tls_verify=True)
    # The scripted server closes the TCP connection without TLS's own goodbye.
    for body, whole in ((listing, True), (listing[:-1], False)):
        sent = bare(status=b"HTTP/1.0 200 OK", body=body)
        with scripted(answer(sent), tls=context if tls else None) as server:
            transport = open_transport(server.url + "/x.git", options)
            if whole:
                assert list_refs(transport, protocol="v0").refs == {}
            else:
                with pytest.raises(TruncatedAnswer, match="ends"):
                    list_refs(transport, protocol="v0")


BOMB = gzip.compress(bytes(80 * MIB), 9)
MEMBERS = gzip.compress(bytes(4 * MIB), 9) * 20


@pytest.mark.fault(5, 6, 7, 9, 10, 11, 12)
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
        pytest.param(bare(b"Content-Length: -1"), "not a number", id="09-negative-length"),
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
        pytest.param(encoded(b"gzip", BOMB), "grows beyond its limit", id="11-bomb"),
        pytest.param(encoded(b"gzip", BOMB[:65536] * 3), "damaged|beyond", id="11-bomb-in-pieces"),
        pytest.param(encoded(b"gzip", MEMBERS), "grows beyond its limit", id="11-bomb-of-many-members"),
        pytest.param(encoded(b"br", ADVERTISEMENT), "Content-Encoding", id="11-unknown-coding"),
        pytest.param(
            ok(b"<html>secret page", kind=b"Content-Type: text/html\r\n"),
            "not a git repository",
            id="12-login-page",
        ),
        pytest.param(ok(kind=b""), "content type none", id="12-no-content-type"),
        pytest.param(
            ok(b"\n", kind=b"Content-Type: text/plain\r\n"), r"text/plain\)$", id="12-dumb-and-without-refs"
        ),
    ],
)
def test_a_broken_answer_is_one_clean_error(sent: bytes, words: str) -> None:
    with scripted(answer(sent)) as server:
        with pytest.raises(RemoteProtocolError, match=words) as caught:
            advertised(server.url)
    assert "secret page" not in str(caught.value)
    assert str(caught.value).count(server.url) == 1
    assert str(caught.value).isprintable()


@pytest.mark.fault(2)
def test_a_server_that_never_answers_is_given_up_after_the_idle_timeout() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.linger()

    with scripted(script) as server:
        with pytest.raises(NetworkError, match=r"for 0\.1 seconds while waiting for the answer"):
            advertised(server.url, TransportOptions(idle_timeout=0.1))


@pytest.mark.fault(4)
def test_a_get_that_was_closed_without_an_answer_is_asked_once_more() -> None:
    def closes(peer: Peer) -> None:
        peer.read_request()

    with scripted(closes, answer(ok())) as server:
        assert advertised(server.url) == ADVERTISEMENT
    with scripted(closes, closes) as server:
        with pytest.raises(NetworkError, match="without an answer"):
            advertised(server.url)


@pytest.mark.fault(25)
def test_a_connection_that_is_reset_within_the_answer_is_an_error() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(ok()[:-4])
        time.sleep(0.05)
        peer.reset()

    with scripted(script) as server, pytest.raises(TransportError, match=r"lost|cut short"):
        advertised(server.url)


@pytest.mark.fault(1)
def test_every_address_is_named_when_none_can_be_reached() -> None:
    with scripted() as server:
        port = server.port
    with pytest.raises(NetworkError, match=rf"localhost:{port} \(.*127\.0\.0\.1:{port}: Connection refused"):
        advertised(f"http://localhost:{port}")


@pytest.mark.fault(1)
def test_the_second_address_is_tried_when_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted() as gone:
        closed_port = gone.port
    with scripted(answer(ok())) as server:
        ports = (closed_port, server.port)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert advertised("http://two.example") == ADVERTISEMENT


@pytest.mark.fault(1)
def test_a_name_that_does_not_resolve_is_a_network_error() -> None:
    with pytest.raises(NetworkError, match="can't resolve"):
        advertised("http://no-such-host.invalid")


@pytest.mark.fault(20)
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


@pytest.mark.fault(20)
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


@pytest.mark.fault(21)
def test_a_429_is_waited_for_when_retries_are_allowed() -> None:
    with scripted(answer(limited(b"Retry-After: 0\r\n")), answer(ok())) as server:
        assert advertised(server.url, TransportOptions(retries=1)) == ADVERTISEMENT


@pytest.mark.fault(21)
@pytest.mark.parametrize(
    ("retry_after", "waited"),
    [
        pytest.param(b"Retry-After: 1\r\n", 1.0, id="seconds"),
        pytest.param(b"Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", 0.0, id="a-date-that-is-past"),
        pytest.param(b"Retry-After: soon\r\n", 1.0, id="nonsense"),
        pytest.param(b"", 1.0, id="absent"),
    ],
)
def test_a_429_is_retried_after_the_time_it_states(
    monkeypatch: pytest.MonkeyPatch, retry_after: bytes, waited: float
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with scripted(answer(limited(retry_after)), answer(ok())) as server:
        assert advertised(server.url, TransportOptions(retries=1)) == ADVERTISEMENT
    assert waits == [waited]


@pytest.mark.fault(21)
@pytest.mark.parametrize(("retries", "retry_after"), [(0, b"7"), (3, b"99999")])
def test_a_429_that_is_not_waited_for_quotes_the_delay(retries: int, retry_after: bytes) -> None:
    with scripted(answer(limited(b"Retry-After: %b\r\n" % retry_after))) as server:
        with pytest.raises(HttpStatusError, match=f"retry after {retry_after.decode()}"):
            advertised(server.url, TransportOptions(retries=retries))
