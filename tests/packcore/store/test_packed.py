"""Packs on disk: every way of reading, beside a git that repacks, and with damage."""

from __future__ import annotations

import random
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.deflate import BLOCK_BYTES
from packcore.errors import (
    CorruptData,
    CorruptIndex,
    CorruptPack,
    LimitExceeded,
    MissingObject,
    PackcoreError,
)
from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
from packcore.limits import Limits
from packcore.pack.index import write_index_v2
from packcore.pack.indexer import index_pack_file
from packcore.store.base import ObjectStore
from packcore.store.base_cache import BaseCache
from packcore.store.packed import PackedStore, PackFile
from tests.packcore.pack_builder import (
    blob_id,
    build_pack,
    chain_of,
    ofs_delta,
    ref_delta,
    simple_delta,
    whole,
    write_pack_file,
)
from tests.support import fast_import, git, history, make_repository

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits()


def indexed_pack(directory: Path, data: bytes, name: str = "pack-a.pack") -> Path:
    path = write_pack_file(directory, [data], name)
    indexed = index_pack_file(path, object_format=SHA1)
    path.with_suffix(".idx").write_bytes(b"".join(indexed.index_blocks()))
    return path


def versions(count: int, size: int = 500) -> list[bytes]:
    chance = random.Random(4)
    texts = [chance.randbytes(size)]
    texts += [texts[0][: 10 + n] + b"change %d" % n + texts[0][10 + n :] for n in range(1, count)]
    return texts


