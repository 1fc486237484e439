"""The head of an entry is read in four places, three of them spelt out for speed: all read the same.

format and varint     the plain way; `PackSource.entry` uses it     the oracle here
PackReader.rows       streaming, each entry once                    agrees, or raises too
PackListing._head     many entries of an open pack                  agrees, or leaves it to the plain way
_Heads                all entries of a part that is copied          agrees, or leaves it to the plain way
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.deflate import deflate
from packcore.errors import CorruptData, CorruptPack, LimitExceeded
from packcore.ids import SHA1, ObjectId
from packcore.limits import Limits
from packcore.pack.format import (
    OFS_DELTA,
    REF_DELTA,
    decode_entry_header,
    encode_entry_header,
    encode_pack_header,
)
from packcore.pack.mapping import PackSource
from packcore.pack.reader import PackReader
from packcore.store.listing import PackListing
from packcore.store.pack_part import _Heads
from packcore.varint import decode_ofs, encode_ofs

NAME = "pack-test"
STREAM = deflate(b"x" * 9)
BEFORE = [encode_entry_header(3, 9) + STREAM, encode_entry_header(1, 9) + STREAM] * 70
"""Entries in front of the one that is read, more than a distance of one byte can step over."""
OFFSETS = [12]
for entry in BEFORE:
    OFFSETS.append(OFFSETS[-1] + len(entry))
START = OFFSETS[-1]
"""Where the entry begins that is read."""
FIRST_OID = ObjectId(bytes(19) + b"\1")


class Head(NamedTuple):
    code: int
    size: int
    base_offset: int | None
    base_oid: ObjectId | None
    payload: int


def head_of(coded: bytes) -> Head | None:
    """Read a head by the plain functions of the format; None where it breaks it."""
    data = coded + STREAM
    try:
        code, size, position = decode_entry_header(data, 0)
        base_offset = base_oid = None
        if code == OFS_DELTA:
            distance, position = decode_ofs(data, position)
            base_offset = START - distance
            if distance == 0 or base_offset < 12:
                return None
        elif code == REF_DELTA:
            base_oid = ObjectId(data[position : position + 20])
            position += 20
    except CorruptData:
        return None
    return Head(code, size, base_offset, base_oid, START + position)


def pack_of(coded: bytes) -> bytes:
    body = encode_pack_header(len(BEFORE) + 1) + b"".join(BEFORE) + coded + STREAM
    return body + hashlib.sha1(body).digest()


def sizes(draw: Any, code: int) -> bytes:
    """Code type and size, now and then with more bytes than it takes."""
    size = draw(st.one_of(st.integers(0, 300), st.integers(0, (1 << 70) - 1)))
    coded = bytearray(encode_entry_header(code, size))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 9]))):
        coded[-1] |= 0x80
        coded.append(0)
    return bytes(coded)


@st.composite
def heads(draw: Any) -> bytes:
    """Heads of every kind, sound ones and broken ones."""
    code = draw(st.integers(0, 7))
    coded = sizes(draw, code)
    if code == OFS_DELTA:
        place = draw(st.one_of(st.sampled_from(OFFSETS), st.integers(-(1 << 40), START)))
        coded += encode_ofs(START - place)
    elif code == REF_DELTA:
        coded += draw(st.sampled_from([FIRST_OID, bytes(19) + b"\2", b"\7" * 20]))
    return coded


ANY_HEAD = st.one_of(heads(), st.binary(min_size=1, max_size=45))


class Opened:
    """A pack with that head, open for every reader of it."""

    def __init__(self, coded: bytes) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by __exit__
        self.file.write(pack_of(coded))
        self.file.flush()
        self.source = PackSource(self.file, NAME, 20)
        self.oids = [ObjectId(bytes(18) + (n + 1).to_bytes(2)) for n in range(len(OFFSETS))]

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        self.file.close()

    def listed(self) -> tuple[int, int, int, int]:
        order: Any = SimpleNamespace(offsets=OFFSETS, positions=range(len(OFFSETS)))
        index: Any = SimpleNamespace(oid=self.oids.__getitem__)
        pack: Any = None
        return PackListing(pack, index, self.source, order)._head(START, len(OFFSETS) - 1)

    def part(self) -> _Heads | None:
        class Order:
            offsets = OFFSETS

            def __len__(self) -> int:
                return len(OFFSETS)

        order: Any = Order()
        try:
            return _Heads(self.source, order, self.oids, OFFSETS)
        except (KeyError, IndexError):
            return None


def streamed(coded: bytes) -> Head | None:
    stream = io.BytesIO(pack_of(coded))
    reader = PackReader(iter(lambda: stream.read(100), b""), object_format=SHA1, limits=Limits())
    rows = list(reader)
    last = rows[-1]
    return Head(last.type_code, last.size, last.base_offset, last.base_oid, last.payload_offset)


@given(ANY_HEAD)
@settings(max_examples=150, deadline=None)
def test_an_open_pack_reads_a_head_by_the_plain_functions(coded):
    expected = head_of(coded)
    with Opened(coded) as opened:
        if expected is None or expected.payload > opened.source.entries_end:
            with pytest.raises(CorruptPack):
                opened.source.entry(START)
            return
        found = opened.source.entry(START)
        assert Head(*found[1:]) == expected
        assert found.offset == START


@given(heads())
@settings(max_examples=150, deadline=None)
def test_a_listing_reads_the_same_head_or_leaves_it(coded):
    expected = head_of(coded)
    with Opened(coded) as opened:
        code, size, base_rank, payload = opened.listed()
    if base_rank == -2:
        is_plain = (
            expected is not None
            and expected.code != REF_DELTA
            and len(encode_entry_header(expected.code, expected.size)) <= 7
            and coded.startswith(encode_entry_header(expected.code, expected.size))
            and (expected.base_offset is None or expected.base_offset in OFFSETS)
        )
        assert not is_plain
        return
    assert expected is not None
    assert (code, size, payload) == (expected.code, expected.size, expected.payload)
    assert expected.base_offset == (None if base_rank < 0 else OFFSETS[base_rank])


@given(heads())
@settings(max_examples=150, deadline=None)
def test_a_part_that_is_copied_reads_the_same_head_or_leaves_it(coded):
    expected = head_of(coded)
    with Opened(coded) as opened:
        part = opened.part()
        if part is None:
            is_plain = (
                expected is not None
                and coded.startswith(encode_entry_header(expected.code, expected.size))
                and len(encode_entry_header(expected.code, expected.size)) < 9
                and (expected.base_offset is None or expected.base_offset in OFFSETS[:-1])
                and (expected.base_oid is None or expected.base_oid in opened.oids)
            )
            assert not is_plain
            return
        assert expected is not None
        assert part.payloads[-1] == expected.payload
        base = part.bases[-1]
        if expected.base_oid is not None:
            assert opened.oids[base] == expected.base_oid
        else:
            assert expected.base_offset == (None if base < 0 else OFFSETS[base])


@given(heads())
@settings(max_examples=150, deadline=None)
def test_the_stream_reads_the_same_head_or_raises(coded):
    expected = head_of(coded)
    try:
        found = streamed(coded)
    except (CorruptData, LimitExceeded):
        # The stream behind the head holds nine bytes, and no delta or object of any other size.
        assert expected is None or expected.size != 9
    else:
        assert found == expected


@pytest.mark.parametrize("code", [1, 2, 3, 4, 6, 7])
def test_every_reader_reads_a_plain_head(code):
    base = {OFS_DELTA: encode_ofs(START - OFFSETS[3]), REF_DELTA: FIRST_OID}.get(code, b"")
    coded = encode_entry_header(code, 9) + base
    expected = head_of(coded)
    assert expected is not None
    assert streamed(coded) == expected
    with Opened(coded) as opened:
        assert Head(*opened.source.entry(START)[1:]) == expected
        part = opened.part()
        assert part is not None
        assert part.payloads[-1] == expected.payload
        assert part.bases[-1] == {OFS_DELTA: 3, REF_DELTA: 0}.get(code, -1)
        if code != REF_DELTA:
            assert opened.listed() == (code, 9, 3 if code == OFS_DELTA else -1, expected.payload)


def test_the_entries_in_front_are_what_they_are_taken_for():
    assert START - OFFSETS[0] > 1 << 7
    assert all(
        later - earlier == len(entry)
        for (earlier, later), entry in zip(pairwise(OFFSETS), BEFORE, strict=True)
    )
