"""Reading by place: what happens to the packs, and around them, after the places were found."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptData, LimitExceeded, MissingObject
from packcore.ids import SHA1
from packcore.objects import ObjectType
from packcore.store.bulk import places_of, reader_of
from packcore.store.memory import MemoryStore
from packcore.store.packed import PackedStore
from packcore.store.repository import Repository
from tests.support import git, history, make_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore


def accept(number: int, type_code: int, data: bytes) -> None:
    """Check nothing."""


def reader_over(store: ObjectStore, oids: Sequence[ObjectId]) -> Callable[[int], bytes]:
    places = places_of(store, oids)
    assert places is not None
    return reader_of(store, oids, places, accept, 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "r.git", history(commits=40, tag="v1"), repack=True)


def damage(pack: Path) -> None:
    data = bytearray(pack.read_bytes())
    for at in range(12, len(data) - 20):
        data[at] ^= 0x55
    pack.chmod(0o644)
    pack.write_bytes(data)


def test_a_pack_that_was_removed_is_still_read(path: Path):
    with Repository.open(path) as store, Repository.open(path) as other:
        oids = sorted(store)
        expected = [other.read(oid).data for oid in oids]
        read = reader_over(store, oids)
        git("repack", "-q", "-a", "-d", "-f", cwd=path)
        assert [read(number) for number in range(len(oids))] == expected


def test_what_was_loose_is_found_in_the_pack_that_took_it_in(path: Path):
    with Repository.open(path) as store:
        oids = [store.write_loose(ObjectType.BLOB, b"%d" % number) for number in range(5)]
        read = reader_over(store, oids)
        for oid in oids:
            git("update-ref", f"refs/tags/{oid.hex()}", oid.hex(), cwd=path)
        git("repack", "-q", "-a", "-d", cwd=path)
        git("prune-packed", cwd=path)
        assert [read(number) for number in range(5)] == [b"%d" % number for number in range(5)]


def test_what_is_loose_is_read_once(path: Path):
    with Repository.open(path) as store:
        oid = store.write_loose(ObjectType.BLOB, b"alone")
        read = reader_over(store, [oid])
        assert read(0) == b"alone"
        (path / "objects" / oid.hex()[:2] / oid.hex()[2:]).unlink()
        assert read(0) == b"alone"
        assert reader_over(store, [oid])(0) == b"alone"


def test_an_object_that_is_damaged_in_one_pack_is_read_from_another(path: Path, tmp_path: Path):
    with closing(PackedStore(path / "objects/pack", SHA1)) as whole:
        oids = sorted(whole)
        expected = [whole.read(oid).data for oid in oids]
    directory = tmp_path / "two"
    shutil.copytree(path / "objects/pack", directory)
    (pack,) = directory.glob("*.pack")
    for suffix in (".pack", ".idx"):
        shutil.copy(pack.with_suffix(suffix), (directory / "pack-a").with_suffix(suffix))
    damage(directory / "pack-a.pack")
    with closing(PackedStore(directory, SHA1)) as store:
        read = reader_over(store, oids)
        assert [read(number) for number in range(len(oids))] == expected


def test_an_object_that_is_damaged_everywhere_is_named(path: Path):
    (pack,) = (path / "objects/pack").glob("*.pack")
    damage(pack)
    with Repository.open(path) as store:
        oids = sorted(store)
        read = reader_over(store, oids)
        for number, oid in enumerate(oids):
            # Damage may also make a commit of 27 MB of it: then the limit is named, with pack and offset.
            with pytest.raises((CorruptData, LimitExceeded), match=rf"{oid.hex()}|at offset [0-9]+ has"):
                read(number)


def test_what_is_nowhere_is_missing_however_often_it_is_asked_for(path: Path):
    stranger = SHA1.hash_object(b"blob", b"a stranger")
    with Repository.open(path) as store:
        read = reader_over(store, [stranger])
        for _ in range(2):
            with pytest.raises(MissingObject):
                read(0)


def test_each_object_is_checked_once_before_it_is_given_out(path: Path):
    with Repository.open(path) as store:
        oids = sorted(store)
        heard: list[tuple[int, int, bytes]] = []
        places = places_of(store, oids)
        assert places is not None
        read = reader_of(store, oids, places, lambda *told: heard.append(told), 0)
        for _ in range(2):
            for number in range(len(oids)):
                read(number)
        assert heard == [(number, *store.read(oid)) for number, oid in enumerate(oids)]


def test_a_list_that_was_changed_is_looked_up_anew(path: Path):
    with Repository.open(path) as store:
        oids = sorted(store)
        places = places_of(store, oids)
        oids.reverse()
        reversed_places = places_of(store, oids)
        assert places is not None
        assert reversed_places is not None
        assert list(places) == list(reversed_places)[::-1] != list(reversed_places)


def test_a_store_that_knows_no_places_has_none():
    store = MemoryStore(SHA1)
    assert places_of(store, [store.add(ObjectType.BLOB, b"x")]) is None


def test_a_wrapper_hands_on_no_places(path: Path):
    class Hiding:
        def __init__(self, store: ObjectStore) -> None:
            self.store = store

        def __getattr__(self, name: str) -> object:
            return getattr(self.store, name)

    with Repository.open(path) as store:
        hiding: ObjectStore = Hiding(store)  # type: ignore[assignment]
        assert places_of(hiding, sorted(store)) is None
