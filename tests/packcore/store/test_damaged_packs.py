"""Packs on disk that are damaged, forged or beyond a limit: named, and got around where that can be."""

from __future__ import annotations

import random
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.errors import (
    CorruptData,
    CorruptIndex,
    CorruptPack,
    LimitExceeded,
    PackcoreError,
)
from packcore.ids import SHA1
from packcore.limits import BLOCK_BYTES, Limits
from packcore.pack.index_write import write_index
from packcore.pack.indexer import index_pack_file
from packcore.store.packed import PackedStore, PackFile
from tests.packcore.pack_builder import (
    blob_id,
    build_pack,
    chain_of,
    indexed_pack,
    ref_delta,
    simple_delta,
    versions,
    whole,
    write_pack_file,
)

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits()


@pytest.mark.parametrize("size", [100, 200_000])
def test_a_payload_that_was_damaged_fails_its_crc(size: int, tmp_path: Path):
    blob = random.Random(1).randbytes(size)
    path = indexed_pack(tmp_path, build_pack([whole(b"first"), whole(blob)]))
    data = bytearray(path.read_bytes())
    data[-25] ^= 1
    path.write_bytes(data)
    pack = PackFile(path, SHA1)
    raw = pack.raw(blob_id(blob))
    assert raw is not None
    came: list[bytes] = []
    with pytest.raises(CorruptPack, match="CRC-32") as caught:
        came.extend(pack.copy_payload(raw))
    assert bool(came) == (size > BLOCK_BYTES)
    assert caught.value.offset == raw.pack_offset
    pack.close()


def test_damage_is_named_with_pack_offset_and_object(tmp_path: Path):
    texts = versions(3)
    path = indexed_pack(tmp_path, build_pack(chain_of(texts)))
    data = bytearray(path.read_bytes())
    data[100] ^= 0xFF
    path.write_bytes(data)
    store = PackedStore(tmp_path, SHA1)
    for ask in (store.read, lambda oid: list(store.stream(oid))):
        with pytest.raises(CorruptPack) as caught:
            ask(blob_id(texts[2]))
        assert caught.value.offset == 12
        assert caught.value.pack == str(path)
        assert blob_id(texts[2]).hex() in str(caught.value)
    store.close()


def test_another_packs_copy_helps_where_one_is_damaged(tmp_path: Path):
    text = random.Random(1).randbytes(500)
    path = indexed_pack(tmp_path, build_pack([whole(text)]), "pack-2.pack")
    indexed_pack(tmp_path, build_pack([whole(b"x"), whole(text)]), "pack-1.pack")
    data = bytearray(path.read_bytes())
    data[100] ^= 0xFF
    path.write_bytes(data)
    store = PackedStore(tmp_path, SHA1)
    assert store.read(blob_id(text)).data == text
    store.close()


def test_a_pack_that_cannot_be_opened_does_not_hide_the_others(tmp_path: Path):
    indexed_pack(tmp_path, build_pack([whole(b"good")]), "pack-1.pack")
    shutil.copy(tmp_path / "pack-1.pack", tmp_path / "pack-2.pack")
    (tmp_path / "pack-2.idx").write_bytes(b"nonsense")
    (tmp_path / "pack-3.idx").write_bytes((tmp_path / "pack-1.idx").read_bytes())  # its pack is still to come
    store = PackedStore(tmp_path, SHA1)
    assert store.read(blob_id(b"good")).data == b"good"
    assert list(store.faults) == ["pack-2.idx"]
    with pytest.raises(CorruptIndex, match=r"pack-2\.idx"):
        store.read(blob_id(b"unknown"))
    assert blob_id(b"unknown") not in store
    store.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"", "can't be read"),
        (lambda data: data[:20], "too short"),
        (lambda data: b"KCAP" + data[4:], "starts with"),
        (lambda data: data[:11] + b"\7" + data[12:], "it has 7 objects, its index 1"),
        (lambda data: data[:-1] + b"?", "trailer is not the one"),
    ],
)
def test_a_pack_that_does_not_fit_its_index_is_corrupt(change, words: str, tmp_path: Path):
    path = indexed_pack(tmp_path, build_pack([whole(b"x" * 100)]))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(CorruptPack, match=words) as caught:
        PackFile(path, SHA1)
    assert caught.value.pack == str(path)


def forged_index(path: Path, offsets: dict[bytes, int]) -> None:
    """Write an index that says other offsets than the pack has."""
    indexed = index_pack_file(path, object_format=SHA1)
    table = indexed.table
    for entry_index in range(len(table)):
        table.offsets[entry_index] = offsets.get(table.oid(entry_index), table.offsets[entry_index])
    path.with_suffix(".idx").write_bytes(b"".join(indexed.index_blocks()))


