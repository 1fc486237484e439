"""Objects that occur more than once in a pack: accepted if any copy may be read, otherwise refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptPack
from packcore.ids import SHA1
from packcore.objects import ObjectType
from packcore.pack import duplicates
from packcore.store.memory import MemoryStore
from packcore.store.spool import SpooledPack
from tests.packcore.pack_builder import (
    Entry,
    blob_id,
    build_pack,
    indexed_pack,
    ofs_delta,
    ref_delta,
    simple_delta,
    whole,
)
from tests.support import git_version, run_git

if TYPE_CHECKING:
    from pathlib import Path

A = b"some text that repeats\n" * 5
B = A + b"more\n"
C = B + b"and more\n"


def by_id(base: bytes, target: bytes) -> Entry:
    return ref_delta(blob_id(base), simple_delta(base, target))


def by_place(base_index: int, base: bytes, target: bytes) -> Entry:
    return ofs_delta(base_index, simple_delta(base, target))


CYCLES = {
    "its own base, then whole": [by_id(A, A), whole(A)],
    "whole, then its own base": [whole(A), by_id(A, A)],
    "its own base, made again of another": [by_id(A, A), by_id(B, A), whole(B)],
    "two, one of them whole": [by_id(B, A), by_id(A, B), whole(A)],
    "two, both whole": [by_id(B, A), by_id(A, B), whole(A), whole(B)],
    "two, both whole, before them": [whole(A), whole(B), by_id(B, A), by_id(A, B)],
    "three, one of them whole": [by_id(C, A), by_id(A, B), by_id(B, C), whole(B)],
    "three, all whole": [by_id(C, A), by_id(A, B), by_id(B, C), whole(A), whole(B), whole(C)],
    "one link by place": [by_id(B, A), by_place(0, A, B), whole(B)],
    "among objects that are right": [
        whole(C),
        whole(C),
        by_id(B, A),
        by_id(A, B),
        whole(A),
        whole(b"x" * 40),
    ],
}

NO_CYCLES = {
    "whole twice": [whole(A), whole(A)],
    "whole twice, and a delta of each": [whole(A), whole(A), by_place(0, A, B), by_place(1, A, C)],
    "whole twice, and a delta by id": [whole(A), whole(A), by_id(A, B)],
    "a delta and whole": [whole(A), by_place(0, A, B), whole(B)],
    "a delta and whole, and more on them": [whole(A), by_id(A, B), whole(B), by_id(B, C)],
    "a delta of its other copy, by place": [whole(A), by_place(0, A, A)],
    "the same delta three times": [whole(A), by_id(A, B), by_id(A, B), by_id(A, B)],
}


def offsets_of(entries: list[Entry]) -> list[int]:
    """Return where each entry starts: behind those before it."""
    return [len(build_pack(entries[:count])) - 20 for count in range(len(entries))]


@pytest.mark.parametrize("entries", CYCLES.values(), ids=CYCLES.keys())
def test_ref_deltas_in_a_cycle_are_refused_though_the_objects_come_otherwise_too(
    entries: list[Entry], tmp_path: Path
):
    data = build_pack(entries)
    with pytest.raises(CorruptPack, match="is a base of itself") as caught:
        SpooledPack.receive([data], object_format=SHA1)
    assert any(blob_id(text).hex() in str(caught.value) for text in (A, B, C))
    assert caught.value.offset in offsets_of(entries)
    run_git("init", "-q", "--bare", str(tmp_path))
    # git 2.55 takes some of these, and its fsck may then never end.
    if git_version() < (2, 48):
        assert run_git("index-pack", "--stdin", cwd=tmp_path, stdin=data).returncode != 0


@pytest.mark.parametrize("entries", NO_CYCLES.values(), ids=NO_CYCLES.keys())
def test_objects_that_occur_twice_without_a_cycle_are_accepted_and_git_reads_each(
    entries: list[Entry], tmp_path: Path
):
    run_git("init", "-q", "--bare", str(tmp_path))
    with SpooledPack.receive([build_pack(entries)], object_format=SHA1) as spool:
        oids = list(spool)
        for oid in oids:
            stored = spool.read(oid)
            assert SHA1.hash_object(b"blob", stored.data) == oid
        spool.install(tmp_path / "objects" / "pack")
    for oid in oids:
        assert run_git("cat-file", "blob", oid.hex(), cwd=tmp_path).stdout in (A, B, C)


def test_a_cycle_that_a_thin_packs_base_from_outside_resolves_is_refused():
    bases = MemoryStore(SHA1)
    bases.add(ObjectType.BLOB, A)
    for entries in ([by_id(A, A)], [by_id(B, A), by_id(A, B)]):
        with pytest.raises(CorruptPack, match="is a base of itself"):
            SpooledPack.receive([build_pack(entries)], object_format=SHA1, bases=bases)


def test_a_base_from_outside_may_come_in_the_pack_too():
    bases = MemoryStore(SHA1)
    for text in (A, C):
        bases.add(ObjectType.BLOB, text)
    # B's base A is requested first, and A turns up again once C is there.
    with SpooledPack.receive(
        [build_pack([by_id(A, B), by_id(C, A)])], object_format=SHA1, bases=bases
    ) as spool:
        assert [spool.read(blob_id(text)).data for text in (A, B, C)] == [A, B, C]


def test_copies_of_other_bytes_are_refused(monkeypatch: pytest.MonkeyPatch):
    # There are no two such blobs at hand, so pretend that their bytes were compared and differed.
    monkeypatch.setattr(duplicates, "same_content", lambda *_: False)
    with pytest.raises(CorruptPack, match="differs from its twin at offset 12"):
        SpooledPack.receive([build_pack([whole(A), whole(A)])], object_format=SHA1)


def test_a_pack_without_duplicates_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(duplicates, "_refuse_cycles", lambda *_: pytest.fail("gone through"))
    indexed_pack(tmp_path, build_pack([whole(A), by_id(A, B), by_id(B, C)]))
