"""The question which wants a server can't send, and its answer."""

from __future__ import annotations

import pytest

from packcore.ids import SHA1, ObjectId
from transport.errors import RemoteError, RemoteProtocolError
from transport.wire.capabilities import parse_capabilities, parse_capabilities_v2
from transport.wire.find_damage import encode_find_damage, parse_damage
from transport.wire.pktline import DELIM, FLUSH, encode_text

A, B = (ObjectId(bytes([number]) * 20) for number in (1, 2))


def answer(*lines: str, end: bytes = FLUSH) -> list[bytes]:
    return [encode_text("damage"), *map(encode_text, lines), end]


def test_the_request_names_wants_and_haves_once():
    capabilities = parse_capabilities_v2([b"fetch=find-damage", b"agent=x"])
    assert encode_find_damage(capabilities, wants=[A, A], haves=[B], agent="me") == (
        b"0012command=fetch\n000dagent=me\n0001"
        b"0010find-damage\n"
        b"0032want " + A.hex().encode() + b"\n0032have " + B.hex().encode() + b"\n0009done\n0000"
    )


def test_reasons_are_read_in_the_order_of_the_wants_and_keepalives_passed_over():
    blocks = answer("keepalive", f"{B.hex()} its%20file%20is%20cut", "keepalive", f"{A.hex()} x")
    assert list(parse_damage(blocks, SHA1, [A, B]).items()) == [(A, "x"), (B, "its file is cut")]


def test_no_damage_is_an_answer():
    assert parse_damage(answer(), SHA1, [A]) == {}


@pytest.mark.parametrize(
    "blocks",
    [
        [encode_text("packfile"), FLUSH],
        answer(f"{B.hex()} not wanted"),
        answer("no id"),
        answer(end=DELIM),
        answer(end=b""),
    ],
)
def test_anything_else_is_an_error(blocks: list[bytes]):
    with pytest.raises(RemoteProtocolError):
        parse_damage(blocks, SHA1, [A])


def test_an_err_line_is_the_servers_word():
    with pytest.raises(RemoteError, match="too much"):
        parse_damage([encode_text("ERR too much")], SHA1, [A])


def test_both_kinds_of_capabilities_tell_whether_it_can_be_asked():
    assert parse_capabilities(b"ofs-delta find-damage").find_damage
    fetch = parse_capabilities_v2([b"fetch=shallow find-damage"]).fetch
    assert fetch is not None
    assert fetch.find_damage
