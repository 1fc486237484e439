"""`cat-file --batch` and its kin: every answer is git's, and comes before the next question."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.batch_format import DEFAULT_FORMAT, BatchFormat
from cli.cat_file_batch import Batch
from packcore.store.repository import Repository
from tests.cli.beside_git import run_both
from tests.support import ROOT, git, git_bytes, git_environment, init_repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result
    from typing_extensions import Buffer


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    """A tree of symbolic links of every kind; `main` is its commit, `v1` a tag of that."""
    path = init_repository(tmp_path_factory.mktemp("links") / "r.git")
    blob = git("hash-object", "-w", "--stdin", cwd=path, stdin=b"words\n")
    inner = git("mktree", cwd=path, stdin=f"100644 blob {blob}\ta\n".encode())
    links = {
        "absolute": b"/etc/x",
        "back": b"sub/../sub//a",
        "chain": b"link",
        "folder": b"sub",
        "link": b"sub/a",
        "lost": b"nothing",
        "out": b"../x/y",
        "round": b"round",
        "top": b"sub/..",
    }
    lines = [f"040000 tree {inner}\tsub", f"100644 blob {blob}\tplain"]
    for name, target in links.items():
        oid = git("hash-object", "-w", "--stdin", cwd=path, stdin=target)
        lines.append(f"120000 blob {oid}\t{name}")
    tree = git("mktree", cwd=path, stdin="\n".join(lines).encode() + b"\n")
    git("update-ref", "refs/heads/main", git("commit-tree", tree, "-m", "x", cwd=path), cwd=path)
    git("tag", "-a", "-m", "t", "v1", "main", cwd=path)
    return path


def both(
    packcore: Callable[..., Result], repository: Path, *arguments: str, stdin: bytes = b""
) -> tuple[bytes, bytes]:
    """Return what git and we print, after comparing whether both succeed."""
    ours, theirs = run_both(packcore, repository, "cat-file", *arguments, stdin=stdin)
    return ours.stdout_bytes, theirs


NAMES = b"main\nv1\nmain:src/part0/file0.txt\n\nnothing\nmain~99\n%s\nmain:src\r\nmain^{tree}" % (b"1" * 40)

FORMATS = [
    "",
    "=",
    "=%(objectname)",
    "=%(objecttype) %(objectsize) %(objectsize:disk)",
    "=%(deltabase)%%%(objectname)%",
    "=%(rest)|%(objecttype)",
    "=%n%x41%(objectsize)",
]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("option", ["--batch", "--batch-check"])
def test_each_name_is_answered_as_by_git(packcore, repository, option, form):
    ours, theirs = both(packcore, repository, option + form, stdin=NAMES)
    assert ours == theirs


def test_what_follows_a_name_is_passed_on_if_the_format_asks_for_it(packcore, repository):
    names = b"main  a b \nv1\tc\nnothing d\nmain\n"
    ours, theirs = both(packcore, repository, "--batch-check=%(objectname) %(rest)", stdin=names)
    assert ours == theirs


@pytest.mark.parametrize("option", ["--batch", "--batch-check", "--batch-command"])
@pytest.mark.parametrize("form", ["", "=%(objectname) %(objectsize:disk) %(deltabase)"])
def test_all_objects_come_in_the_order_of_ids(packcore, repository, option, form):
    ours, theirs = both(packcore, repository, "--batch-all-objects", option + form)
    assert ours == theirs
    assert ours


def test_unordered_objects_are_the_same_ones_each_once(packcore, repository):
    ours, theirs = both(packcore, repository, "--batch-all-objects", "--unordered", "--batch-check")
    assert sorted(ours.splitlines()) == sorted(theirs.splitlines())


def test_a_damaged_pack_among_all_objects_is_named(packcore, tmp_path):
    path = init_repository(tmp_path / "r.git")
    git("hash-object", "-w", "--stdin", cwd=path, stdin=b"kept")
    (path / "objects/pack/pack-x.pack").write_bytes(b"no pack")
    (path / "objects/pack/pack-x.idx").write_bytes(b"no index")
    done = packcore("cat-file", path, "--batch-all-objects", "--batch-check")
    assert done.stdout.endswith(" blob 4\n")
    assert done.exit_code == 3
    assert "pack-x" in done.stderr


COMMANDS = [
    b"info main\ncontents v1\ninfo nothing\n",
    b"info main rest\n",
    b"contents main:src/part0/file0.txt",
    b"",
]
WRONG_COMMANDS = [
    b"flush\n",
    b"info main\nwhatever\n",
    b"\n",
    b" info main\n",
    b"info\n",
    b"contents\n",
    b"flush now\n",
]


@pytest.mark.parametrize("commands", COMMANDS)
def test_commands_are_followed_as_by_git(packcore, repository, commands):
    ours, theirs = both(packcore, repository, "--batch-command", stdin=commands)
    assert ours == theirs


@pytest.mark.parametrize("commands", WRONG_COMMANDS)
def test_a_wrong_command_ends_the_run_after_the_answers_before_it(packcore, repository, commands):
    ours, theirs = both(packcore, repository, "--batch-command", stdin=commands)
    assert ours == theirs


@pytest.mark.parametrize("commands", COMMANDS)
def test_buffered_answers_are_the_same(packcore, repository, commands):
    stdin = commands.rstrip(b"\n") + b"\nflush\ninfo v1\n" if commands else b""
    ours, theirs = both(packcore, repository, "--batch-command", "--buffer", stdin=stdin)
    assert ours == theirs


def test_names_may_end_with_a_nul(packcore, repository):
    ours, theirs = both(packcore, repository, "--batch-check", "-z", stdin=b"main\0main:a\nb\0v1")
    assert ours == theirs


def test_with_capital_z_the_lines_of_answers_end_with_a_nul_too(packcore, repository):
    """git has this since 2.42: git-cat-file, -Z."""
    blob = git("rev-parse", "main:src/part0/file0.txt", cwd=repository).encode()
    data = git_bytes("cat-file", "blob", blob.decode(), cwd=repository)
    done = packcore("cat-file", repository, "--batch", "-Z", stdin=b"main:src/part0/file0.txt\0a\nb\0")
    assert done.stdout_bytes == b"%s blob %d\0%s\0a\nb missing\0" % (blob, len(data), data)


@pytest.mark.parametrize(
    "path",
    [
        "absolute",
        "back",
        "chain",
        "folder",
        "folder/a",
        "folder/b",
        "link",
        "link/x",
        "lost",
        "lost/x",
        "nothing",
        "nothing/x",
        "out",
        "out/z",
        "plain",
        "plain/",
        "plain/x",
        "round",
        "round/x",
        "sub/",
        "sub/..",
        "sub/../..",
        "..",
        "top",
        "top/plain",
        "",
    ],
)
@pytest.mark.parametrize("start", ["main", "v1", "main^{tree}", "nothing"])
def test_symbolic_links_are_followed_as_by_git(packcore, linked, start, path):
    name = f"{start}:{path}\n".encode()
    ours, theirs = both(packcore, linked, "--batch-check", "--follow-symlinks", stdin=name)
    assert ours == theirs


def test_an_ambiguous_short_id_is_called_so(packcore, tmp_path):
    path = init_repository(tmp_path / "r.git")
    by_prefix: dict[str, list[str]] = {}
    for number in range(2000):
        oid = git_hash(b"%d" % number)
        by_prefix.setdefault(oid[:4], []).append(str(number))
    prefix, texts = next((prefix, texts) for prefix, texts in by_prefix.items() if len(texts) > 1)
    for text in texts:
        git("hash-object", "-w", "--stdin", cwd=path, stdin=text.encode())
    ours, theirs = both(packcore, path, "--batch-check", stdin=prefix.encode() + b"\n")
    assert ours == theirs == prefix.encode() + b" ambiguous\n"


def git_hash(data: bytes) -> str:
    from packcore.ids import SHA1

    return SHA1.hash_object(b"blob", data).hex()


@pytest.mark.parametrize(
    "arguments",
    [
        ("-e", "main"),
        ("-e", "1" * 40),
        ("-e", "nothing"),
        ("commit", "v1"),
        ("tree", "v1"),
        ("tree", "main"),
        ("tag", "v1"),
        ("blob", "main:src/part0/file0.txt"),
        ("blob", "main"),
        ("tag", "main"),
        ("nonsense", "main"),
        ("--batch", "--batch-check"),
        ("--batch", "main"),
        ("--batch", "-t"),
        ("-z", "main"),
        ("--unordered", "main"),
        ("--batch-check=%(nonsense)",),
        ("--batch-check=%(objectname",),
        ("commit",),
        (),
    ],
    ids=" ".join,
)
def test_a_call_succeeds_where_gits_does_and_prints_the_same(packcore, repository, arguments):
    ours, theirs = both(packcore, repository, *arguments)
    assert ours == theirs


def test_a_program_gets_each_answer_before_it_asks_again(linked):
    done = subprocess.Popen(
        [sys.executable, "-m", "cli", "cat-file", str(linked), "--batch-check=%(objecttype)"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=git_environment(None),
    )
    assert done.stdin is not None
    assert done.stdout is not None
    with done:
        for name, type_ in ((b"main", b"commit"), (b"main:sub", b"tree"), (b"x", b"x missing")):
            done.stdin.write(name + b"\n")
            done.stdin.flush()
            assert done.stdout.readline() == type_ + b"\n"
        done.stdin.close()
    assert done.returncode == 0


class Recorded(io.BytesIO):
    """A stream that remembers how much was written at once, and how often it was flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[int] = []
        self.flushes = 0

    def write(self, data: Buffer, /) -> int:
        self.writes.append(len(bytes(data)))
        return self.writes[-1]

    def flush(self) -> None:
        self.flushes += 1


def test_a_large_object_passes_in_blocks(tmp_path):
    path = init_repository(tmp_path / "r.git")
    git("config", "core.bigFileThreshold", "1m", cwd=path)
    oid = git("hash-object", "-w", "--stdin", cwd=path, stdin=os.urandom(8 << 20))
    recorded = Recorded()
    with Repository.open(path) as repository:
        Batch(repository, recorded, BatchFormat.parse(DEFAULT_FORMAT)).answer_names(
            [oid.encode()], contents=True
        )
    assert sum(recorded.writes) == len(oid) + len(" blob 8388608\n") + (8 << 20) + 1
    assert max(recorded.writes) <= 1 << 16
    assert recorded.flushes == 1


def test_a_damaged_object_is_no_missing_one(packcore, tmp_path):
    path = init_repository(tmp_path / "r.git")
    oid = git("hash-object", "-w", "--stdin", cwd=path, stdin=b"data")
    file = path / "objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(b"rubbish")
    done = packcore("cat-file", path, "--batch-check", stdin=oid.encode() + b"\n")
    assert (done.exit_code, done.stdout) == (3, "")
    assert oid in done.stderr
