"""From two lists of refs to what would be done with each: pure, no traffic, no objects.

    plan_refs(source, target, scope, policy, mode)  ->  RefPlan    updates still open where ancestry decides
    settle(plan, is_fast_forward)                   ->  RefPlan    nothing open any more

    source has it   target has it      action
    yes             no                 create
    yes             same id            skip
    yes             other id           tag: block, or update when forced
                                       else: update when it is a fast-forward or forced, or block
    no              yes                delete, if pruning and the ref is managed; else it isn't mentioned
    no              (named by hand)    warn for a branch, an error for a mapping

That is mode sync. In mode replicate another id is an update in any case, and in mode bootstrap it is
blocked, since bootstrap only creates.

Managed are the refs that the scope would carry: branches unless some are named or mapped, tags with
`tags`, everything else with `all_refs`, and of these none that is excluded. A branch named by hand is
never pruned. A ref outside branches and tags follows the branch rule, as in `git push`.

Two refs of which one's name is a folder of the other's can't live together in most repositories; a
create that would meet such a neighbour is blocked here, with the neighbour's name.

Left out on purpose: hidden refs. Which refs a target refuses is its own affair, and told by its answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from packcore.refs import is_valid_ref_name, ref_sort_key
from transport.errors import NoRefsMatched, ObjectFormatMismatch
from transport.sync.request import REFS, RefKind, ref_kind, short_name
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from packcore.ids import ObjectFormat, ObjectId
    from transport.sync.request import Mode, Policy, Scope

__all__ = ["Action", "RefAction", "RefListing", "RefPlan", "plan_refs", "settle", "short_id"]

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
    def object_format(self) -> ObjectFormat:
        """How the ids are made."""


class RefAction(NamedTuple):
    """What is to be done with one ref of the target."""

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
    """An update whose ancestry has not been looked up."""
    forced: bool = False
    """An update that is allowed whatever the ancestry."""

    @property
    def branch(self) -> str:
        """The short name, as people call the target's ref."""
        return short_name(self.target_ref)

    @property
    def pushes(self) -> bool:
        """Whether it becomes a command for the target."""
        return self.action in {"create", "update", "delete"}


@dataclass(frozen=True, slots=True)
class RefPlan:
    """All actions of a run, ordered by target ref."""

    actions: tuple[RefAction, ...]
    object_format: ObjectFormat
    source_head: str | None
    """The branch that the source's HEAD points to."""

    @property
    def is_open(self) -> bool:
        """Whether ancestry still has to be looked up."""
        return any(action.open for action in self.actions)

    @property
    def wants(self) -> list[ObjectId]:
        """The tips that the target is to have, each once, in push order."""
        found = (action.source_id for action in self.in_push_order() if action.source_id is not None)
        return list(dict.fromkeys(found))

    @property
    def blocked(self) -> list[RefAction]:
        """The actions that are refused."""
        return [action for action in self.actions if action.action == "block"]

    def block(self, is_impossible: Callable[[RefAction], bool], reason: str) -> RefPlan:
        """Return the plan with the pushing actions blocked that can't be carried out, and say why."""
        actions = (
            action._replace(action="block", reason=f"{action.reason}; {reason}", open=False)
            if action.pushes and is_impossible(action)
            else action
            for action in self.actions
        )
        return replace(self, actions=tuple(actions))

    def in_push_order(self) -> list[RefAction]:
        """Return the actions that push, in the order of their commands.

        Deletes that make room for a create come first, since servers work through the list in order;
        then the source HEAD's branch, which many hosts make the default of a new repository; then
        creates and updates by name; other deletes last.
        """
        pushes = [action for action in self.actions if action.pushes]
        created = {action.target_ref for action in pushes if action.action == "create"}
        folders = {folder for name in created for folder in _folders(name)}

        def place(action: RefAction) -> int:
            if action.action != "delete":
                return 1 if action.source_ref == self.source_head else 2
            name = action.target_ref
            makes_room = name in folders or any(folder in created for folder in _folders(name))
            return 0 if makes_room else 3

        return sorted(pushes, key=place)

    def updates(self) -> list[RefUpdate]:
        """Return the commands for the target, in push order; each swaps against the tip seen at start."""
        zero = self.object_format.zero
        return [
            RefUpdate(action.target_ref, action.target_id or zero, action.source_id or zero)
            for action in self.in_push_order()
        ]


