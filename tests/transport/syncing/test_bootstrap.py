"""The relay in batches, between C git's programs behind a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.git_transport import GitTransport
from tests.support import git, ls_remote
from tests.transport.syncing.limited_target import LimitedTarget, refused, temp_refs, users_refs
from tests.transport.syncing.sides import Sides, big_history, random_dag
from transport.errors import NetworkError, RefRejected
from transport.syncing import Outcome, Policy, Scope, SyncRequest, SyncResult, sync
from transport.syncing.deliver.host_profile import load_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transport.syncing.request import BootstrapStrategy

pytestmark = pytest.mark.e2e

LIMIT = 40_000


@pytest.fixture
def sides(filtering: Sides) -> Sides:
    return filtering


def bootstrap(
    sides: Sides,
    target: GitTransport,
    *,
    scope: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    limit: int | None = LIMIT,
    **request: Any,
) -> SyncResult:
    request = {"mode": "bootstrap", "target_max_pack_bytes": limit, **request}
    asked = SyncRequest(Scope(**(scope or {})), Policy(**(policy or {})), **request)
    return sync(GitTransport(sides.source), target, asked)


def check(sides: Sides, target: LimitedTarget, prefix: str = "refs/heads/") -> None:
    sides.check(prefix)
    assert temp_refs(sides.target) == []
    assert all(seen == {} for seen in target.seen)


@pytest.mark.parametrize("strategy", ["first-parent", "topo"])
def test_each_batch_is_within_the_limit_and_users_refs_come_with_the_last(sides, strategy):
    big_history(sides.source)
    target = LimitedTarget(sides.target)
    result = bootstrap(sides, target, bootstrap_strategy=strategy)
    check(sides, target)
    assert max(target.sizes) <= LIMIT
    assert result.relay_mode == "bootstrap-batch"
    assert result.operation_mode == "bootstrap"
    assert result.batch_count == len(target.sizes) - 1 > 3
    assert result.planned_batch_count >= result.batch_count
    assert len(result.temp_refs) == result.batch_count


def test_what_fits_goes_at_once(sides):
    big_history(sides.source, commits=3)
    target = LimitedTarget(sides.target)
    result = bootstrap(sides, target, limit=1_000_000)
    check(sides, target)
    assert len(target.sizes) == result.batch_count == 1
    assert result.relay_mode == "bootstrap"
    assert result.temp_refs == ()


@pytest.mark.parametrize("strategy", ["first-parent", "topo"])
def test_merges_branches_and_tags_of_all_kinds_arrive(sides, strategy):
    strategy_: BootstrapStrategy = strategy
    ids = random_dag(sides.source, 5, commits=60)
    for place in (-1, -2, 20):
        git("update-ref", f"refs/heads/b{place}", ids[place], cwd=sides.source)
    git("symbolic-ref", "HEAD", "refs/heads/b-2", cwd=sides.source)
    git("tag", "-a", "-m", "inner", "inner", ids[-1], cwd=sides.source)
    git("tag", "-a", "-m", "outer", "outer", "inner", cwd=sides.source)
    blob = git("hash-object", "-w", "--stdin", cwd=sides.source, stdin=b"alone\n")
    git("update-ref", "refs/misc/blob", blob, cwd=sides.source)
    git("tag", "-a", "-m", "x", "of-a-blob", blob, cwd=sides.source)
    target = LimitedTarget(sides.target)
    result = bootstrap(sides, target, scope={"all_refs": True}, limit=4000, bootstrap_strategy=strategy_)
    check(sides, target, "refs/")
    assert result.exit_code == 0
    assert max(target.sizes) <= 4000
    assert result.batch_count > 2


def test_a_merge_that_brings_too_much_is_opened(sides):
    big_history(sides.source, commits=10)
    side = git("rev-parse", "main", cwd=sides.source)
    root = git("rev-list", "--max-parents=0", "main", cwd=sides.source)
    merge = git("commit-tree", "-p", root, "-p", side, "-m", "m", f"{side}^{{tree}}", cwd=sides.source)
    git("update-ref", "refs/heads/main", merge, cwd=sides.source)
    target = LimitedTarget(sides.target)
    assert bootstrap(sides, target).exit_code == 0
    check(sides, target)
    assert max(target.sizes) <= LIMIT


def test_a_commit_that_is_too_large_is_cut_within(sides):
    big_history(sides.source, commits=2, files=15, size=9000)
    target = LimitedTarget(sides.target)
    result = bootstrap(sides, target)
    check(sides, target)
    assert max(target.sizes) <= LIMIT
    assert result.batch_count > 6


@pytest.mark.parametrize("missing", ["filter", "v2"])
def test_a_source_that_gives_no_commits_alone_is_taken_in_and_cut(sides, missing):
    big_history(sides.source)
    if missing == "filter":
        git("config", "uploadpack.allowFilter", "false", cwd=sides.source)
    target = LimitedTarget(sides.target)
    result = bootstrap(sides, target, protocol="auto" if missing == "filter" else "v0")
    check(sides, target)
    assert not result.relay
    assert result.relay_reason == "source-gives-no-commits"
    assert result.batch_count > 3


def test_a_limit_that_nobody_gave_is_found(sides):
    big_history(sides.source)
    target = LimitedTarget(sides.target, body_bytes_max=LIMIT)
    result = bootstrap(sides, target, limit=None)
    check(sides, target)
    assert (result.relay_reason, result.batch_count > 3) == ("target-takes-less", True)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("error", [*map(refused, (408, 413, 502, 504, 524)), NetworkError("lost")], ids=str)
def test_a_batch_that_is_too_much_is_asked_for_in_smaller_ones(sides, error, number):
    big_history(sides.source)
    target = LimitedTarget(sides.target, fault=lambda n, size: error if n == number else None)
    assert bootstrap(sides, target, limit=60_000).exit_code == 0
    check(sides, target)


def test_a_batch_that_was_taken_though_its_answer_was_lost_is_not_sent_again(sides):
    big_history(sides.source)
    lost = NetworkError("lost")
    target = LimitedTarget(sides.target, fault=lambda n, size: lost if n == 2 else None, taken=True)
    result = bootstrap(sides, target)
    check(sides, target)
    assert len(target.sizes) == result.batch_count + 1


def test_a_run_that_broke_off_goes_on_from_the_furthest_checkpoint(sides):
    big_history(sides.source)
    broken = LimitedTarget(sides.target, fault=lambda n, size: refused(500) if n == 3 else None)
    first = bootstrap(sides, broken)
    assert first.count(Outcome.NOT_PUSHED) == 1
    assert users_refs(sides.target) == {}
    assert len(temp_refs(sides.target)) == 2
    target = LimitedTarget(sides.target)
    bootstrap(sides, target)
    check(sides, target)
    assert sum(broken.sizes) + sum(target.sizes) < 12 * 13_000


def test_a_run_that_ended_before_its_cutover_only_cuts_over(sides):
    big_history(sides.source)
    count = bootstrap(sides, LimitedTarget(sides.target)).batch_count
    for name in ls_remote(sides.target):
        git("update-ref", "-d", name, cwd=sides.target)
    broken = LimitedTarget(sides.target, fault=lambda n, size: refused(500) if n == count + 1 else None)
    bootstrap(sides, broken)
    assert users_refs(sides.target) == {}
    target = LimitedTarget(sides.target)
    bootstrap(sides, target)
    check(sides, target)
    assert len(target.sizes) == 1
    assert target.sizes[0] < 3000


def test_a_checkpoint_of_another_history_does_no_harm_and_goes(sides):
    big_history(sides.source)
    alien = git("commit-tree", "-m", "x", git("mktree", cwd=sides.target, stdin=b""), cwd=sides.target)
    git("update-ref", f"refs/packcore/bootstrap/{alien}", alien, cwd=sides.target)
    target = LimitedTarget(sides.target)
    bootstrap(sides, target)
    check(sides, target)


def test_a_source_pack_beyond_its_own_limit_is_asked_for_in_smaller_ones_too(sides):
    big_history(sides.source)
    target = LimitedTarget(sides.target)
    bootstrap(sides, target, limit=1_000_000, max_pack_bytes=LIMIT)
    check(sides, target)
    assert max(target.sizes) <= LIMIT + 2000


def test_a_target_that_has_the_refs_already_is_left_alone(sides):
    big_history(sides.source, commits=2)
    git("push", "-q", sides.target, "main~1:refs/heads/main", cwd=sides.source)
    target = LimitedTarget(sides.target)
    result = bootstrap(sides, target)
    assert result.count(Outcome.BLOCKED) == 1
    assert target.sizes == []


def test_a_target_that_refuses_temporary_refs_is_told_of(sides):
    big_history(sides.source)
    git("config", "receive.hideRefs", "refs/packcore", cwd=sides.target)
    result = bootstrap(sides, LimitedTarget(sides.target))
    assert isinstance(result.failure, RefRejected)
    assert result.exit_code == 1


def test_replicate_goes_in_batches_too(sides):
    big_history(sides.source)
    target = LimitedTarget(sides.target)
    result = bootstrap(sides, target, mode="replicate")
    check(sides, target)
    assert result.batch_count > 3


def test_what_a_host_takes_is_remembered_for_the_next_run(sides, tmp_path):
    big_history(sides.source)
    path = tmp_path / "hosts.json"
    sizes = []
    for number in range(2):
        sides.target = Sides(tmp_path / str(number)).target
        target = LimitedTarget(sides.target, body_bytes_max=LIMIT)
        target.url = "https://git.example.com/x.git"
        bootstrap(sides, target, limit=None, host_profile=path)
        check(sides, target)
        sizes.append(len(target.seen) - len(target.sizes))
    assert sizes[0] > 0
    assert sizes[1] == 0
    learned = load_profile(path, "https://git.example.com")
    assert learned.body_bytes_max is not None
    assert learned.body_bytes_taken is not None
    assert learned.body_bytes_refused is not None
    assert 12_000 < learned.body_bytes_taken <= LIMIT < learned.body_bytes_refused
    assert learned.body_bytes_max < learned.body_bytes_refused


def test_a_host_that_takes_no_chunks_is_remembered_too(sides, tmp_path):
    big_history(sides.source, commits=1)
    path = tmp_path / "hosts.json"
    target = LimitedTarget(sides.target)
    target.url = "https://git.example.com/x.git"
    target.stats.chunks_refused = True
    bootstrap(sides, target, host_profile=path)
    again = LimitedTarget(sides.target)
    again.url = "https://git.example.com/other.git"
    bootstrap(sides, again, host_profile=path)
    assert again.stats.chunks_refused


def test_a_run_with_nothing_to_do_sweeps_up_what_an_older_one_left(sides):
    big_history(sides.source, commits=1)
    bootstrap(sides, LimitedTarget(sides.target))
    tip = git("rev-parse", "main", cwd=sides.target)
    git("update-ref", f"refs/packcore/bootstrap/{tip}", tip, cwd=sides.target)
    bootstrap(sides, LimitedTarget(sides.target))
    assert temp_refs(sides.target) == []
