"""A newcomer at their own repository: init, clone, push, and a report of loose objects."""

from __future__ import annotations

import json
import re

import pytest

from tests.support import git, history, init_repository, make_repository


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A work tree with three loose commits, which is where the program runs."""
    path = tmp_path / "mine"
    git("init", "-q", "-b", "main", path)
    for number in range(3):
        (path / "file.txt").write_text("line\n" * (number + 1))
        git("add", "-A", cwd=path)
        git("commit", "-q", "-m", f"commit {number}", cwd=path)
    monkeypatch.chdir(path)
    return path


def test_a_repository_without_a_pack_is_packed_for_its_report_and_left_as_it_is(packcore, tree):
    result = packcore("report", ".")
    assert result.exit_code == 0
    assert result.stdout.startswith("9 objects, ")
    assert "file.txt" in result.stdout
    assert result.stderr == ". has no pack; one of its 9 objects is made for this, and not kept\n"
    assert not list((tree / ".git" / "objects" / "pack").iterdir())


def test_the_next_line_that_a_report_proposes_works_when_typed(packcore, tree):
    proposed = packcore("report", ".").stdout.splitlines()[-1].partition("packcore ")[2].split()
    assert packcore(*proposed).exit_code == 0
    page = (tree / "pack.html").read_text()
    assert "mine" in page or ". (packed for this)" in page
    assert not re.search(r"/packcore-\w+/", page), "no temporary name"


def test_its_figures_are_there_as_json_too(packcore, tree):
    found = json.loads(packcore("report", "--json", ".").stdout)
    assert (found["objects"], found["pack"]) == (9, ". (packed for this)")


def test_a_repository_without_a_commit_says_so(packcore, tmp_path):
    empty = init_repository(tmp_path / "empty.git")
    result = packcore("report", empty)
    assert result.stderr.startswith(f"packcore: error: {empty}: it has no commit yet\nhint: ")


def test_a_linked_work_tree_is_a_repository(packcore, tree, tmp_path):
    git("worktree", "add", "-q", tmp_path / "linked", cwd=tree)
    assert packcore("report", tmp_path / "linked").exit_code == 0
    assert packcore("report", tmp_path / "linked" / ".git").exit_code == 0


def test_init_makes_a_repository_that_a_sync_and_git_take(packcore, tree, tmp_path):
    target = tmp_path / "target.git"
    made = packcore("init", target)
    assert made.stdout.splitlines() == [
        f"{target}: an empty repository was made",
        f"next: packcore sync SOURCE {target}",
    ]
    assert packcore("sync", ".", target).exit_code == 0
    git("fsck", "--strict", cwd=target)
    assert git("symbolic-ref", "HEAD", cwd=target) == "refs/heads/main"


def test_init_leaves_a_repository_that_is_there_as_it_is(packcore, tree):
    again = packcore("init", tree)
    assert (again.exit_code, again.stdout) == (0, f"{tree}: a repository is there already\n")


def test_init_in_the_other_object_format(packcore, tmp_path):
    found = json.loads(packcore("init", "--json", "--object-format", "sha256", tmp_path / "x.git").stdout)
    assert (found["objectFormat"], found["made"]) == ("sha256", True)


def test_clone_copies_branches_and_tags_and_names_the_folder_after_the_url(packcore, tmp_path, monkeypatch):
    source = make_repository(tmp_path / "x.git", history(commits=3, tag="v1"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = packcore("clone", source)
    assert result.stdout.splitlines()[-1] == "copied to x.git"
    copy = tmp_path / "here" / "x.git"
    listed = [git("for-each-ref", "--format=%(objectname) %(refname)", cwd=each) for each in (source, copy)]
    assert listed[0] == listed[1]
    git("fsck", "--strict", cwd=copy)


def test_clone_does_not_touch_a_folder_with_something_in_it(packcore, tree, tmp_path):
    result = packcore("clone", ".", tree)
    assert result.exit_code == 2
    assert "is there already, and not empty" in result.stderr


def test_push_takes_the_branch_of_head_from_here(packcore, tree, tmp_path):
    git("branch", "other", cwd=tree)
    target = init_repository(tmp_path / "target.git")
    assert packcore("push", target).exit_code == 0
    assert git("for-each-ref", "--format=%(refname)", cwd=target) == "refs/heads/main"
    assert packcore("push", "--tags", "--branch", "other", tree, target).exit_code == 0
    assert "refs/heads/other" in git("for-each-ref", "--format=%(refname)", cwd=target)


def test_push_leaves_the_default_branch_of_a_target_that_has_one(packcore, tree, tmp_path):
    target = make_repository(tmp_path / "target.git", history(commits=2, branch="refs/heads/trunk"))
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=target)
    git("checkout", "-q", "-b", "topic", cwd=tree)
    assert packcore("push", target).exit_code == 0
    assert git("symbolic-ref", "HEAD", cwd=target) == "refs/heads/trunk"
    empty = init_repository(tmp_path / "empty.git")
    assert packcore("push", empty).exit_code == 0
    assert git("symbolic-ref", "HEAD", cwd=empty) == "refs/heads/topic"


def test_push_never_overwrites_by_itself(packcore, tree, tmp_path):
    target = make_repository(tmp_path / "target.git", history(commits=2))
    before = git("rev-parse", "main", cwd=target)
    assert packcore("push", target).exit_code == 1
    assert git("rev-parse", "main", cwd=target) == before


def test_push_without_a_url_or_a_branch_says_what_is_missing(packcore, tree):
    assert "missing argument URL" in packcore("push").stderr
    git("checkout", "-q", "--detach", cwd=tree)
    assert "HEAD of . is no branch: name one with --branch" in packcore("push", "/nowhere.git").stderr


def test_push_dry_run_shows_and_changes_nothing(packcore, tree, tmp_path):
    target = init_repository(tmp_path / "target.git")
    assert packcore("push", "-n", target).stdout.startswith("create  refs/heads/main")
    assert git("for-each-ref", cwd=target) == ""
