"""A push that was refused because the target lacks objects below commits that it said it has.

    first try     asked the target what it has    it has commit C, but not C's tree; the pack leaves both out
    refused       missing necessary objects
    second try    relies on the target's refs     everything that they don't reach is sent

A server may hold such a commit after a push that it accepted only in part, and its upload-pack reports
objects, not what they reach. Without a second try no later run would get further than this one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from transport.syncing.deliver.refusals import lacks_objects
from transport.syncing.gather.common_ground import NO_GROUND
from transport.syncing.outcome.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from transport.syncing.deliver.run import Run
    from transport.syncing.outcome.result import RefResult, SyncResult

__all__ = ["second_try", "try_again", "was_misled"]


def was_misled(run: Run, result: SyncResult) -> bool:
    """Return whether the target refused refs because it lacks objects below commits it claimed to have."""
    if run.ground is None or not run.ground.commits:
        return False
    words = [ref.reason for ref in result.refs if ref.outcome is Outcome.REFUSED]
    return lacks_objects([*words, str(result.failure)])


def second_try(run: Run, first: SyncResult, carry_out: Callable[[Run], SyncResult]) -> SyncResult:
    """Retry the refused refs once, without what the target claimed to have."""
    run.progress.message("target", "it lacks something below commits that it has; sent again without these")
    return try_again(run, first, carry_out)


def try_again(run: Run, first: SyncResult, carry_out: Callable[[Run], SyncResult]) -> SyncResult:
    """Retry once what a run didn't do; return the result of both tries.

    What the first try did is reported unchanged; everything else is up to the second.
    """
    done = {
        ref.planned.target_ref: ref for ref in first.refs if ref.outcome in (Outcome.PUSHED, Outcome.DELETED)
    }
    _begin_again(run, done.values())
    try:
        second = carry_out(run)
    except PackcoreError:
        return first
    refs = [done.pop(ref.planned.target_ref, ref) for ref in second.refs]
    return replace(second, refs=(*refs, *done.values()), temp_refs=(*first.temp_refs, *second.temp_refs))


def _begin_again(run: Run, done: Iterable[RefResult]) -> None:
    """Start over from the same lists, updated by what was done, and without asking for common ground.

    The target is not listed again: a lease compares with the tips seen at the start.
    """
    refs = dict(run.target_refs.refs)
    for ref in done:
        if ref.planned.source_id is None:
            refs.pop(ref.planned.target_ref, None)
        else:
            refs[ref.planned.target_ref] = ref.planned.source_id
    run.target_refs = replace(run.target_refs, refs=refs)
    run.start_over(run.source_refs, NO_GROUND)
