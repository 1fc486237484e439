"""An intact pack is proven to be so with its index, each entry read once; anything else is told as ever."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from packcore import processes
from packcore.checks import whole_pack
from packcore.checks.fsck import check_repository
from packcore.errors import PackcoreError
from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.pack import verify
from packcore.pack.index import open_index
from packcore.pack.index_write import write_index
from packcore.pack.indexed_check import IndexedCheck
from packcore.pack.indexer import index_pack_file
from packcore.pack.mapping import open_source
from packcore.pack.verify import verify_pack
from packcore.store.repository import Repository
from tests.object_makers import tag
from tests.packcore.pack.folders import make_folders
from tests.packcore.pack_builder import (
    blob_id,
    build_pack,
    chain_of,
    indexed_pack,
    ref_delta,
    simple_delta,
    whole,
)
from tests.support import git, init_repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JOBS = [1, 2, 3] if processes.can_fork() else [1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folders(tmp_path_factory.mktemp("made") / "a.git")


@pytest.fixture
def repository(made: Path, tmp_path: Path) -> Path:
    git("clone", "-q", "--bare", "--no-local", str(made), str(tmp_path / "b.git"))
    for file in (tmp_path / "b.git/objects/pack").iterdir():
        file.chmod(0o644)
    return tmp_path / "b.git"


def pack_of(repository: Path) -> Path:
    return next((repository / "objects/pack").glob("*.pack"))


def is_intact(pack: Path, jobs: int = 1, limits: Limits = Limits()) -> bool:  # noqa: B008 -- frozen
    index, source = open_index(pack.with_suffix(".idx"), SHA1), open_source(pack, SHA1)
    try:
        check = IndexedCheck(source, index, limits)
        return check.read_heads() and check.is_intact(jobs=jobs)
    finally:
        source.close()
        index.close()


def findings(repository: Path, jobs: int) -> list[str]:
    with Repository.open(repository) as opened:
        return [found.text for found in check_repository(opened, jobs=jobs)]


def outcome(pack: Path, jobs: int) -> object:
    """Return what verify-pack lists, or its error."""
    try:
        return list(verify_pack(pack, SHA1, jobs=jobs).lines())
    except PackcoreError as error:
        return type(error), str(error), error.hint


# Work


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], list[tuple[int, int]]]:
    """Return what returns the process and the number of each entry that was read, in any process."""
    log = tmp_path / "log"
    stream = IndexedCheck._stream

    def logged(check: IndexedCheck, entry_index: int) -> bytes:
        with log.open("a") as file:  # one write, so that processes don't mix their lines
            file.write(f"{os.getpid()} {entry_index}\n")
        return stream(check, entry_index)

    monkeypatch.setattr(IndexedCheck, "_stream", logged)

    def lines() -> list[tuple[int, int]]:
        found = [line.split() for line in log.read_text().splitlines()]
        log.unlink()
        return [(int(process), int(entry)) for process, entry in found]

    return lines


@pytest.mark.parametrize("jobs", JOBS)
def test_each_entry_is_inflated_once_and_the_processes_share_them(
    jobs: int, repository: Path, read: Callable[[], list[tuple[int, int]]]
):
    count = len(open_index(pack_of(repository).with_suffix(".idx"), SHA1))
    checks: list[Callable[[], object]] = [
        lambda: findings(repository, jobs),
        lambda: outcome(pack_of(repository), jobs),
    ]
    for check in checks:
        check()
        lines = read()
        assert sorted(entry for _, entry in lines) == list(range(count))
        shares = Counter(process for process, _ in lines)
        assert len(shares) == jobs
        assert max(shares.values()) <= count * 2 / (jobs + 1) + 1


@pytest.mark.parametrize("jobs", JOBS)
def test_an_intact_pack_is_not_indexed_anew(jobs: int, repository: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(whole_pack, "index_pack_file", refuse)
    monkeypatch.setattr(verify, "index_pack_file", refuse)
    assert not findings(repository, jobs)
    assert outcome(pack_of(repository), jobs) == git("verify-pack", "-v", pack_of(repository)).splitlines()


# Damage


def damage_entry(repository: Path) -> None:
    """Change a byte in the last quarter of the pack."""
    flip(pack_of(repository), pack_of(repository).stat().st_size * 3 // 4)


def damage_trailer(repository: Path) -> None:
    flip(pack_of(repository), -3)


def damage_index(repository: Path) -> None:
    flip(pack_of(repository).with_suffix(".idx"), -3)


def cut_pack(repository: Path) -> None:
    pack = pack_of(repository)
    pack.write_bytes(pack.read_bytes()[:-100])


def swap_ids(repository: Path) -> None:
    """Write an index that is right in itself, and names two objects by each other's ids."""
    rewrite_index(repository, lambda oids: oids[40:60] + oids[20:40] + oids[:20] + oids[60:])


def misname_last(repository: Path) -> None:
    rewrite_index(repository, lambda oids: oids[:-20] + bytes(19) + b"\1")


