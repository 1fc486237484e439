"""What a run may do, said a second time and not in the engine's words: the checks rest on this.

    desired    which ref of the source each ref of the target is to follow
    pruned     which refs of the target are to go
    allowed    whether one change of a ref was one that had been asked for

Written from the manual, not from the planner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.syncing.request import TEMP_REFS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packcore.ids import ObjectId
    from tests.simulation.history import Universe
    from tests.simulation.world import Change
    from transport.syncing.request import Scope, SyncRequest

__all__ = ["allowed", "brakes", "desired", "forbids", "pruned"]


def _is_excluded(name: str, scope: Scope) -> bool:
    return name.startswith((TEMP_REFS, *scope.exclude_ref_prefixes))


def desired(source: Mapping[str, ObjectId], scope: Scope) -> dict[str, str]:
    """Return the source's ref for each ref of the target that is to follow one."""
    wanted = {mapping.target: mapping.source for mapping in scope.mappings if mapping.source in source}
    for name in source:
        if _is_excluded(name, scope) or name in wanted:
            continue
        if name.startswith("refs/heads/"):
            named = [branch.removeprefix("refs/heads/") for branch in scope.branches]
            is_in = not scope.mappings and (scope.all_refs or not named or name[11:] in named)
        elif name.startswith("refs/tags/"):
            is_in = scope.tags or scope.all_refs
        else:
            is_in = scope.all_refs
        if is_in:
            wanted[name] = name
    return wanted


def pruned(source: Mapping[str, ObjectId], target: Mapping[str, ObjectId], request: SyncRequest) -> set[str]:
    """Return the target's refs that are to go."""
    scope = request.scope
    if not request.policy.prune:
        return set()
    wanted = desired(source, scope)
    gone = {name for name in target if name not in wanted and not _is_excluded(name, scope)}
    if scope.mappings:
        gone = {name for name in gone if name.startswith("refs/tags/")}
    if scope.branches and not scope.all_refs:
        gone = {name for name in gone if not name.startswith("refs/heads/")}
    if not scope.all_refs:
        kinds = ("refs/heads/", *(("refs/tags/",) if scope.tags else ()))
        gone = {name for name in gone if name.startswith(kinds)}
    return gone


def brakes(request: SyncRequest, target: Mapping[str, ObjectId], count: int) -> str | None:
    """Return why so many refs were not to be deleted in one run, or None."""
    managed = len(pruned({}, target, request))
    limit = request.policy.prune_limit
    if limit is not None:
        most = managed * limit.number // 100 if limit.is_percent else limit.number
        return None if count <= most else f"the limit was {limit}"
    if count == managed:
        return "these are all"
    return "these are more than half" if managed >= 10 and 2 * count > managed else None


def forbids(universe: Universe, request: SyncRequest, name: str, old: ObjectId | None, new: ObjectId) -> bool:
    """Tell whether a ref must stay as it is, since what was asked does not allow to overwrite it."""
    if old is None or old == new:
        return False
    if request.mode == "bootstrap":
        return True
    if request.mode == "replicate" or request.policy.force_with_lease or request.policy.force_blind:
        return False
    return name.startswith("refs/tags/") or not universe.is_ancestor(old, new)


def allowed(
    universe: Universe,
    request: SyncRequest,
    change: Change,
    sources: list[dict[str, ObjectId]],
    targets: list[dict[str, ObjectId]],
) -> str | None:
    """Return why a change was not one to be made, or None; the listings are what the run had seen."""
    name, old, new = change.name, change.old, change.new
    if name.startswith(TEMP_REFS):
        wrong = (old is not None and new is not None) or (new is not None and name != TEMP_REFS + new.hex())
        return "a temporary ref was moved" if wrong else None
    if request.dry_run:
        return "it was a dry run"
    if not sources or not targets:
        return "nothing had been listed"
    source = sources[0]
    seen = targets if request.policy.force_blind else targets[:1]
    if all(target.get(name) != old for target in seen):
        return "the target's ref was not what it was at the start"
    wanted = desired(source, request.scope)
    if new is None:
        return None if name in pruned(source, {name: old}, request) else "it was not to be deleted"  # type: ignore[dict-item]
    if name not in wanted:
        return "it is out of scope"
    if source[wanted[name]] != new:
        return "it is not what the source has"
    return "it would have been overwritten" if forbids(universe, request, name, old, new) else None
