"""Worker processes for a search: connected by pipes, without semaphores or shared memory, and always ended.

    how            when                                       the store in the worker
    fork           Linux, and no other thread runs here       the same one, inherited
    spawn          else, if the store can be reopened         opened again by its path
    fork           else on Linux                              inherited
    none           else, or if no process can be started      the caller searches in its own process

Forking a program that has threads is safe while the child takes no lock that another thread held. Our
workers only search, read their maps and write to a pipe. They are killed without notice: they hold nothing
that needs cleaning up, and a killed process runs none of the exit handlers it inherited.
"""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import threading
import warnings
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.errors import WorkerLost
from packcore.search.parallel.pipe import READY
from packcore.search.parallel.reopen import reopener
from packcore.search.parallel.worker import run_worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from types import TracebackType

    from packcore.search.strategy import Strategy
    from packcore.store.base import ObjectStore

__all__ = ["Pool", "StartMethod", "start_pool"]

StartMethod = str
"""`fork` or `spawn`."""
START_SECONDS_MAX = 60.0
"""How long a process may take to report that it is ready."""
_CANNOT_START = (
    *(OSError, AssertionError, ValueError, RuntimeError),
    *(pickle.PicklingError, TypeError, AttributeError),
)
"""Raised if there are no more processes or files, if this is a daemon or a subinterpreter, which can't have
children, or if something can't be pickled."""


class _Worker(NamedTuple):
    process: BaseProcess
    connection: Connection


class Pool:
    """Processes, numbered from 0. A context manager that leaves none of them running."""

    def __init__(self) -> None:
        self._workers: list[_Worker] = []

    def __len__(self) -> int:
        return len(self._workers)

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, method: StartMethod, open_store: Callable[[], ObjectStore], strategy: Strategy) -> None:
        """Start one more process. Raises what `_CANNOT_START` lists."""
        context: Any = multiprocessing.get_context(method)
        ours, theirs = context.Pipe(duplex=True)
        inherited = [*(worker.connection for worker in self._workers), ours] if method == "fork" else []
        try:
            process = context.Process(
                target=run_worker, args=(theirs, inherited, open_store, strategy), daemon=True
            )
            with warnings.catch_warnings():
                # Python warns about fork in a program with threads: see above.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._workers.append(_Worker(process, ours))

    def are_ready(self) -> bool:
        """Wait for all processes to report that they are ready; return whether they did."""
        for worker in self._workers:
            try:
                if not worker.connection.poll(START_SECONDS_MAX):
                    return False
                if worker.connection.recv_bytes()[:1] != READY:
                    return False
            except (EOFError, OSError):
                return False
        return True

    def ask(self, number: int, request: tuple[str, object]) -> None:
        """Send a request to an idle worker. Raises WorkerLost."""
        message = pickle.dumps(request, pickle.HIGHEST_PROTOCOL)
        try:
            self._workers[number].connection.send_bytes(message)
        except OSError:
            raise self._lost(number) from None

    def answers(self, timeout: float | None) -> list[tuple[int, bytes]]:
        """Wait for messages; return (worker, message) for each worker that sent one. Raises WorkerLost."""
        numbers = {id(worker.connection): number for number, worker in enumerate(self._workers)}
        found: list[tuple[int, bytes]] = []
        for connection in wait([worker.connection for worker in self._workers], timeout):
            number = numbers[id(connection)]
            try:
                found.append((number, self._workers[number].connection.recv_bytes()))
            except (EOFError, OSError):
                raise self._lost(number) from None
        return sorted(found)

    def close(self) -> None:
        """End all processes, whatever they are doing. Idempotent."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.connection.close()
            worker.process.join()
            worker.process.close()
        self._workers.clear()

    def _lost(self, number: int) -> WorkerLost:
        process = self._workers[number].process
        process.join(1.0)
        code = process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return WorkerLost(
            f"a process that selected deltas ended early, {how}",
            hint="if memory ran out: fewer jobs, or a smaller window_memory",
            option="jobs window_memory",
        )


def start_pool(
    count: int, store: ObjectStore, strategy: Strategy, *, method: StartMethod | None = None
) -> Pool | None:
    """Start processes that read from this store; return None if that fails. `method` is for tests."""
    again = reopener(store)
    chosen = method or _method(can_reopen=again is not None)
    if chosen is None or (chosen == "spawn" and again is None):
        return None
    open_store: Any = again if chosen == "spawn" else _InheritedStore(store)
    pool = Pool()
    try:
        for _ in range(count):
            pool.add(chosen, open_store, strategy)
        ready = pool.are_ready()
    except _CANNOT_START:
        ready = False
    except BaseException:
        pool.close()
        raise
    if not ready:
        pool.close()
        return None
    return pool


def _method(*, can_reopen: bool) -> StartMethod | None:
    can_fork = sys.platform == "linux" and "fork" in multiprocessing.get_all_start_methods()
    if can_fork and threading.active_count() == 1:
        return "fork"
    if can_reopen:
        return "spawn"
    return "fork" if can_fork else None


@dataclass(frozen=True, slots=True)
class _InheritedStore:
    """Returns the store that fork inherited."""

    store: ObjectStore

    def __call__(self) -> ObjectStore:
        return self.store
