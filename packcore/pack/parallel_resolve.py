"""Resolve the deltas of a pack in several processes: each gets some whole objects and all that is below them.

The same processes observe the whole objects that the scan left to them: checks take longer than all else.

    whole objects      1  2  3  4 | 5  6 | 7  8  9     shares of about the same number of bytes
    process            one        | two  | three
    from a process     H                               ready
                       A count                         so many more deltas are resolved
                       R rows                          the result, in pieces: `PackTable.packed_rows`
                       O seen                          what the observer noted
                       D                               done
                       X                               something is wrong

The processes inherit what the scan found, by fork, and share its memory. No delta depends on another share,
so the result doesn't depend on the number of processes. If one meets damage, the work of all is dropped, and
the caller resolves everything itself: so damage is reported as by one process.
"""

from __future__ import annotations

from array import array
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import PackcoreError
from packcore.processes import CANNOT_START, READY, Pool, automatic_jobs, begin_work, can_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from multiprocessing.connection import Connection

    from packcore.pack.mapping import PackSource
    from packcore.pack.resolve import Resolver
    from packcore.pack.table import PackTable

__all__ = ["resolve_in_processes"]

_ADVANCED, _ROWS, _SEEN, _DONE, _FAILED = b"A", b"R", b"O", b"D", b"X"
_ROWS_AT_ONCE = 1 << 16
_ENTRY_BYTES = 2000
"""The work of an entry on top of that for its bytes, in bytes."""
_COUNT_BYTES = 4
_SHARED_BYTES = 200
"""Memory for each entry that a process may have to copy, because it or another one writes to it."""


class _Share(NamedTuple):
    """The work of one process."""

    resolver: Resolver
    table: PackTable
    source: PackSource
    roots: array[int]
    """Whole objects, ascending."""
    root_of: array[int]
    """The whole object above each entry of the pack."""
    resolve_memory: int


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
        work_bytes = sum(table.sizes) + _ENTRY_BYTES * len(table)
        jobs = automatic_jobs(work_bytes, resolve_memory + _SHARED_BYTES * len(table))
    root_of = _roots(table)
    shares = _shares(table, root_of, jobs, resolver.observed_later)
    if len(shares) < 2:
        return False
    pool = Pool("resolved deltas", hint="if memory ran out: fewer jobs", option="jobs")
    with pool:
        try:
            for roots in shares:
                share = _Share(resolver, table, source, roots, root_of, resolve_memory // len(shares))
                pool.add("fork", _run, share)
            is_ready = pool.are_ready()
        except CANNOT_START:
            return False
        return is_ready and _collect(pool, resolver, table, advance)


def _roots(table: PackTable) -> array[int]:
    root_of = array("I", range(len(table)))
    for entry_index, base in enumerate(table.bases):
        if base >= 0:
            root_of[entry_index] = root_of[base]
    return root_of


def _shares(table: PackTable, root_of: array[int], jobs: int, observed: Container[int]) -> list[array[int]]:
    """Return the whole objects that have deltas or are still to be observed, in shares of about equal work.

    `observed` are the types of the latter.
    """
    work = array("Q", bytes(8 * len(table)))
    is_root = bytearray(type_ in observed for type_ in table.types)
    for root, base, size in zip(root_of, table.bases, table.sizes, strict=True):
        work[root] += size + _ENTRY_BYTES
        if base >= 0:
            is_root[root] = 1
    roots = array("I", compress(range(len(table)), is_root))
    share_work = sum(work[root] for root in roots) / jobs
    shares = [array("I")]
    done = 0
    for root in roots:
        if done >= share_work * len(shares) and len(shares) < jobs:
            shares.append(array("I"))
        shares[-1].append(root)
        done += work[root]
    return [share for share in shares if share]


def _run(connection: Connection, inherited: Iterable[Connection], share: _Share) -> None:
    """Resolve a share, in a process of its own."""
    begin_work(inherited)
    resolver, observer = share.resolver, share.resolver.observe

    def tell(count: int) -> None:
        connection.send_bytes(_ADVANCED + count.to_bytes(_COUNT_BYTES, "big"))

    try:
        connection.send_bytes(READY)
        resolver.use_memory(share.resolve_memory)
        if observer is not None:
            observer.start_share()
        try:
            resolver.resolve_trees(share.roots, share.source, tell)
        except (PackcoreError, MemoryError):
            connection.send_bytes(_FAILED)
            return
        members = _members(share)
        for start in range(0, len(members), _ROWS_AT_ONCE):
            connection.send_bytes(_ROWS + share.table.packed_rows(members[start : start + _ROWS_AT_ONCE]))
        if observer is not None:
            connection.send_bytes(_SEEN + observer.seen())
        connection.send_bytes(_DONE)
    except OSError:  # the main process is gone
        return


def _members(share: _Share) -> array[int]:
    """Return the deltas of a share."""
    first, last = share.roots[0], share.roots[-1]
    rows = enumerate(share.root_of)
    return array("I", [entry for entry, root in rows if first <= root <= last and entry != root])


def _collect(pool: Pool, resolver: Resolver, table: PackTable, advance: Callable[[int], None]) -> bool:
    """Take over the results of all processes; return False, and take over nothing, if one met damage."""
    rows: list[bytes] = []
    seen: list[bytes] = []
    done: set[int] = set()
    told = 0
    while len(done) < len(pool):
        for number, message in pool.answers(None, without=done):
            kind, content = message[:1], message[1:]
            if kind == _ADVANCED:
                count = int.from_bytes(content, "big")
                told += count
                advance(count)
            elif kind == _ROWS:
                rows.append(content)
            elif kind == _SEEN:
                seen.append(content)
            elif kind == _DONE:
                done.add(number)
            else:
                advance(-told)
                return False
    while rows:
        table.take_rows(rows.pop())
    resolver.forget()
    if resolver.observe is not None:
        for noted in seen:
            resolver.observe.take_over(noted)
    return True
