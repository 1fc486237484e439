"""Whatever git has left in a repository's folders, the commands that read see what git sees.

ls-refs      as git ls-remote           fsck    as git fsck, to the line and the verdict
rev-list     as git rev-list            sync    the copy has all refs, and git finds it whole
cat-file     as git cat-file, for all objects that are there
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_fsck_as_git import lines
from tests.support import git, history, init_repository, make_repository, run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.e2e

# Repositories; each returns the path to read


def packs(root: Path, count: int = 3) -> Path:
    """A repository with several packs and something loose."""
    path = make_repository(root / "r.git", history(commits=3, tag="v1"), repack=True)
    for number in range(1, count):
        add(path, f"branch{number}")
        git("repack", "-q", "-d", cwd=path)
    add(path, "loose")
    return path


def add(path: Path, branch: str) -> str:
    """Add a commit with a file of its own on a new branch."""
    blob = git("hash-object", "-w", "--stdin", cwd=path, stdin=f"{branch}\n".encode())
    tree = git("mktree", cwd=path, stdin=f"100644 blob {blob}\t{branch}\n".encode())
    oid = git("commit-tree", "-m", branch, "-p", "main", tree, cwd=path)
    git("update-ref", f"refs/heads/{branch}", oid, cwd=path)
    return oid


def table(root: Path) -> Path:
    path = packs(root)
    git("multi-pack-index", "write", cwd=path)
    return path


def table_without_a_newer_pack(root: Path) -> Path:
    path = table(root)
    git("repack", "-q", "-d", "--no-write-bitmap-index", cwd=path)
    add(path, "newer")
    objects = git("rev-list", "--objects", "newer", "^main", cwd=path)
    git("pack-objects", "-q", "objects/pack/pack", cwd=path, stdin=objects.encode())
    git("prune-packed", cwd=path)
    return path


def table_that_names_a_pack_whose_objects_are_elsewhere(root: Path) -> Path:
    """As after an interrupted repack: all is in a new pack, and an old one is gone."""
    path = table(root)
    kept = (path / "objects/pack/multi-pack-index").read_bytes()
    git("repack", "-q", "-a", "-d", cwd=path)
    table_file = path / "objects/pack/multi-pack-index"
    table_file.unlink(missing_ok=True)
    table_file.write_bytes(kept)
    return path


def table_that_names_a_lost_pack(root: Path) -> Path:
    path = table(root)
    lost = min((path / "objects/pack").glob("*.pack"), key=lambda file: file.stat().st_size)
    for file in (lost, lost.with_suffix(".idx")):
        file.unlink()
    return path


def table_in_an_alternate(root: Path) -> Path:
    table_without_a_newer_pack(root)
    return borrowing(root, root / "r.git")


def index_alone(root: Path) -> Path:
    """A pack is gone and its index is left; all its objects are in another pack."""
    path = packs(root)
    for index in list((path / "objects/pack").glob("*.idx")):
        shutil.copy(index, root / index.name)
    git("repack", "-q", "-a", "-d", cwd=path)
    for index in root.glob("*.idx"):
        shutil.copy(index, path / "objects/pack")
    return path


def pack_alone(root: Path) -> Path:
    """A pack whose index isn't made yet is no pack."""
    path = packs(root)
    git("repack", "-q", "-a", "-d", cwd=path)
    pack = next((path / "objects/pack").glob("*.pack"))
    shutil.copy(pack, path / "objects/pack" / f"pack-{'1' * 40}.pack")
    return path


def cruft(root: Path) -> Path:
    path = packs(root)
    git("branch", "-D", "branch1", "branch2", cwd=path)
    git("repack", "-q", "--cruft", "-d", cwd=path)
    assert list((path / "objects/pack").glob("*.mtimes"))
    return path


def cruft_in_use_again(root: Path) -> Path:
    path = packs(root)
    again = git("rev-parse", "branch1", cwd=path)
    git("branch", "-D", "branch1", "branch2", cwd=path)
    git("repack", "-q", "--cruft", "-d", cwd=path)
    git("update-ref", "refs/heads/again", again, cwd=path)
    return path


def kept(root: Path) -> Path:
    path = packs(root)
    pack = next((path / "objects/pack").glob("*.pack"))
    pack.with_suffix(".keep").write_text("for ever\n")
    git("repack", "-q", "-a", "-d", cwd=path)
    return path


