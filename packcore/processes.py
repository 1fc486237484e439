"""Processes that work for this one: connected by pipes, without semaphores or shared memory, always ended.

They are killed without notice: they hold nothing that needs cleaning up, and a killed process runs none of
the exit handlers it inherited. Forking a program that has threads is safe while the child takes no lock that
another thread held: ours only compute, read their maps and write to a pipe.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import signal
import sys
import warnings
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.errors import WorkerLost, rebuild_error
from packcore.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from types import TracebackType

__all__ = [
    "CANNOT_START",
    "READY",
    "Pool",
    "StartMethod",
    "automatic_jobs",
    "begin_work",
    "can_fork",
    "cpu_count",
    "error_of_bytes",
    "error_to_bytes",
    "free_memory",
]

StartMethod = str
"""`fork` or `spawn`."""
READY = b"H"
"""The first message of every worker."""
WORK_BYTES_MIN = 64 * MIB
"""Less work than this is not worth a process of its own: it takes about half a second."""
_CGROUP = "/sys/fs/cgroup"
START_SECONDS_MAX = 60.0
"""How long a process may take to report that it is ready."""
CANNOT_START = (
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

    def __init__(self, task: str, hint: str, option: str) -> None:
        """`task` says what the processes do, `hint` and `option` what helps if one is killed."""
        self._workers: list[_Worker] = []
        self._task = task
        self._hint = hint
        self._option = option

    def __len__(self) -> int:
        return len(self._workers)

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, method: StartMethod, target: Callable[..., None], *arguments: object) -> None:
        """Start one more process. Raises what `CANNOT_START` lists.

        It calls `target(connection, inherited, *arguments)`. It must send `READY` first, and close the
        `inherited` ends of pipes.
        """
        context: Any = multiprocessing.get_context(method)
        ours, theirs = context.Pipe(duplex=True)
        inherited = [*(worker.connection for worker in self._workers), ours] if method == "fork" else []
        try:
            process = context.Process(target=target, args=(theirs, inherited, *arguments), daemon=True)
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

    def answers(
        self, timeout: float | None, without: Container[int] = frozenset()
    ) -> list[tuple[int, bytes]]:
        """Wait for messages; return (worker, message) for each worker that sent one. Raises WorkerLost.

        `without` are workers that have done all they should, and may have ended.
        """
        numbers = {
            id(worker.connection): number
            for number, worker in enumerate(self._workers)
            if number not in without
        }
        found: list[tuple[int, bytes]] = []
        for connection in wait([self._workers[number].connection for number in numbers.values()], timeout):
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
            f"a process that {self._task} ended early, {how}", hint=self._hint, option=self._option
        )


def automatic_jobs(work_bytes: int, each_bytes: int) -> int:
    """Return how many processes to use: one per CPU, if the work is worth it and memory allows.

    `work_bytes` is about what is to be done, `each_bytes` the memory that a process needs.
    """
    worth = work_bytes // WORK_BYTES_MIN
    if worth < 2:
        return 1
    return max(1, min(cpu_count(), worth, free_memory() // max(1, each_bytes)))


def cpu_count() -> int:
    """Return the CPUs that this process may use: by its affinity, and by the limits of its cgroup."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read(_CGROUP + "/cpu.max").partition(" ")
    if quota.isdigit() and period.strip().isdigit():
        count = min(count, max(1, -(-int(quota) // int(period))))
    return count


def free_memory() -> int:
    """Return the bytes of memory that may still be used; a very large number if that isn't known."""
    found = [sys.maxsize]
    if match := re.search(r"^MemAvailable: *(\d+) kB", _read("/proc/meminfo"), re.MULTILINE):
        found.append(int(match[1]) * 1024)
    most, used = _read(_CGROUP + "/memory.max").strip(), _read(_CGROUP + "/memory.current").strip()
    if most.isdigit() and used.isdigit():
        found.append(max(0, int(most) - int(used)))
    return min(found)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""


def can_fork() -> bool:
    """Return whether processes here can inherit what this one has in memory."""
    return sys.platform == "linux" and "fork" in multiprocessing.get_all_start_methods()


def begin_work(inherited: Iterable[Connection]) -> None:
    """Prepare a worker: it leaves Ctrl-C to the main process, and closes `inherited` ends of other pipes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in inherited:
        other.close()


def error_to_bytes(error: BaseException) -> bytes:
    """Return an error as bytes, or its text alone if the error can't be pickled.

    As class, arguments and fields, because an exception whose constructor needs more than a message can't be
    unpickled.
    """
    try:
        state: Any = (type(error), error.args, error.__dict__)
        message = pickle.dumps(state, pickle.HIGHEST_PROTOCOL)
        pickle.loads(message)  # noqa: S301 - our own, just made
    except Exception:  # pickling a foreign error may raise anything
        message = pickle.dumps((RuntimeError, (f"{type(error).__name__}: {error}",), {}))
    return message


def error_of_bytes(message: bytes) -> BaseException:
    """Return an error from its bytes, as it was raised."""
    return rebuild_error(*pickle.loads(message))  # noqa: S301 - our own
