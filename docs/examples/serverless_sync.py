"""A sync from a serverless function, below a memory ceiling: `serverless_sync.py SOURCE TARGET [MEGABYTES]`.

`handler(event, context)` is what a platform calls. The context has two things that such platforms tell:
how much memory the function has, and how many milliseconds are left. From them follow the engine's limits and
the time that selection may take. The ceiling is real: beyond it Linux gives the process no memory. (It counts
what the process asks for; the peak that is reported counts pages of mapped pack files as well.)
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any, Protocol

import packcore
import transport

MIB = 1024 * 1024


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
    """Mirror `event["source"]` to `event["target"]`; return a summary that is fit for JSON."""
    ceiling = context.memory_limit_in_mb * MIB
    resource.setrlimit(resource.RLIMIT_DATA, (ceiling, resource.RLIM_INFINITY))
    selection = transport.SelectionOptions(
        limits=limits_for(context.memory_limit_in_mb),
        reuse_deltas=not event.get("select_anew", False),
        # A third of the time for the search; then the best plan so far is written.
        budget_seconds=context.get_remaining_time_in_millis() / 3000,
    )
    options = {
        side: transport.TransportOptions(token=os.environ.get(f"{side.upper()}_TOKEN"), idle_timeout=30)
        for side in ("source", "target")
    }
    try:
        result = transport.sync(
            event["source"],
            event["target"],
            scope=transport.Scope(tags=True),
            policy=transport.Policy(prune=bool(event.get("prune"))),
            selection=selection,
            source_options=options["source"],
            target_options=options["target"],
        )
    except packcore.PackcoreError as error:  # the one family of errors; its words hold no secret
        return {"ok": False, "error": str(error), "hint": error.hint}
    return {
        "ok": result.exit_code == 0,
        "pushed": result.pushed,
        "deleted": result.deleted,
        "blocked": result.blocked,
        "way": "relay" if result.relay else "pack of our own",
        "objects": result.pack.objects if result.pack else 0,
        "peakMemoryMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


class LocalContext:
    """Stands in for the platform when this file is run by hand."""

    def __init__(self, memory_mb: int) -> None:
        self.memory_limit_in_mb = memory_mb

    def get_remaining_time_in_millis(self) -> int:
        """Return a quarter of an hour, as some platforms do."""
        return 15 * 60 * 1000


if __name__ == "__main__":
    source, target, *memory = sys.argv[1:]
    event = {"source": source, "target": target, "select_anew": True}
    answer = handler(event, LocalContext(int(memory[0]) if memory else 128))
    print(json.dumps(answer, indent=2))
    sys.exit(not answer["ok"])
