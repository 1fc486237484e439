"""A tree with the names of one that was in order is checked by its ids alone, and nothing is missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.checks import content
from packcore.checks.fsck import check_repository
from packcore.checks.known_heads import KnownHeads
from packcore.checks.marks import READ, USED
from packcore.ids import SHA1, SHA256, ObjectFormat
from packcore.objects import ObjectType
from packcore.store.repository import Repository
from tests.support import fast_import, git, init_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = ObjectType.BLOB | USED | READ
FOLDER = ObjectType.TREE | USED | READ


def tree_of(*heads: bytes, object_format: ObjectFormat = SHA1, first: int = 1) -> bytes:
    size = object_format.digest_size
    return b"".join(head + b"\0" + bytes([first + at]) * size for at, head in enumerate(heads))


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_of_a_tree_of_known_heads_only_the_links_that_the_last_one_had_not_are_told(
    object_format: ObjectFormat,
):
    heads = (b"100644 a", b"40000 b", b"160000 c")
    known = KnownHeads(object_format)
    size = object_format.digest_size
    one = known.split(tree_of(*heads, object_format=object_format))
    assert one is not None
    assert known.new_links(one) is None
    known.add(one)
    assert known.new_links(one) == []
    other = known.split(tree_of(*heads, object_format=object_format, first=7))
    assert other is not None
    assert known.new_links(other) == [
        (bytes([first]) * size, final) for first, final in zip((7, 8, 9), (FILE, FOLDER, None), strict=True)
    ]
    known.add(other)
    assert known.new_links(other) == []


@pytest.mark.parametrize(
    "data",
    [
        tree_of(b"100644 a", b"40000 b")[:-1],
        tree_of(b"100644 a", b"40000 b")[:-20],
        tree_of(b"100644 a", b"40000 b") + b"100644 c",
        tree_of(b"100644 a", b"40000 b", first=0),
        tree_of(*[b"100644 %05d" % number for number in range(200)]),
    ],
    ids=["cut", "without its last id", "with a head too many", "with a zero id", "large"],
)
def test_what_needs_a_closer_look_is_not_split(data: bytes):
    assert KnownHeads(SHA1).split(data) is None


def test_names_that_git_reads_are_never_known():
    known = KnownHeads(SHA1)
    tree = known.split(tree_of(b"100644 .gitmodules", b"100644 a"))
    assert tree is not None
    known.add(tree)
    assert known.new_links(tree) is None


def test_the_memory_for_heads_is_bounded():
    known = KnownHeads(SHA1)
    for number in range(20_000):
        tree = known.split(tree_of(b"100644 %05d" % number, b"100644 b" * 60))
        assert tree is not None
        known.add(tree)
    assert len(known._last_ids) < 10_000


@pytest.mark.parametrize("commits", [20, 80])
def test_fsck_parses_the_names_of_a_folder_once_however_often_its_files_change(
    commits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def stream() -> Iterator[bytes]:
        for number in range(commits):
            yield b"commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 0\n" % (10**9 + number)
            for file in range(30):
                yield b"M 100644 inline file%d\ndata 8\n%3d %4d\n" % (file, number, file)

    path = init_repository(tmp_path / "a.git")
    fast_import(path, stream())
    git("-c", "pack.threads=1", "repack", "-adfq", cwd=path)
    parsed: list[int] = []
    for name in ("tree_rows", "new_entries"):
        monkeypatch.setattr(content, name, _counting(getattr(content, name), parsed))
    with Repository.open(path) as repository:
        assert not any(found.is_error for found in check_repository(repository))
    assert len(parsed) == 1


def _counting(function, calls: list[int]):
    def counted(*given):
        calls.append(1)
        return function(*given)

    return counted


def test_two_gitmodules_under_one_name_are_both_checked(tmp_path: Path):
    path = init_repository(tmp_path / "a.git")
    bad = b'[submodule "a"]\n\turl = -u./payload\n\tpath = a\n'

    def stream() -> Iterator[bytes]:
        for number in range(4):
            text = b"[core]\n" if number < 3 else bad
            yield b"commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 0\n" % (10**9 + number)
            yield b"M 100644 inline .gitmodules\ndata %d\n%s\n" % (len(text), text)
            yield b"M 100644 inline other\ndata 2\n%2d\n" % number

    fast_import(path, stream())
    with Repository.open(path) as repository:
        assert ["gitmodulesUrl" in found.text for found in check_repository(repository)] == [True]
