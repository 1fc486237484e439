"""The work done for bombs, in counts: each object is read and parsed a fixed number of times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore import objects
from packcore.checks import fsck
from packcore.checks.fsck import check_repository
from packcore.store.copies import Copies
from packcore.store.repository import Repository
from tests import bombs
from tests.support import git, init_repository

if TYPE_CHECKING:
    from collections.abc import Callable
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
def test_fsck_reads_each_object_once_follows_it_once_and_checks_its_lines_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    repository = stored(BOMBS[name](), tmp_path / "a.git")
    count = len(list(repository))
    tree_bytes = sum(size for type_, size in map(repository.header, repository) if type_.name == "TREE")
    reads = followed = rows_bytes = 0
    read_copy, read, find_rows = Copies.read_copy, Repository.read, objects.tree_rows

    def counted_copy(self: Copies, copy: Copy) -> StoredObject:
        nonlocal reads
        reads += 1
        return read_copy(self, copy)

    def counted_read(self: Repository, oid: ObjectId) -> StoredObject:
        nonlocal followed
        followed += 1
        return read(self, oid)

    def counted_rows(
        data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None
    ) -> list[tuple[bytes, bytes, ObjectId]]:
        nonlocal rows_bytes
        rows_bytes += len(data)
        return find_rows(data, object_format, oid)

    monkeypatch.setattr(Copies, "read_copy", counted_copy)
    monkeypatch.setattr(Repository, "read", counted_read)
    monkeypatch.setattr(fsck, "tree_rows", counted_rows)
    assert list(check_repository(repository)) == []
    repository.close()
    assert reads == count
    assert 0 < followed <= count
    assert rows_bytes == tree_bytes
