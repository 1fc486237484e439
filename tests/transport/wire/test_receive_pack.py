"""The request to receive-pack, byte for byte, and what is refused before a byte is sent."""

from __future__ import annotations

import pytest

from packcore.ids import SHA1, SHA256, ObjectId
from tests.support import git_bytes, init_repository
from transport.errors import LocalProtocolError, UnsupportedByRemote
from transport.wire.capabilities import parse_capabilities
from transport.wire.receive_pack import PushOptions, RefUpdate, empty_pack, encode_commands, push_capabilities

A, B, ZERO = (ObjectId(bytes([n]) * 20) for n in (0xAA, 0xBB, 0))
GIT = parse_capabilities(
    b"report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options"
    b" object-format=sha1 agent=git/2.39"
)
LEAST = parse_capabilities(b"report-status")


def test_the_commands_in_full():
    updates = [RefUpdate("refs/heads/a", ZERO, A), RefUpdate("refs/heads/b", B, ZERO)]
    request = encode_commands(updates, GIT, PushOptions(), agent="packcore/1")
    first = f"{'0' * 40} {A.hex()} refs/heads/a\0 report-status-v2 side-band-64k object-format=sha1"
    first += " agent=packcore/1"
    second = f"{B.hex()} {'0' * 40} refs/heads/b"
    assert request.decode() == f"{len(first) + 4:04x}{first}{len(second) + 4:04x}{second}0000"


def test_push_options_come_after_a_flush_of_their_own():
    options = PushOptions(push_options=("ci.skip", "x=y"), shallow=(B,), atomic=True, quiet=True)
    request = encode_commands([RefUpdate("refs/heads/a", ZERO, A)], GIT, options, agent="x")
    assert request.startswith(b"0035shallow " + B.hex().encode() + b"\n")
    assert request.endswith(b"0000000cci.skip\n0008x=y\n0000")
    assert b" quiet atomic push-options " in request


@pytest.mark.fault(40)
@pytest.mark.parametrize(
    ("advertised", "sent"),
    [
        (b"report-status", ["report-status"]),
        (b"report-status side-band", ["report-status", "side-band"]),
        (b"report-status-v2 report-status", ["report-status-v2"]),
        (b"report-status quiet agent=x", ["report-status", "quiet", "agent=packcore/1"]),
        (b"report-status ofs-delta delete-refs no-thin session-id=1", ["report-status"]),
    ],
)
def test_only_what_the_server_advertised_is_sent(advertised, sent):
    options = PushOptions(quiet=True)
    assert push_capabilities(parse_capabilities(advertised), options, agent="packcore/1") == sent


@pytest.mark.fault(40)
@pytest.mark.parametrize(
    ("advertised", "update", "options", "what"),
    [
        (b"", RefUpdate("refs/heads/a", ZERO, A), PushOptions(), "report-status"),
        (b"report-status", RefUpdate("refs/heads/a", ZERO, A), PushOptions(atomic=True), "atomic"),
        (b"report-status", RefUpdate("refs/heads/a", ZERO, A), PushOptions(push_options=("x",)), "options"),
        (b"report-status", RefUpdate("refs/heads/a", A, ZERO), PushOptions(), "deleted"),
    ],
)
def test_a_condition_that_the_server_lacks_is_refused(advertised, update, options, what):
    with pytest.raises(UnsupportedByRemote, match=what):
        encode_commands([update], parse_capabilities(advertised), options, agent="x")


@pytest.mark.parametrize(
    ("updates", "what"),
    [
        ([], "without ref updates"),
        ([RefUpdate("refs/heads/a", ZERO, A), RefUpdate("refs/heads/a", A, B)], "twice"),
        ([RefUpdate("refs/heads/a..b", ZERO, A)], "not a ref name"),
        ([RefUpdate("refs/heads/a\nb", ZERO, A)], "not a ref name"),
        ([RefUpdate("HEAD", ZERO, A)], "not a ref name"),
        ([RefUpdate("refs/heads/a", ZERO, ZERO)], "nothing to nothing"),
        ([RefUpdate("refs/heads/a", ZERO, ObjectId(bytes(32)))], "not an id"),
    ],
)
def test_what_no_server_should_see_is_our_own_fault(updates, what):
    with pytest.raises(LocalProtocolError, match=what):
        encode_commands(updates, GIT, PushOptions(), agent="x")


@pytest.mark.parametrize("option", ["two\nlines", "nul\0", "x" * 70000])
def test_a_push_option_is_one_line_that_fits(option):
    with pytest.raises(LocalProtocolError):
        encode_commands(
            [RefUpdate("refs/heads/a", ZERO, A)], GIT, PushOptions(push_options=(option,)), agent="x"
        )


@pytest.mark.parametrize("object_format", [SHA1, SHA256], ids=["sha1", "sha256"])
def test_git_takes_the_empty_pack(tmp_path, object_format):
    repository = init_repository(tmp_path / "x.git", object_format=object_format.name)
    git_bytes("unpack-objects", "--strict", cwd=repository, stdin=empty_pack(object_format))
