"""What to do if the source doesn't give a ref: it may be absent, only unreadable, or hidden.

A ref is absent only if the source listed all of its refs and this one is not among them. A ref that it lists
but can't read is *unreadable*, and so is everything below a folder of refs that it can't list. An unreadable
ref is blocked: the target's is neither overwritten nor deleted. A server that has unreadable refs and isn't
ours also leaves out symbolic refs to them, so then nothing is deleted at all. Nothing is deleted either if a
prune would go too far: see `transport.syncing.prune_limit`.

A source that hides refs (transfer.hideRefs) may have any that it doesn't list. Our own servers report the
kinds (branches, tags, others) of which they hide some, and no ref of such a kind is deleted. Only a pruning
run that would have deleted such a ref fails because of it. git's servers don't report that they hide refs,
so there a hidden ref counts as absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.refs import REF_KINDS, ref_kind
from transport.syncing.decide.ref_names import RefNames
from transport.syncing.decide.ref_plan import RefAction, short_id
from transport.syncing.prune_limit import check_prune
from transport.syncing.request import HEADS, REFS, TAGS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from packcore.refs import RefKind
    from transport.syncing.decide.ref_plan import RefListing
    from transport.syncing.request import Policy, Scope

__all__ = ["KIND_WORDS", "Faults", "hidden_in", "prune", "unreadable_refs", "words_on_hidden"]

KIND_WORDS: dict[RefKind, str] = {"branch": "branches", "tag": "tags", "other": "other refs"}
_NAMED_MAX = 5


def unreadable_refs(source: RefListing, target: RefListing, scope: Scope) -> dict[str, RefAction]:
    """Return a blocking action, by target ref, for each ref in scope that the source can't read."""
    if not source.unreadable:
        return {}
    named = frozenset() if scope.mappings else scope.branch_names
    sources = {mapping.target: mapping.source for mapping in scope.mappings}
    sources |= {name: name for name in named if not scope.excludes(name)}
    faults = Faults(source)
    found = {
        to: (of, fault) for to, of in sources.items() if of not in source.refs and (fault := faults.of(of))
    }
    for name, fault in source.unreadable.items():
        # The name may be a folder's: the refs in it count, too. A mapping to it takes its place.
        if name not in sources and (
            any(scope.covers(one, named) for one in (name, f"{name}/")) or scope.may_carry_below(f"{name}/")
        ):
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


class Faults:
    """Which refs and folders of refs a source can't read, and why."""

    def __init__(self, source: RefListing) -> None:
        self._reasons = source.unreadable
        self._names = RefNames(source.unreadable)

    def of(self, name: str) -> str | None:
        """Return why the source can't read a ref or a folder above it; None if it can."""
        if name in self._reasons:
            return self._reasons[name]
        folder = self._names.folder_of(name)
        return f"{folder}: {self._reasons[folder]}" if folder is not None else None


def hidden_in(source: RefListing, scope: Scope) -> list[RefKind]:
    """Return the kinds of refs that the source hides in part and the scope covers."""
    samples = {"branch": HEADS, "tag": TAGS, "other": REFS}
    carried = {ref_kind(mapping.source) for mapping in scope.mappings}
    return [
        kind
        for kind in REF_KINDS
        if kind in source.hidden
        and (kind in carried or scope.covers(samples[kind], frozenset()) or _asks_for(kind, scope))
    ]


def _asks_for(kind: RefKind, scope: Scope) -> bool:
    """Return whether a pattern or a prefix may ask for refs of a kind."""
    folders = {"branch": HEADS, "tag": TAGS}
    if kind in folders:
        return scope.may_carry_below(folders[kind])
    prefixes = [*scope.include_ref_prefixes, *(pattern.prefix for pattern in scope.patterns.wanted)]
    return any(not prefix.startswith((HEADS, TAGS)) for prefix in prefixes)


def words_on_hidden(kinds: Collection[RefKind], actions: Iterable[RefAction] = ()) -> str | None:
    """Return one line on what the source hides, and which target refs are kept for that reason; or None."""
    if not kinds:
        return None
    what = " and ".join(KIND_WORDS[kind] for kind in REF_KINDS if kind in kinds)
    words = f"the source hides some of its {what} (transfer.hideRefs): they are not copied"
    kept = [action.target_ref for action in actions if action.hidden]
    if kept:
        more = f" and {len(kept) - _NAMED_MAX:,} more" if len(kept) > _NAMED_MAX else ""
        words += f", and may be among those that stay on the target: {', '.join(kept[:_NAMED_MAX])}{more}"
    return words


def prune(
    source: RefListing, target: RefListing, scope: Scope, policy: Policy, *, planned: set[str]
) -> list[RefAction]:
    """Decide on the managed target refs that the source doesn't list. Raises PruneLimitReached."""
    if planned.issuperset(target.refs):
        return []
    managed = [name for name in target.refs if scope.prunes(name)]
    faults = Faults(source)
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
        doubt = faults.of(name) or general_doubt
        if doubt is not None:
            reason = f"kept, since the source may have it: {doubt}"
            action = action._replace(action="block", reason=reason, unreadable=True)
        elif action.kind in source.hidden:
            reason = f"kept, since it may be one of the {KIND_WORDS[action.kind]} that the source hides"
            action = action._replace(action="block", reason=reason, hidden=True)
        actions.append(action)
    check_prune(
        [action.target_ref for action in actions if action.action == "delete"],
        len(managed),
        policy.prune_limit,
    )
    return actions
