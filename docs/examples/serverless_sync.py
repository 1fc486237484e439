"""A sync from a serverless function: `serverless_sync.py SOURCE TARGET [MEGABYTES [SECONDS]]`.

`handler(event, context)` is what a platform calls, AWS Lambda for one. The context has two things that such
platforms tell: how much memory the function has, and how many milliseconds are left. From them follow the
engine's limits, the time that selection may take, and when the run must stop. The ceiling is real: beyond it
Linux gives the process no memory. (It counts what the process asks for; the peak that is reported counts
pages of mapped pack files as well.)

A run that would take too long stops by itself, before the platform ends it. Large packs go in batches, which
the target keeps under temporary refs, and the next run begins with what they hold.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any, Protocol

import packcore
import transport
from transport.fleet import PairOutcome, PairStatus, SyncPair, open_executor, sync_fleet
from transport.syncing.measure import peak_rss_bytes
from transport.syncing.request import SyncRequest

MIB = 1024 * 1024
STOP_SECONDS = 15
"""Before the deadline the run is told to stop: to close connections and to answer takes a while."""


class Context(Protocol):
    """What the platform tells about this call."""

    memory_limit_in_mb: int

    def get_remaining_time_in_millis(self) -> int:
        """Return how long this call may still take."""


def limits_for(memory_mb: int) -> packcore.Limits:
    """Give the engine a half of the memory; the interpreter and the libraries take most of the rest."""
    share = memory_mb * MIB // 16
    return packcore.Limits(
        window_memory=4 * share,  # deltas: object data in reach, and the index of chunks
        base_cache=share,  # objects read from packs, kept for the next delta
        delta_cache=share,  # finished deltas that the plan carries; others are made again while writing
        resolve_memory=2 * share,  # bases of the pack that comes in
        big_object=min(share, 16 * MIB),  # from this size on an object goes through in pieces
    )


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Mirror `event["source"]` to `event["target"]`; return a summary that is fit for JSON.

    Where the time doesn't suffice, `again` is true: call it once more with the same event.
    """
    seconds = context.get_remaining_time_in_millis() / 1000
    ceiling = context.memory_limit_in_mb * MIB
    resource.setrlimit(resource.RLIMIT_DATA, (ceiling, resource.RLIM_INFINITY))
    pair = SyncPair(
        "mirror",
        event["source"],
        event["target"],
        SyncRequest(
            scope=transport.Scope(tags=True),
            policy=transport.Policy(prune=bool(event.get("prune"))),
            selection=transport.SelectionOptions(
                limits=limits_for(context.memory_limit_in_mb),
                reuse_deltas=not event.get("select_anew", False),
                budget_seconds=seconds / 3,  # for the search; then the best plan so far is written
            ),
            target_max_pack_bytes=event.get("batch_bytes", 64 * MIB),
        ),
        options_of("source"),
        options_of("target"),
        time_limit=seconds - min(STOP_SECONDS, seconds / 4),
    )
    with open_executor("threads:1") as executor:
        (outcome,) = sync_fleet([pair], executor).outcomes
    return summary(outcome)


def options_of(side: str) -> transport.TransportOptions:
    """Return how a side is reached; its token comes from the environment."""
    return transport.TransportOptions(token=os.environ.get(f"{side.upper()}_TOKEN"), idle_timeout=30)


def summary(outcome: PairOutcome) -> dict[str, Any]:
    """Return what came of the run. Errors are of one family; their words hold no secret."""
    told: dict[str, Any] = {"ok": outcome.exit_code == 0, "again": outcome.status is PairStatus.TIMED_OUT}
    if outcome.error is not None:
        told |= {"error": str(outcome.error), "hint": outcome.error.hint}
    if outcome.result is not None:
        result = outcome.result
        told |= {
            "pushed": result.pushed,
            "deleted": result.deleted,
            "blocked": result.blocked,
            "way": "relay" if result.relay else "pack of our own",
            "objects": result.pack.objects if result.pack else 0,
        }
    return {**told, "peakMemoryMB": (peak_rss_bytes() or 0) // 2**20}


class LocalContext:
    """Stands in for the platform when this file is run by hand."""

    def __init__(self, memory_mb: int, seconds: float) -> None:
        self.memory_limit_in_mb = memory_mb
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of a quarter of an hour, or of what was given."""
        return max(0, int((self._ends - time.monotonic()) * 1000))


if __name__ == "__main__":
    source, target, *numbers = sys.argv[1:]
    memory_mb, seconds = [*map(int, numbers), *(128, 900)[len(numbers) :]]
    event = {"source": source, "target": target, "select_anew": True}
    if "BATCH_BYTES" in os.environ:
        event["batch_bytes"] = int(os.environ["BATCH_BYTES"])
    answer = handler(event, LocalContext(memory_mb, seconds))
    print(json.dumps(answer, indent=2))
    sys.exit(0 if answer["ok"] else 75 if answer["again"] else 1)  # 75: "try again", as sysexits.h has it
