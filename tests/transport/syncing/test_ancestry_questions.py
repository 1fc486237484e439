"""Asking the source what the fetched pack can't tell: each pair is decided, and little comes twice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from packcore.ids import ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.progress import SILENT
from packcore.store.repository import Repository
from transport.errors import RemoteError
from transport.fetch import fetch_pack
from transport.listing import list_refs
from transport.schemes.file import LocalTransport
from transport.syncing.gather import ancestry_questions
from transport.syncing.gather.ancestry import Ancestry
from transport.syncing.gather.ancestry_questions import SINGLE_QUESTIONS, ask_ancestry
from transport.syncing.gather.fetching import fetch_missing
from transport.syncing.gather.listing import commits_only_filter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from packcore.store.base import ObjectStore
    from transport.wire.advertisement import Advertisement

FOREIGN = ObjectId(b"\x11" * 20)
"""The target has it, the source does not."""


class Source:
    """A repository of commits by number, a branch for each tip."""

    def __init__(self, path: Path, parents: list[list[int]], tips: Iterable[int]) -> None:
        self.parents = parents
        self.ids: list[ObjectId] = []
        with Repository.init(path) as repository:
            tree = repository.write_loose(ObjectType.TREE, b"")
            for number, below in enumerate(parents):
                lines = [f"tree {tree.hex()}", *(f"parent {self.ids[n].hex()}" for n in below)]
                lines += [f"author a <a> {number} +0000", f"committer a <a> {number} +0000", "", "x\n"]
                self.ids.append(repository.write_loose(ObjectType.COMMIT, "\n".join(lines).encode()))
        for tip in tips:
            (path / f"refs/heads/b{tip}").write_text(f"{self.ids[tip].hex()}\n")
        self.transport = LocalTransport(str(path))

    def listed(self, *, filters: bool = True, version: int = 2) -> Advertisement:
        if not filters:
            config = self.transport.url + "/config"
            with open(config, "a", encoding="utf-8") as file:
                file.write("[uploadpack]\n\tallowFilter = false\n")
        return list_refs(self.transport, protocol="v2" if version == 2 else "v0")

    def is_ancestor(self, old: int, new: int) -> bool:
        reached, stack = {new}, [new]
        while stack:
            found = [parent for parent in self.parents[stack.pop()] if parent not in reached]
            reached.update(found)
            stack += found
        return old in reached


def answers(source: Source, listed: Advertisement, pairs: list[tuple[int, int]]) -> list[bool | None]:
    """Fetch the new tips with all old ones as haves, then ask about every pair that this does not decide."""
    ids = source.ids
    asked = [(ids[old], ids[new]) for old, new in pairs]
    haves = [*dict.fromkeys(old for old, _ in asked), FOREIGN]
    wants = [oid for oid in dict.fromkeys(new for _, new in asked) if oid not in haves]
    with fetch_missing(
        source.transport,
        listed,
        wants=wants,
        haves=haves,
        limits=Limits(),
        progress=SILENT,
        filter_spec=commits_only_filter(listed),
    ) as fetched:
        known = Ancestry(fetched.store, haves, fetched.shallow)
        found = dict(zip(asked, [answer for answer, _ in known.compare(asked)], strict=True))
        open_ = [pair for pair in asked if found[pair] is None]
        found |= ask_ancestry(
            source.transport, listed, known, open_, unknown=fetched.unknown, limits=Limits()
        )
    return [found[pair] for pair in asked]


def random_parents(seed: int, size: int) -> list[list[int]]:
    chance = random.Random(seed)
    return [
        sorted(chance.sample(range(max(0, n - 6), n), min(n, chance.choice([0, 1, 1, 1, 2, 3]))))
        for n in range(size)
    ]


@pytest.mark.parametrize("version", [0, 2])
@pytest.mark.parametrize("seed", range(12))
def test_every_pair_is_decided_and_rightly(tmp_path: Path, seed: int, version: int):
    chance = random.Random(seed)
    pairs = [(chance.randrange(60), chance.randrange(20, 60)) for _ in range(14)]
    source = Source(tmp_path / "s.git", random_parents(seed, 60), {new for _, new in pairs})
    truth = [source.is_ancestor(old, new) for old, new in pairs]
    assert answers(source, source.listed(version=version), pairs) == truth


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of commits that each question brought."""
    counts: list[int] = []
    learn = Ancestry.learn

    def counted(self: Ancestry, store: ObjectStore, wants: Iterable[ObjectId]) -> set[ObjectId]:
        came = learn(self, store, wants)
        counts.append(len(list(store)))
        return came

    monkeypatch.setattr(Ancestry, "learn", counted)
    return counts


def trunk(length: int, count: int) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Return a line of history, and branches whose old tips are all over it, each new tip below another's."""
    parents = [[n - 1] if n else [] for n in range(length)]
    step = length // (count + 1)
    return parents, [(step * (n + 1), step * (n + 1) + step // 2) for n in range(count)]


@pytest.mark.parametrize("count", [10, 40])
def test_many_branches_cost_a_few_questions_and_little_comes_twice(
    tmp_path: Path, received: list[int], count: int
):
    parents, pairs = trunk(400, count)
    source = Source(tmp_path / "s.git", parents, [*(new for _, new in pairs), 399])
    assert answers(source, source.listed(), [*pairs, (1, 399)]) == [True] * (count + 1)
    assert len(received) <= SINGLE_QUESTIONS + 6
    assert sum(received) <= 500


def test_a_source_that_does_not_filter_is_asked_for_what_lies_between_and_no_more(
    tmp_path: Path, received: list[int]
):
    parents, pairs = trunk(400, 10)
    source = Source(tmp_path / "s.git", parents, [new for _, new in pairs])
    listed = source.listed(filters=False)
    assert answers(source, listed, pairs) == [True] * 10
    assert sum(received) <= 400


def test_a_tip_that_the_source_does_not_know_is_no_ancestor(tmp_path: Path):
    parents, _ = trunk(30, 2)
    source = Source(tmp_path / "s.git", parents, [29])
    listed = source.listed()
    with fetch_missing(
        source.transport,
        listed,
        wants=[source.ids[29]],
        haves=[source.ids[20], FOREIGN],
        limits=Limits(),
        progress=SILENT,
    ) as fetched:
        known = Ancestry(fetched.store, [source.ids[20], FOREIGN], fetched.shallow)
        pair = FOREIGN, source.ids[29]
        assert known.compare([pair])[0][0] is None
        said = ask_ancestry(source.transport, listed, known, [pair], unknown=[FOREIGN], limits=Limits())
    assert said == {pair: False}


def test_a_server_that_gives_nothing_but_tips_is_asked_for_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):

    parents, pairs = trunk(200, 8)
    tips = [new for _, new in pairs]
    source = Source(tmp_path / "s.git", parents, tips)
    shown = {source.ids[tip] for tip in tips}

    def refusing(*arguments: Any, **options: Any) -> Any:
        if not shown.issuperset(options["wants"]):
            raise RemoteError("not our ref")
        return fetch_pack(*arguments, **options)

    monkeypatch.setattr(ancestry_questions, "fetch_pack", refusing)
    assert answers(source, source.listed(), pairs) == [True] * 8
