"""Relay or materialize? Decided per run, from the plan of refs and what both sides can do: pure.

    relay         the source's pack goes to the target as it is: nothing is computed, little memory
    materialize   the objects are taken in, deltas selected, and a pack of our own is written

A relay is safe under two conditions. The target has the history below the pack and every delta base outside
of it: its own tips are the haves, and deltas are requested in the form that it takes. And no ref is
overwritten by mistake: each one is created, or proven to be a fast-forward before a byte is sent. Everything
else is materialized, so that a forced run sends no more than the target lacks, and any limit of the target
can be met.

Relay modes and reasons are git-sync's words, if it has one for the case:

    relay mode    reason                                              when
    bootstrap     empty-target-managed-refs                           the target has none of the refs
    incremental   fast-forward-branch-or-tag-create                   creates and fast-forwards alone
    replicate     replicate-overwrite-relay                           mode replicate: overwrites
    (none)        incremental-disabled-by-force-prune-or-dry-run      something is forced or deleted
    (none)        incremental-branch-action-not-update-or-create      fetched for a ref that turns out blocked
    (none)        materialize-requested, selection-requested,         an option asks for a pack of our own
                  optimize-bandwidth, target-max-pack-bytes
    (none)        target-has-unknown-tips                             the source sent what both have, too
    (none)        source-is-shallow                                   the target must be told where it is cut
    (none)        target-takes-less                                   it refused the relayed pack for its size
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transport.errors import UnsupportedByRemote

if TYPE_CHECKING:
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.request import SyncRequest
    from transport.wire.advertisement import Advertisement

__all__ = [
    "BLOCKED_ON_THE_WAY",
    "TARGET_TAKES_LESS",
    "UNKNOWN_TIPS",
    "TransferMode",
    "choose_mode",
    "source_is_shallow",
]


@dataclass(frozen=True, slots=True)
class TransferMode:
    """How the objects of one run travel."""

    relay_mode: str
    """bootstrap, incremental or replicate; empty if the run makes its own pack."""
    reason: str
    """For programs: see the table above."""
    words: str
    """For people."""

    @property
    def relay(self) -> bool:
        """Whether the source's pack is passed on."""
        return bool(self.relay_mode)


_BOOTSTRAP = TransferMode(
    "bootstrap",
    "empty-target-managed-refs",
    "the target has none of these refs, so the source's pack is passed on as it is",
)
_INCREMENTAL = TransferMode(
    "incremental",
    "fast-forward-branch-or-tag-create",
    "refs are only created or fast-forwarded, so the source's pack is passed on as it is",
)
_REPLICATE = TransferMode(
    "replicate", "replicate-overwrite-relay", "replicate overwrites by the source's own pack, in any case"
)
_MATERIALIZE = TransferMode("", "materialize-requested", "--materialize asks for a pack of our own")
_SELECTION = TransferMode("", "selection-requested", "the options of selection ask for a pack of our own")
_BANDWIDTH = TransferMode("", "optimize-bandwidth", "--optimize bandwidth searches every delta from scratch")
_PACK_LIMIT = TransferMode(
    "", "target-max-pack-bytes", "--target-max-pack-bytes: packs of our own can be cut to that size"
)
_FORCE_OR_PRUNE = TransferMode(
    "",
    "incremental-disabled-by-force-prune-or-dry-run",
    "refs are overwritten or deleted, so only what the target lacks is sent, in a pack of our own",
)
BLOCKED_ON_THE_WAY = TransferMode(
    "",
    "incremental-branch-action-not-update-or-create",
    "the fetched pack holds what a blocked ref needs, so a pack of our own leaves that out",
)
UNKNOWN_TIPS = TransferMode(
    "",
    "target-has-unknown-tips",
    "the source does not know some of the target's tips, so a pack of our own leaves out what both have",
)
TARGET_TAKES_LESS = TransferMode(
    "",
    "target-takes-less",
    "the target refused the source's pack for its size, so packs of our own are cut from it",
)
_SOURCE_IS_SHALLOW = TransferMode(
    "", "source-is-shallow", "the source's history is cut off, and the target must be told where"
)


def choose_mode(plan: RefPlan, source: Advertisement, request: SyncRequest) -> TransferMode:
    """Choose for a plan that has something to push; an open update counts as the fast-forward it may be.

    Raises UnsupportedByRemote if the mode requires a relay and none is possible.
    """
    pushes = plan.in_push_order()
    only_creates = all(action.action == "create" for action in pushes)
    has_managed_refs = any(action.target_id is not None for action in plan.actions)
    if source.shallow:
        return source_is_shallow(request)
    if request.mode == "bootstrap":
        return _BOOTSTRAP
    if request.mode == "replicate":
        return _BOOTSTRAP if only_creates and not has_managed_refs else _REPLICATE
    for choice, applies in (
        (_MATERIALIZE, request.materialize),
        (_BANDWIDTH, request.optimize == "bandwidth"),
        (_SELECTION, request.selection.asks_for_own_pack),
        (_FORCE_OR_PRUNE, any(action.forced or action.action == "delete" for action in pushes)),
    ):
        if applies:
            return choice
    if only_creates and not has_managed_refs:
        return _BOOTSTRAP
    return _INCREMENTAL if request.target_max_pack_bytes is None else _PACK_LIMIT


def source_is_shallow(request: SyncRequest) -> TransferMode:
    """Choose for a shallow source. Raises UnsupportedByRemote if the mode requires a relay."""
    if request.mode == "sync":
        return _SOURCE_IS_SHALLOW
    raise UnsupportedByRemote(
        f"{request.mode} only relays, and the source's history is cut off (it is shallow)",
        hint="sync tells the target where, if it takes such histories",
    )
