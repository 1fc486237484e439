"""From a client's wants and haves to the blocks of a pack: walk, select (phase 1), write (phase 2).

Also the two questions about history that negotiation asks: is enough known to be common, and where
does a depth cut? Both walk commits only, iteratively.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from packcore.ancestry import peel
from packcore.errors import CorruptObject, CorruptShortcut, LimitExceeded, MissingObject
from packcore.filtered_walk import FilteringLister
from packcore.limits import Limits
from packcore.objects import CommitLinks, ObjectType, commit_links
from packcore.progress import SILENT, Progress
from packcore.reach import reached_ids
from packcore.search.select import select, select_copies
from packcore.store.bulk import shortcuts_of
from packcore.walk import list_objects
from transport.server.requests import DEPTH_MAX, BadRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from packcore.ids import ObjectId
    from packcore.plans.entries import Candidate
    from packcore.plans.plan import PackPlan
    from packcore.store.base import ObjectStore
    from transport.server.requests import FetchRequest

__all__ = ["Cut", "cut_by_rule", "cut_history", "cut_relative", "enough_in_common", "plan_pack"]


class Cut(NamedTuple):
    """Where a depth ends history for the client."""

    shallow: list[ObjectId]
    """Commits that are sent without their parents, or are so already."""
    unshallow: list[ObjectId]
    """Commits that were cut at the client, and whose parents are sent now."""


def plan_pack(
    store: ObjectStore,
    request: FetchRequest,
    common: Sequence[ObjectId],
    *,
    cut: Cut | None,
    store_shallow: Collection[ObjectId],
    tags: Iterable[tuple[ObjectId, ObjectId]] = (),
    strategy: str = "chunk-window",
    limits: Limits | None = None,
    progress: Progress = SILENT,
) -> PackPlan:
    """Choose what to send and how. `tags` are (tag, target): sent along with their target if wished.

    Raises MissingObject and CorruptData where the store can't give what is wanted.
    """
    limits = limits or Limits()
    boundary = frozenset(store_shallow) | frozenset(cut.shallow if cut else request.shallow)
    # A client that deepens has the haves, but not what they reach: then everything is sent anew.
    haves = () if cut and request.shallow else common
    lister = None if request.filter is None else partial(FilteringLister, filter_=request.filter)

    def listed(wants: Sequence[ObjectId]) -> list[Candidate]:
        return list_objects(
            store,
            wants,
            haves,
            shallow=boundary,
            limits=limits,
            haves_complete=True,
            progress=progress,
            named_anyway=True,
            make_lister=lister,
        )

    if not (boundary or haves or cut or request.filter):
        copied = _copied(store, request, tags, strategy=strategy, limits=limits, progress=progress)
        if copied is not None:
            return copied
    objects = listed(list(request.wants))
    if request.include_tag:
        sent = {candidate.oid for candidate in objects}
        followed = [tag for tag, target in tags if target in sent and tag not in sent]
        if followed:
            objects = listed([*request.wants, *followed])
    return select(store, objects, strategy=strategy, limits=limits, progress=progress)


def _copied(
    store: ObjectStore,
    request: FetchRequest,
    tags: Iterable[tuple[ObjectId, ObjectId]],
    *,
    strategy: str,
    limits: Limits,
    progress: Progress,
) -> PackPlan | None:
    """Plan a clone without reading anything, where bitmaps list it and one pack has all of it."""
    oids = reached_ids(store, request.wants)
    if oids is not None and request.include_tag:
        sent = set(oids)
        followed = [tag for tag, target in tags if target in sent and tag not in sent]
        oids = reached_ids(store, [*request.wants, *followed]) if followed else oids
    if oids is None:
        return None
    return select_copies(store, oids, strategy=strategy, limits=limits, progress=progress)


def enough_in_common(
    store: ObjectStore, wants: Iterable[ObjectId], common: Collection[ObjectId], shallow: Collection[ObjectId]
) -> bool:
    """Tell whether each want reaches something common, so that more haves would gain little.

    Commits older than the oldest common one are not walked through, as they can't reach it. One walk for all
    wants: down from them, then up again from what is common.
    """
    if not common:
        return False
    bases = set(_commits(store, common))
    oldest = min((_links(store, base).date for base in bases), default=0)
    starts = set(_commits(store, wants))
    children: dict[ObjectId, list[ObjectId]] = {oid: [] for oid in starts}
    stack = list(starts)
    while stack:
        oid = stack.pop()
        if oid in bases or oid in shallow:
            continue
        links = _links(store, oid)
        for parent in links.parents if links.date >= oldest else ():
            if parent not in children:
                children[parent] = []
                stack.append(parent)
            children[parent].append(oid)
    return starts <= _upwards(bases & children.keys(), children)


def _upwards(starts: Iterable[ObjectId], children: Mapping[ObjectId, list[ObjectId]]) -> set[ObjectId]:
    """Return the starts and all that descends from them."""
    reached: set[ObjectId] = set()
    stack = list(starts)
    while stack:
        oid = stack.pop()
        if oid not in reached:
            reached.add(oid)
            stack += children[oid]
    return reached


def cut_history(
    store: ObjectStore,
    wants: Iterable[ObjectId],
    depth: int,
    client_shallow: Collection[ObjectId],
    store_shallow: Collection[ObjectId],
) -> Cut:
    """Go `depth` commits down from the wants and return where that cuts, in the order met."""
    level = list(dict.fromkeys(_commits(store, wants)))
    seen = set(level)
    shallow: list[ObjectId] = []
    unshallow: list[ObjectId] = []
    for distance in range(1, depth + 1):
        below: list[ObjectId] = []
        for oid in level:
            parents = _links(store, oid).parents
            if (parents and distance == depth) or oid in store_shallow:
                shallow.append(oid)
                continue
            if oid in client_shallow:
                unshallow.append(oid)
            for parent in parents:
                if parent not in seen:
                    seen.add(parent)
                    below.append(parent)
        if not below:
            break
        level = below
    return Cut(shallow, unshallow)


def cut_relative(
    store: ObjectStore,
    wants: Iterable[ObjectId],
    depth: int,
    client_shallow: Collection[ObjectId],
    store_shallow: Collection[ObjectId],
) -> Cut:
    """Go `depth` commits down from where the client's history is cut now, where the wants reach that."""
    reached = _reachable(store, _commits(store, wants), boundary=store_shallow)
    starts = [oid for oid in sorted(client_shallow) if oid in reached]
    return cut_history(store, starts, min(depth + 1, DEPTH_MAX), client_shallow, store_shallow)


