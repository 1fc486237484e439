"""Repositories in the making: whole or none, taken up again after a crash, a user's files never touched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from packcore.errors import RefLocked, RepositoryError
from packcore.ids import SHA1, SHA256
from packcore.store import ref_lock
from packcore.store.repository import Repository
from packcore.store.temporaries import file_system
from tests.processes import another_process, fork, killed
from tests.support import fsck, git, run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def few_tries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if file_system(tmp_path) == "other":
        pytest.skip("the temporary folder is on a file system of several machines")
    monkeypatch.setattr(ref_lock, "LOCK_TRIES", 5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "r.git"


def making(root: Path) -> Callable[[Callable[[], None]], None]:
    """Return work for a process: it makes a repository, and does what it is given before that is done."""

    def work(act: Callable[[], None]) -> None:
        with Repository.making(root) as repository:
            (repository.path / "refs" / "heads" / "main").write_text("half\n")
            act()

    return work


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_what_is_in_the_making_is_no_repository(root: Path):
    with Repository.making(root) as repository:
        assert run_git("--git-dir", root, "rev-parse").returncode != 0
        repository.set_symbolic_ref("refs/heads/alias", "refs/heads/main")
        with pytest.raises(RepositoryError, match="no git repository here"):
            Repository.open(root)
    assert git("rev-parse", "--is-bare-repository", cwd=root).strip() == "true"
    assert files(root) == ["HEAD", "config", "refs/heads/alias"]


def test_what_fails_in_the_making_leaves_nothing(root: Path):
    with pytest.raises(KeyError), Repository.making(root):
        raise KeyError
    assert not root.exists()


def test_a_folder_that_was_there_stays_after_a_failure(root: Path):
    root.mkdir()
    with pytest.raises(KeyError), Repository.making(root):
        raise KeyError
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_what_a_killed_process_left_is_made_from_the_start(root: Path, object_format):
    killed(making(root))
    assert not (root / "HEAD").exists()
    with Repository.init(root, object_format) as repository:
        assert repository.object_format is object_format
        assert repository.refs().known == {}
    assert files(root) == ["HEAD", "config"]
    assert fsck(root) == []


def test_folders_alone_are_taken_up(root: Path):
    (root / "objects" / "pack").mkdir(parents=True)
    (root / "refs" / "heads").mkdir(parents=True)
    Repository.open_or_init(root).close()
    assert files(root) == ["HEAD", "config"]


@pytest.mark.parametrize(
    "name", ["notes.txt", "objects/pack/pack-1.pack", "refs/heads/main", "packed-refs", "config", "HEAD"]
)
def test_a_folder_with_files_of_the_users_is_refused_and_not_touched(root: Path, name: str):
    (root / "objects").mkdir(parents=True)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("mine")
    for make in (Repository.init, Repository.open_or_init):
        with pytest.raises(RepositoryError):
            make(root)
    assert files(root) == [name]
    assert (root / name).read_text() == "mine"


def test_the_users_own_file_beside_what_a_killed_process_left_is_not_touched(root: Path):
    killed(making(root))
    (root / "notes.txt").write_text("mine")
    with pytest.raises(RepositoryError, match=r"it holds notes\.txt"):
        Repository.init(root)
    assert (root / "notes.txt").read_text() == "mine"
    assert (root / "refs/heads/main").exists()


def test_a_link_to_elsewhere_is_not_followed(root: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    root.mkdir()
    (root / "objects").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RepositoryError, match="it holds objects"):
        Repository.init(root)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_while_a_process_makes_it_another_is_told_who(root: Path):
    with another_process(making(root)) as number:
        with pytest.raises(
            RefLocked, match=rf"packcore-making\.lock is held by packcore, process {number} on"
        ):
            Repository.init(root)
        assert (root / "refs/heads/main").exists()


def test_of_two_at_once_one_makes_it_and_the_other_opens_it(root: Path):
    children = []
    for _ in range(6):
        child = fork()
        if child == 0:
            try:
                ref_lock.LOCK_TRIES = 500
                Repository.open_or_init(root).close()
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 6
    assert files(root) == ["HEAD", "config"]


def test_where_no_folder_can_be_made_the_error_says_so(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(RepositoryError, match=r"can't make a repository: Not a directory"):
        Repository.init(tmp_path / "file" / "r.git")
