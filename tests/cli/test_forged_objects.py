"""Every way into a repository refuses an object that is here with other bytes, and stores nothing."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest

from tests.support import git, git_bytes, history, init_repository, make_repository, remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(
        tmp_path_factory.mktemp("source") / "s.git", history(commits=4, files=2), repack=True
    )


@pytest.fixture
def target(source: Path, tmp_path: Path) -> Path:
    """Return an empty repository with a forged file in the place of one of the source's blobs."""
    path = init_repository(tmp_path / "t.git")
    oid = git("rev-parse", "main:src/part1/file1.txt", cwd=source)
    size = int(git("cat-file", "-s", oid, cwd=source))
    file = path / "objects" / oid[:2] / oid[2:]
    file.parent.mkdir()
    file.write_bytes(zlib.compress(b"blob %d\0" % size + b"!" * size))
    return path


def whole_pack(source: Path) -> bytes:
    return git_bytes("pack-objects", "--all", "--stdout", "-q", cwd=source)


WAYS: dict[str, Callable[[Callable[..., Result], Path, Path], Result]] = {
    "index-pack": lambda run, source, target: run(
        "index-pack", "--stdin", "--repo", target, stdin=whole_pack(source)
    ),
    "unpack-objects": lambda run, source, target: run("unpack-objects", target, stdin=whole_pack(source)),
    "fetch": lambda run, source, target: run("fetch", source, "--into", target),
    "sync": lambda run, source, target: run("sync", source, target),
    "sync --materialize": lambda run, source, target: run("sync", "--materialize", source, target),
    "push": lambda run, source, target: run("push", source, target),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_forged_object_refuses_the_pack_that_brings_the_true_one(packcore, source, target, way):
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    result = WAYS[way](packcore, source, target)
    assert result.exit_code in (1, 3), result.stderr
    assert "SHA1 COLLISION FOUND, or a forged object" in result.stderr + result.stdout
    after = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("way", WAYS)
def test_without_the_forged_object_the_same_is_taken(packcore, source, target, way):
    remove_tree(target / "objects")
    (target / "objects" / "pack").mkdir(parents=True)
    result = WAYS[way](packcore, source, target)
    assert result.exit_code == 0, result.stderr
