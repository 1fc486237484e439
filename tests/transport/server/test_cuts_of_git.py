"""History cut by date, by refs and relative to an earlier cut; refs wanted by name. C git is the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import fast_import, fsck, git, git_environment, history, make_repository, run_git
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSIONS = pytest.mark.parametrize("number", [0, 2])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_repository(tmp_path_factory.mktemp("served") / "x.git", history(tag="v1"))
    fast_import(made, history(seed=4, commits=5, branch="refs/heads/side", start="main~10^0"))
    merged = git("merge-tree", "--write-tree", "--allow-unrelated-histories", "main", "main", cwd=made)
    late = git_environment({"GIT_COMMITTER_DATE": "1112999999 +0000"})
    words = ("commit-tree", "-p", "main", "-p", "side", "-m", "merge", merged.split()[0])
    tip = git(*words, cwd=made, environment=late)
    git("update-ref", "refs/heads/merged", tip, cwd=made)
    git("tag", "old", "main~12", cwd=made)
    return made


@pytest.fixture(scope="module")
def url(source: Path) -> Iterator[str]:
    with serving(source.parent) as server:
        yield f"{server.url}/x.git"


def clone(url: str | Path, target: Path, number: int, *options: str) -> Path:
    git("-c", f"protocol.version={number}", "clone", "-q", "--bare", *options, url, target)
    return target


def commits(repository: Path, *revisions: str) -> set[str]:
    return set(git("rev-list", *revisions, cwd=repository).split())


@VERSIONS
@pytest.mark.parametrize(
    "option", ["--shallow-since={}", "--shallow-exclude=old", "--shallow-exclude=refs/heads/side"]
)
def test_a_clone_cut_by_date_or_by_a_ref_is_the_one_that_gits_server_gives(
    url: str, source: Path, tmp_path: Path, number: int, option: str
) -> None:
    date = git("log", "-1", "--format=%ct", "main~6", cwd=source)
    options = (option.format(date), "--single-branch", "--branch=merged")
    ours = clone(url, tmp_path / "ours.git", number, *options)
    theirs = clone(f"file://{source}", tmp_path / "theirs.git", number, *options)
    assert commits(ours, "merged") == commits(theirs, "merged")
    assert fsck(ours) == []


@VERSIONS
def test_a_clone_is_deepened_from_where_it_was_cut(url: str, tmp_path: Path, number: int) -> None:
    made = clone(url, tmp_path / "clone.git", number, "--depth=2", "--single-branch", "--branch=main")
    for count in (5, 8):
        git("-c", f"protocol.version={number}", "fetch", "-q", "--deepen=3", url, "main:main", cwd=made)
        assert len(commits(made, "main")) == count
    git("-c", f"protocol.version={number}", "fetch", "-q", "--deepen=1000", url, "main:main", cwd=made)
    assert len(commits(made, "main")) == 30
    assert fsck(made) == []


@VERSIONS
def test_a_cut_that_leaves_nothing_is_refused_in_gits_words(url: str, tmp_path: Path, number: int) -> None:
    version = ("-c", f"protocol.version={number}")
    done = run_git(*version, "clone", "-q", "--bare", "--shallow-since=2100-01-01", url, tmp_path / "x.git")
    assert b"no commits selected for shallow requests" in done.stderr
    done = run_git(*version, "clone", "-q", "--bare", "--shallow-exclude=nothing", url, tmp_path / "y.git")
    assert b"deepen-not is not a ref" in done.stderr


def test_refs_are_wanted_by_name_where_the_repository_allows_it(
    url: str, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target.git"
    git("init", "-q", "--bare", target)
    packets = git_environment({"GIT_TRACE_PACKET": "1"})
    git("config", "uploadpack.allowRefInWant", "true", cwd=source)
    try:
        done = run_git("fetch", url, "refs/heads/main:refs/heads/got", cwd=target, environment=packets)
    finally:
        git("config", "--unset", "uploadpack.allowRefInWant", cwd=source)
    assert done.returncode == 0
    assert b"want-ref refs/heads/main" in done.stderr
    assert b"wanted-refs" in done.stderr
    assert len(commits(target, "got")) == 30
