"""The outcome: lines for a terminal, tables for the documentation."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scripts.conformance.results import Failure, Row

__all__ = ["markdown", "ranges", "text", "verdict"]

_NOT_OFFERED, _WRONG, _FOLLOWS = "not offered", "wrong answer", "follows from an earlier failure"
_KINDS = (_NOT_OFFERED, _WRONG, _FOLLOWS)


def text(row: Row) -> list[str]:
    """Return a row's lines: the numbers, then each failure."""
    lines = [
        f"{row.family:13} {row.script:36} {row.passed:4} of {row.original:4}  ({row.calling} call packcore)"
    ]
    lines += [f"    {failure.test:>4} {failure.title[:70]}: {_cause(failure)}" for failure in row.failures]
    if row.stale:
        lines.append(f"    passes in spite of its reason: {', '.join(row.stale)}")
    return lines


def verdict(rows: Sequence[Row]) -> str:
    """Return one line that counts everything."""
    passed, original = sum(row.passed for row in rows), sum(row.original for row in rows)
    unexplained = sum(len(row.unexplained) for row in rows)
    stale = sum(len(row.stale) for row in rows)
    share = f"{100 * passed / original:.1f} %" if original else "nothing"
    return (
        f"conformance: {passed} of {original} ({share}) in {len(rows)} scripts, "
        f"{unexplained} wrong answers without a reason, {stale} reasons out of date"
    )


def markdown(rows: Sequence[Row]) -> str:
    """Return a table of sums, and one of scripts for each family, with what fails and why."""
    head = ["family", "pass with the original", "call packcore", "pass with packcore", *_KINDS]
    sums, parts = [], []
    for family, group in groupby(rows, lambda row: row.family):
        own = list(group)
        counts = [sum(row.original for row in own), sum(row.calling for row in own)]
        kinds = Counter(_kind(failure) for row in own for failure in row.failures)
        sums.append([family, *map(str, counts), _of(own), *(str(kinds[kind]) for kind in _KINDS)])
        body = [[row.script, str(row.original), str(row.passed), _failures(row)] for row in own]
        parts += [
            "",
            f"### {family}",
            "",
            *_table(["script", "original", "packcore", "what fails, and why"], body),
        ]
    return "\n".join([*_table(head, sums), *parts, ""])


def ranges(numbers: Iterable[str]) -> str:
    """Return test numbers briefly: `3, 7-9`; names are left as they are."""
    found: list[list[str]] = []
    for number in numbers:
        last = found[-1][-1] if found else ""
        if last.isdecimal() and number.isdecimal() and int(number) == int(last) + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found)


def _of(rows: Sequence[Row]) -> str:
    passed, original = sum(row.passed for row in rows), sum(row.original for row in rows)
    return f"{passed} ({100 * passed / original:.1f} %)" if original else "0"


def _kind(failure: Failure) -> str:
    if failure.not_offered:
        return _NOT_OFFERED
    return _WRONG if failure.calls else _FOLLOWS


def _cause(failure: Failure) -> str:
    cause = _kind(failure)
    if failure.not_offered:
        cause += f": {' '.join(failure.not_offered)}"
    return f"{cause} ({failure.why})" if failure.why else cause


def _failures(row: Row) -> str:
    causes: dict[str, list[str]] = {}
    for failure in row.failures:
        causes.setdefault(failure.why or _cause(failure), []).append(failure.test)
    return "; ".join(f"{ranges(tests)}: {why}" for why, tests in causes.items()).replace("|", "\\|")


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *body]]
