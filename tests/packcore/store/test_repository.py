"""A repository on disk: C git and we use the same one, at the same time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from packcore.errors import (
    CorruptData,
    CorruptObject,
    InvalidRefName,
    MissingObject,
    RefMoved,
    RepositoryError,
)
from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
from packcore.objects import ObjectType
from packcore.repack import repack
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.walk import list_objects
from tests.object_makers import blob, commit, tag, tree
from tests.packcore.pack_builder import build_pack, indexed_pack, whole
from tests.support import fsck, git, history, init_repository, make_repository, run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAIN = "refs/heads/main"


def add_commit(repository: Repository, *parents: ObjectId, text: bytes = b"hello\n") -> ObjectId:
    write = repository.write_loose
    top = write(*tree({b"f": (0o100644, write(*blob(text)))}))
    return write(*commit(top, parents))


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_git_uses_a_repository_that_we_made(tmp_path: Path, object_format: ObjectFormat):
    with Repository.init(tmp_path / "r.git", object_format, "trunk") as repository:
        first = add_commit(repository)
        second = add_commit(repository, first, text=b"more\n")
        repository.update_ref("refs/heads/trunk", second, object_format.zero)
        repository.update_ref("refs/tags/v1", repository.write_loose(*tag(second)))
        path = repository.path
        assert fsck(path) == []
        assert git("log", "--format=%H", cwd=path).split() == [second.hex(), first.hex()]
        assert git("rev-parse", "--show-object-format", "--is-bare-repository", cwd=path).split() == [
            object_format.name,
            "true",
        ]
        git("gc", "-q", "--prune=now", cwd=path)
        assert repository.read(first).type is ObjectType.COMMIT
        assert repository.refs().known["refs/tags/v1"].peeled == second
    assert fsck(path) == []


@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_we_use_a_repository_that_git_made(tmp_path: Path, name: str):
    path = make_repository(tmp_path / "r.git", history(tag="v1"), object_format=name, repack=True)
    git("pack-refs", "--all", cwd=path)
    with Repository.open(path) as repository:
        assert repository.object_format.name == name
        assert {ref.name: ref.oid.hex() for ref in repository.refs().known.values()} == dict(
            line.split(" ")[::-1] for line in git("show-ref", cwd=path).splitlines()
        )
        assert repository.head() == MAIN
        listed = list_objects(repository, [ref.oid for ref in repository.refs().known.values()])
        assert len(listed) == len(git("rev-list", "--objects", "--all", cwd=path).splitlines())
        assert sorted(repository) == sorted(one.oid for one in listed)


def test_objects_stay_readable_while_git_repacks_and_prunes(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=5), repack=True)
    with Repository.open(path) as repository:
        before = {oid: repository.read(oid) for oid in list(repository)[:3]}
        for _ in range(2):
            extra = add_commit(repository, repository.refs().known[MAIN].oid, text=os.urandom(8))
            repository.update_ref(MAIN, extra)
            git("gc", "-q", "--prune=now", cwd=path)
            assert repository.read(extra).type is ObjectType.COMMIT
            assert {oid: repository.read(oid) for oid in before} == before
            assert extra in set(repository)


def test_an_object_that_another_process_adds_is_found(tmp_path: Path):
    path = init_repository(tmp_path / "r.git")
    with Repository.open(path) as repository:
        oid = SHA1.from_hex(git("hash-object", "-w", "--stdin", cwd=path, stdin=b"late\n"))
        assert oid in repository
        git("repack", "-q", "-d", "-a", cwd=path)
        assert repository.header(oid) == (ObjectType.BLOB, 5)


def test_a_fetched_pack_is_added_and_git_sees_it(tmp_path: Path):
    source = make_repository(tmp_path / "s.git", history(), repack=True)
    pack = next((source / "objects/pack").glob("*.pack"))
    with (
        Repository.init(tmp_path / "t.git") as target,
        SpooledPack.receive([pack.read_bytes()], object_format=SHA1) as spool,
    ):
        installed = target.add_pack(spool)
        assert installed is not None
        assert installed.parent == target.pack_directory
        target.update_ref(MAIN, SHA1.from_hex(git("rev-parse", MAIN, cwd=source)), SHA1.zero)
    assert fsck(tmp_path / "t.git") == []


def test_repacking_leaves_one_pack_that_git_reads(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=6), repack=True)
    with Repository.open(path) as repository:
        new = add_commit(repository, repository.refs().known[MAIN].oid)
        repository.update_ref(MAIN, new)
        before = sorted(repository)
        repack(repository, limits=repository.limits)
        assert sorted(repository) == before
    assert len(list((path / "objects/pack").glob("*.pack"))) == 1
    assert git("count-objects", cwd=path).startswith("0 objects")
    assert fsck(path) == []


def test_an_empty_pack_adds_nothing(tmp_path: Path):
    empty = b"PACK\0\0\0\2\0\0\0\0"
    empty += SHA1.new_hash(empty).digest()
    with (
        Repository.init(tmp_path / "t.git") as target,
        SpooledPack.receive([empty], object_format=SHA1) as spool,
    ):
        assert target.add_pack(spool) is None
        assert list(target.pack_directory.iterdir()) == []


def test_alternates_lend_their_objects(tmp_path: Path):
    lender = make_repository(tmp_path / "lender.git", history(commits=4), repack=True)
    git("clone", "-q", "--bare", "--shared", lender, tmp_path / "b.git")
    with Repository.open(tmp_path / "b.git") as repository:
        assert repository.read(repository.refs().known[MAIN].oid).type is ObjectType.COMMIT
        own = add_commit(repository, repository.refs().known[MAIN].oid)
        repository.update_ref(MAIN, own)
    assert fsck(tmp_path / "b.git") == []


@pytest.mark.parametrize("inner", ["", ".git"])
def test_a_work_tree_opens_by_its_folder_or_its_git_folder(tmp_path: Path, inner: str):
    init_repository(tmp_path / "w", bare=False)
    with Repository.open(tmp_path / "w" / inner) as repository:
        assert repository.path == tmp_path / "w" / ".git"


def test_a_linked_worktree_has_its_own_head_and_shares_the_rest(tmp_path: Path):
    main = init_repository(tmp_path / "w", bare=False)
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=main)
    git("worktree", "add", "-q", "-b", "side", tmp_path / "linked", cwd=main)
    with Repository.open(tmp_path / "linked") as repository:
        assert repository.head() == "refs/heads/side"
        assert sorted(repository.refs().known) == [MAIN, "refs/heads/side"]
        new = add_commit(repository, repository.refs().known[MAIN].oid)
        repository.update_ref("refs/heads/side", new)
    assert git("rev-parse", "side", cwd=main) == new.hex()


def test_a_submodules_gitfile_is_followed(tmp_path: Path):
    init_repository(tmp_path / "real.git")
    (tmp_path / "w").mkdir()
    (tmp_path / "w/.git").write_text("gitdir: ../real.git\n")
    with Repository.open(tmp_path / "w") as repository:
        assert repository.head() == MAIN


@pytest.mark.parametrize("content", ["", "gitdir:\n", "gitdir: ../nowhere\n", "hello", "gitdir: a\0b\n"])
def test_a_gitfile_that_names_no_repository_is_refused(tmp_path: Path, content: str):
    (tmp_path / ".git").write_text(content)
    with pytest.raises(RepositoryError):
        Repository.open(tmp_path)


def test_what_is_no_repository_is_refused(tmp_path: Path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(RepositoryError, match="no git repository"):
            Repository.open(path)


def test_a_repository_is_not_made_twice(tmp_path: Path):
    Repository.init(tmp_path / "r.git").close()
    with pytest.raises(RepositoryError, match="already"):
        Repository.init(tmp_path / "r.git")
    with pytest.raises(InvalidRefName):
        Repository.init(tmp_path / "s.git", default_branch="a..b")
    assert not (tmp_path / "s.git").exists()


def test_refs_change_by_compare_and_swap(tmp_path: Path):
    with Repository.init(tmp_path / "r.git") as repository:
        one, two = add_commit(repository), add_commit(repository, text=b"2")
        repository.update_ref(MAIN, one, SHA1.zero)
        with pytest.raises(RefMoved):
            repository.update_ref(MAIN, two, two)
        repository.update_ref(MAIN, two, one)
        with pytest.raises(MissingObject):
            repository.update_ref(MAIN, ObjectId(b"\1" * 20), two)
        repository.update_ref(MAIN, SHA1.zero, two)
        assert repository.refs().known == {}


def test_shallow_commits_are_read(tmp_path: Path):
    source = make_repository(tmp_path / "s.git", history(commits=5))
    git("clone", "-q", "--bare", "--depth", "2", f"file://{source}", tmp_path / "c.git")
    with Repository.open(tmp_path / "c.git") as repository:
        (shallow,) = repository.shallow()
        tip = repository.refs().known[MAIN].oid
        with pytest.raises(MissingObject):
            list_objects(repository, [tip])
        listed = list_objects(repository, [tip], shallow=repository.shallow())
        assert sum(one.type is ObjectType.COMMIT for one in listed) == 2
        assert shallow in {one.oid for one in listed}
    (tmp_path / "c.git/shallow").write_text("junk\n")
    with Repository.open(tmp_path / "c.git") as repository, pytest.raises(CorruptData):
        repository.shallow()


def test_our_old_temporary_files_are_swept_and_new_or_foreign_ones_stay(tmp_path: Path):
    path = init_repository(tmp_path / "r.git")
    files = [
        path / "objects" / name
        for name in ("tmp_packcore_a", "pack/tmp_packcore_b", "tmp_obj_c", "tmp_packcore_d")
    ]
    for file in files:
        file.write_bytes(b"half")
    now = files[0].stat().st_mtime
    for file in files[:3]:
        os.utime(file, (now - 2 * 86400, now - 2 * 86400))
    Repository.open(path).close()
    assert [file.exists() for file in files] == [False, False, True, True]


def test_a_pack_that_can_not_be_opened_is_named_when_its_object_is_asked_for(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=2), repack=True)
    tip = SHA1.from_hex(git("rev-parse", MAIN, cwd=path))
    index = next((path / "objects/pack").glob("*.idx"))
    index.chmod(0o644)
    index.write_bytes(b"junk")
    with Repository.open(path) as repository:
        assert tip not in repository
        with pytest.raises(CorruptData, match=index.name):
            repository.read(tip)
        assert list(repository.pack_faults) == [index.name]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "config").write_text("[core\n"),
        lambda path: (path / "config").write_text("[core]\nrepositoryformatversion = 9\n"),
        lambda path: (path / "objects").rename(path / "objets"),
        lambda path: (path / "HEAD").unlink(),
    ],
)
def test_a_damaged_repository_is_refused_when_opened(tmp_path: Path, damage: Callable[[Path], object]):
    path = init_repository(tmp_path / "r.git")
    damage(path)
    with pytest.raises(RepositoryError):
        Repository.open(path)


def test_a_repository_without_config_is_an_old_sha1_one(tmp_path: Path):
    path = init_repository(tmp_path / "r.git")
    (path / "config").unlink()
    with Repository.open(path) as repository:
        assert repository.object_format is SHA1
        assert repository.head() == MAIN


def test_a_detached_head_is_an_id(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=1))
    tip = git("rev-parse", MAIN, cwd=path)
    assert run_git("update-ref", "--no-deref", "HEAD", tip, cwd=path).returncode == 0
    with Repository.open(path) as repository:
        assert repository.head() == SHA1.from_hex(tip)
        repository.set_head("refs/heads/other")
    assert git("symbolic-ref", "HEAD", cwd=path) == "refs/heads/other"


def test_a_pack_with_other_bytes_for_an_id_that_is_here_is_not_installed(tmp_path: Path, monkeypatch):
    # Nobody has two such blobs at hand: one of them gets its id by decree.
    text = b"a text that is here"
    with Repository.init(tmp_path / "r.git") as repository:
        oid = repository.write_loose(ObjectType.BLOB, text)
        with SpooledPack.receive([build_pack([whole(text)])], object_format=SHA1) as spool:
            monkeypatch.setattr(type(spool), "stream", lambda *_: iter([b"other bytes"]))
            with pytest.raises(CorruptObject, match="COLLISION FOUND"):
                repository.add_pack(spool)
            monkeypatch.undo()
            assert list(repository.pack_directory.glob("*.pack")) == []
            assert repository.add_pack(spool) is not None
        assert repository.read(oid).data == text


def test_a_loose_object_is_written_where_the_copy_that_is_here_is_damaged(tmp_path: Path):
    path = tmp_path / "r.git"
    Repository.init(path).close()
    pack = indexed_pack(path / "objects" / "pack", build_pack([whole(b"text" * 20)]))
    data = bytearray(pack.read_bytes())
    data[20] ^= 0xFF
    pack.write_bytes(data)
    with Repository.open(path) as repository:
        oid = repository.write_loose(ObjectType.BLOB, b"text" * 20)
        assert (path / "objects" / oid.hex()[:2] / oid.hex()[2:]).exists()
        assert repository.read(oid).data == b"text" * 20


def test_a_missing_object_names_the_alternate_that_is_not_there_and_the_pack_without_index(tmp_path: Path):
    pool = make_repository(tmp_path / "pool.git", history(commits=2), repack=True)
    path = init_repository(tmp_path / "r.git")
    (path / "objects/info/alternates").write_text(f"{pool}/objects\n")
    oid = SHA1.from_hex(git("rev-parse", "main", cwd=pool))
    pool.rename(tmp_path / "away.git")
    with Repository.open(path) as repository:
        with pytest.raises(MissingObject, match=r"alternates names .*pool.git/objects, which is not there"):
            repository.read(oid)
    (index,) = (tmp_path / "away.git/objects/pack").glob("*.idx")
    index.unlink()
    with Repository.open(tmp_path / "away.git") as repository:
        with pytest.raises(MissingObject, match=r"pack-[0-9a-f]+\.pack has no index"):
            repository.header(oid)
