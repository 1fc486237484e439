"""What it saves to know what the target has: what is missing travels, and no more."""

from __future__ import annotations

import random
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.places import noise
from tests.git_transport import GitTransport
from tests.support import fast_import, fsck, git, git_bytes, history, ls_remote
from tests.transport.syncing.limited_target import LimitedTarget
from tests.transport.syncing.sides import Heard, Sides, commit, outcomes, random_dag
from transport.base import Body
from transport.errors import RemoteError
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.ids import ObjectId
    from transport.base import Service

    Parents = dict[ObjectId, tuple[ObjectId, ...]]
    from transport.wire.headway import Headway

pytestmark = pytest.mark.e2e


def text(*lines: str) -> bytes:
    return b"".join(map(encode_text, lines))


@pytest.fixture(params=["filters", "no-filters"])
def diverged(request: pytest.FixtureRequest, tmp_path: Path) -> Sides:
    """A branch that went on at the source, while somebody put a commit of their own upon an older state."""
    sides = Sides(tmp_path)
    if request.param == "filters":
        git("config", "uploadpack.allowFilter", "true", cwd=sides.source)
    fast_import(sides.source, history(commits=60, tag="v1"))
    git("push", "-q", sides.target, "main~6:refs/heads/main", cwd=sides.source)
    commit(sides.target, "refs/heads/main", git("rev-parse", "main", cwd=sides.target), text="foreign")
    return sides


def missing(sides: Sides, *more: str) -> int:
    return len(git("rev-list", "--objects", "main", *more, "--not", "main~6", cwd=sides.source).splitlines())


def test_a_forced_branch_brings_what_is_missing_alone(diverged):
    source, target = GitTransport(diverged.source), GitTransport(diverged.target)
    result = diverged.carry_out(
        source=source, target=target, policy={"force_with_lease": True}, collect_stats=True
    )
    diverged.check("refs/heads/")
    assert result.pack is not None
    assert (result.pack.objects, result.relay) == (missing(diverged), False)
    items = result.stats.to_json()["items"]
    assert items["target git-upload-pack"]["haves"] > 0
    assert items["target git-upload-pack"]["requests"] + items["target git-receive-pack"]["requests"] == (
        target.stats.requests
    )


def test_the_source_is_asked_for_its_history_once_tags_or_not(diverged):
    packs: list[int] = []
    whole = len(git("rev-list", "--objects", "--all", cwd=diverged.source).splitlines())
    source = PackCounting(diverged.source, packs)
    result = diverged.carry_out(source=source, policy={"force_with_lease": True}, scope={"all_refs": True})
    diverged.check()
    assert result.pack is not None
    assert result.pack.objects == missing(diverged, "v1")
    commits = int(git("rev-list", "--count", "--all", cwd=diverged.source))
    assert sum(packs) <= whole + commits


def test_the_bases_of_a_thin_pack_are_what_the_target_has(diverged):
    thick = diverged_bytes(diverged, no_thin=True)
    thin = diverged_bytes(diverged, no_thin=False)
    assert thin < thick
    diverged.check("refs/heads/")


def diverged_bytes(sides: Sides, *, no_thin: bool) -> int:
    old = git("rev-parse", "main", cwd=sides.target)
    target = GitTransport(sides.target)
    if no_thin:
        target = Changing(sides.target, {b" ofs-delta": b" no-thin  "})
    result = sides.carry_out(target=target, policy={"force_with_lease": True})
    git("update-ref", "refs/heads/main", old, cwd=sides.target)
    git("-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now", cwd=sides.target)
    if not no_thin:
        sides.carry_out(policy={"force_with_lease": True})
    assert result.pack is not None
    return result.pack.bytes


