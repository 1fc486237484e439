"""A repository whose refs are in reftables: read, and changed as one with files is, and git agrees."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptData, RefLocked, RefMoved, RepositoryError
from packcore.ids import ObjectId
from packcore.objects import ObjectType
from packcore.store.ref_change import RefChange
from packcore.store.reftable_stack import ReftableStack
from packcore.store.repository import Repository
from tests.reftables import commit_data, reftable_repository
from tests.support import fsck, git, require_git, run_git

if TYPE_CHECKING:
    from pathlib import Path

MAIN, GONE, TAG = "refs/heads/main", "refs/heads/gone", "refs/tags/v1"
NEW_ENOUGH = (2, 45)
"""The first git that keeps refs in reftables."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return reftable_repository(tmp_path / "r.git")


@pytest.fixture
def repository(path: Path):
    with Repository.open(path) as opened:
        yield opened


@pytest.fixture
def other(repository: Repository) -> ObjectId:
    return repository.write_loose(ObjectType.COMMIT, commit_data(b"other"))


def tip(repository: Repository, name: str = MAIN) -> ObjectId:
    ref = repository.read_ref(name)
    assert ref is not None
    return ref.oid


def names(repository: Repository) -> list[str]:
    return list(repository.refs().known)


# Reading


def test_refs_symbolic_ones_and_what_tags_resolve_to_are_listed(repository: Repository):
    refs = repository.refs()
    assert list(refs.known) == ["refs/heads/alias", MAIN, "refs/heads/new", TAG]
    assert refs.known["refs/heads/alias"].symref == MAIN
    assert refs.known[TAG].peeled == tip(repository)
    assert not refs.unreadable


def test_head_is_in_the_table_and_its_file_is_a_stub(repository: Repository):
    assert repository.head() == MAIN
    head = repository.read_ref("HEAD")
    assert head is not None
    assert head.symref == MAIN


def test_only_the_asked_part_is_listed(repository: Repository):
    table = repository.ref_table(["refs/tags/", "refs/heads/al"])
    assert table.names == [b"refs/heads/alias", b"refs/tags/v1"]
    assert table.symrefs == {b"refs/heads/alias": MAIN}


def test_fetch_head_is_a_file_as_everywhere(repository: Repository, path: Path):
    (path / "FETCH_HEAD").write_text(f"{tip(repository).hex()}\t\tbranch 'main' of x\n")
    assert tip(repository, "FETCH_HEAD") == tip(repository)


def test_a_symbolic_ref_to_nothing_is_listed_as_dangling(repository: Repository):
    repository.set_symbolic_ref("refs/heads/alias", "refs/heads/nowhere")
    assert repository.refs().unreadable["refs/heads/alias"].is_dangling
    assert repository.read_ref("refs/heads/alias") is None


def test_damage_is_never_absence(repository: Repository, path: Path):
    table = path / "reftable" / "kinds-1.ref"
    table.write_bytes(table.read_bytes()[:-9])
    with Repository.open(path) as damaged:
        for read in (damaged.refs, damaged.head, lambda: damaged.read_ref("refs/heads/absent")):
            with pytest.raises(CorruptData, match=r"kinds-1\.ref: at offset \d+: "):
                read()


def test_a_linked_worktree_has_a_head_and_some_refs_of_its_own(path: Path):
    own = path / "worktrees" / "w"
    (own / "refs").mkdir(parents=True)
    (own / "reftable").mkdir()
    (own / "HEAD").write_text("ref: refs/heads/.invalid\n")
    (own / "commondir").write_text("../..\n")
    (own / "reftable" / "tables.list").write_text("")
    with Repository.open(own) as linked, Repository.open(path) as main:
        linked.set_head("refs/heads/new")
        linked.update_ref("refs/worktree/x", tip(main))
        linked.update_ref("refs/heads/shared", tip(main))
        assert (main.head(), linked.head()) == (MAIN, "refs/heads/new")
        assert "refs/worktree/x" not in names(main)
        assert {"refs/worktree/x", "refs/heads/shared"} < set(names(linked))
        main.update_ref("refs/bisect/bad", tip(main))
        assert "refs/bisect/bad" in names(main)
        assert "refs/bisect/bad" not in names(linked)


# Changing


