"""A pack in figures for the terminal: what `report` prints if it writes no page."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING

from cli.render import units
from cli.render.report.summary import object_json
from cli.render.table import columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.render.report.summary import Summary
    from packcore.anatomy.survey import PackSurvey

__all__ = ["summary_lines"]

_LARGEST = 8


def summary_lines(survey: PackSurvey, summary: Summary) -> Iterator[str]:
    """Yield the totals, the bytes of each type, and the largest objects."""
    yield (
        f"{units.count_of(summary.objects, 'objects')}, {units.count_of(summary.deltas, 'deltas')}, "
        f"{units.size(summary.pack_bytes)}: each byte of it holds {summary.ratio:.1f} bytes of objects"
    )
    yield f"delta chains: {summary.mean_chain:.1f} deltas on average, {summary.longest_chain} at most"
    yield ""
    rows = [
        (name, f"{found.objects:,}", f"{found.deltas:,}", units.size(found.stored), units.size(found.raw))
        for name, found in summary.types.items()
        if found.objects
    ]
    yield from columns(rows, heading=("TYPE", "OBJECTS", "DELTAS", "IN PACK", "SIZE"), right=(1, 2, 3, 4))
    yield ""
    costs = survey.costs()
    largest = nlargest(_LARGEST, range(len(survey)), key=lambda at: (survey.entry_bytes(at), -at))
    shown = [object_json(survey, costs, entry_index) for entry_index in largest]
    biggest = [
        (units.size(one["sizeInPack"]), units.size(one["size"]), one["oid"][:10], one["path"] or one["type"])
        for one in shown
    ]
    yield from columns(biggest, heading=("IN PACK", "SIZE", "OBJECT", "LARGEST"), right=(0, 1))
