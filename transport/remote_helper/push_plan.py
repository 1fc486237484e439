"""What to do with each ref of a push: decided as git decides it, in git's own words; pure.

    the target has     the push has                   action     the word, where it is blocked
    no such ref        an id                          create
    the same id        it too                         skip       up to date
    another id         a lease on that id             update
    another id         a lease on another one         block      stale info
    (none)             a lease on some id             block      stale info
    a tag              another id, not forced         block      already exists
    an id unknown here  an id, not forced             block      fetch first
    no commit          or the push has none           block      needs force
    a commit           one that builds on it          update
    a commit           another one, not forced        block      non-fast forward
    any id             nothing                        delete
    no such ref        nothing                        block      remote ref does not exist

`+` overrides every block but the last. With `--atomic` one block holds back all others: see `verdicts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from packcore.refs import is_valid_ref_name, ref_kind
from transport.errors import LocalProtocolError
from transport.syncing.decide.ref_plan import RefAction, RefPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packcore.ids import ObjectId
    from transport.syncing.decide.ref_plan import Action, RefListing

__all__ = ["History", "Order", "plan_push"]

TAGS = "refs/tags/"

STALE = "stale info"
EXISTS = "already exists"
FETCH_FIRST = "fetch first"
NEEDS_FORCE = "needs force"
NO_FAST_FORWARD = "non-fast forward"
NO_DELETION = "remote does not support deleting refs"


class Order(NamedTuple):
    """One command of a push, its source resolved."""

    source: str
    source_id: ObjectId | None
    """None: delete."""
    target: str
    force: bool
    expected: ObjectId | None = None
    """A lease: what the target's ref must be, the zero id for none."""


class History(Protocol):
    """What is asked of the pushing repository."""

    def has(self, oid: ObjectId) -> bool:
        """Return whether an object is here."""

    def is_commit(self, oid: ObjectId) -> bool:
        """Return whether an object is a commit, or a tag of one."""

    def are_ancestors(self, pairs: Sequence[tuple[ObjectId, ObjectId]]) -> Sequence[bool]:
        """Return of each pair whether the first is an ancestor of the second."""


def plan_push(
    orders: Iterable[Order], target: RefListing, history: History, *, can_delete: bool, head: str | None
) -> RefPlan:
    """Decide upon every order. `head` is the branch that the pushing repository has checked out.

    Raises LocalProtocolError where two orders are for one ref.
    """
    actions: dict[str, RefAction] = {}
    for order in orders:
        if order.target in actions:
            raise LocalProtocolError(f"{order.target} is pushed to twice")
        actions[order.target] = _decided(order, target, history, can_delete=can_delete)
    return RefPlan(tuple(_settled(list(actions.values()), history)), target.object_format, head)


def _decided(order: Order, target: RefListing, history: History, *, can_delete: bool) -> RefAction:
    old, new = target.refs.get(order.target), order.source_id
    action = RefAction("skip", ref_kind(order.target), order.source, order.target, new, old, "")
    if not is_valid_ref_name(order.target):
        return action._replace(action="block", reason="funny refname")
    if old is None and new is None:
        return action._replace(action="block", reason="remote ref does not exist")
    if new is None and not can_delete:
        return action._replace(action="block", reason=NO_DELETION)
    if old == new:
        return action
    word = _objection(order, old, history)
    if word is not None and not order.force:
        return action._replace(action="block", reason=word)
    verb: Action = "delete" if new is None else "create" if old is None else "update"
    forced = order.force or order.expected is not None
    return action._replace(action=verb, forced=forced, open=verb == "update" and not forced)


def _settled(actions: Sequence[RefAction], history: History) -> Iterator[RefAction]:
    """Find out about all updates at once which are fast-forwards."""
    pairs = [(a.target_id, a.source_id) for a in actions if a.open and a.target_id and a.source_id]
    answers = iter(history.are_ancestors(pairs) if pairs else ())
    for action in actions:
        if not action.open:
            yield action
        elif next(answers):
            yield action._replace(open=False)
        else:
            yield action._replace(action="block", open=False, reason=NO_FAST_FORWARD)


def _objection(order: Order, old: ObjectId | None, history: History) -> str | None:
    """Return why git would not do it without force, or None; whether it is a fast-forward is seen later."""
    new = order.source_id
    if order.expected is not None:
        is_as_expected = order.expected == old if old is not None else not any(order.expected)
        return None if is_as_expected else STALE
    if old is None or new is None:
        return None
    if order.target.startswith(TAGS):
        return EXISTS
    if not history.has(old):
        return FETCH_FIRST
    return None if history.is_commit(old) and history.is_commit(new) else NEEDS_FORCE
