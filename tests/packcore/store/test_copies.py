"""Objects of which one copy is damaged: read from the copy that is whole, wherever it is."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from packcore.checks.fsck import FsckOptions, check_repository
from packcore.errors import CorruptData, CorruptPack
from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.pack import indexer
from packcore.plans.copied import CopiedEntries
from packcore.plans.entries import Candidate
from packcore.plans.write import write_pack
from packcore.search.select import select, select_copies
from packcore.store.bulk import headers_of, places_of, reader_of
from packcore.store.loose import LooseStore
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from tests.packcore.pack_builder import (
    Entry,
    blob_id,
    build_body,
    build_pack,
    chain_of,
    indexed_pack,
    ref_delta,
    seal,
    simple_delta,
    versions,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packcore.ids import ObjectId

TEXTS = versions(4, 3000)
ENTRIES = [*chain_of(TEXTS), whole(b"something else")]
OIDS = [blob_id(text) for text in TEXTS]
BIG = random.Random(2).randbytes(200_000)
PLACES = ["loose", "pack", "twin", "alternate"]
DAMAGES: dict[str, Callable[[bytearray, int, int], None]] = {
    "head": lambda data, start, end: data.__setitem__(slice(start, start + 4), b"\xff" * 4),
    "middle": lambda data, start, end: data.__setitem__((start + end) // 2, data[(start + end) // 2] ^ 0xFF),
    "end": lambda data, start, end: data.__setitem__(end - 1, data[end - 1] ^ 1),
    "all zero": lambda data, start, end: data.__setitem__(slice(start, end), bytes(end - start)),
}


def repository_with(
    root: Path, entries: list[Entry], victim: int, *, place: str, damage: str, limits: Limits | None = None
) -> Repository:
    """Make a repository of one pack in which an entry is damaged, and put another copy of it into a place."""
    path = root / "r.git"
    Repository.init(path).close()
    objects = path / "objects"
    text = TEXTS[victim] if victim < len(TEXTS) else BIG
    if place == "twin":
        entries = [*entries, whole(text)]
    body, offsets = build_body(entries)
    pack = indexed_pack(objects / "pack", seal(body), "pack-main.pack")
    data = bytearray(pack.read_bytes())
    ends = [*offsets[1:], len(body)]
    DAMAGES[damage](data, offsets[victim], ends[victim])
    pack.write_bytes(data)
    if place == "loose":
        LooseStore(objects, SHA1).write(ObjectType.BLOB, text)
    elif place == "pack":
        indexed_pack(objects / "pack", build_pack([whole(text)]), "pack-other.pack")
    elif place == "alternate":
        other = root / "other" / "objects"
        LooseStore(other, SHA1).write(ObjectType.BLOB, text)
        (objects / "info" / "alternates").write_text(f"{other}\n")
    return Repository.open(path, limits)


def candidates(repository: Repository, oids: list[ObjectId]) -> list[Candidate]:
    headers = map(repository.header, oids)
    return [
        Candidate(oid, type_, size, b"f", order)
        for order, (oid, (type_, size)) in enumerate(zip(oids, headers, strict=True))
    ]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("victim", range(4), ids=["base", "near the base", "in the middle", "last"])
@pytest.mark.parametrize("place", PLACES)
def test_every_way_of_reading_takes_the_copy_that_is_whole(
    place: str, victim: int, damage: str, tmp_path: Path
):
    with repository_with(tmp_path, ENTRIES, victim, place=place, damage=damage) as repository:
        for oid, text in zip(OIDS, TEXTS, strict=True):
            assert repository.read(oid) == (ObjectType.BLOB, text)
            assert repository.header(oid) == (ObjectType.BLOB, len(text))
            assert b"".join(repository.stream(oid)) == text
        assert headers_of(repository, OIDS) == [(ObjectType.BLOB, len(text)) for text in TEXTS]
    with Repository.open(tmp_path / "r.git") as repository:  # with nothing in the cache
        places = places_of(repository, OIDS)
        assert places is not None
        read = reader_of(repository, OIDS, places, lambda *_: None, 0)
        assert [read(number) for number in reversed(range(4))] == TEXTS[::-1]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("victim", range(4), ids=["base", "near the base", "in the middle", "last"])
@pytest.mark.parametrize("place", PLACES)
def test_what_would_be_copied_out_of_a_damaged_entry_is_made_of_another_copy(
    place: str, victim: int, damage: str, tmp_path: Path
):
    with repository_with(tmp_path, ENTRIES, victim, place=place, damage=damage) as repository:
        plan = select(repository, candidates(repository, OIDS))
        assert plan.reused_count
        with SpooledPack.receive(write_pack(plan), object_format=SHA1) as spool:
            assert sorted(spool) == sorted(OIDS)


@pytest.mark.parametrize("place", ["loose", "pack", "alternate"])
@pytest.mark.parametrize("damage", ["middle", "end"])
def test_a_pack_that_is_copied_whole_is_so_only_while_no_damage_can_be_mended(
    damage: str, place: str, tmp_path: Path
):
    everything = [*OIDS, blob_id(b"something else")]
    with repository_with(tmp_path, ENTRIES, 1, place=place, damage=damage) as repository:
        plan = select_copies(repository, everything)
        assert plan is not None
        assert isinstance(plan.entries, CopiedEntries)
        assert not plan.entries.part.is_whole_pack
        first, again = list(write_pack(plan)), list(write_pack(plan))
        assert first == again
        with SpooledPack.receive(first, object_format=SHA1) as spool:
            assert sorted(spool) == sorted(everything)


@pytest.mark.parametrize("place", ["loose", "pack", "alternate"])
@pytest.mark.parametrize("big_object", [100_000, 1 << 24])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_large_entry_is_checked_before_it_is_copied_where_there_is_another_copy(
    damage: str, big_object: int, place: str, tmp_path: Path
):
    limits = replace(Limits(), big_object=big_object)
    entries = [*ENTRIES[:4], whole(BIG)]
    with repository_with(tmp_path, entries, 4, place=place, damage=damage, limits=limits) as repository:
        assert b"".join(repository.stream(blob_id(BIG))) == BIG
        oids = [*OIDS, blob_id(BIG)]
        plan = select(repository, candidates(repository, oids), limits=limits)
        with SpooledPack.receive(write_pack(plan), object_format=SHA1, limits=limits) as spool:
            assert sorted(spool) == sorted(oids)


def test_the_base_of_a_large_delta_may_be_another_copy(tmp_path: Path):
    limits = replace(Limits(), big_object=1000)
    with repository_with(tmp_path, ENTRIES, 0, place="loose", damage="middle", limits=limits) as repository:
        for oid, text in zip(OIDS, TEXTS, strict=True):
            assert b"".join(repository.stream(oid)) == text


def test_a_loose_object_that_is_damaged_is_passed_over_for_one_in_a_pack_or_an_alternate(tmp_path: Path):
    text = TEXTS[0]
    other = LooseStore(tmp_path / "other" / "objects", SHA1)
    for content in (text, b"only in the alternate"):
        other.write(ObjectType.BLOB, content)
    path = tmp_path / "r.git"
    Repository.init(path).close()
    indexed_pack(path / "objects" / "pack", build_pack([whole(text)]))
    (path / "objects" / "info" / "alternates").write_text(f"{other._directory}\n")
    for oid in (blob_id(text), blob_id(b"only in the alternate")):
        file = path / "objects" / oid.hex()[:2] / oid.hex()[2:]
        file.parent.mkdir()
        file.write_bytes(b"")
    with Repository.open(path) as repository:
        for content in (text, b"only in the alternate"):
            assert repository.read(blob_id(content)).data == content
            assert repository.header(blob_id(content)).size == len(content)
            assert b"".join(repository.stream(blob_id(content))) == content


def test_where_no_copy_is_whole_the_first_ones_error_is_told(tmp_path: Path):
    with repository_with(tmp_path, ENTRIES, 0, place="loose", damage="middle") as repository:
        name = OIDS[0].hex()
        (repository.path / "objects" / name[:2] / name[2:]).unlink()
        (repository.path / "objects" / name[:2] / name[2:]).write_bytes(b"")
        for ask in (repository.read, lambda oid: list(repository.stream(oid))):
            for oid in OIDS:
                with pytest.raises(CorruptPack) as caught:
                    ask(oid)
                assert caught.value.offset == 12


def test_a_write_fails_where_what_is_copied_is_damaged_and_nothing_else_is_there(tmp_path: Path):
    with repository_with(tmp_path, ENTRIES, 2, place="nowhere", damage="end") as repository:
        known = zip(OIDS, TEXTS, strict=True)
        objects = [Candidate(oid, ObjectType.BLOB, len(text), b"f", n) for n, (oid, text) in enumerate(known)]
        plan = select(repository, objects)
        with pytest.raises(CorruptData, match="CRC-32"):
            list(write_pack(plan))


@pytest.mark.parametrize("place", PLACES)
def test_fsck_names_the_damaged_copy_by_its_file_though_another_is_whole(place: str, tmp_path: Path):
    with repository_with(tmp_path, ENTRIES, 1, place=place, damage="middle") as repository:
        found = [
            finding
            for finding in check_repository(repository, FsckOptions(dangling=False))
            if finding.is_error
        ]
    assert [finding.oid for finding in found] == [OIDS[1], None]
    assert "pack-main.pack at offset" in found[0].text
    assert OIDS[1].hex() in found[0].text or "CRC-32" in found[0].text
    assert "its trailer says" in found[1].text


def test_fsck_names_every_damaged_copy(tmp_path: Path):
    with repository_with(tmp_path, ENTRIES, 1, place="loose", damage="middle") as repository:
        name = OIDS[1].hex()
        file = repository.path / "objects" / name[:2] / name[2:]
        file.unlink()
        file.write_bytes(b"")
        found = [
            finding
            for finding in check_repository(repository, FsckOptions(dangling=False))
            if finding.is_error
        ]
    assert sum(finding.oid == OIDS[1] for finding in found) == 2
    assert any(str(file) in finding.text for finding in found)


def test_a_store_without_other_places_has_one_copy(tmp_path: Path):
    with repository_with(tmp_path, ENTRIES, 3, place="nowhere", damage="end") as repository:
        assert not repository.copies.are_several(OIDS[0])
        assert list(repository.copies.of(blob_id(b"nothing"))) == []
        assert repository.copies.read(blob_id(b"nothing")) is None


def test_a_pack_that_was_taken_in_though_it_leans_on_itself_hides_nothing(tmp_path: Path, monkeypatch):
    text, child = TEXTS[0], TEXTS[1]
    oid = blob_id(text)
    poison = [
        ref_delta(oid, simple_delta(text, text)),
        whole(text),
        ref_delta(oid, simple_delta(text, child)),
    ]
    path = tmp_path / "r.git"
    Repository.init(path).close()
    with monkeypatch.context() as patched:
        patched.setattr(indexer, "check_duplicates", lambda *_: None)
        indexed_pack(path / "objects" / "pack", build_pack(poison))
    with Repository.open(path) as repository:
        for one, content in ((oid, text), (blob_id(child), child)):
            assert repository.header(one) == (ObjectType.BLOB, len(content))
            assert repository.read(one).data == content
            assert b"".join(repository.stream(one)) == content
        objects = candidates(repository, [oid, blob_id(child)])
        for reuse in (True, False):
            plan = select(repository, objects, reuse_deltas=reuse)
            with SpooledPack.receive(write_pack(plan), object_format=SHA1) as spool:
                assert sorted(spool) == sorted(found.oid for found in objects)