def test_replicate_relays_what_is_missing_alone_where_the_source_can_send_commits_alone(diverged):
    filters = git("config", "--default", "", "uploadpack.allowFilter", cwd=diverged.source)
    source = GitTransport(diverged.source)
    result = diverged.carry_out(source=source, mode="replicate")
    diverged.check("refs/heads/")
    assert result.pack is not None
    assert (result.relay_mode, result.pack.strategy) == ("replicate", "relay")
    if filters:
        assert result.pack.objects == missing(diverged)
    else:
        assert result.pack.objects > missing(diverged)
        assert "the source can't send commits alone" in result.explanation


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("protocol", ["v0", "v1", "v2"])
@pytest.mark.parametrize("mode", ["sync", "replicate"])
def test_every_protocol_of_the_source_will_do(tmp_path, mode, protocol, object_format):
    sides = Sides(tmp_path, object_format=object_format)
    git("config", "uploadpack.allowFilter", "true", cwd=sides.source)
    fast_import(sides.source, history(commits=20))
    git("push", "-q", sides.target, "main~6:refs/heads/main", cwd=sides.source)
    commit(sides.target, "refs/heads/main", git("rev-parse", "main", cwd=sides.target), text="foreign")
    asked: dict[str, Any] = {"mode": mode, "policy": {"force_with_lease": mode == "sync"}}
    result = sides.carry_out(protocol=protocol, **asked)
    sides.check("refs/heads/")
    assert result.pack is not None
    assert result.pack.objects == missing(sides)


def test_a_new_branch_beside_a_blocked_one_brings_what_is_missing_alone(diverged):
    git("update-ref", "refs/heads/new", "refs/heads/main", cwd=diverged.source)
    result = diverged.carry_out()
    assert outcomes(result) == {"main": "blocked", "new": "pushed"}
    assert result.pack is not None
    assert result.pack.objects == missing(diverged)
    assert git("fsck", "--connectivity-only", cwd=diverged.target) is not None


def test_a_target_that_can_not_be_asked_gets_all_and_the_run_says_why(diverged):
    target = Changing(diverged.target, {b"wait-for-done": b"weit-for-done"})
    result = diverged.carry_out(target=target, policy={"force_with_lease": True})
    diverged.check("refs/heads/")
    assert result.pack is not None
    assert result.pack.objects > missing(diverged)
    assert "the target could not be asked for what it has (the remote does not support wait-for-done)" in (
        result.explanation
    )


def test_a_target_whose_history_may_not_be_read_gets_all(diverged):
    def refuse(kind: str, service: Service) -> None:
        if service == "git-upload-pack":
            raise RemoteError("you may push, but not fetch")

    target = GitTransport(diverged.target, before=refuse)
    result = diverged.carry_out(target=target, mode="replicate")
    diverged.check("refs/heads/")
    assert "you may push, but not fetch" in result.explanation or "alone" in result.explanation


def test_a_target_that_lies_about_what_it_has_gets_all_in_a_second_try(diverged):
    class Liar(GitTransport):
        @contextmanager
        def request(
            self, service: Service, body: Body, *, version: int, headway: Headway | None = None
        ) -> Iterator[Iterator[bytes]]:
            if service != "git-upload-pack":
                with super().request(service, body, version=version, headway=headway) as blocks:
                    yield blocks
                return
            haves = re.findall(rb"have ([0-9a-f]{40})", b"".join(body.blocks()))
            lines = [f"ACK {have.decode()}" for have in haves]
            yield iter((text("acknowledgments", *lines) + FLUSH,))

    result = diverged.carry_out(target=Liar(diverged.target), policy={"force_with_lease": True})
    assert outcomes(result) == {"main": "pushed"}
    assert result.exit_code == 0
    diverged.check("refs/heads/")


def test_a_target_whose_tips_the_source_knows_is_not_asked(tmp_path):
    sides = Sides(tmp_path)
    fast_import(sides.source, history(commits=10))
    sides.carry_out()
    git("update-ref", "refs/heads/main", "refs/heads/main~3", cwd=sides.source)
    git("update-ref", "refs/heads/other", "refs/heads/main~3", cwd=sides.source)
    target = GitTransport(sides.target)
    git("update-ref", "refs/heads/keep", git("rev-parse", "main", cwd=sides.target), cwd=sides.source)
    result = sides.carry_out(target=target, policy={"force_with_lease": True}, scope={"all_refs": True})
    sides.check()
    assert result.exit_code == 0
    assert all(service == "git-receive-pack" for _, service in target.requests)


