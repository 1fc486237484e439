"""The status report: only an explicit ok counts, whatever else a server sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.process_transport import cut
from transport.errors import RemoteError, RemoteProtocolError
from transport.wire.limits import WireLimits
from transport.wire.pktline import encode_packet
from transport.wire.report import UNREPORTED, ReportParser, ReportStatus, is_lost_race

X, Y = "refs/heads/x", "refs/heads/y"


def encode(*lines: str, end: bytes = b"0000") -> bytes:
    return b"".join(encode_packet(line.encode() + b"\n") for line in lines) + end


def report(*lines: str, end: bytes = b"0000", names=(X, Y)) -> ReportStatus:
    parser = ReportParser(names)
    parser.feed(encode(*lines, end=end))
    return parser.result()


def verdicts(status: ReportStatus) -> dict[str, str | None]:
    return {name: None if report.ok else report.reason for name, report in status.refs.items()}


CASES = [
    (["unpack ok", f"ok {X}", f"ok {Y}"], {X: None, Y: None}),
    (["unpack ok", f"ok {X}", f"ng {Y} hook declined"], {X: None, Y: "hook declined"}),
    (["unpack ok", f"ok {X}", f"ng {Y}"], {X: None, Y: "failed"}),
    (["unpack ok", f"ok {X}"], {X: None, Y: UNREPORTED}),
    (["unpack ok"], {X: UNREPORTED, Y: UNREPORTED}),
    (
        ["unpack ok", f"ok {X}", f"ng {X} failed to update ref", f"ok {Y}"],
        {X: "failed to update ref", Y: None},
    ),
    (["unpack ok", f"ng {X} no", f"ok {X}", f"ok {Y}"], {X: "no", Y: None}),
    (["unpack eof", f"ng {X} unpacker error", f"ok {Y}"], {X: "unpacker error", Y: "unpacking failed: eof"}),
    (["unpack ok", f"ok {X}", f"option refname {Y}", "option forced-update", f"ok {Y}"], {X: None, Y: None}),
    (
        ["unpack ok", f"ok {X}", "option refname a", f"ok {X}", "option refname b", f"ok {Y}"],
        {X: None, Y: None},
    ),
    (["unpack ok", f"ng {X} \x1b[31mno", f"ok {Y}"], {X: "^[[31mno", Y: None}),
]


@pytest.mark.fault(38)
@pytest.mark.parametrize(("lines", "expected"), CASES)
@pytest.mark.parametrize("block_bytes", [None, 1, 5])
def test_verdicts(lines, expected, block_bytes):
    parser = ReportParser([X, Y])
    for block in cut(encode(*lines), block_bytes):
        parser.feed(block)
    status = parser.result()
    assert verdicts(status) == expected
    assert status.ok == (set(expected.values()) == {None})
    assert status.complete


@pytest.mark.fault(38)
def test_an_unpack_error_is_kept():
    assert report("unpack index-pack abnormal exit").unpack_error == "index-pack abnormal exit"
    assert report("unpack ok").unpack_error is None


def test_what_the_server_did_instead_is_kept():
    status = report("unpack ok", f"ok {X}", "option refname refs/heads/z", "option forced-update", f"ok {Y}")
    assert status.refs[X].options == (("refname", "refs/heads/z"), ("forced-update", ""))


@pytest.mark.fault(38)
def test_a_ref_that_was_not_pushed_is_a_warning():
    status = report("unpack ok", f"ok {X}", f"ok {Y}", "ok refs/heads/stranger", "option refname z")
    assert status.ok
    assert len(status.warnings) == 1
    assert "refs/heads/stranger" in status.warnings[0]


@pytest.mark.fault(39)
@pytest.mark.parametrize("lines", [[], ["unpack ok"], ["unpack ok", f"ok {X}"]])
def test_a_report_that_is_cut_off_counts_for_nothing(lines):
    status = report(*lines, end=b"")
    assert (status.complete, status.ok) == (False, False)
    assert set(verdicts(status).values()) == {UNREPORTED}
    assert not any(ref.reported for ref in status.refs.values())


@pytest.mark.fault(39)
def test_a_refusal_counts_even_if_the_report_is_cut_off():
    status = report("unpack ok", f"ng {X} hook declined", end=b"")
    assert verdicts(status) == {X: "hook declined", Y: UNREPORTED}


BROKEN = [
    [f"ok {X}"],
    [f"ng {X} no"],
    ["unpack ok", "option refname x"],
    ["unpack ok", "surprise"],
    ["unpack ok", ""],
    ["unpack ok", "unpack ok"],
    [""],
]


@pytest.mark.fault(38)
@pytest.mark.parametrize("lines", BROKEN)
def test_an_invalid_report_is_the_remotes_fault(lines):
    with pytest.raises(RemoteProtocolError):
        report(*lines)


@pytest.mark.parametrize("data", [b"0001", encode("unpack ok") + b"0000", b"zzzz"])
def test_a_broken_frame_is_the_remotes_fault(data):
    with pytest.raises(RemoteProtocolError):
        ReportParser([X]).feed(data)


def test_an_empty_report_is_the_remotes_fault():
    with pytest.raises(RemoteProtocolError, match="without its unpack line"):
        report()


def test_an_err_line_is_the_remotes_error():
    with pytest.raises(RemoteError, match="disk full"):
        report("unpack ok", "ERR disk full")


def test_a_report_is_bounded():
    parser = ReportParser([X], limits=WireLimits(report_bytes=100, warnings=2))
    with pytest.raises(RemoteProtocolError, match="more than 100 bytes"):
        parser.feed(bytes(101))
    parser = ReportParser([X], limits=WireLimits(warnings=2))
    parser.feed(encode("unpack ok", *[f"ok refs/heads/{n}" for n in range(10)]))
    assert len(parser.result().warnings) == 2


@pytest.mark.parametrize(
    ("reason", "lost"),
    [
        ("failed to update ref", True),
        ("bad ref", True),
        ("stale info", True),
        ("fetch first", True),
        ("failed to lock", True),
        ("cannot lock ref 'refs/heads/x': is at aa but expected bb", True),
        ("incorrect old value provided", True),
        ("reference already exists", True),
        ("non-fast-forward", False),
        ("pre-receive hook declined", False),
        ("deny updating a hidden ref", False),
        ("unpacker error", False),
        ("funny refname", False),
        (UNREPORTED, False),
    ],
)
def test_reasons_that_mean_a_lost_race(reason, lost):
    assert is_lost_race(reason) == lost
    assert report("unpack ok", f"ng {X} {reason}").refs[X].lost_race == lost


LINES = st.sampled_from(
    [
        "unpack ok",
        "unpack no",
        f"ok {X}",
        f"ng {X} r",
        f"ng {Y}",
        "option refname z",
        "ERR x",
        "",
        "junk",
        "ok z",
    ]
)


@given(st.lists(LINES, max_size=8), st.sampled_from([b"0000", b"", b"0001", b"00"]), st.integers(1, 9))
def test_any_lines_are_a_report_or_an_error_of_the_remote_in_any_split(lines, end, block_bytes):
    def outcome(size: int | None) -> object:
        parser = ReportParser([X, Y])
        try:
            for block in cut(encode(*lines, end=end), size):
                parser.feed(block)
            status = parser.result()
        except (RemoteProtocolError, RemoteError) as error:
            return str(error)
        for name, ref in status.refs.items():
            explicit = f"ok {name}" in lines and not any(line.startswith(f"ng {name}") for line in lines)
            assert not ref.ok or explicit
        return status

    assert outcome(block_bytes) == outcome(None)
