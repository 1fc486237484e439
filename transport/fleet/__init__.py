"""Many repositories: pairs of source and target, each a sync of its own, on any executor.

    from transport.fleet import SyncPair, open_executor, sync_fleet

    pairs = [SyncPair("docs", "https://a/docs.git", "https://b/docs.git", time_limit=600), ...]
    with open_executor("processes:4") as executor:
        result = sync_fleet(pairs, executor, on_outcome=print)
    result.exit_code, result.failed

pair        what is asked for one repository, and what came of it
task        one pair's run, wherever it takes place; pickles
brake       ends a run from outside: its transports close, and nothing begins any more
workers     executors of our own, threads or processes, whose tasks can be abandoned
executors   an executor by its name
supervise   sync_fleet: hands out, gathers, and gives up what takes too long

Any `concurrent.futures.Executor` will do. A pair that fails, crashes its process or overruns its time says
so in its outcome, and no other notices.
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
