"""The ways through the engine that the simulation must reach, each counted where it begins.

A way that no run took is a failure of the simulation: what it does not reach it does not test.
"""

from __future__ import annotations

import functools
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from transport.syncing.deliver import (
    attempts,
    batches,
    bootstrap,
    checkpoints,
    leftovers,
    materialized,
    push_series,
    pushing,
    relay,
    routes,
    settling,
    split_push,
    unknown_tips,
)
from transport.syncing.gather import fetching
from transport.syncing.outcome import verify

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

__all__ = ["FEATURES", "WAYS", "counted"]

WAYS: dict[str, tuple[Any, str]] = {
    "relay": (relay, "relay_pack"),
    "relay: pack taken in first, for the source can't filter": (routes, "relay_from_disk"),
    "relay: began before all was here": (relay, "_was_cut"),
    "relay: sent again from the look-ahead": (relay, "_push_again"),
    "relay: refused for its size, taken in": (relay, "take_in"),
    "batches: a piece relayed": (bootstrap._BatchedRelay, "_pass"),
    "batches: a commit cut within": (bootstrap._BatchedRelay, "_cut_within"),
    "batches: a merge opened": (checkpoints.Checkpoints, "open_merge"),
    "batches: a piece shortened": (checkpoints.Checkpoints, "shorten"),
    "batches: parts of our own": (split_push, "_hold"),
    "batches: cut anew": (split_push, "_cut_again"),
    "batches: a batch held": (batches.BatchedPush, "hold"),
    "batches: a batch looked for after its answer was lost": (batches.BatchedPush, "_check_again"),
    "batches: cutover": (batches.BatchedPush, "cut_over"),
    "batches: broken off": (batches.BatchedPush, "broken_off"),
    "materialized": (routes, "materialize"),
    "materialized: deltas selected": (materialized, "_select"),
    "materialized: bases of a thin pack": (materialized, "_fetched_bases"),
    "fetch: bases by their ids": (fetching, "bases_by_id"),
    "fetch: above the common ground": (materialized, "fetch_above_ground"),
    "ancestry: asked of the source": (settling, "ask_ancestry"),
    "common ground: by the commits alone": (unknown_tips, "fetch_graph"),
    "common ground: by what was fetched": (materialized, "find_ground"),
    "common ground: found to be wrong": (attempts, "second_try"),
    "push: commands in parts": (push_series.PushSeries, "_part"),
    "push: blind, against fresh tips": (pushing, "_at_fresh_tips"),
    "push: target listed again": (pushing, "list_again"),
    "leftovers: asked about": (leftovers, "removals_of_leftovers"),
    "leftovers: swept": (attempts, "sweep"),
    "dry run": (attempts, "_preview"),
    "read back": (verify, "read_back"),
}

FEATURES = (
    *(f"mode {mode}" for mode in ("sync", "replicate", "bootstrap", "fetch")),
    *(f"way {way}" for way in ("bootstrap", "bootstrap-batch", "incremental", "replicate", "materialized")),
    "atomic",
    "prune",
    "force with lease",
    "force blind",
    "mappings",
    "tags",
    "all refs",
    "two processes",
    "sha256",
    "lasting connections",
    "shallow source",
)
"""What a scenario is about, counted beside the ways."""


@contextmanager
def counted(counts: Counter[str]) -> Iterator[None]:
    """Count each way as it is taken."""
    with ExitStack() as stack:
        for label, (owner, name) in WAYS.items():
            stack.enter_context(
                mock.patch.object(owner, name, _counting(getattr(owner, name), label, counts))
            )
        yield


def _counting(real: Callable[..., Any], label: str, counts: Counter[str]) -> Callable[..., Any]:
    @functools.wraps(real)
    def counting(*arguments: Any, **options: Any) -> Any:
        counts[label] += 1
        return real(*arguments, **options)

    return counting
