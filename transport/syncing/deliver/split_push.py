"""Sends our own pack to the target: in one request if it fits, else in batches.

    fits, or no limit known    one request: the pack, the refs
    too large                  cut; a batch for each part; the cutover
    refused as too large       the same, with half of what was refused as the limit from then on
    taken, after a refusal     the limit grows again (`transport.syncing.deliver.host_profile`)

Any batch may be refused for its size, the first or a later one. What is not sent yet is then cut again, as it
is when the limit grows; what is there stays. Deltas are selected again for each part, before its request
opens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from packcore.plans.write import write_pack
from transport.syncing.deliver.batches import BatchedPush
from transport.syncing.deliver.leftovers import leftovers
from transport.syncing.deliver.pushing import PushOutcome, push_refs
from transport.syncing.deliver.ref_requests import command_bytes
from transport.syncing.deliver.refusals import (
    BodyRefused,
    is_large_enough_to_halve,
    is_surely_too_large,
    may_fare_better_in_parts,
    refused_bytes,
)
from transport.syncing.deliver.splitting import PushPart, Splitter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from packcore.ids import ObjectId
    from packcore.plans.entries import Candidate
    from packcore.plans.plan import PackPlan
    from packcore.store.base import ObjectStore
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.run import Run

__all__ = ["Cargo", "batched_push", "hold_in_parts", "is_refused_for_size", "push_pack"]

LOSSES_MAX = 3
"""Connections that a push may lose over an uncuttable object before the object counts as too large."""


@dataclass(frozen=True, slots=True)
class Cargo:
    """The input of a push of our own packs."""

    store: ObjectStore
    objects: Sequence[Candidate]
    """In the order of the walk."""
    wants: Sequence[ObjectId]
    """The tips, most important first."""
    pack: PackPlan
    """All of the objects in one pack."""
    plan_of: Callable[[Sequence[Candidate]], PackPlan]
    """Selects deltas for some of the objects."""
    shallow: Collection[ObjectId] = ()
    """Commits among the objects whose parents the source lacks."""


def push_pack(run: Run, plan: RefPlan, cargo: Cargo) -> PushOutcome:
    """Push the refs of a plan and what they need. Raises as `push_refs`, and CorruptData.

    LimitExceeded, before anything is pushed, if a single object is larger than the target takes.
    """
    limit = run.limits.body_bytes_max
    if limit is None or _request_bytes(run, plan, cargo) <= limit:
        outcome = push_refs(
            run.target,
            run.target_refs,
            plan,
            lambda: _blocks(run, cargo.pack),
            policy=run.request.policy,
            progress=run.progress,
            shallow=cargo.shallow,
            limits=run.limits,
            removals=leftovers(run, plan),
        )
        if run.request.policy.force_blind or not is_refused_for_size(
            run, outcome, lambda: _request_bytes(run, plan, cargo)
        ):
            return outcome
    pushing = batched_push(run, plan)
    pushing.check()
    parts = _splitter(run, pushing, cargo).split(cargo.wants, _limit(run), run.limits.hopeless_bytes)
    try:
        _hold(run, pushing, cargo, parts)
    except PackcoreError as error:
        return pushing.broken_off(error)
    return pushing.cut_over()


def batched_push(run: Run, plan: RefPlan) -> BatchedPush:
    """Begin to push in batches."""
    return BatchedPush(
        run.target,
        run.target_refs,
        plan,
        policy=run.request.policy,
        limits=run.limits,
        progress=run.progress,
    )


def hold_in_parts(run: Run, pushing: BatchedPush, cargo: Cargo) -> None:
    """Bring objects to the target in batches, for refs that are set later.

    Raises LimitExceeded for an object that is too large, RefRejected, TransportError, CorruptData.
    """
    parts = _splitter(run, pushing, cargo).split(cargo.wants, _limit(run), run.limits.hopeless_bytes)
    _hold(run, pushing, cargo, parts)


def _hold(run: Run, pushing: BatchedPush, cargo: Cargo, parts: list[PushPart]) -> None:
    pushing.planned_batch_count += len(parts)
    waiting = parts[::-1]
    losses = 0
    while waiting:
        part = waiting[-1]
        inside = {candidate.oid for group in part.groups for candidate in group}
        try:
            pushing.hold(
                part.tops,
                lambda plan=part.plan: _blocks(run, plan),  # type: ignore[misc]
                part.body_bytes,
                shallow=inside.intersection(cargo.shallow),
            )
        except BodyRefused as refused:
            if not is_large_enough_to_halve(refused.body_bytes):
                raise
            losses += part.is_single
            surely = is_surely_too_large(refused.error) or losses >= LOSSES_MAX
            limit = run.limits.refuse_body(refused.body_bytes, surely=surely)
            run.progress.message("target", f"{refused}; cut to {limit} bytes from here on")
            waiting = _cut_again(run, pushing, cargo, waiting)
        else:
            waiting.pop()
            if pushing.may_grow and len(waiting) > 1:
                waiting = _cut_again(run, pushing, cargo, waiting)


def _cut_again(run: Run, pushing: BatchedPush, cargo: Cargo, waiting: Sequence[PushPart]) -> list[PushPart]:
    """Cut what is not sent yet by the current limit; the next part is the last of the list."""
    pushing.may_grow = False
    groups = [group for left in reversed(waiting) for group in left.groups]
    splitter = _splitter(run, pushing, cargo)
    waiting = splitter.cut(groups, _limit(run), run.limits.hopeless_bytes)[::-1]
    pushing.planned_batch_count = pushing.batch_count + len(waiting)
    return waiting


def _splitter(run: Run, pushing: BatchedPush, cargo: Cargo) -> Splitter:
    return Splitter(
        cargo.store,
        cargo.pack,
        cargo.objects,
        plan_of=cargo.plan_of,
        head_bytes=pushing.head_bytes,
        ofs_delta=run.target_refs.capabilities.ofs_delta,
    )


def _limit(run: Run) -> int:
    limit = run.limits.body_bytes_max
    assert limit is not None
    return limit


def _blocks(run: Run, pack: PackPlan) -> Iterator[bytes]:
    """Yield a pack for the target, and show how many of its objects are written."""
    ofs_delta = run.target_refs.capabilities.ofs_delta
    with run.progress.phase("target: writing objects", unit="objects", total=pack.object_count) as phase:
        yield from write_pack(pack, ofs_delta=ofs_delta, on_objects=phase.advance)


def _request_bytes(run: Run, plan: RefPlan, cargo: Cargo) -> int:
    """Return the size of a single request for everything; of the first one, if the commands need several."""
    updates = plan.updates()[: run.limits.ref_updates_max]
    pack = write_pack(cargo.pack, ofs_delta=run.target_refs.capabilities.ofs_delta)
    return sum(map(command_bytes, updates)) + sum(len(block) for block in pack)


def is_refused_for_size(run: Run, outcome: PushOutcome, request_bytes: Callable[[], int]) -> bool:
    """Return whether to send a push in parts after its single request failed; their limit is then known.

    `request_bytes` returns the size of that request, or a lower bound.
    """
    pushes = [ref.outcome for ref in outcome.refs if ref.planned.pushes]
    request = run.request
    wished = request.target_max_pack_bytes is not None or request.parts_after_loss
    if not may_fare_better_in_parts(
        pushes, words=outcome.size_refusal, failure=outcome.failure, parts_are_wished=wished
    ):
        return False
    size = request_bytes()
    if not is_large_enough_to_halve(size):
        return False
    was_told = run.target.stats.chunks_refused
    run.limits.refuse_body(
        refused_bytes(size, outcome.pack_bytes, length_was_told=was_told),
        surely=outcome.size_refusal is not None or is_surely_too_large(outcome.failure),
    )
    run.progress.message("target", f"{outcome.size_refusal or outcome.failure}; sent again in parts")
    return True
