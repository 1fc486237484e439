"""The result of many repositories for people: a line for each as it finishes, and a table at the end.

done        docs      2 refs pushed, 1 up to date; sent 34 objects (3 deltas) as they came, 6.1 KiB  0.4s
incomplete  site      1 ref pushed, 1 blocked                                                        0.2s
failed      archive   no repository is there                                                         0.1s

At the end, the pairs that are not done are listed again, each with its refs that have a problem:

incomplete  site      1 ref pushed, 1 blocked                                                        0.2s
  blocked  refs/heads/main  not a fast-forward (…)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render import units
from cli.render.sync import left_line, problem_refs, ref_lines, summary_line, verification_problem
from cli.render.table import columns, width_of
from transport.fleet import PairStatus
from transport.safe_text import one_line
from transport.spelling import spelled_hint, spelled_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.fleet import FleetResult, PairOutcome

__all__ = ["pair_line", "pair_problems", "problem_line", "summary_table"]

_NAME_CELLS_MAX = 50
_WORDS = {PairStatus.TIMED_OUT: "timed out"}
_STATUS_CELLS = max(len(status.value) for status in PairStatus)


def pair_line(outcome: PairOutcome, name_cells: int) -> str:
    """Return the line of one pair; `name_cells` is the width of the longest name."""
    status, name = _word(outcome.status), one_line(outcome.name)
    blanks = " " * max(0, min(name_cells, _NAME_CELLS_MAX) - width_of(name))
    return (
        f"{status.ljust(_STATUS_CELLS)}  {name}{blanks}  {_what(outcome)}  {units.seconds(outcome.seconds)}"
    )


def pair_problems(outcome: PairOutcome) -> Iterator[str]:
    """Yield a line for each ref of the pair that has a problem."""
    if outcome.result is not None:
        for line in ref_lines(problem_refs(outcome.result.refs)):
            yield f"  {line}"


def _what(outcome: PairOutcome) -> str:
    parts = []
    if outcome.error is not None:
        hint = spelled_hint(outcome.error)
        told = spelled_message(outcome.error) + (f" ({hint})" if hint else "")
        parts.append(one_line(told))
    if outcome.result is not None:
        parts.append(summary_line(outcome.result))
        if outcome.result.left_temp_refs:
            parts.append(left_line(outcome.result.left_temp_refs))
        found = outcome.result.verification
        if found is not None:
            parts.append(verification_problem(found) if found.exit_code else "verified")
    return "; ".join(parts)


def _word(status: PairStatus) -> str:
    return _WORDS.get(status, status.value)


def summary_table(result: FleetResult) -> Iterator[str]:
    """Yield a row for each status with its totals, and a row for the sum."""
    rows = []
    for status in PairStatus:
        outcomes = [outcome for outcome in result.outcomes if outcome.status is status]
        if outcomes:
            rows.append(_row(_word(status), outcomes))
    if len(rows) > 1:
        rows.append(_row("all", list(result.outcomes)))
    heading = ("status", "pairs", "refs pushed", "deleted", "sent", "longest")
    yield from columns(rows, right=(1, 2, 3, 4, 5), heading=heading)
    memory = f", peak memory {units.size(result.peak_rss_bytes)}" if result.peak_rss_bytes else ""
    pairs = units.count_of(len(result.outcomes), "repositories")
    yield f"{pairs} in {units.seconds(result.seconds)}{memory}"


def _row(word: str, outcomes: list[PairOutcome]) -> tuple[str, ...]:
    results = [outcome.result for outcome in outcomes if outcome.result is not None]
    sent = sum(result.pack.bytes for result in results if result.pack is not None)
    return (
        word,
        units.grouped(len(outcomes)),
        units.grouped(sum(result.pushed for result in results)),
        units.grouped(sum(result.deleted for result in results)),
        units.size(sent),
        units.seconds(max(outcome.seconds for outcome in outcomes)),
    )


def problem_line(result: FleetResult) -> str:
    """Return a line with the number of repositories that are not done."""
    verb = "is" if len(result.failed) == 1 else "are"
    return f"{len(result.failed):,} of {units.count_of(len(result.outcomes), 'repositories')} {verb} not done"
