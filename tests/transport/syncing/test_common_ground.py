"""What the target has of the source's commits: the search, and servers that won't say."""

from __future__ import annotations

import random
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import ObjectId
from packcore.progress import SILENT
from tests.transport.scripted_transport import ScriptedTransport
from transport.errors import NetworkError, RemoteError, RemoteProtocolError, UnsupportedByRemote
from transport.syncing.gather.commit_order import reach
from transport.syncing.gather.common_ground import GraphNegotiator, InsistentTips, find_ground
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transport.base import Service

    Parents = dict[ObjectId, tuple[ObjectId, ...]]
    from transport.wire.headway import Headway


def oid(number: int) -> ObjectId:
    return ObjectId(number.to_bytes(20, "big"))


@cache
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
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
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


# --- a source that acknowledges no parent of what it has acknowledged ---------------------------------


def acknowledged(parents: Parents, had: set[ObjectId], haves: Sequence[ObjectId]) -> list[ObjectId]:
    """Return what newer git acknowledges in one round: not the parent of what came before it."""
    implied: set[ObjectId] = set()
    news = []
    for have in haves:
        if have in had:
            news += [have] if have not in implied else []
            implied.update([have, *parents[have]])
    return news


def asked_again(tips: Sequence[ObjectId], had: set[ObjectId], parents: Parents) -> tuple[set[ObjectId], int]:
    """Return which tips such a source names when it is asked for them again, and after how many rounds."""
    negotiator = InsistentTips(tips)
    found: set[ObjectId] = set()
    rounds = 0
    while haves := negotiator.take(1024):
        rounds += 1
        for have in acknowledged(parents, had, haves):
            found.add(have)
            negotiator.mark_common(have)
    return found, rounds


def test_a_parent_is_acknowledged_when_it_is_named_before_its_child():
    newest_first = [oid(number) for number in range(50, 0, -1)]
    assert acknowledged(chain(50), set(newest_first), newest_first) == [oid(50)]
    assert asked_again(newest_first, set(newest_first), chain(50)) == (set(newest_first), 1)


def test_tips_that_the_source_lacks_are_asked_for_once_more_only():
    foreign = [oid(number) for number in range(100, 103)]
    assert asked_again([*foreign, oid(2), oid(1)], {oid(2), oid(1)}, chain(3)) == ({oid(2), oid(1)}, 2)


@given(st.permutations(range(1, 30)), st.sets(st.integers(1, 29)))
def test_in_whatever_order_all_that_the_source_has_is_found(order, lacking):
    had = {oid(number) for number in range(1, 30) if number not in lacking}
    found, _ = asked_again([oid(number) for number in order], had, chain(30))
    assert found == had
