"""`packcore plans`: saved plans, looked at and compared. `pack-objects` saves and writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.command import Group, command, debug_option
from cli.params import output_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.console import Console
    from packcore.plans.compare import PlanDifference, PlanFigures
    from packcore.plans.file import PlanRow, SavedPlan


@click.group(
    "plans",
    cls=Group,
    short_help="Show saved plans, and compare them.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@debug_option
def run() -> None:
    """Show plans saved by `pack-objects --save-plan`: which base each object of a pack has.

    A plan is a text file with one JSON object per line. `pack-objects --plan` writes its pack.
    """


@command(
    "show",
    short_help="Show a plan's totals.",
    examples="""
        packcore plans show x.plan
    """,
)
@click.argument("plan", type=click.Path(dir_okay=False))
@output_options(progress=False)
def show(*, plan: str, console: Console) -> None:
    """Check the file PLAN, and show its totals. Sizes are before compression."""
    from packcore.plans.compare import plan_figures

    saved = _read(plan)
    figures = plan_figures(saved)
    if console.verbosity.json:
        console.show_json(_json_of(saved, figures))
        return
    console.show(f"strategy {saved.strategy}, depth {saved.depth}, compression {saved.compression}")
    console.show(_sum_up(figures))
    if saved.unsearched_count:
        console.show(f"not complete: {saved.unsearched_count:,} objects were not searched")


@command(
    "diff",
    short_help="Compare two plans.",
    examples="""
        packcore plans diff old.plan new.plan
        packcore plans diff --json old.plan new.plan
    """,
)
@click.argument("old", type=click.Path(dir_okay=False))
@click.argument("new", type=click.Path(dir_okay=False))
@output_options(progress=False)
def diff(*, old: str, new: str, console: Console) -> None:
    """Compare the plans OLD and NEW: objects only in one of them, and objects with different bases.

    Bytes are those of objects and deltas before compression. The exit code is 0 whatever differs.
    """
    from packcore.plans.compare import compare_plans, plan_figures

    before, after = _read(old), _read(new)
    found = compare_plans(before, after)
    figures = plan_figures(before), plan_figures(after)
    if console.verbosity.json:
        console.show_json(
            {
                "equal": found.equal,
                "reordered": found.reordered,
                "payloadBytes": figures[1].payload_bytes - figures[0].payload_bytes,
                "old": _json_of(before, figures[0]),
                "new": _json_of(after, figures[1]),
                "removed": [_json_of_row(row) for row in found.removed],
                "added": [_json_of_row(row) for row in found.added],
                "changed": [
                    {
                        "oid": change.new.oid.hex(),
                        "otherBase": change.other_base,
                        "payloadBytes": change.payload_bytes,
                        "old": _json_of_row(change.old),
                        "new": _json_of_row(change.new),
                    }
                    for change in found.changed
                ],
            }
        )
        return
    console.show(_lines(found))
    console.show(f"old: {_sum_up(figures[0])}")
    console.show(f"new: {_sum_up(figures[1])}")
    console.show(_verdict(found, figures[1].payload_bytes - figures[0].payload_bytes))


for _command in (show, diff):
    run.add_command(_command)


def _read(path: str) -> SavedPlan:
    from packcore.plans.file import SavedPlan, bounded_lines

    with Path(path).open("rb") as file:
        return SavedPlan.read(bounded_lines(file), path)


def _lines(found: PlanDifference) -> Iterator[str]:
    """Yield a line for each object that is not the same in both."""
    for row in found.removed:
        yield f"- {_words(row)}"
    for row in found.added:
        yield f"+ {_words(row)}"
    for change in found.changed:
        kind = change.new.type.name.lower()
        yield (
            f"~ {change.new.oid.hex()[:12]} {kind:6} {_way(change.old)} -> {_way(change.new)}"
            f"  {change.payload_bytes:+,} bytes"
        )


def _words(row: PlanRow) -> str:
    return f"{row.oid.hex()[:12]} {row.type.name.lower():6} {_way(row)}  {row.payload_bytes:,} bytes"


def _way(row: PlanRow) -> str:
    return f"{row.way} on {row.base.hex()[:12]}" if row.base is not None else row.way


def _sum_up(figures: PlanFigures) -> str:
    from cli.render import units

    return (
        f"{units.count_of(figures.object_count, 'objects')} "
        f"({units.count_of(figures.delta_count, 'deltas')}, {figures.reused_count:,} reused), "
        f"longest chain {figures.depth_max}, {units.size(figures.payload_bytes)} before compression"
    )


def _verdict(found: PlanDifference, payload_bytes: int) -> str:
    if found.equal:
        return "the plans make the same pack"
    bases = sum(change.other_base for change in found.changed)
    return (
        f"{len(found.removed):,} removed, {len(found.added):,} added, {bases:,} on another base, "
        f"{len(found.changed) - bases:,} written in another way; {payload_bytes:+,} bytes before compression"
        + (", in another order" if found.reordered else "")
    )


def _json_of(saved: SavedPlan, figures: PlanFigures) -> dict[str, Any]:
    return {
        "strategy": saved.strategy,
        "objectFormat": saved.object_format.name,
        "depth": saved.depth,
        "compression": saved.compression,
        "complete": not saved.unsearched_count,
        "unsearched": saved.unsearched_count,
        "objects": figures.object_count,
        "deltas": figures.delta_count,
        "reused": figures.reused_count,
        "longestChain": figures.depth_max,
        "payloadBytes": figures.payload_bytes,
    }


def _json_of_row(row: PlanRow) -> dict[str, Any]:
    return {
        "oid": row.oid.hex(),
        "type": row.type.name.lower(),
        "size": row.size,
        "as": row.way,
        "base": row.base.hex() if row.base is not None else None,
        "payloadBytes": row.payload_bytes,
    }
