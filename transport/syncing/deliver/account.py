"""The result of a run: what became of each ref, how the objects travelled, and the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from transport.syncing.decide.absence import hidden_in
from transport.syncing.measure import Measurement, SideStats, Stats
from transport.syncing.outcome.result import SyncResult, results_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transport.syncing.decide.modes import TransferMode
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.pushing import PushOutcome
    from transport.syncing.deliver.run import Run
    from transport.syncing.outcome.result import PackSummary, Price, RefResult

__all__ = ["is_over", "previewed", "pushed_result", "unpushed"]


def is_over(run: Run, plan: RefPlan) -> bool:
    """Return whether there is nothing to push, or an atomic push has a blocked ref."""
    all_or_none = run.request.policy.atomic or run.request.mode == "bootstrap"
    return not plan.in_push_order() or bool(all_or_none and plan.blocked)


def pushed_result(
    run: Run, pushed: PushOutcome, pack: PackSummary | None = None, *, in_pieces: bool = False
) -> SyncResult:
    """Return the result of a run that pushed; `in_pieces` if the source's pack was too large for one."""
    choice = run.choice
    if in_pieces and choice is not None and choice.relay_mode == "bootstrap":
        choice = replace(choice, relay_mode="bootstrap-batch")
    result = replace(
        _result(run, pushed.refs, commands=pushed.commands),
        batch_count=pushed.batch_count,
        planned_batch_count=pushed.planned_batch_count,
        temp_refs=pushed.temp_refs,
        left_temp_refs=pushed.left_temp_refs,
        pack=pack,
        failure=pushed.failure,
    )
    return _explained(result, choice, run.notes)


def unpushed(run: Run, plan: RefPlan) -> SyncResult:
    """Return the result of a run that pushes nothing: everything is done, or held back."""
    held_back = ""
    if not run.request.dry_run and plan.blocked:
        held_back = "held back: all refs or none, and another ref is blocked"
    return _result(run, results_of(plan.actions, held_back=held_back))


def previewed(run: Run, plan: RefPlan, choice: TransferMode | None, price: Price | None = None) -> SyncResult:
    """Return the result of a dry run: what a run would do now, and by which route."""
    result = replace(_result(run, results_of(plan.actions)), price=price)
    return _explained(result, choice, run.notes)


def _result(run: Run, refs: Sequence[RefResult], *, commands: int = 0) -> SyncResult:
    request = run.request
    return SyncResult(
        refs=refs,
        protocol=f"v{run.source_refs.version}",
        source_head=run.source_head,
        source_hides=tuple(hidden_in(run.source_refs, request.scope)),
        dry_run=request.dry_run,
        operation_mode=request.mode,
        left_temp_refs=run.left_temp_refs,
        stats=_stats(run, commands),
        measurement=Measurement.take(run.watch) if request.measure_memory else Measurement(),
    )


def _explained(result: SyncResult, choice: TransferMode | None, notes: Sequence[str]) -> SyncResult:
    if choice is None:
        return result
    return replace(
        result,
        relay=choice.relay,
        relay_mode=choice.relay_mode,
        relay_reason=choice.reason,
        explanation="; ".join([choice.words, *notes]),
    )


def _stats(run: Run, commands: int) -> Stats:
    if not run.request.collect_stats:
        return Stats()
    source, target, ground = run.source, run.target, run.ground
    counts = {"wants": run.wants, "haves": run.haves_sent}
    fetched = SideStats.of("source", "git-upload-pack", source.url, source.stats, **counts)
    pushed = SideStats.of("target", "git-receive-pack", target.url, target.stats, commands=commands)
    sides: tuple[SideStats, ...] = (fetched, pushed)
    if ground is not None:
        asked = SideStats.of("target", "git-upload-pack", target.url, ground.traffic, haves=ground.haves)
        sides = (fetched, asked, pushed.without(asked))
    return Stats(enabled=True, sides=sides, elapsed_seconds=run.watch.seconds)
