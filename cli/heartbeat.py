"""A line every 30 seconds where nothing is drawn: cron's mail and a CI job's log show that a run gets on.

    packcore: 1m30s  source https://example.com/x.git: receiving objects: 42%  5,210/12,345 objects …

A timer of the system interrupts the main thread for it. A thread would do, too, but a program with threads
forks its workers with more care, and more slowly; so there is one only where no timer is free.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cli.render import units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["beating"]

SECONDS = 30.0


@contextmanager
def beating(tell: Callable[[str], None], describe: Callable[[], str]) -> Iterator[None]:
    """Tell what `describe` says every 30 seconds, until the block is left."""
    started = time.monotonic()

    def beat() -> None:
        # The timer may have come in the middle of another line: the next beat is as good.
        with suppress(RuntimeError, OSError):
            tell(f"packcore: {units.seconds(time.monotonic() - started)}  {describe()}")

    with _by_timer(beat) if _timer_is_free() else _by_thread(beat):
        yield


def _timer_is_free() -> bool:
    """Tell whether nothing else uses the system's timer here."""
    if not hasattr(signal, "SIGALRM") or not hasattr(signal, "setitimer"):
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    return signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0) and (
        signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
    )


@contextmanager
def _by_timer(beat: Callable[[], None]) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, lambda *_: beat())
    signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _by_thread(beat: Callable[[], None]) -> Iterator[None]:
    over = threading.Event()

    def run() -> None:
        while not over.wait(SECONDS):
            beat()

    thread = threading.Thread(target=run, name="packcore-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(1.0)
