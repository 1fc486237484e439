"""One suite over every ObjectStore: what `packcore.store.base` promises holds for each.

A new store joins by one function in MAKERS: it takes a folder, a format and objects, and returns the
store filled with them.
"""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING

import pytest

from packcore.delta.codec import apply_delta
from packcore.errors import CorruptObject, MissingObject
from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.entries import Candidate
from packcore.search.strategy import Work
from packcore.store.base import ObjectStore, StoredObject
from packcore.store.loose import LooseStore
from packcore.store.memory import MemoryStore
from packcore.store.packed import PackedStore
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.store.union import UnionStore
from tests.object_makers import commit, tag, tree
from tests.support import git, init_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Objects = dict[ObjectId, StoredObject]


def some_objects(object_format: ObjectFormat) -> Objects:
    """Every type; empty, small, of many blocks, alike (so that a pack holds deltas), incompressible."""
    chance = random.Random(7)
    text = b"".join(b"line %d: %d\n" % (n, chance.getrandbits(64)) for n in range(4000))
    made = [(ObjectType.BLOB, data) for data in (b"", b"x", text, text + b"end\n", b"start\n" + text)]
    made += [(ObjectType.BLOB, chance.randbytes(200_000)), (ObjectType.BLOB, bytes(300_000))]
    blobs = [object_format.hash_object(type_.label, data) for type_, data in made]
    made.append(tree({b"f%d" % n: (0o100644, oid) for n, oid in enumerate(blobs)}))
    top = object_format.hash_object(b"tree", made[-1][1])
    made.append(commit(top))
    made.append(tag(object_format.hash_object(b"commit", made[-1][1])))
    return {object_format.hash_object(type_.label, data): StoredObject(type_, data) for type_, data in made}


def make_memory(folder: Path, object_format: ObjectFormat, objects: Objects) -> ObjectStore:
    store = MemoryStore(object_format)
    for stored in objects.values():
        store.add(*stored)
    return store


def make_loose(folder: Path, object_format: ObjectFormat, objects: Objects) -> ObjectStore:
    store = LooseStore(folder / "objects", object_format)
    for stored in objects.values():
        store.write(*stored)
    return store


def write_repository(folder: Path, object_format: ObjectFormat, objects: Objects) -> Path:
    path = init_repository(folder / "repo.git", object_format=object_format.name)
    make_loose(path, object_format, objects)
    label = next(oid for oid, stored in objects.items() if stored.type is ObjectType.TAG)
    git("update-ref", "refs/tags/v1", label.hex(), cwd=path)
    return path


def make_packed(folder: Path, object_format: ObjectFormat, objects: Objects) -> ObjectStore:
    path = write_repository(folder, object_format, objects)
    git("repack", "-q", "-a", "-d", "-f", cwd=path)
    return PackedStore(path / "objects" / "pack", object_format)


def make_spool(folder: Path, object_format: ObjectFormat, objects: Objects) -> ObjectStore:
    make_packed(folder, object_format, objects).close()
    pack = next((folder / "repo.git" / "objects" / "pack").glob("*.pack"))
    return SpooledPack.receive([pack.read_bytes()], object_format=object_format)


def make_repository(folder: Path, object_format: ObjectFormat, objects: Objects) -> ObjectStore:
    """Some in a pack, some loose, some in an alternate, some in two of these."""
    whole = write_repository(folder, object_format, objects)
    git("repack", "-q", "-a", "-d", cwd=whole)
    repository = Repository.init(folder / "borrower.git", object_format)
    (repository.path / "objects/info/alternates").write_text("../../repo.git/objects\n")
    for stored in list(objects.values())[:3]:
        repository.write_loose(*stored)
    repository.close()
    return Repository.open(repository.path)


def make_union(folder: Path, object_format: ObjectFormat, objects: Objects) -> ObjectStore:
    items = list(objects.items())
    return UnionStore(
        [
            make_loose(folder / "one", object_format, dict(items[:6])),
            make_packed(folder / "two", object_format, objects),
            make_memory(folder, object_format, dict(items[4:])),
        ]
    )


def work_over(store: ObjectStore, objects: Objects, places: Sequence[int] | None = None) -> Work:
    candidates = [
        Candidate(oid, stored.type, len(stored.data), b"", order)
        for order, (oid, stored) in enumerate(objects.items())
    ]
    return Work(store, candidates, plan_count=len(candidates), limits=Limits(), places=places)


MAKERS: dict[str, Callable[[Path, ObjectFormat, Objects], ObjectStore]] = {
    "memory": make_memory,
    "loose": make_loose,
    "packed": make_packed,
    "spool": make_spool,
    "repository": make_repository,
    "union": make_union,
}


@pytest.fixture(scope="module", params=[SHA1, SHA256], ids=["sha1", "sha256"])
def objects(request: pytest.FixtureRequest) -> tuple[ObjectFormat, Objects]:
    return request.param, some_objects(request.param)


