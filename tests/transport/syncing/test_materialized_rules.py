"""What a materialized sync may do with a ref: fast-forward, force, prune, map, leave alone."""

from __future__ import annotations

import pytest

from tests.support import fast_import, fsck, git, history, ls_remote
from tests.transport.syncing.sides import Sides, commit, outcomes, random_dag
from transport.syncing import RefMapping
from transport.syncing.prune_limit import PruneLimit

ALL = {"all_refs": True}


# --- what may be done ---------------------------------------------------------------------------------


def test_a_diverged_branch_is_blocked_and_the_others_are_pushed(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.sync()
    theirs = commit(sides.target, "refs/heads/main", base, text="theirs")
    commit(sides.source, "refs/heads/main", base, text="ours")
    commit(sides.source, "refs/heads/dev", base)
    result = sides.sync()
    assert outcomes(result) == {"dev": "pushed", "main": "blocked"}
    assert ls_remote(sides.target)["refs/heads/main"] == theirs
    assert result.exit_code == 1
    assert fsck(sides.target) == []


def test_with_atomic_one_blocked_ref_holds_back_the_others(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.sync()
    commit(sides.target, "refs/heads/main", base, text="theirs")
    commit(sides.source, "refs/heads/main", base, text="ours")
    commit(sides.source, "refs/heads/dev", base)
    result = sides.sync(policy={"atomic": True})
    assert outcomes(result) == {"dev": "not-pushed", "main": "blocked"}
    assert "refs/heads/dev" not in ls_remote(sides.target)
    assert result.exit_code == 1


@pytest.mark.parametrize("force", ["force_with_lease", "force_blind"])
def test_force_overwrites_a_diverged_branch_and_moves_a_tag(sides, force):
    base = commit(sides.source, "refs/heads/main")
    git("tag", "v1", base, cwd=sides.source)
    sides.sync(scope={"tags": True})
    commit(sides.target, "refs/heads/main", base, text="theirs")
    tip = commit(sides.source, "refs/heads/main", base, text="ours")
    git("tag", "-f", "v1", tip, cwd=sides.source)
    assert outcomes(sides.sync(scope={"tags": True})) == {"main": "blocked", "v1": "blocked"}
    result = sides.sync(scope={"tags": True}, policy={force: True})
    assert outcomes(result) == {"main": "pushed", "v1": "pushed"}
    sides.check()


def test_a_target_that_is_ahead_is_blocked(sides):
    base = commit(sides.source, "refs/heads/main")
    commit(sides.source, "refs/heads/main", base)
    sides.sync()
    git("update-ref", "refs/heads/main", base, cwd=sides.source)
    assert outcomes(sides.sync()) == {"main": "blocked"}


def test_a_fast_forward_to_another_branchs_tip_is_one(sides):
    base = commit(sides.source, "refs/heads/main")
    tip = commit(sides.source, "refs/heads/dev", base)
    sides.sync()
    git("update-ref", "refs/heads/main", tip, cwd=sides.source)
    assert outcomes(sides.sync()) == {"dev": "up-to-date", "main": "pushed"}
    sides.check()


def test_pruning_deletes_what_the_source_no_longer_has(sides):
    tip = commit(sides.source, "refs/heads/main")
    sides.sync()
    for name in ("refs/heads/gone", "refs/tags/kept", "refs/notes/kept"):
        git("update-ref", name, tip, cwd=sides.target)
    result = sides.sync(policy={"prune": True})
    assert outcomes(result) == {"gone": "deleted", "main": "up-to-date"}
    assert (result.deleted, result.pushed, result.exit_code) == (1, 0, 0)
    assert result.pack is None
    assert set(ls_remote(sides.target)) == {"refs/heads/main", "refs/notes/kept", "refs/tags/kept"}
    sides.sync(scope=ALL, policy={"prune": True})
    sides.check()


def test_pruning_makes_room_for_a_branch_below_the_old_name(sides):
    tip = commit(sides.source, "refs/heads/topic")
    sides.sync()
    git("update-ref", "-d", "refs/heads/topic", cwd=sides.source)
    git("update-ref", "refs/heads/topic/new", tip, cwd=sides.source)
    assert outcomes(sides.sync()) == {"topic/new": "blocked"}
    assert sides.sync(policy={"prune": True, "prune_limit": PruneLimit(1)}).exit_code == 0
    sides.check()


def test_a_mapping_renames_on_the_way(sides):
    fast_import(sides.source, history(commits=3))
    commit(sides.source, "refs/heads/other")
    sides.sync(scope={"mappings": (RefMapping.parse("main:stable"),)})
    tip = git("rev-parse", "main", cwd=sides.source)
    assert ls_remote(sides.target) == {"refs/heads/stable": tip}
    assert fsck(sides.target) == []


def test_excluded_refs_are_left_alone_on_both_sides(sides):
    tip = commit(sides.source, "refs/heads/main")
    commit(sides.source, "refs/pull/1/head", tip)
    git("update-ref", "refs/heads/main", tip, cwd=sides.source)
    sides.sync()
    git("update-ref", "refs/pull/9/head", tip, cwd=sides.target)
    sides.sync(scope={**ALL, "exclude_ref_prefixes": ("refs/pull/",)}, policy={"prune": True})
    assert set(ls_remote(sides.target)) == {"refs/heads/main", "refs/pull/9/head"}


# --- against git's own judgement ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("filtering", [True, False])
def test_what_is_a_fast_forward_is_what_git_says(sides, seed, filtering):
    """Many branches, each at a random commit on either side of a merge-heavy history."""
    import random

    chance = random.Random(seed)
    ids = random_dag(sides.source, seed)
    random_dag(sides.target, seed)
    git("config", "uploadpack.allowFilter", str(filtering).lower(), cwd=sides.source)
    pairs = {f"refs/heads/b{n}": (chance.choice(ids), chance.choice(ids)) for n in range(8)}
    for name, (old, new) in pairs.items():
        git("update-ref", name, old, cwd=sides.target)
        git("update-ref", name, new, cwd=sides.source)
    git("prune", "--expire=now", cwd=sides.target)
    is_ancestor = {}
    for name, (old, new) in pairs.items():
        base = (
            git("merge-base", "--all", old, new, cwd=sides.source).split() if related(sides, old, new) else []
        )
        is_ancestor[name] = old in base
    result = sides.sync()
    for ref in result.refs:
        old, new = pairs[ref.planned.target_ref]
        expected = (
            "up-to-date" if old == new else "pushed" if is_ancestor[ref.planned.target_ref] else "blocked"
        )
        assert ref.outcome.value == expected, ref
    assert fsck(sides.target) == []
    sides.sync(policy={"force_with_lease": True})
    sides.check()


def related(sides: Sides, old: str, new: str) -> bool:
    from tests.support import run_git

    return run_git("merge-base", old, new, cwd=sides.source).returncode == 0
