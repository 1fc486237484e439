"""Whole objects in a pack of deltas are copied as they are: their packer has already searched."""

import pytest

from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.entries import Delta, Reused, ThinDelta, Whole
from packcore.plans.plan import PackPlan
from packcore.search.select import select
from packcore.store.memory import MemoryStore
from packcore.walk import list_objects
from tests.pack_stores import LyingInPack, Unreadable, candidates_of, make_history


@pytest.fixture(scope="module")
def history():
    store, tip = make_history()
    return store, list_objects(store, [tip])


def searched_count(plan: PackPlan) -> int:
    return sum(isinstance(entry.encoding, Delta | ThinDelta) for entry in plan.entries)


def test_a_pack_of_deltas_is_copied_without_reading_an_object(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    packed._store = Unreadable(store)
    plan = select(packed, objects)
    assert all(isinstance(entry.encoding, Reused) for entry in plan.entries)


def test_trusted_objects_come_in_the_order_of_their_pack(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    plan = select(packed, objects)
    offsets = [packed.raws[entry.oid].pack_offset for entry in plan.entries]
    assert offsets == sorted(offsets)


def test_a_ref_delta_before_its_base_is_placed_behind_it(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    end = 1 + max(raw.end_offset for raw in packed.raws.values())
    packed.raws = {oid: raw._replace(pack_offset=end - raw.pack_offset) for oid, raw in packed.raws.items()}
    plan = select(packed, objects)
    assert {entry.oid for entry in plan.entries} == {candidate.oid for candidate in objects}
    assert plan.reused_count == len(objects)


def test_a_pack_without_deltas_is_searched(history):
    store, objects = history
    packed = LyingInPack(select(store, objects, strategy="none"))
    assert searched_count(select(packed, objects)) == searched_count(select(store, objects))


def test_an_object_in_no_pack_is_searched_against_trusted_ones(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    roots = [oid for oid, raw in packed.raws.items() if raw.base is None]
    bases = {raw.base for raw in packed.raws.values()}
    blobs = {c.oid for c in objects if c.type == ObjectType.BLOB}
    leaves = [oid for oid in packed.raws if oid not in bases and oid not in roots and oid in blobs]
    for oid in leaves:
        del packed.raws[oid]
    plan = select(packed, objects)
    assert 0 < searched_count(plan) <= len(leaves)
    assert all(isinstance(e.encoding, Reused) for e in plan.entries if e.oid in packed.raws)


def test_nothing_is_trusted_if_a_search_is_requested(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    assert searched_count(select(packed, objects, reuse_deltas=False)) > 0


def test_nothing_is_trusted_where_the_receiver_has_bases():
    store = MemoryStore(SHA1)
    for number in range(5):
        store.add(ObjectType.BLOB, b"".join(b"line %d\n" % line for line in range(300)) + b"%d" % number)
    candidates = candidates_of(store)
    packed = LyingInPack(select(store, candidates[:4]))
    plan = select(packed, candidates[:4], thin_bases=candidates[4:])
    assert not any(isinstance(entry.encoding, Whole) for entry in plan.entries)
    assert any(isinstance(entry.encoding, ThinDelta) for entry in plan.entries)


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_trusted_chains_keep_the_limit(history, depth):
    store, objects = history
    plan = select(LyingInPack(select(store, objects)), objects, limits=Limits(depth=depth))
    assert plan.object_count == len(objects)
