"""The table: columns down, suites across; as text for a terminal, as Markdown for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scripts.matrix.results import Cell, Row

__all__ = ["describe", "duration", "markdown", "text_table", "verdict"]

_DEPENDENCIES = ("click", "h11", "rich", "xxhash", "zlib-ng")


def describe(cell: Cell) -> str:
    """Return a cell in a few words: `ok 231 1:05`, `RED 2 of 231 0:40`."""
    took = f" {duration(cell.seconds)}" if cell.seconds else ""
    if cell.state == "red":
        return (f"RED {cell.failed} of {cell.passed + cell.failed}" if cell.failed else "RED") + took
    skipped = f" ({cell.skipped} skipped)" if cell.skipped else ""
    again = f" ({cell.again} run again)" if cell.again else ""
    return f"ok {cell.passed}{skipped}{again}{took}" if cell.state == "ok" else "skipped"


def duration(seconds: float) -> str:
    """Return minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def text_table(rows: Sequence[Row], suites: Sequence[str]) -> list[str]:
    """Return the lines of the table, followed by what was skipped and why, and what failed and where."""
    lines = [["column", "python", "git", *suites, "time"]]
    for row in rows:
        cells = [describe(row.cells[name]) if name in row.cells else "-" for name in suites]
        versions = [row.versions.get("python", "-"), row.versions.get("git", "-")]
        if not row.cells:
            cells = ["skipped" if row.skipped else "covered", *[""] * (len(suites) - 1)]
        lines.append([row.name, *versions, *cells, duration(row.seconds) if row.seconds else "-"])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    table.insert(1, "  ".join("-" * width for width in widths))
    return [*table, *_notes(rows)]


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = [f"skipped: {row.name}: {row.skipped}" for row in rows if row.skipped]
    notes += [f"covered: {row.name}: {row.covered}" for row in rows if row.covered]
    notes += [f"left out: {row.name}: {each}: {why}" for row in rows for each, why in row.left_out.items()]
    for row in rows:
        for suite, cell in row.cells.items():
            if cell.state != "ok":
                why = f"{cell.reason}; " if cell.reason else ""
                notes.append(f"{cell.state}: {row.name} {suite}: {why}see {cell.log}")
    return ["", *notes] if notes else []


def verdict(rows: Sequence[Row]) -> str:
    """Return one line that counts the columns."""
    red = [row.name for row in rows if row.red]
    skipped = [row.name for row in rows if row.skipped]
    covered = sum(1 for row in rows if row.covered)
    words = [f"{len(rows) - len(red) - len(skipped) - covered} green"]
    if covered:
        words.append(f"{covered} covered by make check")
    if red:
        words.append(f"{len(red)} RED ({', '.join(red)})")
    if skipped:
        words.append(f"{len(skipped)} SKIPPED ({', '.join(skipped)})")
    return f"matrix: {', '.join(words)} of {len(rows)} columns"


def markdown(rows: Sequence[Row], about: Mapping[str, str], suites: Sequence[str]) -> str:
    """Return two tables: what each column consists of and when it last ran, and what its suites came to."""
    head = ["column", "Python", "git", *_DEPENDENCIES, "commit", "date"]
    made_of = [
        [
            row.name,
            *[row.versions.get(name, "none") for name in ("python", "git", *_DEPENDENCIES)],
            row.commit,
            row.date,
        ]
        for row in rows
        if row.cells
    ]
    outcomes = [
        [row.name, *[describe(row.cells[name]) if name in row.cells else "-" for name in suites]]
        for row in rows
        if row.cells
    ]
    left_out = [
        f"- `{row.name}` ({about.get(row.name, '')}) was skipped: {row.skipped}"
        for row in rows
        if row.skipped
    ]
    left_out += [
        f"- `{row.name}` leaves out `{each}`: {why}" for row in rows for each, why in row.left_out.items()
    ]
    return "\n".join([*_rows(head, made_of), "", *_rows(["column", *suites], outcomes), "", *left_out, ""])


def _rows(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *body]
    return [f"| {' | '.join(line)} |" for line in lines]
