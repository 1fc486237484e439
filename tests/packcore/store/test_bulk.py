"""Many objects asked for at once: each has the answer that it gets alone."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from packcore.errors import CorruptData, MissingObject
from packcore.ids import SHA1, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.store.bulk import headers_of, raws_of, reading
from packcore.store.memory import MemoryStore
from packcore.store.packed import PackedStore
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.store.union import UnionStore
from packcore.walk import list_objects
from tests.pack_stores import make_history

if TYPE_CHECKING:
    from pathlib import Path

STRANGER = ObjectId(b"\x07" * 20)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two packs that overlap, one with deltas by id, and a loose object."""
    path = tmp_path_factory.mktemp("bulk") / "x.git"
    store, tip = make_history()
    objects = list_objects(store, [tip])
    with Repository.init(path) as opened:
        for ofs_delta, part in ((True, objects), (False, objects[::2])):
            plan = select(store, part)
            with SpooledPack.receive(write_pack(plan, ofs_delta=ofs_delta), object_format=SHA1) as spool:
                spool.install(opened.pack_directory)
        opened.write_loose(ObjectType.BLOB, b"alone")
    return path


def ids_of(path: Path) -> list[ObjectId]:
    with Repository.open(path) as repository:
        oids = sorted(repository)
    random.Random(1).shuffle(oids)
    return oids


def test_a_quick_reader_gives_what_reading_gives(repository):
    with Repository.open(repository) as store:
        read = reading(store)
        for oid in ids_of(repository):
            assert read(oid) == store.read(oid)
        with pytest.raises(MissingObject):
            read(STRANGER)


@pytest.mark.parametrize("big_object", [1, 300, 2_000])
def test_a_quick_reader_leaves_large_objects_to_the_careful_way(repository, big_object):
    with (
        Repository.open(repository) as store,
        Repository.open(repository, Limits(big_object=big_object)) as narrow,
    ):
        read = reading(narrow)
        for oid in ids_of(repository):
            assert read(oid) == store.read(oid)


@pytest.mark.parametrize("count", [0, 1, 3, 1000], ids=lambda count: f"{count} of all")
def test_each_header_is_what_it_is_alone(repository, count):
    oids = ids_of(repository)[:count]
    with Repository.open(repository) as store:
        assert headers_of(store, oids) == [store.header(oid) for oid in oids]


@pytest.mark.parametrize("count", [0, 1, 3, 1000], ids=lambda count: f"{count} of all")
def test_each_raw_entry_is_that_of_the_largest_pack(repository, count):
    oids = ids_of(repository)[:count]
    with Repository.open(repository) as store:
        largest = max(PackedStore(store.pack_directory, SHA1).packs, key=len)
        for oid, raw in zip(oids, raws_of(store, oids), strict=True):
            alone = largest.raw(oid)
            assert (raw and raw[1:]) == (alone and alone[1:])


def test_a_pack_of_deltas_by_id_is_read_the_careful_way(repository):
    with Repository.open(repository) as store:
        smallest = min(PackedStore(store.pack_directory, SHA1).packs, key=len)
        oids = list(smallest)
        answers = smallest.listing().headers(oids)
        assert [found for found in answers if found] == [
            smallest.header(oid) for oid, found in zip(oids, answers, strict=True) if found
        ]
        assert None in answers


def test_what_is_missing_has_no_header(repository):
    with Repository.open(repository) as store:
        assert headers_of(store, [STRANGER]) == [None]
        with pytest.raises(MissingObject):
            raws_of(store, [STRANGER])


def test_a_store_without_the_methods_is_asked_one_by_one():
    store = MemoryStore(SHA1)
    oid = store.add(ObjectType.BLOB, b"x")
    assert headers_of(store, [oid, STRANGER]) == [store.header(oid), None]
    assert raws_of(store, [oid]) == [None]


def test_a_union_answers_for_the_first_store_that_has_it_in_a_pack(repository):
    oids = ids_of(repository)
    with Repository.open(repository) as store:
        memory = MemoryStore(SHA1)
        for oid in oids[:50]:
            memory.add(*store.read(oid))
        union = UnionStore([memory, store])
        assert raws_of(union, oids) == raws_of(store, oids)
        with pytest.raises(MissingObject):
            raws_of(union, [*oids, STRANGER])


def test_a_wrapper_that_hides_how_objects_lie_is_not_passed_by(repository):
    class Hiding:
        def __init__(self, store: Any) -> None:
            self.store = store

        def raw(self, oid: ObjectId) -> None:
            return None

        def __getattr__(self, name: str) -> Any:
            return getattr(self.store, name)

    oids = ids_of(repository)
    with Repository.open(repository) as store:
        hiding: Any = Hiding(store)
        assert raws_of(hiding, oids) == [None] * len(oids)


@pytest.mark.parametrize("seed", range(40))
def test_damage_raises_only_errors_of_ours(repository, seed, tmp_path):
    copy = tmp_path / "x.git"
    shutil.copytree(repository, copy)
    rng = random.Random(seed)
    oids = ids_of(repository)
    for path in sorted((copy / "objects" / "pack").iterdir()):
        data = bytearray(path.read_bytes())
        for _ in range(rng.randrange(1, 60)):
            data[rng.randrange(12, len(data) - 40)] = rng.randrange(256)
        path.chmod(0o644)
        path.write_bytes(data)
    with Repository.open(copy) as store:
        for ask in (headers_of, raws_of):
            try:
                answers = ask(store, oids)
            except CorruptData:
                continue
            assert len(answers) == len(oids)
