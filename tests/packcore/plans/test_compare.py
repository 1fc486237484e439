"""Two plans are compared by what they write."""

import pytest

from packcore.errors import InvalidPlan
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.compare import compare_plans, plan_figures
from packcore.plans.file import PlanRow, SavedPlan
from packcore.search.select import select
from packcore.walk import list_objects
from tests.pack_stores import make_history


def oid(number: int) -> ObjectId:
    return ObjectId(bytes([number]) * 20)


def row(number: int, base: int | None = None, size: int = 100, delta_size: int | None = None) -> PlanRow:
    if base is None:
        return PlanRow(oid(number), ObjectType.BLOB, size, "whole", None, delta_size)
    return PlanRow(oid(number), ObjectType.BLOB, size, "delta", oid(base), delta_size)


def plan(*rows: PlanRow) -> SavedPlan:
    return SavedPlan(SHA1, "none", 50, 6, rows)


def test_a_plan_equals_itself_when_selected_again():
    store, tip = make_history(commits=10)
    objects = list_objects(store, [tip])
    assert compare_plans(*(SavedPlan.of(select(store, objects)) for _ in range(2))).equal


def test_objects_added_and_removed_are_reported():
    found = compare_plans(plan(row(1), row(2)), plan(row(2), row(3)))
    assert ([r.oid for r in found.removed], [r.oid for r in found.added]) == ([oid(1)], [oid(3)])
    assert not found.changed
    assert not found.reordered


def test_another_base_is_reported_with_the_bytes_that_it_costs():
    old = plan(row(1), row(2), row(3, 1, delta_size=10))
    new = plan(row(1), row(2), row(3, 2, delta_size=25))
    (change,) = compare_plans(old, new).changed
    assert (change.new.oid, change.other_base, change.payload_bytes) == (oid(3), True, 15)


def test_a_delta_that_became_whole_is_changed_but_has_no_other_base():
    (change,) = compare_plans(plan(row(1), row(2, 1, delta_size=10)), plan(row(1), row(2))).changed
    assert (change.other_base, change.payload_bytes) == (False, 90)


def test_another_order_is_a_difference():
    found = compare_plans(plan(row(1), row(2)), plan(row(2), row(1)))
    assert found.reordered
    assert not found.equal


def test_plans_of_two_object_formats_cannot_be_compared():
    with pytest.raises(InvalidPlan, match="sha256"):
        compare_plans(plan(), SavedPlan(SHA256, "none", 50, 6, ()))


def test_figures_agree_with_the_plan_that_was_saved():
    store, tip = make_history(commits=10)
    made = select(store, list_objects(store, [tip]), limits=Limits(depth=4))
    figures = plan_figures(SavedPlan.of(made))
    assert (figures.object_count, figures.delta_count) == (made.object_count, made.delta_count)
    assert 0 < figures.depth_max <= 4
    assert figures.reused_count == 0
