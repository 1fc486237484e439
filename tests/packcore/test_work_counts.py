"""The work done for bombs, in counts: each object is read and parsed a fixed number of times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore import objects, tree_versions
from packcore.checks import content, trees
from packcore.checks.fsck import check_repository
from packcore.rev_list import Listing, list_revisions
from packcore.store.copies import Copies
from packcore.store.loose import LooseStore
from packcore.store.packed import PackedStore
from packcore.store.packfile import PackFile
from packcore.store.quick_read import quick_reader
from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests import bombs
from tests.support import fast_import, git, git_bytes, init_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.limits import Limits
    from packcore.pack.mapping import PackSource
    from packcore.store.base import StoredObject
    from packcore.store.base_cache import BaseCache
    from packcore.store.copies import Copy
    from tests.bombs import BombPack

BOMBS: dict[str, Callable[[], BombPack]] = {
    "tags in a row": lambda: bombs.tags_in_row(300),
    "commits in a row": lambda: bombs.commits_in_row(300),
    "nested trees": lambda: bombs.nested_trees(300, 50),
    "wide trees in each other": lambda: bombs.wide_trees_in_each_other(30, 200),
    "many parents": lambda: bombs.many_parents(3000),
}


def stored(bomb: BombPack, path: Path) -> Repository:
    init_repository(path)
    pack = path / "objects" / "pack" / f"pack-{bomb.data[-20:].hex()}.pack"
    pack.write_bytes(bomb.data)
    git("index-pack", str(pack))
    (path / "refs" / "tags" / "t").write_text(f"{bomb.tip.hex()}\n")
    return Repository.open(path)


@pytest.mark.parametrize("name", BOMBS)
def test_fsck_reads_an_intact_pack_in_one_run_and_parses_no_tree_twice(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    repository = stored(BOMBS[name](), tmp_path / "a.git")
    tree_bytes = sum(size for type_, size in map(repository.header, repository) if type_.name == "TREE")
    work = Work(monkeypatch)
    assert not any(found.is_error for found in check_repository(repository))
    repository.close()
    assert work.copies_read == work.objects_read == 0
    assert work.tree_bytes <= tree_bytes


@pytest.mark.parametrize("name", BOMBS)
def test_fsck_reads_each_object_of_a_pack_with_a_damaged_index_once_more_and_follows_it_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    repository = stored(BOMBS[name](), tmp_path / "a.git")
    count = len(list(repository))
    path = next(repository.pack_directory.glob("*.idx"))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")  # in its digest
    repository = Repository.open(tmp_path / "a.git")
    work = Work(monkeypatch)
    assert any("its digest does not match" in found.text for found in check_repository(repository))
    repository.close()
    assert work.copies_read == count
    assert work.objects_read <= count


@pytest.mark.parametrize("commits", [20, 80])
def test_of_a_folder_that_changes_little_fsck_parses_what_changed(
    commits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def stream() -> Iterator[bytes]:
        for number in range(commits):
            yield b"commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 0\n" % (10**9 + number)
            changed = range(500) if not number else [number * 7 % 500]
            yield from (b"M 100644 inline file%d\ndata 4\n%4d\n" % (file, number) for file in changed)

    path = init_repository(tmp_path / "a.git")
    fast_import(path, stream())
    git("-c", "pack.threads=1", "repack", "-adfq", cwd=path)
    work = Work(monkeypatch)
    with Repository.open(path) as repository:
        assert not any(found.is_error for found in check_repository(repository))
    whole_tree_bytes = 500 * (len("100644 file100") + 21)
    assert work.tree_bytes <= 4 * whole_tree_bytes + commits * 2 * 35


@pytest.mark.parametrize("commits", [20, 80])
def test_a_listing_reads_each_commit_and_tree_once_and_parses_what_changed(
    commits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = init_repository(tmp_path / "a.git")
    fast_import(path, one_change_each(commits, files=60))
    git("-c", "pack.threads=1", "repack", "-adfq", cwd=path)
    expected = git("rev-list", "--objects", "--all", cwd=path).splitlines()
    places: list[int] = []
    parsed, read_singly = 0, []

    def counting_reader(
        source: PackSource, cache: BaseCache, first_place: int, limits: Limits
    ) -> Callable[[int], tuple[int, bytes] | None]:
        read = quick_reader(source, cache, first_place, limits)

        def counted_read(offset: int) -> tuple[int, bytes] | None:
            places.append(offset)
            return read(offset)

        return counted_read

    def counted_rows(
        data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None
    ) -> list[tuple[bytes, bytes, ObjectId]]:
        nonlocal parsed
        parsed += len(data)
        return objects.tree_rows(data, object_format, oid)

    monkeypatch.setattr("packcore.store.packfile.quick_reader", counting_reader)
    monkeypatch.setattr(PackFile, "read_found", lambda *_: read_singly.append(1))
    monkeypatch.setattr(tree_versions, "tree_rows", counted_rows)
    with Repository.open(path) as repository:
        listed = list_revisions(repository, ["--all"], Listing(objects=True)).items
        assert [f"{one.oid.hex()} {(one.path or b'').decode()}".rstrip() for one in listed] == [
            line.rstrip() for line in expected
        ]
    assert not read_singly
    assert len(places) == len(set(places)) == 2 * commits
    entry_bytes = len("100644 file00") + 21
    assert parsed <= 2 * 60 * entry_bytes + commits * 2 * entry_bytes


@pytest.mark.parametrize("commits", [20, 80])
def test_loose_objects_are_looked_for_in_the_packs_once(
    commits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = init_repository(tmp_path / "a.git")
    fast_import(path, one_change_each(commits, files=5))
    pack = next((path / "objects/pack").glob("*.pack"), None)
    if pack is not None:
        moved = pack.rename(tmp_path / "a.pack")
        pack.with_suffix(".idx").unlink()
        git_bytes("unpack-objects", "-q", cwd=path, stdin=moved.read_bytes())
    asked: list[bytes] = []
    locate = PackedStore.locate

    def counted(packs: PackedStore, oid: bytes) -> tuple[PackFile, int] | None:
        asked.append(oid)
        return locate(packs, oid)

    monkeypatch.setattr(PackedStore, "locate", counted)
    with Repository.open(path) as repository:
        assert len(list_objects(repository, [next(iter(repository.refs().known.values())).oid])) > commits
    # Also the tip's type, and the blobs that are looked up at the end.
    assert len(asked) <= 2 * commits + 2 + (commits + 5) * 2


@pytest.mark.parametrize("commits", [20, 80])
def test_fsck_opens_each_loose_object_once(commits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = init_repository(tmp_path / "a.git")
    git("config", "fastimport.unpackLimit", "10000", cwd=path)
    fast_import(path, one_change_each(commits, files=5))
    short: list[ObjectId] = []
    read_short = LooseStore.read_short

    def counted(store: LooseStore, oid: ObjectId) -> StoredObject | None:
        short.append(oid)
        return read_short(store, oid)

    monkeypatch.setattr(LooseStore, "read_short", counted)
    monkeypatch.setattr(LooseStore, "_open", None)  # nothing is left to the careful way
    with Repository.open(path) as repository:
        assert not any(found.is_error for found in check_repository(repository))
        assert sorted(short) == sorted(repository)
    assert len(short) > commits * 2


def one_change_each(commits: int, *, files: int) -> Iterator[bytes]:
    """Yield commits on main: the first writes all files, each other changes one."""
    for number in range(commits):
        yield b"commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 0\n" % (10**9 + number)
        changed = range(files) if not number else [number * 7 % files]
        yield from (b"M 100644 inline file%02d\ndata 4\n%4d\n" % (file, number) for file in changed)


class Work:
    """Counts what a check reads and parses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.copies_read = self.objects_read = self.tree_bytes = 0
        read_copy, read, find_rows = Copies.read_copy, Repository.read, objects.tree_rows

        def counted_copy(copies: Copies, copy: Copy) -> StoredObject:
            self.copies_read += 1
            return read_copy(copies, copy)

        def counted_read(repository: Repository, oid: ObjectId) -> StoredObject:
            self.objects_read += 1
            return read(repository, oid)

        def counted_rows(
            data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None
        ) -> list[tuple[bytes, bytes, ObjectId]]:
            self.tree_bytes += len(data)
            return find_rows(data, object_format, oid)

        monkeypatch.setattr(Copies, "read_copy", counted_copy)
        monkeypatch.setattr(Repository, "read", counted_read)
        for module in (content, trees):
            monkeypatch.setattr(module, "tree_rows", counted_rows)
