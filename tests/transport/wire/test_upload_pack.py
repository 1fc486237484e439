"""Requests to upload-pack, byte for byte, and what is refused before a byte is made."""

from __future__ import annotations

import pytest

from packcore.ids import ObjectId
from transport.errors import LocalProtocolError, UnsupportedByRemote
from transport.wire.capabilities import Capabilities, parse_capabilities, parse_capabilities_v2
from transport.wire.upload_pack import (
    FetchOptions,
    RoundV0,
    encode_fetch_v0,
    encode_fetch_v2,
    v0_capabilities,
)

A, B, C, D = (ObjectId(bytes([n]) * 20) for n in (0xAA, 0xBB, 0xCC, 0xDD))
V2 = parse_capabilities_v2(
    [b"agent=git/2", b"fetch=shallow filter ref-in-want wait-for-done", b"object-format=sha1"]
)
V0 = parse_capabilities(
    b"multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative"
    b" no-progress include-tag multi_ack_detailed no-done filter object-format=sha1 agent=git/2"
)
ALL = FetchOptions(
    thin_pack=True,
    no_progress=True,
    include_tag=True,
    depth=3,
    filter_spec="blob:none",
    shallow=(D,),
)


def text(request: bytes) -> list[str]:
    """Show a request as its lines; flush and delim as their digits."""
    shown = []
    while request:
        length = int(request[:4], 16)
        shown.append(request[4:length].decode() if length >= 4 else request[:4].decode())
        request = request[max(4, length) :]
    return shown


def test_a_v2_clone_in_full():
    request = encode_fetch_v2(V2, FetchOptions(), wants=[A], done=True, agent="packcore/1")
    assert request == (
        b"0012command=fetch\n0015agent=packcore/1\n0017object-format=sha1\n0001000eofs-delta\n"
        b"0032want " + A.hex().encode() + b"\n0009done\n0000"
    )


def test_a_v2_round_with_everything():
    request = encode_fetch_v2(
        V2, ALL, wants=[A, B, A], common=[C], haves=[D, C], done=False, agent="packcore/1"
    )
    assert text(request) == [
        "command=fetch\n",
        "agent=packcore/1\n",
        "object-format=sha1\n",
        "0001",
        "thin-pack\n",
        "no-progress\n",
        "include-tag\n",
        "ofs-delta\n",
        f"shallow {D.hex()}\n",
        "deepen 3\n",
        "filter blob:none\n",
        f"want {A.hex()}\n",
        f"want {B.hex()}\n",
        f"have {C.hex()}\n",
        f"have {D.hex()}\n",
        "0000",
    ]


def test_a_v0_clone_in_full():
    request = encode_fetch_v0(V0, FetchOptions(), wants=[A, B], round_=RoundV0(done=True), agent="packcore/1")
    first = f"want {A.hex()} multi_ack_detailed no-done side-band-64k ofs-delta agent=packcore/1\n"
    assert text(request) == [first, f"want {B.hex()}\n", "0000", "done\n"]


def test_a_v0_round_repeats_the_wants_and_the_common_ids():
    round_ = RoundV0(common=(C,), haves=(D,))
    request = encode_fetch_v0(V0, ALL, wants=[A], round_=round_, agent="packcore/1")
    assert text(request)[1:] == [
        f"shallow {D.hex()}\n",
        "deepen 3\n",
        "filter blob:none\n",
        "0000",
        f"have {C.hex()}\n",
        f"have {D.hex()}\n",
        "0000",
    ]
    assert " thin-pack no-progress include-tag ofs-delta filter " in text(request)[0]


def test_on_a_lasting_connection_later_rounds_hold_only_haves():
    round_ = RoundV0(haves=(D,), continued=True)
    request = encode_fetch_v0(V0, FetchOptions(), wants=[A], round_=round_, agent="x", stateless=False)
    assert text(request) == [f"have {D.hex()}\n", "0000"]
    assert "no-done" not in v0_capabilities(V0, FetchOptions(), agent="x", stateless=False)


@pytest.mark.fault(40)
@pytest.mark.parametrize(
    ("advertised", "sent"),
    [
        (b"", []),
        (b"side-band", ["side-band"]),
        (b"side-band side-band-64k", ["side-band-64k"]),
        (b"multi_ack no-done", []),
        (b"multi_ack multi_ack_detailed", ["multi_ack_detailed"]),
        (b"ofs-delta agent=git/1", ["ofs-delta", "agent=packcore/1"]),
    ],
)
def test_only_what_a_v0_server_advertised_is_sent(advertised, sent):
    options = FetchOptions(thin_pack=True, no_progress=True, include_tag=True)
    assert v0_capabilities(parse_capabilities(advertised), options, agent="packcore/1") == sent


def test_we_tell_dulwichs_server_that_we_take_thin_packs_but_do_not_ask_for_no_done():
    advertised = parse_capabilities(b"multi_ack_detailed no-done thin-pack ofs-delta object-format=sha1")
    tokens = v0_capabilities(advertised, FetchOptions(), agent="packcore/1")
    assert tokens == ["multi_ack_detailed", "thin-pack", "ofs-delta"]
    assert "thin-pack" not in v0_capabilities(V0, FetchOptions(), agent="packcore/1")


UNSUPPORTED = [
    (FetchOptions(depth=1), "shallow history"),
    (FetchOptions(shallow=(A,)), "shallow history"),
    (FetchOptions(deepen_since=1), "shallow history"),
    (FetchOptions(deepen_not=("refs/heads/x",)), "shallow history"),
    (FetchOptions(filter_spec="blob:none"), "filters"),
    (FetchOptions(want_refs=("refs/heads/x",)), "wants by name"),
    (FetchOptions(wait_for_done=True), "wait-for-done"),
    (FetchOptions(server_options=("x",)), "server options"),
]


@pytest.mark.fault(40)
@pytest.mark.parametrize(("options", "what"), UNSUPPORTED)
def test_a_condition_that_the_server_lacks_is_refused(options, what):
    bare = parse_capabilities_v2([b"fetch"])
    with pytest.raises(UnsupportedByRemote, match=what):
        encode_fetch_v2(bare, options, wants=[A], done=True, agent="x")
    with pytest.raises(UnsupportedByRemote, match=what):
        encode_fetch_v0(Capabilities(), options, wants=[A], round_=RoundV0(done=True), agent="x")


def test_a_fetch_that_wants_nothing_is_our_own_fault():
    with pytest.raises(LocalProtocolError):
        encode_fetch_v2(V2, FetchOptions(), wants=[], done=True, agent="x")
    with pytest.raises(LocalProtocolError):
        encode_fetch_v0(V0, FetchOptions(), wants=[], round_=RoundV0(), agent="x")
