"""One pair's run, wherever it takes place: in a thread, in a process of this machine, on a cluster.

A task is made where the pairs are handed out, and runs where the executor puts it. Only the pair is sent to
another process; in a thread it is the same object, so `stop` reaches it.

Every failure becomes an outcome. Only what ends the worker itself (a signal) passes through.
"""

from __future__ import annotations

import os
import platform
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from traceback import format_exc
from typing import TYPE_CHECKING, Any

from packcore.errors import PackcoreError
from transport.endpoint import Endpoint, shown
from transport.errors import TimeLimitReached
from transport.fleet.brake import Brake, BrakedProgress
from transport.fleet.pair import PairOutcome, PairStatus
from transport.schemes import open_transport
from transport.syncing import sync
from transport.syncing.measure import Stopwatch, peak_rss_bytes
from transport.syncing.outcome.receipt import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.base import Transport
    from transport.errors import TransportError
    from transport.fleet.pair import SyncPair
    from transport.options import TransportOptions
    from transport.syncing.outcome.result import SyncResult

    Prepare = Callable[[SyncPair], SyncPair]

__all__ = ["PairTask", "over_time", "run_task", "unfinished"]


class PairTask:
    """A pair to run, once."""

    def __init__(self, pair: SyncPair, prepare: Prepare | None = None) -> None:
        """`prepare` is called where the task runs, to add what only that place knows."""
        self.pair = pair
        self._prepare = prepare
        self._brake = Brake()

    def __reduce__(self) -> tuple[Any, ...]:
        return PairTask, (self.pair, self._prepare)

    def stop(self, error: TransportError) -> None:
        """End the run if it is in this process; elsewhere this has no effect."""
        self._brake.pull(error)

    def run(self) -> PairOutcome:
        """Run it, and return the outcome."""
        pair, watch, started_at = self.pair, Stopwatch(), datetime.now(UTC)
        progress = BrakedProgress(self._brake)
        result, error, trace = None, None, ""
        timer = self._timer()
        try:
            result = self._sync(progress)
            error = result.failure
        except PackcoreError as raised:
            error = raised
        except Exception as raised:  # trouble with one repository, of any kind, must not affect another
            error, trace = _in_words(raised)
        finally:
            self._brake.release()
            if timer is not None:
                timer.cancel()
        stopped = self._brake.error
        if stopped is not None and (result is None or result.exit_code):
            error, trace = stopped, ""
        outcome = PairOutcome(
            name=pair.name,
            status=_status(result, error),
            started_at=started_at,
            seconds=watch.seconds,
            asked=_asked(pair, started_at),
            result=result,
            error=error,
            messages=tuple(progress.messages),
            worker=f"{platform.node()}:{os.getpid()}",
            peak_rss_bytes=peak_rss_bytes(),
            traceback=trace,
        )
        # Here all used credentials are known, including those from this machine's netrc and helpers.
        for secrets in dict.fromkeys((pair.source_options.secrets, pair.target_options.secrets)):
            outcome = secrets.masked(outcome)
        return replace(outcome, name=pair.name)  # the name that the caller knows it by

    def _timer(self) -> threading.Timer | None:
        limit = self.pair.time_limit
        if limit is None:
            return None
        timer = threading.Timer(limit, self.stop, [over_time(limit)])
        timer.daemon = True
        timer.start()
        return timer

    def _sync(self, progress: BrakedProgress) -> SyncResult:
        pair = self.pair if self._prepare is None else self._prepare(self.pair)
        with ExitStack() as opened:
            source = self._open(pair.source, pair.source_options, opened)
            target = self._open(pair.target, pair.target_options, opened)
            return sync(source, target, pair.request, progress=progress)

    def _open(self, typed: str, options: TransportOptions, opened: ExitStack) -> Transport:
        endpoint = Endpoint.parse(typed)
        transport = open_transport(endpoint, options)
        opened.callback(transport.close)
        return self._brake.wrap(transport, remote=endpoint.scheme != "file")


def run_task(task: PairTask) -> PairOutcome:
    """Run a task. Executors get this function, since its name is what clusters show."""
    return task.run()


def over_time(limit: float) -> TimeLimitReached:
    """Return the error of a run that took too long."""
    return TimeLimitReached(f"stopped: it took longer than its time limit of {limit:g} s")


def unfinished(pair: SyncPair, error: PackcoreError, seconds: float) -> PairOutcome:
    """Return the outcome of a pair that no worker has reported."""
    started_at = datetime.now(UTC)
    return PairOutcome(
        pair.name, _status(None, error), started_at, seconds, _asked(pair, started_at), error=error
    )


def _asked(pair: SyncPair, started_at: datetime) -> Asked:
    return Asked(shown(pair.source), shown(pair.target), pair.request, started_at)


def _status(result: SyncResult | None, error: PackcoreError | None) -> PairStatus:
    if isinstance(error, TimeLimitReached):
        return PairStatus.TIMED_OUT
    if error is not None:
        return PairStatus.FAILED
    assert result is not None
    return PairStatus.INCOMPLETE if result.exit_code else PairStatus.DONE


def _in_words(error: Exception) -> tuple[PackcoreError, str]:
    """Return any error as one of ours, and the traceback if it is our own bug."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return PackcoreError(where + error.strerror), ""
    if isinstance(error, MemoryError):
        return PackcoreError("out of memory", hint="let fewer run at once"), ""
    return PackcoreError(f"internal error: {type(error).__name__}: {error}"), format_exc()
