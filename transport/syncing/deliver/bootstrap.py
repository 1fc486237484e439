"""The relay in batches: the source's packs go to the target one by one, each within the target's limit.

    all in one        the whole pack, if it fits: one request, no more; if the target still refuses it,
                      packs of our own are cut from it (`taken_in`)
    commit graph      source       commits and tags alone (filter=tree:0)
    pieces            (pure)       `transport.syncing.deliver.checkpoints`
      fetch           source       wants: the piece's heads; haves: what the target has so far
                                   given up as soon as it grows beyond the limit
      hold            target       temporary refs; halved and fetched again if it is too large
    cutover           target       the users' refs; the temporary ones are deleted

A commit whose own files are too large for one pack is taken in and cut by `splitting`: a relay can't cut it.
The same goes for everything if the source can't leave out trees, or only gives its refs' tips. Each pack is
received whole before its request opens, so that its size is known and a doomed one never reaches the target.

Resuming after a crash needs no code here: the temporary refs are among the target's tips.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from packcore.errors import LimitExceeded, PackcoreError
from transport.fetch import fetch_pack
from transport.syncing.decide.modes import TARGET_TAKES_LESS, TransferMode
from transport.syncing.decide.turns import GoOn, Turn
from transport.syncing.deliver.account import pushed_result
from transport.syncing.deliver.checkpoints import Checkpoints, parents_in
from transport.syncing.deliver.leftovers import leftovers
from transport.syncing.deliver.materialized import load
from transport.syncing.deliver.pushing import PushOutcome, push_refs
from transport.syncing.deliver.refusals import BodyRefused, is_large_enough_to_halve
from transport.syncing.deliver.split_push import batched_push, hold_in_parts, is_refused_for_size
from transport.syncing.deliver.taken_in import take_in
from transport.syncing.deliver.tops import TOPS_MAX
from transport.syncing.deliver.unknown_tips import find_ground_by_graph, lacks_tips, stop_at_unknown_tips
from transport.syncing.gather.common_ground import UnknownTips, WatchedTips
from transport.syncing.gather.fetching import fetch_missing
from transport.syncing.gather.lookahead import LookAhead
from transport.wire.upload_pack import FetchOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from packcore.ids import ObjectId
    from transport.fetch import FetchResponse
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.batches import BatchedPush
    from transport.syncing.deliver.run import Run
    from transport.syncing.gather.fetching import Fetched
    from transport.syncing.outcome.result import SyncResult

__all__ = ["relay_in_batches"]

HEADER_BYTES = 12
OBJECT_BYTES_MIN = 24.0
_BENEFIT_OF_DOUBT = 1.25
"""Packs differ: give up a pack at its header only if earlier ones predict that it is this much too large."""
_HEAD_BYTES = 1024
"""Kept free for commands when the whole pack is tried."""


def relay_in_batches(run: Run, plan: RefPlan) -> SyncResult | GoOn:
    """Carry out a settled plan whose pack may be larger than the target takes; a limit is known.

    Raises TransportError, CorruptData and LimitExceeded only before the push.
    """
    if not _gives_commits(run):
        return GoOn(Turn.NO_COMMITS, plan, _SOURCE_GIVES_NO_COMMITS)
    relay = _BatchedRelay(run, plan, batched_push(run, plan), list(run.haves(plan)))
    try:
        outcome = relay.try_whole()
    except UnknownTips as stopped:
        if lacks_tips(run, plan, stopped.tips):
            find_ground_by_graph(run, plan)
        relay.haves = run.haves(plan)
        outcome = relay.try_whole()
    if relay.taken_in is not None:
        held = relay.taken_in
        return GoOn(Turn.TOO_LARGE_BUT_HERE, plan, TARGET_TAKES_LESS, held, held.spool)
    in_pieces = outcome is None
    if outcome is None:
        outcome = relay.in_pieces()
    summary = outcome.summary(
        run.target,
        objects=relay.object_count,
        deltas=relay.delta_count,
        reused=relay.object_count,
        strategy="relay",
    )
    return pushed_result(run, outcome, summary if relay.object_count else None, in_pieces=in_pieces)


_SOURCE_GIVES_NO_COMMITS = TransferMode(
    "",
    "source-gives-no-commits",
    "the source can't be asked for single commits without their files, so packs of our own are cut to size",
)


def _gives_commits(run: Run) -> bool:
    """Return whether the source can leave out trees, and accepts wants that are not a ref's tip."""
    capabilities = run.source_refs.capabilities
    any_commit = run.source_refs.version == 2 or capabilities.allow_reachable_sha1_in_want
    return run.can_fetch_commits_alone and any_commit and not run.source_refs.shallow


