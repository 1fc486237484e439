"""Temporary refs on the target hold what the batches of one push have brought so far.

    refs/packcore/bootstrap/<hex id of what it holds>

They are named by content: two runs never fight over a name, and a second attempt finds its own work done.
None is ever updated; they are created, and deleted at the end. The target advertises them like any ref, and
resuming needs no more than that, since what they reach need not be sent again. No sync mirrors or prunes
them (`Scope.excludes`) on either side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.syncing.request import TEMP_REFS
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.progress import Progress
    from transport.wire.advertisement import Advertisement
    from transport.wire.report import RefReport

__all__ = ["advertised_temp_refs", "creations", "deletions", "temp_ref", "temp_refs_left"]


def temp_ref(oid: ObjectId) -> str:
    """Return the name of the temporary ref that holds an object."""
    return TEMP_REFS + oid.hex()


def advertised_temp_refs(advertisement: Advertisement) -> dict[str, ObjectId]:
    """Return the target's temporary refs, of a run that was cut short or is still running."""
    refs = advertisement.refs
    return {name: refs[name] for name in refs if name.startswith(TEMP_REFS)}


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
