"""What follows where the source doesn't give a ref: it is absent, or only unreadable.

A ref is absent only if the source could list all of its refs and this one is not among them. What it lists
without being able to read it is *unreadable*, and so is everything below a folder of refs that it can't list.
An unreadable ref is blocked: the target's is neither overwritten nor deleted. A server that has unreadable
refs and isn't ours also leaves out symbolic refs to them, so then nothing is deleted at all. Nor is anything
if a prune would go too far: see `transport.sync.prune_limit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.sync.prune_limit import check_prune
from transport.sync.ref_plan import RefAction, folders_of, short_id
from transport.sync.request import ref_kind

if TYPE_CHECKING:
    from collections.abc import Collection

    from transport.sync.ref_plan import RefListing
    from transport.sync.request import Policy, Scope

__all__ = ["fault_of", "prune", "unreadable_refs"]


def unreadable_refs(source: RefListing, target: RefListing, scope: Scope) -> dict[str, RefAction]:
    """Return a blocking action, by target ref, for each ref in scope that the source can't read."""
    if not source.unreadable:
        return {}
    named = frozenset() if scope.mappings else scope.branch_names
    sources = {mapping.target: mapping.source for mapping in scope.mappings}
    sources |= {name: name for name in named if not scope.excludes(name)}
    found = {
        to: (of, fault)
        for to, of in sources.items()
        if of not in source.refs and (fault := fault_of(of, source))
    }
    for name, fault in source.unreadable.items():
        # The name may be a folder's: what is in it counts, too. A mapping to it takes its place.
        if name not in sources and any(scope.covers(one, named) for one in (name, f"{name}/")):
            found.setdefault(name, (name, fault))
    return {
        to: RefAction(
            "block",
            ref_kind(to),
            of,
            to,
            None,
            target.refs.get(to),
            f"the source can't read it: {fault}",
            unreadable=True,
        )
        for to, (of, fault) in found.items()
    }


def fault_of(name: str, source: RefListing) -> str | None:
    """Return why the source can't read a ref, or a folder above it; None if neither is so."""
    if not source.unreadable:
        return None
    if name in source.unreadable:
        return source.unreadable[name]
    for folder in folders_of(name):
        if folder in source.unreadable:
            return f"{folder}: {source.unreadable[folder]}"
    return None


def prune(
    source: RefListing, target: RefListing, scope: Scope, policy: Policy, *, planned: Collection[str]
) -> list[RefAction]:
    """Decide upon the managed target refs that the source doesn't list. Raises PruneLimitReached."""
    managed = [name for name in target.refs if scope.prunes(name)]
    general_doubt = None
    if source.may_lack_names:
        example = min(source.unreadable, default="some refs")
        general_doubt = f"it lists {example} without being able to read it"
    actions = []
    for name in managed:
        if name in planned:
            continue
        oid = target.refs[name]
        action = RefAction(
            "delete", ref_kind(name), "", name, None, oid, f"gone from the source, was {short_id(oid)}"
        )
        doubt = fault_of(name, source) or general_doubt
        if doubt is not None:
            reason = f"kept, since the source may have it: {doubt}"
            action = action._replace(action="block", reason=reason, unreadable=True)
        actions.append(action)
    check_prune(
        [action.target_ref for action in actions if action.action == "delete"],
        len(managed),
        policy.prune_limit,
    )
    return actions
