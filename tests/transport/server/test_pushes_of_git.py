"""Our receive-pack behind our HTTP server, with git itself as the client."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import (
    fast_import,
    fsck,
    git,
    history,
    init_repository,
    ls_remote,
    make_repository,
    run_git,
)
from tests.transport.server.serving import serving, snapshot
from transport.server.htpasswd import Passwords

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from transport.server.http import GitHttpServer

pytestmark = pytest.mark.e2e


@pytest.fixture
def root(tmp_path) -> Path:
    path = tmp_path / "served"
    path.mkdir()
    return Path(path)


@pytest.fixture
def server(root) -> Iterator[GitHttpServer]:
    with serving(root) as running:
        yield running


@pytest.fixture
def work(tmp_path) -> Path:
    """Return a repository with something to push."""
    path = make_repository(tmp_path / "work.git", history(tag="v1"))
    git("branch", "early", "main~20", cwd=path)
    return path


@pytest.fixture
def target(root) -> Path:
    return init_repository(root / "target.git")


def push(
    work: Path, url: str, *words: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[bytes]:
    return run_git(*options, "push", f"{url}/target.git", *words, cwd=work)


def reason(done: subprocess.CompletedProcess[bytes]) -> str:
    assert done.returncode == 1, done.stderr
    return done.stderr.decode()


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_mirror_is_pushed(root, server, tmp_path, object_format, number):
    work = make_repository(tmp_path / "work.git", history(tag="v1"), object_format=object_format)
    target = init_repository(root / "target.git", object_format=object_format)
    git("-c", f"protocol.version={number}", "push", "--mirror", f"{server.url}/target", cwd=work)
    assert ls_remote(target) == ls_remote(work)
    assert fsck(target) == []


def test_a_large_push_comes_in_chunks(server, work, target):
    assert push(work, server.url, "main", options=("-c", "http.postBuffer=65536")).returncode == 0
    blob = b"blob\nmark :1\ndata 300000\n" + bytes(range(256)) * 1171 + b"x" * 224 + b"\n"
    commit = b"commit refs/heads/big\ncommitter A <a@b> 1 +0000\ndata 1\nx\nM 100644 :1 f\n"
    fast_import(work, [blob, commit, b"done\n"])
    git("config", "core.compression", "0", cwd=work)
    assert push(work, server.url, "big", options=("-c", "http.postBuffer=65536")).returncode == 0
    assert ls_remote(target)["refs/heads/big"] == git("rev-parse", "big", cwd=work)
    assert fsck(target) == []


def test_a_thin_pack_is_completed(server, work, target):
    git("push", "-q", f"{server.url}/target.git", "main~1:refs/heads/main", cwd=work)
    done = push(work, server.url, "--thin", "main")
    assert done.returncode == 0, done.stderr
    assert fsck(target) == []
    assert ls_remote(target) == {"refs/heads/main": git("rev-parse", "main", cwd=work)}


def test_what_the_server_says_reaches_the_user(server, work, target):
    done = push(work, server.url, "--progress", "main")
    assert b"remote: " in done.stderr
    assert b"bytes received" in done.stderr
    git("push", "-q", f"{server.url}/target.git", "early", cwd=work)


def test_a_ref_is_deleted_without_a_pack(server, work, target):
    git("push", "-q", f"{server.url}/target.git", "main", "early", cwd=work)
    git("push", "-q", f"{server.url}/target.git", ":early", cwd=work)
    assert list(ls_remote(target)) == ["refs/heads/main"]


def test_the_current_branch_is_not_deleted(server, work, target):
    git("push", "-q", f"{server.url}/target.git", "main", cwd=work)
    assert "deletion of the current branch prohibited" in reason(push(work, server.url, ":main"))


def test_a_rewind_is_forced_or_refused_as_the_repository_says(server, work, target):
    git("push", "-q", f"{server.url}/target.git", "main", cwd=work)
    git("push", "-q", f"{server.url}/target.git", "+main~3:main", cwd=work)
    git("push", "-q", f"{server.url}/target.git", "main", cwd=work)
    git("config", "receive.denyNonFastForwards", "true", cwd=target)
    assert "non-fast-forward" in reason(push(work, server.url, "+main~3:main"))
    assert ls_remote(target)["refs/heads/main"] == git("rev-parse", "main", cwd=work)


def test_deletions_are_refused_where_the_repository_says_so(server, work, target):
    git("push", "-q", f"{server.url}/target.git", "main", "early", cwd=work)
    git("config", "receive.denyDeletes", "true", cwd=target)
    assert "deletion prohibited" in reason(push(work, server.url, ":early"))


def test_an_atomic_push_is_done_whole_or_not_at_all(server, work, target):
    git("push", "-q", f"{server.url}/target.git", "main", cwd=work)
    git("config", "receive.denyNonFastForwards", "true", cwd=target)
    before = snapshot(target)
    words = reason(push(work, server.url, "--atomic", "+main~3:main", "early", "v1"))
    assert "atomic push failure" in words
    assert snapshot(target) == before
    assert push(work, server.url, "--atomic", "early", "v1").returncode == 0
    assert set(ls_remote(target)) == {
        "refs/heads/main",
        "refs/heads/early",
        "refs/tags/v1",
        "refs/tags/v1^{}",
    }


def test_the_branch_of_a_work_tree_is_left_alone(root, work):
    tree = init_repository(root / "tree", bare=False)
    before = snapshot(tree)
    with serving(root, export_all=True) as server:
        done = run_git("push", f"{server.url}/tree/.git", "main", cwd=work)
        assert "branch is currently checked out" in reason(done)
        assert snapshot(tree) == before
        git("push", "-q", f"{server.url}/tree/.git", "main:other", cwd=work)


def test_push_options_are_taken(server, work, target):
    assert push(work, server.url, "-o", "ci.skip", "main").returncode == 0


@pytest.mark.parametrize("commits", [1, 3])
def test_a_shallow_clone_pushes_onto_what_the_server_has(server, work, target, tmp_path, commits):
    git("push", "-q", f"{server.url}/target.git", "main", cwd=work)
    clone = tmp_path / "clone.git"
    git("clone", "-q", "--bare", "--depth=2", f"{server.url}/target.git", clone)
    fast_import(clone, history(commits=commits, seed=4, start="refs/heads/main^0"))
    git("push", "-q", f"{server.url}/target.git", "main", cwd=clone)
    assert fsck(target) == []


def test_a_shallow_clone_that_brings_a_new_root_is_refused(server, work, target, tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=5))
    clone = tmp_path / "clone.git"
    git("clone", "-q", "--bare", "--depth=2", f"file://{source}", clone)
    before = snapshot(target)
    assert "shallow update not allowed" in reason(push(clone, server.url, "main"))
    assert snapshot(target) == before


def test_objects_are_checked_strictly_where_the_repository_asks(server, work, target):
    tree = git(
        "hash-object",
        "-t",
        "tree",
        "-w",
        "--stdin",
        "--literally",
        cwd=work,
        stdin=b"100644 .git\0" + bytes.fromhex(git("rev-parse", "main:src/part0/file0.txt", cwd=work)),
    )
    git("config", "receive.fsckObjects", "true", cwd=target)
    bad = git("commit-tree", "-m", "x", tree, cwd=work)
    git("update-ref", "refs/heads/bad", bad, cwd=work)
    assert "hasDotgit" in reason(push(work, server.url, "bad")), "git's receive-pack refuses warnings, too"
    head = b"tree %s\nauthor x <x> 1 +0000\ncommitter x <x 1 +0000\n\nx\n" % tree.encode()
    broken = git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", cwd=work, stdin=head)
    before = snapshot(target)
    assert "badEmail" in reason(push(work, server.url, f"{broken}:refs/heads/broken"))
    assert snapshot(target) == before


def test_a_pack_beyond_the_repositorys_limit_is_refused(server, work, target):
    git("config", "receive.maxInputSize", "1k", cwd=target)
    before = snapshot(target)
    done = push(work, server.url, "main")
    assert "unpack" in reason(done)
    assert b"pack exceeds maximum allowed size (1024 bytes)" in done.stderr
    assert snapshot(target) == before


@pytest.mark.parametrize("options", [(), ("-c", "http.postBuffer=65536")])
def test_users_come_in_by_their_password_alone(root, work, target, tmp_path, options):
    file = tmp_path / "users"
    file.write_text(
        "alice:{SHA}" + base64.b64encode(bytes.fromhex("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8")).decode()
    )
    with serving(root, passwords=Passwords.read(file)) as server:
        known = server.url.replace("//", "//alice:password@")
        wrong = server.url.replace("//", "//alice:passwort@")
        assert b"could not read Username" in push(work, server.url, "main").stderr
        assert b"Authentication failed" in push(work, wrong, "main").stderr
        assert push(work, known, "main", options=options).returncode == 0
        assert ls_remote(f"{known}/target.git") == ls_remote(target)


def test_pushing_is_refused_unless_allowed(root, work, target):
    with serving(root, allow_push=False) as server:
        done = push(work, server.url, "main")
        assert b"403" in done.stderr
        assert ls_remote(f"{server.url}/target.git") == {}


def test_git_finds_out_before_it_pushes_what_is_here(server, work, target):
    assert push(work, server.url, "main~10:refs/heads/main").returncode == 0
    fast_import(target, history(commits=1, seed=9, start="refs/heads/main^0"))
    done = push(work, server.url, "--force", "main", options=("-c", "push.negotiate=true"))
    assert done.returncode == 0, done.stderr
    assert b"push negotiation failed" not in done.stderr
    assert git("rev-parse", "main", cwd=target) == git("rev-parse", "main", cwd=work)
    assert fsck(target) == []
