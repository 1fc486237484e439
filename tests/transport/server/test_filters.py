"""Filters of partial clones: what they leave out, held against git, and which of them a repository allows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from packcore.errors import InvalidFilter
from packcore.sparse_patterns import SparsePatterns
from tests.support import git, init_repository, run_git
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "a.c": "top",
    "b.bin": "bin",
    "src/a.c": "source",
    "src/b.bin": "inner bin",
    "src/lib/deep/x.c": "deep",
    "doc/lib/y[1].txt": "odd",
    "copies/same": "deep",
}
PATTERNS = [
    "/*",
    "/*\n!/*/\n",
    "/src/\n",
    "*.c\n",
    "/src\n!*.bin\n",
    "lib/\n!deep\n",
    "src/**/x.c\n",
    "**/lib\n!y*\n",
    "src/**\n!/src/*.c\n",
    "[ab].?\n",
    "y\\[1\\].txt\n",
    "y[[]1].txt\n",
    "# nothing\n\n",
    "[!a].bin\n/doc/*/y*  \n",
]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Return a repository with a few folders, and one of its files at two places."""
    work = init_repository(tmp_path_factory.mktemp("filters") / "work", bare=False)
    for name, text in FILES.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    (work / "sparse").write_text("/src/\n")
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", "1", cwd=work)
    git("mv", "src/a.c", "doc/moved.c", cwd=work)
    git("commit", "-q", "-m", "2", cwd=work)
    path: Path = work.parent / "served" / "x.git"
    git("clone", "-q", "--bare", work, path)
    for key, value in (("uploadpack.allowFilter", "true"), ("uploadpack.allowAnySHA1InWant", "true")):
        git("config", key, value, cwd=path)
    return path


@pytest.fixture(scope="module")
def url(source) -> Iterator[str]:
    with serving(source.parent) as server:
        yield f"{server.url}/x.git"


def missing(source: str, path: Path, spec: str) -> set[str]:
    """Return what a clone lacks."""
    git("clone", "-q", "--bare", f"--filter={spec}", source, path)
    listed = git("rev-list", "--objects", "--all", "--missing=print", "--no-object-names", cwd=path)
    return {line for line in listed.split() if line.startswith("?")}


@pytest.mark.parametrize("patterns", PATTERNS)
def test_sparse_patterns_leave_out_what_git_leaves_out(source, url, tmp_path, patterns):
    oid = git("hash-object", "-w", "--stdin", cwd=source, stdin=patterns.encode())
    ours = missing(url, tmp_path / "ours.git", f"sparse:oid={oid}")
    assert ours == missing(f"file://{source}", tmp_path / "git.git", f"sparse:oid={oid}")


@pytest.mark.parametrize("name", ["main:sparse", "HEAD:sparse", "refs/heads/main:sparse"])
def test_the_patterns_are_found_by_a_refs_name(source, url, tmp_path, name):
    ours = missing(url, tmp_path / "ours.git", f"sparse:oid={name}")
    assert ours == missing(f"file://{source}", tmp_path / "git.git", f"sparse:oid={name}")
    assert ours


@pytest.mark.parametrize("name", ["main:nowhere", "main:src", "main~1:sparse", "secret:sparse"])
def test_patterns_that_can_not_be_had_are_refused(source, url, tmp_path, name):
    done = run_git("clone", "-q", "--bare", f"--filter=sparse:oid={name}", url, tmp_path / "x.git")
    assert done.returncode != 0
    assert b"unable to access sparse blob" in done.stderr


@pytest.mark.parametrize("depth", range(6))
def test_a_depth_leaves_out_what_git_leaves_out(source, url, tmp_path, depth):
    ours = missing(url, tmp_path / "ours.git", f"tree:{depth}")
    assert ours == missing(f"file://{source}", tmp_path / "git.git", f"tree:{depth}")


def test_patterns_made_to_take_long_take_no_time():
    patterns = SparsePatterns.parse(
        b"*a" * 50 + b"b\n" + b"**/" * 50 + b"c\n" + b"/".join([b"**", b"x"] * 40)
    )
    began = time.process_time()
    assert patterns.verdict([b"a" * 4000], is_folder=False) is None
    assert patterns.verdict([b"x"] * 200, is_folder=False) is True
    assert patterns.verdict([b"x"] * 200 + [b"y"], is_folder=False) is None
    assert time.process_time() - began < 5


def test_too_many_patterns_are_refused():
    with pytest.raises(InvalidFilter, match="more than 1000"):
        SparsePatterns.parse(b"x\n" * 1001)


RULES = [
    (["allow=false"], "blob:none", "filter 'blob:none' not supported"),
    (["blob:none.allow=false"], "blob:none", "filter 'blob:none' not supported"),
    (["blob:none.allow=false"], "combine:tree:1+blob:none", "filter 'blob:none' not supported"),
    (["combine.allow=false"], "combine:tree:1+blob:none", "filter 'combine' not supported"),
    (["blob:none.allow=false"], "tree:0", None),
    (["allow=false", "blob:none.allow=true"], "blob:none", None),
    (["allow=false", "tree.maxDepth=1"], "tree:1", None),
    (["tree.maxDepth=1"], "tree:2", "tree filter allows max depth 1, but got 2"),
    (["tree.maxDepth=1", "tree.allow=false"], "tree:1", "filter 'tree' not supported"),
]


@pytest.mark.parametrize(("settings", "spec", "words"), RULES)
def test_a_repository_allows_filters_as_git_does(source, url, tmp_path, settings, spec, words):
    options = [f"uploadpackfilter.{setting}" for setting in settings]
    try:
        for option in options:
            git("config", *option.split("="), cwd=source)
        for number, remote in enumerate((url, f"file://{source}")):
            done = run_git("clone", "-q", "--bare", f"--filter={spec}", remote, tmp_path / f"{number}.git")
            assert (done.returncode == 0) == (words is None), (remote, done.stderr)
            assert words is None or words.encode() in done.stderr
    finally:
        for option in options:
            git("config", "--unset-all", option.partition("=")[0], cwd=source)


@pytest.mark.parametrize("version", [0, 2])
def test_where_filters_are_not_allowed_none_is_offered(source, url, tmp_path, version):
    words = ("-c", f"protocol.version={version}", "clone", "-q", "--bare", "--filter=blob:none")
    git("config", "uploadpack.allowFilter", "false", cwd=source)
    try:
        done = run_git(*words, url, tmp_path / "x.git")
    finally:
        git("config", "uploadpack.allowFilter", "true", cwd=source)
    assert b"filtering not recognized by server" in done.stderr


def test_wants_by_name_are_not_offered_by_default(url, tmp_path):
    environment = {"GIT_TRACE_PACKET": "1"}
    done = run_git("clone", "-q", "--bare", url, tmp_path / "x.git", environment=environment)
    assert b"clone< fetch=shallow wait-for-done filter find-damage" in done.stderr
