"""Resolving in several processes gives what one process gives, and reports damage as one does."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from packcore import processes
from packcore.checks.content import ContentChecks
from packcore.checks.fsck import BY_DEFAULT, FsckOptions, check_repository
from packcore.delta.codec import apply_delta
from packcore.errors import CorruptPack, WorkerLost
from packcore.ids import SHA1
from packcore.pack import parallel_resolve
from packcore.pack.indexer import index_pack_file
from packcore.pack.resolve import Resolver
from packcore.pack.verify import verify_pack
from packcore.store.repository import Repository
from tests.packcore.pack.folders import make_folders
from tests.packcore.pack_builder import build_pack, ofs_delta, simple_delta, whole, write_pack_file
from tests.support import fast_import, git, init_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not processes.can_fork(), reason="processes inherit the scan by fork")

DELTA_COLUMNS = 7
"""Of a line of verify-pack about a delta."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folders(tmp_path_factory.mktemp("made") / "a.git")


@pytest.fixture
def repository(made: Path, tmp_path: Path) -> Path:
    git("clone", "-q", "--bare", "--no-local", str(made), str(tmp_path / "b.git"))
    return tmp_path / "b.git"


def pack_of(repository: Path) -> Path:
    return next((repository / "objects/pack").glob("*.pack"))


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the processes started."""
    started: list[int] = []
    add = processes.Pool.add

    def counted(pool: processes.Pool, method: str, target: Callable[..., None], *arguments: object) -> None:
        add(pool, method, target, *arguments)
        started.append(len(pool))

    monkeypatch.setattr(processes.Pool, "add", counted)
    return started


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("jobs", [2, 3, 50])
def test_the_index_is_the_same_for_any_number_of_processes(repository: Path, jobs: int, forked: list[int]):
    indexed = index_pack_file(pack_of(repository), object_format=SHA1, jobs=jobs)
    assert b"".join(indexed.index_blocks()) == pack_of(repository).with_suffix(".idx").read_bytes()
    assert 1 < len(forked) <= jobs


def test_verify_pack_lists_the_same_rows(repository: Path, forked: list[int]):
    one, two = (list(verify_pack(pack_of(repository), SHA1, jobs=jobs).lines()) for jobs in (1, 2))
    assert one == two
    assert len(forked) == 2


def findings(repository: Path, jobs: int, options: FsckOptions = BY_DEFAULT) -> list[str]:
    with Repository.open(repository) as opened:
        return [found.text for found in check_repository(opened, options, jobs=jobs)]


def test_fsck_finds_the_same_in_an_intact_repository_with_findings(repository: Path, forked: list[int]):
    git("update-ref", "-d", "refs/heads/main", cwd=repository)  # the last commit is dangling
    found = findings(repository, 1)
    assert sum(text.startswith("dangling commit") for text in found) == 1
    assert findings(repository, 2) == found
    assert len(forked) == 2


@pytest.mark.parametrize("commits_kept", [10, 40])
def test_with_several_processes_the_scan_checks_no_commit_and_no_tree(
    made: Path, tmp_path: Path, commits_kept: int, monkeypatch: pytest.MonkeyPatch
):
    path = init_repository(tmp_path / "b.git")
    git("fetch", "-q", str(made), "main:whole", cwd=path)
    git("update-ref", "refs/heads/main", f"whole~{40 - commits_kept}", cwd=path)
    git("update-ref", "-d", "refs/heads/whole", cwd=path)
    git("repack", "-adfq", cwd=path)
    checked: list[int] = []
    check = ContentChecks.check

    def counted(checks: ContentChecks, *given: Any) -> None:
        checked.append(1)
        check(checks, *given)

    monkeypatch.setattr(ContentChecks, "check", counted)
    assert not findings(path, 1)
    assert len(checked) >= commits_kept * 3  # a commit, its tree, and a folder's tree
    checked.clear()
    assert not findings(path, 2)  # each process counts in its own memory
    assert not checked


def test_fsck_finds_a_missing_object_that_a_tree_of_another_process_names(repository: Path):
    lost = git("rev-parse", "main~20:d3/file", cwd=repository)
    listed = git("rev-list", "--objects", "main", cwd=repository).split("\n")
    kept = "\n".join(line.split()[0] for line in listed if lost not in line)
    pack = pack_of(repository)
    name = git("pack-objects", "-q", str(pack.parent / "pack"), cwd=repository, stdin=kept.encode())
    for old in pack.parent.glob(f"{pack.stem}.*"):
        old.unlink()
    assert (pack.parent / f"pack-{name}.pack").exists()
    found = findings(repository, 1)
    assert f"missing blob {lost}" in found
    assert findings(repository, 2) == found


def test_fsck_tells_of_roots_that_other_processes_read(repository: Path, forked: list[int]):
    text = b"".join(b"line %d of a long message\n" % line for line in range(100))
    for number in range(6):
        message = text + b"%d\n" % number
        root = b"commit refs/heads/root%d\ncommitter A <a@x> 1 +0000\ndata %d\n%s\n" % (
            *(number, len(message)),
            message,
        )
        fast_import(repository, [root])
    git("-c", "pack.threads=1", "repack", "-adfq", cwd=repository)
    oids = git("rev-list", "--max-parents=0", "--all", cwd=repository).split()
    entries = {line.split()[0]: len(line.split()) for line in verify_pack(pack_of(repository), SHA1).lines()}
    assert any(entries[oid] == DELTA_COLUMNS for oid in oids)
    asked = FsckOptions(root=True)
    found = findings(repository, 2, asked)
    assert sorted(found) == sorted(f"root {oid}" for oid in oids)
    assert len(forked) == 2
    assert findings(repository, 1, asked) == found


@pytest.mark.parametrize("which", [3, 11])
def test_damage_is_reported_as_by_one_process(repository: Path, which: int, monkeypatch: pytest.MonkeyPatch):
    def damaged(base: bytes, delta: bytes, *, target_bytes_max: int) -> bytes:
        made = apply_delta(base, delta, target_bytes_max=target_bytes_max)
        if crc32(made) % 20 == which:
            raise CorruptPack("a delta is broken")
        return made

    monkeypatch.setattr("packcore.pack.resolve.apply_delta", damaged)
    errors = []
    for jobs in (1, 2):
        with pytest.raises(CorruptPack) as error:
            index_pack_file(pack_of(repository), object_format=SHA1, jobs=jobs)
        errors.append(str(error.value))
    assert errors[0] == errors[1]
    assert findings(repository, 1) == findings(repository, 2)


def test_an_object_may_be_in_a_pack_several_times(tmp_path: Path, forked: list[int]):
    one, other, more = b"a text\n" * 5, b"b text\n" * 5, b"a text\n" * 6
    deltas = [ofs_delta(base, simple_delta(text, more)) for base, text in ((0, one), (0, one), (1, other))]
    path = write_pack_file(tmp_path, [build_pack([whole(one), whole(other), *deltas])])
    alone, shared = (index_pack_file(path, object_format=SHA1, jobs=jobs) for jobs in (1, 2))
    assert list(shared.index_blocks()) == list(alone.index_blocks())
    assert len(forked) == 2


def test_a_process_that_dies_is_a_clear_error(repository: Path, monkeypatch: pytest.MonkeyPatch):
    main = os.getpid()
    resolve = Resolver.resolve_trees

    def dying(*arguments: object) -> None:
        if os.getpid() != main:
            os.kill(os.getpid(), signal.SIGKILL)
        resolve(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Resolver, "resolve_trees", dying)
    with pytest.raises(WorkerLost, match="resolved deltas ended early, by signal 9"):
        index_pack_file(pack_of(repository), object_format=SHA1, jobs=2)


def test_an_interruption_ends_all_processes(repository: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(processes.Pool, "answers", interrupted)
    with pytest.raises(KeyboardInterrupt):
        index_pack_file(pack_of(repository), object_format=SHA1, jobs=2)


@pytest.mark.parametrize("refusal", ["no fork", "no process"])
def test_where_no_process_can_be_started_one_does_everything(
    repository: Path, refusal: str, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise OSError

    if refusal == "no fork":
        monkeypatch.setattr(parallel_resolve, "can_fork", lambda: False)
    else:
        monkeypatch.setattr(processes.Pool, "add", refuse)
    indexed = index_pack_file(pack_of(repository), object_format=SHA1, jobs=2)
    assert b"".join(indexed.index_blocks()) == pack_of(repository).with_suffix(".idx").read_bytes()


def test_by_itself_a_small_pack_is_left_to_one_process(repository: Path, forked: list[int]):
    index_pack_file(pack_of(repository), object_format=SHA1, jobs=None)
    assert forked == []


def test_by_itself_a_pack_that_is_worth_it_takes_one_process_a_cpu(
    repository: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(processes, "WORK_BYTES_MIN", 1000)
    monkeypatch.setattr(processes, "cpu_count", lambda: 3)
    index_pack_file(pack_of(repository), object_format=SHA1, jobs=None)
    assert 1 < len(forked) <= 3
