"""Repacking loses nothing, and removes the old files last."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packcore import repack as repack_module
from packcore.errors import CorruptData, RepositoryError
from packcore.repack import repack
from packcore.store.loose import LooseStore
from packcore.store.repository import Repository
from tests.support import fsck, git, git_bytes, history, init_repository, make_repository

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.store.base import StoredObject


def run(path: Path, **options) -> repack_module.Repacked:
    with Repository.open(path) as repository:
        return repack(repository, **options)


def all_ids(path: Path) -> set[str]:
    listing = git("cat-file", "--batch-check=%(objectname)", "--batch-all-objects", cwd=path)
    return set(listing.split())


def packs(path: Path) -> list[str]:
    return sorted(file.name for file in (path / "objects" / "pack").glob("*.pack"))


@pytest.fixture(params=["sha1", "sha256"])
def path(request, tmp_path) -> Path:
    """A repository with two packs, loose objects, and one that nothing reaches."""
    made = make_repository(tmp_path / "x.git", history(commits=8), object_format=request.param, repack=True)
    tree, tip = git("rev-parse", "main^{tree}", "main", cwd=made).splitlines()
    second = git("commit-tree", "-m", "second", "-p", tip, tree, cwd=made)
    git("update-ref", "refs/heads/main", second, cwd=made)
    git("repack", "-q", "-d", cwd=made)
    third = git("commit-tree", "-m", "third", "-p", second, tree, cwd=made)
    git("update-ref", "refs/heads/main", third, cwd=made)
    git("hash-object", "-w", "--stdin", cwd=made, stdin=b"nothing reaches me")
    assert len(packs(made)) == 2
    return made


def test_everything_is_in_one_pack_and_nothing_is_lost(path):
    before = all_ids(path)
    done = run(path)
    assert done.path is not None
    assert packs(path) == [done.path.name]
    assert all_ids(path) == before
    assert (done.object_count, done.removed_packs, done.removed_loose) == (len(before), 2, 2)
    assert fsck(path) == []


def test_a_second_repack_keeps_the_same_pack(path):
    first = run(path)
    second = run(path)
    assert second.path is not None
    assert packs(path) == [second.path.name]
    assert second.object_count == first.object_count
    assert fsck(path) == []


def test_a_kept_pack_stays_and_its_objects_are_left_out(path):
    kept = path / "objects" / "pack" / packs(path)[0]
    kept.with_suffix(".keep").touch()
    before, data = all_ids(path), kept.read_bytes()
    inside = set(git("show-index", cwd=path, stdin=kept.with_suffix(".idx").read_bytes()).split())
    done = run(path)
    assert kept.read_bytes() == data
    assert len(packs(path)) == 2
    assert all_ids(path) == before
    assert done.object_count == len(before - inside)


def test_a_cruft_pack_stays_and_what_refs_reach_of_it_is_packed_too(path):
    lost = git("commit-tree", "main^{tree}", "-m", "lost", cwd=path).strip()
    found = git("commit-tree", "main^{tree}", "-m", "found again", cwd=path).strip()
    git("repack", "--cruft", "-d", "-q", cwd=path)
    (mtimes,) = (path / "objects" / "pack").glob("*.mtimes")
    ages = mtimes.read_bytes()
    git("branch", "back", found, cwd=path)
    done = run(path)
    assert done.path is not None
    packed = git("show-index", cwd=path, stdin=done.path.with_suffix(".idx").read_bytes()).split()
    assert found in packed
    assert lost not in packed
    assert mtimes.read_bytes() == ages
    assert fsck(path) == []
    assert git("cat-file", "-t", lost, cwd=path).strip() == "commit"


@pytest.mark.parametrize("suffix", [".keep", ".mtimes", ".promisor"])
def test_no_pack_is_removed_if_what_marks_it_cant_be_examined(path, monkeypatch, suffix):
    before = packs(path)
    real = os.stat

    def stat(name, *arguments, **options):
        if str(name).endswith(suffix):
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return real(name, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", stat)
        # Since Python 3.14 this says "no" whatever the reason.
        patched.setattr(Path, "exists", os.path.exists)
        with pytest.raises(RepositoryError, match="Permission denied"):
            run(path)
    assert packs(path) == before


def test_a_multi_pack_index_that_names_old_packs_goes_with_them(path):
    git("multi-pack-index", "write", cwd=path)
    run(path)
    assert not (path / "objects" / "pack" / "multi-pack-index").exists()
    assert fsck(path) == []


def test_objects_of_an_alternate_stay_there(path, tmp_path):
    git("clone", "-q", "--bare", "--shared", path, tmp_path / "y.git")
    done = run(tmp_path / "y.git")
    assert done.path is None
    assert fsck(tmp_path / "y.git") == []


def test_nothing_is_removed_where_objects_are_precious(path):
    git("config", "extensions.preciousObjects", "true", cwd=path)
    before = sorted(path.glob("objects/**/*"))
    with pytest.raises(RepositoryError, match="no packs or loose objects may be removed here"):
        run(path)
    assert sorted(path.glob("objects/**/*")) == before


def test_an_empty_repository_has_nothing_to_pack(tmp_path):
    assert run(init_repository(tmp_path / "empty.git")).path is None


def test_a_damaged_object_stops_it_before_anything_is_removed(path):
    victim = git("rev-parse", "main", cwd=path)
    file = path / "objects" / victim[:2] / victim[2:]
    data = bytearray(file.read_bytes())
    data[-6] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)
    before = sorted(packs(path))
    with pytest.raises(CorruptData):
        run(path)
    assert sorted(packs(path)) == before
    assert file.exists()


def test_if_killed_before_the_old_packs_are_removed_everything_exists_twice(path, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    before = all_ids(path)
    monkeypatch.setattr(repack_module, "_remove_packs", killed)
    with pytest.raises(KeyboardInterrupt):
        run(path)
    assert len(packs(path)) == 3
    assert all_ids(path) == before
    assert fsck(path) == []


@pytest.fixture(params=["blob:none", "tree:0", "blob:limit=40"])
def partial(request, path, tmp_path) -> Path:
    """A partial clone of it in two packs, with a commit of its own in a third, and one loose."""
    git("config", "uploadpack.allowFilter", "true", cwd=path)
    made: Path = tmp_path / "partial.git"
    git("clone", "-q", "--bare", f"--filter={request.param}", f"file://{path}", made)
    tree, tip = git("rev-parse", "main^{tree}", "main", cwd=path).splitlines()
    fourth = git("commit-tree", "-m", "fourth", "-p", tip, tree, cwd=path)
    git("update-ref", "refs/heads/main", fourth, cwd=path)
    git("fetch", "-q", "origin", "main:main", cwd=made)
    empty = git("mktree", cwd=made)
    for number in range(2):
        oid = git("commit-tree", "-m", f"own {number}", "-p", fourth, empty, cwd=made)
        git("update-ref", f"refs/heads/own{number}", oid, cwd=made)
        if not number:
            git("repack", "-q", cwd=made)
    return made


def promisors(path: Path) -> set[str]:
    return {file.stem for file in (path / "objects" / "pack").glob("*.promisor")}


def ids_of(pack: Path) -> set[str]:
    return {
        line.split()[1]
        for line in git(
            "show-index", cwd=pack.parent, stdin=pack.with_suffix(".idx").read_bytes()
        ).splitlines()
    }


def test_in_a_partial_clone_objects_of_the_promisor_stay_separate(partial):
    folder = partial / "objects" / "pack"
    git("config", "remote.origin.url", "/nowhere", cwd=partial)  # nothing can be fetched after this
    before = all_ids(partial)
    promised = set().union(*(ids_of(folder / f"{name}.pack") for name in promisors(partial)))
    done = run(partial)
    assert done.path is not None
    (promisor_pack,) = done.more_paths
    assert packs(partial) == sorted([done.path.name, promisor_pack.name])
    assert promisors(partial) == {promisor_pack.stem}
    assert ids_of(promisor_pack) == promised
    assert ids_of(done.path) == before - promised
    assert all_ids(partial) == before
    assert fsck(partial) == []
    again = run(partial)
    assert (again.path, again.more_paths, again.removed_packs) == (done.path, done.more_paths, 0)
    assert promisors(partial) == {promisor_pack.stem}


def test_a_partial_clone_without_anything_of_its_own_is_one_promisor_pack(path, tmp_path):
    git("config", "uploadpack.allowFilter", "true", cwd=path)
    made = tmp_path / "partial.git"
    git("clone", "-q", "--bare", "--filter=blob:none", f"file://{path}", made)
    done = run(made)
    assert done.path is not None
    assert promisors(made) == {done.path.stem}
    assert (packs(made), done.more_paths, fsck(made)) == ([done.path.name], (), [])


def test_a_repository_without_refs_is_packed_as_it_is(tmp_path):
    path = init_repository(tmp_path / "x.git")
    for number in range(3):
        git_bytes("hash-object", "-w", "--stdin", cwd=path, stdin=b"%d" % number)
    done = run(path)
    assert (done.object_count, done.removed_loose) == (3, 3)
    assert len(all_ids(path)) == 3


def damage(pack: Path, offset: int) -> None:
    data = bytearray(pack.read_bytes())
    data[offset] ^= 0xFF
    pack.chmod(0o644)
    pack.write_bytes(data)


def first_object(path: Path, pack: Path) -> tuple[ObjectId, StoredObject]:
    """Return a pack's first object, which starts behind the header."""
    rows = git("show-index", cwd=path, stdin=pack.with_suffix(".idx").read_bytes()).splitlines()
    name = next(row.split()[1] for row in rows if row.startswith("12 "))
    with Repository.open(path) as repository:
        oid = repository.object_format.from_hex(name)
        return oid, repository.read(oid)


