"""side-band: three streams out of one, in any split, with progress as safe and bounded lines."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.process_transport import cut
from transport.errors import RemoteError, RemoteProtocolError
from transport.wire.limits import WireLimits
from transport.wire.pktline import DELIM, FLUSH, PacketReader, encode_packet
from transport.wire.sideband import RemoteLine, Sideband, demultiplex


def messages(*texts: bytes, limits: WireLimits | None = None) -> list[RemoteLine]:
    lines: list[RemoteLine] = []
    band = Sideband(lines.append, limits=limits)
    for text in texts:
        assert band.feed(b"\2" + text) == b""
    band.finish()
    return lines


@given(st.lists(st.binary(max_size=20), max_size=10), st.integers(1, 7))
def test_band_one_comes_out_whole_whatever_the_split(parts, block_bytes):
    stream = b"".join(encode_packet(b"\1" + part) for part in parts) + FLUSH
    blocks = list(demultiplex(PacketReader(cut(stream, block_bytes))))
    assert b"".join(blocks) == b"".join(parts)
    assert all(blocks)


@pytest.mark.fault(35)
def test_keepalives_carry_nothing():
    stream = b"0005\x01" + b"0005\x02" + b"0006\x01P" + b"0005\x01" + FLUSH
    lines: list[str] = []
    assert list(demultiplex(PacketReader([stream]), lines.append)) == [b"P"]
    assert lines == []


@pytest.mark.fault(35)
@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([b"one\ntwo\n"], [("one", False), ("two", False)]),
        ([b"5%\r10%\r100%, done.\n"], [("5%", True), ("10%", True), ("100%, done.", False)]),
        ([b"windows\r\nhook\r\n"], [("windows", False), ("hook", False)]),
        ([b"windows\r", b"\nhook\r", b"\n"], [("windows", False), ("hook", False)]),
        ([b"no newline"], [("no newline", False)]),
        ([b"50%\r"], [("50%", True)]),
        ([b"a\n\nb\n"], [("a", False), ("", False), ("b", False)]),
        ([b"caf\xc3", b"\xa9\n"], [("café", False)]),
        ([b"bad \xff \x1b[2J\x07\n"], [("bad \\xff ^[[2J^G", False)]),
    ],
)
def test_progress_becomes_lines(texts, expected):
    assert [(str(line), line.transient) for line in messages(*texts)] == expected


@given(st.lists(st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\r\n", b""]), max_size=12))
def test_lines_do_not_hang_on_how_the_text_was_split(pieces):
    whole = messages(b"".join(pieces))
    split = messages(*pieces)
    assert [(line, line.transient) for line in split] == [(line, line.transient) for line in whole]


def test_a_line_without_end_is_delivered_in_parts():
    limits = WireLimits(progress_line_bytes=10)
    assert messages(b"x" * 25, limits=limits) == ["x" * 10, "x" * 10, "x" * 5]
    assert messages(*[b"x"] * 25, limits=limits) == ["x" * 10, "x" * 10, "x" * 5]


def test_a_flood_of_progress_is_dropped_and_the_data_still_comes():
    limits = WireLimits(progress_bytes=100)
    lines: list[RemoteLine] = []
    band = Sideband(lines.append, limits=limits)
    for _ in range(1000):
        band.feed(b"\2" + b"spam spam\n")
    assert band.feed(b"\1PACK") == b"PACK"
    assert len(lines) == 11
    assert lines[-1] == "(more messages were left out)"


@pytest.mark.fault(35)
def test_band_three_is_the_remotes_error():
    lines: list[str] = []
    band = Sideband(lines.append)
    band.feed(b"\2half a line")
    with pytest.raises(RemoteError) as caught:
        band.feed(b"\3fatal: out of \x1bmemory\n")
    assert str(caught.value) == "remote error: fatal: out of ^[memory"
    assert lines == ["half a line"]


@pytest.mark.fault(35)
@pytest.mark.parametrize("payload", [b"\0x", b"\4x", b"PACK", b"", b"\xff"])
def test_a_band_that_does_not_exist_is_an_error(payload):
    with pytest.raises(RemoteProtocolError):
        Sideband().feed(payload)


@pytest.mark.parametrize("rest", [b"", b"0006\x01", b"00"])
def test_a_stream_without_its_flush_is_truncated_and_its_last_words_are_shown(rest):
    lines: list[str] = []
    reader = PacketReader([encode_packet(b"\1PACK"), encode_packet(b"\2dying"), rest])
    with pytest.raises(RemoteProtocolError, match="the answer ends"):
        list(demultiplex(reader, lines.append))
    assert lines == ["dying"]


def test_a_delimiter_inside_the_stream_is_an_error():
    with pytest.raises(RemoteProtocolError, match="section"):
        list(demultiplex(PacketReader([DELIM])))


@given(st.binary(max_size=80))
def test_any_bytes_are_data_or_an_error_of_the_remote(data):
    with suppress(RemoteError, RemoteProtocolError):
        list(demultiplex(PacketReader([data]), lambda line: None))
