"""A delta forest that was computed elsewhere becomes a plan."""

import pytest

from packcore.errors import CorruptData, InvalidPlan, MissingObject
from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.bind import bind_plan
from packcore.plans.grow import plan_from_forest
from packcore.plans.write import write_pack
from packcore.store.memory import MemoryStore
from packcore.store.spool import SpooledPack


@pytest.fixture
def grown():
    store = MemoryStore(SHA1)
    ids = [store.add(ObjectType.BLOB, b"the same line\n" * 20 + b"%d\n" % n) for n in range(5)]
    return store, ids


def forest(*pairs) -> list[bytes]:
    return [" ".join(oid.hex() for oid in pair).encode() + b"\n" for pair in pairs]


def bases_of(plan) -> list[tuple[bytes, bytes | None]]:
    return [(row.oid, row.base) for row in plan.rows]


def test_bases_come_before_their_deltas_whatever_the_order_of_lines(grown):
    store, (a, b, c, d, e) = grown
    plan = plan_from_forest(forest((c, b), (b, a), (d,), (e, a)), store)
    assert bases_of(plan) == [(a, None), (b, a), (c, b), (e, a), (d, None)]


def test_its_pack_holds_the_objects(grown):
    store, ids = grown
    plan = bind_plan(plan_from_forest(forest(*zip(ids[1:], ids, strict=False)), store), store)
    with SpooledPack.receive(write_pack(plan), object_format=SHA1) as spool:
        assert set(spool) == set(ids)
    assert plan.delta_count == 4


def test_comments_and_blank_lines_are_left_out(grown):
    store, (a, b, *_) = grown
    lines = [b"# grown by hand\n", b"\n", *forest((b, a)), a.hex().encode() + b"  # whole\n"]
    assert bases_of(plan_from_forest(lines, store)) == [(a, None), (b, a)]


def test_a_cycle_is_refused_with_one_of_its_lines(grown):
    store, (a, b, c, d, _) = grown
    with pytest.raises(InvalidPlan, match=r"line [234]: .* form a cycle"):
        plan_from_forest(forest((d, c), (a, b), (b, c), (c, a)), store)


def test_an_object_that_depends_on_itself_is_refused(grown):
    store, (a, *_) = grown
    with pytest.raises(InvalidPlan, match=r"line 1: .* form a cycle"):
        plan_from_forest(forest((a, a)), store)


def test_two_bases_for_an_object_are_refused(grown):
    store, (a, b, c, *_) = grown
    with pytest.raises(InvalidPlan, match=r"line 2: .* was there before, on line 1"):
        plan_from_forest(forest((b, a), (b, c)), store)


def test_chains_are_no_deeper_than_the_limit(grown):
    store, ids = grown
    lines = forest(*zip(ids[1:], ids, strict=False))
    assert plan_from_forest(lines, store, limits=Limits(depth=4)).depth == 4
    with pytest.raises(InvalidPlan, match=r"line 4: .* at depth 4, more than 3"):
        plan_from_forest(lines, store, limits=Limits(depth=3))


def test_a_base_of_another_type_is_refused(grown):
    store, (a, *_) = grown
    tree = store.add(ObjectType.TREE, b"")
    with pytest.raises(InvalidPlan, match=r"line 1: .* is a tree, and its base a blob"):
        plan_from_forest(forest((tree, a)), store)


def test_a_missing_object_is_reported_with_its_line(grown):
    store, (a, *_) = grown
    with pytest.raises(MissingObject, match="forest, line 1"):
        plan_from_forest(forest((a, SHA1.zero)), store)


@pytest.mark.parametrize(
    "line", [b"no id\n", b"abc\n", b"\xff\n", b"0" * 40 + b" x\n", b" ".join([b"1" * 40] * 3)]
)
def test_a_line_without_ids_is_refused_with_its_number(grown, line):
    store, (a, *_) = grown
    with pytest.raises(CorruptData, match="line 2"):
        plan_from_forest([*forest((a,)), line], store)


def test_a_forest_without_trees_is_refused(grown):
    with pytest.raises(CorruptData, match="names no object"):
        plan_from_forest([b"# nothing\n"], grown[0])


def test_a_line_of_any_length_is_refused(grown):
    with pytest.raises(CorruptData, match="line 1: is longer"):
        plan_from_forest([b"0" * 100_000], grown[0])
