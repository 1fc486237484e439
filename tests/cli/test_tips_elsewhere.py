"""`pack-objects --reflog --indexed-objects`: what is in use besides what refs name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import git, git_bytes, init_repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["sha1", "sha256"])
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A work tree and a linked one, each with a lost commit and a staged file of its own."""
    path = init_repository(tmp_path / "desk", bare=False, object_format=request.param)
    commit(path, "first")
    git("worktree", "add", "-q", "--detach", tmp_path / "linked", cwd=path)
    for place in (path, tmp_path / "linked"):
        commit(place, f"lost in {place.name}")
        git("reset", "-q", "--hard", "HEAD~1", cwd=place)
        (place / "staged").write_text(f"staged in {place.name}")
        git("add", "staged", cwd=place)
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * len(tip(path))},module", cwd=path)
    return path


def commit(place: Path, text: str) -> None:
    (place / "file").write_text(text)
    git("add", "file", cwd=place)
    git("commit", "-q", "-m", text, cwd=place)


def tip(path: Path) -> str:
    return git("rev-parse", "HEAD", cwd=path).strip()


def packed(pack: bytes, path: Path, tmp_path: Path) -> set[str]:
    (tmp_path / "x.pack").write_bytes(pack)
    (tmp_path / "x.idx").unlink(missing_ok=True)
    git("index-pack", tmp_path / "x.pack", cwd=path)
    listed = git("show-index", cwd=path, stdin=(tmp_path / "x.idx").read_bytes())
    return {line.split()[1] for line in listed.splitlines()}


@pytest.mark.parametrize(
    "options",
    [
        ["--all"],
        ["--reflog"],
        ["--indexed-objects"],
        ["--all", "--reflog"],
        ["--keep-true-parents", "--all", "--reflog", "--indexed-objects", "--unpacked"],
    ],
)
def test_objects_in_reflogs_and_indexes_are_packed_as_by_git(packcore, desk, tmp_path, options):
    theirs = git_bytes("pack-objects", "--stdout", "-q", *options, cwd=desk)
    ours = packcore("pack-objects", desk, "--stdout", *options, stdin=b"")
    assert ours.exit_code == 0, ours.stderr
    assert packed(ours.stdout_bytes, desk, tmp_path) == packed(theirs, desk, tmp_path)


def test_what_a_reflog_names_and_is_gone_is_told_and_left_out(packcore, desk, tmp_path):
    lost = git("rev-parse", "HEAD@{1}", cwd=desk).strip()
    (desk / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    ours = packcore("pack-objects", desk, "--stdout", "--reflog", stdin=b"")
    assert ours.exit_code == 0
    assert "1 objects that reflogs name are not here" in ours.stderr
    assert tip(desk) in packed(ours.stdout_bytes, desk, tmp_path)


def test_what_an_index_names_and_is_gone_is_an_error(packcore, desk):
    blob = git("rev-parse", ":staged", cwd=desk).strip()
    (desk / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    ours = packcore("pack-objects", desk, "--stdout", "--indexed-objects", stdin=b"")
    assert (ours.exit_code, ours.stdout_bytes) == (3, b"")
    assert blob in ours.stderr
