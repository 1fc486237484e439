"""Multi-pack-indexes: git's are read, one look-up serves for all packs, and wrong ones are no risk."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from packcore.checks.fsck import check_repository
from packcore.errors import MissingObject
from packcore.ids import SHA1
from packcore.pack.index import PackIndex
from packcore.store.multi_pack_index import MultiPackIndex, read_multi_pack_index
from packcore.store.packed import PackedStore
from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests.support import git, init_repository

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectId


def made(path: Path, packs: int = 6, *, bitmap: bool = False) -> Path:
    """Make a repository of several packs and their table."""
    init_repository(path)
    for number in range(packs):
        lines = []
        for n in range(8):
            lines += ["commit refs/heads/main", f"committer a <a@b> {100 * number + n} +0000", "data 1", "x"]
            lines += ["from refs/heads/main^0"] if number and not n else []
            lines += [f"M 100644 inline d/f{n}", "data 6", f"{number:03}{n:02}\n"]
        git("fast-import", "--quiet", cwd=path, stdin="\n".join(lines).encode())
        git("repack", "-dq", cwd=path)
    git("multi-pack-index", "write", *(["--bitmap"] if bitmap else []), cwd=path)
    return path


def all_ids(path: Path) -> list[ObjectId]:
    listed = git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", cwd=path)
    return [SHA1.from_hex(line) for line in listed.split()]


def errors(path: Path) -> list[str]:
    with Repository.open(path) as repository:
        return [found.text for found in check_repository(repository) if found.is_error]


def test_the_table_says_where_each_object_lies_as_the_indexes_do(tmp_path: Path):
    path = made(tmp_path / "a.git")
    table = read_multi_pack_index(path / "objects/pack", SHA1)
    store = PackedStore(path / "objects/pack", SHA1)
    assert table is not None
    assert len(table) == len(all_ids(path))
    packs = {pack.name.rpartition("/")[2].removesuffix(".pack"): pack for pack in store.packs}
    for oid in all_ids(path):
        place = table.find(oid)
        assert place is not None
        assert packs[table.names[place.pack_number]].index.find_offset(oid) == place.offset
    assert table.find(b"\1" * 20) is None
    table.check_file()
    assert errors(path) == []
    store.close()
    table.close()


@pytest.mark.parametrize("packs", [4, 16])
def test_an_object_is_looked_up_once_however_many_packs_there_are(
    tmp_path: Path, packs: int, monkeypatch: pytest.MonkeyPatch
):
    path = made(tmp_path / "a.git", packs)
    looked_up = 0
    find = PackIndex.find

    def counted(self: PackIndex, oid: bytes) -> int:
        nonlocal looked_up
        looked_up += 1
        return find(self, oid)

    with Repository.open(path) as repository:
        monkeypatch.setattr(PackIndex, "find", counted)
        for oid in all_ids(path):
            assert repository.header(oid).size >= 0
        assert SHA1.zero not in repository
    assert looked_up == 0


def test_a_pack_that_came_later_is_asked_too_and_one_that_is_gone_is_missed(tmp_path: Path):
    path = made(tmp_path / "a.git", 4)
    git("fast-import", "--quiet", cwd=path, stdin=b"blob\ndata 3\nnew\n")
    git("repack", "-adq", cwd=path, stdin=b"")
    made_ids = all_ids(path)
    table_of_before = made(tmp_path / "b.git", 4) / "objects/pack/multi-pack-index"
    (path / "objects/pack/multi-pack-index").unlink(missing_ok=True)
    (path / "objects/pack/multi-pack-index").write_bytes(table_of_before.read_bytes())
    git("fast-import", "--quiet", cwd=path, stdin=b"blob\ndata 5\nother\n")
    with Repository.open(path) as repository:
        for oid in made_ids:
            assert repository.read(oid)
        with pytest.raises(MissingObject):
            repository.read(SHA1.hash_object(b"blob", b"nowhere"))


def test_a_damaged_table_is_left_aside_and_every_object_is_found(tmp_path: Path):
    path = made(tmp_path / "a.git")
    file = path / "objects/pack/multi-pack-index"
    file.chmod(0o644)
    whole = file.read_bytes()
    wanted = all_ids(path)
    for size in range(0, len(whole), 211):
        file.write_bytes(whole[:size])
        with Repository.open(path) as repository:
            assert len(repository.shortcuts.faults) == 1
            assert all(oid in repository for oid in wanted)
    places = whole.index(b"".join(sorted(wanted))) + 20 * len(wanted)
    for row in range(0, len(wanted), 7):
        at = places + 8 * row
        file.write_bytes(whole[:at] + b"\0\0\1\0" + whole[at + 4 :])
        with Repository.open(path) as repository:
            assert all(oid in repository for oid in wanted)
            assert "a row names pack 256" in repository.shortcuts.faults[0]
    assert any("multi-pack-index" in text for text in errors(path))


def test_a_place_that_is_wrong_is_told_by_fsck(tmp_path: Path):
    path = made(tmp_path / "a.git")
    file = path / "objects/pack/multi-pack-index"
    file.chmod(0o644)
    whole = file.read_bytes()
    wanted = sorted(all_ids(path))
    at = whole.index(b"".join(wanted)) + 20 * len(wanted) + 4
    body = whole[:at] + (12345).to_bytes(4, "big") + whole[at + 4 : -20]
    file.write_bytes(body + SHA1.new_hash(body).digest())
    assert any(f"object {wanted[0].hex()} does not lie there" in text for text in errors(path))


def test_a_setting_keeps_the_table_from_being_read(tmp_path: Path):
    path = made(tmp_path / "a.git")
    git("config", "core.multiPackIndex", "false", cwd=path)
    with Repository.open(path) as repository:
        assert all(packed.table is None for packed in repository._packs)
        assert repository.shortcuts.faults == []


def test_a_bitmap_over_many_packs_says_exactly_what_is_reached(tmp_path: Path):
    path = made(tmp_path / "a.git", bitmap=True)
    with Repository.open(path) as repository:
        bitmap = repository.shortcuts.bitmap
        assert bitmap is not None
        main = SHA1.from_hex(git("rev-parse", "main", cwd=path))
        chance = random.Random(1)
        for _ in range(5):
            name = f"main~{chance.randrange(1, 40)}"
            have = SHA1.from_hex(git("rev-parse", name, cwd=path))
            listed = {one.oid for one in list_objects(repository, [main], [have], haves_complete=True)}
            truth = set(git("rev-list", "--objects", "--no-object-names", "main", cwd=path).split())
            truth -= set(git("rev-list", "--objects", "--no-object-names", name, cwd=path).split())
            assert {oid.hex() for oid in listed} == truth
        reached = bitmap.reached_from(main)
        assert reached is not None
        assert sorted(bitmap.oids(reached)) == sorted(all_ids(path))
        assert repository.shortcuts.faults == []
    assert errors(path) == []


def test_names_of_packs_that_are_no_indexes_are_refused():
    from packcore.errors import CorruptShortcut

    with pytest.raises(CorruptShortcut):
        MultiPackIndex(b"MIDX" + bytes(80), SHA1, "x")
