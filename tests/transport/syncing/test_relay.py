"""The relay between two real repositories, served by C git: what travels, what never moves, what is asked."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.git_transport import GitTransport
from tests.support import fast_import, fsck, git, history, ls_remote, run_git
from tests.transport.syncing.sides import Heard, Sides, commit, outcomes, random_dag
from transport.base import Body
from transport.errors import UnsupportedByRemote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.base import Service
    from transport.wire.headway import Headway

pytestmark = pytest.mark.e2e

ALL = {"all_refs": True}


@pytest.fixture
def sides(either_sides: Sides) -> Sides:
    return either_sides


# --- what travels -------------------------------------------------------------------------------------


def test_an_empty_target_gets_the_sources_pack(any_sides):
    fast_import(any_sides.source, history(commits=20, tag="v1"))
    result = any_sides.carry_out(scope=ALL)
    any_sides.check()
    assert (result.relay, result.relay_mode) == (True, "bootstrap")
    assert result.relay_reason == "empty-target-managed-refs"
    assert result.pack is not None
    assert result.pack.objects == len(
        git("rev-list", "--objects", "--all", cwd=any_sides.source).splitlines()
    )
    assert (result.pack.strategy, result.pack.reused) == ("relay", result.pack.objects)


def test_fast_forwards_creates_and_new_tags_are_relayed_together(sides):
    fast_import(sides.source, history(commits=20))
    sides.carry_out()
    old = git("rev-parse", "main", cwd=sides.source)
    fast_import(sides.source, history(commits=3, seed=2, start="refs/heads/main^0", tag="v1"))
    commit(sides.source, "refs/heads/dev", old)
    git("update-ref", "refs/notes/x", old, cwd=sides.source)
    result = sides.carry_out(scope=ALL)
    sides.check()
    assert (result.relay_mode, result.relay_reason) == ("incremental", "fast-forward-branch-or-tag-create")
    assert set(outcomes(result).values()) == {"pushed"}
    missing = git("rev-list", "--objects", "--all", "--not", old, cwd=sides.source).splitlines()
    assert result.pack is not None
    assert result.pack.objects == len(missing)


@pytest.mark.parametrize("protocol", ["v0", "v1", "v2"])
def test_every_protocol_of_the_source_will_do(sides, protocol):
    fast_import(sides.source, history(commits=5, tag="v1"))
    assert sides.carry_out(scope=ALL, protocol=protocol).relay_mode == "bootstrap"
    commit(sides.source, "refs/heads/main", git("rev-parse", "main", cwd=sides.source))
    assert sides.carry_out(scope=ALL, protocol=protocol).relay_mode == "incremental"
    sides.check()


def test_a_branch_at_a_commit_that_the_target_has_needs_no_pack(sides):
    tip = commit(sides.source, "refs/heads/main")
    sides.carry_out()
    git("update-ref", "refs/heads/copy", tip, cwd=sides.source)
    source = GitTransport(sides.source)
    assert outcomes(sides.carry_out(source=source)) == {"copy": "pushed", "main": "up-to-date"}
    assert len(source.requests) == 2
    sides.check()


def test_nothing_to_do_is_told_without_a_way(sides):
    commit(sides.source, "refs/heads/main")
    sides.carry_out()
    result = sides.carry_out()
    assert (result.relay, result.relay_mode, result.relay_reason, result.explanation) == (False, "", "", "")


def test_a_shallow_target_gets_whole_histories(sides, tmp_path):
    old = commit(sides.source, "refs/heads/main")
    tip = commit(sides.source, "refs/heads/main", old)
    git("clone", "-q", "--bare", "--depth=1", f"file://{sides.source}", tmp_path / "shallow.git")
    commit(sides.source, "refs/heads/main", tip)
    result = sides.carry_out(target=GitTransport(tmp_path / "shallow.git"))
    assert outcomes(result) == {"main": "pushed"}
    assert fsck(tmp_path / "shallow.git") == []


@pytest.mark.parametrize("protocol", ["v0", "v2"])
def test_a_shallow_source_is_materialized_and_says_why(sides, tmp_path, protocol):
    base = commit(sides.source, "refs/heads/main")
    commit(sides.source, "refs/heads/main", base)
    git("clone", "-q", "--bare", "--depth=1", f"file://{sides.source}", tmp_path / "shallow.git")
    git("config", "receive.shallowUpdate", "true", cwd=sides.target)
    shallow = GitTransport(tmp_path / "shallow.git")
    result = sides.carry_out(source=shallow, protocol=protocol)
    assert (result.relay, result.relay_reason) == (False, "source-is-shallow")
    assert outcomes(result) == {"main": "pushed"}
    assert fsck(sides.target) == []
    commit(sides.target, "refs/heads/main", text="other")
    with pytest.raises(UnsupportedByRemote, match="shallow"):
        sides.carry_out(source=shallow, protocol=protocol, mode="replicate")


class WithoutOfsDelta(GitTransport):
    """A target that can't read deltas by offset."""

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        with super().advertise(service, version=version, headway=headway) as blocks:
            yield iter([b"".join(blocks).replace(b" ofs-delta", b" ofs-DELTA")])

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        self.pushed = b"".join(body.blocks())
        with super().request(service, Body.of(self.pushed), version=version, headway=headway) as blocks:
            yield blocks


