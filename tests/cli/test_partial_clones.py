"""Commands in a partial clone: what the promisor has promised isn't damage, and what needs it says so."""

from __future__ import annotations

import pytest

from tests.support import git, history, init_repository, ls_remote, make_repository, run_git


@pytest.fixture
def partial(tmp_path):
    source = make_repository(tmp_path / "source.git", history())
    git("config", "uploadpack.allowFilter", "true", cwd=source)
    path = tmp_path / "partial.git"
    git("clone", "-q", "--bare", "--filter=blob:none", f"file://{source}", path)
    return path


def test_fsck_and_repack_take_it_for_whole(packcore, partial):
    for command in ("fsck", "repack", "fsck"):
        done = packcore(command, partial)
        assert done.exit_code == 0, done.stderr
        assert "missing" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("rev-list", "{}", "--objects", "main"),
        ("cat-file", "{}", "main:src/part0/file0.txt"),
        ("pack-objects", "{}", "--all", "-o", "{}/x.pack"),
    ],
)
def test_what_needs_a_promised_object_says_where_it_is(packcore, partial, arguments):
    done = packcore(*(word.format(partial) for word in arguments))
    assert done.exit_code == 3
    assert "is missing (" in done.stderr
    assert "this is a partial clone: its remote origin may have the object" in done.stderr
    assert "hint: take the repository that it was cloned from" in done.stderr


def test_a_sync_from_it_names_the_cause_and_leaves_the_target_alone(packcore, partial, tmp_path):
    target = init_repository(tmp_path / "target.git")
    done = packcore("sync", partial, target)
    assert done.exit_code == 1
    assert "this is a partial clone: its remote origin may have the object" in done.stderr + done.stdout
    assert ls_remote(target) == {}


def test_commits_alone_can_be_listed(packcore, partial):
    assert packcore("rev-list", partial, "main").exit_code == 0


def test_a_batch_calls_a_promised_object_missing_and_says_who_has_it(packcore, partial):
    names = b"main:src/part0/file0.txt\nmain:src/part0/file1.txt\n"
    done = packcore("cat-file", partial, "--batch-check", stdin=names)
    assert done.exit_code == 0
    assert done.stdout == names.decode().replace("\n", " missing\n")
    assert done.stderr.count("its remote origin may have what is called missing here") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--objects", "--filter=blob:none", "--all"],
        ["--objects", "--missing=print", "main"],
        ["--objects", "--missing=allow-any", "main"],
        ["--objects", "--missing=allow-promisor", "main"],
    ],
    ids=" ".join,
)
def test_what_is_here_can_be_listed_as_by_git(packcore, partial, arguments):
    theirs = run_git("rev-list", *arguments, cwd=partial, environment={"GIT_NO_LAZY_FETCH": "1"})
    ours = packcore("rev-list", partial, *arguments)
    assert ours.exit_code == theirs.returncode == 0
    assert sorted(ours.stdout_bytes.splitlines()) == sorted(theirs.stdout.splitlines())


def test_a_lost_object_is_no_promised_one(packcore, partial):
    tree = git("rev-parse", "main:src", cwd=partial)
    text = f"100644 blob {'1' * 40}\tlost\n040000 tree {tree}\tsrc\n".encode()
    lost = git("mktree", "--missing", cwd=partial, stdin=text)
    done = packcore("rev-list", partial, "--objects", "--missing=allow-promisor", lost)
    assert done.exit_code == 3
    assert "1" * 40 in done.stderr
