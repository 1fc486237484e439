"""Names of refs that git's rules allow and a disk doesn't, and repositories that hold such refs anyway."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError
from packcore.ids import SHA1
from packcore.store.folders import files_below, remove_empty_folders
from packcore.store.ref_names import REF_PARTS_MAX, ref_name_fault
from packcore.store.repository import Repository
from tests.support import git, init_repository, remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEEP = "refs/heads/" + "/".join(["a"] * 1100)
"""Deeper than Python recurses."""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    made = init_repository(tmp_path / "x.git")
    tree = git("mktree", cwd=made, stdin=b"")
    git("update-ref", "refs/heads/main", git("commit-tree", "-m", "one", tree, cwd=made), cwd=made)
    yield made
    remove_tree(made)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("refs/heads/" + "x" * 250, None),
        ("refs/heads/" + "x" * 251, "too long for a file"),
        ("refs/heads/" + "x" * 255 + "/y", None),
        ("refs/heads/" + "x" * 256 + "/y", "too long for a file"),
        ("refs/heads/" + "é" * 126, "too long for a file"),
        ("refs/" + "/".join("x" * (REF_PARTS_MAX - 1)), None),
        ("refs/" + "/".join("x" * REF_PARTS_MAX), "more than 128 parts"),
        ("refs/" + "/".join(["x" * 200] * 20), "too long for a path"),
        (DEEP, "more than 128 parts"),
    ],
)
def test_a_name_must_fit_a_file_of_the_disk(path, name, words):
    fault = ref_name_fault(name, path)
    assert (fault is None) == (words is None)
    assert words is None or (fault is not None and words in fault)
    with Repository.open(path) as repository:
        tip = repository.refs().known["refs/heads/main"].oid
        if words is None:
            repository.update_ref(name, tip, SHA1.zero)
            assert git("rev-parse", name, cwd=path) == tip.hex()
            repository.delete_ref(name, tip)
        else:
            with pytest.raises(RepositoryError, match=words):
                repository.update_ref(name, tip, SHA1.zero)
    assert git("for-each-ref", "--format=%(refname)", cwd=path) == "refs/heads/main"


@pytest.mark.parametrize("packed", [False, True])
def test_a_deep_ref_that_git_made_is_read_moved_and_deleted(path, packed):
    git("update-ref", DEEP, "main", cwd=path)
    if packed:
        git("pack-refs", "--all", cwd=path)
    with Repository.open(path) as repository:
        refs = repository.refs()
        assert set(refs.known) == {"refs/heads/main", DEEP}
        assert not refs.unreadable
        tip = refs.known[DEEP].oid
        repository.update_ref(DEEP, tip, tip)
        with pytest.raises(RepositoryError, match="is in the way"):
            repository.update_ref("refs/heads/a", tip, SHA1.zero)
        repository.delete_ref(DEEP, tip)
        repository.update_ref("refs/heads/a", tip, SHA1.zero)
        assert set(repository.refs().known) == {"refs/heads/main", "refs/heads/a"}


def test_deep_empty_folders_make_room_for_a_ref(path):
    git("update-ref", DEEP, "main", cwd=path)
    os.unlink(path / DEEP)
    with Repository.open(path) as repository:
        tip = repository.refs().known["refs/heads/main"].oid
        repository.update_ref("refs/heads/a", tip, SHA1.zero)
        assert set(repository.refs().known) == {"refs/heads/main", "refs/heads/a"}


def test_folders_are_walked_to_any_depth(tmp_path):
    folder = tmp_path
    for _ in range(1100):
        folder /= "a"
        os.mkdir(folder)
    (folder / "file").touch()
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path)
    assert {file.name for file in files_below(tmp_path)} == {"file", "link"}
    remove_empty_folders(tmp_path)
    assert {file.name for file in files_below(tmp_path)} == {"file", "link"}
    assert not (tmp_path / "empty").exists()
    (folder / "file").unlink()
    remove_empty_folders(tmp_path / "a")
    assert sorted(os.listdir(tmp_path)) == ["link"]
    remove_tree(tmp_path / "a")


def test_a_folder_that_is_not_there_is_empty(tmp_path):
    assert list(files_below(tmp_path / "none")) == []
    remove_empty_folders(tmp_path / "none")
