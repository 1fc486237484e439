"""The relay: the source's own pack passes through to the target unchanged.

    ancestry         source           blocked or not          commits alone, if the source can filter
    fetch            source           pack -> look-ahead      target tips as haves; thin, if the target can
    push             target           the pack, then refs     opens when enough is ahead; never silent
    report           target           every ref accounted for

A source that can't filter must send the pack before ancestry is known. The pack is then taken in whole and
passed on from the disk; if a ref turns out to be blocked, the pack holds too much, and a pack of our own is
made from it. Either way the source is asked once.

A source that does not know the target's tips is stopped before it makes a pack. The target is asked which of
the source's commits it has (`gather.common_ground`), and then the source is asked only for the rest.

An edge may cut off a request that went out while the source was still sending. Then the relay waits for the
rest and, if the target's refs are unchanged, sends the whole pack again from the spool. If the target finds
it too large, packs of our own are cut from the spool (`taken_in`).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from transport.fetch import fetch_pack
from transport.syncing.decide.modes import (
    BLOCKED_ON_THE_WAY,
    TARGET_TAKES_LESS,
    UNKNOWN_TIPS,
    source_is_shallow,
)
from transport.syncing.decide.turns import GoOn, Turn
from transport.syncing.deliver.account import is_over, pushed_result, unpushed
from transport.syncing.deliver.fetches import fetch_all, fetch_tips
from transport.syncing.deliver.leftovers import leftovers
from transport.syncing.deliver.pushing import PushOutcome, push_refs
from transport.syncing.deliver.refusals import Meaning, meaning
from transport.syncing.deliver.settling import settled_at_hand, settled_by, tell_blocked
from transport.syncing.deliver.split_push import is_refused_for_size
from transport.syncing.deliver.taken_in import take_in
from transport.syncing.deliver.unknown_tips import find_ground_by_graph, lacks_tips, stop_at_unknown_tips
from transport.syncing.gather.common_ground import UnknownTips, WatchedTips
from transport.syncing.gather.fetching import messages
from transport.syncing.gather.lookahead import LookAhead
from transport.syncing.outcome.result import Outcome
from transport.wire.upload_pack import FetchOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packcore.errors import PackcoreError
    from packcore.ids import ObjectId
    from transport.fetch import FetchResponse
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.run import Run
    from transport.syncing.gather.fetching import Fetched
    from transport.syncing.outcome.result import PackSummary, SyncResult
    from transport.wire.receive_pack import RefUpdate

__all__ = ["Relayed", "relay", "relay_from_disk", "relay_pack"]


class ShallowSource(Exception):
    """The source's answer says that it is shallow."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """The result of one pack that was passed on."""

    pushed: PushOutcome
    object_count: int = 0
    delta_count: int = 0
    pack_bytes: int = 0
    """Counts the source's pack once, however often it was sent."""
    too_large: bool = False
    """Whether the target refused it for its size."""
    taken_in: Fetched | None = None
    """The refused pack, if it can be cut here; its spool is still open."""

    def summary(self, run: Run) -> PackSummary | None:
        """Return the figures of the pack, or None if none was fetched."""
        if not self.pack_bytes:
            return None
        return self.pushed.summary(
            run.target,
            objects=self.object_count,
            deltas=self.delta_count,
            reused=self.object_count,
            strategy="relay",
        )


def relay(run: Run, plan: RefPlan) -> SyncResult | GoOn:
    """Carry out a plan that has something to push, with the source's own pack.

    Raises TransportError, CorruptData and LimitExceeded only before the push.
    """
    haves = run.haves(plan)
    if plan.is_open and (settled := settled_at_hand(run, plan)) is not None:
        plan = settled
    elif plan.is_open:
        if not run.can_fetch_commits_alone:
            return GoOn(Turn.NO_FILTER, plan)
        with fetch_tips(run, plan, haves) as fetched:
            plan = settled_by(run, plan, fetched, haves)
    tell_blocked(run, plan)
    if is_over(run, plan):
        return unpushed(run, plan)
    try:
        try:
            relayed = relay_pack(run, plan, haves=haves)
        except UnknownTips as stopped:
            if lacks_tips(run, plan, stopped.tips):
                find_ground_by_graph(run, plan)
            relayed = relay_pack(run, plan, haves=run.haves(plan))
    except ShallowSource:
        return GoOn(Turn.SHALLOW, plan, source_is_shallow(run.request))
    if relayed.taken_in is not None:
        held = relayed.taken_in
        return GoOn(Turn.TOO_LARGE_BUT_HERE, plan, TARGET_TAKES_LESS, held, held.spool)
    if relayed.too_large:
        return GoOn(Turn.TOO_LARGE, plan)
    return pushed_result(run, relayed.pushed, relayed.summary(run))


