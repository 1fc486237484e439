"""The two integer encodings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.errors import CorruptData
from packcore.varint import INTEGER_MAX, decode_ofs, decode_size, encode_ofs, encode_size

SIZES = [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (16383, "ff7f"), (16384, "808001")]
DISTANCES = [
    (1, "01"),
    (127, "7f"),
    (128, "8000"),
    (255, "807f"),
    (256, "8100"),
    (16511, "ff7f"),
    (16512, "808000"),
]


@pytest.mark.parametrize(("value", "coded"), SIZES)
def test_a_size_is_coded_least_significant_first(value: int, coded: str):
    assert encode_size(value).hex() == coded
    assert decode_size(bytes.fromhex(coded), 0) == (value, len(coded) // 2)


@pytest.mark.parametrize(("value", "coded"), DISTANCES)
def test_a_distance_is_coded_most_significant_first_and_leaves_no_gap(value: int, coded: str):
    assert encode_ofs(value).hex() == coded
    assert decode_ofs(bytes.fromhex(coded), 0) == (value, len(coded) // 2)


@given(st.integers(0, INTEGER_MAX), st.binary(max_size=4), st.binary(max_size=4))
def test_an_encoded_value_is_decoded_at_any_position(value: int, before: bytes, after: bytes):
    for encode, decode in ((encode_size, decode_size), (encode_ofs, decode_ofs)):
        coded = encode(value)
        assert decode(before + coded + after, len(before)) == (value, len(before) + len(coded))


@pytest.mark.parametrize("decode", [decode_size, decode_ofs])
@pytest.mark.parametrize(
    "coded", [b"", b"\x80", b"\xff\xff", b"\xff" * 9 + b"\x7f", b"\x80" * 1000 + b"\x01"]
)
def test_an_integer_that_ends_early_or_is_too_large_is_corrupt(decode, coded: bytes):
    with pytest.raises(CorruptData):
        decode(coded, 0)


@given(st.binary(max_size=30))
def test_any_bytes_decode_or_are_corrupt(data: bytes):
    for decode in (decode_size, decode_ofs):
        try:
            value, position = decode(data, 0)
        except CorruptData:
            continue
        assert 0 <= value <= INTEGER_MAX
        assert 0 < position <= len(data)
