"""Packs on their way in, while git cleans up beside us, and after a process that was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError
from packcore.ids import SHA1
from packcore.objects import ObjectType
from packcore.store.pack_install import kept
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.store.temporaries import file_system
from tests.processes import killed
from tests.support import fsck, git, git_bytes, history, init_repository, make_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CLEANINGS = [
    ("prune", "--expire=now"),
    ("gc", "-q", "--prune=now"),
    ("repack", "-adq"),
    ("-c", "gc.cruftPacks=true", "gc", "-q", "--prune=now"),
]
each_cleaning = pytest.mark.parametrize("cleaning", CLEANINGS, ids=" ".join)


@pytest.fixture(autouse=True)
def own_disk(tmp_path: Path) -> None:
    if file_system(tmp_path) == "other":
        pytest.skip("the temporary folder is on a file system of several machines")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return a repository with some history of its own."""
    path = init_repository(tmp_path / "target.git")
    make_repository(tmp_path / "own.git", history(commits=3, files=2, seed=5))
    git("fetch", "-q", tmp_path / "own.git", "main:own", cwd=path)
    return path


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """Return a pack that the target lacks, and its tip."""
    source = make_repository(tmp_path_factory.mktemp("source") / "s.git", history(commits=4, files=2))
    data = git_bytes("pack-objects", "--all", "--stdout", "-q", "--revs", cwd=source)
    return data, git("rev-parse", "main", cwd=source).strip()


def received(repository: Repository, data: bytes) -> SpooledPack:
    return SpooledPack.receive([data], object_format=SHA1, directory=repository.pack_directory)


@each_cleaning
def test_git_leaves_a_pack_that_is_being_received(target: Path, pack: tuple[bytes, str], cleaning):
    data, tip = pack
    with Repository.open(target) as repository, received(repository, data) as spool:
        git(*cleaning, cwd=target)
        assert spool.path is not None
        assert spool.path.exists()
        with repository.adding_pack(spool):
            repository.update_ref("refs/heads/main", SHA1.from_hex(tip))
    assert fsck(target) == []


@each_cleaning
def test_git_leaves_a_pack_whose_refs_are_not_there_yet(target: Path, pack: tuple[bytes, str], cleaning):
    data, tip = pack
    with Repository.open(target) as repository, received(repository, data) as spool:
        with repository.adding_pack(spool):
            git(*cleaning, cwd=target)
            repository.update_ref("refs/heads/main", SHA1.from_hex(tip))
    assert fsck(target) == []
    assert list((target / "objects/pack").glob("*.keep")) == []


@each_cleaning
def test_git_leaves_an_object_that_is_being_written(target: Path, cleaning):
    def blocks() -> Iterator[bytes]:
        yield b"begun, "
        git(*cleaning, cwd=target)
        yield b"and ended"

    with Repository.open(target) as repository:
        oid = repository.write_loose_stream(ObjectType.BLOB, 16, blocks())
    assert git("cat-file", "-p", oid.hex(), cwd=target) == "begun, and ended"


def test_a_file_that_vanished_from_under_us_is_written_again(target: Path, pack: tuple[bytes, str]):
    data, tip = pack
    with Repository.open(target) as repository, received(repository, data) as spool:
        assert spool.path is not None
        spool.path.unlink()
        with repository.adding_pack(spool):
            repository.update_ref("refs/heads/main", SHA1.from_hex(tip))
    assert fsck(target) == []


def test_a_folder_that_vanished_is_a_clear_error(target: Path, pack: tuple[bytes, str], monkeypatch):
    with Repository.open(target) as repository, received(repository, pack[0]) as spool:
        monkeypatch.setattr("packcore.store.pack_install.Temporary", _vanished)
        with pytest.raises(RepositoryError, match=r"the pack can't be installed: No such file") as caught:
            repository.add_pack(spool)
    assert caught.value.hint is not None


def _vanished(folder: Path, **options: object) -> None:
    raise FileNotFoundError(2, "No such file or directory")


def test_a_pack_that_lacks_its_index_after_a_crash_gets_it(target: Path, pack: tuple[bytes, str]):
    def work(die: Callable[[], None]) -> None:
        with Repository.open(target) as repository:
            spool = received(repository, pack[0])
            move_to = spool._file.move_to

            def moved(path: Path) -> bool:
                move_to(path)
                die()
                return True

            setattr(spool._file, "move_to", moved)  # noqa: B010 -- in a process of its own
            repository.add_pack(spool)

    killed(work)
    folder = target / "objects/pack"
    alone = [path for path in folder.glob("*.pack") if not path.with_suffix(".idx").exists()]
    assert len(alone) == 1
    with Repository.open(target) as repository:
        assert SHA1.from_hex(pack[1]) in repository
    git("verify-pack", alone[0].with_suffix(".idx"), cwd=target)
    assert not list(folder.glob("packcore*"))


def test_an_index_that_is_torn_is_not_given_to_a_pack(target: Path, pack: tuple[bytes, str]):
    with Repository.open(target) as repository, received(repository, pack[0]) as spool:
        path = repository.add_pack(spool)
    assert path is not None
    index = path.with_suffix(".idx")
    data = index.read_bytes()
    index.unlink()
    name = f"packcore-tmp-{file_system(path.parent)}-0123456789ab.index-of-{path.stem.removeprefix('pack-')}"
    for torn in (b"", data[:-30], bytes(len(data)), data[:1040] + bytes([data[1040] ^ 1]) + data[1041:]):
        (path.parent / name).write_bytes(torn)
        Repository.open(target).close()
        assert not index.exists()
        assert not (path.parent / name).exists()


def test_a_damaged_pack_of_the_same_name_is_replaced(target: Path, pack: tuple[bytes, str]):
    data, tip = pack
    for damaged in (b"", data[:-1], data[:100] + b"\0" + data[101:]):
        with Repository.open(target) as repository, received(repository, data) as spool:
            (repository.pack_directory / spool.file_name).unlink(missing_ok=True)
            (repository.pack_directory / spool.file_name).write_bytes(damaged)
            with repository.adding_pack(spool):
                repository.update_ref("refs/heads/main", SHA1.from_hex(tip))
        assert fsck(target) == []


def test_a_keep_file_of_the_users_stays(target: Path, pack: tuple[bytes, str]):
    with Repository.open(target) as repository, received(repository, pack[0]) as spool:
        keep = (repository.pack_directory / spool.file_name).with_suffix(".keep")
        keep.write_text("mine\n")
        with repository.adding_pack(spool):
            pass
    Repository.open(target).close()
    assert keep.read_text() == "mine\n"


def test_a_keep_file_of_a_killed_process_is_removed(target: Path):
    path = target / "objects/pack/pack-1.pack"

    def work(die: Callable[[], None]) -> None:
        with kept(path):
            die()

    killed(work)
    assert path.with_suffix(".keep").exists()
    Repository.open(target).close()
    assert not path.with_suffix(".keep").exists()


def test_a_keep_file_of_a_living_process_stays(target: Path):
    path = target / "objects/pack/pack-1.pack"
    with kept(path):
        Repository.open(target).close()
        assert path.with_suffix(".keep").exists()
    assert not path.with_suffix(".keep").exists()
