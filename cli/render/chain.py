"""The delta chain of one object from its full base: what each delta does, makes and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.render.anatomy_rows import preview
from cli.render.units import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.anatomy import Link, PackAnatomy, Step
    from packcore.objects import ObjectType

__all__ = ["chain_json", "chain_lines", "step_line", "steps_json"]

_STEP_CELLS = 46


def chain_lines(
    pack: PackAnatomy, type_: ObjectType, links: Sequence[Link], *, cells: int | None = None
) -> Iterator[str]:
    """Yield the lines; texts are cut at `cells` terminal cells; None means the usual preview."""
    last = links[-1]
    name = last.entry.oid.hex() if last.entry.oid else f"the entry at offset {last.entry.offset}"
    kind = type_.label.decode()
    deltas = len(links) - 1
    how = "whole" if not deltas else f"at the end of a chain of {count_of(deltas, 'deltas')}"
    yield f"{click.style(f'{kind} {name}', bold=True)}: {count_of(len(last.data), 'bytes')}, {how}"
    yield f"in {pack.title}"
    for number, link in enumerate(links):
        yield ""
        yield _heading(number, link)
        width = 200 if cells is None else max(cells - _STEP_CELLS, 16)
        if not link.steps:
            yield f"      {preview(link.data, 240 if cells is None else max(cells - 8, 16))}"
        for step in link.steps:
            yield step_line(step, link.data, width)
    yield ""
    yield _cost(links)


def _heading(number: int, link: Link) -> str:
    entry = link.entry
    oid = f"{entry.oid.hex()} " if entry.oid else ""
    what = "full base" if number == 0 else f"delta {number}"
    stored = f"offset {entry.offset}, {link.entry_bytes:,} bytes in the pack"
    if number:
        steps = count_of(len(link.steps), "instructions")
        does = f"a delta of {len(link.stream):,} bytes, {steps}, makes {len(link.data):,}"
        return f"{click.style(what, bold=True, fg='magenta')}  {oid}{stored}: {does}"
    return f"{click.style(what, bold=True, fg='yellow')}  {oid}{stored}: {len(link.data):,} bytes"


def step_line(step: Step, target: bytes, width: int) -> str:
    """Return an instruction as one line: its place in the target, what it does, the bytes it makes."""
    made = target[step.made_at : step.made_at + step.size]
    end = step.made_at + step.size
    if step.base_offset is None:
        what, colour = f"insert {step.size:,}", "bright_red"
    else:
        what, colour = f"copy {step.size:,} from {step.base_offset:,}", "green"
    place = f"{step.made_at:,}-{end:,}"
    return f"  {place:>15}  {click.style(f'{what:<27} {preview(made, width)}', fg=colour)}"


def _cost(links: Sequence[Link]) -> str:
    read = sum(link.entry_bytes for link in links)
    inflated = sum(len(link.stream) for link in links)
    made = sum(len(link.data) for link in links[1:])
    entries = f"{len(links)} entr{'y' if len(links) == 1 else 'ies'}"
    return f"cost of reading it: {entries}, {count_of(read, 'bytes')} of the pack, {inflated:,} inflated" + (
        f", {made:,} put together by deltas" if made else ""
    )


def chain_json(pack: str, type_: ObjectType, links: Sequence[Link]) -> dict[str, Any]:
    """Return the chain as `explain --object --json` prints it."""
    last = links[-1]
    return {
        "pack": pack,
        "oid": last.entry.oid.hex() if last.entry.oid else None,
        "type": type_.label.decode(),
        "size": len(last.data),
        "chain": [_link_json(link) for link in links],
    }


def _link_json(link: Link) -> dict[str, Any]:
    return {
        "oid": link.entry.oid.hex() if link.entry.oid else None,
        "offset": link.entry.offset,
        "kind": link.entry.type_name,
        "sizeInPack": link.entry_bytes,
        "inflated": len(link.stream),
        "size": len(link.data),
        "instructions": steps_json(link.steps),
    }


def steps_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the instructions of a delta as JSON: `from` in the base (none in inserts), `to` in target."""
    return [
        {
            "kind": "insert" if step.base_offset is None else "copy",
            "from": step.base_offset,
            "to": step.made_at,
            "size": step.size,
        }
        for step in steps
    ]
