"""Locks of refs: a dead process's is cleared, a living one's and another program's never is."""

from __future__ import annotations

import errno
import os
import platform
from typing import TYPE_CHECKING

import pytest

from packcore.errors import RefLocked, RefMoved
from packcore.ids import SHA1, ObjectId
from packcore.store import ref_lock
from packcore.store.ref_change import RefChange
from packcore.store.ref_files import RefFiles
from packcore.store.ref_transaction import change_refs
from packcore.store.repository import Repository
from packcore.store.temporaries import file_system
from tests.processes import another_process, killed
from tests.support import git, init_repository, run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

A, B = (ObjectId(bytes([n]) * 20) for n in (1, 2))
MAIN, SIDE = "refs/heads/main", "refs/heads/side"
ZERO = SHA1.zero


@pytest.fixture(autouse=True)
def few_tries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if file_system(tmp_path) == "other":
        pytest.skip("the temporary folder is on a file system of several machines")
    monkeypatch.setattr(ref_lock, "LOCK_TRIES", 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return init_repository(tmp_path / "r.git")


@pytest.fixture
def refs(path: Path) -> RefFiles:
    return RefFiles(path, path, SHA1)


def lock_and(path: Path, *names: str) -> Callable[[Callable[[], None]], None]:
    """Return work for a process: it takes locks and then does what it is given."""

    def work(act: Callable[[], None]) -> None:
        refs = RefFiles(path, path, SHA1)
        changes = [refs.locked_change(name, None, A) for name in names]
        for change in changes:
            change.__enter__()
        act()

    return work


def left(path: Path) -> list[str]:
    return sorted(
        str(found.relative_to(path))
        for found in path.rglob("*")
        if found.name.endswith(".lock") or found.name.startswith("packcore")
    )


def test_a_lock_of_a_killed_process_is_cleared(path: Path, refs: RefFiles):
    killed(lock_and(path, MAIN))
    assert (path / f"{MAIN}.lock").exists()
    refs.update(MAIN, B, ZERO)
    assert (path / MAIN).read_text().strip() == B.hex()


def test_opening_a_repository_clears_the_locks_of_killed_processes_and_what_they_wrote(path: Path):
    killed(lock_and(path, MAIN, SIDE, "HEAD"))
    assert len(left(path)) == 7
    Repository.open(path).close()
    assert left(path) == []


def test_a_lock_of_a_living_process_is_respected_and_named(path: Path, refs: RefFiles):
    with another_process(lock_and(path, MAIN)) as number, pytest.raises(RefLocked) as caught:
        refs.update(MAIN, B, None)
    assert str(caught.value) == (
        f"{path / MAIN}.lock is held by packcore, process {number} on {platform.node()}"
    )
    assert "run again" in str(caught.value.hint)
    assert not isinstance(caught.value, RefMoved)


def test_opening_a_repository_leaves_the_locks_of_living_processes(path: Path):
    with another_process(lock_and(path, MAIN)):
        before = left(path)
        Repository.open(path).close()
        assert left(path) == before


@pytest.mark.parametrize("content", [b"", b"0" * 40, b"packcore lock\n", b"packcore lock\nprocess 1 on x"])
def test_a_lock_of_another_program_is_never_cleared_however_old(path: Path, refs: RefFiles, content: bytes):
    lock = path / f"{MAIN}.lock"
    lock.write_bytes(content)
    os.utime(lock, (0, 0))
    with pytest.raises(RefLocked, match="is held by another program, most likely git"):
        refs.update(MAIN, B, None)
    Repository.open(path).close()
    assert lock.read_bytes() == content


def test_a_lock_made_on_another_machine_is_never_cleared(path: Path, refs: RefFiles):
    lock = path / f"{MAIN}.lock"
    lock.write_bytes(b"packcore lock\nprocess 12 on backup2\nfile-system other\n")
    os.utime(lock, (0, 0))
    with pytest.raises(RefLocked, match="process 12 on backup2") as caught:
        refs.update(MAIN, B, None)
    assert "if that process no longer runs" in str(caught.value.hint)
    Repository.open(path).close()
    assert lock.exists()


def test_git_respects_a_lock_of_ours(path: Path):
    tree = git("mktree", cwd=path).strip()
    commit = git("commit-tree", "-m", "m", tree, cwd=path).strip()
    with another_process(lock_and(path, MAIN)):
        done = run_git("update-ref", "refs/heads/main", commit, cwd=path)
    assert done.returncode != 0
    assert b"main.lock': File exists" in done.stderr


def test_the_lock_of_packed_refs_is_cleared_too(path: Path, refs: RefFiles):
    (path / "packed-refs").write_text(f"{A.hex()} {MAIN}\n{B.hex()} {SIDE}\n")

    def work(die: Callable[[], None]) -> None:
        with RefFiles(path, path, SHA1).locks.hold(path / "packed-refs"):
            die()

    killed(work)
    refs.delete(MAIN, A)
    assert (path / "packed-refs").read_text().splitlines()[1:] == [f"{B.hex()} {SIDE}"]


def test_a_transaction_that_was_killed_between_two_refs_is_completed_by_the_next(path: Path, refs: RefFiles):
    changes = [RefChange(MAIN, ZERO, A), RefChange(SIDE, ZERO, B)]

    def work(die: Callable[[], None]) -> None:
        own = RefFiles(path, path, SHA1)
        done: list[str] = []
        commit = ref_lock.HeldLock.commit

        def counted(lock: ref_lock.HeldLock) -> None:
            if done:
                die()
            done.append("one")
            commit(lock)

        setattr(ref_lock.HeldLock, "commit", counted)  # noqa: B010 -- in a process of its own
        change_refs(own, changes)

    killed(work)
    assert {name: ref.oid for name, ref in refs.all().known.items()} == {MAIN: A}
    change_refs(refs, [RefChange(MAIN, A, A), RefChange(SIDE, ZERO, B)])
    refs.locks.close()
    assert {name: ref.oid for name, ref in refs.all().known.items()} == {MAIN: A, SIDE: B}


def test_where_there_are_no_hard_links_a_lock_is_taken_all_the_same(
    path: Path, refs: RefFiles, monkeypatch: pytest.MonkeyPatch
):
    def link(one: object, other: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with refs.locked_change(MAIN, None, A) as change:
        with pytest.raises(RefLocked, match=f"process {os.getpid()} on"):
            RefFiles(path, path, SHA1).update(MAIN, B, None)
        change()
    assert not (path / f"{MAIN}.lock").exists()
    assert (path / MAIN).read_text().strip() == A.hex()


def test_closing_leaves_no_file_behind(path: Path, refs: RefFiles):
    refs.update(MAIN, A, ZERO)
    refs.delete(MAIN, A)
    refs.locks.close()
    assert left(path) == []
