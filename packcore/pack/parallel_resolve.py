"""Resolve the deltas of a pack in several processes: each gets some whole objects and all that is below them.

The same processes observe the whole objects that the scan left to them: checks take longer than all else.
`packcore.pack.shares` says how the work is shared. Each process sends

    R rows        what it resolved, in pieces: `PackTable.packed_rows`
    O seen        what the observer noted
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from packcore.pack.shares import cut_shares, roots_of, run_shares, worthwhile_jobs
from packcore.processes import can_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.pack.mapping import PackSource
    from packcore.pack.resolve import Resolver
    from packcore.pack.table import PackTable

__all__ = ["resolve_in_processes"]

_ROWS, _SEEN = b"R", b"O"
_ROWS_AT_ONCE = 1 << 16


def resolve_in_processes(
    resolver: Resolver,
    table: PackTable,
    source: PackSource,
    *,
    jobs: int | None,
    resolve_memory: int,
    advance: Callable[[int], None],
) -> bool:
    """Resolve all deltas in up to `jobs` processes; return False if the caller must do it, from what it has.

    None means as many as are worth it. `advance` is called with the number of deltas done. Raises WorkerLost
    if a process is killed.
    """
    if not can_fork() or resolver.missing():  # of such deltas it isn't known yet what they belong to
        return False
    if jobs is None:
        jobs = worthwhile_jobs(table, resolve_memory)
    root_of = roots_of(table)
    shares = cut_shares(table, root_of, jobs, resolver.observed_later)
    if len(shares) < 2:
        return False

    def work(roots: array[int], tell: Callable[[int], None]) -> Iterator[bytes]:
        observer = resolver.observe
        resolver.use_memory(resolve_memory // len(shares))
        if observer is not None:
            observer.start_share()
        resolver.resolve_trees(roots, source, tell)
        members = _members(roots, root_of)
        for start in range(0, len(members), _ROWS_AT_ONCE):
            yield _ROWS + table.packed_rows(members[start : start + _ROWS_AT_ONCE])
        if observer is not None:
            yield _SEEN + observer.seen()

    results = run_shares(shares, work, task="resolved deltas", advance=advance)
    if results is None:
        return False
    _take_over(results, resolver, table)
    return True


def _members(roots: array[int], root_of: array[int]) -> array[int]:
    """Return the deltas of a share."""
    first, last = roots[0], roots[-1]
    rows = enumerate(root_of)
    return array("I", [entry for entry, root in rows if first <= root <= last and entry != root])


def _take_over(results: list[bytes], resolver: Resolver, table: PackTable) -> None:
    while results:
        result = results.pop()
        if result[:1] == _ROWS:
            table.take_rows(result[1:])
        elif resolver.observe is not None:
            resolver.observe.take_over(result[1:])
    resolver.forget()
