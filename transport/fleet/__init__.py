"""Many repositories: pairs of source and target, each a separate sync, on any executor.

    from transport.fleet import SyncPair, open_executor, sync_fleet

    pairs = [SyncPair("docs", "https://a/docs.git", "https://b/docs.git", time_limit=600), ...]
    with open_executor("processes:4") as executor:
        result = sync_fleet(pairs, executor, on_outcome=print)
    result.exit_code, result.failed

pair        what to sync for one repository, and the outcome
task        one pair's run, wherever it takes place; can be pickled
brake       ends a run from outside: its transports close, and nothing new begins
workers     our own executors, threads or processes, whose tasks can be abandoned
executors   an executor by its name
supervise   sync_fleet: hands out pairs, gathers outcomes, and gives up what takes too long

Any `concurrent.futures.Executor` will do. If a pair fails, crashes its process or overruns its time, its
outcome says so, and the others are unaffected.
"""

from transport.fleet.executors import open_executor
from transport.fleet.pair import FleetResult, PairOutcome, PairStatus, SyncPair
from transport.fleet.supervise import sync_fleet
from transport.fleet.workers import ProcessWorkers, ThreadWorkers

__all__ = [
    "FleetResult",
    "PairOutcome",
    "PairStatus",
    "ProcessWorkers",
    "SyncPair",
    "ThreadWorkers",
    "open_executor",
    "sync_fleet",
]
