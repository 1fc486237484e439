"""How a push handles answers that are strange, cut off, or false."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import ObjectId
from tests.transport.scripted_transport import ScriptedTransport
from transport.errors import NetworkError, RemoteError, RemoteProtocolError, UnsupportedByRemote
from transport.send_pack import push
from transport.wire.advertisement import Advertisement
from transport.wire.capabilities import parse_capabilities
from transport.wire.pktline import FLUSH, encode_packet
from transport.wire.receive_pack import RefUpdate
from transport.wire.report import UNREPORTED, ReportStatus

X = "refs/heads/x"
UPDATE = RefUpdate(X, ObjectId(bytes(20)), ObjectId(b"\xaa" * 20))
REPORT = encode_packet(b"unpack ok\n") + encode_packet(b"ok refs/heads/x\n") + FLUSH


def advertisement(capabilities: bytes = b"report-status side-band-64k") -> Advertisement:
    return Advertisement(0, parse_capabilities(capabilities))


def band(number: int, data: bytes, size: int = 65515) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(encode_packet(bytes([number]) + piece) for piece in pieces)


def pushed(answer: bytes, capabilities: bytes = b"report-status side-band-64k", **settings) -> ReportStatus:
    return push(ScriptedTransport(answer, **settings), advertisement(capabilities), [UPDATE], None)


@pytest.mark.fault(38)
@pytest.mark.parametrize("block_bytes", [None, 1])
@pytest.mark.parametrize("band_bytes", [1, 3, 7, 65515])
def test_the_report_may_be_split_over_packets_among_messages_and_keepalives(band_bytes, block_bytes):
    answer = b"0005\x01" + band(2, b"hello\n")
    for position in range(0, len(REPORT), band_bytes):
        answer += band(1, REPORT[position : position + band_bytes]) + b"0005\x01" + band(2, b"x")
    assert pushed(answer + FLUSH, block_bytes=block_bytes).ok


@pytest.mark.fault(40)
def test_without_side_band_the_report_comes_bare():
    assert pushed(REPORT, b"report-status").ok


def test_a_report_may_come_bare_though_side_band_was_agreed_on():
    assert pushed(REPORT).ok
    refused = pushed(encode_packet(b"unpack too large\n") + FLUSH)
    assert refused.unpack_error == "too large"


@pytest.mark.fault(40)
def test_the_small_side_band_is_enough():
    assert pushed(band(1, REPORT) + FLUSH, b"report-status side-band").ok


@pytest.mark.fault(38)
@pytest.mark.parametrize("capabilities", [b"report-status side-band-64k", b"report-status"])
@pytest.mark.parametrize("answer", [b"", FLUSH])
def test_an_empty_answer_does_not_count_as_a_report(answer, capabilities):
    if answer == FLUSH and capabilities == b"report-status":
        with pytest.raises(RemoteProtocolError, match="unpack line"):
            pushed(answer, capabilities)
        return
    status = pushed(answer, capabilities)
    assert (status.ok, status.complete) == (False, False)
    assert status.refs[X].reason == UNREPORTED


@pytest.mark.fault(39)
@pytest.mark.parametrize("end", range(1, len(band(1, REPORT))))
def test_a_report_cut_off_anywhere_does_not_count_as_success(end):
    status = pushed(band(1, REPORT)[:end])
    assert (status.ok, status.complete) == (False, False)


@pytest.mark.fault(39)
@pytest.mark.parametrize("rest", [b"", b"00", b"0000x", b"0006\x02"])
def test_what_goes_wrong_after_the_whole_report_is_a_warning(rest):
    status = pushed(band(1, REPORT) + rest)
    assert status.ok
    assert len(status.warnings) == (rest != b"")


@pytest.mark.fault(39)
def test_a_connection_lost_after_the_whole_report_is_a_warning():
    status = pushed(band(1, REPORT), fault=NetworkError("connection reset"))
    assert status.ok
    assert status.warnings == ("after the status report: connection reset",)


@pytest.mark.fault(39)
def test_a_connection_lost_inside_the_report_is_an_error():
    with pytest.raises(NetworkError):
        pushed(band(1, REPORT[:20]), fault=NetworkError("connection reset"))


def test_band_three_is_the_remotes_error_even_after_an_ok():
    with pytest.raises(RemoteError, match="pack exceeds maximum allowed size"):
        pushed(band(1, REPORT[:-4]) + band(3, b"fatal: pack exceeds maximum allowed size\n"))


@pytest.mark.parametrize("answer", [encode_packet(b"ERR no\n"), band(1, encode_packet(b"ERR no\n"))])
def test_an_err_line_is_the_remotes_error(answer):
    with pytest.raises(RemoteError, match="remote error: no"):
        pushed(answer)


@pytest.mark.parametrize("answer", [b"<html>", band(1, b"<html>"), band(9, b"x"), b"0001", b"0004"])
def test_garbage_is_the_remotes_fault(answer):
    with pytest.raises(RemoteProtocolError):
        pushed(answer)


@pytest.mark.fault(40)
def test_a_server_that_reports_nothing_is_not_pushed_to():
    transport = ScriptedTransport(b"")
    with pytest.raises(UnsupportedByRemote):
        push(transport, advertisement(b"side-band-64k"), [UPDATE], None)
    assert transport.requests == []


@given(st.binary(max_size=60), st.booleans())
def test_any_answer_is_a_report_or_an_error_of_the_remote(data, framed):
    try:
        status = pushed(band(1, data) + FLUSH if framed and data else data)
    except (RemoteError, RemoteProtocolError):
        return
    assert not status.ok
