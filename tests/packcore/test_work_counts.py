"""The work done for bombs, in counts: each object is read and parsed a fixed number of times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore import objects
from packcore.checks import content, trees
from packcore.checks.fsck import check_repository
from packcore.store.copies import Copies
from packcore.store.repository import Repository
from tests import bombs
from tests.support import fast_import, git, init_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.base import StoredObject
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
