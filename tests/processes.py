"""Processes that are killed half-way, for tests of what they leave."""

from __future__ import annotations

import os
import signal
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["another_process", "fork", "killed"]


def fork() -> int:
    """Fork as `os.fork` does, for a child that does its work and leaves by `os._exit`.

    Python warns of deadlocks because pytest-xdist listens in a thread. The child uses none of its locks.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        return os.fork()


def killed(work: Callable[[Callable[[], None]], object]) -> None:
    """Run `work` in a process of its own, which is killed at once when it calls what it is given."""
    child = fork()
    if child == 0:
        try:
            work(lambda: os.kill(os.getpid(), signal.SIGKILL))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


@contextmanager
def another_process(work: Callable[[Callable[[], None]], object]) -> Iterator[int]:
    """Run `work` in another process, which stands still where it calls what it is given; yield its number."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        try:

            def stand_still() -> None:
                os.write(writing, b".")
                signal.pause()

            work(stand_still)
        finally:
            os._exit(1)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"."
        yield child
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
