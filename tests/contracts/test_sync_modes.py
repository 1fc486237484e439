"""Every mode of a sync over every way to a repository: what was asked for is what the target has then."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.contracts.ways import WAYS, Way
from tests.support import fast_import, fsck, git, history, ls_remote
from transport.syncing import Policy, Scope, SyncRequest, sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.syncing import SyncResult

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=WAYS)
def way(request, tmp_path_factory) -> Iterator[Way]:
    with request.param(tmp_path_factory.mktemp("way")) as running:
        yield running


def run(
    way: Way, request: SyncRequest, source_name: str = "source.git", target_name: str = "target.git"
) -> SyncResult:
    with closing(way.open(source_name)) as source, closing(way.open(target_name)) as target:
        return sync(source, target, request)


def test_from_an_empty_target_through_every_mode(way):
    source, target = way.make("source.git"), way.make("target.git")
    fast_import(source, history(commits=10, tag="v1"))

    def check(request: SyncRequest, relay_mode: str, changed: int) -> None:
        planned = run(way, SyncRequest(request.scope, request.policy, mode=request.mode, dry_run=True))
        assert planned.relay_mode == relay_mode
        result = run(way, request)
        assert (result.relay_mode, result.pushed + result.deleted, result.exit_code) == (
            relay_mode,
            changed,
            0,
        )
        assert ls_remote(target) == ls_remote(source)
        assert fsck(target) == []

    everything = Scope(all_refs=True)
    check(SyncRequest(everything), "bootstrap", 2)
    fast_import(source, history(commits=3, seed=2, start="refs/heads/main^0", tag="v2"))
    check(SyncRequest(everything), "incremental", 2)
    git("update-ref", "refs/heads/main", "refs/heads/main~2", cwd=source)
    check(SyncRequest(everything, Policy(force_with_lease=True)), "", 1)
    git("update-ref", "refs/heads/main", "refs/tags/v2^{commit}", cwd=source)
    git("tag", "-f", "v1", "main~1", cwd=source)
    git("update-ref", "refs/heads/gone", "refs/heads/main", cwd=target)
    check(SyncRequest(everything, Policy(prune=True), mode="replicate"), "replicate", 3)


@pytest.mark.parametrize("mode", ["sync", "replicate"])
def test_a_diverged_branch_is_brought_by_what_is_missing_alone(way, mode):
    names = f"{mode}-source.git", f"{mode}-target.git"
    source, target = map(way.make, names)
    git("config", "uploadpack.allowFilter", "true", cwd=source)
    fast_import(source, history(commits=20))
    git("push", "-q", target, "main~4:refs/heads/main", cwd=source)
    fast_import(target, history(commits=1, seed=5, start="refs/heads/main^0"))
    policy = Policy(force_with_lease=mode == "sync")
    result = run(way, SyncRequest(Scope(), policy, mode=mode, collect_stats=True), *names)
    assert ls_remote(target) == ls_remote(source)
    assert fsck(target) == []
    missing = git("rev-list", "--objects", "main~4..main", cwd=source).splitlines()
    assert result.pack is not None
    assert result.pack.objects == len(missing)
    assert result.stats.to_json()["items"]["target git-upload-pack"]["haves"] > 0