def rewrite_index(repository: Path, change: Callable[[bytes], bytes]) -> None:
    indexed = index_pack_file(pack_of(repository), object_format=SHA1)
    indexed.table.oids = bytearray(change(bytes(indexed.table.oids)))
    order = indexed.table.sorted_by_id()
    pack_of(repository).with_suffix(".idx").write_bytes(b"".join(write_index(indexed.table, order)))


def lose_object(repository: Path) -> None:
    lost = git("rev-parse", "main~20:d3/file", cwd=repository)
    listed = git("rev-list", "--objects", "main", cwd=repository).split("\n")
    kept = "\n".join(line.split()[0] for line in listed if lost not in line)
    pack = pack_of(repository)
    git("pack-objects", "-q", str(pack.parent / "pack"), cwd=repository, stdin=kept.encode())
    for old in pack.parent.glob(f"{pack.stem}.*"):
        old.unlink()


def nothing(repository: Path) -> None:
    """Leave it as it is."""


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x41
    path.write_bytes(data)


DAMAGES = [
    *(nothing, damage_entry, damage_trailer, damage_index),
    *(cut_pack, swap_ids, misname_last, lose_object),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_report_is_the_same_for_any_number_of_processes(damage: Callable[[Path], None], repository: Path):
    damage(repository)
    found = [findings(repository, jobs) for jobs in JOBS]
    assert all(one == found[0] for one in found)
    assert bool(found[0]) == (damage is not nothing)
    told = [outcome(pack_of(repository), jobs) for jobs in JOBS]
    assert all(one == told[0] for one in told)
    assert isinstance(told[0], list) == (damage in {nothing, lose_object})


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_report_is_that_of_indexing_anew(
    damage: Callable[[Path], None], repository: Path, monkeypatch: pytest.MonkeyPatch
):
    damage(repository)
    found, told = findings(repository, 1), outcome(pack_of(repository), 1)
    monkeypatch.setattr(IndexedCheck, "read_heads", lambda _: False)
    assert (found, told) == (findings(repository, 1), outcome(pack_of(repository), 1))


def test_an_object_that_its_index_names_elsewhere_is_not_taken_for_read(tmp_path: Path):
    path = init_repository(tmp_path / "r.git")
    text = b"text"
    type_, tagged = tag(blob_id(text), ObjectType.BLOB)
    indexed_pack(path / "objects/pack", build_pack([whole(text), whole(tagged, type_)]))
    rewrite_index(path, lambda oids: oids[20:] + oids[:20])
    oids = blob_id(text).hex(), SHA1.hash_object(b"tag", tagged).hex()
    for jobs in JOBS:
        found = findings(path, jobs)
        assert sum("hash-path mismatch" in line for line in found) == 2
        # The tag was not read, so nothing is known to refer to the blob.
        assert {line.split()[-1] for line in found if line.startswith("dangling")} == {*oids}


def test_any_byte_that_was_damaged_is_found(tmp_path: Path):
    pack = indexed_pack(
        tmp_path, build_pack([*chain_of([b"text %d" % n * 5 for n in range(4)]), whole(b"x")])
    )
    for path in (pack, pack.with_suffix(".idx")):
        good = path.read_bytes()
        for at in range(len(good)):
            path.write_bytes(good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :])
            assert not _is_intact_or_refused(pack)
        path.write_bytes(good)
    assert is_intact(pack)


def _is_intact_or_refused(pack: Path) -> bool:
    try:
        return is_intact(pack)
    except PackcoreError:  # the index can't be opened
        return False


# Kinds of packs


@pytest.mark.parametrize("jobs", JOBS)
def test_large_objects_and_large_deltas_are_checked_in_pieces(jobs: int, repository: Path):
    small = Limits(big_object=200)
    assert is_intact(pack_of(repository), jobs, small)
    damage_entry(repository)
    assert not is_intact(pack_of(repository), jobs, small)


def test_ref_deltas_are_resolved_by_the_index(tmp_path: Path):
    base, target = b"one text " * 9, b"one text " * 9 + b"and more"
    oid = SHA1.hash_object(b"blob", base)
    pack = indexed_pack(tmp_path, build_pack([ref_delta(oid, simple_delta(base, target)), whole(base)]))
    assert is_intact(pack)
    assert is_intact(pack, jobs=2)


def test_a_pack_with_an_object_that_comes_twice_is_indexed_anew(tmp_path: Path):
    pack = indexed_pack(tmp_path, build_pack([whole(b"x"), whole(b"x")]))
    assert not is_intact(pack)
    assert len(verify_pack(pack, SHA1).rows) == 2


@pytest.mark.parametrize(
    "limits",
    [Limits(object_bytes=100), Limits(pack_objects=10), Limits(pack_bytes=100), Limits(chain_depth=1)],
)
def test_what_is_beyond_a_limit_is_left_to_the_error_that_says_so(limits: Limits, repository: Path):
    assert not is_intact(pack_of(repository), limits=limits)
