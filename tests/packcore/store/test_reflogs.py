"""Which refs are logged, and what a change of refs leaves in their logs."""

from __future__ import annotations

import pytest

from packcore.errors import RefMoved, RepositoryError
from packcore.ids import SHA1, ObjectId
from packcore.store.config import GitConfig
from packcore.store.ref_change import RefChange
from packcore.store.ref_files import RefFiles
from packcore.store.ref_transaction import change_refs
from packcore.store.reflogs import LoggedRefs, logged_refs

A, B, ZERO = ObjectId(b"\1" * 20), ObjectId(b"\2" * 20), SHA1.zero
MAIN = "refs/heads/main"


@pytest.fixture
def refs(tmp_path) -> RefFiles:
    (tmp_path / "refs").mkdir()
    (tmp_path / "HEAD").write_text(f"ref: {MAIN}\n")
    files = RefFiles(tmp_path, tmp_path, SHA1)
    files.logs.begin(LoggedRefs.USUAL, lambda: b"A <a@e> 1 +0000", b"push")
    return files


def line(old: ObjectId, new: ObjectId) -> str:
    return f"{old.hex()} {new.hex()} A <a@e> 1 +0000\tpush\n"


@pytest.mark.parametrize(
    ("value", "is_bare", "logged"),
    [
        (None, True, LoggedRefs.NONE),
        (None, False, LoggedRefs.USUAL),
        ("true", True, LoggedRefs.USUAL),
        ("false", False, LoggedRefs.NONE),
        ("Always", True, LoggedRefs.ALL),
    ],
)
def test_the_setting_says_which_refs_are_logged(value, is_bare, logged):
    text = "" if value is None else f"[core]\nlogAllRefUpdates = {value}\n"
    assert logged_refs(GitConfig.parse(text), is_bare=is_bare) is logged


def test_a_setting_of_no_meaning_is_refused():
    with pytest.raises(RepositoryError, match=r"core\.logAllRefUpdates"):
        logged_refs(GitConfig.parse("[core]\nlogAllRefUpdates = often\n"), is_bare=True)


@pytest.mark.parametrize(
    ("name", "usual"),
    [
        ("HEAD", True),
        ("refs/heads/x", True),
        ("refs/remotes/o/x", True),
        ("refs/notes/x", True),
        ("refs/tags/x", False),
        ("refs/x", False),
    ],
)
def test_branches_remotes_notes_and_head_are_the_usual_ones(name, usual):
    assert LoggedRefs.USUAL.has(name) is usual
    assert LoggedRefs.ALL.has(name)
    assert not LoggedRefs.NONE.has(name)


def test_each_change_is_a_line_and_head_follows_its_branch(refs, tmp_path):
    refs.update(MAIN, A, ZERO)
    refs.update(MAIN, B, None)
    for name in (MAIN, "HEAD"):
        assert (tmp_path / "logs" / name).read_text() == line(ZERO, A) + line(A, B)


def test_a_change_by_a_symbolic_ref_is_logged_under_both_names(refs, tmp_path):
    refs.set_symbolic("refs/heads/alias", MAIN)
    refs.update("refs/heads/alias", A, ZERO)
    change_refs(refs, [RefChange("refs/heads/alias", A, B)])
    for name in (MAIN, "refs/heads/alias", "HEAD"):
        assert (tmp_path / "logs" / name).read_text() == line(ZERO, A) + line(A, B)


def test_a_deleted_ref_leaves_no_log_but_a_line_of_heads(refs, tmp_path):
    refs.update(MAIN, A, ZERO)
    refs.update("refs/heads/a/b/c", A, ZERO)
    for name in (MAIN, "refs/heads/a/b/c"):
        refs.delete(name, A)
    assert [path.name for path in (tmp_path / "logs").rglob("*") if path.is_file()] == ["HEAD"]
    assert [path.name for path in (tmp_path / "logs" / "refs").rglob("*")] == ["heads"]
    assert (tmp_path / "logs" / "HEAD").read_text() == line(ZERO, A) + line(A, ZERO)


def test_a_change_that_is_refused_is_not_logged(refs, tmp_path):
    refs.update(MAIN, A, ZERO)
    with pytest.raises(RefMoved):
        refs.update(MAIN, B, B)
    assert (tmp_path / "logs" / MAIN).read_text() == line(ZERO, A)


def test_in_a_linked_worktree_branches_are_logged_in_the_common_directory(tmp_path):
    common, own = tmp_path / "common", tmp_path / "common" / "worktrees" / "w"
    (common / "refs").mkdir(parents=True)
    own.mkdir(parents=True)
    (own / "HEAD").write_text(f"ref: {MAIN}\n")
    files = RefFiles(own, common, SHA1)
    files.logs.begin(LoggedRefs.USUAL, lambda: b"A <a@e> 1 +0000", b"push")
    files.update(MAIN, A, ZERO)
    assert (common / "logs" / MAIN).read_text() == (own / "logs" / "HEAD").read_text() == line(ZERO, A)
    files.delete(MAIN, A)
    assert not (common / "logs" / MAIN).exists()