@dataclass(slots=True)
class _BatchedRelay:
    """One run's batches. `haves` are the ids that the target had at the start."""

    run: Run
    plan: RefPlan
    pushing: BatchedPush
    haves: list[ObjectId]
    object_count: int = 0
    delta_count: int = 0
    whole_count: int = 0
    """Objects that the whole pack would have had."""
    latest_count: int = 0
    """Objects of the pack that was requested last."""
    object_bytes: float = OBJECT_BYTES_MIN
    """Bytes per object, of the latest pack or of all; before the first, a lower bound."""
    received_bytes: int = 0
    taken_in: Fetched | None = None
    """The whole pack, if the target refused it and it can be cut here; its spool is open."""
    made: list[ObjectId] = field(default_factory=list)
    """Tips of what was brought, latest first."""

    def try_whole(self) -> PushOutcome | None:
        """Send all in one request; None if it is too large. Sets `taken_in` if the target refused it."""
        wants = self._wants()
        if not wants:
            return self.pushing.cut_over()
        try:
            stop = partial(stop_at_unknown_tips, self.run, self.plan)
            with self._received(wants, self._limit - _HEAD_BYTES, on_unknown=stop) as ahead:
                outcome = push_refs(
                    self.run.target,
                    self.run.target_refs,
                    self.plan,
                    ahead.blocks,
                    policy=self.run.request.policy,
                    progress=self.run.progress,
                    limits=self.run.limits,
                    removals=leftovers(self.run, self.plan),
                )
                if not is_refused_for_size(self.run, outcome, lambda: ahead.received_bytes):
                    self._count(ahead)
                    return outcome
                self.taken_in = take_in(self.run, ahead)
        except LimitExceeded:
            pass  # seen at its header, or once too much of it was here
        return None

    def in_pieces(self) -> PushOutcome:
        """Send piece by piece, then cut over. A failure after the check is part of the outcome."""
        self.pushing.check()
        try:
            checkpoints = self._checkpoints()
            while wants := checkpoints.next():
                self.pushing.planned_batch_count = self.pushing.batch_count + checkpoints.batches_left
                self._pass(checkpoints, wants)
        except PackcoreError as error:
            return self.pushing.broken_off(error)
        return self.pushing.cut_over()

    def _pass(self, checkpoints: Checkpoints, wants: list[ObjectId]) -> None:
        """Bring one piece to the target, or make it smaller."""
        pushing = self.pushing
        tops = wants[:TOPS_MAX]
        head_bytes = pushing.head_bytes(tops)
        try:
            with self._received(wants, self._limit - head_bytes) as ahead:
                size = ahead.received_bytes
                pushing.hold(tops, ahead.blocks, head_bytes + size)
                self._count(ahead)
            checkpoints.passed(size, self._limit)
        except (LimitExceeded, BodyRefused) as error:
            if isinstance(error, BodyRefused):
                if not is_large_enough_to_halve(error.body_bytes):
                    raise
                limit = self.run.limits.refuse_body(error.body_bytes)
                self.run.progress.message("target", f"{error}; no more than {limit} bytes from here on")
            if not checkpoints.is_single:
                checkpoints.shorten(self.latest_count * self.object_bytes, self._limit)
                return
            if checkpoints.open_merge():
                return
            self._cut_within(wants)
            checkpoints.passed(self._limit, self._limit)
        self.made = [*wants, *self.made]

    def _cut_within(self, wants: list[ObjectId]) -> None:
        """Take in a commit that is too large for one pack, and send its parts."""
        haves = [*self.made, *self.haves]
        with fetch_missing(
            self.run.source,
            self.run.source_refs,
            wants=wants,
            haves=haves,
            limits=self.run.request.selection.limits,
            progress=self.run.progress,
            directory=self.run.request.spool_directory,
        ) as fetched:
            cargo, _ = load(self.run, wants, fetched, haves)
            hold_in_parts(self.run, self.pushing, cargo)
            self.object_count += cargo.pack.object_count
            self.delta_count += cargo.pack.delta_count

    def _checkpoints(self) -> Checkpoints:
        """Fetch the commit graph and choose where to pause."""
        wants = self._wants()
        with fetch_missing(
            self.run.source,
            self.run.source_refs,
            wants=wants,
            haves=self.haves,
            limits=self.run.request.selection.limits,
            progress=self.run.progress,
            directory=self.run.request.spool_directory,
            filter_spec="tree:0",
        ) as fetched:
            parents = parents_in(fetched.store, wants)
        return Checkpoints(
            parents,
            wants,
            strategy=self.run.request.bootstrap_strategy,
            object_count=max(self.whole_count, len(parents)),
            limit=self._limit,
        )

    @contextmanager
    def _received(
        self,
        wants: Sequence[ObjectId],
        room: int,
        *,
        on_unknown: Callable[[Collection[ObjectId]], None] = lambda _: None,
    ) -> Iterator[LookAhead]:
        """Receive a pack whole. Raises LimitExceeded as soon as it is larger than `room`.

        `on_unknown` is only for the first pack: later ones build on what the source itself has sent.
        """
        run = self.run
        haves = [*self.made, *self.haves]
        run.count_wants(wants, haves)
        room = max(1, min(room, run.request.max_pack_bytes or room))
        with (
            fetch_pack(
                run.source,
                run.source_refs,
                wants=wants,
                haves=WatchedTips(haves, on_unknown),
                options=FetchOptions(
                    ofs_delta=run.target_refs.capabilities.ofs_delta,
                    thin_pack=not run.target_refs.capabilities.no_thin,
                ),
                on_message=lambda text: run.progress.message("source", text),
            ) as response,
            LookAhead(
                self._promising(_blocks_of(response, on_unknown), room),
                object_format=run.source_refs.object_format,
                limits=run.request.selection.limits,
                progress=run.progress,
                directory=run.request.spool_directory,
                pack_bytes_max=room,
                ofs_delta=run.target_refs.capabilities.ofs_delta,
                whole=True,
                abandon=run.source.close,
            ) as ahead,
        ):
            ahead.finish()
            yield ahead

    def _promising(self, blocks: Iterator[bytes], room: int) -> Iterator[bytes]:
        """Pass a pack on, unless its header already shows that it is too large."""
        start = b""
        for block in blocks:
            start += block
            if len(start) >= HEADER_BYTES:
                break
        if len(start) >= HEADER_BYTES:
            count = int.from_bytes(start[HEADER_BYTES - 4 : HEADER_BYTES])
            self.latest_count = count
            self.whole_count = self.whole_count or count
            if count * self.object_bytes > room * _BENEFIT_OF_DOUBT:
                raise LimitExceeded(f"a pack of {count} objects is too large", limit="max-pack-bytes")
        yield start
        yield from blocks

    def _count(self, ahead: LookAhead) -> None:
        self.object_count += ahead.object_count
        self.received_bytes += ahead.received_bytes
        latest = ahead.received_bytes / max(1, ahead.object_count)
        average = self.received_bytes / max(1, self.object_count)
        self.object_bytes = max(OBJECT_BYTES_MIN, latest, average)
        self.delta_count += ahead.delta_count

    def _wants(self) -> list[ObjectId]:
        had = set(self.haves)
        return [oid for oid in self.plan.wants if oid not in had]

    @property
    def _limit(self) -> int:
        limit = self.run.limits.body_bytes_max
        assert limit is not None
        return limit


def _blocks_of(
    response: FetchResponse, on_unknown: Callable[[Collection[ObjectId]], None]
) -> Iterator[bytes]:
    """Return the pack's blocks; before any is read, `on_unknown` may raise."""
    on_unknown(response.unknown)
    return response.blocks or iter(())
