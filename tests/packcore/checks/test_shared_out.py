"""fsck of many packs and loose objects: the processes share them, and say what one process says."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from packcore import processes
from packcore.checks.fsck import FsckOptions, check_repository
from packcore.pack.indexed_check import IndexedCheck
from packcore.store.loose import LooseStore
from packcore.store.repository import Repository
from tests.support import fast_import, git, init_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.store.base import StoredObject

pytestmark = pytest.mark.skipif(not processes.can_fork(), reason="processes inherit what is known by fork")

PACKS = 4
BAD_MODULES = b'[submodule "a"]\n\turl = -u./payload\n\tpath = a\n'


def commits(first: int, count: int) -> Iterator[bytes]:
    for number in range(first, first + count):
        begins = b"from refs/heads/main^0\n" if number == first and first else b""
        yield b"commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 0\n%s" % (10**9 + number, begins)
        yield b"M 100644 inline d%d/file%d\ndata 5\n%5d\n" % (number % 3, number % 7, number)
        yield b"M 100644 inline .gitmodules\ndata %d\n%s\n" % (len(BAD_MODULES), BAD_MODULES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = init_repository(tmp_path_factory.mktemp("made") / "a.git")
    for limit, count in [*[(0, 20)] * PACKS, (10_000, 20)]:
        git("config", "fastimport.unpackLimit", str(limit), cwd=path)
        first = int(git("rev-list", "--count", "--all", cwd=path))
        fast_import(path, commits(first, count))
    assert len(list((path / "objects/pack").glob("*.pack"))) == PACKS
    return path


@pytest.fixture
def repository(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "b.git")
    for file in (tmp_path / "b.git/objects").rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    return tmp_path / "b.git"


def findings(repository: Path, jobs: int) -> list[str]:
    with Repository.open(repository) as opened:
        options = FsckOptions(root=True, unreachable=True)
        return [found.text for found in check_repository(opened, options, jobs=jobs)]


def packs_of(repository: Path) -> list[Path]:
    return sorted((repository / "objects/pack").glob("*.pack"))


def loose_of(repository: Path) -> list[Path]:
    return sorted(path for path in (repository / "objects").glob("??/*") if path.is_file())


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x41
    path.write_bytes(data)


def damage_last_pack(repository: Path) -> None:
    flip(packs_of(repository)[-1], 300)


def damage_trailers(repository: Path) -> None:
    for pack in packs_of(repository)[1:3]:
        flip(pack, -1)


def damage_loose(repository: Path) -> None:
    for path in loose_of(repository)[::5]:
        path.write_bytes(path.read_bytes() + b"more")


def misplace_loose(repository: Path) -> None:
    one, other = loose_of(repository)[1], loose_of(repository)[-2]
    other.write_bytes(one.read_bytes())


def lose_loose(repository: Path) -> None:
    for path in loose_of(repository)[::9]:
        path.unlink()


def lose_pack(repository: Path) -> None:
    pack = packs_of(repository)[1]
    pack.unlink()
    pack.with_suffix(".idx").unlink()


def borrow(repository: Path) -> None:
    """Leave all but one pack to an alternate, with a damaged loose object there."""
    other = init_repository(repository.parent / "c.git")
    shutil.rmtree(other / "objects")
    (repository / "objects").rename(other / "objects")
    (repository / "objects/info").mkdir(parents=True)
    (repository / "objects/info/alternates").write_text(f"{other / 'objects'}\n")
    flip(loose_of(other)[3], 5)


def damage_packed_copy(repository: Path) -> None:
    """Store a tree with a finding in a pack, where it is damaged, and loose, among damaged ones."""
    damage_loose(repository)
    tree = b"100644 b\0%s100644 a\0%s" % (bytes(range(20)), bytes(range(1, 21)))
    oid = git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", cwd=repository, stdin=tree)
    before = {*packs_of(repository)}
    git("pack-objects", "-q", "objects/pack/pack", cwd=repository, stdin=f"{oid}\n".encode())
    (pack,) = {*packs_of(repository)} - before
    pack.chmod(0o644)
    flip(pack, 30)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: None,
        *(damage_last_pack, damage_trailers, damage_loose, misplace_loose, lose_loose, lose_pack, borrow),
        damage_packed_copy,
    ],
)
def test_any_number_of_processes_finds_the_same_in_the_same_order(
    damage: Callable[[Path], None], repository: Path
):
    damage(repository)
    found = [findings(repository, jobs) for jobs in (1, 2, 3)]
    assert found[0]
    assert found[1] == found[0]
    assert found[2] == found[0]


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_each_object_is_read_once_and_the_processes_share_them(
    jobs: int, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = tmp_path / "log"
    read_short, stream = LooseStore.read_short, IndexedCheck._stream

    def note(what: object) -> None:
        with log.open("a") as file:
            file.write(f"{os.getpid()} {what}\n")

    def loose(store: LooseStore, oid: ObjectId) -> StoredObject | None:
        note(oid.hex())
        return read_short(store, oid)

    def packed(check: IndexedCheck, entry_index: int) -> bytes:
        note(check.table.oid(entry_index).hex() if check.table.types[entry_index] else "a delta")
        return stream(check, entry_index)

    monkeypatch.setattr(LooseStore, "read_short", loose)
    monkeypatch.setattr(IndexedCheck, "_stream", packed)
    with Repository.open(repository) as opened:  # what is unreachable would be found by a second look
        list(check_repository(opened, FsckOptions(), jobs=jobs))
    lines = [line.split(" ", 1) for line in log.read_text().splitlines()]
    assert max(count for what, count in Counter(what for _, what in lines).items() if what != "a delta") == 1
    with Repository.open(repository) as opened:
        assert len(lines) == len(list(opened.copies.all()))
    shares = Counter(process for process, _ in lines)
    assert len(shares) == jobs
    assert max(shares.values()) < len(lines) * (1 if jobs == 1 else 0.75) + 1