@pytest.fixture(scope="module", params=sorted(MAKERS))
def store(
    request: pytest.FixtureRequest,
    objects: tuple[ObjectFormat, Objects],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ObjectStore]:
    """Read-only here, so one for all tests of a kind."""
    made = MAKERS[request.param](tmp_path_factory.mktemp(request.param), *objects)
    yield made
    made.close()


def test_it_is_an_object_store_of_its_format(store: ObjectStore, objects):
    assert isinstance(store, ObjectStore)
    assert store.object_format is objects[0]


def test_it_holds_what_was_put_in(store: ObjectStore, objects):
    for oid, stored in objects[1].items():
        assert oid in store
        assert store.read(oid) == stored


def test_it_iterates_over_each_id_once(store: ObjectStore, objects):
    assert sorted(store) == sorted(objects[1])


def test_a_header_is_type_and_size(store: ObjectStore, objects):
    for oid, (type_, data) in objects[1].items():
        assert store.header(oid) == (type_, len(data))


def test_a_stream_is_the_object_in_blocks_of_64_kib_at_most(store: ObjectStore, objects):
    for oid, (_, data) in objects[1].items():
        blocks = list(store.stream(oid))
        assert b"".join(blocks) == data
        assert max(map(len, blocks), default=0) <= 64 * 1024


def test_two_streams_of_one_object_do_not_disturb_each_other(store: ObjectStore, objects):
    oid, (_, data) = max(objects[1].items(), key=lambda item: len(item[1].data))
    one, two = store.stream(oid), store.stream(oid)
    first = next(one), next(two)
    assert first[0] + b"".join(one) == first[1] + b"".join(two) == data


def test_a_stream_that_is_left_early_closes_what_it_opened(store: ObjectStore, objects):
    oid = max(objects[1], key=lambda oid: len(objects[1][oid].data))
    stream = store.stream(oid)
    next(stream)
    del stream


def test_an_absent_object_is_not_in_it_and_missing_to_every_question(store: ObjectStore, objects):
    absent = ObjectId(b"\x01" * objects[0].digest_size)
    assert absent not in store
    for ask in (store.header, store.read, lambda oid: list(store.stream(oid))):
        with pytest.raises(MissingObject) as caught:
            ask(absent)
        assert caught.value.oid == absent.hex()


def test_storage_order_is_a_permutation_that_keeps_unknown_ids(store: ObjectStore, objects):
    asked = [*objects[1], ObjectId(b"\x01" * objects[0].digest_size)]
    assert sorted(store.storage_order(asked)) == sorted(asked)
    assert store.storage_order(iter(asked)) == store.storage_order(asked)


def test_a_raw_entry_inflates_to_the_object_or_names_its_base(store: ObjectStore, objects):
    for oid, (_, data) in objects[1].items():
        entry = store.raw(oid)
        if entry is None:
            continue
        payload = b"".join(entry.pack.copy_payload(entry))
        assert len(payload) == entry.end_offset - entry.payload_offset
        inflated = zlib.decompress(payload)
        assert len(inflated) == entry.size
        if entry.base is None:
            assert inflated == data
        else:
            assert entry.base in store
            assert apply_delta(store.read(entry.base).data, inflated) == data


def test_a_search_reads_each_object_by_its_number_again_and_again(store: ObjectStore, objects):
    read = work_over(store, objects[1]).reader()
    for _ in range(2):
        assert [read(number) for number in range(len(objects[1]))] == [
            data for _, data in objects[1].values()
        ]


def test_a_search_of_some_objects_reads_the_same(store: ObjectStore, objects):
    members = list(range(0, len(objects[1]), 3))
    some = {oid: stored for number, (oid, stored) in enumerate(objects[1].items()) if number in members}
    places = work_over(store, objects[1]).places_of(members)
    read = work_over(store, some, places).reader()
    assert [read(number) for number in range(len(some))] == [data for _, data in some.values()]


def test_a_search_is_told_of_what_is_absent_or_not_as_announced(store: ObjectStore, objects):
    absent = ObjectId(b"\x01" * objects[0].digest_size)
    (oid, (type_, data)), *_ = objects[1].items()
    other = ObjectType.TREE if type_ is ObjectType.BLOB else ObjectType.BLOB
    for candidate, error in (
        (Candidate(absent, type_, 1, b"", 0), MissingObject),
        (Candidate(oid, type_, len(data) + 1, b"", 0), CorruptObject),
        (Candidate(oid, other, len(data), b"", 0), CorruptObject),
    ):
        read = Work(store, [candidate], plan_count=1, limits=Limits()).reader()
        for _ in range(2):
            with pytest.raises(error, match=candidate.oid.hex()):
                read(0)


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_closing_twice_is_allowed(kind: str, tmp_path: Path):
    made = MAKERS[kind](tmp_path, SHA1, some_objects(SHA1))
    made.close()
    made.close()
