"""Very many refs changed by one new packed-refs: git reads them, and files and syncs do not grow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.store import packed_refs, ref_lock, temporaries
from packcore.store.ref_change import RefChange
from packcore.store.ref_files import RefFiles
from packcore.store.ref_transaction import MANY_CHANGES, change_refs
from packcore.store.repository import Repository
from tests.processes import another_process, killed
from tests.support import fast_import, git, history, init_repository, run_git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ZERO = SHA1.zero
MANY = MANY_CHANGES + 50


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    path = init_repository(tmp_path / "r.git")
    fast_import(path, history(commits=3, tag="v1"))
    git("update-ref", "-d", "refs/tags/v1", cwd=path)
    with Repository.open(path) as opened:
        yield opened


def oid_of(repository: Repository, revision: str) -> ObjectId:
    return ObjectId(bytes.fromhex(git("rev-parse", revision, cwd=repository.path)))


def names(count: int) -> list[str]:
    return [f"refs/heads/team{number % 10}/topic-{number}" for number in range(count)]


def created(repository: Repository, count: int, to: ObjectId) -> list[RefChange]:
    changes = [RefChange(name, ZERO, to) for name in names(count)]
    repository.change_refs(changes)
    return changes


def listed(repository: Repository) -> dict[str, str]:
    lines = git("for-each-ref", "--format=%(refname) %(objectname)", cwd=repository.path).splitlines()
    return dict(line.split(" ") for line in lines)


def test_git_reads_what_was_made_moved_and_deleted(repository: Repository) -> None:
    old, new = oid_of(repository, "main~1"), oid_of(repository, "main")
    created(repository, MANY, old)
    assert not list((repository.path / "refs/heads").glob("team*"))
    git("update-ref", names(1)[0], new.hex(), cwd=repository.path)
    loose, rest = names(MANY)[0], names(MANY)[1:]
    changes = [RefChange(loose, new, old)] + [RefChange(name, old, new) for name in rest]
    repository.change_refs(changes)
    expected = {loose: old.hex()} | dict.fromkeys(rest, new.hex())
    assert listed(repository) == expected | {"refs/heads/main": new.hex()}
    repository.change_refs([RefChange(name, new, ZERO) for name in rest])
    assert listed(repository) == {loose: old.hex(), "refs/heads/main": new.hex()}
    assert run_git("fsck", "--strict", cwd=repository.path).returncode == 0


def test_new_tags_are_packed_with_what_they_come_to(repository: Repository) -> None:
    path, commit = repository.path, oid_of(repository, "main")
    git("tag", "-a", "-m", "x", "first", cwd=path)
    git("pack-refs", "--all", cwd=path)
    tag = oid_of(repository, "refs/tags/first")
    repository.change_refs([RefChange(f"refs/tags/t{number}", ZERO, tag) for number in range(MANY)])
    assert (path / "packed-refs").read_text().splitlines()[0].split()[3:] == [
        "peeled",
        "fully-peeled",
        "sorted",
    ]
    assert repository.refs().known["refs/tags/t7"].peeled == commit
    peeled = git("show-ref", "-d", "--tags", cwd=path).count("^{}")
    assert peeled == MANY + 1


def test_a_header_that_promises_nothing_goes_on_promising_nothing(repository: Repository) -> None:
    path = repository.path
    git("tag", "-a", "-m", "x", "first", cwd=path)
    git("pack-refs", "--all", cwd=path)
    lines = (path / "packed-refs").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("#", "^"))]
    (path / "packed-refs").write_text("".join(f"{line}\n" for line in kept))
    created(repository, MANY, oid_of(repository, "main"))
    repository.delete_ref(names(1)[0])
    assert "peeled" not in (path / "packed-refs").read_text().splitlines()[0]
    assert "refs/tags/first^{}" in git("show-ref", "-d", cwd=path)


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return a counter of what is written and synced."""
    calls: Counter[str] = Counter()
    opened, synced, written = os.open, os.fsync, temporaries.Temporary.write

    def open_(path: str, flags: int, *rest: int, **more: int) -> int:
        calls["made"] += bool(flags & os.O_CREAT)
        return opened(path, flags, *rest, **more)

    def fsync(handle: int) -> None:
        calls["synced"] += 1
        synced(handle)

    def write(self: temporaries.Temporary, blocks: Iterator[bytes]) -> None:
        whole = list(blocks)
        calls["bytes"] += sum(map(len, whole))
        written(self, whole)

    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(temporaries.Temporary, "write", write)
    return calls


