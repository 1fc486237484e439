"""Bitmaps: git's are read, say exactly what is reached, and change no listing where they can't be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.checks.fsck import check_repository
from packcore.errors import CorruptShortcut
from packcore.objects import ObjectType
from packcore.reach import reach_by_bitmaps, reached_ids
from packcore.store import pack_bitmap
from packcore.store.ewah import EwahFault, decode_ewah, encode_ewah, set_bits
from packcore.store.pack_bitmap import open_pack_bitmap
from packcore.store.packed import PackedStore
from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests.support import git, init_repository

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.store.base import StoredObject

COMMITS = 120


def made(path: Path, *, rev: bool = True) -> Path:
    """Make a repository of many commits with merges, trees in trees and files that come back; one pack."""
    init_repository(path)
    lines = []
    for n in range(COMMITS):
        text = f"{n // 3 % 7}\n" * (n % 5 + 1)
        lines += [f"commit refs/heads/{'main' if n % 10 else 'side'}", f"mark :{n + 1}"]
        lines += [f"committer a <a@b> {n} +0000", "data 1", "x"]
        if n % 10 == 5 and n > 10:
            lines += [f"merge :{n - 4}"]
        lines += [f"M 100644 inline d{n % 4}/e/f{n % 6}", f"data {len(text)}", text]
    git("fast-import", "--quiet", cwd=path, stdin="\n".join(lines).encode())
    git("tag", "-a", "-m", "t", "v1", "main~20", cwd=path)
    git("-c", f"pack.writeReverseIndex={rev}", "repack", "-adbq", cwd=path)
    return path


def ids(path: Path, *arguments: str) -> set[bytes]:
    return {bytes.fromhex(line.split()[0]) for line in git("rev-list", *arguments, cwd=path).splitlines()}


def tip(path: Path, name: str) -> ObjectId:
    with Repository.open(path) as repository:
        return repository.object_format.from_hex(git("rev-parse", name, cwd=path))


@given(st.sets(st.integers(0, 700)), st.integers(701, 900))
def test_a_set_of_bits_is_read_as_it_was_written(numbers: set[int], bits: int):
    value = sum(1 << number for number in numbers)
    data = b"head" + encode_ewah(value, bits) + b"tail"
    assert decode_ewah(data, 4, bits) == (value, len(data) - 4)
    assert list(set_bits(value)) == sorted(numbers)


@given(st.binary(max_size=80), st.integers(0, 500))
def test_bytes_that_are_no_set_are_told_from_one_and_make_nothing_large(data: bytes, bits: int):
    try:
        found, end = decode_ewah(data, 0, bits)
    except EwahFault:
        return
    assert found.bit_length() <= bits
    assert end <= len(data)


@pytest.mark.parametrize("rev", [False, True])
@pytest.mark.parametrize("many", [1, 1 << 40])
def test_each_set_is_what_git_lists(tmp_path: Path, rev: bool, many: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pack_bitmap, "_MANY", many)
    path = made(tmp_path / "a.git", rev=rev)
    with Repository.open(path) as repository:
        bitmap = repository.shortcuts.bitmap
        assert bitmap is not None
        (pack,) = PackedStore(repository.pack_directory, repository.object_format).packs
        checked = 0
        for oid in pack:
            bits = bitmap.reached_from(oid)
            if bits is not None:
                checked += 1
                assert set(bitmap.oids(bits)) == ids(path, "--objects", oid.hex())
        assert checked > 5
        for type_ in ObjectType:
            for oid in bitmap.oids(bitmap.of_type(type_)):
                assert pack.header(oid).type is type_
        assert [bitmap.bit_of(oid) for oid in bitmap.oids((1 << len(pack)) - 1)] == list(range(len(pack)))
        pack.close()


@pytest.mark.parametrize(
    ("wants", "haves"),
    [("main", "main~3"), ("main", "main~3 side"), ("main side", "main~50"), ("main", "v1"), ("side", "main")],
)
def test_what_haves_reach_is_never_listed_however_old_and_all_else_is(tmp_path: Path, wants: str, haves: str):
    path = made(tmp_path / "a.git")
    # Further commits that no bitmap knows, on either side.
    git("fast-import", "--quiet", cwd=path, stdin=_more().encode())
    for some_wants, some_haves in ((wants, haves), (f"new {wants}", haves), ("new", f"newer~1 {haves}")):
        excluded = [f"^{name}" for name in some_haves.split()]
        with Repository.open(path) as repository:
            listed = list_objects(
                repository,
                [tip(path, name) for name in some_wants.split()],
                [tip(path, name) for name in some_haves.split()],
                haves_complete=True,
            )
            assert repository.shortcuts.bitmap is not None
        truth = ids(path, "--objects", *some_wants.split()) - ids(path, "--objects", *some_haves.split())
        assert {candidate.oid for candidate in listed} == truth
        commits = [c.oid.hex() for c in listed if c.type is ObjectType.COMMIT]
        assert commits == git("rev-list", *some_wants.split(), *excluded, cwd=path).split()


@pytest.mark.parametrize(
    ("wants", "haves"),
    [("main", ""), ("main side v1", ""), ("new v1", ""), ("new main", "main~7 v1"), ("new", "newer side")],
)
def test_ids_are_counted_as_git_lists_them_and_nothing_is_read(tmp_path: Path, wants: str, haves: str):
    path = made(tmp_path / "a.git")
    git("fast-import", "--quiet", cwd=path, stdin=_more().encode())
    with Repository.open(path) as repository:
        names = [[tip(path, name) for name in some.split()] for some in (wants, haves)]
        found = reached_ids(repository, *names)
    assert found is not None
    assert len(found) == len(set(found))
    truth = ids(path, "--objects", *wants.split())
    assert set(found) == truth - (ids(path, "--objects", *haves.split()) if haves else set())


def test_what_is_missing_above_the_bitmap_is_left_for_a_walk_to_name(tmp_path: Path):
    path = made(tmp_path / "a.git")
    git("fast-import", "--quiet", cwd=path, stdin=_more().encode())
    blob = git("rev-parse", "new:d0/new1", cwd=path)
    (path / "objects" / blob[:2] / blob[2:]).unlink()
    with Repository.open(path) as repository:
        assert reached_ids(repository, [tip(path, "new")]) is None


def _more() -> str:
    lines = []
    for n, (branch, start) in enumerate([("new", "main"), ("new", ""), ("newer", "new"), ("newer", "")]):
        lines += [f"commit refs/heads/{branch}", f"committer a <a@b> {1000 + n} +0000", "data 1", "y"]
        lines += [f"from refs/heads/{start}"] if start else []
        lines += [f"M 100644 inline d0/new{n}", "data 2", f"n{n}"]
    return "\n".join(lines)


def test_of_what_haves_reach_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = made(tmp_path / "a.git")
    reads: list[ObjectId] = []
    read = Repository.read

    def counted(self: Repository, oid: ObjectId) -> StoredObject:
        reads.append(oid)
        return read(self, oid)

    with Repository.open(path) as repository:
        wants, haves = [tip(path, "main")], [tip(path, "main~2")]
        monkeypatch.setattr(Repository, "read", counted)
        listed = list_objects(repository, wants, haves, haves_complete=True)
    held = ids(path, "--objects", "main~2")
    assert listed
    assert not held.intersection(reads)


def test_a_bitmap_of_another_pack_or_with_a_bit_turned_is_left_aside(tmp_path: Path):
    path = made(tmp_path / "a.git")
    (file,) = (path / "objects/pack").glob("*.bitmap")
    file.chmod(0o644)
    whole = file.read_bytes()
    wants, haves = [tip(path, "main")], [tip(path, "main~9")]
    for at in range(0, len(whole), 97):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        with Repository.open(path) as repository:
            assert list_objects(repository, wants, haves, haves_complete=True)
            assert repository.shortcuts.bitmap is None
            assert file.name in repository.shortcuts.faults[0]
    with Repository.open(path) as repository:
        assert any(file.name in found.text for found in check_repository(repository) if found.is_error)


def test_a_reverse_index_in_another_order_is_not_believed(tmp_path: Path):
    path = made(tmp_path / "a.git")
    (file,) = (path / "objects/pack").glob("*.rev")
    file.chmod(0o644)
    whole = file.read_bytes()
    rows = [whole[at : at + 4] for at in range(12, len(whole) - 40, 4)]
    file.write_bytes(whole[:12] + b"".join(reversed(rows)) + whole[-40:])
    wants, haves = [tip(path, "main")], [tip(path, "main~9")]
    with Repository.open(path) as repository:
        by_walk = list_objects(repository, wants, haves, haves_complete=True)
        assert repository.shortcuts.bitmap is None
        assert {c.oid for c in by_walk} >= ids(path, "--objects", "main") - ids(path, "--objects", "main~9")


def test_settings_and_shallow_clones_do_without(tmp_path: Path):
    path = made(tmp_path / "a.git")
    git("config", "pack.useBitmaps", "false", cwd=path)
    with Repository.open(path) as repository:
        assert repository.shortcuts.bitmap is None
        assert reach_by_bitmaps(repository, [tip(path, "main")]) is None


def test_a_set_that_claims_more_than_there_is_makes_no_memory(tmp_path: Path):
    path = made(tmp_path / "a.git")
    (file,) = (path / "objects/pack").glob("*.bitmap")
    file.chmod(0o644)
    whole = file.read_bytes()
    with Repository.open(path) as repository:
        digest = repository.object_format.new_hash
        # The first set's first marker: a run of as many words as there can be.
        body = whole[:40] + ((1 << 33) - 1).to_bytes(8, "big") + whole[48:-20]
        file.write_bytes(body + digest(body).digest())
        (pack,) = PackedStore(repository.pack_directory, repository.object_format).packs
        bitmap = open_pack_bitmap(pack)
        assert bitmap is not None
        with pytest.raises(CorruptShortcut, match="larger than there are objects"):
            bitmap.of_type(ObjectType.COMMIT)
        pack.close()