def test_fast_forwards_beside_foreign_branches_ask_nothing(tmp_path):
    sides = Sides(tmp_path)
    fast_import(sides.source, history(commits=10))
    sides.carry_out()
    commit(sides.target, "refs/heads/theirs", text="foreign")
    commit(sides.source, "refs/heads/main", git("rev-parse", "main", cwd=sides.source))
    target = GitTransport(sides.target)
    assert outcomes(sides.carry_out(target=target)) == {"main": "pushed"}
    assert all(service == "git-receive-pack" for _, service in target.requests)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mode", ["sync", "replicate"])
def test_in_random_histories_the_target_ends_up_sound(tmp_path, seed, mode):
    sides = Sides(tmp_path)
    git("config", "uploadpack.allowFilter", "true", cwd=sides.source)
    chance = random.Random(seed)
    ids = random_dag(sides.source, seed)
    for number in range(3):
        git("update-ref", f"refs/heads/b{number}", chance.choice(ids[20:]), cwd=sides.source)
        git("push", "-q", sides.target, f"{chance.choice(ids[:30])}:refs/heads/b{number}", cwd=sides.source)
    for number in range(2):
        old = git("rev-parse", f"b{number}", cwd=sides.target)
        commit(sides.target, f"refs/heads/b{number}", old, text="foreign")
    asked: dict[str, Any] = {"mode": mode, "policy": {"force_with_lease": mode == "sync"}}
    assert sides.carry_out(**asked).exit_code == 0
    sides.check("refs/heads/")


def test_a_plan_names_no_price_where_less_may_be_sent_than_was_fetched(diverged):
    target = GitTransport(diverged.target)
    planned = diverged.carry_out(target=target, policy={"force_with_lease": True}, dry_run=True)
    assert planned.price is not None
    assert (planned.price.objects, planned.price.pack_bytes) == (None, None)
    assert target.requests == [("advertise", "git-receive-pack")]


@pytest.mark.parametrize("known", [True, False], ids=["limit-given", "limit-found"])
@pytest.mark.parametrize("mode", ["sync", "replicate"])
def test_in_batches_what_is_missing_travels_alone_too(tmp_path, mode, known):
    sides = Sides(tmp_path)
    git("config", "uploadpack.allowFilter", "true", cwd=sides.source)
    fast_import(sides.source, noise(12_000, commits=20))
    git("push", "-q", sides.target, "main~8:refs/heads/main", cwd=sides.source)
    commit(sides.target, "refs/heads/main", git("rev-parse", "main", cwd=sides.target), text="foreign")
    target = LimitedTarget(sides.target, body_bytes_max=40_000)
    asked: dict[str, Any] = {"mode": mode, "policy": {"force_with_lease": mode == "sync"}}
    limit = 40_000 if known else None
    result = sides.carry_out(target=target, target_max_pack_bytes=limit, **asked)
    sides.check("refs/heads/")
    assert result.batch_count > 1
    assert result.pack is not None
    assert result.pack.bytes < 9 * 12_500


def test_a_source_that_gives_no_single_objects_is_asked_for_a_pack_that_needs_none(diverged):
    class WithoutSingleObjects(PackCounting):
        @contextmanager
        def request(
            self, service: Service, body: Body, *, version: int, headway: Headway | None = None
        ) -> Iterator[Iterator[bytes]]:
            sent = b"".join(body.blocks())
            tips = ls_remote(self.path).values()
            wanted = re.findall(rb"want ([0-9a-f]{40})", sent)
            if not {want.decode() for want in wanted} <= set(tips):
                yield iter((text("ERR upload-pack: not our ref"),))
                return
            with super().request(service, Body.of(sent), version=version, headway=headway) as blocks:
                yield blocks

    git("repack", "-adfq", cwd=diverged.source)
    source = WithoutSingleObjects(diverged.source, [])
    result = diverged.carry_out(source=source, policy={"force_with_lease": True})
    diverged.check("refs/heads/")
    assert result.pack is not None
    assert result.pack.objects == missing(diverged)


