"""What several test rooms share: the C git as oracle, isolated from the machine, and repositories to order.

    require("git")                          skip without it; fail instead where CI is set
    git("rev-parse", "HEAD", cwd=repo)      run it, return stdout as text
    make_repository(path, history(...))     a repository written by `git fast-import`

Every git that a test starts sees `git_environment()`: no user or system configuration, no prompt, the
C locale, and fixed names and dates, so that ids are the same on each machine.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import trustme

__all__ = [
    "ROOT",
    "certificate_authority",
    "copy_of",
    "fast_import",
    "find_program",
    "fsck",
    "git",
    "git_bytes",
    "git_environment",
    "history",
    "init_repository",
    "ls_remote",
    "make_repository",
    "missing_is_failure",
    "remove_tree",
    "require",
    "require_git",
    "require_path",
    "run_git",
    "write_hook",
]

ROOT = Path(__file__).resolve().parent.parent
"""The checkout that the tests run from."""

_COMMITTER = "C O Mitter <committer@example.com>"
_FIRST_SECOND = 1112911993

_TEMPLATE_STREAM_MAX = 1 << 20
"""Bytes of a fast-import stream up to which what comes of it is kept to be copied."""

_KEPT_VARIABLES = ("PATH", "TMPDIR", "CI", "LD_LIBRARY_PATH")

_SYSTEM_PATHS = ("/usr/sbin", "/usr/local/sbin", "/sbin")
"""Debian keeps servers here, and a plain user's PATH does not look."""


def find_program(name: str) -> str | None:
    """Return the path of a program on PATH or in the system's own folders, or None."""
    searched = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_PATHS))
    return shutil.which(name, path=searched)


def missing_is_failure() -> bool:
    """Tell whether a missing tool fails the test: in CI, where a skip would hide that nothing was shown."""
    return bool(os.environ.get("CI"))


def require(*programs: str) -> None:
    """Skip the test with a reason if one of the programs is missing; fail it where CI is set."""
    absent = [name for name in programs if find_program(name) is None]
    if absent:
        _lack(f"needs {', '.join(absent)} (Debian packages: see .ci/install)")


def require_git(*version: int) -> None:
    """Skip the test, in CI too, if git is older than this: `make matrix` has columns with newer ones."""
    if (found := git_version()) < version:
        needed, present = (".".join(map(str, numbers)) for numbers in (version, found))
        pytest.skip(f"needs git {needed}; this is {present}")


def require_path(path: Path, *, package: str) -> None:
    """Skip, or fail where CI is set, if a file or folder of a Debian package is missing."""
    if not path.exists():
        _lack(f"needs {path} (Debian package {package})")


def certificate_authority() -> trustme.CA:
    """Return an authority that issues certificates. Skip the test where it can't be installed."""
    if sys.implementation.name != "cpython":
        pytest.importorskip("trustme", reason="cryptography has no wheel for this Python")
    import trustme

    return trustme.CA()


def _lack(reason: str) -> None:
    if missing_is_failure():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def git_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which git's behaviour does not depend on the machine or its user."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    fixed = {
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": "",  # a repository begins without the fourteen examples of hooks
        "GIT_CONFIG_GLOBAL": str(ROOT / "tests" / "gitconfig"),
        "GIT_TEST_FSYNC": "0",  # a loss of power may take it
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "A U Thor",
        "GIT_AUTHOR_EMAIL": "author@example.com",
        "GIT_AUTHOR_DATE": "1112911993 -0700",
        "GIT_COMMITTER_NAME": "C O Mitter",
        "GIT_COMMITTER_EMAIL": "committer@example.com",
        "GIT_COMMITTER_DATE": "1112911993 -0700",
        "LC_ALL": "C",
    }
    return {**kept, **fixed, **(extra or {})}