def test_a_ref_is_made_moved_and_removed(repository: Repository, other: ObjectId):
    main = tip(repository)
    repository.update_ref("refs/heads/side", other, repository.object_format.zero)
    assert tip(repository, "refs/heads/side") == other
    repository.update_ref("refs/heads/side", main, other)
    assert tip(repository, "refs/heads/side") == main
    repository.delete_ref("refs/heads/side", main)
    assert "refs/heads/side" not in names(repository)


def test_a_ref_that_moved_stays_as_it_is(repository: Repository, path: Path, other: ObjectId):
    before = (path / "reftable" / "tables.list").read_bytes()
    with pytest.raises(RefMoved, match=r"refs/heads/main: it is at 66723e.*, not at "):
        repository.update_ref(MAIN, other, other)
    with pytest.raises(RefMoved, match="it is not there"):
        repository.delete_ref(GONE)
    assert (path / "reftable" / "tables.list").read_bytes() == before


def test_an_update_of_a_symbolic_ref_changes_its_target(repository: Repository, other: ObjectId):
    repository.update_ref("HEAD", other)
    repository.update_ref("refs/heads/alias", other)
    assert tip(repository) == other
    assert repository.head() == MAIN


def test_a_transaction_is_one_table_or_none(repository: Repository, path: Path, other: ObjectId):
    main, zero = tip(repository), repository.object_format.zero
    changes = [RefChange("refs/heads/a", zero, other), RefChange(MAIN, other, main)]
    with pytest.raises(RefMoved):
        repository.change_refs(changes)
    assert "refs/heads/a" not in names(repository)
    repository.change_refs(
        [changes[0], RefChange(MAIN, main, other), RefChange("refs/heads/new", main, zero)]
    )
    assert names(repository) == ["refs/heads/a", "refs/heads/alias", MAIN, TAG]


def test_changes_apart_are_one_table_without_those_that_can_not_be_made(
    repository: Repository, path: Path, other: ObjectId
):
    main, zero = tip(repository), repository.object_format.zero
    faults = repository.change_refs_apart(
        [
            RefChange("refs/heads/a", zero, other),
            RefChange(MAIN, other, main),
            RefChange("refs/heads/a/b", zero, main),
            RefChange("refs/heads/main/x", zero, main),
        ]
    )
    assert {name: str(fault) for name, fault in faults.items()} == {
        MAIN: f"{MAIN}: it is at {main.hex()}, not at {other.hex()}",
        "refs/heads/a/b": "can't make refs/heads/a/b: refs/heads/a is in the way",
        "refs/heads/main/x": "can't make refs/heads/main/x: refs/heads/main is in the way",
    }
    assert tip(repository, "refs/heads/a") == other


def test_a_name_is_free_once_what_is_in_its_way_is_deleted_in_the_same_transaction(
    repository: Repository, other: ObjectId
):
    main, zero = tip(repository), repository.object_format.zero
    repository.change_refs(
        [RefChange("refs/heads/new/x", zero, other), RefChange("refs/heads/new", main, zero)]
    )
    assert "refs/heads/new/x" in names(repository)


def test_a_tag_is_stored_with_what_it_resolves_to(repository: Repository):
    tag = tip(repository, TAG)
    repository.change_refs([RefChange("refs/tags/v2", repository.object_format.zero, tag)])
    assert repository.refs().known["refs/tags/v2"].peeled == tip(repository)


