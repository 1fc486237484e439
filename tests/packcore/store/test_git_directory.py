"""Which repository a path names: completed as git completes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError
from packcore.store.git_directory import find_git_directory, is_repository_named
from packcore.store.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

IN_ORDER = ("x/.git", "x", "x.git/.git", "x.git")


@pytest.mark.parametrize("first", range(4))
def test_the_first_form_that_is_there_counts(tmp_path: Path, first: int) -> None:
    for name in reversed(IN_ORDER[first:]):  # the outer ones last, as git allows them
        Repository.init(tmp_path / name).close()
    assert find_git_directory(tmp_path / "x") == tmp_path / IN_ORDER[first]


def test_a_folder_that_is_no_repository_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x" / ".git").mkdir(parents=True)
    Repository.init(tmp_path / "x.git").close()
    assert find_git_directory(tmp_path / "x") == tmp_path / "x.git"


@pytest.mark.parametrize("name", ["x", "x/.git", "x.git"])
def test_a_file_leads_to_the_git_directory_that_it_names(tmp_path: Path, name: str) -> None:
    Repository.init(tmp_path / "real").close()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(f"gitdir: {tmp_path / 'real'}\n")
    assert find_git_directory(tmp_path / "x") == tmp_path / "real"


@pytest.mark.parametrize("text", ["junk", "gitdir: nowhere"])
def test_a_file_that_leads_nowhere_hides_what_comes_after_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    Repository.init(tmp_path / "x.git").close()
    with pytest.raises(RepositoryError, match=r"x: "):
        find_git_directory(tmp_path / "x")


def test_only_one_ending_is_added(tmp_path: Path) -> None:
    Repository.init(tmp_path / "x.git.git").close()
    assert is_repository_named(tmp_path / "x.git")
    assert not is_repository_named(tmp_path / "x")


def test_a_path_that_cannot_be_looked_at_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="too long"):
        find_git_directory(tmp_path / ("x" * 300))


def test_a_file_that_names_too_long_a_path_names_no_repository(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(f"gitdir: {'y' * 300}\n")
    with pytest.raises(RepositoryError, match="too long"):
        find_git_directory(tmp_path / "x")


def test_a_commondir_that_names_too_long_a_path_makes_no_repository(tmp_path: Path) -> None:
    Repository.init(tmp_path / "x").close()
    (tmp_path / "x" / "commondir").write_text("y" * 300)
    with pytest.raises(RepositoryError, match="no git repository"):
        find_git_directory(tmp_path / "x")
