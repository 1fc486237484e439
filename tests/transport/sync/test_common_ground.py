"""What the target has of the source's commits: the search, servers that won't say, and what it saves."""

from __future__ import annotations

import random
import re
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import ObjectId
from packcore.progress import SILENT
from tests.e2e.places import noise
from tests.git_transport import GitTransport
from tests.support import fast_import, git, history, ls_remote
from tests.transport.scripted_transport import ScriptedTransport
from tests.transport.sync.limited_target import LimitedTarget
from tests.transport.sync.sides import Sides, commit, outcomes, random_dag
from transport.base import Body
from transport.errors import NetworkError, RemoteError, RemoteProtocolError, UnsupportedByRemote
from transport.sync.commit_order import reach
from transport.sync.common_ground import GraphNegotiator, find_ground
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transport.base import Service

    Parents = dict[ObjectId, tuple[ObjectId, ...]]


def oid(number: int) -> ObjectId:
    return ObjectId(number.to_bytes(20, "big"))


@cache
def chain(length: int) -> Parents:
    return {oid(number): (oid(number - 1),) if number > 1 else () for number in range(1, length + 1)}


# --- the search ---------------------------------------------------------------------------------------


def searched(parents: Parents, tips: list[ObjectId], had: set[ObjectId]) -> tuple[set[ObjectId], list[int]]:
    """Return the newest common commits, and the sizes of the rounds, for a server that has `had`."""
    negotiator = GraphNegotiator(parents, tips)
    found: list[ObjectId] = []
    rounds: list[int] = []
    size = 16
    while haves := negotiator.take(size):
        assert len(haves) <= size
        rounds.append(len(haves))
        for have in haves:
            if have in had:
                found.append(have)
                negotiator.mark_common(have)
        size *= 2
    return set(negotiator.newest(found)), rounds


@pytest.mark.parametrize("border", [1, 2, 700, 99_000, 99_999, 100_000])
def test_in_a_long_line_of_history_the_border_is_found_in_few_rounds(border):
    parents = chain(100_000)
    had = {oid(number) for number in range(1, border + 1)}
    newest, rounds = searched(parents, [oid(100_000)], had)
    assert newest == {oid(border)}
    assert len(rounds) <= 4
    assert sum(rounds) <= 240


def test_where_nothing_is_common_the_search_ends_soon():
    newest, rounds = searched(chain(100_000), [oid(100_000)], set())
    assert newest == set()
    assert len(rounds) <= 4


