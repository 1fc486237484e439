"""Run a search part by part, or several parts in parallel, and yield all choices in the order of the parts.

    parts         commits+tags    trees 1    trees 2    blobs 1    blobs 2
    process 1     graph ........| blobs 1 .........| trees 2 ..|
    process 2     commits+tags .......|   blobs 2 ..........| trees 1|
    yielded       commits+tags, as they are made; then trees 1; trees 2; blobs 1; blobs 2

Choices that arrive before their turn wait in a temporary file (in memory while it is small), still encoded.
The version graph is built once, and each part gets its own edges. The result does not depend on which process
searches which part, or when.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from packcore.limits import MIB
from packcore.search.parallel.pipe import (
    CHOICES,
    DONE,
    EDGES,
    FAILED,
    choice_count,
    decode_choices,
    decode_edges,
    decode_error,
)
from packcore.search.parallel.task import TaskCutter, search
from packcore.search.partition import OBJECT_WEIGHT_BYTES
from packcore.search.strategy import Choice, SearchStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from packcore.search.parallel.pool import Pool
    from packcore.search.reusable import ReusableDeltas
    from packcore.search.strategy import Part, Strategy, Work

__all__ = ["choices_of_parts"]

HELD_BYTES_MAX = 4 * MIB
"""Bytes of choices of one part that wait for their turn in memory; more wait on disk."""
_STOP_ASKED_SECONDS = 0.05
"""How often to call `should_stop` while no message arrives."""


def choices_of_parts(
    work: Work,
    strategy: Strategy,
    parts: Sequence[Part],
    reusable: ReusableDeltas,
    *,
    jobs: int | None,
    should_stop: Callable[[], bool] | None,
    on_choices: Callable[[int], None],
    on_alone: Callable[[], None],
    on_jobs: Callable[[int], None] = lambda _: None,
) -> Iterator[Choice]:
    """Yield the choices of all parts in order. Calls `on_choices` with the number of those that have to wait.

    `jobs` is the number of processes, None for as many as are worth it; `on_jobs` gets the number started.
    If no process can be started, the search falls back to this process and calls `on_alone`.

    Raises SearchStopped after the last choice made before the stop, WorkerLost if a process dies, and
    whatever a search raises in any process.
    """
    pool = None
    if jobs is None:
        from packcore.processes import automatic_jobs

        members = (index for part in parts for index in part.members)
        work_bytes = sum(work.candidates[index].size + OBJECT_WEIGHT_BYTES for index in members)
        jobs = automatic_jobs(work_bytes, work.limits.window_memory + work.limits.base_cache)
    if jobs > 1:
        # Imported only here: processes, pipes and temporary files are half of what a search imports.
        from packcore.search.parallel.pool import start_pool

        pool = start_pool(min(jobs, len(parts)), work.store, strategy)
    if pool is None:
        if jobs > 1:
            on_alone()
        yield from _one_by_one(work, strategy, parts, reusable, should_stop)
        return
    on_jobs(len(pool))
    with pool:
        search_of_parts = _ParallelSearch(
            pool, work, parts, reusable, should_stop=should_stop, on_choices=on_choices
        )
        yield from search_of_parts.choices()


def _one_by_one(
    work: Work,
    strategy: Strategy,
    parts: Sequence[Part],
    reusable: ReusableDeltas,
    should_stop: Callable[[], bool] | None,
) -> Iterator[Choice]:
    cutter = TaskCutter(work, parts, reusable)
    for number, part in enumerate(parts):
        if part.by_history and not cutter.knows_edges:
            cutter.take_edges(work.version_edges())
        task, places = cutter.task(number), work.places_of(part.members)
        found = search(task, work.store, strategy, should_stop, cache=work.cache, places=places)
        yield from _in_work(found, part)


def _in_work(choices: Iterable[Choice], part: Part) -> Iterator[Choice]:
    """Yield the choices renumbered for the whole work."""
    members = part.members
    for target, base, delta_size, deflated in choices:
        yield Choice(members[target], None if base is None else members[base], delta_size, deflated)


class _ParallelSearch:
    """A search in several processes."""

    def __init__(
        self,
        pool: Pool,
        work: Work,
        parts: Sequence[Part],
        reusable: ReusableDeltas,
        *,
        should_stop: Callable[[], bool] | None,
        on_choices: Callable[[int], None],
    ) -> None:
        self._pool = pool
        self._work = work
        self._parts = parts
        self._should_stop = should_stop
        self._on_choices = on_choices
        self._cutter = TaskCutter(work, parts, reusable)
        self._doing: dict[int, int | None] = {}
        """Maps a worker to the number of the part it searches; None means the version graph."""
        self._done = [False] * len(parts)
        self._live = 0
        """The part whose turn it is."""
        self._waiting = [_Backlog() for _ in parts]
        sizes = [
            sum(work.candidates[index].size + OBJECT_WEIGHT_BYTES for index in part.members) for part in parts
        ]
        largest_first = sorted(range(len(parts)), key=lambda number: (-sizes[number], number))
        self._early = deque(number for number in largest_first if not parts[number].by_history)
        self._late = deque(number for number in largest_first if parts[number].by_history)
        """Parts that need the version graph first."""
        self._graph_asked = not self._late

    def choices(self) -> Iterator[Choice]:
        """Yield all choices in the order of the parts."""
        timeout = None if self._should_stop is None else _STOP_ASKED_SECONDS
        try:
            while self._live < len(self._parts):
                self._employ()
                for worker, message in self._pool.answers(timeout):
                    yield from self._take(worker, message)
                while self._live < len(self._parts) and self._done[self._live]:
                    self._live += 1
                    if self._live < len(self._parts):
                        yield from self._drain(self._live)
                if self._should_stop is not None and self._live < len(self._parts) and self._should_stop():
                    self._pool.close()
                    for number in range(self._live + 1, len(self._parts)):
                        yield from self._drain(number)
                    raise SearchStopped
        finally:
            for waiting in self._waiting:
                waiting.close()

    def _employ(self) -> None:
        """Give work to idle workers: the version graph first, then any part that can be searched."""
        for worker in range(len(self._pool)):
            if worker in self._doing:
                continue
            if not self._graph_asked:
                self._graph_asked = True
                self._doing[worker] = None
                self._pool.ask(worker, ("edges", (list(self._work.candidates), self._work.limits)))
            elif self._early or (self._late and self._cutter.knows_edges):
                number = self._early.popleft() if self._early else self._late.popleft()
                self._doing[worker] = number
                self._pool.ask(worker, ("search", self._cutter.task(number)))

    def _take(self, worker: int, message: bytes) -> Iterator[Choice]:
        """Handle a message, and yield its choices if it is their turn."""
        kind = message[:1]
        number = self._doing[worker]
        if kind == CHOICES and number is not None:
            self._on_choices(choice_count(message))
            if number == self._live:
                yield from _in_work(decode_choices(message), self._parts[number])
            else:
                self._waiting[number].add(message)
        elif kind == EDGES:
            self._cutter.take_edges(decode_edges(message))
        elif kind == FAILED:
            raise decode_error(message)
        elif kind == DONE:
            del self._doing[worker]
            if number is not None:
                self._done[number] = True

    def _drain(self, number: int) -> Iterator[Choice]:
        """Yield the waiting choices of a part."""
        for message in self._waiting[number].take_all():
            yield from _in_work(decode_choices(message), self._parts[number])


class _Backlog:
    """Messages that wait for their turn, each preceded by its length in four bytes."""

    def __init__(self) -> None:
        import tempfile

        self._file = tempfile.SpooledTemporaryFile(max_size=HELD_BYTES_MAX)  # noqa: SIM115 - closed below

    def add(self, message: bytes) -> None:
        """Append a message."""
        self._file.write(len(message).to_bytes(4, "big") + message)

    def take_all(self) -> Iterator[bytes]:
        """Yield the messages in the order in which they were added, and drop them."""
        self._file.seek(0)
        while head := self._file.read(4):
            yield self._file.read(int.from_bytes(head, "big"))
        self._file.close()

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()
