"""Look-ups in many packs: as right as pack by pack, at a cost that doesn't grow with their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import MissingObject
from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.pack.index import PackIndex
from packcore.store.bulk import are_here, headers_of, raws_of
from packcore.store.loose import LooseStore
from packcore.store.merged_index import MergedIndex
from packcore.store.packed import PackedStore
from packcore.store.repository import Repository
from tests.support import fast_import, git, init_repository

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ABSENT = [ObjectId(bytes([first]) + b"\1" * 19) for first in range(256)]


def in_packs(path: Path, count: int, commits: int = 48) -> Path:
    """Make one history whose objects are spread over a number of packs, and some loose ones."""
    init_repository(path)
    git("config", "fastimport.unpackLimit", "0", cwd=path)

    def stream(part: range) -> Iterator[bytes]:
        for number in part:
            yield b"commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 0\n" % (10**9 + number)
            if number == part.start and number:
                yield b"from refs/heads/main^0\n"
            for file in range(4):
                yield b"M 100644 inline d%d/f%d\ndata 8\n%4d %2d\n\n" % (file, number % 9, number, file)

    each = commits // count
    for number in range(count):
        fast_import(path, stream(range(number * each, (number + 1) * each)))
    git("hash-object", "-w", "--stdin", cwd=path, stdin=b"loose\n")
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_packs(tmp_path_factory.mktemp("many") / "a.git", 12)


def all_ids(path: Path) -> list[ObjectId]:
    lines = git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", cwd=path).split()
    return [ObjectId(bytes.fromhex(line)) for line in lines]


def test_a_repository_lists_each_object_once(many: Path):
    with Repository.open(many) as repository:
        assert sorted(repository) == all_ids(many)


def test_the_merged_index_finds_what_each_pack_finds(many: Path):
    store = PackedStore(many / "objects/pack", SHA1)
    merged = MergedIndex(store.packs)
    for oid in [*all_ids(many), *ABSENT]:
        found = merged.find(oid)
        places = [(pack, pack.index.find_offset(oid)) for pack in store.packs if oid in pack]
        assert found == (places[0] if places else None)
    store.close()


def test_of_an_object_in_several_packs_the_first_pack_counts(many: Path, tmp_path: Path):
    git("clone", "-q", "--bare", str(many), str(tmp_path / "b.git"))
    git("repack", "-aq", cwd=tmp_path / "b.git")  # keeps the others
    store = PackedStore(tmp_path / "b.git/objects/pack", SHA1)
    assert len(store.packs) > 1
    for packs in (store.packs, store.packs[::-1]):
        for oid in packs[0]:
            assert MergedIndex(packs).find(oid) == (packs[0], packs[0].index.find_offset(oid))
            break
    store.close()


def test_ids_out_of_order_in_an_index_hide_no_other_id(many: Path, tmp_path: Path):
    git("clone", "-q", "--bare", str(many), str(tmp_path / "c.git"))
    git("repack", "-adq", cwd=tmp_path / "c.git")
    path = next((tmp_path / "c.git/objects/pack").glob("*.idx"))
    index = bytearray(path.read_bytes())
    with Repository.open(tmp_path / "c.git") as repository:
        oids = [oid for oid in repository if repository.raw(oid) is not None]
    for number in range(0, len(oids), 5):
        at = index.index(oids[number])
        index[at + 1 : at + 5] = b"\xff\0\0\0" if number % 2 else b"\0\0\0\xff"
    path.chmod(0o644)
    path.write_bytes(index)
    store = PackedStore(path.parent, SHA1)
    merged = MergedIndex(store.packs)
    for number, oid in enumerate(oids):
        assert (merged.find(oid) is None) == (number % 5 == 0)
    store.close()


def test_bulk_answers_are_those_for_each_object(many: Path):
    oids = [*all_ids(many), *ABSENT]
    with Repository.open(many) as repository:
        assert list(are_here(repository, oids)) == [oid in repository for oid in oids]
        present = all_ids(many)
        assert headers_of(repository, present) == [repository.header(oid) for oid in present]
        assert [raw and raw.base for raw in raws_of(repository, present)] == [
            raw and raw.base for raw in map(repository.raw, present)
        ]
        assert headers_of(repository, ABSENT) == [None] * len(ABSENT)
        order = repository.storage_order(oids)
        assert sorted(order) == sorted(oids)
        assert set(order[-len(ABSENT) :]) == set(ABSENT)


class Asked:
    """Counts look-ups of single ids, and ids read from indexes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.single = self.read = 0
        find, part, heads = PackIndex.find, PackIndex.part, PackIndex.heads

        def counted_find(index: PackIndex, oid: bytes) -> int:
            self.single += 1
            return find(index, oid)

        def counted_part(index: PackIndex, first: int) -> tuple[range, list[bytes]]:
            found = part(index, first)
            self.read += len(found[1])
            return found

        def counted_heads(index: PackIndex, first: int) -> tuple[range, array[int]]:
            found = heads(index, first)
            self.read += len(found[1])
            return found

        monkeypatch.setattr(PackIndex, "heads", counted_heads)
        monkeypatch.setattr(PackIndex, "find", counted_find)
        monkeypatch.setattr(PackIndex, "part", counted_part)


@pytest.mark.parametrize("packs", [4, 16])
def test_one_look_up_costs_the_same_for_any_number_of_packs(
    packs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = in_packs(tmp_path / "a.git", packs)
    oids = all_ids(path)
    store = PackedStore(path / "objects/pack", SHA1, rescan=False)
    asked = Asked(monkeypatch)
    for oid in [*oids, *ABSENT] * 2:
        assert (oid in store) == (store.header_here(oid) is not None)
    # Pack by pack until one object in 16 was looked up; from then on, each id of each pack is read once.
    assert asked.single <= (len(oids) // 16 + 2) * packs
    assert asked.read <= len(store)
    store.close()


@pytest.mark.parametrize("packs", [4, 16])
def test_a_bulk_look_up_reads_each_id_of_each_pack_once(
    packs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = in_packs(tmp_path / "a.git", packs)
    oids: Sequence[ObjectId] = all_ids(path)
    store = PackedStore(path / "objects/pack", SHA1, rescan=False)
    asked = Asked(monkeypatch)
    assert sum(store.are_here(oids)) == len(oids) - 1  # one is loose
    assert asked.single == 0
    assert asked.read <= len(store)
    store.close()


@pytest.mark.parametrize("count", [1_000, 2_000])
def test_many_loose_objects_are_found_by_listing_their_folders(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = init_repository(tmp_path / "a.git")
    with Repository.open(path) as repository:
        oids = [repository.write_loose(ObjectType.BLOB, b"%d" % number) for number in range(count)]
        looked_for: list[object] = []
        one = LooseStore.__contains__

        def counted(store: LooseStore, oid: object) -> bool:
            looked_for.append(oid)
            return one(store, oid)

        monkeypatch.setattr(LooseStore, "__contains__", counted)
        assert raws_of(repository, oids) == [None] * count
        assert all(are_here(repository, oids))
        assert not looked_for
        with pytest.raises(MissingObject):
            raws_of(repository, [*oids, ABSENT[0]])
