"""Temporary refs on the target hold what the batches of one push have brought so far.

    refs/packcore/bootstrap/<hex id of what it holds>

They are named by content: two runs never fight over a name, and a second attempt finds its own work done.
None is ever updated; they are created, and deleted at the end. The target advertises them like any ref, and
resuming needs no more than that, since what they reach need not be sent again. No sync mirrors or prunes
them (`Scope.excludes`) on either side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.objects import ObjectType, commit_links, tag_target, tree_rows
from transport.syncing.request import TEMP_REFS
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.plans.entries import Candidate
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore
    from transport.wire.advertisement import Advertisement
    from transport.wire.report import RefReport

__all__ = ["advertised_temp_refs", "creations", "deletions", "temp_ref", "temp_refs_left", "tops_of"]

TOPS_MAX = 64
"""Most temporary refs of one batch; further objects wait unheld for the cutover, seconds away."""


def temp_ref(oid: ObjectId) -> str:
    """Return the name of the temporary ref that holds an object."""
    return TEMP_REFS + oid.hex()


def advertised_temp_refs(advertisement: Advertisement) -> dict[str, ObjectId]:
    """Return the target's temporary refs, of a run that was cut short or is still running."""
    return {name: oid for name, oid in advertisement.refs.items() if name.startswith(TEMP_REFS)}


def creations(oids: Iterable[ObjectId], object_format: ObjectFormat) -> list[RefUpdate]:
    """Return the commands that hold these objects."""
    return [RefUpdate(temp_ref(oid), object_format.zero, oid) for oid in dict.fromkeys(oids)]


def deletions(refs: dict[str, ObjectId], object_format: ObjectFormat) -> list[RefUpdate]:
    """Return the commands that remove temporary refs."""
    return [RefUpdate(name, oid, object_format.zero) for name, oid in refs.items()]


def temp_refs_left(
    removals: Sequence[RefUpdate],
    reports: Mapping[str, RefReport],
    tips: Mapping[str, ObjectId] | None,
    progress: Progress,
) -> tuple[str, ...]:
    """Return the temporary refs that should have been deleted and weren't, and report them.

    `tips` are the target's refs as listed afterwards: what is gone there is gone, whoever deleted it. None
    means that there is no such list: then only an explicit ok counts.
    """
    left = []
    for removal in removals:
        report = reports.get(removal.name)
        if (report is not None and report.ok) or (tips is not None and removal.name not in tips):
            continue
        left.append(removal.name)
        reason = "no answer" if report is None else report.reason or "no reason given"
        progress.message("target", f"warning: {removal.name} was not deleted: {reason}")
    return tuple(sorted(left))


def tops_of(store: ObjectStore, objects: Collection[Candidate]) -> list[ObjectId]:
    """Return the commits that are no other's parent; without commits, the objects that no other names.

    These reach all of the objects, unless there are more than `TOPS_MAX`. Raises CorruptData.
    """
    commits = [candidate for candidate in objects if candidate.type is ObjectType.COMMIT]
    objects = commits or objects
    inner: set[ObjectId] = set()
    object_format = store.object_format
    for oid, type_, *_ in objects:
        if type_ is ObjectType.BLOB:
            continue
        data = store.read(oid).data
        if type_ is ObjectType.COMMIT:
            links = commit_links(data, object_format, oid)
            inner.update(links.parents)
            inner.add(links.tree)
        elif type_ is ObjectType.TREE:
            inner.update(entry for _, _, entry in tree_rows(data, object_format, oid))
        else:
            inner.add(tag_target(data, object_format, oid)[0])
    return [candidate.oid for candidate in objects if candidate.oid not in inner][:TOPS_MAX]