@given(seed=st.integers(0, 10_000))
def test_the_border_is_exact_in_any_history(seed):
    chance = random.Random(seed)
    count = chance.randrange(1, 120)
    parents: Parents = {}
    for number in range(1, count + 1):
        earlier = chance.sample(range(1, number), min(number - 1, chance.choice([0, 1, 1, 2, 3])))
        parents[oid(number)] = tuple(map(oid, earlier))
    tips = [
        oid(number) for number in chance.sample(range(1, count + 1), chance.randrange(1, min(count, 4) + 1))
    ]
    had: set[ObjectId] = set()
    reach(parents, map(oid, chance.sample(range(1, count + 1), chance.randrange(count + 1) // 4)), had)
    wanted: set[ObjectId] = set()
    reach(parents, tips, wanted)
    common = wanted & had
    newest, _ = searched(parents, tips, had)
    assert newest == {one for one in common if not any(one in _below(parents, other) for other in common)}


def _below(parents: Parents, tip: ObjectId) -> set[ObjectId]:
    found: set[ObjectId] = set()
    reach(parents, parents[tip], found)
    return found


# --- servers that answer otherwise than hoped --------------------------------------------------------------


def text(*lines: str) -> bytes:
    return b"".join(map(encode_text, lines))


V2 = text("version 2", "ls-refs", "fetch=shallow wait-for-done") + FLUSH
NAK = text("acknowledgments", "NAK") + FLUSH
TIPS = [oid(300)]


class Server(ScriptedTransport):
    """Advertises one thing, and answers each request with the next of its answers."""

    def __init__(self, advertisement: bytes, *answers: bytes, fault: Exception | None = None) -> None:
        super().__init__(*(answers or (b"",)), fault=fault)
        self._advertisement = advertisement

    @contextmanager
    def advertise(self, service: Service, *, version: int) -> Iterator[Iterator[bytes]]:
        assert (service, version) == ("git-upload-pack", 2)
        yield iter((self._advertisement,))


V0 = (
    text("# service=git-upload-pack")
    + FLUSH
    + encode_text(b"%b refs/heads/main\0ofs-delta" % (b"a" * 40))
    + FLUSH
)


@pytest.mark.parametrize(
    ("advertisement", "answer", "error"),
    [
        (V0, NAK, UnsupportedByRemote),
        (text("version 2", "ls-refs", "fetch=shallow") + FLUSH, NAK, UnsupportedByRemote),
        (text("version 2", "ls-refs") + FLUSH, NAK, UnsupportedByRemote),
        (b"", NAK, RemoteProtocolError),
        (b"<html>", NAK, RemoteProtocolError),
        (text("ERR no such repository"), NAK, RemoteError),
        (V2, text("ERR upload-pack: go away"), RemoteError),
        (V2, b"", RemoteProtocolError),
        (V2, text("acknowledgments", f"ACK {oid(77_777).hex()}") + FLUSH, RemoteProtocolError),
        (V2, text("acknowledgments", f"ACK {oid(300).hex()}"), RemoteProtocolError),
        (V2, text("acknowledgments", "ACK"), RemoteProtocolError),
        (V2, text("packfile"), RemoteProtocolError),
        (V2, NAK + b"0005x", RemoteProtocolError),
    ],
    ids=[
        *("v0", "no-wait-for-done", "no-fetch", "nothing", "html", "err-at-once", "err", "empty"),
        *("ack-of-unknown", "cut", "not-an-ack", "pack", "surplus"),
    ],
)
def test_what_a_server_does_wrong_is_told_and_raises_nothing(advertisement, answer, error):
    server = Server(advertisement, answer)
    ground = find_ground(server, chain(300), TIPS, SILENT)
    assert ground.commits == ()
    assert isinstance(ground.failure, error)
    assert server.open_answers == 0


def test_an_answer_that_fails_leaves_what_was_found_until_then():
    answers = text("acknowledgments", f"ACK {oid(285).hex()}") + FLUSH, text("ERR overloaded")
    ground = find_ground(Server(V2, *answers), chain(300), TIPS, SILENT)
    assert ground.commits == (oid(285),)
    assert isinstance(ground.failure, RemoteError)
    lost = NetworkError("lost")
    ground = find_ground(Server(V2, fault=lost), chain(300), TIPS, SILENT)
    assert (ground.commits, ground.failure) == ((), lost)


def test_a_server_that_never_acknowledges_is_asked_a_bounded_number_of_times():
    server = Server(V2, NAK)
    unrelated = {oid(number): () for number in range(1, 40_000)}
    ground = find_ground(server, unrelated, unrelated, SILENT)
    assert (ground.commits, ground.failure) == ((), None)
    assert [request.count(b"have ") for request in server.requests] == [16 << number for number in range(10)]
    assert ground.haves == 16 * 1023


def test_only_haves_are_sent_and_none_twice():
    server = Server(V2, NAK)
    find_ground(server, chain(300), TIPS, SILENT)
    for request in server.requests:
        assert b"wait-for-done" in request
        assert b"want" not in request.replace(b"wait-for-done", b"")
        assert b"done\n0" not in request.replace(b"wait-for-done", b"")
    haves = [line for request in server.requests for line in request.split(b"\n") if b"have " in line]
    assert len(haves) == len(set(haves))


def test_a_server_that_says_ready_all_the_same_is_taken_at_its_acknowledgments():
    answer = text("acknowledgments", f"ACK {oid(299).hex()}", "ready") + b"0001" + text("packfile")
    server = Server(V2, answer)
    ground = find_ground(server, chain(300), TIPS, SILENT)
    assert (ground.commits, ground.failure) == ((oid(299),), None)
    assert len(server.requests) == 1


# --- what it saves --------------------------------------------------------------------------------------


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


def test_a_target_that_lies_about_what_it_has_refuses_the_pack_itself(diverged):
    class Liar(GitTransport):
        @contextmanager
        def request(self, service: Service, body: Body, *, version: int) -> Iterator[Iterator[bytes]]:
            if service != "git-upload-pack":
                with super().request(service, body, version=version) as blocks:
                    yield blocks
                return
            haves = re.findall(rb"have ([0-9a-f]{40})", b"".join(body.blocks()))
            lines = [f"ACK {have.decode()}" for have in haves]
            yield iter((text("acknowledgments", *lines) + FLUSH,))

    before = git("rev-parse", "main", cwd=diverged.target)
    result = diverged.carry_out(target=Liar(diverged.target), policy={"force_with_lease": True})
    assert outcomes(result) == {"main": "refused"}
    assert result.exit_code == 1
    assert git("rev-parse", "main", cwd=diverged.target) == before


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
        def request(self, service: Service, body: Body, *, version: int) -> Iterator[Iterator[bytes]]:
            sent = b"".join(body.blocks())
            tips = ls_remote(self.path).values()
            wanted = re.findall(rb"want ([0-9a-f]{40})", sent)
            if not {want.decode() for want in wanted} <= set(tips):
                yield iter((text("ERR upload-pack: not our ref"),))
                return
            with super().request(service, Body.of(sent), version=version) as blocks:
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
    def request(self, service: Service, body: Body, *, version: int) -> Iterator[Iterator[bytes]]:
        with super().request(service, body, version=version) as blocks:
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
    def advertise(self, service: Service, *, version: int) -> Iterator[Iterator[bytes]]:
        with super().advertise(service, version=version) as blocks:
            answer = b"".join(blocks)
            for old, new in self._changes.items():
                answer = answer.replace(old, new)
            yield iter((answer,))
