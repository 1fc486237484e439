"""Hooks around pushes: what they are told and what they can refuse, held against git's own receive-pack."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import fast_import, git, history, init_repository, ls_remote, run_git, write_hook
from tests.transport.server.serving import serving
from transport.server.hooks import HookSettings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

OURS = f"{shlex.quote(sys.executable)} -m packcore receive-pack --hooks"
BOTH = pytest.mark.parametrize("receiver", [OURS, "git-receive-pack"], ids=["ours", "gits"])

TELL = """\
echo "saying $(basename "$0")"
{ echo "== $(basename "$0") $*"; cat; pwd | sed 's,.*/,,'; echo "dir=$GIT_DIR"
  env | grep ^GIT_PUSH_OPTION | sort
  echo "quarantine=$(test -n "$GIT_QUARANTINE_PATH" && echo yes)"
  git cat-file -e "$(cat wanted)" && echo "new object seen"
  echo "in place=$(env -u GIT_OBJECT_DIRECTORY -u GIT_ALTERNATE_OBJECT_DIRECTORIES -u GIT_QUARANTINE_PATH \\
    git cat-file -e "$(cat wanted)" 2>/dev/null && echo yes)"
} >> told
"""
HOOKS = ("pre-receive", "update", "post-receive", "post-update")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = init_repository(tmp_path_factory.mktemp("hooks") / "source.git")
    fast_import(path, history(commits=3, tag="v1"))
    return path


@pytest.fixture
def target(tmp_path) -> Path:
    path = init_repository(tmp_path / "target.git")
    git("config", "receive.advertisePushOptions", "true", cwd=path)
    git("config", "receive.unpackLimit", "1", cwd=path)
    return path


def push(source: Path, target: Path, receiver: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    return run_git("push", "--receive-pack", receiver, f"file://{target}", *words, cwd=source)


def told(target: Path) -> str:
    return (target / "told").read_text()


def test_each_hook_is_told_what_git_tells_it(source, tmp_path):
    wanted = git("rev-parse", "main", cwd=source)
    said = {}
    for receiver in (OURS, "git-receive-pack"):
        target = init_repository(tmp_path / receiver.rpartition(" ")[2].strip("-") / "target.git")
        git("config", "receive.advertisePushOptions", "true", cwd=target)
        (target / "wanted").write_text(wanted)
        for name in HOOKS:
            write_hook(target, name, TELL)
        done = push(source, target, receiver, "-o", "a b", "-o", "c", "main", "v1")
        assert done.returncode == 0, done.stderr
        said[receiver] = told(target), re.findall(rb"remote: (saying .*?) *\n", done.stderr)
    assert said[OURS] == said["git-receive-pack"]
    assert "GIT_PUSH_OPTION_0=a b" in said[OURS][0]


def test_without_push_options_a_hook_is_told_of_none(source, target):
    (target / "wanted").write_text("HEAD")
    write_hook(target, "pre-receive", TELL)
    assert push(source, target, OURS, "main").returncode == 0
    assert "GIT_PUSH_OPTION" not in told(target)


def test_no_hook_is_run_where_that_is_not_asked_for(source, target):
    for name in (*HOOKS, "reference-transaction"):
        write_hook(target, name, "touch ran\nexit 1\n")
    assert push(source, target, OURS.removesuffix(" --hooks"), "main").returncode == 0
    with serving(target.parent) as server:
        git("push", "-q", f"{server.url}/target.git", "main:other", cwd=source)
    assert not (target / "ran").exists()


@BOTH
def test_what_pre_receive_refuses_leaves_nothing_behind(source, target, receiver):
    write_hook(target, "pre-receive", "echo no such thing >&2\nexit 1\n")
    done = push(source, target, receiver, "main", "v1")
    assert done.returncode == 1
    assert done.stderr.count(b"(pre-receive hook declined)") == 2
    assert b"remote: no such thing" in done.stderr
    assert ls_remote(target) == {}
    assert not list((target / "objects").rglob("*.pack"))
    assert not [path for path in (target / "objects").rglob("*") if path.name.startswith("packcore-tmp")]


@BOTH
def test_update_refuses_one_ref_alone(source, target, receiver):
    write_hook(target, "update", 'test "$1" != refs/tags/v1\n')
    done = push(source, target, receiver, "main", "v1")
    assert b"(hook declined)" in done.stderr
    assert list(ls_remote(target)) == ["refs/heads/main"]


@BOTH
def test_update_refuses_all_of_an_atomic_push(source, target, receiver):
    write_hook(target, "update", 'test "$1" != refs/tags/v1\n')
    done = push(source, target, receiver, "--atomic", "main", "v1")
    assert done.returncode == 1
    assert ls_remote(target) == {}


@pytest.mark.parametrize("words", [[], ["--atomic"]])
def test_reference_transaction_is_told_before_and_after(source, target, words):
    write_hook(target, "reference-transaction", 'echo "$1" >> told; cat >> told\n')
    assert push(source, target, OURS, *words, "main").returncode == 0
    line = f"{'0' * 40} {git('rev-parse', 'main', cwd=source)} refs/heads/main\n"
    assert told(target) == f"prepared\n{line}committed\n{line}"


def test_reference_transaction_aborts_a_change(source, target):
    write_hook(target, "reference-transaction", 'echo "$1" >> told\ntest "$1" != prepared\n')
    done = push(source, target, OURS, "main")
    assert b"(ref updates aborted by hook)" in done.stderr
    assert told(target) == "prepared\naborted\n"
    assert ls_remote(target) == {}


@BOTH
def test_the_hooks_are_where_the_repository_says(source, target, receiver):
    write_hook(target, "pre-receive", "exit 1\n")
    (target / "others").mkdir()
    git("config", "core.hooksPath", "others", cwd=target)
    assert push(source, target, receiver, "main").returncode == 0


@BOTH
def test_a_hook_that_is_not_executable_is_not_there(source, target, receiver):
    write_hook(target, "pre-receive", "exit 1\n").chmod(0o644)
    assert push(source, target, receiver, "main").returncode == 0


def test_a_hook_that_hangs_is_ended_with_what_it_started(source, target):
    write_hook(target, "pre-receive", "sleep 300 &\necho $! > child\nwait\n")
    began = time.monotonic()
    done = push(source, target, f"{OURS} --hook-timeout=0.5", "main")
    assert b"was ended after 0.5 seconds" in done.stderr
    assert b"(pre-receive hook declined)" in done.stderr
    assert time.monotonic() - began < 60
    child = (target / "child").read_text().strip()
    gone = subprocess.run(["ps", "-o", "stat=", "-p", child], capture_output=True, text=True, check=False)
    assert gone.stdout.strip()[:1] in ("", "Z")


def test_what_a_hook_says_comes_while_it_runs(source, target):
    write_hook(target, "pre-receive", "echo first\nwhile ! test -e go; do sleep 0.1; done\n")
    with subprocess.Popen(
        ["git", "push", "--receive-pack", OURS, f"file://{target}", "main"],
        cwd=source,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert any(b"remote: first" in line for line in process.stderr)
        (target / "go").touch()
        process.stderr.read()
        assert process.wait(60) == 0


def test_over_http_a_hook_is_told_of_the_client(source, target):
    write_hook(target, "post-receive", "env | grep -E '^(REMOTE|GIT_COMM|PACKCORE)' | sort > told\n")
    environment = {"PATH": "/usr/bin:/bin", "PACKCORE_TOKEN": "secret", "GIT_DIR": "/nowhere"}
    with serving(target.parent, hooks=HookSettings(environment=environment)) as server:
        git("push", "-q", f"{server.url}/target.git", "main", cwd=source)
    assert told(target).splitlines() == [
        "GIT_COMMITTER_EMAIL=anonymous@http.127.0.0.1",
        "GIT_COMMITTER_NAME=anonymous",
        "REMOTE_ADDR=127.0.0.1",
    ]
