"""sync_fleet: hands pairs to an executor, gathers their outcomes, and gives up what takes too long.

    time      in the worker                          here
    limit     the run's brake is pulled (`task`)     -
    + grace   -                                      abandoned, on executors that can (`workers`)
    + grace   -                                      on others: nothing has come for the longest limit +
                                                     grace: what is still open is reported as failed

So a pair with a time limit delays neither the others nor the end. On any executor it may go on running
unseen: a thread can't be ended, and a cluster's task only by its cluster. The two laws of an interrupted run
hold here as for one sync: refs change by the target's own transaction or not at all, and temporary files are
removed, if the worker lives to do so.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from transport.errors import InvalidRequest, TimeLimitReached
from transport.fleet.pair import FleetResult, PairOutcome
from transport.fleet.task import PairTask, over_time, run_task, unfinished
from transport.fleet.workers import ProcessWorkers, ThreadWorkers
from transport.syncing.measure import Stopwatch, peak_rss_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor, Future

    from transport.fleet.pair import SyncPair
    from transport.fleet.task import Prepare

__all__ = ["GRACE_SECONDS", "sync_fleet"]

GRACE_SECONDS = 5.0
"""How long a run may take to end after its time limit before it is given up."""
_TICK_SECONDS = 0.2
_INTERRUPTED_SECONDS = 3.0


def sync_fleet(
    pairs: Sequence[SyncPair],
    executor: Executor,
    *,
    on_outcome: Callable[[PairOutcome], None] = lambda _: None,
    prepare: Prepare | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> FleetResult:
    """Sync all pairs on the executor, and return the outcome of each.

    `on_outcome` is called in this thread with each outcome as it comes. `prepare` is called with each pair
    where it runs, and returns the pair to run: it can fill in credentials, proxies and folders that only
    that process or machine knows. The executor may require that it can be pickled, as pairs can.

    Raises InvalidRequest for two pairs with the same name. KeyboardInterrupt, and whatever `on_outcome`
    raises, stops all runs and is then passed on. The executor stays open.
    """
    _check_names(pairs)
    return _Fleet(pairs, executor, on_outcome, grace_seconds).run(prepare)


def _check_names(pairs: Sequence[SyncPair]) -> None:
    seen: set[str] = set()
    for pair in pairs:
        if pair.name in seen:
            raise InvalidRequest(f"two pairs are called {pair.name[:80]!r}")
        seen.add(pair.name)


class _Fleet:
    """The running pairs."""

    def __init__(
        self,
        pairs: Sequence[SyncPair],
        executor: Executor,
        on_outcome: Callable[[PairOutcome], None],
        grace_seconds: float,
    ) -> None:
        self._pairs = pairs
        self._executor = executor
        self._on_outcome = on_outcome
        self._grace_seconds = grace_seconds
        self._open: dict[Future[PairOutcome], PairTask] = {}
        self._finished: queue.SimpleQueue[Future[PairOutcome]] = queue.SimpleQueue()
        self._outcomes: dict[str, PairOutcome] = {}
        self._watch = Stopwatch()
        self._last_news = 0.0

    def run(self, prepare: Prepare | None) -> FleetResult:
        try:
            for pair in self._pairs:
                self._submit(PairTask(pair, prepare))
            while self._open:
                try:
                    future = self._finished.get(timeout=_TICK_SECONDS)
                except queue.Empty:
                    self._give_up()
                else:
                    self._take(future)
        except BaseException:
            self._stop()
            raise
        peaks = [outcome.peak_rss_bytes for outcome in self._outcomes.values()]
        return FleetResult(
            tuple(self._outcomes[pair.name] for pair in self._pairs),
            self._watch.seconds,
            max((peak for peak in [*peaks, peak_rss_bytes()] if peak is not None), default=None),
        )

    def _submit(self, task: PairTask) -> None:
        try:
            future = self._executor.submit(run_task, task)
        except Exception as error:  # a broken executor takes no more; its other pairs are reported too
            self._told(unfinished(task.pair, _as_ours(error), 0.0))
            return
        self._open[future] = task
        future.add_done_callback(self._finished.put)

    def _take(self, future: Future[PairOutcome]) -> None:
        task = self._open.pop(future, None)
        if task is None:
            return  # already given up
        try:
            outcome = future.result()
        except Exception as error:
            outcome = unfinished(task.pair, _as_ours(error), self._watch.seconds)
        self._told(outcome)

    def _told(self, outcome: PairOutcome) -> None:
        self._last_news = self._watch.seconds
        self._outcomes[outcome.name] = outcome
        self._on_outcome(outcome)

    def _give_up(self) -> None:
        """Give up the runs whose time limit and grace are over."""
        if isinstance(self._executor, ThreadWorkers):
            for future, seconds in self._executor.running().items():
                task = self._open.get(future)
                limit = None if task is None else task.pair.time_limit
                if task is not None and limit is not None and seconds > limit + self._grace_seconds:
                    task.stop(over_time(limit))
                    self._executor.abandon(future, over_time(limit))
            return
        limits = [task.pair.time_limit for task in self._open.values()]
        longest = max((limit for limit in limits if limit is not None), default=None)
        if longest is None or None in limits:
            return
        if self._watch.seconds - self._last_news > longest + self._grace_seconds:
            for future, task in list(self._open.items()):
                future.cancel()
                self._open.pop(future, None)
                error = over_time(task.pair.time_limit or longest)
                self._told(unfinished(task.pair, error, self._watch.seconds))

    def _stop(self) -> None:
        """End all runs that can be reached."""
        error = TimeLimitReached("stopped, since all was to stop")
        executor = self._executor
        for future, task in self._open.items():
            if not future.cancel():
                task.stop(error)
        if not isinstance(executor, ThreadWorkers):
            return
        if not isinstance(executor, ProcessWorkers):
            executor.wait_until_idle(_INTERRUPTED_SECONDS)
        for future in executor.running():
            executor.abandon(future, error)


def _as_ours(error: BaseException) -> PackcoreError:
    """Return what an executor raised as one of our errors."""
    if isinstance(error, PackcoreError):
        return error
    words = " ".join(str(error).split())
    return PackcoreError(f"the worker failed: {type(error).__name__}{f': {words}' if words else ''}")
