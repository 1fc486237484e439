"""Resolve the deltas of a pack in several processes: each gets some whole objects and all that is below them.

The same processes observe the whole objects that the scan left to them: checks take longer than all else.
`packcore.pack.shares` says how the work is shared. The processes write what they resolve into columns of the
table that they share, and send only what the observer noted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.pack.shares import cut_shares, roots_of, run_shares, worthwhile_jobs
from packcore.processes import can_fork

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator

    from packcore.pack.resolve import Resolver
    from packcore.pack.table import PackTable

__all__ = ["resolve_in_processes"]


def resolve_in_processes(
    resolver: Resolver,
    table: PackTable,
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
    shares = cut_shares(table, roots_of(table), jobs, resolver.observed_later)
    if len(shares) < 2:
        return False

    def work(roots: array[int], tell: Callable[[int], None]) -> Iterator[bytes]:
        observer = resolver.observe
        resolver.use_memory(resolve_memory // len(shares))
        if observer is not None:
            observer.start_share()
        resolver.resolve_trees(roots, tell)
        if observer is not None:
            yield observer.seen()

    with table.shared() as keep:
        results = run_shares(shares, work, task="resolved deltas", advance=advance)
        if results is None:
            return False
        keep()
    if resolver.observe is not None:
        for seen in results:
            resolver.observe.take_over(seen)
    resolver.forget()
    return True
