"""The rules of HTTP that need no socket: framing, content codings, proxies, retries; whole and in splits."""

from __future__ import annotations

import gzip
import time
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transport.endpoint import Endpoint
from transport.errors import InvalidOption, RemoteProtocolError
from transport.http_rules.content import content_decoder, media_type
from transport.http_rules.framing import LAST_CHUNK, body_reader, encode_chunk
from transport.http_rules.proxies import select_proxy
from transport.http_rules.retries import retry_delay
from transport.http_rules.statuses import status_error
from transport.schemes.http.answer import Answer
from transport.trace import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNKED = (("Transfer-Encoding", "chunked"),)


def splits(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    """Cut data into pieces of these sizes, and a rest."""
    pieces, position = [], 0
    for size in sizes:
        pieces.append(data[position : position + size])
        position += size
    return [piece for piece in [*pieces, data[position:]] if piece]


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.lists(st.integers(1, 40)))
def test_chunks_come_out_as_they_went_in_whatever_the_split(blocks: list[bytes], sizes: list[int]) -> None:
    framed = b"".join(encode_chunk(block) for block in blocks) + LAST_CHUNK
    reader = body_reader(CHUNKED, 200)
    found = b"".join(piece for part in splits(framed, sizes) for piece in reader.feed(part))
    reader.end()
    assert (found, reader.complete) == (b"".join(blocks), True)


@given(st.binary(max_size=400), st.data())
def test_a_torn_chunked_body_is_never_complete(data: bytes, choice: st.DataObject) -> None:
    framed = b"".join(encode_chunk(block) for block in splits(data, [7, 7, 7])) + LAST_CHUNK
    torn = framed[: choice.draw(st.integers(0, len(framed) - 1))]
    reader = body_reader(CHUNKED, 200)
    list(reader.feed(torn))
    with pytest.raises(RemoteProtocolError):
        reader.end()


@given(
    st.lists(st.binary(max_size=2000), min_size=1, max_size=3),
    st.lists(st.integers(1, 60)),
    st.sampled_from(["gzip", "deflate", "deflate without a header"]),
)
def test_content_decodes_whatever_the_split(members: list[bytes], sizes: list[int], coding: str) -> None:
    if coding == "gzip":
        encoded = b"".join(gzip.compress(member) for member in members)
    else:
        members = members[:1]
        encoded = zlib.compress(members[0], wbits=15 if coding == "deflate" else -15)
    decoder = content_decoder(coding.partition(" ")[0])
    found = b"".join(piece for part in splits(encoded, sizes) for piece in decoder.feed(part))
    decoder.end()
    assert found == b"".join(members)


def test_one_byte_is_no_deflate_stream() -> None:
    decoder = content_decoder("deflate")
    assert list(decoder.feed(b"\x78")) == []
    with pytest.raises(RemoteProtocolError, match="cut short"):
        decoder.end()