@pytest.fixture(params=["sha1", "sha256"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_repository(
        tmp_path / "r.git", history(commits=40, tag="v1"), object_format=request.param, repack=True
    )


def format_of(repository: Path) -> ObjectFormat:
    return SHA256 if git("rev-parse", "--show-object-format", cwd=repository) == "sha256" else SHA1


@pytest.mark.parametrize("limits", [LIMITS, replace(LIMITS, base_cache=0), replace(LIMITS, big_object=100)])
@pytest.mark.parametrize(
    "config", [[], ["-c", "repack.useDeltaBaseOffset=false", "-c", "pack.indexVersion=1"]]
)
def test_every_object_is_what_git_says(repository: Path, limits: Limits, config: list[str]):
    git(*config, "repack", "-adfq", cwd=repository)
    store = PackedStore(repository / "objects/pack", format_of(repository), limits)
    assert isinstance(store, ObjectStore)
    listed = git("cat-file", "--batch-check", "--batch-all-objects", cwd=repository).splitlines()
    assert len(listed) == len(list(store)) == len(store) > 100
    for line in listed:
        name, type_name, size = line.split()
        oid = store.object_format.from_hex(name)
        assert oid in store
        header = store.header(oid)
        assert (header.type.label.decode(), str(header.size)) == (type_name, size)
        stored = store.read(oid)
        assert store.object_format.hash_object(stored.type.label, stored.data) == oid
        assert b"".join(store.stream(oid)) == stored.data
    store.close()


def test_raw_entries_tell_how_the_object_lies(repository: Path):
    git("repack", "-adfq", cwd=repository)
    store = PackedStore(repository / "objects/pack", format_of(repository))
    pack = next((repository / "objects/pack").glob("*.pack"))
    data = pack.read_bytes()
    deltas = 0
    for line in git("verify-pack", "-v", pack, cwd=repository).splitlines():
        fields = line.split()
        if len(fields) not in {5, 7} or not fields[2].isdigit():
            continue
        raw = store.raw(store.object_format.from_hex(fields[0]))
        assert raw is not None
        assert (raw.size, raw.end_offset - raw.pack_offset, raw.pack_offset) == tuple(map(int, fields[2:5]))
        assert (raw.base.hex() if raw.base else None) == (fields[6] if len(fields) == 7 else None)
        assert b"".join(raw.pack.copy_payload(raw)) == data[raw.payload_offset : raw.end_offset]
        deltas += raw.base is not None
    assert deltas > 20
    assert store.raw(ObjectId(b"\1" * store.object_format.digest_size)) is None
    store.close()


def test_storage_order_is_by_offset_and_strangers_come_last(tmp_path: Path):
    blobs = [b"%d" % n for n in range(30)]
    indexed_pack(tmp_path, build_pack([whole(blob) for blob in blobs]))
    store = PackedStore(tmp_path, SHA1)
    stranger = blob_id(b"stranger")
    mixed = [stranger, *sorted(map(blob_id, blobs))]
    assert store.storage_order(mixed) == [*map(blob_id, blobs), stranger]
    store.close()


def test_an_id_that_is_not_here_is_missing(tmp_path: Path):
    indexed_pack(tmp_path, build_pack([whole(b"x")]))
    store = PackedStore(tmp_path, SHA1)
    stranger = blob_id(b"stranger")
    assert stranger not in store
    assert b"short" not in store
    assert "text" not in store
    for ask in (store.header, store.read, lambda oid: list(store.stream(oid))):
        with pytest.raises(MissingObject) as caught:
            ask(stranger)
        assert caught.value.oid == stranger.hex()
    store.close()


def test_a_directory_that_is_not_there_is_an_empty_store(tmp_path: Path):
    store = PackedStore(tmp_path / "nowhere", SHA1)
    assert list(store) == []
    assert blob_id(b"x") not in store
    store.close()
    store.close()


def test_git_gc_beside_us_takes_nothing_away(tmp_path: Path):
    repository = make_repository(tmp_path / "r.git", history(commits=20), repack=True)
    store = PackedStore(repository / "objects/pack", SHA1)
    before = list(store)
    fast_import(repository, history(commits=10, seed=2, branch="refs/heads/other"))
    git("repack", "-adfq", cwd=repository)
    git("prune-packed", cwd=repository)
    for oid in before:
        assert store.object_format.hash_object(*label_and_data(store, oid)) == oid
    new = SHA1.from_hex(git("rev-parse", "other", cwd=repository))
    assert new in store
    assert store.read(new).type.label == b"commit"
    assert set(before) < set(store)
    store.close()


def label_and_data(store: ObjectStore, oid: ObjectId) -> tuple[bytes, bytes]:
    stored = store.read(oid)
    return stored.type.label, stored.data


def test_an_object_of_two_packs_is_listed_once(tmp_path: Path):
    indexed_pack(tmp_path, build_pack([whole(b"a"), whole(b"b")]), "pack-1.pack")
    indexed_pack(tmp_path, build_pack([whole(b"b"), whole(b"c")]), "pack-2.pack")
    store = PackedStore(tmp_path, SHA1)
    assert sorted(store) == sorted(map(blob_id, [b"a", b"b", b"c"]))
    assert set(store.ids_between(b"\0", b"\xff")) == set(store)
    store.close()


def test_a_large_delta_is_streamed_in_blocks(tmp_path: Path):
    big = random.Random(1).randbytes(300_000)
    edited = big[:150_000] + b"edited" + big[150_000:]
    small = edited[:50]
    path = indexed_pack(
        tmp_path,
        build_pack(
            [whole(big), ofs_delta(0, simple_delta(big, edited)), ofs_delta(1, simple_delta(edited, small))]
        ),
    )
    pack = PackFile(path, SHA1, replace(LIMITS, big_object=1000))
    for blob in (big, edited, small):
        blocks = list(pack.stream(blob_id(blob)))
        assert max(map(len, blocks)) <= BLOCK_BYTES
        assert b"".join(blocks) == blob
        assert pack.read(blob_id(blob)).data == blob
        assert pack.header(blob_id(blob)).size == len(blob)
    pack.close()


def test_a_stream_that_is_dropped_half_way_leaves_nothing_open(tmp_path: Path):
    big = random.Random(1).randbytes(300_000)
    path = indexed_pack(tmp_path, build_pack([whole(big), ofs_delta(0, simple_delta(big, big[1:]))]))
    pack = PackFile(path, SHA1, replace(LIMITS, big_object=1000))
    stream = pack.stream(blob_id(big[1:]))
    assert len(next(stream)) > 0
    del stream
    pack.close()


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
    with suppress(CorruptData):
        raw = pack.raw(oid)
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
    indexed.table.settle(0, 3, blob_id(b"another id"))
    order = indexed.table.sorted_by_id()
    path.with_suffix(".idx").write_bytes(b"".join(write_index_v2(indexed.table, order)))
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


def test_the_cache_stays_within_its_bytes():
    cache = BaseCache(10_000)
    first, second = cache.new_pack(), cache.new_pack()
    for number in range(100):
        cache.put(first + number, (3, bytes(1000)))
    held = [number for number in range(100) if cache.get(first + number)]
    assert held == list(range(92, 100))
    cache.put(first + 200, (3, bytes(9000)))
    assert cache.get(first + 200) is None
    cache.put(second + 92, (3, b"x"))
    assert cache.get(first + 93) is not None


def test_the_cache_is_widened_once_however_many_ask():
    cache = BaseCache(10_000)
    for _ in range(3):
        cache.widen(2_400)
    for number in range(100):
        cache.put(number, (3, bytes(1000)))
    assert [number for number in range(100) if cache.get(number)] == list(range(90, 100))


def test_a_pack_without_deltas_or_objects_opens(tmp_path: Path):
    indexed_pack(tmp_path, build_pack([]))
    store = PackedStore(tmp_path, SHA1)
    assert list(store) == []
    store.close()
