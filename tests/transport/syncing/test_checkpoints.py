"""Where a relay in batches pauses: every commit once, pieces sized by what came before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.ids import ObjectId
from transport.syncing.deliver.checkpoints import FILL, GROWTH, Checkpoints

if TYPE_CHECKING:
    from transport.syncing.request import BootstrapStrategy


def oid(name: str) -> ObjectId:
    return ObjectId(name.encode())


def table(text: str) -> dict[ObjectId, tuple[ObjectId, ...]]:
    rows = (row.partition(":") for row in text.split())
    return {oid(name): tuple(map(oid, parents)) for name, _, parents in rows}


FORK = table("A: B:A C:B D:C E:B F:E M:DF")


def checkpoints(
    parents: dict[ObjectId, tuple[ObjectId, ...]],
    tips: str,
    *,
    strategy: BootstrapStrategy = "first-parent",
    batches: float = 1,
) -> Checkpoints:
    count = int(batches * 1_000_000 * FILL / 400)
    return Checkpoints(parents, map(oid, tips), strategy=strategy, object_count=count, limit=1_000_000)


def run(checkpoints: Checkpoints, pack_bytes: int = 750_000) -> list[str]:
    asked = []
    while wants := checkpoints.next():
        asked.append(b"".join(wants).decode())
        checkpoints.passed(pack_bytes, 1_000_000)
    return asked


@pytest.mark.parametrize(
    ("strategy", "asked"),
    [("first-parent", ["A", "B", "C", "D", "M"]), ("topo", ["A", "B", "C", "D", "E", "F", "M"])],
)
def test_the_chain_is_that_of_first_parents_or_of_all_commits(strategy, asked):
    assert run(checkpoints(FORK, "M", strategy=strategy, batches=100)) == asked


def test_the_first_tip_comes_first_and_what_it_reaches_only_once():
    assert run(checkpoints(FORK, "DM", batches=100)) == ["A", "B", "C", "D", "M"]
    assert run(checkpoints(FORK, "CF", batches=100)) == ["A", "B", "C", "E", "F"]


def test_a_piece_of_several_lines_is_asked_for_by_all_its_heads():
    assert run(checkpoints(FORK, "CF")) == ["FC"]


def test_a_tag_comes_behind_what_it_names():
    assert run(checkpoints(FORK | table("t:D u:t"), "Mu", batches=100))[-2:] == ["t", "u"]


LINE: dict[ObjectId, tuple[ObjectId, ...]] = {
    oid(chr(200 + n)): (oid(chr(199 + n)),) if n else () for n in range(64)
}
TIP = chr(263)


def test_small_packs_are_recombined_and_large_ones_make_the_next_shorter():
    points = checkpoints(LINE, TIP, batches=64)
    lengths = []
    for pack_bytes in (1000, 10_000, 700_000):
        before = points.batches_left
        assert points.next()
        points.passed(pack_bytes, 1_000_000)
        lengths.append(points._span)
        assert points.batches_left < before
    assert lengths[:2] == [GROWTH, GROWTH**2]
    assert lengths[2] == int(16 * 750_000 / 700_000)


def test_a_piece_that_is_too_large_is_halved_at_least_until_it_is_single():
    points = checkpoints(LINE, TIP)
    assert points.next() == [oid(TIP)]
    lengths = []
    for pack_bytes in (0, 1_200_000, 10_000_000, 0):
        points.shorten(pack_bytes, 1_000_000)
        lengths.append(points._span)
    assert lengths == [32, 16, 1, 1]
    assert points.is_single


def test_after_a_pack_that_was_too_large_the_pieces_grow_again_by_and_by():
    points = checkpoints(LINE, TIP, batches=8)
    points.shorten(2_000_000, 1_000_000)
    lengths = []
    for _ in range(4):
        lengths.append(len(points._piece))
        points.passed(100_000, 1_000_000)
    assert lengths == sorted(lengths)
    assert lengths[0] < 4 < lengths[-1]


def test_a_merge_that_is_too_large_is_opened_and_a_plain_commit_is_not():
    points = checkpoints(FORK, "M", batches=100)
    for _ in "ABCD":
        points.passed(750_000, 1_000_000)
    assert points.next() == [oid("M")]
    assert points.open_merge()
    assert run(points) == ["E", "F", "M"]
    points = checkpoints(FORK, "A")
    assert not points.open_merge()
    assert points.next() == [oid("A")]