@pytest.mark.parametrize("known", [False, True])
def test_a_target_without_ofs_deltas_gets_none(sides, known):
    fast_import(sides.source, history(commits=20))
    git("repack", "-adfq", cwd=sides.source)
    if known:
        sides.carry_out(scope={"branches": ("main",)})
        fast_import(sides.source, history(commits=10, seed=2, start="refs/heads/main^0"))
        git("repack", "-adfq", cwd=sides.source)
    target = WithoutOfsDelta(sides.target)
    result = sides.carry_out(target=target)
    sides.check()
    assert result.relay
    pack = target.pushed[target.pushed.index(b"PACK") :]
    assert 6 not in types_in(pack)
    assert 7 in types_in(pack)


def types_in(pack: bytes) -> set[int]:
    from packcore.ids import SHA1
    from packcore.pack.reader import PackReader

    return {item.type_code for item in PackReader(iter([pack]), object_format=SHA1)}


# --- what never moves ---------------------------------------------------------------------------------


def test_a_diverged_branch_is_blocked_and_told_before_the_others_are_relayed(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.carry_out()
    theirs = commit(sides.target, "refs/heads/main", base, text="theirs")
    ours = commit(sides.source, "refs/heads/main", base, text="ours")
    commit(sides.source, "refs/heads/dev", base)
    told: list[str] = []
    heard = Heard(told)

    def note(kind: str, service: str) -> None:
        told.append(f"{kind} {service}")

    result = sides.carry_out(target=GitTransport(sides.target, before=note), progress=heard)
    assert outcomes(result) == {"dev": "pushed", "main": "blocked"}
    assert ls_remote(sides.target)["refs/heads/main"] == theirs
    assert result.exit_code == 1
    blocked = next(number for number, line in enumerate(told) if line.startswith("blocked refs/heads/main"))
    assert blocked < told.index("request git-receive-pack")
    # What only the blocked ref needs doesn't travel.
    assert run_git("cat-file", "-e", ours, cwd=sides.target).returncode != 0


def test_with_atomic_one_blocked_ref_holds_back_the_others(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.carry_out()
    commit(sides.target, "refs/heads/main", base, text="theirs")
    commit(sides.source, "refs/heads/main", base, text="ours")
    commit(sides.source, "refs/heads/dev", base)
    result = sides.carry_out(policy={"atomic": True})
    assert outcomes(result) == {"dev": "not-pushed", "main": "blocked"}
    assert "refs/heads/dev" not in ls_remote(sides.target)


@pytest.mark.parametrize("seed", range(6))
def test_only_fast_forwards_ever_move_a_branch(sides, seed):
    ids = random_dag(sides.source, seed)
    random_dag(sides.target, seed)
    chance = random.Random(seed)
    expected = {}
    for number in range(6):
        old, new = chance.choice(ids), chance.choice(ids)
        git("update-ref", f"refs/heads/b{number}", new, cwd=sides.source)
        git("update-ref", f"refs/heads/b{number}", old, cwd=sides.target)
        ancestor = run_git("merge-base", "--is-ancestor", old, new, cwd=sides.source).returncode == 0
        expected[f"b{number}"] = "up-to-date" if old == new else "pushed" if ancestor else "blocked"
    result = sides.carry_out()
    assert outcomes(result) == expected
    assert fsck(sides.target) == []


def test_somebody_elses_push_during_the_relay_is_not_overwritten(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.carry_out()
    commit(sides.source, "refs/heads/main", base, text="ours")
    theirs: list[str] = []

    def push_first(kind: str, service: str) -> None:
        if kind == "request" and not theirs:
            theirs.append(commit(sides.target, "refs/heads/main", base, text="theirs"))

    result = sides.carry_out(target=GitTransport(sides.target, before=push_first))
    assert outcomes(result) == {"main": "moved"}
    assert ls_remote(sides.target)["refs/heads/main"] == theirs[0]


# --- replicate and bootstrap --------------------------------------------------------------------------


def test_replicate_makes_the_target_what_the_source_is(sides):
    fast_import(sides.source, history(commits=5, tag="v1"))
    base = git("rev-parse", "main", cwd=sides.source)
    sides.carry_out(scope=ALL)
    commit(sides.target, "refs/heads/main", base, text="theirs")
    commit(sides.target, "refs/heads/gone")
    tip = commit(sides.source, "refs/heads/main", text="another root")
    git("tag", "-f", "v1", tip, cwd=sides.source)
    git("update-ref", "refs/notes/x", tip, cwd=sides.source)
    result = sides.carry_out(scope=ALL, policy={"prune": True}, mode="replicate")
    sides.check()
    assert (result.operation_mode, result.relay_mode) == ("replicate", "replicate")
    assert (result.pushed, result.deleted, result.exit_code) == (3, 1, 0)


def test_replicate_without_pruning_leaves_what_the_source_lacks(sides):
    tip = commit(sides.source, "refs/heads/main")
    sides.carry_out()
    git("update-ref", "refs/heads/kept", tip, cwd=sides.target)
    result = sides.carry_out(mode="replicate")
    assert outcomes(result) == {"main": "up-to-date"}
    assert "refs/heads/kept" in ls_remote(sides.target)


def test_replicate_still_swaps_against_the_tip_that_was_seen(sides):
    base = commit(sides.source, "refs/heads/main")
    commit(sides.target, "refs/heads/main", text="theirs")
    later: list[str] = []

    def push_first(kind: str, service: str) -> None:
        if kind == "request" and not later:
            later.append(commit(sides.target, "refs/heads/main", text="later"))

    result = sides.carry_out(target=GitTransport(sides.target, before=push_first), mode="replicate")
    assert outcomes(result) == {"main": "moved"}
    assert ls_remote(sides.target)["refs/heads/main"] == later[0] != base


# --- plans --------------------------------------------------------------------------------------------


def test_a_plan_tells_the_way_and_the_price_and_pushes_nothing(sides):
    fast_import(sides.source, history(commits=5))
    target = GitTransport(sides.target)
    result = sides.carry_out(dry_run=True, target=target)
    assert (result.relay_mode, result.exit_code, outcomes(result)) == ("bootstrap", 0, {"main": "not-pushed"})
    assert result.price is not None
    assert result.price.memory_bytes is not None
    sides.carry_out()
    fast_import(sides.source, history(commits=3, seed=2, start="refs/heads/main^0"))
    result = sides.carry_out(dry_run=True, target=target)
    assert result.relay_mode == "incremental"
    assert target.requests == [("advertise", "git-receive-pack")] * 2


def test_a_plan_names_the_blocked_and_the_way_of_the_rest(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.carry_out()
    commit(sides.target, "refs/heads/main", base, text="theirs")
    commit(sides.source, "refs/heads/main", base, text="ours")
    result = sides.carry_out(dry_run=True)
    assert (outcomes(result), result.relay_mode) == ({"main": "blocked"}, "")
    commit(sides.source, "refs/heads/dev", base)
    carried_out = sides.carry_out()
    planned_again = sides.carry_out(dry_run=True)
    assert outcomes(carried_out) == {"dev": "pushed", "main": "blocked"}
    assert outcomes(planned_again) == {"dev": "up-to-date", "main": "blocked"}


# --- the user's choice ---------------------------------------------------------------------------------


@pytest.mark.parametrize("optimize", [None, "time", "bandwidth"])
def test_optimizing_chooses_between_the_sources_pack_and_a_smaller_one(tmp_path, optimize):
    sides = Sides(tmp_path)
    fast_import(sides.source, history(commits=30))
    git("-c", "pack.window=0", "repack", "-adFq", cwd=sides.source)  # as poor a pack as can be
    result = sides.carry_out(optimize=optimize)
    sides.check()
    assert result.pack is not None
    assert result.relay == (optimize != "bandwidth")
    assert (result.pack.deltas > 0) == (optimize == "bandwidth")


class OneAtATime(GitTransport):
    """A source that has one connection, as by ssh: a new request ends the answer that is still coming."""

    open_answers = 0

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        assert not self.open_answers
        self.open_answers += 1
        try:
            with super().request(service, body, version=version) as blocks:
                yield blocks
        finally:
            self.open_answers -= 1


def test_nothing_else_is_asked_of_the_source_while_its_pack_is_on_its_way(sides):
    """What an earlier run left behind has to be asked about before."""
    fast_import(sides.source, history(commits=20))
    git("push", "-q", sides.target, "main~10:refs/heads/main", cwd=sides.source)
    left = git("rev-parse", "main~5", cwd=sides.source)
    git("push", "-q", sides.target, f"{left}:refs/packcore/bootstrap/{left}", cwd=sides.source)
    result = sides.carry_out(source=OneAtATime(sides.source))
    assert (result.exit_code, result.relay) == (0, True)
    sides.check()
