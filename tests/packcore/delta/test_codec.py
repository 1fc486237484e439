"""Writing and applying deltas."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.delta.blockwise import apply_delta_blocks
from packcore.delta.codec import (
    DELTA_BYTES_MIN,
    Copy,
    Insert,
    Instruction,
    TargetTooLarge,
    apply_delta,
    delta_sizes,
    empty_delta,
    encode_copy,
    encode_delta,
    encode_insert,
    iter_instructions,
)
from packcore.delta.encode import delta_from_matches
from packcore.errors import CorruptData
from packcore.varint import encode_size

COPIES = [
    (Copy(0, 1), "9001"),
    (Copy(6, 5), "910605"),
    (Copy(0x100, 0x100), "a20101"),
    (Copy(0x12345678, 0x1234), "bf785634123412"),
    (Copy(0, 0x10000), "80"),
    (Copy(0xFF000000, 0xFFFF), "b8ffffff"),
]


def blockwise(base: bytes, delta: bytes, cut: int = 3) -> bytes:
    pieces = [delta[i : i + cut] for i in range(0, len(delta), cut)]
    blocks = list(apply_delta_blocks(lambda offset, size: base[offset : offset + size], len(base), pieces))
    assert all(0 < len(block) <= 65536 for block in blocks)
    return b"".join(blocks)


@st.composite
def base_and_instructions(draw: st.DrawFn) -> tuple[bytes, list[Instruction]]:
    base = draw(st.binary(min_size=1, max_size=300))
    instructions: list[Instruction] = []
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.booleans()):
            offset = draw(st.integers(0, len(base) - 1))
            instructions.append(Copy(offset, draw(st.integers(1, len(base) - offset))))
        else:
            instructions.append(Insert(draw(st.binary(min_size=1, max_size=127))))
    return base, instructions


@pytest.mark.parametrize(("copy", "coded"), COPIES)
def test_a_copy_writes_only_the_bytes_that_are_not_zero(copy: Copy, coded: str):
    assert encode_copy(*copy).hex() == coded
    assert list(iter_instructions(encode_delta(1 << 20, 1 << 20, []) + bytes.fromhex(coded))) == [copy]


def test_a_long_insert_is_written_as_several():
    coded = encode_insert(b"x" * 300)
    assert [coded[0], coded[128], coded[256]] == [127, 127, 46]


def test_a_long_copy_is_written_as_several():
    base = bytes(range(256)) * 1000
    delta = encode_delta(len(base), 200_000, [Copy(5, 200_000)])
    assert [i.size for i in iter_instructions(delta) if isinstance(i, Copy)] == [65536, 65536, 65536, 3392]
    assert apply_delta(base, delta) == base[5:200_005] == blockwise(base, delta)


@given(base_and_instructions(), st.integers(1, 50))
def test_applying_does_what_the_instructions_say(case: tuple[bytes, list[Instruction]], cut: int):
    base, instructions = case
    target = b"".join(
        base[i.offset : i.offset + i.size] if isinstance(i, Copy) else i.data for i in instructions
    )
    delta = encode_delta(len(base), len(target), instructions)
    assert len(delta) >= DELTA_BYTES_MIN
    assert list(iter_instructions(delta)) == instructions
    assert delta_sizes(delta) == (len(base), len(target))
    assert apply_delta(base, delta) == target
    assert apply_delta(memoryview(base), memoryview(delta)) == target
    assert blockwise(base, delta, cut) == target


def test_blocks_ask_the_base_once_for_each_copy_unless_it_is_longer_than_a_block():
    asked = []

    def read(offset: int, size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    copies = [(5, 1), (0, 0x10000), (7, 300), (0, 0x30001)]
    coded = b"".join(encode_copy(*copy) for copy in copies[:3]) + b"\xf0\x01\x00\x03"
    size = sum(copy[1] for copy in copies)
    delta = encode_size(1 << 20) + encode_size(size) + coded
    assert sum(map(len, apply_delta_blocks(read, 1 << 20, [delta]))) == size
    assert asked == [1, 0x10000, 300, 0x10000, 0x10000, 0x10000, 1]


@pytest.mark.parametrize("cut", [1, 100, 65536])
def test_a_delta_in_blocks_is_copied_once_however_small_they_are(cut: int):
    class Counted(bytes):
        added = 0

        def __radd__(self, rest: bytes) -> bytes:
            Counted.added += len(rest) + len(self)
            return rest + bytes(self)

    delta = encode_size(16) + encode_size(20_000) + b"\x91\x05\x01" * 20_000
    pieces = [Counted(delta[i : i + cut]) for i in range(0, len(delta), cut)]
    list(apply_delta_blocks(lambda offset, size: bytes(size), 16, pieces))
    # What is left of a block is at most one instruction.
    assert len(delta) <= Counted.added <= len(delta) + 128 * len(pieces)


WRONG = [
    ("no head", b"", "integer|a delta of 0 bytes"),
    ("half a head", b"\x05", "integer|a delta of 1 bytes"),
    ("a head that does not end", b"\x85\x80\x80\x80", "integer"),
    ("shorter than git takes", b"\x05\x00", "none is shorter than 4"),
    ("shorter than git takes, with padded sizes", b"\x85\x00\x00", "none is shorter than 4"),
    ("another base", b"\x04\x01\x01a", "for a base of 4 bytes; this one has 5"),
    ("reserved", b"\x05\x01\x00\x00", "reserved"),
    ("copy behind the base", b"\x05\x05\x91\x01\x05", "copies bytes 1 to 6"),
    ("copy far behind the base", b"\x05\x01\xbf\xff\xff\xff\xff\xff\xff", "more than"),
    ("copy of the default size", b"\x05\x05\x80\x80", "more than"),
    ("too long by copy", b"\x05\x04\x90\x05", "more than its 4"),
    ("too long by insert", b"\x05\x02\x03abc", "more than its 2"),
    ("too short", b"\x05\x07\x90\x05", "5 of its 7"),
    ("empty, but should not be", b"\x85\x00\x87\x00", "0 of its 7"),
    ("ends in an insert", b"\x05\x05\x05ab", "ends within an insert"),
    ("ends in a copy", b"\x05\x05\x91\x00", "ends within a copy"),
    ("ends in a copy of seven", b"\x05\x05\xff\x00\x00", "ends within a copy"),
]


@pytest.mark.parametrize(("delta", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_delta_that_breaks_the_format_is_corrupt(delta: bytes, words: str):
    for apply in (apply_delta, blockwise):
        with pytest.raises(CorruptData, match=words):
            apply(b"hello", delta)


@pytest.mark.parametrize("base_size", [0, 1, 127, 128, 20_000, 3_000_000])
def test_a_delta_of_an_empty_target_is_padded_to_the_length_that_git_requires(base_size: int):
    delta = empty_delta(base_size)
    assert len(delta) >= DELTA_BYTES_MIN
    assert delta == delta_from_matches(base_size, b"", []) == encode_delta(base_size, 0, [])
    base = bytes(base_size)
    assert apply_delta(base, delta) == blockwise(base, delta) == b""
    assert delta_sizes(delta) == (base_size, 0)


def test_a_delta_of_four_bytes_may_have_an_empty_target_as_in_git():
    for apply in (apply_delta, blockwise):
        assert apply(b"hello", b"\x85\x00\x80\x00") == b""


@given(st.binary(max_size=20), st.binary(max_size=40))
def test_any_delta_applies_or_is_corrupt_and_both_ways_agree(base: bytes, tail: bytes):
    for delta in (tail, encode_delta(len(base), 10, []) + tail):
        outcomes: list[bytes | None] = []
        for apply in (apply_delta, blockwise):
            try:
                outcomes.append(apply(base, delta))
            except CorruptData:
                outcomes.append(None)
        assert outcomes[0] == outcomes[1]
        try:
            list(iter_instructions(delta))
        except CorruptData:
            assert outcomes[0] is None


@pytest.mark.parametrize("op", range(0x80, 0x100))
def test_a_copy_of_size_0_copies_64_kib_however_it_is_written(op: int):
    base = bytes(range(256)) * 300
    operands = bytes((op & 0x7F).bit_count())
    delta = encode_size(len(base)) + encode_size(0x10000) + bytes([op]) + operands
    for apply in (apply_delta, blockwise):
        assert apply(base, delta) == base[:0x10000]


@pytest.fixture(scope="module")
def far_base() -> bytes:
    """A base of 17 MiB in which each four bytes tell where they are."""
    return array("I", range(17 * 1024 * 1024 // 4)).tobytes()


def copy_by(op: int, offset: bytes, size: bytes) -> tuple[bytes, int, int]:
    """Return a copy in that form, and the offset and size that it comes to: bytes left out are 0."""
    fields = [*offset, *size]
    coded = bytes([op, *(value for bit, value in enumerate(fields) if op >> bit & 1)])
    at = sum(value << 8 * bit for bit, value in enumerate(offset) if op >> bit & 1)
    count = sum(value << 8 * bit for bit, value in enumerate(size) if op >> bit + 4 & 1)
    return coded, at, count or 0x10000


@pytest.mark.parametrize("op", range(0x80, 0x100))
def test_each_form_of_a_copy_takes_its_bytes_from_their_place(op: int, far_base: bytes):
    for offset, size in ((b"\x01\x02\x03\x01", b"\x05\x02\x01"), (b"\xfe\x81\x00\x00", b"\x81\x80\x00")):
        coded, at, count = copy_by(op, offset, size)
        expected = far_base[at : at + count]
        delta = encode_size(len(far_base)) + encode_size(count + 1) + coded + b"\x01!"
        assert apply_delta(far_base, delta) == expected + b"!"
        blocks = apply_delta_blocks(lambda at, count: far_base[at : at + count], len(far_base), [delta])
        assert b"".join(blocks) == expected + b"!"
        assert list(iter_instructions(delta)) == [Copy(at, count), Insert(b"!")]


@pytest.mark.parametrize("count", [0, 1, 70_000])
@pytest.mark.parametrize("rest", [0, 1, 9000])
def test_a_long_delta_is_applied_in_stretches_without_a_gap(count: int, rest: int):
    base = bytes(range(256)) * 40
    delta, expected = bytearray(), bytearray()
    for number in range(count // 2):
        delta += bytes([1, number % 251])
        expected.append(number % 251)
    if rest:
        coded, at, size = copy_by(0xB3, b"\x07\x00\x00\x00", bytes([rest & 255, rest >> 8, 0]))
        delta += coded
        expected += base[at : at + size]
    whole = encode_size(len(base)) + encode_size(len(expected)) + delta
    if len(whole) >= DELTA_BYTES_MIN and expected:
        assert apply_delta(base, whole) == expected


@pytest.mark.parametrize("size", [0x7F, 0x80, 0x81, 0x3FFF, 0x4000, 0x4001])
def test_sizes_of_one_two_and_three_bytes_are_read_of_base_and_target(size: int):
    base = bytes(number % 253 for number in range(size))
    delta = encode_size(size) + encode_size(size) + encode_copy(0, size)
    assert apply_delta(base, delta) == base
    with pytest.raises(CorruptData, match=f"for a base of {size} bytes; this one has {size + 1}"):
        apply_delta(base + b"x", delta)


def test_a_target_as_large_as_may_be_is_made_and_a_larger_one_is_not():
    delta = encode_size(8) + encode_size(8) + encode_copy(0, 8)
    assert apply_delta(b"12345678", delta, target_bytes_max=8) == b"12345678"
    with pytest.raises(TargetTooLarge, match="makes 8 bytes"):
        apply_delta(b"12345678", delta, target_bytes_max=7)


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (b"\x05\x01\x00", "3 bytes"),
        (b"\x05\x01\x00\x00", "instruction 0"),
        (b"\x05\x03\x03ab", "within an insert"),
        (b"\x05\x03\x91\x01", "within a copy"),
    ],
)
def test_instructions_that_break_the_format_are_corrupt(delta: bytes, words: str):
    with pytest.raises(CorruptData, match=words):
        list(iter_instructions(delta))