def relay_pack(run: Run, plan: RefPlan, *, haves: Sequence[ObjectId]) -> Relayed:
    """Pass on one pack, of what the settled plan's tips reach and the haves don't, then the plan's commands.

    Raises LimitExceeded for `request.max_pack_bytes`, ShallowSource, UnknownTips, TransportError and
    CorruptData, all of them before any ref has moved.
    """
    wants = run.count_wants(plan.wants, haves)
    # Ask before the pack is in transit: a persistent connection can't answer anything else meanwhile.
    removals = leftovers(run, plan)
    if not wants:
        return Relayed(_push(run, plan, None, removals))
    with fetch_pack(
        run.source,
        run.source_refs,
        wants=wants,
        haves=WatchedTips(haves, partial(stop_at_unknown_tips, run, plan)),
        options=FetchOptions(
            ofs_delta=run.target_refs.capabilities.ofs_delta,
            thin_pack=not run.target_refs.capabilities.no_thin,
        ),
        on_message=messages(run.progress, "source"),
    ) as response:
        if response.shallow:
            raise ShallowSource
        stop_at_unknown_tips(run, plan, response.unknown)
        with _looking_ahead(run, response) as ahead:
            ahead.open()
            pushed = _push(run, plan, ahead.blocks, removals, ahead.whole_bytes)
            if ahead.streamed and _was_cut(run, pushed):
                pushed = _push_again(run, plan, ahead, removals, pushed.failure)
            too_large = is_refused_for_size(run, pushed, lambda: ahead.received_bytes)
            taken_in = take_in(run, ahead, response.unknown) if too_large else None
            counts = (ahead.object_count, ahead.delta_count, ahead.received_bytes)
            return Relayed(pushed, *counts, too_large=too_large, taken_in=taken_in)


def _looking_ahead(run: Run, response: FetchResponse) -> LookAhead:
    return LookAhead(
        response.blocks or iter(()),
        object_format=run.source_refs.object_format,
        limits=run.request.selection.limits,
        progress=run.progress,
        directory=run.request.spool_directory,
        pack_bytes_max=run.request.max_pack_bytes,
        ofs_delta=run.target_refs.capabilities.ofs_delta,
        abandon=run.source.close,
    )


def _push(
    run: Run,
    plan: RefPlan,
    blocks: Callable[[], Iterator[bytes]] | None,
    removals: Sequence[RefUpdate],
    whole_bytes: Callable[[], int | None] | None = None,
) -> PushOutcome:
    return push_refs(
        run.target,
        run.target_refs,
        plan,
        blocks,
        policy=run.request.policy,
        progress=run.progress,
        limits=run.limits,
        removals=removals,
        whole_bytes=whole_bytes,
    )


def _was_cut(run: Run, pushed: PushOutcome) -> bool:
    """Return whether the request broke off midway with every ref unchanged."""
    cut = Meaning.CUT_OFF in meaning(pushed.failure)
    as_before = all(ref.outcome is Outcome.NOT_PUSHED for ref in pushed.refs if ref.planned.pushes)
    return cut and as_before and run.target.stateless


def _push_again(
    run: Run,
    plan: RefPlan,
    ahead: LookAhead,
    removals: Sequence[RefUpdate],
    error: PackcoreError | None,
) -> PushOutcome:
    run.progress.message("target", f"{error}; the pack is awaited whole, and sent once more")
    ahead.finish()
    return _push(run, plan, ahead.blocks, removals, ahead.whole_bytes)


def relay_from_disk(run: Run, plan: RefPlan) -> SyncResult | GoOn:
    """Take in the pack, settle open updates with it, and pass it on from the disk. Raises as `relay`."""
    haves = run.haves(plan)
    with ExitStack() as held:
        fetched = held.enter_context(fetch_all(run, plan, haves, pack_bytes_max=run.request.max_pack_bytes))
        settled = settled_by(run, plan, fetched, haves)
        tell_blocked(run, settled)
        if is_over(run, settled):
            return unpushed(run, settled)
        if len(settled.in_push_order()) < len(plan.in_push_order()):
            return GoOn(Turn.BLOCKED, settled, BLOCKED_ON_THE_WAY, fetched, held.pop_all())
        if fetched.shallow:
            choice = source_is_shallow(run.request)
            return GoOn(Turn.SHALLOW, settled, choice, fetched, held.pop_all())
        if lacks_tips(run, settled, fetched.unknown):
            return GoOn(Turn.UNKNOWN_TIPS, settled, UNKNOWN_TIPS, fetched, held.pop_all())
        spool = fetched.spool
        blocks = None if spool is None else spool.blocks
        pushed = _push(run, settled, blocks, leftovers(run, settled), lambda: fetched.pack_bytes)
        if is_refused_for_size(run, pushed, lambda: fetched.pack_bytes):
            return GoOn(Turn.TOO_LARGE_BUT_HERE, settled, TARGET_TAKES_LESS, fetched, held.pop_all())
        delta_count = 0 if spool is None else spool.delta_count
        relayed = Relayed(pushed, fetched.object_count, delta_count, fetched.pack_bytes)
        return pushed_result(run, pushed, relayed.summary(run))