def plan_refs(
    source: RefListing, target: RefListing, scope: Scope, policy: Policy, mode: Mode = "sync"
) -> RefPlan:
    """Decide upon every ref within the scope.

    Raises NoRefsMatched where the source has none, or lacks a mapped one, and ObjectFormatMismatch.
    """
    desired, warnings = _desired_refs(source.refs, scope)
    if not desired:
        hint = "the source has refs, but none in scope" if source.refs else "the source repository is empty"
        raise NoRefsMatched("no ref of the source is within the scope", hint=hint)
    _check_formats(source, target)
    actions = [
        _plan_ref(_known(to, of, source.refs[of], target.refs.get(to)), policy, mode)
        for to, of in desired.items()
    ]
    if policy.prune:
        actions.extend(
            RefAction(
                "delete", ref_kind(name), "", name, None, oid, f"gone from the source, was {short_id(oid)}"
            )
            for name, oid in target.refs.items()
            if name not in desired and _is_pruned(name, scope)
        )
    actions = _block_name_conflicts(actions, target.refs)
    actions = sorted([*actions, *warnings], key=lambda action: ref_sort_key(action.target_ref))
    head = source.symrefs.get("HEAD")
    return RefPlan(tuple(actions), source.object_format, head)


def settle(plan: RefPlan, is_fast_forward: Callable[[RefAction], bool | None]) -> RefPlan:
    """Close the open updates: `is_fast_forward` says yes, no, or None for "can't tell"."""
    actions = (
        _settled(action, is_fast_forward(action)) if action.open else action for action in plan.actions
    )
    return replace(plan, actions=tuple(actions))


def short_id(oid: ObjectId) -> str:
    """Return the first hex digits of an id, for messages."""
    return oid.hex()[:_SHORT_HEX]


def _check_formats(source: RefListing, target: RefListing) -> None:
    if source.object_format is not target.object_format:
        raise ObjectFormatMismatch(
            f"the source uses {source.object_format.name}, the target {target.object_format.name}",
            hint="make the target with the source's object format, or convert the source first",
        )


def _desired_refs(refs: Mapping[str, ObjectId], scope: Scope) -> tuple[dict[str, str], list[RefAction]]:
    """Return source ref by target ref, and warnings about refs that can't be had."""
    desired: dict[str, str] = {}
    warnings: list[RefAction] = []
    for mapping in scope.mappings:
        if mapping.source not in refs:
            raise NoRefsMatched(f"the source has no {mapping.source}, which is mapped to {mapping.target}")
        desired[mapping.target] = mapping.source
    named = frozenset() if scope.mappings else scope.branch_names
    absent = sorted(
        (name for name in named if name not in refs and not scope.excludes(name)), key=ref_sort_key
    )
    warnings.extend(_warning(name, None, "the source has no such branch; left alone") for name in absent)
    for name, oid in refs.items():
        if name in desired or not _is_discovered(name, scope, named):
            continue
        if is_valid_ref_name(name):
            desired[name] = name
        else:
            warnings.append(_warning(name, oid, "not a valid ref name; left out"))
    return desired, warnings


def _warning(name: str, oid: ObjectId | None, reason: str) -> RefAction:
    return RefAction("warn", ref_kind(name), name, name, oid, None, reason)