@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_files_and_syncs_stay_the_same_and_bytes_grow_with_the_refs(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    old, new = oid_of(repository, "main~1"), oid_of(repository, "main")
    found = []
    for count in (MANY, 3 * MANY):
        if kind != "create":
            created(repository, count, old)
        before = {"create": ZERO}.get(kind, old)
        after = {"delete": ZERO}.get(kind, new)
        with monkeypatch.context() as patch:
            calls = counted(patch)
            repository.change_refs([RefChange(name, before, after) for name in names(count)])
        found.append(calls)
        repository.change_refs([RefChange(name, new, ZERO) for name in names(count) if kind != "delete"])
    few, many = found
    assert many["made"] <= few["made"] <= 2  # the new packed-refs, and who holds the locks
    assert many["synced"] <= few["synced"] <= 20  # packed-refs, and each folder
    assert many["bytes"] <= 3.2 * few["bytes"] + 200


def test_deletions_rewrite_packed_refs_once_however_many(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = oid_of(repository, "main")
    created(repository, 2 * MANY, old)
    rewritten = []
    real = packed_refs.PackedRefs.rewritten

    def noted(self: packed_refs.PackedRefs, changes: dict[bytes, None], **more: bool) -> Iterator[bytes]:
        rewritten.append(len(changes))
        return real(self, changes, **more)

    monkeypatch.setattr(packed_refs.PackedRefs, "rewritten", noted)
    faults = repository.change_refs_apart([RefChange(name, old, ZERO) for name in names(MANY)])
    assert (faults, rewritten) == ({}, [MANY])


def test_locks_beyond_what_one_file_may_have_as_links_get_another_owner(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, links = os.link, Counter[str]()

    def bounded(owner: object, lock: object) -> None:
        if links[str(owner)] >= 100:
            raise OSError(31, "Too many links")
        real(str(owner), str(lock))
        links[str(owner)] += 1

    monkeypatch.setattr(os, "link", bounded)
    created(repository, MANY, oid_of(repository, "main"))
    assert max(links.values()) == 100
    assert len(links) == -(-MANY // 100)
    repository.close()
    assert not [found.name for found in repository.path.iterdir() if found.name.startswith("packcore")]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of open files there")
def test_an_atomic_change_of_1100_refs_needs_few_open_files(repository: Repository) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64));"
        "from packcore.store.repository import Repository; from packcore.store.ref_change import RefChange;"
        "r = Repository.open(sys.argv[1]); oid = r.read_ref('refs/heads/main').oid; zero = bytes(20);"
        "r.change_refs([RefChange(f'refs/heads/n{i}', zero, oid) for i in range(1100)]);"
        "r.change_refs([RefChange(f'refs/heads/n{i}', oid, zero) for i in range(250)]); r.close()"
    )
    done = subprocess.run([sys.executable, "-c", code, repository.path], capture_output=True, check=False)
    assert done.stderr == b""
    assert len(listed(repository)) == 1 + 1100 - 250


def test_git_keeps_away_while_refs_are_changed_and_a_killed_change_is_cleared(tmp_path: Path) -> None:
    path = init_repository(tmp_path / "r.git")
    fast_import(path, history(commits=2))
    tip = ObjectId(bytes.fromhex(git("rev-parse", "main", cwd=path)))
    changes = [RefChange(name, ZERO, tip) for name in names(MANY)]

    def work(act: Callable[[], None]) -> None:
        def stop(lock: ref_lock.HeldLock) -> None:
            act()

        setattr(ref_lock.HeldLock, "commit", stop)  # noqa: B010 -- in a process of its own
        change_refs(RefFiles(path, path, SHA1), changes)

    with another_process(work):
        done = run_git("update-ref", names(1)[0], tip.hex(), cwd=path)
        assert b"File exists" in done.stderr
    killed(work)
    Repository.open(path).close()
    assert not [*path.rglob("*.lock"), *path.glob("packcore*")]
    assert git("for-each-ref", cwd=path).count("\n") == 0
    with Repository.open(path) as opened:
        opened.change_refs(changes)
    assert git("for-each-ref", cwd=path).count("\n") == MANY


def test_a_blob_may_be_named_by_very_many_refs_outside_of_branches(repository: Repository) -> None:
    blob = repository.write_loose(ObjectType.BLOB, b"x")
    repository.change_refs([RefChange(f"refs/notes/n{n}/x", ZERO, blob) for n in range(MANY)])
    assert git("cat-file", "-t", "refs/notes/n5/x", cwd=repository.path) == "blob"
