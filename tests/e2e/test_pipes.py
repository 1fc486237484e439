"""`packcore upload-pack` and `packcore receive-pack` where git, or ssh, would start its own services."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.lasting_servers import Sshd
from tests.support import (
    fast_import,
    fsck,
    git,
    git_environment,
    history,
    init_repository,
    ls_remote,
    run_git,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

PACKCORE = f"{shlex.quote(sys.executable)} -m packcore"
UPLOAD = f"{PACKCORE} upload-pack"
RECEIVE = f"{PACKCORE} receive-pack"
VERSIONS = pytest.mark.parametrize("version", [0, 1, 2])


def in_version(number: int) -> tuple[str, str]:
    """Return git's words for a version of the protocol."""
    return "-c", f"protocol.version={number}"


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Return a repository with a history, and an annotated tag."""
    path = init_repository(tmp_path_factory.mktemp("pipes") / "source.git")
    fast_import(path, history(commits=40, tag="v1"))
    return path


@pytest.fixture
def target(tmp_path) -> Path:
    return init_repository(tmp_path / "target.git")


def clone(source: Path, path: Path, version: int, *words: str) -> Path:
    git(*in_version(version), "clone", "-q", "--bare", "-u", UPLOAD, *words, f"file://{source}", path)
    return path


def speak(
    service: str, path: Path, data: bytes, version: int = 0, *words: str
) -> subprocess.CompletedProcess[bytes]:
    """Start one of our services, send it bytes, and return what it said."""
    return subprocess.run(
        [sys.executable, "-m", "packcore", service, *words, path],
        input=data,
        env=git_environment({"GIT_PROTOCOL": f"version={version}"}),
        capture_output=True,
        timeout=60,
        check=False,
    )


def packets(*lines: str) -> bytes:
    """Return lines as pkt-lines; an empty one is a flush."""
    return b"".join(b"%04x%s" % (len(line) + 4, line.encode()) if line else b"0000" for line in lines)


@VERSIONS
def test_a_clone_has_every_ref_and_object(source, tmp_path, version):
    copy = clone(source, tmp_path / "copy.git", version)
    assert ls_remote(copy) == ls_remote(source)
    assert fsck(copy) == []


@VERSIONS
def test_refs_are_listed_as_git_lists_them(source, version):
    words = (*in_version(version), "ls-remote", "--symref")
    assert git(*words, "--upload-pack", UPLOAD, source) == git(*words, source)


@VERSIONS
def test_a_shallow_clone_is_deepened_to_the_whole(source, tmp_path, version):
    copy = clone(source, tmp_path / "copy.git", version, "--depth", "2", "--no-single-branch")
    assert git("rev-list", "--count", "main", cwd=copy) == "2"
    for words, count in ((["--deepen", "3"], "5"), (["--unshallow"], "40")):
        git(
            *in_version(version),
            "fetch",
            "-q",
            "--upload-pack",
            UPLOAD,
            *words,
            "origin",
            "main:main",
            cwd=copy,
        )
        assert git("rev-list", "--count", "main", cwd=copy) == count
    assert fsck(copy) == []


@VERSIONS
def test_a_partial_clone_leaves_out_blobs(source, tmp_path, version):
    copy = clone(source, tmp_path / "copy.git", version, "--filter=blob:none")
    assert "?" in git("rev-list", "--objects", "--missing=print", "main", cwd=copy)


@VERSIONS
def test_a_fetch_of_many_rounds_brings_what_is_new_alone(source, tmp_path, version):
    copy = tmp_path / "copy.git"
    git("clone", "-q", "--bare", source, copy)
    # A history of its own: the client has much to offer that the server lacks.
    fast_import(copy, history(commits=300, seed=7, branch="other"))
    newer = tmp_path / "newer.git"
    git("clone", "-q", "--bare", source, newer)
    tree = git("rev-parse", "main^{tree}", cwd=newer)
    made = git("commit-tree", "-p", "main", "-m", "new", tree, cwd=newer)
    git("update-ref", "refs/heads/main", made, cwd=newer)
    words = (*in_version(version), "fetch", "--progress", "--upload-pack", UPLOAD)
    done = run_git(*words, f"file://{newer}", "main:main", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert b"Total 1 " in done.stderr
    assert git("rev-parse", "main", cwd=copy) == made


@pytest.mark.parametrize("version", [0, 1])
def test_an_id_that_no_ref_has_is_refused_as_git_refuses_it(source, tmp_path, version):
    copy = init_repository(tmp_path / "copy.git")
    oid = git("rev-parse", "main~3", cwd=source)
    ours = run_git(*in_version(version), "fetch", "--upload-pack", UPLOAD, f"file://{source}", oid, cwd=copy)
    gits = run_git(*in_version(version), "fetch", f"file://{source}", oid, cwd=copy)
    assert (ours.returncode, gits.returncode) == (1, 1)
    assert b"does not allow request for unadvertised object" in ours.stderr


def test_a_want_that_no_ref_has_is_refused_by_the_service_itself(source):
    oid = git("rev-parse", "main~3", cwd=source)
    done = speak("upload-pack", source, packets(f"want {oid} side-band-64k", "", "done"))
    assert b"ERR upload-pack: not our ref" in done.stdout
    assert done.returncode != 0


def test_one_request_is_answered_without_an_advertisement(source):
    oid = git("rev-parse", "main~3", cwd=source)
    asked = packets(f"want {oid}", "", "done")
    done = speak("upload-pack", source, asked, 0, "--stateless-rpc")
    assert done.stdout.startswith(b"0008NAK\nPACK")
    assert done.returncode == 0


@VERSIONS
@pytest.mark.parametrize("option", ["--http-backend-info-refs", "--advertise-refs"])
def test_the_advertisement_alone_names_what_gits_names(source, version, option):
    ours = speak("upload-pack", source, b"", version, option)
    gits = subprocess.run(
        ["git", "upload-pack", "--http-backend-info-refs", source],
        env=git_environment({"GIT_PROTOCOL": f"version={version}"}),
        capture_output=True,
        check=True,
    )
    assert ours.returncode == 0
    assert ours.stdout.endswith(b"0000")

    def names(data: bytes) -> list[bytes]:
        return [line for line in data.partition(b"agent=")[2].split(b"\n")[1:] if b" refs/" in line]

    assert names(ours.stdout) == names(gits.stdout)


def test_a_shallow_repository_tells_a_pusher_where_it_is_cut_as_git_does(source, tmp_path):
    shallow = tmp_path / "shallow.git"
    git("clone", "-q", "--bare", "--depth=2", f"file://{source}", shallow)
    ours = speak("receive-pack", shallow, b"0000").stdout
    gits = subprocess.run(
        ["git", "receive-pack", shallow],
        input=b"0000",
        env=git_environment(),
        capture_output=True,
        check=True,
    ).stdout
    lines = [[line for line in data.splitlines() if b"shallow " in line] for data in (ours, gits)]
    assert lines[0] == lines[1] != []


def test_a_push_into_a_shallow_repository_is_taken(source, tmp_path):
    shallow = tmp_path / "shallow.git"
    git("clone", "-q", "--bare", "--depth=2", f"file://{source}", shallow)
    made = git("commit-tree", "-m", "x", "-p", "main", "main^{tree}", cwd=source)
    assert push(source, shallow, f"{made}:refs/heads/new").returncode == 0
    assert git("rev-list", "--count", "new", cwd=shallow) == "3"


def test_bundles_are_named_where_the_repository_says_so(source, tmp_path):
    copy = clone(source, tmp_path / "copy.git", 2)
    asked = packets("command=bundle-uri", "")
    assert b"invalid command" in speak("upload-pack", copy, asked, 2).stdout
    for key, value in (
        ("uploadpack.advertiseBundleURIs", "true"),
        ("bundle.version", "1"),
        ("bundle.mode", "all"),
        ("bundle.Base.uri", "https://example.com/base.bundle"),
    ):
        git("config", key, value, cwd=copy)
    said = speak("upload-pack", copy, asked, 2).stdout
    assert b"bundle-uri\n" in said
    answer = packets(
        "bundle.version=1", "bundle.mode=all", "bundle.Base.uri=https://example.com/base.bundle", ""
    )
    assert said.endswith(answer)


def test_strict_takes_no_name_that_would_have_to_be_completed(source):
    nearly = source.with_suffix("")
    assert speak("upload-pack", nearly, b"0000").returncode == 0
    assert b"no git directory" in speak("upload-pack", nearly, b"0000", 0, "--strict").stderr


def test_a_client_that_says_nothing_is_left(source):
    with subprocess.Popen(
        [sys.executable, "-m", "packcore", "upload-pack", "--timeout=0.2", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.wait(30) == 4
        assert process.stderr is not None
        assert b"sent nothing for 0.2 seconds" in process.stderr.read()


def push(source: Path, target: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return run_git("push", "--receive-pack", RECEIVE, f"file://{target}", *words, cwd=source)


@VERSIONS
def test_a_push_brings_everything(source, target, version):
    words = ("push", "-q", "--mirror", "--receive-pack", RECEIVE)
    git(*in_version(version), *words, f"file://{target}", cwd=source)
    assert ls_remote(target) == ls_remote(source)
    assert fsck(target) == []


def test_a_branch_is_forced_back_and_deleted(source, target):
    assert push(source, target, "main", "v1").returncode == 0
    assert push(source, target, "main~2:main").returncode == 1
    assert push(source, target, "--force", "main~2:main").returncode == 0
    assert push(source, target, ":refs/tags/v1").returncode == 0
    assert ls_remote(target) == {"refs/heads/main": git("rev-parse", "main~2", cwd=source)}


def test_a_push_is_refused_whole_that_is_atomic(source, target):
    git("config", "receive.denyNonFastForwards", "true", cwd=target)
    assert push(source, target, "main").returncode == 0
    done = push(source, target, "--atomic", "--force", "main~2:main", "main:other")
    assert done.returncode == 1
    assert list(ls_remote(target)) == ["refs/heads/main"]


def test_a_push_is_answered_while_the_client_keeps_the_connection_open(source, target):
    oid = git("rev-parse", "main", cwd=source)
    pack = subprocess.run(
        ["git", "pack-objects", "--stdout", "--revs", "-q"],
        input=b"main\n",
        cwd=source,
        capture_output=True,
        check=True,
    ).stdout
    with subprocess.Popen(
        [sys.executable, "-m", "packcore", "receive-pack", target],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=git_environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        command = f"{'0' * 40} {oid} refs/heads/main\0report-status"
        process.stdin.write(packets(command, "") + pack)
        process.stdin.flush()
        said = b""
        while not said.endswith(b"ok refs/heads/main\n0000"):
            block = os.read(process.stdout.fileno(), 4096)
            assert block, said
            said += block
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_push_is_logged_by_the_committer(source, target):
    git("config", "core.logAllRefUpdates", "true", cwd=target)
    assert push(source, target, "main").returncode == 0
    assert "C O Mitter <committer@example.com>" in (target / "logs/refs/heads/main").read_text()


def test_a_repository_that_is_not_there_ends_in_words(source, tmp_path):
    done = run_git("ls-remote", "--upload-pack", UPLOAD, f"file://{tmp_path}")
    assert done.returncode == 128
    assert b"does not appear to be a git repository" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.fixture(scope="module")
def sshd(source) -> Iterator[Sshd]:
    """Return an sshd that runs packcore where a client asks for git's services."""
    script = source.parent / "services"
    script.write_text(
        '#!/bin/sh\neval "set -- $SSH_ORIGINAL_COMMAND"\n'
        f'case $1 in git-*-pack) exec {PACKCORE} "${{1#git-}}" "$2" ;; esac\nexit 1\n'
    )
    script.chmod(0o755)
    with Sshd(source.parent, settings=[f"ForceCommand {script}"]) as running:
        yield running


@VERSIONS
def test_git_fetches_and_pushes_over_ssh(sshd, source, tmp_path, version):
    environment = git_environment(sshd.environment())
    words = in_version(version)
    copy = tmp_path / "copy.git"
    done = run_git(*words, "clone", "-q", "--bare", sshd.url("source.git"), copy, environment=environment)
    assert done.returncode == 0, done.stderr
    assert fsck(copy) == []
    name = f"pushed-{version}.git"
    init_repository(source.parent / name)
    done = run_git(*words, "push", "-q", "--mirror", sshd.url(name), cwd=copy, environment=environment)
    assert done.returncode == 0, done.stderr
    assert ls_remote(source.parent / name) == ls_remote(source)


def test_packcore_syncs_over_ssh_between_services_of_its_own(sshd, source, workplace):
    workplace.environment |= sshd.environment()
    init_repository(source.parent / "synced.git")
    workplace.must("sync", "--tags", sshd.url("source.git"), sshd.url("synced.git"))
    assert ls_remote(source.parent / "synced.git") == ls_remote(source)
