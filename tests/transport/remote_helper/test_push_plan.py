"""What git's rules make of each command of a push, without a repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from packcore.ids import SHA1, ObjectId
from transport.errors import LocalProtocolError
from transport.remote_helper.push_plan import Order, plan_push
from transport.remote_helper.verdicts import ATOMIC_FAILED, verdicts_of_plan
from transport.wire.advertisement import Advertisement
from transport.wire.capabilities import Capabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

ZERO, OLD, NEW, SIDE, BLOB, FOREIGN = (ObjectId(bytes([number]) * 20) for number in range(6))


@dataclass
class History:
    """OLD -> NEW, and SIDE beside them; FOREIGN is not here."""

    here: set[ObjectId] = field(default_factory=lambda: {OLD, NEW, SIDE, BLOB})

    def has(self, oid: ObjectId) -> bool:
        return oid in self.here

    def is_commit(self, oid: ObjectId) -> bool:
        return oid != BLOB

    def are_ancestors(self, pairs: Sequence[tuple[ObjectId, ObjectId]]) -> list[bool]:
        return [pair == (OLD, NEW) for pair in pairs]


def decided(new, old, *, name="refs/heads/main", force=False, expected=None, can_delete=True):
    refs = {} if old is None else {name: old}
    listed = Advertisement(0, Capabilities(object_format=SHA1), refs=refs)
    order = Order("x", new, name, force, expected)
    plan = plan_push([order], listed, History(), can_delete=can_delete, head=None)
    (action,) = plan.actions
    return action.action, action.reason


@pytest.mark.parametrize(
    ("new", "old", "options", "expected"),
    [
        (NEW, None, {}, ("create", "")),
        (NEW, NEW, {}, ("skip", "")),
        (NEW, OLD, {}, ("update", "")),
        (SIDE, OLD, {}, ("block", "non-fast forward")),
        (SIDE, OLD, {"force": True}, ("update", "")),
        (NEW, FOREIGN, {}, ("block", "fetch first")),
        (NEW, FOREIGN, {"force": True}, ("update", "")),
        (NEW, BLOB, {}, ("block", "needs force")),
        (NEW, OLD, {"name": "refs/tags/v1"}, ("block", "already exists")),
        (NEW, OLD, {"name": "refs/tags/v1", "force": True}, ("update", "")),
        (SIDE, OLD, {"expected": OLD}, ("update", "")),
        (SIDE, OLD, {"expected": NEW}, ("block", "stale info")),
        (SIDE, OLD, {"expected": NEW, "force": True}, ("update", "")),
        (SIDE, OLD, {"expected": ZERO}, ("block", "stale info")),
        (SIDE, None, {"expected": ZERO}, ("create", "")),
        (SIDE, None, {"expected": OLD}, ("block", "stale info")),
        (None, OLD, {}, ("delete", "")),
        (None, OLD, {"expected": NEW}, ("block", "stale info")),
        (None, None, {}, ("block", "remote ref does not exist")),
        (None, OLD, {"can_delete": False}, ("block", "remote does not support deleting refs")),
        (NEW, None, {"name": "refs/heads/a..b"}, ("block", "funny refname")),
    ],
)
def test_a_command_is_decided_as_git_decides_it(new, old, options, expected):
    assert decided(new, old, **options) == expected  # type: ignore[no-untyped-call]


def test_one_ref_is_pushed_to_once():
    listed = Advertisement(0, Capabilities(object_format=SHA1))
    orders = [Order("x", NEW, "refs/heads/main", False), Order("y", OLD, "refs/heads/main", False)]
    with pytest.raises(LocalProtocolError, match="twice"):
        plan_push(orders, listed, History(), can_delete=True, head=None)


def test_one_blocked_ref_holds_back_the_others_of_an_atomic_push():
    listed = Advertisement(0, Capabilities(object_format=SHA1), refs={"refs/heads/a": OLD})
    orders = [Order("x", SIDE, "refs/heads/a", False), Order("x", SIDE, "refs/heads/b", False)]
    plan = plan_push(orders, listed, History(), can_delete=True, head=None)
    told = [verdict.error for verdict in verdicts_of_plan(plan, atomic=True)]
    assert told == ["non-fast forward", ATOMIC_FAILED]
    assert [verdict.error for verdict in verdicts_of_plan(plan, atomic=False)] == ["non-fast forward", None]
