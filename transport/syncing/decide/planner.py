"""From two lists of refs to what would be done with each: pure, no traffic, no objects.

    plan_refs(source, target, scope, policy, mode)  ->  RefPlan    updates still open where ancestry decides
    settle(plan, is_fast_forward)                   ->  RefPlan    nothing open any more

    source has it   target has it      action
    yes             no                 create
    yes             same id            skip
    yes             other id           tag: block, or update when forced
                                       else: update when it is a fast-forward or forced, or block
    unreadable      any                block: neither overwritten nor deleted
    no              yes                delete, if pruning and the ref is managed; else it isn't mentioned
    may be hidden   yes                block instead of a delete; a create or an update has no such doubt
    no              (named by hand)    warn for a branch, an error for a mapping

What "no", "unreadable" and "hidden" mean is decided in `transport.syncing.decide.absence`.

That is mode sync. In mode replicate another id is an update in any case, and in mode bootstrap it is
blocked, since bootstrap only creates.

Managed are the refs that the scope would carry: branches unless some are named or mapped, tags with
`tags`, everything else with `all_refs`, and of these none that is excluded. A branch named by hand is
never pruned. A ref outside branches and tags follows the branch rule, as in `git push`.

Most repositories can't hold two refs if one's name is a folder of the other's; a create that conflicts with
such a ref is blocked here, with that ref's name.

Left out on purpose: refs that a target hides. The target decides which refs it refuses, and its answer says.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from packcore.refs import invalid_ref_names, ref_kind, ref_sort_key, sort_key_of
from transport.errors import NoRefsMatched, ObjectFormatMismatch
from transport.syncing.decide.absence import Faults, hidden_in, prune, unreadable_refs, words_on_hidden
from transport.syncing.decide.ref_names import names_in_the_way
from transport.syncing.decide.ref_plan import Actions, RefAction, RefPlan, short_id
from transport.syncing.decide.up_to_date import UpToDate
from transport.syncing.request import short_name
from transport.wire.ref_columns import RefColumns, have_same_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from packcore.ids import ObjectId
    from transport.syncing.decide.ref_plan import RefListing
    from transport.syncing.request import Mode, Policy, Scope

__all__ = ["is_empty", "plan_refs", "settle"]

_NAMED_MAX = 3
_COMPARED_MAX = 10_000
"""Most refs compared in the search for a similar name."""


def plan_refs(
    source: RefListing, target: RefListing, scope: Scope, policy: Policy, mode: Mode = "sync"
) -> RefPlan:
    """Decide on every ref within the scope.

    Raises NoRefsMatched if the source has none, or lacks a mapped one, ObjectFormatMismatch, and
    PruneLimitReached. With `scope.allow_empty_source`, a source without any ref may have none.
    """
    mapped, covered, warnings = _desired_refs(source, scope)
    unreadable = unreadable_refs(source, target, scope)
    if not mapped and not covered and not unreadable and not (scope.allow_empty_source and is_empty(source)):
        raise _no_refs_matched(source, scope)
    object_format = target.object_format
    if not is_empty(source):  # an old server doesn't say how an empty repository names its objects
        _check_formats(source, target)
    found, there = source.refs, target.refs
    same: list[str] = []
    to_compare = list(mapped.items())
    if have_same_columns(found, there):
        same += covered
    else:
        to_compare += zip(covered, covered, strict=True)
    changed = []
    for to, of in to_compare:
        if found[of] == there.get(to):
            same.append(to)
        else:
            changed.append((to, of))
    actions = [
        _plan_ref(_known(to, of, found[of], there.get(to)), policy, mode, target.unreadable.get(to))
        for to, of in changed
    ]
    if policy.prune:
        actions += prune(source, target, scope, policy, planned={*mapped, *covered, *unreadable})
    actions = _block_name_conflicts(actions, target.refs)
    actions = _by_target([*actions, *warnings, *unreadable.values()])
    head = source.symrefs.get("HEAD")
    return RefPlan(Actions(actions, UpToDate(same, there, mapped)), object_format, head)


def settle(plan: RefPlan, is_fast_forward: Callable[[RefAction], bool | None]) -> RefPlan:
    """Close the open updates: `is_fast_forward` says yes, no, or None for "can't tell"."""
    return plan.changed(lambda action: _settled(action, is_fast_forward(action)) if action.open else action)


def is_empty(source: RefListing) -> bool:
    """Return whether a source has no ref at all, HEAD, unreadable and hidden ones included."""
    has_some = source.refs or source.head is not None or source.unreadable or source.hidden
    return not (has_some or source.may_lack_names)


def _no_refs_matched(source: RefListing, scope: Scope) -> NoRefsMatched:
    hint = "the source repository is empty" if is_empty(source) else "the source has refs, but none in scope"
    hidden = words_on_hidden(hidden_in(source, scope))
    named = sorted(scope.branch_names | scope.patterns.exact)
    if not named or is_empty(source):
        globs = [pattern.text for pattern in scope.patterns.wanted]
        what = f"no ref of the source fits {' or '.join(globs)}" if globs else None
        return NoRefsMatched(what or "no ref of the source is within the scope", hint=hidden or hint)
    if left_out := [name for name in named if name in source.refs and scope.excludes(name)]:
        return NoRefsMatched(f"{' and '.join(left_out[:_NAMED_MAX])}: both asked for and excluded")
    what = " and ".join(_in_words(name) for name in named[:_NAMED_MAX])
    more = f" and {len(named) - _NAMED_MAX} more" if len(named) > _NAMED_MAX else ""
    near = list(dict.fromkeys(each for name in named[:_NAMED_MAX] for each in _near(name, source)))
    return NoRefsMatched(
        f"the source has no {what}{more}", hint=hidden or (f"near: {', '.join(near)}" if near else hint)
    )


def _in_words(name: str) -> str:
    return f"branch {short_name(name)}" if ref_kind(name) == "branch" else name


def _near(name: str, source: RefListing) -> list[str]:
    """Return similar names of the same kind for a ref that the source lacks, the closest first."""
    short, kind = short_name(name), ref_kind(name)
    known = [short_name(each) for each in islice(source.refs, _COMPARED_MAX) if ref_kind(each) == kind]
    folded = [each for each in known if each.lower() == short.lower()]
    tails = [each for each in known if each.endswith(f"/{short}")][:1]
    from difflib import get_close_matches

    return list(dict.fromkeys([*folded, *tails, *get_close_matches(short, known, n=3, cutoff=0.5)]))[:3]


def _check_formats(source: RefListing, target: RefListing) -> None:
    if source.object_format is not target.object_format:
        raise ObjectFormatMismatch(
            f"the source uses {source.object_format.name}, the target {target.object_format.name}",
            hint="make the target with the source's object format, or convert the source first",
        )


def _desired_refs(source: RefListing, scope: Scope) -> tuple[dict[str, str], list[str], list[RefAction]]:
    """Return source ref by target ref of mappings, the refs that keep their names, and warnings.

    The warnings are about refs that aren't available.
    """
    refs = source.refs
    faults = Faults(source)
    desired: dict[str, str] = {}
    warnings: list[RefAction] = []
    for mapping in scope.mappings:
        if mapping.source in refs:
            desired[mapping.target] = mapping.source
        elif faults.of(mapping.source) is None:
            has = "doesn't show" if ref_kind(mapping.source) in source.hidden else "has no"
            raise NoRefsMatched(f"the source {has} {mapping.source}, which is mapped to {mapping.target}")
    # The target of a mapping never stands for the source's own ref, even if the mapped ref is unreadable.
    mapped = {mapping.target for mapping in scope.mappings}
    named = frozenset() if scope.mappings else scope.branch_names
    absent = sorted(
        (
            name
            for name in named | scope.patterns.exact
            if name not in refs and faults.of(name) is None and not scope.excludes(name)
        ),
        key=ref_sort_key,
    )
    for name in absent:
        kind = ref_kind(name)
        what = "branch" if kind == "branch" else "ref"
        reason = (
            f"the source has no such {what}{', or hides it' if kind in source.hidden else ''}; left alone"
        )
        near = _near(name, source)
        warnings.append(_warning(name, None, reason + (f" (near: {', '.join(near)})" if near else "")))
    covered = [name for name in scope.covered(refs, named) if name not in mapped]
    if not isinstance(refs, RefColumns) and (invalid := invalid_ref_names(covered)):
        warnings += [_warning(name, refs[name], "not a valid ref name; left out") for name in invalid]
        covered = [name for name in covered if name not in set(invalid)]
    return desired, covered, warnings


def _by_target(actions: list[RefAction]) -> list[RefAction]:
    key = sort_key_of(action.target_ref for action in actions)
    return sorted(actions, key=lambda action: key(action.target_ref))


def _warning(name: str, oid: ObjectId | None, reason: str) -> RefAction:
    return RefAction("warn", ref_kind(name), name, name, oid, None, reason)


def _known(target_ref: str, source_ref: str, new: ObjectId, old: ObjectId | None) -> RefAction:
    """Return what the lists say about a ref; nothing is decided yet."""
    return RefAction("skip", ref_kind(target_ref), source_ref, target_ref, new, old, "")


def _plan_ref(planned: RefAction, policy: Policy, mode: Mode, target_fault: str | None) -> RefAction:
    new, old = planned.source_id, planned.target_id
    assert new is not None
    if old is None:
        # The target itself decides whether a ref that it can't read may be written.
        note = "" if target_fault is None else f"; the target can't read its own ({target_fault})"
        return planned._replace(action="create", reason=f"new at {short_id(new)}{note}")
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


def _block_name_conflicts(actions: list[RefAction], target: Mapping[str, ObjectId]) -> list[RefAction]:
    """Block each create whose name is a folder of another ref's name, or below another ref's name."""
    if not any(action.action == "create" for action in actions):
        return actions
    deleted = {action.target_ref for action in actions if action.action == "delete"}
    in_the_way = names_in_the_way(
        (action.target_ref for action in actions if action.action == "create"),
        (name for name in target if name not in deleted),
    )
    checked = []
    for action in _by_target(actions):
        neighbour = in_the_way.get(action.target_ref)
        if action.action == "create" and neighbour is not None:
            reason = f"{neighbour} is in the way: a ref can't be the folder of another"
            action = action._replace(action="block", reason=reason)
        checked.append(action)
    return checked
