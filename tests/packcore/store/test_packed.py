"""Packs on disk: every way of reading, beside a git that repacks."""

from __future__ import annotations

import errno
import os
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from packcore.errors import (
    MissingObject,
    RepositoryError,
)
from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
from packcore.limits import BLOCK_BYTES, Limits
from packcore.store.base import ObjectStore
from packcore.store.base_cache import BaseCache
from packcore.store.packed import PackedStore, PackFile
from tests.packcore.pack_builder import (
    blob_id,
    build_pack,
    indexed_pack,
    ofs_delta,
    simple_delta,
    whole,
)
from tests.support import fast_import, git, history, make_repository

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits()


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


def test_an_index_without_its_pack_is_passed_over_whatever_it_holds(tmp_path: Path):
    (tmp_path / ".tmp-1-pack-aa.idx").touch()  # what a killed `git repack` leaves
    store = PackedStore(tmp_path, SHA1)
    assert store.faults == {}
    store.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EACCES])
def test_only_a_want_of_descriptors_is_called_too_many_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    indexed_pack(tmp_path, build_pack([whole(b"one")]))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("packcore.store.packed.PackFile", refuse)
    with pytest.raises(RepositoryError, match=os.strerror(number)) as raised:
        PackedStore(tmp_path, SHA1)
    assert bool(raised.value.hint) == (number != errno.EACCES)
