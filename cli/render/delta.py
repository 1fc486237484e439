"""A delta drawn over its two texts: the used parts of the base, and the origin of each target byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cli.render.anatomy_rows import preview
from cli.render.chain import step_line, steps_json
from cli.render.table import columns
from cli.render.units import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.anatomy import Step

__all__ = ["DeltaRow", "delta_lines", "row_json", "table_lines", "used_ranges"]

_MARGIN_CELLS = 46


class DeltaRow(NamedTuple):
    """The measured delta of one encoder."""

    encoder: str
    delta: bytes
    compressed: int
    """The size of the delta's zlib stream."""
    steps: tuple[Step, ...]

    @property
    def copies(self) -> list[Step]:
        """The instructions that copy."""
        return [step for step in self.steps if step.base_offset is not None]

    @property
    def literal_bytes(self) -> int:
        """The number of bytes in inserts."""
        return sum(step.size for step in self.steps if step.base_offset is None)


def used_ranges(steps: Sequence[Step], base_size: int) -> list[tuple[int, int, bool]]:
    """Split the base into ranges (start, end, whether any copy uses it), in order.

    >>> from packcore.anatomy import Step
    >>> used_ranges([Step(0, 0, 0, 4, 6), Step(0, 0, 4, 4, 8)], 14)
    [(0, 6, False), (6, 12, True), (12, 14, False)]
    """
    taken = sorted(
        (step.base_offset, step.base_offset + step.size) for step in steps if step.base_offset is not None
    )
    ranges: list[tuple[int, int, bool]] = []
    at = 0
    for start, end in taken:
        if start > at:
            ranges.append((at, start, False))
        if ranges and ranges[-1][2] and start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]), True)
        else:
            ranges.append((start, end, True))
        at = max(at, end)
    if at < base_size:
        ranges.append((at, base_size, False))
    return ranges


def delta_lines(row: DeltaRow, base: bytes, target: bytes, *, cells: int | None = None) -> Iterator[str]:
    """Yield the lines: the base with its unused parts, then the target piece by piece."""
    width = 200 if cells is None else max(cells - _MARGIN_CELLS, 16)
    yield f"{click.style('the base', bold=True)}: {count_of(len(base), 'bytes')}"
    for start, end, used in used_ranges(row.steps, len(base)):
        words = "copied" if used else "not used"
        text = f"{words:<27} {preview(base[start:end], width)}"
        styled = click.style(text, fg="green") if used else click.style(text, dim=True)
        yield f"  {f'{start:,}-{end:,}':>15}  {styled}"
    yield ""
    yield f"{click.style('the target', bold=True)}: {count_of(len(target), 'bytes')}, made of"
    for step in row.steps:
        yield step_line(step, target, width)


def table_lines(rows: Sequence[DeltaRow], target: bytes, whole_compressed: int) -> Iterator[str]:
    """Yield a line for each encoder, and one for the target without a delta."""
    cells = [
        (
            row.encoder,
            f"{len(row.delta):,}",
            f"{row.compressed:,}",
            f"{len(row.copies):,}",
            f"{len(row.steps) - len(row.copies):,}",
            f"{row.literal_bytes:,}",
            f"{row.compressed / whole_compressed:.1%}",
        )
        for row in rows
    ]
    whole = ("no delta", f"{len(target):,}", f"{whole_compressed:,}", "-", "-", f"{len(target):,}", "100.0%")
    heading = ("ENCODER", "BYTES", "COMPRESSED", "COPIES", "INSERTS", "LITERAL", "OF WHOLE")
    yield from columns([*cells, whole], right=(1, 2, 3, 4, 5, 6), heading=heading)


def row_json(row: DeltaRow) -> dict[str, Any]:
    """Return the delta of one encoder as JSON."""
    return {
        "encoder": row.encoder,
        "bytes": len(row.delta),
        "compressed": row.compressed,
        "literalBytes": row.literal_bytes,
        "delta": row.delta.hex(),
        "instructions": steps_json(row.steps),
    }