def test_content_of_a_single_repeated_byte_comes_in_bounded_pieces() -> None:
    decoder = content_decoder("gzip")
    pieces = list(decoder.feed(gzip.compress(bytes(10_000_000))))
    decoder.end()
    assert sum(map(len, pieces)) == 10_000_000
    assert max(map(len, pieces)) <= 64 * 1024


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=200).map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest),
        st.binary(max_size=200).map(
            lambda rest: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + rest
        ),
        st.binary(max_size=200).map(lambda rest: b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + rest),
    ),
    st.lists(st.integers(1, 20)),
)
def test_any_bytes_are_an_answer_or_a_protocol_error(data: bytes, sizes: list[int]) -> None:
    answer = Answer("http://h/x", lambda head: None)
    problem = ""
    try:
        for part in splits(data, sizes):
            for piece in answer.feed(part):
                assert piece
        answer.end()
    except RemoteProtocolError as error:
        problem = str(error)
    assert problem == "" or problem.isprintable()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Application/X-Git-Upload-Pack-Result; charset=utf-8", "application/x-git-upload-pack-result"),
        (" text / html ", "text/html"),
        ("", ""),
    ],
)
def test_a_media_type_is_compared_without_case_blanks_and_parameters(value: str, expected: str) -> None:
    assert media_type(value) == expected


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("http://h/", {"http_proxy": "http://p:3128"}, "http://p:3128"),
        ("http://h/", {"HTTP_PROXY": "p:3128"}, "http://p:3128"),
        ("http://h/", {"HTTP_PROXY": "p:3128", "REQUEST_METHOD": "GET"}, None),
        ("http://h/", {"http_proxy": "http://lower", "HTTP_PROXY": "http://upper"}, "http://lower"),
        ("https://h/", {"http_proxy": "http://p"}, None),
        ("https://h/", {"HTTPS_PROXY": "https://p:1"}, "https://p:1"),
        ("https://h/", {"all_proxy": "http://p"}, "http://p"),
        ("https://h/", {"https_proxy": "", "all_proxy": "http://p"}, None),
        ("https://h/", {"all_proxy": "http://p", "NO_PROXY": "*"}, None),
        ("https://a.h.org/", {"all_proxy": "http://p", "NO_PROXY": "x, h.org"}, None),
        ("https://a.h.org/", {"all_proxy": "http://p", "NO_PROXY": ".h.org"}, None),
        ("https://ah.org/", {"all_proxy": "http://p", "NO_PROXY": "h.org"}, "http://p"),
        ("https://h:8443/", {"all_proxy": "http://p", "NO_PROXY": "h:8443"}, None),
        ("https://h/", {"all_proxy": "http://p", "NO_PROXY": "h:8443"}, "http://p"),
        ("https://10.1.2.3/", {"all_proxy": "http://p", "NO_PROXY": "10.0.0.0/8"}, None),
        ("https://[::1]/", {"all_proxy": "http://p", "NO_PROXY": "[::1]"}, None),
        ("https://h/", {"all_proxy": "http://p", "NO_PROXY": "*", "no_proxy": "x"}, "http://p"),
    ],
)
def test_a_proxy_is_chosen_from_the_environment(
    url: str, environment: dict[str, str], expected: str | None
) -> None:
    proxy = select_proxy(Endpoint.parse(url), environment)
    assert (None if proxy is None else str(proxy)) == expected


@pytest.mark.parametrize("value", ["socks5://p", "http://", "http://hush:pw@p:port"])
def test_a_proxy_that_can_not_be_used_is_named_by_its_variable(value: str) -> None:
    with pytest.raises(InvalidOption, match="https_proxy") as caught:
        select_proxy(Endpoint.parse("https://h/"), {"https_proxy": value})
    assert "hush" not in str(caught.value)


@pytest.mark.fault(21)
def test_retry_after_may_be_a_date() -> None:
    now = time.mktime((2026, 10, 21, 0, 0, 0, 0, 0, 0)) - time.timezone
    assert retry_delay(503, "Wed, 21 Oct 2026 00:00:09 GMT", now=now) == pytest.approx(9)
    assert retry_delay(503, "Wed, 21 Oct 2026 01:00:00 GMT", now=now) is None
    assert retry_delay(429, "Tue, 20 Oct 2026 00:00:00 GMT", now=now) == 0
    assert retry_delay(429, "whenever") == 1.0


def test_urls_are_shown_without_userinfo_and_query_values() -> None:
    assert redact_url("see https://u:p@h/x?sig=abc&service=git-upload-pack") == (
        "see https://h/x?sig=<redacted>&service=git-upload-pack"
    )


@pytest.mark.parametrize(
    ("head", "framed"),
    [
        (b"HTTP/1.0 200\n\n", b"body"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", encode_chunk(b"body") + LAST_CHUNK),
    ],
    ids=["until close", "length", "chunked"],
)
def test_an_answers_blocks_are_never_empty_wherever_its_bytes_are_split(head: bytes, framed: bytes) -> None:
    sent = head + framed
    for place in range(len(sent) + 1):
        answer = Answer("http://host/", lambda _: None)
        blocks = [block for part in (sent[:place], sent[place:]) for block in answer.feed(part)]
        assert b"".join(blocks) == b"body"
        assert all(blocks)


@pytest.mark.parametrize(
    ("side", "begins"),
    [("target", "has the repository been made there? If so, is the URL"), ("source", "is the URL")],
)
def test_a_target_that_is_not_there_may_have_to_be_made_first(side, begins):
    error = status_error(
        method="GET", url="https://h/x.git", status=404, reason="Not Found", headers=(), text=b"", side=side
    )
    assert (error.hint or "").startswith(begins)
