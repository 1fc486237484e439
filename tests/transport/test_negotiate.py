"""What is offered as common, in which order, and when it ends."""

from __future__ import annotations

from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from transport.negotiate import CommitNegotiator, Negotiator, TipNegotiator, next_round_size


def commit(store: MemoryStore, date: int, *parents: ObjectId) -> ObjectId:
    lines = [f"tree {'0' * 40}", *(f"parent {parent.hex()}" for parent in parents)]
    who = f"A <a@example.com> {date} +0000"
    data = "\n".join([*lines, f"author {who}", f"committer {who}", "", "x\n"])
    return store.add(ObjectType.COMMIT, data.encode())


def chain(store: MemoryStore, length: int, start: int = 1) -> list[ObjectId]:
    commits: list[ObjectId] = []
    for date in range(start, start + length):
        commits.append(commit(store, date, *commits[-1:]))
    return commits


def test_tips_are_offered_once_each_in_their_order():
    tips = [ObjectId(bytes([n]) * 20) for n in (3, 1, 3, 2)]
    negotiator: Negotiator = TipNegotiator(tips)
    assert negotiator.take(2) == [tips[0], tips[1]]
    negotiator.mark_common(tips[0])
    assert negotiator.take(5) == [tips[3]]
    assert negotiator.take(5) == []


def test_commits_are_offered_newest_first():
    store = MemoryStore(SHA1)
    commits = chain(store, 5)
    assert CommitNegotiator(store, [commits[2], commits[4]]).take(10) == commits[::-1]


def test_nothing_below_a_common_commit_is_offered():
    store = MemoryStore(SHA1)
    commits = chain(store, 100)
    negotiator = CommitNegotiator(store, [commits[-1]])
    assert negotiator.take(3) == commits[-1:-4:-1]
    negotiator.mark_common(commits[-2])
    assert negotiator.take(10) == []


def test_the_other_side_of_a_merge_is_still_offered():
    store = MemoryStore(SHA1)
    left, right = chain(store, 3), chain(store, 3, start=100)
    merge = commit(store, 200, left[-1], right[-1])
    negotiator = CommitNegotiator(store, [merge])
    assert negotiator.take(2) == [merge, right[-1]]
    negotiator.mark_common(right[-1])
    assert negotiator.take(10) == left[::-1]


def test_common_marks_spread_to_commits_visited_later():
    store = MemoryStore(SHA1)
    commits = chain(store, 4)
    side = commit(store, 50, commits[0])
    negotiator = CommitNegotiator(store, [commits[-1], side])
    assert negotiator.take(1) == [side]
    negotiator.mark_common(commits[1])
    assert negotiator.take(10) == [commits[3], commits[2]]


def test_tags_are_followed_and_tips_that_are_missing_or_no_commits_are_skipped():
    store = MemoryStore(SHA1)
    tip = commit(store, 1)
    text = f"object {tip.hex()}\ntype commit\ntag v1\n\n"
    tag = store.add(ObjectType.TAG, text.encode())
    blob = store.add(ObjectType.BLOB, b"x")
    negotiator = CommitNegotiator(store, [tag, blob, ObjectId(b"\xaa" * 20)])
    assert negotiator.take(10) == [tip]


def test_a_history_that_is_cut_ends_there():
    store = MemoryStore(SHA1)
    tip = commit(store, 2, ObjectId(b"\xaa" * 20))
    assert CommitNegotiator(store, [tip]).take(10) == [tip]


def test_rounds_double_and_later_grow_by_a_tenth_up_to_a_bound():
    sizes = [16]
    for _ in range(40):
        sizes.append(next_round_size(sizes[-1]))
    assert sizes[:12] == [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 18022]
    assert sizes[-1] == 65536
