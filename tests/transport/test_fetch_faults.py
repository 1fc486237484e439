"""What a fetch makes of answers that break the protocol, and how its rounds come to an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import ObjectId
from tests.transport.scripted_transport import ScriptedTransport
from transport.errors import RemoteError, RemoteProtocolError
from transport.fetch import fetch_pack
from transport.listing import list_refs
from transport.wire.advertisement import Advertisement
from transport.wire.capabilities import parse_capabilities, parse_capabilities_v2
from transport.wire.pktline import FLUSH, encode_packet, encode_text

A = ObjectId(b"\xaa" * 20)
B = ObjectId(b"\xbb" * 20)
V2 = Advertisement(2, parse_capabilities_v2([b"ls-refs", b"fetch=shallow"]))
V0 = Advertisement(0, parse_capabilities(b"multi_ack_detailed no-done side-band-64k ofs-delta shallow"))
BARE = Advertisement(0, parse_capabilities(b""))
PACK = encode_packet(b"\1PACK")


def text(*lines: str) -> bytes:
    return b"".join(map(encode_text, lines))


def fetch(advertisement: Advertisement, *answers: bytes, haves=(), **settings) -> bytes:
    transport = ScriptedTransport(*answers, **settings)
    try:
        with fetch_pack(transport, advertisement, wants=[A], haves=haves) as response:
            assert response.blocks is not None
            return b"".join(response.blocks)
    finally:
        assert transport.open_answers == 0


NAK_ROUND = text("acknowledgments", "NAK") + FLUSH


@pytest.mark.parametrize("block_bytes", [None, 1])
def test_a_good_answer_in_each_version(block_bytes):
    assert fetch(V2, text("packfile") + PACK + FLUSH, block_bytes=block_bytes) == b"PACK"
    assert fetch(V0, text("NAK") + PACK + FLUSH, block_bytes=block_bytes) == b"PACK"
    assert fetch(BARE, text("NAK") + b"PACK raw", block_bytes=block_bytes) == b"PACK raw"


CUT_OFF = [
    text("packfile"),
    text("packfile") + PACK,
    text("packfile") + PACK + b"00",
    text("packfile") + b"0009\1",
]


@pytest.mark.fault(8)
@pytest.mark.parametrize("answer", CUT_OFF)
def test_an_answer_without_its_flush_is_an_error(answer):
    with pytest.raises(RemoteProtocolError, match="the answer ends"):
        fetch(V2, answer)


@pytest.mark.parametrize("rest", [b"0000", b"x", b"0005\1"])
def test_what_comes_after_the_flush_is_an_error(rest):
    with pytest.raises(RemoteProtocolError):
        fetch(V2, text("packfile") + PACK + FLUSH + rest)


@pytest.mark.fault(35)
def test_a_fatal_message_inside_the_pack_is_the_remotes_error():
    with pytest.raises(RemoteError, match="out of memory"):
        fetch(V2, text("packfile") + PACK + encode_packet(b"\3fatal: out of memory\n"))


@pytest.mark.fault(34)
@pytest.mark.parametrize("advertisement", [V2, V0, BARE])
@pytest.mark.parametrize("answer", [b"", FLUSH, b"0001", b"<html>", text("surprise")])
def test_no_answer_at_all_is_the_remotes_fault(advertisement, answer):
    with pytest.raises(RemoteProtocolError):
        fetch(advertisement, answer)


@pytest.mark.fault(34)
@pytest.mark.parametrize("advertisement", [V2, V0])
def test_a_server_that_always_says_nak_is_asked_a_bounded_number_of_times(advertisement):
    haves = [ObjectId(n.to_bytes(20, "big")) for n in range(1, 500)]
    nak = NAK_ROUND if advertisement is V2 else text("NAK")
    transport = ScriptedTransport(nak)
    with (
        pytest.raises(RemoteProtocolError),
        fetch_pack(transport, advertisement, wants=[A], haves=haves) as response,
    ):
        list(response.blocks or ())
    asked = [request.count(b"have ") for request in transport.requests]
    # v0 acknowledges haves even after `done`, so that the end of the list needs no round of its own.
    assert asked == [16, 32, 64, 128, 256, 3, *([0] if advertisement is V2 else [])]


def test_rounds_do_not_grow_beyond_what_servers_buffer():
    class Endless:
        gives_up = False
        counts: list[int] = []

        def take(self, count: int) -> list[ObjectId]:
            self.counts.append(count)
            return [B]

        def mark_common(self, oid: ObjectId) -> None:
            raise AssertionError("nothing is common")

    transport = ScriptedTransport(NAK_ROUND)
    with pytest.raises(RemoteProtocolError), fetch_pack(transport, V2, wants=[A], haves=Endless()):
        pass
    assert Endless.counts[:12] == [16 << n for n in range(11)] + [18022]
    assert max(Endless.counts) == 65536
    assert len(transport.requests) == 256


def test_a_walk_gives_up_after_enough_haves_without_an_ack():
    class Walk:
        gives_up = True
        number = 1

        def take(self, count: int) -> list[ObjectId]:
            taken = [ObjectId(n.to_bytes(20, "big")) for n in range(self.number, self.number + count)]
            self.number += count
            return taken

        def mark_common(self, oid: ObjectId) -> None:
            pass

    first = ObjectId((1).to_bytes(20, "big"))
    answers = [text("acknowledgments", f"ACK {first.hex()}") + FLUSH, *[NAK_ROUND] * 4]
    transport = ScriptedTransport(*answers, text("packfile") + PACK + FLUSH)
    with fetch_pack(transport, V2, wants=[A], haves=Walk()) as response:
        assert response.common == (first,)
        assert response.rounds == 6


def test_common_ids_are_offered_again_each_round():
    answers = [
        text("acknowledgments", f"ACK {B.hex()}") + FLUSH,
        text("packfile") + PACK + FLUSH,
    ]
    transport = ScriptedTransport(*answers)
    with fetch_pack(transport, V2, wants=[A], haves=[B]) as response:
        assert response.rounds == 2
    assert transport.requests[1].count(f"have {B.hex()}".encode()) == 1
    assert b"0009done\n" in transport.requests[1]


@pytest.mark.fault(34)
def test_an_ack_for_what_was_never_offered_is_an_error():
    with pytest.raises(RemoteProtocolError, match="never offered"):
        fetch(V2, text("acknowledgments", f"ACK {A.hex()}") + FLUSH, haves=[B])


def test_junk_after_a_round_is_an_error():
    with pytest.raises(RemoteProtocolError):
        fetch(V2, NAK_ROUND + b"x", haves=[B])


def test_leaving_early_closes_the_answer():
    transport = ScriptedTransport(text("packfile") + PACK * 10 + FLUSH)
    with fetch_pack(transport, V2, wants=[A]) as response:
        assert response.blocks is not None
        assert next(response.blocks) == b"PACK"
        assert transport.open_answers == 1
    assert transport.open_answers == 0


@pytest.mark.parametrize("advertisement", [V2, V0, BARE])
def test_any_answer_is_a_pack_or_an_error_of_the_remote(advertisement):
    parts = st.sampled_from(
        (
            *map(text, ("packfile", "NAK", "acknowledgments", "ready", f"ACK {B.hex()}")),
            *map(text, ("ERR x", "shallow-info")),
            *(PACK, FLUSH, b"0001", b"junk", encode_packet(b"\2hi")),
        )
    )

    @given(st.lists(parts, max_size=6), st.integers(1, 9))
    def check(answer: list[bytes], block_bytes: int) -> None:
        def outcome(size: int | None) -> object:
            try:
                return fetch(advertisement, b"".join(answer), haves=[B], block_bytes=size)
            except (RemoteProtocolError, RemoteError) as error:
                return str(error)

        assert outcome(block_bytes) == outcome(None)

    check()


@given(st.binary(max_size=60))
def test_any_first_words_are_refs_or_an_error_of_the_remote(data):
    try:
        list_refs(ScriptedTransport(data))
    except (RemoteProtocolError, RemoteError):
        return
