"""The hook proc-receive, which carries out pushes to some refs itself: compared with git-receive-pack."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import fast_import, git, history, init_repository, ls_remote, run_git, write_hook

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

WITHOUT_HOOKS = f"{shlex.quote(sys.executable)} -m packcore receive-pack"
OURS = f"{WITHOUT_HOOKS} --hooks"
BOTH = (OURS, "git-receive-pack")

HOOK = """#!{python}
import os, sys
read, write = sys.stdin.buffer, sys.stdout.buffer
def lines():
    while (size := int(read.read(4), 16)):
        yield read.read(size - 4).decode().rstrip("\\n")
def say(*texts):
    for text in texts:
        write.write(b"%04x" % (len(text) + 4) + text.encode())
    write.write(b"0000")
    write.flush()
def tell(*words):
    print(*words, file=sys.stderr, flush=True)
hello = list(lines())
tell("hello", sorted(" ".join(hello).replace("\\0", " ").split()))
has_options = "push-options" in hello[0]
say("version={version}" + "\\0push-options" * has_options)
tell("asked", list(lines()))
if has_options:
    tell("options", list(lines()))
say(*{answer!r})
sys.exit({code})
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = init_repository(tmp_path_factory.mktemp("proc-receive") / "source.git")
    fast_import(path, history(commits=3, tag="v1"))
    return path


def said_by_both(
    tmp_path: Path, source: Path, *words: str, answer: list[str], code: int = 0, version: str = "1"
) -> list[tuple[int, list[str], list[str], dict[str, str]]]:
    """Push to ours and to git's, and return for each: exit code, the hook's words, git's table, the refs."""
    found = []
    for number, receiver in enumerate(BOTH):
        target = init_repository(tmp_path / str(number) / "target.git")
        git("config", "receive.procReceiveRefs", "refs/for", cwd=target)
        git("config", "receive.advertisePushOptions", "true", cwd=target)
        write_hook(target, "post-receive", "sed 's/^/told /'")
        hook = write_hook(target, "proc-receive", "")
        hook.write_text(HOOK.format(python=sys.executable, answer=answer, code=code, version=version))
        done = run_git("push", "--receive-pack", receiver, f"file://{target}", *words, cwd=source)
        lines = done.stderr.decode().splitlines()
        remote = [line.removeprefix("remote: ").rstrip() for line in lines if line.startswith("remote: ")]
        kept = [
            line for line in remote if re.match(r"hello|asked|options|told|error: (proc|fail|cannot)", line)
        ]
        table = [line for line in lines if re.match(r" [ !*+=-] ", line)]
        found.append((done.returncode, kept, table, ls_remote(target)))
    return found


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (["ok refs/for/main"], ["main:refs/for/main"]),
        (["ok refs/for/main"], ["-o", "topic=x", "main:refs/for/main", "main"]),
        (["ok refs/for/main", "option refname refs/changes/1"], ["main:refs/for/main"]),
        (
            ["ok refs/for/main", "option refname refs/changes/1", "ok refs/for/main", "option forced-update"],
            ["main:refs/for/main"],
        ),
        (["ok refs/for/main", "option fall-through"], ["main:refs/for/main", "v1"]),
        (["ng refs/for/main not reviewed"], ["main:refs/for/main", "main"]),
        (["ng refs/for/main"], ["main:refs/for/main"]),
        ([], ["main:refs/for/main", "main"]),
        (["ok"], ["main:refs/for/main"]),
        (["xx refs/for/main"], ["main:refs/for/main"]),
        (["option refname refs/x", "option forced-update", "ok refs/for/main"], ["main:refs/for/main"]),
        (["ok refs/heads/main"], ["main:refs/for/main", "main"]),
        (["ok refs/for/other"], ["main:refs/for/main"]),
        (["ok refs/for/main"], ["--atomic", "main:refs/for/main", "main"]),
    ],
)
def test_what_the_hook_answers_means_what_it_means_to_git(tmp_path, source, answer, words):
    ours, gits = said_by_both(tmp_path, source, *words, answer=answer)
    assert ours == gits


def test_ids_that_the_hook_reports_reach_the_client_and_the_hooks_after_it(tmp_path, source):
    old, new = git("rev-parse", "main~2", cwd=source), git("rev-parse", "main~1", cwd=source)
    answer = ["ok refs/for/main", f"option old-oid {old}", f"option new-oid {new}"]
    ours, gits = said_by_both(tmp_path, source, "main:refs/for/main", answer=answer)
    assert ours == gits
    assert f"told {old} {new} refs/for/main" in ours[1]


@pytest.mark.parametrize("atomic", [[], ["--atomic"]])
def test_a_hook_of_another_version_refuses_its_refs_and_an_atomic_push(tmp_path, source, atomic):
    ours, gits = said_by_both(tmp_path, source, *atomic, "main:refs/for/main", "main", answer=[], version="2")
    assert ours == gits
    assert ours[0] == 1
    assert ("refs/heads/main" in ours[3]) != bool(atomic)


def test_a_hook_that_fails_after_its_answer_refuses_an_atomic_push_s_other_refs(tmp_path, source):
    words = ("--atomic", "main:refs/for/main", "main")
    ours, gits = said_by_both(tmp_path, source, *words, answer=["ok refs/for/main"], code=3)
    assert ours == gits
    assert "refs/heads/main" not in ours[3]


@pytest.mark.parametrize(
    ("setting", "name", "refused"),
    [
        ("refs/for", "refs/for/main", True),
        ("refs/for", "refs/forward/main", False),
        ("md:refs/for", "refs/for/main", False),
        ("a:refs/for", "refs/for/main", True),
        ("!:refs/heads", "refs/tags/x", True),
        ("!:refs/heads", "refs/heads/x", False),
    ],
)
@pytest.mark.parametrize(
    ("receiver", "reason"),
    [
        (WITHOUT_HOOKS, b"left to the hook proc-receive, which is not run here"),
        (OURS, b"fail to run proc-receive hook"),
    ],
    ids=["no hooks", "hooks"],
)
def test_refs_that_are_left_to_a_hook_that_isn_t_run_are_refused(
    tmp_path, source, setting, name, refused, receiver, reason
):
    target = init_repository(tmp_path / "target.git")
    git("config", "receive.procReceiveRefs", setting, cwd=target)
    done = run_git("push", "--receive-pack", receiver, f"file://{target}", f"main:{name}", cwd=source)
    assert (reason in done.stderr) == refused
    assert (name in ls_remote(target)) != refused
