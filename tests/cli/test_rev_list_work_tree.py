"""`rev-list` in a work tree: what its index names, and words that may be paths."""

from __future__ import annotations

import pytest

from tests.cli.beside_git import assert_same
from tests.support import git


@pytest.fixture
def work_tree(tmp_path):
    """A work tree with a change that is staged, a submodule, and a file that is not known to git."""
    path = tmp_path / "work"
    git("init", "-q", "-b", "main", path, cwd=tmp_path)
    for name in ("one", "two/three", "two/four/five", "six"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    git("add", ".", cwd=path)
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module", cwd=path)
    git("commit", "-q", "-m", "first", cwd=path)
    (path / "two/three").write_text("changed")
    (path / "new").write_text("new")
    git("add", "two/three", "new", cwd=path)
    (path / "other").write_text("not added")
    return path


@pytest.mark.parametrize(
    "arguments",
    ["--objects --indexed-objects", "--objects HEAD --not --indexed-objects", "HEAD --indexed-objects"],
)
def test_what_the_index_names_is_listed_or_left_out_as_by_git(packcore, work_tree, arguments):
    assert_same(packcore, work_tree, "rev-list", *arguments.split())


@pytest.mark.parametrize(
    "arguments",
    [
        "HEAD two",
        "--objects HEAD two one",
        "HEAD other",
        "HEAD *.c",
        "HEAD two nothing",
        "two HEAD",
        "nothing",
    ],
)
def test_a_word_that_is_a_path_and_no_revision_needs_no_dashes(packcore, work_tree, arguments):
    assert_same(packcore, work_tree, "rev-list", *arguments.split())


def test_after_dashes_that_end_the_revisions_no_word_before_them_is_a_path(packcore, work_tree):
    done = packcore("rev-list", work_tree, "HEAD", "two", "--")
    assert done.exit_code == 1
    assert "'two': no such revision" in done.stderr
