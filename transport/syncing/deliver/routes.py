"""The routes by which objects travel, and where each may lead: one table.

A route either ends with the result of the run, or stops before any ref has moved and says why (`GoOn`). Then
`NEXT` names the route that takes over. No route calls another. The table is drawn in the documentation.
"""

from __future__ import annotations

from contextlib import ExitStack
from enum import Enum
from typing import TYPE_CHECKING

from transport.syncing.decide.turns import GoOn, Turn
from transport.syncing.deliver.bootstrap import relay_in_batches
from transport.syncing.deliver.materialized import materialize, pack_fetched
from transport.syncing.deliver.relay import relay, relay_from_disk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.run import Run
    from transport.syncing.gather.fetching import Fetched
    from transport.syncing.outcome.result import SyncResult

__all__ = ["NEXT", "Route", "travel"]


class Route(Enum):
    """A way for objects to travel. The values are words for people."""

    RELAY = "the source's pack passes through"
    RELAY_FROM_DISK = "the source's pack is received whole, and passed on from the disk"
    RELAY_IN_BATCHES = "the source's packs pass through, each within the target's limit"
    MATERIALIZE = "everything is fetched, and a pack of our own is sent"
    PACK_FETCHED = "a pack of our own is made of what was fetched"


NEXT: Mapping[tuple[Route, Turn], Route] = {
    (Route.RELAY, Turn.NO_FILTER): Route.RELAY_FROM_DISK,
    (Route.RELAY, Turn.SHALLOW): Route.MATERIALIZE,
    (Route.RELAY, Turn.TOO_LARGE): Route.RELAY_IN_BATCHES,
    (Route.RELAY, Turn.TOO_LARGE_BUT_HERE): Route.PACK_FETCHED,
    (Route.RELAY_FROM_DISK, Turn.BLOCKED): Route.PACK_FETCHED,
    (Route.RELAY_FROM_DISK, Turn.SHALLOW): Route.PACK_FETCHED,
    (Route.RELAY_FROM_DISK, Turn.UNKNOWN_TIPS): Route.PACK_FETCHED,
    (Route.RELAY_FROM_DISK, Turn.TOO_LARGE_BUT_HERE): Route.PACK_FETCHED,
    (Route.RELAY_IN_BATCHES, Turn.NO_COMMITS): Route.MATERIALIZE,
    (Route.RELAY_IN_BATCHES, Turn.TOO_LARGE_BUT_HERE): Route.PACK_FETCHED,
}
"""Which route takes over. A route that isn't on the left never leads on."""


def travel(run: Run, plan: RefPlan, route: Route) -> SyncResult:
    """Carry out a plan that has something to push, beginning with `route`.

    A route returns its decision; only this function makes the run follow it.

    Raises TransportError, CorruptData and LimitExceeded only before the push.
    """
    fetched: Fetched | None = None
    with ExitStack() as held:
        while True:
            end = _follow(route, run, plan, fetched)
            if not isinstance(end, GoOn):
                return end
            if end.held is not None:
                held.enter_context(end.held)
            if end.choice is not None:
                run.go_by(end.choice)
            route, plan, fetched = NEXT[route, end.turn], end.plan, end.fetched


def _follow(route: Route, run: Run, plan: RefPlan, fetched: Fetched | None) -> SyncResult | GoOn:
    match route:
        case Route.RELAY:
            return relay(run, plan)
        case Route.RELAY_FROM_DISK:
            return relay_from_disk(run, plan)
        case Route.RELAY_IN_BATCHES:
            return relay_in_batches(run, plan)
        case Route.MATERIALIZE:
            return materialize(run, plan)
        case Route.PACK_FETCHED:
            assert fetched is not None
            return pack_fetched(run, plan, fetched)
