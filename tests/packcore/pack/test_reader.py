"""The streaming parser: the same items from any split, and each fault with its place."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.deflate import crc32, deflate
from packcore.errors import CorruptPack, LimitExceeded, PackcoreError
from packcore.ids import SHA1, SHA256, ObjectFormat
from packcore.limits import Limits
from packcore.pack.format import OFS_DELTA, REF_DELTA, encode_entry_header
from packcore.pack.reader import PackItem, PackReader
from tests.packcore.pack_builder import (
    blob_id,
    build_body,
    build_pack,
    cut,
    ofs_delta,
    ref_delta,
    seal,
    simple_delta,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS = Limits()
CHANCE = random.Random(5)
NOISE = CHANCE.randbytes(3000)
TEXTS = [b"", b"a", b"text " * 50, NOISE, b"tree", NOISE[:200] + b"changed" + NOISE[300:]]


def sample(object_format: ObjectFormat = SHA1) -> bytes:
    return build_pack(
        [
            whole(TEXTS[0]),
            whole(TEXTS[1], type_code=1),
            whole(TEXTS[2], type_code=4),
            whole(TEXTS[3]),
            whole(TEXTS[4], type_code=2),
            ofs_delta(3, simple_delta(TEXTS[3], TEXTS[5])),
            ref_delta(object_format.hash_object(b"blob", TEXTS[3]), simple_delta(TEXTS[3], TEXTS[2])),
        ],
        object_format=object_format,
    )


PACK = sample()


def read(data: bytes, size: int = 10**9, limits: Limits = LIMITS, window: int = 1) -> list[PackItem]:
    reader = PackReader(cut(data, size), object_format=SHA1, limits=limits, window_bytes=window)
    items = list(reader)
    assert reader.count == len(items)
    assert reader.pack_bytes == len(data)
    assert reader.checksum == data[-20:]
    return items


WHOLE_ITEMS = read(PACK)


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("entries", [0, 1, 2, 6])
def test_over_a_lasting_connection_no_block_is_asked_for_behind_the_pack(object_format, size, entries):
    data = build_pack([whole(b"")] * entries, object_format=object_format)

    def blocks() -> Iterator[bytes]:
        yield from cut(data, size)
        raise AssertionError("asked for more than the pack")

    reader = PackReader(blocks(), object_format=object_format, lasting=True)
    assert len(list(reader)) == entries
    assert reader.pack_bytes == len(data)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_over_a_lasting_connection_the_items_are_the_same(size):
    reader = PackReader(cut(PACK, size), object_format=SHA1, lasting=True)
    assert list(reader) == WHOLE_ITEMS


def test_items_say_where_and_what_each_entry_is():
    labels = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
    assert [item.type_code for item in WHOLE_ITEMS] == [3, 1, 4, 3, 2, OFS_DELTA, REF_DELTA]
    assert [item.data for item in WHOLE_ITEMS[:5]] == TEXTS[:5]
    for item in WHOLE_ITEMS[:5]:
        assert item.data is not None
        assert item.oid == SHA1.hash_object(labels[item.type_code], item.data)
    assert WHOLE_ITEMS[5].base_offset == WHOLE_ITEMS[3].offset
    assert WHOLE_ITEMS[6].base_oid == WHOLE_ITEMS[3].oid
    assert WHOLE_ITEMS[0].offset == 12
    for item, following in pairwise(WHOLE_ITEMS):
        assert item.end_offset == following.offset
    for item in WHOLE_ITEMS:
        assert item.crc32 == crc32(PACK[item.offset : item.end_offset])
        # The head of a zlib stream: deflate, with whatever window, and a check of both bytes.
        assert PACK[item.payload_offset] & 0x0F == 8
        assert int.from_bytes(PACK[item.payload_offset :][:2], "big") % 31 == 0


def test_a_sha256_pack_has_longer_bases_and_trailer():
    items = list(PackReader([sample(SHA256)], object_format=SHA256))
    assert items[3].oid == SHA256.hash_object(b"blob", NOISE) == items[6].base_oid


@pytest.mark.parametrize("window", [1, 100, 1 << 18])
@pytest.mark.parametrize("size", [1, 2, 3, 19, 64, 1000])
def test_any_split_gives_the_same_items(size: int, window: int):
    assert read(PACK, size, window=window) == WHOLE_ITEMS


@given(st.data(), st.integers(1, 4000))
def test_random_splits_give_the_same_items(data: st.DataObject, window: int):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(PACK)), max_size=12)))
    blocks = [PACK[a:b] for a, b in zip([0, *cuts], [*cuts, len(PACK)], strict=True)]
    assert list(PackReader(blocks, object_format=SHA1, window_bytes=window)) == WHOLE_ITEMS


@pytest.mark.parametrize("size", [1, 100, 10**9])
def test_a_large_object_is_hashed_in_pieces_and_comes_without_its_data(size: int):
    items = read(PACK, size, replace(LIMITS, big_object=200))
    assert [item._replace(data=None) for item in items] == [item._replace(data=None) for item in WHOLE_ITEMS]
    assert [item.data is None for item in items] == [item.size >= 200 for item in items]


@pytest.mark.fault(36)
def test_a_bomb_within_a_large_object_is_read_without_its_size_in_memory():
    zeros = bytes(40_000_000)
    items = read(build_pack([whole(zeros)]), 65536, replace(LIMITS, big_object=1000), window=1 << 18)
    assert items[0].oid == blob_id(zeros)


def test_an_empty_pack_is_legal():
    assert read(build_pack([])) == []


def test_an_entry_padded_with_empty_deflate_blocks_is_legal():
    # Any number of empty stored blocks may come before the last, more than any estimate allows for.
    stream = b"\x78\x01" + b"\x00\x00\x00\xff\xff" * 100 + deflate(b"x", 6)[2:]
    body = build_body([], count=1)[0] + encode_entry_header(3, 1) + stream
    assert read(seal(body))[0].oid == blob_id(b"x")


@pytest.mark.fault(36)
def test_a_pack_that_ends_early_says_where_whatever_byte_is_its_last():
    for end in range(len(PACK)):
        with pytest.raises(CorruptPack, match=r"ends|zlib") as caught:
            read(PACK[:end], 50)
        assert caught.value.offset is not None
        assert caught.value.offset <= end


@pytest.mark.fault(36)
@pytest.mark.parametrize("size", [1, 10**9])
@pytest.mark.parametrize("rest", [b"\0", b"PACK", bytes(100_000)])
def test_bytes_behind_the_trailer_are_an_error(size: int, rest: bytes):
    with pytest.raises(CorruptPack, match="bytes follow its trailer") as caught:
        read(PACK + rest, size)
    assert caught.value.offset == len(PACK)


def test_empty_blocks_behind_the_trailer_are_ignored():
    assert list(PackReader([PACK, b"", b""], object_format=SHA1)) == WHOLE_ITEMS


def entry_at(header: bytes, stream: bytes = b"") -> bytes:
    return seal(build_body([], count=1)[0] + header + (stream or deflate(b"x")))


FAULTS = [
    ("type 0", entry_at(b"\x01"), "type 0", 12),
    ("type 5", entry_at(b"\x51"), "type 5", 12),
    ("a size of 70 bits", entry_at(b"\xb1" + b"\xff" * 9 + b"\x7f"), "63 bits", 12),
    ("a size without end", entry_at(b"\xb1" + b"\x80" * 60), "63 bits", 12),
    ("a base at itself", entry_at(b"\x61\x00"), "outside", 12),
    ("a base before the entries", entry_at(b"\x61\x01"), "outside", 12),
    ("a base before the pack", entry_at(b"\x61\xff\xff\xff\x7f"), "outside", 12),
    ("a delta that is too short", build_pack([whole(b"abcde"), ofs_delta(0, b"\5\0")]), "of 2 bytes", 26),
    ("a stream that is none", entry_at(b"\x31", b"\x00" * 40), "zlib stream is broken", 12),
    ("less than its size", entry_at(b"\x32"), "1 of the 2 bytes", 12),
    ("more than its size", entry_at(b"\x30"), "more than the 0 bytes", 12),
    ("a wrong checksum", entry_at(b"\x31", deflate(b"x")[:-1] + b"?"), "zlib stream is broken", 12),
    ("a wrong trailer", PACK[:-1] + b"?", "trailer says", len(PACK) - 20),
    ("a count too small", build_pack([whole(b"a"), whole(b"b")], count=1), "trailer says", 22),
    ("a count too large", build_pack([whole(b"a")], count=2), "pack at offset", None),
]  # fmt: skip


@pytest.mark.fault(36)
@pytest.mark.parametrize("big_object", [1, 1 << 24])
@pytest.mark.parametrize(("data", "words", "offset"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_each_fault_is_named_with_its_offset(data: bytes, words: str, offset: int | None, big_object: int):
    with pytest.raises(CorruptPack, match=words) as caught:
        read(data, limits=replace(LIMITS, big_object=big_object))
    assert offset is None or caught.value.offset == offset


@pytest.mark.fault(36)
def test_a_header_that_promises_everything_costs_nothing():
    count = build_body([], count=(1 << 32) - 1)[0]
    with pytest.raises(LimitExceeded) as caught:
        read(count + bytes(20))
    assert caught.value.limit == "pack_objects"
    with pytest.raises(CorruptPack):
        read(count + bytes(20), limits=replace(LIMITS, pack_objects=1 << 32))
    size = seal(build_body([], count=1)[0] + encode_entry_header(3, 1 << 33) + deflate(b"x"))
    with pytest.raises(CorruptPack, match="1 of the 8589934592"):
        read(size)


def test_limits_are_kept():
    for name, value in (("pack_bytes", len(PACK) - 1), ("pack_objects", 6), ("object_bytes", 2999)):
        with pytest.raises(LimitExceeded) as caught:
            read(PACK, limits=replace(LIMITS, big_object=1000, **{name: value}))
        assert caught.value.limit == name


def test_an_error_of_the_blocks_is_raised_unchanged():
    def blocks() -> Iterator[bytes]:
        yield PACK[:40]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        list(PackReader(blocks(), object_format=SHA1, window_bytes=1))


@given(st.data())
def test_any_damage_is_an_error_of_ours(data: st.DataObject):
    position = data.draw(st.integers(0, len(PACK) - 1))
    damaged = bytearray(PACK)
    damaged[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PackcoreError):
        read(bytes(damaged), data.draw(st.sampled_from([1, 50, 10**9])))