def write_loose(path: Path, stored: StoredObject) -> None:
    with Repository.open(path) as repository:
        LooseStore(path / "objects", repository.object_format).write(*stored)


def test_an_object_damaged_in_a_kept_pack_is_packed_from_elsewhere(path):
    pack = path / "objects" / "pack" / packs(path)[0]
    oid, stored = first_object(path, pack)
    pack.with_suffix(".keep").touch()
    damage(pack, 20)
    write_loose(path, stored)
    run(path)
    assert not (path / "objects" / oid.hex()[:2] / oid.hex()[2:]).exists()
    assert git_bytes("cat-file", stored.type.label.decode(), oid.hex(), cwd=path) == stored.data


def test_the_good_copy_stays_whatever_the_name_of_the_new_pack(path):
    run(path)
    pack = path / "objects" / "pack" / packs(path)[0]
    _, stored = first_object(path, pack)
    write_loose(path, stored)
    damage(pack, 20)
    run(path)
    assert len(packs(path)) == 1
    assert fsck(path) == []


def test_a_loose_object_that_is_damaged_is_packed_from_another_pack(path):
    pack = path / "objects" / "pack" / packs(path)[0]
    oid, _ = first_object(path, pack)
    file = path / "objects" / oid.hex()[:2] / oid.hex()[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"")
    before = all_ids(path)
    run(path)
    assert all_ids(path) == before
    assert fsck(path) == []
