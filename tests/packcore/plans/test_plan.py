"""A plan is checked once, when it is made, and an illegal plan can't be made."""

from collections.abc import Iterator
from typing import Any

import pytest

from packcore.delta.codec import DELTA_BYTES_MIN
from packcore.delta.make import make_delta
from packcore.errors import InvalidPlan
from packcore.ids import SHA1, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.copied import CopiedEntries
from packcore.plans.entries import Delta, Encoding, PackEntry, Reused, ThinDelta, Whole
from packcore.plans.legality import check_entries
from packcore.plans.plan import PackPlan
from packcore.store.base import RawEntry
from packcore.store.memory import MemoryStore


class Nowhere:
    name = "pack-nowhere"

    def copy_payload(self, entry: RawEntry) -> Iterator[bytes]:
        raise AssertionError


def oid(number: int) -> ObjectId:
    return ObjectId(bytes([number]) * 20)


def entry(number: int, encoding: Encoding, type_: ObjectType = ObjectType.BLOB) -> PackEntry:
    return PackEntry(oid(number), type_, 10, encoding)


def raw(base: ObjectId | None = None) -> RawEntry:
    return RawEntry(Nowhere(), 0, 2, 12, 10, base)


STORE = MemoryStore(SHA1)
BLOB = STORE.add(ObjectType.BLOB, b"a blob that the receiver has")
TREE = STORE.add(ObjectType.TREE, b"")


def plan_of(*entries: PackEntry, depth: int = 50) -> PackPlan:
    return PackPlan(SHA1, entries, Limits(depth=depth), "none", STORE, make_delta)


def test_a_plan_counts_its_objects_deltas_and_reused_ones():
    plan = plan_of(
        entry(1, Whole()),
        entry(2, Delta(0, 5, None)),
        entry(3, Reused(raw(), None)),
        entry(4, Reused(raw(oid(3)), 2)),
        entry(5, ThinDelta(BLOB, 5, None)),
    )
    assert (plan.object_count, plan.delta_count, plan.reused_count) == (5, 3, 2)


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([entry(1, Delta(0, 5, None))], id="a delta against itself"),
        pytest.param([entry(1, Delta(1, 5, None)), entry(2, Whole())], id="a base after its delta"),
        pytest.param([entry(1, Whole()), entry(2, Delta(-1, 5, None))], id="a negative base index"),
        pytest.param(
            [entry(1, Whole()), entry(2, Reused(raw(oid(3)), 2))], id="a reused delta without its base"
        ),
        pytest.param([entry(1, Whole()), entry(1, Whole())], id="an object twice"),
        pytest.param(
            [entry(1, Whole()), entry(2, Delta(0, 5, None), ObjectType.TREE)], id="a base of another type"
        ),
        pytest.param([entry(2, ThinDelta(TREE, 5, None))], id="a thin base of another type"),
        pytest.param([entry(2, ThinDelta(oid(9), 5, None))], id="a thin base that the store lacks"),
        pytest.param([entry(1, Whole()), entry(2, Delta(0, 3, None))], id="a delta shorter than git takes"),
        pytest.param([entry(2, ThinDelta(BLOB, 3, None))], id="a thin delta shorter than git takes"),
        pytest.param(
            [entry(1, Whole()), entry(2, Reused(raw(oid(7)), 0))], id="a copied delta on another base"
        ),
        pytest.param([entry(1, Whole()), entry(2, Reused(raw(), 0))], id="a whole object copied as a delta"),
        pytest.param(
            [entry(1, Whole()), entry(2, ThinDelta(oid(1), 5, None))], id="a thin base that is inside"
        ),
        pytest.param(
            [PackEntry(ObjectId(b"short"), ObjectType.BLOB, 1, Whole())], id="an id of the wrong length"
        ),
        pytest.param([PackEntry(oid(1), ObjectType.BLOB, -1, Whole())], id="a negative size"),
    ],
)
def test_a_plan_that_breaks_a_rule_cannot_be_made(entries):
    with pytest.raises(InvalidPlan):
        plan_of(*entries)


def test_a_chain_as_deep_as_the_limit_is_legal_and_one_deeper_is_not():
    chain = [entry(0, Whole()), *(entry(number, Delta(number - 1, 5, None)) for number in range(1, 5))]
    assert plan_of(*chain, depth=4).delta_count == 4
    with pytest.raises(InvalidPlan, match="depth 4"):
        plan_of(*chain, depth=3)


def test_plans_of_equal_entries_are_equal_wherever_their_bytes_come_from():
    assert plan_of(entry(1, Whole())) == plan_of(entry(1, Whole()))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([entry(1, Whole()), entry(1, Whole())], f"object {oid(1).hex()} comes a second time, as entry 1"),
        (
            [entry(1, Whole()), PackEntry(ObjectId(b"short"), ObjectType.BLOB, 1, Whole())],
            "entry 1 has no sha1 id: 73686f7274",
        ),
        ([entry(1, Whole()), entry(2, ThinDelta(oid(1), 5, None))], f"{oid(1).hex()}, that is inside"),
        ([entry(2, ThinDelta(oid(9), 5, None))], f"{oid(9).hex()}, that the store lacks"),
        ([entry(2, ThinDelta(TREE, 5, None))], f"of another type outside, {TREE.hex()}"),
    ],
    ids=["twice", "no id", "inside", "lacking", "another type"],
)
def test_the_error_says_which_rule_which_entry_breaks(entries, words):
    with pytest.raises(InvalidPlan, match=words):
        plan_of(*entries)


def test_the_smallest_sizes_are_legal():
    empty = PackEntry(oid(1), ObjectType.BLOB, 0, Whole())
    shortest = [entry(2, Delta(0, DELTA_BYTES_MIN, None)), entry(3, ThinDelta(BLOB, DELTA_BYTES_MIN, None))]
    assert plan_of(empty, *shortest).object_count == 3


def test_a_delta_on_a_base_outside_is_at_depth_one():
    thin = [entry(1, ThinDelta(BLOB, 5, None)), entry(2, Delta(0, 5, None))]
    assert plan_of(*thin, depth=2).delta_count == 2
    with pytest.raises(InvalidPlan, match="entry 1 is at depth 2, more than 1"):
        plan_of(*thin, depth=1)
    copied = entry(1, Reused(raw(BLOB), None))
    assert plan_of(copied, depth=1).delta_count == 1
    with pytest.raises(InvalidPlan, match="entry 0 is at depth 1, more than 0"):
        plan_of(copied, depth=0)


def test_whole_objects_are_at_depth_none_copied_ones_too():
    assert plan_of(entry(1, Whole()), entry(2, Reused(raw(), None)), depth=0).delta_count == 0


def test_of_copied_entries_the_chains_are_checked_and_no_entry_is_made():
    class Part:
        bases = (-1, 0, 1)

        def __len__(self) -> int:
            return 3

        def objects(self) -> None:
            raise AssertionError("entries were made")

    part: Any = Part()
    check_entries(CopiedEntries(part), object_format=SHA1, depth_max=2, store=STORE)
    with pytest.raises(InvalidPlan, match="entry 2 is at depth 2, more than 1"):
        check_entries(CopiedEntries(part), object_format=SHA1, depth_max=1, store=STORE)