@pytest.mark.parametrize("offset", [0, 11, 13, 1 << 20, (1 << 63) + 5])
def test_an_index_that_points_astray_is_an_error_of_ours(offset: int, tmp_path: Path):
    path = write_pack_file(tmp_path, [build_pack([whole(b"a" * 50), whole(b"b" * 50)])])
    forged_index(path, {blob_id(b"a" * 50): offset})
    pack = PackFile(path, SHA1)
    oid = blob_id(b"a" * 50)
    for ask in (pack.read, pack.header, lambda oid: list(pack.stream(oid))):
        with pytest.raises(CorruptData):
            ask(oid)
    with pytest.raises(CorruptData):
        pack.raw(oid)
    pack.close()


def test_an_index_that_exchanges_two_entries_is_found_by_their_crc(tmp_path: Path):
    path = write_pack_file(tmp_path, [build_pack([whole(b"a" * 50), whole(b"b" * 50)])])
    offsets = index_pack_file(path, object_format=SHA1).table.offsets
    forged_index(path, {blob_id(b"a" * 50): offsets[1], blob_id(b"b" * 50): offsets[0]})
    pack = PackFile(path, SHA1)
    for text in (b"a" * 50, b"b" * 50):
        raw = pack.raw(blob_id(text))
        assert raw is not None
        with pytest.raises(CorruptPack, match="CRC-32"):
            list(pack.copy_payload(raw))
    pack.close()


def test_a_cycle_of_ref_deltas_ends(tmp_path: Path):
    # A right pack, then an index that exchanges two objects: each delta is now its own base's base.
    a, b, c = versions(3)
    data = build_pack(
        [
            ref_delta(blob_id(b), simple_delta(b, a)),
            ref_delta(blob_id(c), simple_delta(c, b)),
            whole(c),
        ]
    )
    path = write_pack_file(tmp_path, [data])
    offsets = index_pack_file(path, object_format=SHA1).table.offsets
    forged_index(path, {blob_id(c): offsets[0], blob_id(a): offsets[2]})
    pack = PackFile(path, SHA1, replace(LIMITS, chain_depth=20))
    for ask in (pack.read, pack.header, lambda oid: list(pack.stream(oid))):
        with pytest.raises(CorruptPack, match="cycle"):
            ask(blob_id(c))
    pack.close()


def test_a_base_that_the_pack_lacks_is_named(tmp_path: Path):
    a, b = versions(2)
    path = write_pack_file(tmp_path, [build_pack([whole(a), ref_delta(blob_id(a), simple_delta(a, b))])])
    indexed = index_pack_file(path, object_format=SHA1)
    indexed.table.set_object(0, 3, blob_id(b"another id"))
    order = indexed.table.sorted_by_id()
    path.with_suffix(".idx").write_bytes(b"".join(write_index(indexed.table, order)))
    pack = PackFile(path, SHA1)
    with pytest.raises(CorruptPack, match=f"base {blob_id(a).hex()} is not in the pack"):
        pack.read(blob_id(b))
    pack.close()


def test_a_chain_beyond_the_limit_is_refused(tmp_path: Path):
    path = indexed_pack(tmp_path, build_pack(chain_of(versions(12))))
    last = blob_id(versions(12)[-1])
    pack = PackFile(path, SHA1, replace(LIMITS, chain_depth=10))
    for ask in (pack.read, pack.header):
        with pytest.raises(LimitExceeded) as caught:
            ask(last)
        assert caught.value.limit == "chain_depth"
    pack.close()


def test_an_object_beyond_the_limit_is_refused(tmp_path: Path):
    path = indexed_pack(tmp_path, build_pack([whole(b"x" * 500)]))
    pack = PackFile(path, SHA1, replace(LIMITS, object_bytes=499, big_object=100))
    for ask in (pack.read, lambda oid: list(pack.stream(oid))):
        with pytest.raises(LimitExceeded) as caught:
            ask(blob_id(b"x" * 500))
        assert caught.value.limit == "object_bytes"
    pack.close()


TEXTS = versions(6, 60)

PACK = build_pack([*chain_of(TEXTS), ref_delta(blob_id(TEXTS[2]), simple_delta(TEXTS[2], b"z"))])


@given(data=st.data())
def test_any_damage_of_pack_or_index_is_an_error_of_ours(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
):
    directory = tmp_path_factory.mktemp("damage")
    path = indexed_pack(directory, PACK)
    victim = data.draw(st.sampled_from([path, path.with_suffix(".idx")]))
    damaged = bytearray(victim.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    victim.write_bytes(damaged)
    limits = replace(LIMITS, big_object=data.draw(st.sampled_from([1, 50, 1 << 24])), object_bytes=1 << 24)
    store = PackedStore(directory, SHA1, limits)
    for oid in map(blob_id, [*TEXTS, b"z"]):
        for ask in (store.read, store.header, store.raw, lambda oid: list(store.stream(oid))):
            with suppress(PackcoreError):
                ask(oid)
    store.close()
    shutil.rmtree(directory)
