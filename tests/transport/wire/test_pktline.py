"""pkt-line: what is framed, what is refused, and that the split into blocks doesn't matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.process_transport import cut
from transport.errors import LocalProtocolError, RemoteError, RemoteProtocolError, TruncatedAnswer
from transport.wire.headway import Headway
from transport.wire.pktline import (
    DELIM,
    FLUSH,
    PAYLOAD_BYTES_MAX,
    RESPONSE_END,
    Packet,
    PacketDecoder,
    PacketReader,
    Special,
    encode_packet,
    encode_text,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKETS = st.lists(
    st.one_of(st.binary(max_size=50), st.sampled_from([Special.FLUSH, Special.DELIM])), max_size=20
)


def encode(packets: list[Packet]) -> bytes:
    specials = {Special.FLUSH: FLUSH, Special.DELIM: DELIM}
    return b"".join(specials[p] if isinstance(p, Special) else encode_packet(p) for p in packets)


def read_all(data: bytes, block_bytes: int | None = None) -> list[Packet]:
    reader = PacketReader(cut(data, block_bytes))
    packets: list[Packet] = []
    while (packet := reader.read_or_end()) is not None:
        packets.append(packet)
    return packets


def outcome(data: bytes, block_bytes: int | None) -> object:
    try:
        return read_all(data, block_bytes)
    except RemoteProtocolError as error:
        return type(error), str(error)


@given(PACKETS, st.integers(1, 9))
def test_what_is_encoded_is_read_back_in_any_split(packets, block_bytes):
    assert read_all(encode(packets), block_bytes) == packets


@given(st.binary(max_size=60), st.integers(1, 9))
def test_any_bytes_are_packets_or_a_protocol_error_whatever_the_split(data, block_bytes):
    assert outcome(data, block_bytes) == outcome(data, None)


LEGAL = [
    (b"0000", [Special.FLUSH]),
    (b"0001", [Special.DELIM]),
    (b"0004", [b""]),
    (b"0005a", [b"a"]),
    (b"000Ab\n\0\xff\r\n", [b"b\n\0\xff\r\n"]),
    (b"fff0" + bytes(65516), [bytes(65516)]),
    (b"FFF0" + bytes(65516), [bytes(65516)]),
    (b"", []),
]


@pytest.mark.parametrize(("data", "packets"), LEGAL)
def test_legal_framing(data, packets):
    assert read_all(data) == packets


ILLEGAL = [
    (b"0003", "illegal pkt-line 0003"),
    (b"0002", "illegal pkt-line 0002"),
    (b"fff1" + bytes(70000), "pkt-line of 65521 bytes"),
    (b"zzzz", "bad pkt-line length 'zzzz'"),
    (b"+0ff", "bad pkt-line length"),
    (b" 12a", "bad pkt-line length"),
    (b"-001", "bad pkt-line length"),
    (b"0x1f", "bad pkt-line length"),
    (b"1_00", "bad pkt-line length"),
    (b"00\xb20", "bad pkt-line length"),
    (b"\x1b[2J", r"bad pkt-line length '\^\[\[2J'"),
]


@pytest.mark.fault(30)
@pytest.mark.parametrize(("data", "message"), ILLEGAL)
@pytest.mark.parametrize("block_bytes", [None, 1])
def test_illegal_framing_is_reported_with_its_offset(data, message, block_bytes):
    with pytest.raises(RemoteProtocolError, match=message) as caught:
        read_all(b"0009hello" + data, block_bytes)
    assert str(caught.value).endswith("at byte 9 of the answer")


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("data", "message"),
    [(b"0", "1 of 4 bytes"), (b"000", "3 of 4 bytes"), (b"000a", "4 of 10 bytes"), (b"000abcd", "7 of 10")],
)
def test_a_stream_that_ends_inside_a_line_is_truncated(data, message):
    with pytest.raises(TruncatedAnswer, match=message):
        read_all(b"0000" + data)


def test_a_response_end_is_taken_only_where_it_is_allowed():
    decoder = PacketDecoder(allow_response_end=True)
    decoder.feed(RESPONSE_END)
    assert decoder.next_packet() is Special.RESPONSE_END


def test_the_longest_line_fits_and_one_byte_more_does_not():
    assert len(encode_packet(bytes(PAYLOAD_BYTES_MAX))) == 65520
    with pytest.raises(LocalProtocolError):
        encode_packet(bytes(PAYLOAD_BYTES_MAX + 1))


def test_text_is_sent_with_a_newline_and_read_with_or_without_one():
    assert encode_text("done") == b"0009done\n"
    assert encode_text("refs/\udcff") == b"000brefs/\xff\n"
    assert [text_of(b"a\n"), text_of(b"a"), text_of(b"a\n\n"), text_of(b"")] == [b"a", b"a", b"a\n", b""]
    with pytest.raises(LocalProtocolError):
        encode_text("\ud800")


def test_an_err_line_is_the_remotes_error_made_safe():
    with pytest.raises(RemoteError) as caught:
        text_of(b"ERR no \x1b]0;title\x07 such\n")
    assert str(caught.value) == "remote error: no ^[]0;title^G such"


def test_an_expected_end_finds_what_is_left():
    for rest in (b"0000", b"0005x", b"00"):
        reader = PacketReader([b"0000", rest])
        reader.read()
        with pytest.raises(RemoteProtocolError):
            reader.expect_end()
    with pytest.raises(RemoteError, match="late"):
        PacketReader([b"000cERR late"]).expect_end()


def test_a_bounded_stream_ends_with_an_error():
    reader = PacketReader(cut(b"0005a" * 100, 5), bytes_max=50)
    assert [reader.read() for _ in range(10)] == [b"a"] * 10
    with pytest.raises(RemoteProtocolError, match="more than 50 bytes"):
        reader.read()


@given(st.binary(max_size=30), st.integers(1, 5))
def test_what_follows_unframed_comes_out_as_it_is(rest, block_bytes):
    reader = PacketReader(cut(b"0008NAK\n" + rest, block_bytes))
    assert reader.read() == b"NAK\n"
    assert b"".join(reader.rest()) == rest


def test_no_more_is_pulled_than_requested():
    def blocks() -> Iterator[bytes]:
        yield b"0005a0005b"
        raise AssertionError("pulled too far")

    reader = PacketReader(blocks())
    assert [reader.read(), reader.read()] == [b"a", b"b"]


def test_lines_are_headway_when_they_are_whole():
    headway, seen = Headway(), []

    def blocks() -> Iterator[bytes]:
        for block in (b"0009he", b"llo", b"0009world0000"):
            seen.append(headway.total)
            yield block

    reader = PacketReader(blocks(), headway=headway)
    assert [reader.read(), reader.read(), reader.read_or_end(), reader.read_or_end()][:2] == [
        b"hello",
        b"world",
    ]
    assert seen == [0, 0, 9]


def test_of_a_data_packet_each_part_is_headway_of_others_none():
    headway, seen = Headway(), []

    def blocks() -> Iterator[bytes]:
        for block in (b"0009\x01he", b"ll", b"0009\x02hell", b"0005\x01"):
            seen.append(headway.total)
            yield block

    reader = PacketReader(blocks(), headway=headway)
    reader.carries_bands = True
    assert reader.read() == b"\x01hell"
    assert seen == [0, 2]
    assert [reader.read(), reader.read()] == [b"\x02hell", b"\x01"]
    assert seen == [0, 2, 0, 0]