def promised(root: Path) -> Path:
    source = packs(root)
    git("config", "uploadpack.allowFilter", "true", cwd=source)
    git("clone", "-q", "--bare", "--filter=blob:none", f"file://{source}", root / "partial.git")
    add(root / "partial.git", "own")
    return root / "partial.git"


def promised_and_lost(root: Path) -> Path:
    """A commit of one's own names a blob that nobody promised."""
    path = promised(root)
    tree = git("mktree", "--missing", cwd=path, stdin=f"100644 blob {'12' * 20}\tx\n".encode())
    git("update-ref", "refs/heads/lost", git("commit-tree", "-m", "x", tree, cwd=path), cwd=path)
    return path


def borrowing(root: Path, *sources: str | Path, name: str = "borrower.git") -> Path:
    """A repository with all refs of r.git and objects from `sources`, each a line of alternates."""
    path = init_repository(root / name)
    written = [f"{source}/objects" if not isinstance(source, str) else source for source in sources]
    (path / "objects/info/alternates").write_text("".join(f"{line}\n" for line in written))
    for line in git("for-each-ref", "--format=%(refname) %(objectname)", cwd=root / "r.git").splitlines():
        ref, oid = line.split()
        (path / ref).parent.mkdir(parents=True, exist_ok=True)
        (path / ref).write_text(f"{oid}\n")
    return path


def borrowed(root: Path) -> Path:
    path = borrowing(root, packs(root))
    add(path, "own")
    return path


def borrowed_along_a_chain(root: Path) -> Path:
    packs(root)
    borrowing(root, root / "r.git", name="middle.git")
    add(root / "middle.git", "middle")
    return borrowing(root, root / "middle.git")


def borrowed_by_a_relative_path(root: Path) -> Path:
    packs(root)
    return borrowing(root, "../../r.git/objects")


def borrowed_by_a_quoted_line(root: Path) -> Path:
    path = packs(root)
    odd = root / 'odd "name"'
    os.rename(path, odd)
    (root / "r.git").symlink_to(odd)
    return borrowing(root, "# a comment", '"' + str(odd / "objects").replace('"', '\\"') + '"')


def borrowed_in_a_circle(root: Path) -> Path:
    path = packs(root)
    borrower = borrowing(root, path)
    (path / "objects/info/alternates").write_text(f"{borrower}/objects\n{path}/objects\n")
    return borrower


def borrowed_from_nowhere_too(root: Path) -> Path:
    return borrowing(root, packs(root), "/nowhere/objects", "../../nowhere/objects")


def borrowed_from_nowhere_alone(root: Path) -> Path:
    packs(root)
    return borrowing(root, "/nowhere/objects")


def worktree(root: Path) -> Path:
    packs(root)
    git("clone", "-q", root / "r.git", root / "main")
    git("worktree", "add", "-q", "-b", "side", root / "side", cwd=root / "main")
    git("update-ref", "refs/worktree/own", "HEAD", cwd=root / "side")
    git("update-ref", "refs/bisect/bad", "HEAD", cwd=root / "main")
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root / "side")
    return root / "side"


def main_worktree(root: Path) -> Path:
    worktree(root)
    return root / "main"


def detached_worktree(root: Path) -> Path:
    """HEAD of a linked worktree alone keeps a commit."""
    worktree(root)
    git("checkout", "-q", "--detach", cwd=root / "side")
    git("commit", "-q", "--allow-empty", "-m", "y", cwd=root / "side")
    shutil.rmtree(root / "main/.git/worktrees/side/logs")
    return root / "main"


def git_file(root: Path) -> Path:
    """The git directory is elsewhere, as of a submodule."""
    packs(root)
    git("clone", "-q", "--separate-git-dir", root / "elsewhere", root / "r.git", root / "w")
    (root / "w/.git").write_text("gitdir: ../elsewhere\n")
    return root / "w"


def first_index_version(root: Path) -> Path:
    path = packs(root)
    git("config", "pack.indexVersion", "1", cwd=path)
    git("repack", "-q", "-a", "-d", "-f", cwd=path)
    return path


