"""Refs that are up to date cost nothing until somebody reads what is said about them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from packcore.ids import SHA1, ObjectId
from transport.syncing.decide.planner import plan_refs
from transport.syncing.decide.ref_plan import skipped
from transport.syncing.outcome.result import Outcome, SyncResult, results_of
from transport.syncing.request import Policy, RefMapping, Scope
from transport.wire.advertisement import Advertisement
from transport.wire.capabilities import Capabilities
from transport.wire.ref_columns import RefColumns

if TYPE_CHECKING:
    from transport.syncing.decide.ref_plan import RefAction
    from transport.syncing.decide.up_to_date import UpToDate

A, B = ObjectId(b"\xaa" * 20), ObjectId(b"\xbb" * 20)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of refs that are up to date and for which an action is made."""
    names: list[str] = []

    def counted(refs: UpToDate, name: str) -> RefAction:
        names.append(name)
        return skipped(refs, name)

    monkeypatch.setattr("transport.syncing.outcome.result.skipped", counted)
    return names


def listed(count: int, changed: int | None = None) -> Advertisement:
    names = [b"refs/heads/b%05d" % number for number in range(count)]
    hexes = [(B if number == changed else A).hex().encode() for number in range(count)]
    return Advertisement(0, Capabilities(object_format=SHA1), refs=RefColumns(names, hexes))


@pytest.mark.parametrize("count", [10, 2000])
@pytest.mark.parametrize("changed", [None, 4])
def test_a_plan_and_its_result_make_no_value_for_a_ref_that_is_up_to_date(
    made: list[str], count: int, changed: int | None
) -> None:
    plan = plan_refs(listed(count, changed), listed(count), Scope(), Policy(prune=True))
    result = SyncResult(results_of(plan.actions), "v2")
    assert len(plan.in_push_order()) == (changed is not None)
    assert result.count(Outcome.UP_TO_DATE) == count - len(plan.in_push_order())
    assert result.exit_code == (changed is not None)
    assert made == []
    assert [ref.planned.target_ref for ref in result.refs] == list(listed(count).refs)
    assert len(made) == result.count(Outcome.UP_TO_DATE)


def test_refs_that_are_up_to_date_read_as_others_do() -> None:
    scope = Scope(mappings=(RefMapping("refs/heads/b00001", "refs/heads/x"),))
    target = Advertisement(0, Capabilities(object_format=SHA1), refs={"refs/heads/x": A})
    (action,) = plan_refs(listed(3), target, scope, Policy()).actions
    assert action.action == "skip"
    assert (action.source_ref, action.target_ref) == ("refs/heads/b00001", "refs/heads/x")
    assert action.reason == "already at aaaaaaaa"


def test_a_result_is_the_same_after_it_was_sent_to_another_process() -> None:
    plan = plan_refs(listed(5, 2), listed(5), Scope(), Policy())
    refs = results_of(plan.actions)
    assert pickle.loads(pickle.dumps(refs)) == refs == tuple(refs)