def cut_by_rule(
    store: ObjectStore,
    wants: Iterable[ObjectId],
    *,
    since: int | None,
    excluded: Iterable[ObjectId],
    client_shallow: Collection[ObjectId],
    store_shallow: Collection[ObjectId],
) -> Cut:
    """Cut off what is older than `since` (seconds since 1970), and what the excluded ids reach.

    Raises BadRequest where nothing is left.
    """
    gone = _reachable(store, _commits(store, excluded), boundary=store_shallow)
    kept: dict[ObjectId, tuple[ObjectId, ...]] = {}
    stack = _commits(store, wants)
    while stack:
        oid = stack.pop()
        if oid in kept or oid in gone:
            continue
        links = _links(store, oid)
        if since is None or links.date >= since:
            kept[oid] = () if oid in store_shallow else tuple(links.parents)
            stack += kept[oid]
    if not kept:
        raise BadRequest("no commits selected for shallow requests")
    shallow = [
        oid
        for oid, parents in kept.items()
        if oid in store_shallow or any(parent not in kept for parent in parents)
    ]
    cut = set(shallow)
    return Cut(shallow, [oid for oid in sorted(client_shallow) if oid in kept and oid not in cut])


def _commits(store: ObjectStore, oids: Iterable[ObjectId]) -> list[ObjectId]:
    return [commit for oid in oids if (commit := _commit(store, oid)) is not None]


def _reachable(
    store: ObjectStore, tips: Iterable[ObjectId], *, boundary: Collection[ObjectId]
) -> set[ObjectId]:
    """Return all commits below the tips; those of the boundary have no parents."""
    seen: set[ObjectId] = set()
    stack = list(tips)
    while stack:
        oid = stack.pop()
        if oid not in seen:
            seen.add(oid)
            stack += () if oid in boundary else _links(store, oid).parents
    return seen


def _commit(store: ObjectStore, oid: ObjectId) -> ObjectId | None:
    try:
        peeled, type_ = peel(store, oid)
    except (MissingObject, CorruptObject, LimitExceeded):
        return None
    return peeled if type_ is ObjectType.COMMIT else None


def _links(store: ObjectStore, oid: ObjectId) -> CommitLinks:
    shortcuts = shortcuts_of(store)
    if shortcuts is not None and (graph := shortcuts.commit_graph) is not None:
        with suppress(CorruptShortcut):
            if (links := graph.links(oid)) is not None:
                return links
    return commit_links(store.read(oid).data, store.object_format, oid)