def test_a_lock_that_another_program_holds_is_respected(
    repository: Repository, path: Path, other: ObjectId, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("packcore.store.ref_lock.LOCK_TRIES", 2)
    (path / "reftable" / "tables.list.lock").write_bytes(b"")
    with pytest.raises(RefLocked, match=r"tables\.list\.lock is held by another program"):
        repository.update_ref(MAIN, other)
    assert (path / "reftable" / "tables.list.lock").exists()


def test_a_lock_of_a_killed_process_is_cleared_at_the_next_opening(path: Path, other: ObjectId):
    code = (
        "import os, sys; from pathlib import Path; from packcore.store.repository import Repository\n"
        "r = Repository.open(sys.argv[1])\n"
        "with r._refs.locks.hold(Path(sys.argv[1]) / 'reftable' / 'tables.list'): os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert (path / "reftable" / "tables.list.lock").exists()
    with Repository.open(path) as opened:
        opened.update_ref(MAIN, other)


def test_a_failed_write_leaves_the_refs_as_they_were(
    repository: Repository, path: Path, other: ObjectId, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("packcore.store.temporaries.Temporary.write", full)
    before = tip(repository)
    with pytest.raises(RepositoryError, match="No space left on device"):
        repository.update_ref(MAIN, other)
    assert tip(repository) == before
    assert not (path / "reftable" / "tables.list.lock").exists()


def test_many_small_changes_leave_few_tables(repository: Repository, path: Path, other: ObjectId):
    for number in range(64):
        repository.update_ref(f"refs/heads/n{number}", other)
    assert len((path / "reftable" / "tables.list").read_text().splitlines()) <= 8
    assert len(list((path / "reftable").glob("*.ref"))) <= 8
    assert len(names(repository)) == 4 + 64


def test_a_table_that_git_is_joining_is_not_taken_in(repository: Repository, path: Path, other: ObjectId):
    (path / "reftable" / "kinds-2.ref.lock").write_bytes(b"")
    repository.update_ref(MAIN, other)
    assert (path / "reftable" / "tables.list").read_text().splitlines()[:2] == ["kinds-1.ref", "kinds-2.ref"]


def test_a_long_name_gets_a_larger_block(repository: Repository, other: ObjectId):
    long = "refs/heads/" + "/".join(["x" * 200] * 18)
    repository.update_ref(long, other)
    assert tip(repository, long) == other


# git as the judge


def made_by_git(path: Path, object_format: str = "sha1") -> Path:
    require_git(*NEW_ENOUGH)
    git("init", "-q", "--bare", "--ref-format=reftable", f"--object-format={object_format}", path)
    git("config", "core.logAllRefUpdates", "true", cwd=path)
    return path


def git_refs(path: Path) -> list[str]:
    return git(
        "for-each-ref", "--format=%(refname) %(objectname) %(symref) %(*objectname)", cwd=path
    ).splitlines()


def our_refs(path: Path) -> list[str]:
    with Repository.open(path) as repository:
        return [
            f"{name} {ref.oid.hex()} {ref.symref or ''} {ref.peeled.hex() if ref.peeled else ''}"
            for name, ref in repository.refs().known.items()
        ]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_git_and_we_write_on_top_of_each_other(tmp_path: Path, object_format: str):
    path = made_by_git(tmp_path / "r.git", object_format)
    tree = git("mktree", cwd=path)
    ids = [git("commit-tree", "-m", str(n), tree, cwd=path) for n in range(3)]
    git("update-ref", MAIN, ids[0], cwd=path)
    git("tag", "-a", "-m", "t", "v1", ids[0], cwd=path)
    chosen = random.Random(5)
    zero = bytes(len(ids[0]) // 2)
    for step in range(40):
        name = f"refs/heads/b{chosen.randrange(8)}"
        oid = chosen.choice(ids)
        if step % 2:
            git("update-ref", name, oid, cwd=path)
            continue
        with Repository.open(path) as repository:
            repository.log_ref_changes(lambda: b"Some One <one@example.com> 1112911993 +0130", b"push")
            if chosen.random() < 0.3 and repository.read_ref(name) is not None:
                repository.delete_ref(name)
            else:
                now = repository.read_ref(name)
                old = ObjectId(zero) if now is None else now.oid
                repository.change_refs([RefChange(name, old, ObjectId(bytes.fromhex(oid)))])
        assert our_refs(path) == git_refs(path)
    assert fsck(path) == []
    if run_git("refs", "verify", "-h", cwd=path).stdout:
        assert git("refs", "verify", "--strict", cwd=path) == ""


def test_a_reflog_is_read_as_it_was_written_oldest_first(repository: Repository, other: ObjectId):
    first = tip(repository)
    repository.log_ref_changes(lambda: b"Some One <one@example.com> 1112911993 -0730", b"push: why")
    repository.update_ref(MAIN, other)
    repository.update_ref(MAIN, first)
    found = repository.reflog(MAIN)
    assert found is not None
    assert [(entry.old, entry.new) for entry in found[-2:]] == [(first, other), (other, first)]
    assert found[-1][2:] == (1112911993, b"push: why")
    assert repository.reflog("refs/heads/nosuch") is None


def test_git_shows_our_reflog_and_none_of_a_deleted_ref(tmp_path: Path):
    path = made_by_git(tmp_path / "r.git")
    oid = git("commit-tree", "-m", "x", git("mktree", cwd=path), cwd=path)
    git("symbolic-ref", "HEAD", MAIN, cwd=path)
    with Repository.open(path) as repository:
        repository.log_ref_changes(lambda: b"Some One <one@example.com> 1112911993 -0730", b"push")
        repository.update_ref(MAIN, ObjectId(bytes.fromhex(oid)))
        repository.update_ref("refs/heads/gone", ObjectId(bytes.fromhex(oid)))
    shown = git("log", "-g", "--format=%gd %gn %ge %gs", "--date=iso", "HEAD", cwd=path)
    assert shown == "HEAD@{2005-04-07 14:43:13 -0730} Some One one@example.com push"
    assert git("reflog", "exists", "refs/heads/gone", cwd=path) == ""
    with Repository.open(path) as repository:
        repository.delete_ref("refs/heads/gone")
    assert run_git("reflog", "exists", "refs/heads/gone", cwd=path).returncode == 1
    git("reflog", "expire", "--expire=all", "--all", cwd=path)
    assert our_refs(path) == git_refs(path)


def test_git_reads_a_large_transaction_through_its_index(tmp_path: Path):
    path = made_by_git(tmp_path / "r.git")
    oid = git("commit-tree", "-m", "x", git("mktree", cwd=path), cwd=path)
    count = 5000
    with Repository.open(path) as repository:
        zero = repository.object_format.zero
        new = ObjectId(bytes.fromhex(oid))
        repository.change_refs([RefChange(f"refs/changes/{n % 100:02}/{n}", zero, new) for n in range(count)])
    assert len(git_refs(path)) == count
    assert git("rev-parse", "refs/changes/37/4237", cwd=path) == oid
    assert our_refs(path) == git_refs(path)


def test_git_joins_our_tables_and_its_own(tmp_path: Path):
    path = made_by_git(tmp_path / "r.git")
    oid = git("commit-tree", "-m", "x", git("mktree", cwd=path), cwd=path)
    with Repository.open(path) as repository:
        for number in range(9):
            repository.update_ref(f"refs/heads/n{number}", ObjectId(bytes.fromhex(oid)))
    before = git_refs(path)
    git("pack-refs", "--all", cwd=path)
    assert len(ReftableStack(path / "reftable", Repository.open(path).object_format).names()) == 1
    assert our_refs(path) == git_refs(path) == before


def test_git_and_we_change_refs_at_the_same_time_and_none_is_lost(tmp_path: Path):
    path = made_by_git(tmp_path / "r.git")
    oid = git("commit-tree", "-m", "x", git("mktree", cwd=path), cwd=path)
    count = 20

    def by_git(who: str) -> None:
        for number in range(count):
            while run_git("update-ref", f"refs/heads/{who}{number}", oid, cwd=path).returncode:
                pass  # we hold the lock: git waits for a tenth of a second

    def by_us(who: str) -> None:
        for number in range(count):
            with Repository.open(path) as repository:
                repository.update_ref(f"refs/heads/{who}{number}", ObjectId(bytes.fromhex(oid)))
                assert f"refs/heads/{who}{number}" in names(repository)

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: one[0](one[1]), [(by_git, "a"), (by_us, "b"), (by_git, "c"), (by_us, "d")]))
    assert len(git_refs(path)) == 4 * count
    assert our_refs(path) == git_refs(path)


def test_a_linked_worktree_of_git_is_read(tmp_path: Path):
    require_git(*NEW_ENOUGH)
    git("init", "-q", "--ref-format=reftable", "-b", "main", tmp_path / "r")
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=tmp_path / "r")
    git("worktree", "add", "-q", "-b", "side", tmp_path / "w", cwd=tmp_path / "r")
    git("update-ref", "refs/worktree/x", "HEAD", cwd=tmp_path / "w")
    git("update-ref", "ORIG_HEAD", "HEAD", cwd=tmp_path / "w")
    assert our_refs(tmp_path / "w") == git_refs(tmp_path / "w")
    assert our_refs(tmp_path / "r") == git_refs(tmp_path / "r")
    with Repository.open(tmp_path / "w") as linked, Repository.open(tmp_path / "r") as main:
        assert (main.head(), linked.head()) == (MAIN, "refs/heads/side")
        assert linked.read_ref("ORIG_HEAD") is not None
        assert main.read_ref("ORIG_HEAD") is None
