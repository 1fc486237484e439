"""A worker process: it has a store and a strategy, and serves one request after another from a pipe.

It ends with the pipe, so it ends with the main process, however that one ends. It ignores Ctrl-C, which a
terminal sends to all processes: the main process gets it too, and ends the worker.
"""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from packcore.processes import begin_work
from packcore.search.parallel.pipe import DONE, READY, encode_choices, encode_edges, encode_error
from packcore.search.parallel.task import search
from packcore.search.strategy import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.connection import Connection

    from packcore.limits import Limits
    from packcore.plans.entries import Candidate
    from packcore.search.parallel.task import Task, VersionEdges
    from packcore.search.strategy import Choice, Strategy
    from packcore.store.base import ObjectStore

__all__ = ["CHOICES_AT_ONCE", "run_worker", "version_edges_of"]

CHOICES_AT_ONCE = 64
"""Choices in one message. If a search is stopped, each process loses fewer choices than this."""


def run_worker(
    connection: Connection,
    inherited: Iterable[Connection],
    open_store: Callable[[], ObjectStore],
    strategy: Strategy,
) -> None:
    """Serve requests until the pipe ends. `inherited` are ends of other pipes, inherited by fork."""
    begin_work(inherited)
    with suppress(EOFError, OSError):  # the main process is gone
        try:
            store = open_store()
            connection.send_bytes(READY)
        except OSError:
            raise
        except Exception as error:
            connection.send_bytes(encode_error(error))
            return
        while True:
            _serve(connection, pickle.loads(connection.recv_bytes()), store, strategy)  # noqa: S301 - our own


def _serve(connection: Connection, request: tuple[str, Any], store: ObjectStore, strategy: Strategy) -> None:
    kind, argument = request
    try:
        if kind == "edges":
            candidates, limits = argument
            connection.send_bytes(encode_edges(version_edges_of(store, candidates, limits)))
        else:
            _search(connection, argument, store, strategy)
    except (EOFError, BrokenPipeError, ConnectionError):
        raise
    except BaseException as error:  # raised again in the main process
        connection.send_bytes(encode_error(error))
    else:
        connection.send_bytes(DONE)


def _search(connection: Connection, task: Task, store: ObjectStore, strategy: Strategy) -> None:
    waiting: list[Choice] = []
    for choice in search(task, store, strategy):
        waiting.append(choice)
        if len(waiting) >= CHOICES_AT_ONCE:
            connection.send_bytes(encode_choices(waiting))
            waiting = []
    connection.send_bytes(encode_choices(waiting))


def version_edges_of(store: ObjectStore, candidates: list[Candidate], limits: Limits) -> VersionEdges:
    """Return the version graph over these candidates."""
    work = Work(store, candidates, plan_count=len(candidates), limits=limits)
    return list(work.version_edges())
