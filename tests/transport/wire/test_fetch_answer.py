"""Answers of upload-pack up to the pack: every order that is legal, and those that are not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import SHA1, ObjectId
from tests.transport.process_transport import cut
from transport.errors import RemoteError, RemoteProtocolError
from transport.wire.fetch_answer import AnswerHead, Asked, read_head_v2, read_round_v0, read_shallow_list_v0
from transport.wire.limits import WireLimits
from transport.wire.pktline import PacketReader, encode_packet

A, B, C = (ObjectId(bytes([n]) * 20) for n in (0xAA, 0xBB, 0xCC))
LIMITS = WireLimits(acknowledgments=100)
ASKED = Asked(SHA1, haves={A, B}, shallow={C})
DONE = Asked(SHA1, haves={A, B}, shallow={C}, done=True)
NAMED = Asked(SHA1, want_refs=("refs/heads/x",), done=True)


def encode(*parts: str) -> bytes:
    """Frame lines; digits of a special packet stand for it."""
    return b"".join(
        part.encode() if part in ("0000", "0001") else encode_packet(part.encode() + b"\n") for part in parts
    )


def v2(*parts: str, asked: Asked = ASKED) -> AnswerHead:
    return read_head_v2(PacketReader([encode(*parts)]), asked, LIMITS)


def v0(*parts: str, asked: Asked = ASKED) -> AnswerHead:
    head = AnswerHead()
    read_round_v0(PacketReader([encode(*parts)]), asked, head, LIMITS)
    return head


def test_v2_nothing_is_common_yet():
    head = v2("acknowledgments", "NAK", "0000")
    assert (head.pack_follows, head.ready, head.common) == (False, False, [])


def test_in_v2_the_negotiation_continues_after_some_common_commits():
    head = v2("acknowledgments", f"ACK {A.hex()}", f"ACK {B.hex()}", "0000")
    assert (head.pack_follows, head.common) == (False, [A, B])


@pytest.mark.parametrize("acks", [[f"ACK {A.hex()}"], [], ["NAK"]])
def test_v2_ready_means_that_the_pack_follows(acks):
    head = v2("acknowledgments", *acks, "ready", "0001", "packfile")
    assert (head.pack_follows, head.ready) == (True, True)


def test_v2_after_done_the_sections_come_in_their_order():
    asked = Asked(SHA1, shallow={C}, want_refs=("refs/heads/x",), done=True)
    head = v2(
        "shallow-info",
        f"shallow {A.hex()}",
        f"unshallow {C.hex()}",
        "0001",
        "wanted-refs",
        f"{B.hex()} refs/heads/x",
        "0001",
        "packfile",
        asked=asked,
    )
    assert (head.shallow, head.unshallow, head.wanted_refs) == ([A], [C], {"refs/heads/x": B})
    assert head.pack_follows


def test_v2_a_pack_may_come_before_any_acknowledgment():
    """gitprotocol-v2 has acknowledgments before it, but not every server sends them."""
    assert v2("packfile").pack_follows


V2_FAULTS = {
    "ready without a delimiter": (ASKED, ["acknowledgments", "ready", "0000"]),
    "a delimiter without ready": (ASKED, ["acknowledgments", "NAK", "0001", "packfile"]),
    "NAK, then silence": (ASKED, ["acknowledgments", "NAK"]),
    "NAK twice": (ASKED, ["acknowledgments", "NAK", "NAK", "0000"]),
    "NAK after ACK": (ASKED, ["acknowledgments", f"ACK {A.hex()}", "NAK", "0000"]),
    "ACK after NAK": (ASKED, ["acknowledgments", "NAK", f"ACK {A.hex()}", "0000"]),
    "ACK after ready": (ASKED, ["acknowledgments", "ready", f"ACK {A.hex()}", "0001", "packfile"]),
    "an ACK for what was never offered": (ASKED, ["acknowledgments", f"ACK {C.hex()}", "0000"]),
    "an ACK in upper case": (ASKED, ["acknowledgments", f"ACK {A.hex().upper()}", "0000"]),
    "an ACK with a word of v0": (ASKED, ["acknowledgments", f"ACK {A.hex()} common", "0000"]),
    "more ACKs than there may be": (ASKED, ["acknowledgments", *[f"ACK {A.hex()}"] * 101, "0000"]),
    "acknowledgments after done": (DONE, ["acknowledgments", "NAK", "0000"]),
    "an unknown section": (DONE, ["surprise", "0001", "packfile"]),
    "packfile-uris, which we never ask for": (DONE, ["packfile-uris", "0001", "packfile"]),
    "sections out of order": (NAMED, ["wanted-refs", "0001", "shallow-info", "0001", "packfile"]),
    "a section twice": (DONE, ["shallow-info", "0001", "shallow-info", "0001", "packfile"]),
    "wanted-refs that weren't asked for": (DONE, ["wanted-refs", "0001", "packfile"]),
    "another ref than wanted": (NAMED, ["wanted-refs", f"{A.hex()} refs/heads/y", "0001", "packfile"]),
    "unshallow of what isn't shallow": (DONE, ["shallow-info", f"unshallow {A.hex()}", "0001", "packfile"]),
    "a broken shallow line": (DONE, ["shallow-info", "shallow x", "0001", "packfile"]),
    "another line among the shallow ones": (DONE, ["shallow-info", f"want {A.hex()}", "0001", "packfile"]),
    "shallow-info with a flush": (DONE, ["shallow-info", "0000", "packfile"]),
    "a flush at once": (ASKED, ["0000"]),
    "a delimiter at once": (ASKED, ["0001"]),
    "nothing": (ASKED, []),
}


@pytest.mark.fault(34)
@pytest.mark.parametrize("fault", V2_FAULTS)
def test_v2_grammar_is_held(fault):
    asked, parts = V2_FAULTS[fault]
    with pytest.raises(RemoteProtocolError):
        v2(*parts, asked=asked)


@pytest.mark.parametrize("parts", [[], ["acknowledgments"], ["acknowledgments", f"ACK {A.hex()}"]])
def test_an_err_line_anywhere_is_the_remotes_error(parts):
    with pytest.raises(RemoteError, match="upload-pack: not our ref"):
        v2(*parts, "ERR upload-pack: not our ref")


V0_ROUNDS = [
    (["NAK"], False, (False, False, [])),
    ([f"ACK {A.hex()} common", "NAK"], False, (False, False, [A])),
    ([f"ACK {A.hex()} common", f"ACK {A.hex()} ready", "NAK"], False, (False, True, [A, A])),
    ([f"ACK {A.hex()} ready", "NAK", f"ACK {A.hex()}"], True, (True, True, [A, A])),
    ([f"ACK {A.hex()} ready", f"ACK {A.hex()}"], True, (True, True, [A, A])),
    ([f"ACK {A.hex()}"], False, (True, False, [A])),
]


@pytest.mark.parametrize(("parts", "no_done", "expected"), V0_ROUNDS)
def test_v0_rounds(parts, no_done, expected):
    head = v0(*parts, asked=Asked(SHA1, haves={A}, no_done=no_done))
    assert (head.pack_follows, head.ready, head.common) == expected


def test_v0_after_done_a_nak_comes_before_the_pack():
    assert v0("NAK", asked=DONE).pack_follows


@pytest.mark.fault(34)
@pytest.mark.parametrize(
    "parts",
    [
        [],
        ["0000"],
        [f"ACK {C.hex()} common", "NAK"],
        [f"ACK {A.hex()} surprise", "NAK"],
        ["ACK", "NAK"],
        ["PACK"],
        [f"shallow {A.hex()}"],
        [f"ACK {A.hex()} common"],
    ],
)
def test_v0_grammar_is_held(parts):
    with pytest.raises(RemoteProtocolError):
        v0(*parts)


def test_v0_shallow_list():
    head = AnswerHead()
    data = encode(f"shallow {A.hex()}", f"unshallow {C.hex()}", "0000", "NAK")
    reader = PacketReader([data])
    read_shallow_list_v0(reader, ASKED, head, LIMITS)
    assert (head.shallow, head.unshallow, reader.read()) == ([A], [C], b"NAK\n")


LINES = st.sampled_from(
    (
        *("acknowledgments", "shallow-info", "wanted-refs", "packfile", "ready", "NAK", "0000", "0001"),
        *(f"ACK {A.hex()}", f"ACK {A.hex()} common", f"shallow {A.hex()}", f"unshallow {C.hex()}", "ERR x"),
    )
)


@given(st.lists(LINES, max_size=8), st.booleans(), st.integers(1, 9))
def test_any_lines_are_an_answer_or_an_error_of_the_remote_in_any_split(parts, done, block_bytes):
    data = encode(*parts)
    asked = DONE if done else ASKED

    def outcome(size: int | None) -> object:
        try:
            return read_head_v2(PacketReader(cut(data, size)), asked, LIMITS)
        except (RemoteProtocolError, RemoteError) as error:
            return str(error)

    assert outcome(block_bytes) == outcome(None)
    with suppress(RemoteProtocolError, RemoteError):
        read_round_v0(PacketReader([data]), asked, AnswerHead(), LIMITS)
