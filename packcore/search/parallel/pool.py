"""Worker processes for a search: connected by pipes, without semaphores or shared memory, and always ended.

    how            when                                       the store in the worker
    fork           Linux, and no other thread runs here       the same one, inherited
    spawn          else, if the store can be reopened         opened again by its path
    fork           else on Linux                              inherited
    none           else, or if no process can be started      the caller searches in its own process

`packcore.processes` says why forking a program with threads is safe here.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packcore.processes import CANNOT_START, Pool, StartMethod, can_fork
from packcore.search.parallel.reopen import reopener
from packcore.search.parallel.worker import run_worker

if TYPE_CHECKING:
    from packcore.search.strategy import Strategy
    from packcore.store.base import ObjectStore

__all__ = ["Pool", "StartMethod", "start_pool"]


def start_pool(
    count: int, store: ObjectStore, strategy: Strategy, *, method: StartMethod | None = None
) -> Pool | None:
    """Start processes that read from this store; return None if that fails. `method` is for tests."""
    again = reopener(store)
    chosen = method or _method(can_reopen=again is not None)
    if chosen is None or (chosen == "spawn" and again is None):
        return None
    open_store: Any = again if chosen == "spawn" else _InheritedStore(store)
    pool = Pool(
        "selected deltas",
        hint="if memory ran out: fewer jobs, or a smaller window_memory",
        option="jobs window_memory",
    )
    try:
        for _ in range(count):
            pool.add(chosen, run_worker, open_store, strategy)
        ready = pool.are_ready()
    except CANNOT_START:
        ready = False
    except BaseException:
        pool.close()
        raise
    if not ready:
        pool.close()
        return None
    return pool


def _method(*, can_reopen: bool) -> StartMethod | None:
    if can_fork() and threading.active_count() == 1:
        return "fork"
    if can_reopen:
        return "spawn"
    return "fork" if can_fork() else None


@dataclass(frozen=True, slots=True)
class _InheritedStore:
    """Returns the store that fork inherited."""

    store: ObjectStore

    def __call__(self) -> ObjectStore:
        return self.store