def bitmap_of_a_pack_beside_newer_ones(root: Path) -> Path:
    path = packs(root)
    git("repack", "-q", "-a", "-d", "-b", cwd=path)
    add(path, "newer")
    git("repack", "-q", "-d", "--no-write-bitmap-index", cwd=path)
    add(path, "newest")
    return path


STORES = [
    *(packs, table, table_without_a_newer_pack, table_that_names_a_pack_whose_objects_are_elsewhere),
    *(table_that_names_a_lost_pack, table_in_an_alternate, index_alone, pack_alone, cruft),
    *(cruft_in_use_again, kept, promised, promised_and_lost, borrowed, borrowed_along_a_chain),
    *(borrowed_by_a_relative_path, borrowed_by_a_quoted_line, borrowed_in_a_circle),
    *(borrowed_from_nowhere_too, borrowed_from_nowhere_alone, worktree, main_worktree, detached_worktree),
    *(git_file, first_index_version, bitmap_of_a_pack_beside_newer_ones),
]


LACKING = (table_that_names_a_lost_pack, borrowed_from_nowhere_alone)
"""Where refs lead to objects that are gone."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Path], Path]], Path]:
    """Make each repository once: nothing here changes one."""
    paths: dict[str, Path] = {}

    def make(build: Callable[[Path], Path]) -> Path:
        if build.__name__ not in paths:
            paths[build.__name__] = build(tmp_path_factory.mktemp(build.__name__[:20]))
        return paths[build.__name__]

    return make


every_store = pytest.mark.parametrize("build", STORES, ids=lambda build: build.__name__)


@every_store
def test_refs_are_listed_as_by_git(packcore, made, build):
    path = made(build)
    """A ref whose object is gone is told on stderr, where git lists it like any other."""
    listed = run_git("ls-remote", path).stdout.decode().splitlines()
    result = packcore("ls-refs", path)
    told = re.findall(
        r"^packcore: error: (\S+) can't be read: object \w+ is missing", result.stderr, re.MULTILINE
    )
    assert set(result.stdout.splitlines()) <= set(listed)
    assert {line.partition("\t")[2] for line in listed} == {
        *(line.partition("\t")[2] for line in result.stdout.splitlines()),
        *told,
    }
    assert bool(told) == (result.exit_code != 0) == (build in LACKING)


@every_store
def test_history_is_walked_as_by_git(packcore, made, build):
    path = made(build)
    done = run_git("rev-list", "--all", cwd=path, environment={"GIT_NO_LAZY_FETCH": "1"})
    result = packcore("rev-list", path, "--all")
    assert (result.exit_code == 0) == (done.returncode == 0)
    if not done.returncode:
        assert sorted(result.stdout.splitlines()) == sorted(done.stdout.decode().splitlines())


@every_store
def test_the_same_objects_are_there(packcore, made, build):
    path = made(build)
    done = run_git("cat-file", "--batch-all-objects", "--batch-check", cwd=path)
    result = packcore("cat-file", path, "--batch-all-objects", "--batch-check")
    assert result.stdout == done.stdout.decode()


@every_store
def test_fsck_says_what_git_says(packcore, made, build):
    path = made(build)
    done = run_git("fsck", "--no-progress", cwd=path)
    result = packcore("fsck", path)
    assert result.exit_code == (3 if done.returncode else 0)
    assert lines(result.stdout) == lines(done.stdout.decode())


@every_store
def test_a_sync_copies_what_git_finds_whole(packcore, made, build, tmp_path):
    path = made(build)
    whole = run_git("rev-list", "--all", "--objects", cwd=path, environment={"GIT_NO_LAZY_FETCH": "1"})
    target = init_repository(tmp_path / "target.git")
    result = packcore("sync", path, target, "--all-refs")
    assert (whole.returncode != 0) == (build in (*LACKING, promised, promised_and_lost))
    if whole.returncode:
        assert result.exit_code == 1
        assert re.search("unreadable .* object [0-9a-f]{40} is missing", result.stdout)
        return
    assert result.exit_code == 0, result.stderr
    assert run_git("fsck", cwd=target).returncode == 0
    listed = run_git("ls-remote", path).stdout.decode().splitlines()
    copied = run_git("ls-remote", target).stdout.decode().splitlines()
    assert [line for line in listed if "HEAD" not in line] == [line for line in copied if "HEAD" not in line]
