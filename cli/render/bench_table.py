"""A comparison as a table for the terminal: one line per contender, then notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render import units
from cli.render.table import columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.bench.values import Comparison, Row

__all__ = ["comparison_lines", "type_lines"]

_HEADING = ("", "BYTES", "RATIO", "REGRET", "DELTAS", "MEAN", "MAX", "SELECT", "WRITE", "CPU")
_HEADING_END = ("READ", "RANDOM", "MEMORY")
_REGRET = 3


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """Yield the lines for the comparison of one repository."""
    yield (
        f"{comparison.repository}: {units.count_of(comparison.objects, 'objects')}, "
        f"{units.size(comparison.raw_bytes)}{_at_once(comparison.settings.jobs)}"
    )
    heading: tuple[str, ...] = (*_HEADING, *_HEADING_END)
    rows = [_cells(comparison, row) for row in comparison.rows if row.pack]
    if not any(row[_REGRET] for row in rows):
        heading, rows = _without(heading, _REGRET), [_without(row, _REGRET) for row in rows]
    if rows:
        yield from columns(rows, right=range(1, len(heading)), heading=heading)
    for row in comparison.rows:
        if row.pack is None:
            yield f"{row.contender.name}: {'WRONG PACK: ' if row.is_wrong else ''}{row.reason}"
    yield from _notes(comparison)


def _at_once(jobs: int) -> str:
    return f"; {jobs} jobs in parallel" if jobs > 1 else ""


def type_lines(comparison: Comparison) -> Iterator[str]:
    """Yield a table of the bytes in each pack: objects, deltas and bytes of each type."""
    rows = [
        (
            row.contender.name,
            name,
            units.grouped(facts.objects),
            units.grouped(facts.deltas),
            units.grouped(facts.whole_bytes),
            units.grouped(facts.delta_bytes),
        )
        for row in comparison.rows
        if row.pack
        for name, facts in row.pack.by_type.items()
        if facts.objects
    ]
    if rows:
        yield ""
        heading = ("", "TYPE", "OBJECTS", "DELTAS", "BYTES WHOLE", "BYTES OF DELTAS")
        yield from columns(rows, right=range(2, 6), heading=heading)


def _cells(comparison: Comparison, row: Row) -> tuple[str, ...]:
    assert row.pack is not None
    regret = comparison.regret(row)
    memory = row.median("peak_bytes")
    return (
        row.contender.name,
        units.grouped(row.pack.pack_bytes),
        f"{comparison.ratio(row):.3f}",
        "" if regret is None else f"{regret:+.1%}",
        units.grouped(row.pack.deltas),
        f"{row.pack.mean_chain:.1f}",
        str(row.pack.longest_chain),
        *(_seconds(row.median(f"{name}_seconds")) for name in ("select", "write", "cpu", "read", "random")),
        "-" if memory is None else units.size(memory, digits=0),
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}s"


def _without(cells: tuple[str, ...], at: int) -> tuple[str, ...]:
    return cells[:at] + cells[at + 1 :]


def _notes(comparison: Comparison) -> Iterator[str]:
    packs = [(row.contender.name, row.pack) for row in comparison.rows if row.pack]
    for note in dict.fromkeys(pack.note for _, pack in packs if pack.note):
        yield f"note: {note}"
    for checked_by in dict.fromkeys(pack.checked_by for _, pack in packs):
        names = [name for name, pack in packs if pack.checked_by == checked_by]
        who = "each pack" if len(names) == len(packs) else ", ".join(names)
        yield f"checked by {checked_by}: {who}"
    if packs and comparison.random_reads < comparison.objects:
        yield f"random: {units.count_of(comparison.random_reads, 'objects')} of them"
