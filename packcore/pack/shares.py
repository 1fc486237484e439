"""Whole objects of a pack, with the deltas below them, in shares: a process for each.

    whole objects      1  2  3  4 | 5  6 | 7  8  9     shares of about the same number of bytes
    process            one        | two  | three
    from a process     H                               ready
                       A count                         this many more objects are done
                       R result                        part of the result, whatever the work yields
                       D                               done
                       X                               something is wrong

The processes inherit what is known of the pack, by fork, and share its memory. No delta depends on another
share, so the result doesn't depend on the number of processes. If one meets damage, the work of all is
dropped: the caller does everything itself, so that damage is reported as by one process.
"""

from __future__ import annotations

from array import array
from itertools import compress
from typing import TYPE_CHECKING, TypeVar

from packcore.errors import PackcoreError
from packcore.processes import CANNOT_START, READY, Pool, automatic_jobs, begin_work

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence
    from multiprocessing.connection import Connection

    from packcore.pack.table import PackTable

__all__ = ["ENTRY_BYTES", "SHARED_BYTES", "cut_shares", "roots_of", "run_shares", "worthwhile_jobs"]

_ShareT = TypeVar("_ShareT")
_ADVANCED, _RESULT, _DONE, _FAILED = b"A", b"R", b"D", b"X"
ENTRY_BYTES = 2000
"""The work of an entry on top of that for its bytes, in bytes."""
_COUNT_BYTES = 4
SHARED_BYTES = 200
"""Memory for each entry that a process may have to copy, because it or another one writes to it."""


def worthwhile_jobs(table: PackTable, process_bytes: int) -> int:
    """Return how many processes are worth starting, if each needs `process_bytes` of memory of its own."""
    work_bytes = sum(table.sizes) + ENTRY_BYTES * len(table)
    return automatic_jobs(work_bytes, process_bytes + SHARED_BYTES * len(table))


def roots_of(table: PackTable) -> array[int]:
    """Return the whole object above each entry. Bases must come before their deltas."""
    root_of = array("I", range(len(table)))
    for entry_index, base in enumerate(table.bases):
        if base >= 0:
            root_of[entry_index] = root_of[base]
    return root_of


def cut_shares(table: PackTable, root_of: array[int], jobs: int, alone: Container[int]) -> list[array[int]]:
    """Return whole objects in up to `jobs` shares of about equal work, in pack order.

    These are the ones that have deltas, and those of the types in `alone`.
    """
    work = array("Q", bytes(8 * len(table)))
    is_root = bytearray(type_ in alone for type_ in table.types)
    for root, base, size in zip(root_of, table.bases, table.sizes, strict=True):
        work[root] += size + ENTRY_BYTES
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


def run_shares(
    shares: Sequence[_ShareT],
    work: Callable[[_ShareT, Callable[[int], None]], Iterator[bytes]],
    *,
    task: str,
    advance: Callable[[int], None],
    meanwhile: Callable[[], None] = lambda: None,
) -> list[bytes] | None:
    """Do `work` on each share in a process of its own; return all results, in no order.

    `work` gets a share and what to call with the number of objects done, and yields its results. If it raises
    PackcoreError, MemoryError or OSError, None is returned, as where no process can be started. `task` is
    what the processes did, for the error. `meanwhile` runs in this process.
    Raises WorkerLost if a process is killed.
    """
    with Pool(task, hint="if memory ran out: fewer jobs", option="jobs") as pool:
        try:
            for share in shares:
                pool.add("fork", _run, work, share)
            if not pool.are_ready():
                return None
        except CANNOT_START:
            return None
        meanwhile()
        return _collect(pool, advance)


def _run(
    connection: Connection,
    inherited: Iterable[Connection],
    work: Callable[[_ShareT, Callable[[int], None]], Iterator[bytes]],
    share: _ShareT,
) -> None:
    """Work on a share, in a process of its own."""
    begin_work(inherited)

    def tell(count: int) -> None:
        connection.send_bytes(_ADVANCED + count.to_bytes(_COUNT_BYTES, "big"))

    try:
        connection.send_bytes(READY)
        try:
            for result in work(share, tell):
                connection.send_bytes(_RESULT + result)
        except (PackcoreError, MemoryError, OSError):
            connection.send_bytes(_FAILED)
            return
        connection.send_bytes(_DONE)
    except OSError:  # the main process is gone
        return


def _collect(pool: Pool, advance: Callable[[int], None]) -> list[bytes] | None:
    """Return the results of all processes, or None if one met damage."""
    results: list[bytes] = []
    done: set[int] = set()
    told = 0
    while len(done) < len(pool):
        for number, message in pool.answers(None, without=done):
            kind, content = message[:1], message[1:]
            if kind == _ADVANCED:
                count = int.from_bytes(content, "big")
                told += count
                advance(count)
            elif kind == _RESULT:
                results.append(content)
            elif kind == _DONE:
                done.add(number)
            else:
                advance(-told)
                return None
    return results
