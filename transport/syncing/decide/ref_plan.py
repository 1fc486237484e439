"""The plan of one run, as values: what to do with each ref of the target.

RefListing   what a side has, as the planner looks at it     an Advertisement, a repository on this disk
RefAction    one ref: what is decided, and why
RefPlan      all of them, and the commands for the target in the order of a push
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from packcore.ids import hex_repr
from packcore.refs import ref_kind
from transport.syncing.decide.ref_names import RefNames
from transport.syncing.decide.up_to_date import PerRef, others_of, up_to_date_in
from transport.syncing.request import short_name
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.refs import RefKind
    from transport.syncing.decide.up_to_date import UpToDate

__all__ = ["Action", "Actions", "RefAction", "RefListing", "RefPlan", "short_id", "skipped"]

Action = Literal["create", "update", "delete", "skip", "block", "warn"]

_SHORT_HEX = 8


class RefListing(Protocol):
    """What the planner needs of an `Advertisement`; a repository on disk can give it too."""

    @property
    def refs(self) -> Mapping[str, ObjectId]:
        """Id by ref name."""

    @property
    def symrefs(self) -> Mapping[str, str]:
        """Target by symbolic ref, such as `HEAD`."""

    @property
    def head(self) -> ObjectId | None:
        """The commit that HEAD resolves to, which may be detached; None if it is unborn."""

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Refs and folders of refs that are there but can't be read: the reason by name."""

    @property
    def may_lack_names(self) -> bool:
        """Whether there may be refs in neither list."""

    @property
    def hidden(self) -> Collection[RefKind]:
        """Kinds of refs that the side says it hides in part."""

    @property
    def object_format(self) -> ObjectFormat:
        """How the ids are made."""


class RefAction(NamedTuple):
    """What to do with one ref of the target."""

    action: Action
    kind: RefKind
    source_ref: str
    """Empty for a delete."""
    target_ref: str
    source_id: ObjectId | None
    target_id: ObjectId | None
    """The target's tip when the run started, None where there was none."""
    reason: str
    open: bool = False
    """An update whose ancestry is not known yet."""
    forced: bool = False
    """An update that is allowed regardless of ancestry."""
    unreadable: bool = False
    """Blocked because the source has the ref, or may have it, and can't read it."""
    hidden: bool = False
    """Blocked because the source may have the ref, and hide it."""

    @property
    def branch(self) -> str:
        """The short name, as people call the target's ref."""
        return short_name(self.target_ref)

    @property
    def pair(self) -> tuple[ObjectId, ObjectId]:
        """The target's and the source's tip of an update."""
        assert self.target_id is not None
        assert self.source_id is not None
        return self.target_id, self.source_id

    @property
    def pushes(self) -> bool:
        """Whether it becomes a command for the target."""
        return self.action in {"create", "update", "delete"}

    def __repr__(self) -> str:
        return hex_repr(self)


class Actions(PerRef[RefAction]):
    """The actions of a plan."""

    def _name(self, item: RefAction) -> str:
        return item.target_ref

    def _made(self, name: str) -> RefAction:
        return skipped(self.up_to_date, name)


class RefPlan(NamedTuple):
    """All actions of a run, ordered by target ref."""

    actions: Sequence[RefAction]
    """The planner's are `Actions`."""
    object_format: ObjectFormat
    source_head: str | None
    """The branch that the source's HEAD points to."""

    @property
    def others(self) -> Sequence[RefAction]:
        """The actions without those of refs that are up to date, as far as these are kept apart."""
        return others_of(self.actions)

    def changed(self, change: Callable[[RefAction], RefAction]) -> RefPlan:
        """Return the plan with these others changed."""
        return self._replace(actions=Actions(map(change, self.others), up_to_date_in(self.actions)))

    @property
    def is_open(self) -> bool:
        """Whether ancestry still has to be looked up."""
        return any(action.open for action in self.others)

    @property
    def open_pairs(self) -> list[tuple[ObjectId, ObjectId]]:
        """The target's and the source's tips of the open updates, each pair once."""
        return list(dict.fromkeys(action.pair for action in self.others if action.open))

    @property
    def wants(self) -> list[ObjectId]:
        """The tips that the target should get, each once, in push order."""
        found = (action.source_id for action in self.in_push_order() if action.source_id is not None)
        return list(dict.fromkeys(found))

    @property
    def blocked(self) -> list[RefAction]:
        """The actions that are refused."""
        return [action for action in self.others if action.action == "block"]

    def block(self, is_impossible: Callable[[RefAction], bool], reason: str) -> RefPlan:
        """Return the plan with the impossible pushing actions blocked for `reason`."""
        return self.changed(
            lambda action: (
                action._replace(action="block", reason=f"{action.reason}; {reason}", open=False)
                if action.pushes and is_impossible(action)
                else action
            )
        )

    def in_push_order(self) -> list[RefAction]:
        """Return the actions that push, in the order of their commands.

        Deletes that make room for a create come first, since servers work through the list in order;
        then the source HEAD's branch, which many hosts make the default of a new repository; then
        creates and updates by name; other deletes last.
        """
        pushes = [action for action in self.others if action.pushes]
        created = RefNames(action.target_ref for action in pushes if action.action == "create")

        def place(action: RefAction) -> int:
            if action.action != "delete":
                return 1 if action.source_ref == self.source_head else 2
            return 0 if created.clash(action.target_ref) is not None else 3

        return sorted(pushes, key=place)

    def updates(self) -> list[RefUpdate]:
        """Return the commands for the target, in push order; each swaps against the tip seen at start."""
        zero = self.object_format.zero
        return [
            RefUpdate(action.target_ref, action.target_id or zero, action.source_id or zero)
            for action in self.in_push_order()
        ]


def skipped(refs: UpToDate, name: str) -> RefAction:
    """Return the action for a ref that is up to date."""
    oid, source = refs.ids[name], refs.sources.get(name, name)
    return RefAction("skip", ref_kind(name), source, name, oid, oid, f"already at {short_id(oid)}")


def short_id(oid: ObjectId) -> str:
    """Return the first hex digits of an id, for messages."""
    return oid.hex()[:_SHORT_HEX]