def run_git(
    *arguments: str | Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run git and return what came of it, whatever its exit code."""
    require("git")
    return subprocess.run(
        ["git", *map(str, arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env=git_environment(environment),
        check=False,
        timeout=280,
    )


def git_version() -> tuple[int, ...]:
    """Return the numbers of git's version."""
    found = re.search(r"\d+(?:\.\d+)+", git("--version"))
    assert found is not None
    return tuple(map(int, found[0].split(".")))


def git_bytes(
    *arguments: str | Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Run git and return its stdout as bytes; a failure raises AssertionError with its words."""
    done = run_git(*arguments, cwd=cwd, stdin=stdin, environment=environment)
    if done.returncode != 0:
        command = " ".join(map(str, arguments))
        raise AssertionError(f"git {command}: exit {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def git(
    *arguments: str | Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run git and return its stdout as text without the last newline."""
    out = git_bytes(*arguments, cwd=cwd, stdin=stdin, environment=environment)
    return out.decode("utf-8", "surrogateescape").removesuffix("\n")


def remove_tree(folder: Path) -> None:
    """Remove a folder of any depth: pytest's own tidying recurses, and would end in a RecursionError."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def fsck(repository: Path, *, strict: bool = True) -> list[str]:
    """Return what `git fsck` complains about, sorted; an empty list for a clean repository.

    Dangling objects and notices are left out: they are legal.
    """
    flags = ["--full", "--no-dangling", "--no-progress", *(["--strict"] if strict else [])]
    done = run_git("fsck", *flags, cwd=repository)
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    found = sorted(line for line in lines if not line.startswith("notice:"))
    return found or ([f"git fsck: exit {done.returncode}"] if done.returncode else [])


def ls_remote(url: str | Path, *, head: bool = False) -> dict[str, str]:
    """Return ref name -> hex id as `git ls-remote` prints them; HEAD only if asked for.

    A repository on this disk is read by one program where `ls-remote` starts three; but a broken ref ends it,
    which `ls-remote` passes over.
    """
    if isinstance(url, Path):
        done = run_git("show-ref", "--dereference", *(["--head"] if head else []), cwd=url)
        if not done.stderr:
            listed = (line.split(" ") for line in done.stdout.decode("utf-8", "surrogateescape").splitlines())
            return {name: oid for oid, name in listed}
    refs = (line.split("\t") for line in git("ls-remote", url).splitlines())
    return {name: oid for oid, name in refs if head or name != "HEAD"}


def init_repository(path: Path, *, object_format: str = "sha1", bare: bool = True) -> Path:
    """Make an empty repository that takes pushes, and return its path."""
    options = ["--bare"] if bare else []

    def make(template: Path) -> None:
        git("init", "-q", *options, f"--object-format={object_format}", template)

    return copy_of(f"init {object_format} {bare}", make, path)


def write_hook(repository: Path, name: str, script: str) -> Path:
    """Give a bare repository a hook, and return its path."""
    path = repository / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def fast_import(path: Path, commands: Iterable[bytes]) -> None:
    """Feed `git fast-import` (its stream format: git-fast-import's manual)."""
    require("git")
    with subprocess.Popen(
        ["git", "fast-import", "--quiet", "--force"],
        cwd=path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=git_environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            for command in commands:
                process.stdin.write(command)
            process.stdin.close()
        except BrokenPipeError:
            pass  # what it died of is on its stderr
        words = process.stderr.read().decode(errors="replace")
    assert process.returncode == 0, words


def make_repository(
    path: Path, commands: Iterable[bytes], *, object_format: str = "sha1", repack: bool = False
) -> Path:
    """Make a bare repository from a fast-import stream; `repack` leaves one pack of git's own deltas."""

    def make(made: Path, stream: Iterable[bytes]) -> None:
        init_repository(made, object_format=object_format)
        fast_import(made, stream)
        if repack:
            git("repack", "-q", "-a", "-d", "-f", cwd=made)

    commands = iter(commands)
    begin = _begin_of(commands)
    if len(begin) > _TEMPLATE_STREAM_MAX:
        make(path, chain([begin], commands))
        return path
    key = f"make {object_format} {repack} {hashlib.sha256(begin).hexdigest()}"
    return copy_of(key, lambda made: make(made, [begin]), path)


def _begin_of(commands: Iterator[bytes]) -> bytes:
    """Take commands until they are more than a template is kept for, or all."""
    begin = bytearray()
    for command in commands:
        begin += command
        if len(begin) > _TEMPLATE_STREAM_MAX:
            break
    return bytes(begin)


def copy_of(key: str, make: Callable[[Path], object], path: Path) -> Path:
    """Copy to `path` what `make` makes for that key: most tests begin with what another has begun with.

    `make` is given the path of a folder that doesn't exist yet. It may keep no absolute path of a file there.
    """
    template = _templates() / hashlib.sha256(key.encode()).hexdigest()
    if not template.exists():
        make(template)
    shutil.copytree(template, path, dirs_exist_ok=True)
    return path


@cache
def _templates() -> Path:
    """Return this process's folder of templates, which goes when the process ends."""
    folder = tempfile.mkdtemp(prefix="packcore-templates-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def history(
    *,
    commits: int = 30,
    files: int = 12,
    seed: int = 1,
    branch: str = "refs/heads/main",
    start: str | None = None,
    tag: str | None = None,
) -> Iterator[bytes]:
    """Yield a fast-import stream of a small history: text files that grow and change, in folders.

    `start` continues from an existing commit (a revision of the repository); `tag` sets an annotated
    tag on the last commit.
    """
    chance = random.Random(seed)
    lines = {f"src/part{n % 4}/file{n}.txt": _text(chance, 60) for n in range(files)}
    for number in range(commits):
        name, body = chance.choice(sorted(lines.items()))
        body[chance.randrange(len(body))] = f"changed in {seed}.{number}: {chance.getrandbits(64):x}"
        changed = [name] if number else sorted(lines)
        message = f"Change {name} ({seed}.{number})\n".encode()
        yield f"commit {branch}\ncommitter {_COMMITTER} {_FIRST_SECOND + number} +0200\n".encode()
        yield b"data %d\n%s\n" % (len(message), message)
        if start is not None and number == 0:
            yield f"from {start}\n".encode()
        for path in changed:
            content = "\n".join(lines[path]).encode() + b"\n"
            yield f"M 100644 inline {path}\n".encode() + b"data %d\n%s\n" % (len(content), content)
    if tag is not None:
        yield f"tag {tag}\nfrom {branch}\ntagger {_COMMITTER} {_FIRST_SECOND} +0200\n".encode()
        yield b"data 8\nRelease\n\n"
    yield b"done\n"


def _text(chance: random.Random, lines: int) -> list[str]:
    return [f"line {n}: {chance.getrandbits(160):040x}" for n in range(lines)]