def test_of_a_source_that_can_send_commits_alone_only_those_are_asked_for_in_vain(tmp_path):
    sides = Sides(tmp_path)
    git("config", "uploadpack.allowFilter", "true", cwd=sides.source)
    fast_import(sides.source, history(commits=60))
    git("repack", "-adfq", cwd=sides.source)
    git("push", "-q", sides.target, "main~6:refs/heads/main", cwd=sides.source)
    commit(sides.target, "refs/heads/main", git("rev-parse", "main", cwd=sides.target), text="foreign")
    packs: list[int] = []
    source = PackCounting(sides.source, packs)
    sides.carry_out(source=source, policy={"force_with_lease": True})
    sides.check("refs/heads/")
    graph, thin, *bases = packs
    assert graph == 60
    assert thin == missing(sides)
    assert 0 < sum(bases) < 10


class PackCounting(GitTransport):
    """Counts the objects of each pack that it sends."""

    def __init__(self, path: Path, packs: list[int]) -> None:
        super().__init__(path)
        self._packs = packs

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        with super().request(service, body, version=version, headway=headway) as blocks:
            answer = b"".join(blocks)
            start = answer.find(b"PACK\0\0\0\2")
            if start >= 0:
                self._packs.append(int.from_bytes(answer[start + 8 : start + 12]))
            yield iter((answer,))


class Changing(GitTransport):
    """Advertises something else than it can."""

    def __init__(self, path: Path, changes: dict[bytes, bytes]) -> None:
        super().__init__(path)
        self._changes = changes

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        with super().advertise(service, version=version, headway=headway) as blocks:
            answer = b"".join(blocks)
            for old, new in self._changes.items():
                answer = answer.replace(old, new)
            yield iter((answer,))


def test_a_target_that_lacks_what_is_below_its_commits_gets_all_in_a_second_try(filtering):
    """A push of which only a part was accepted may leave commits there without their trees."""
    sides = filtering
    base = commit(sides.source, "refs/heads/main")
    middle = commit(sides.source, "refs/heads/main", base)
    tip = commit(sides.source, "refs/heads/main", middle)
    theirs = commit(sides.target, "refs/heads/theirs", text="theirs")
    for oid in (base, middle):
        data = git_bytes("cat-file", "commit", oid, cwd=sides.source)
        git("hash-object", "-t", "commit", "-w", "--stdin", cwd=sides.target, stdin=data)
    told: list[str] = []
    result = sides.carry_out(progress=Heard(told))
    assert outcomes(result) == {"main": "pushed"}
    assert ls_remote(sides.target) == {"refs/heads/main": tip, "refs/heads/theirs": theirs}
    assert fsck(sides.target) == []
    assert any("lacks something below commits that it has" in line for line in told)


def test_a_second_try_keeps_the_lease_of_the_first(sides):
    """What somebody pushed meanwhile is not overwritten by it."""
    old = commit(sides.source, "refs/heads/main")
    git("push", "-q", sides.target, f"{old}:refs/heads/main", cwd=sides.source)
    base = commit(sides.source, "refs/heads/dev", text="dev")
    commit(sides.source, "refs/heads/dev", base, text="dev")
    commit(sides.source, "refs/heads/main", text="rewritten")
    commit(sides.target, "refs/heads/theirs", text="theirs")
    data = git_bytes("cat-file", "commit", base, cwd=sides.source)
    git("hash-object", "-t", "commit", "-w", "--stdin", cwd=sides.target, stdin=data)
    moved: list[str] = []

    def somebody_pushes(kind: str, service: str) -> None:
        if (kind, service) == ("request", "git-receive-pack") and not moved:
            moved.append(commit(sides.target, "refs/heads/main", old, text="theirs"))

    result = sides.carry_out(
        target=GitTransport(sides.target, before=somebody_pushes), policy={"force_with_lease": True}
    )
    assert outcomes(result) == {"main": "moved", "dev": "pushed"}
    assert ls_remote(sides.target)["refs/heads/main"] == moved[0]
