"""The header of a pack and the headers of its entries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.errors import CorruptPack
from packcore.pack.format import (
    decode_entry_header,
    decode_pack_header,
    encode_entry_header,
    encode_pack_header,
)

HEADERS = [
    (1, 0, "10"),
    (3, 15, "3f"),
    (3, 16, "b001"),
    (2, 300, "ac12"),
    (6, 1 << 20, "e08080 04"),
    (7, 5, "75"),
    (1, (1 << 63) - 1, "9f" + "ff" * 8 + "07"),
]


@pytest.mark.parametrize(("type_code", "size", "coded"), HEADERS)
def test_an_entry_header_holds_type_and_size(type_code: int, size: int, coded: str):
    data = bytes.fromhex(coded)
    assert encode_entry_header(type_code, size) == data
    assert decode_entry_header(b"." + data + b".", 1) == (type_code, size, 1 + len(data))


@given(st.sampled_from([1, 2, 3, 4, 6, 7]), st.integers(0, (1 << 63) - 1))
def test_what_was_coded_is_decoded(type_code: int, size: int):
    coded = encode_entry_header(type_code, size)
    assert decode_entry_header(coded, 0) == (type_code, size, len(coded))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends within"),
        (b"\xb0", "ends within"),
        (b"\x00", "type 0"),
        (b"\x50", "type 5"),
        (b"\xb0" + b"\xff" * 9 + b"\x7f", "63 bits"),
        (b"\xb0" + b"\x80" * 100 + b"\x01", "63 bits"),
        (b"\xb0" + b"\x80" * 100 + b"\x00", "63 bits"),
        (b"\x90" + b"\x80" * 8 + b"\x08", "63 bits"),
    ],
)
def test_an_entry_header_that_breaks_the_format_is_corrupt(data: bytes, words: str):
    with pytest.raises(CorruptPack, match=words):
        decode_entry_header(data, 0)


@pytest.mark.parametrize("version", [2, 3])
def test_versions_two_and_three_are_read(version: int):
    assert decode_pack_header(b"PACK\0\0\0" + bytes([version]) + b"\0\0\1\0") == (version, 256)
    assert decode_pack_header(encode_pack_header(7)) == (2, 7)


@pytest.mark.parametrize(
    ("data", "words", "offset"),
    [
        (b"", "ends within its header", 0),
        (b"PACK\0\0\0\2\0\0\0", "ends within its header", 11),
        (b"pack\0\0\0\2\0\0\0\0", "starts with b'pack'", 0),
        (b"PACK\0\0\0\1\0\0\0\0", "version 1", 4),
        (b"PACK\0\0\0\4\0\0\0\0", "version 4", 4),
    ],
)
def test_a_pack_header_that_breaks_the_format_is_corrupt(data: bytes, words: str, offset: int):
    with pytest.raises(CorruptPack, match=words) as caught:
        decode_pack_header(data)
    assert caught.value.offset == offset