def _is_discovered(name: str, scope: Scope, named: frozenset[str]) -> bool:
    if not name.startswith(REFS) or scope.excludes(name):
        return False
    kind = ref_kind(name)
    if kind == "branch":
        return not scope.mappings and (not named or name in named)
    return scope.with_tags if kind == "tag" else scope.all_refs


def _is_pruned(name: str, scope: Scope) -> bool:
    """Tell whether a target ref that the source lacks is managed, so that pruning may delete it."""
    kind = ref_kind(name)
    if kind == "branch" and scope.branch_names:
        return False
    if kind == "other" and scope.mappings:
        return False
    return _is_discovered(name, scope, frozenset())


def _known(target_ref: str, source_ref: str, new: ObjectId, old: ObjectId | None) -> RefAction:
    """Return what the lists tell of a ref; nothing is decided yet."""
    return RefAction("skip", ref_kind(target_ref), source_ref, target_ref, new, old, "")


def _plan_ref(planned: RefAction, policy: Policy, mode: Mode) -> RefAction:
    new, old = planned.source_id, planned.target_id
    assert new is not None
    if old is None:
        return planned._replace(action="create", reason=f"new at {short_id(new)}")
    if old == new:
        return planned._replace(reason=f"already at {short_id(new)}")
    change = f"{short_id(old)} -> {short_id(new)}"
    if mode == "replicate":
        return planned._replace(action="update", reason=f"{change}, whatever it was", forced=True)
    if mode == "bootstrap":
        reason = f"the target has this ref already ({change}); bootstrap only creates, sync updates"
        return planned._replace(action="block", reason=reason)
    if planned.kind != "tag":
        reason = f"{change}, if that is a fast-forward"
        return planned._replace(action="update", reason=reason, open=True, forced=policy.force)
    if policy.force:
        return planned._replace(action="update", reason=f"{change}, tag moved by force", forced=True)
    reason = f"the target has this tag at another object ({change}); --force-with-lease would move it"
    return planned._replace(action="block", reason=reason)


def _settled(action: RefAction, is_fast_forward: bool | None) -> RefAction:
    assert action.target_id is not None
    assert action.source_id is not None
    change = f"{short_id(action.target_id)} -> {short_id(action.source_id)}"
    if is_fast_forward:
        return action._replace(reason=f"{change}, fast-forward", open=False, forced=False)
    if action.forced:
        return action._replace(reason=f"{change}, forced", open=False)
    fault = "it can't be told whether this is a fast-forward" if is_fast_forward is None else None
    reason = f"{fault or 'not a fast-forward'} ({change}); --force-with-lease would overwrite it"
    return action._replace(action="block", reason=reason, open=False)


def _folders(name: str) -> Iterator[str]:
    """Yield what would be folders if each name were a path: refs, refs/heads, ..."""
    position = name.find("/")
    while position >= 0:
        yield name[:position]
        position = name.find("/", position + 1)


def _block_name_conflicts(actions: list[RefAction], target: Mapping[str, ObjectId]) -> list[RefAction]:
    """Block each create beside a ref whose name is a folder of its own name, or the other way round."""
    if not any(action.action == "create" for action in actions):
        return actions
    deleted = {action.target_ref for action in actions if action.action == "delete"}
    names = {name for name in target if name not in deleted}
    below = _names_by_folder(names)
    checked = []
    for action in sorted(actions, key=lambda action: ref_sort_key(action.target_ref)):
        name = action.target_ref
        if action.action == "create":
            neighbour = next((folder for folder in _folders(name) if folder in names), below.get(name))
            if neighbour is not None:
                reason = f"{neighbour} is in the way: a ref can't be the folder of another"
                action = action._replace(action="block", reason=reason)
            else:
                names.add(name)
                below.update(dict.fromkeys(_folders(name), name))
        checked.append(action)
    return checked


def _names_by_folder(names: Iterable[str]) -> dict[str, str]:
    """Return for each folder one of the names below it."""
    return {folder: name for name in sorted(names, key=ref_sort_key) for folder in _folders(name)}
