"""The target's default branch: HEAD follows the source's where it can, and a difference is told where not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import git, history, init_repository, make_repository
from transport.syncing import Policy, Scope, sync
from transport.syncing.request import RefMapping, SyncRequest


def head_of(path) -> str:
    return git("symbolic-ref", "HEAD", cwd=path)


class Said:
    """What a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, origin: str, text: str) -> None:
        self.lines.append(f"{origin}: {text}")

    def phase(self, name, *, unit, total=None):
        from packcore.progress import SILENT

        return SILENT.phase(name, unit=unit, total=total)


@pytest.fixture
def source(tmp_path):
    made = make_repository(tmp_path / "source.git", history(commits=2, branch="refs/heads/trunk"))
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=made)
    return made


@pytest.fixture
def target(tmp_path):
    return init_repository(tmp_path / "target.git")


def test_an_unborn_head_follows_without_a_word(source, target):
    said = Said()
    sync(str(source), str(target), progress=said)
    assert head_of(target) == "refs/heads/trunk"
    assert not any("default branch" in line for line in said.lines)


def test_a_head_that_was_another_branch_follows_and_it_is_told(source, target):
    sync(str(source), str(target))
    git("branch", "old", "trunk", cwd=target)
    git("symbolic-ref", "HEAD", "refs/heads/old", cwd=target)
    said = Said()
    sync(str(source), str(target), progress=said)
    assert head_of(target) == "refs/heads/trunk"
    assert "target: its default branch is trunk now, as the source's; it was old" in said.lines


def test_under_a_mapping_it_follows_to_the_new_name(source, target):
    mapping = RefMapping("refs/heads/trunk", "refs/heads/main")
    sync(str(source), str(target), scope=Scope(mappings=(mapping,)))
    assert head_of(target) == "refs/heads/main"


def test_a_branch_that_is_not_synced_is_not_followed(source, target):
    git("branch", "topic", "trunk", cwd=source)
    before = head_of(target)
    sync(str(source), str(target), scope=Scope(branches=("topic",)))
    assert head_of(target) == before


def test_a_dry_run_changes_nothing(source, target):
    before = head_of(target)
    sync(str(source), str(target), SyncRequest(dry_run=True))
    assert head_of(target) == before


def test_a_work_tree_keeps_its_head(source, tmp_path):
    tree = tmp_path / "tree"
    git("init", "-q", tree)
    before = head_of(tree)
    sync(str(source), str(tree))
    assert head_of(tree) == before


def test_a_detached_head_stays_detached(source, target):
    sync(str(source), str(target))
    tip = git("rev-parse", "trunk", cwd=target)
    git("update-ref", "--no-deref", "HEAD", tip, cwd=target)
    sync(str(source), str(target))
    assert (target / "HEAD").read_text().strip() == tip


def test_the_name_of_an_empty_sources_head_travels(tmp_path, target):
    empty = init_repository(tmp_path / "empty.git")
    git("symbolic-ref", "HEAD", "refs/heads/develop", cwd=empty)
    sync(str(empty), str(target), scope=Scope(allow_empty_source=True))
    assert head_of(target) == "refs/heads/develop"


def test_a_target_with_refs_keeps_its_head_where_the_source_is_empty(tmp_path, source, target):
    sync(str(source), str(target))
    empty = init_repository(tmp_path / "empty.git")
    git("symbolic-ref", "HEAD", "refs/heads/develop", cwd=empty)
    sync(str(empty), str(target), scope=Scope(allow_empty_source=True), policy=Policy())
    assert head_of(target) == "refs/heads/trunk"


def test_a_remote_of_another_default_branch_is_told_of_when_it_is_read_back(source, target):
    from transport.schemes import open_transport

    said = Said()

    class Remote:
        """The repository, as one that only its owner can change."""

        def __init__(self) -> None:
            self._inner = open_transport(str(target))

        def __getattr__(self, name: str) -> Any:
            if name == "default_branch":
                raise AttributeError(name)
            return getattr(self._inner, name)

    git("symbolic-ref", "HEAD", "refs/heads/other", cwd=target)
    make = history(commits=1, branch="refs/heads/other", seed=5)
    from tests.support import fast_import

    fast_import(target, make)
    remote: Any = Remote()
    sync(str(source), remote, SyncRequest(verify=True), progress=said)
    assert head_of(target) == "refs/heads/other"
    assert any("its default branch is other, the source's is trunk" in line for line in said.lines)
