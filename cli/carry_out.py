"""Carries one sync out for a user: progress, result, receipt, conversation, exit code."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.command import TWO_SIDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cli.console import Console
    from cli.sync_job import SyncJob
    from transport.recording import Recorder
    from transport.secrets import Secrets
    from transport.syncing.outcome.result import RefResult, SyncResult
    from transport.syncing.outcome.verification import Verification
    from transport.syncing.request import SyncRequest

__all__ = ["NO_METRICS", "NO_RECEIPT", "carry_out", "show_problems", "show_result"]

NO_RECEIPT = "nothing is done in a dry run, so no receipt is written"
NO_METRICS = "nothing is done in a dry run, so no metrics are written"


def carry_out(job: SyncJob, request: SyncRequest) -> int:
    """Run a sync or its dry run, show the result, and return the exit code.

    The conversation is kept when the run fails, which is when it is wanted, and so is the receipt.
    """
    console = job.console
    with _measured(job, request) as kept:
        with _kept(job, request) as receipt:
            result = receipt.result = _sync(job, request)
        kept(result)
    show_result(result, console)
    if result.failure is not None:
        raise result.failure
    if result.exit_code:
        show_problems(result.refs, console, result.verification, result.left_temp_refs)
    return result.exit_code


def _sync(job: SyncJob, request: SyncRequest) -> SyncResult:
    from transport.syncing import sync

    state: dict[str, Any] = click.get_current_context().find_root().ensure_object(dict)
    state[TWO_SIDED] = True
    secrets = job.console.output.secrets
    with (
        _recorder(job.reporting.record, secrets) as recorder,
        job.console.progress(source=job.source, target=job.target) as progress,
    ):
        return sync(
            job.source,
            job.target,
            request,
            source_options=job.network.source,
            target_options=job.network.target,
            progress=progress,
            recorder=recorder,
        )


@contextmanager
def _measured(job: SyncJob, request: SyncRequest) -> Iterator[Callable[[SyncResult], None]]:
    """Write metrics of what happens in the block, if they are wanted; it hands over its result."""
    name = job.reporting.metrics
    if name is not None and request.dry_run:
        job.console.tell(NO_METRICS)
        name = None
    if name is None:
        yield lambda _: None
        return
    from cli.metrics_file import MetricsFile
    from cli.render.metrics import RunLabels
    from transport.endpoint import shown

    labels = RunLabels(request.mode, shown(job.source), shown(job.target))
    with MetricsFile(name, job.console, labels) as file:

        def keep(result: SyncResult) -> None:
            file.end_with(result.exit_code)
            file.tell(lambda metrics: metrics.synced(labels, result))

        yield keep


class _Receipt:
    """What a receipt is made of, once the run is over."""

    result: SyncResult | None = None


@contextmanager
def _kept(job: SyncJob, request: SyncRequest) -> Iterator[_Receipt]:
    """Write a receipt of what happens in the block, if one is wanted."""
    kept = _Receipt()
    name = job.reporting.receipt
    if name is not None and request.dry_run:
        job.console.tell(NO_RECEIPT)
        name = None
    if name is None:
        yield kept
        return
    from cli.files import AtomicFiles
    from packcore.errors import PackcoreError
    from transport.syncing.measure import Stopwatch
    from transport.syncing.outcome.receipt import Asked, receipt

    error: Exception | None = None
    asked, watch = Asked.now(job.source, job.target, request), Stopwatch()
    with AtomicFiles() as files:
        file = files.open(name)  # where that is impossible, nothing has happened yet
        try:
            yield kept
        except (PackcoreError, OSError) as raised:
            error = raised
        written = receipt(asked, kept.result, watch.seconds, error=error)
        file.write(job.console.output.json_bytes(written))
    if error is not None:
        raise error


@contextmanager
def _recorder(name: str | None, secrets: Secrets) -> Iterator[Recorder | None]:
    if name is None:
        yield None
        return
    from transport.recording import Recorder

    with Path(name).open("w", encoding="utf-8") as file:
        yield Recorder(file, secrets=secrets)


def show_result(result: SyncResult, console: Console) -> None:
    """Show a result as text or as JSON."""
    from cli.render.sync import (
        choice_lines,
        measurement_lines,
        ref_lines,
        stats_lines,
        summary_line,
        verification_lines,
    )

    if console.verbosity.json:
        console.show_json(result.to_json())
        return
    if console.verbosity.verbose:
        from cli.render.engine import engine_line

        console.detail(engine_line())
    console.detail(f"source: protocol {result.protocol}, HEAD is {result.source_head or 'not told'}")
    console.show(ref_lines(result.refs, dry_run=result.dry_run, all_refs=console.verbosity.verbose))
    console.show(choice_lines(result))
    console.show(summary_line(result))
    if result.verification is not None:
        console.show(verification_lines(result.verification))
    if result.stats.enabled:
        console.show(stats_lines(result.stats, result.pack))
    if result.measurement.enabled:
        console.show(measurement_lines(result.measurement))


def show_problems(
    refs: Sequence[RefResult],
    console: Console,
    verification: Verification | None = None,
    left_temp_refs: Sequence[str] = (),
) -> None:
    """Say on stderr what is not as it should be; with --quiet, which refs."""
    from cli.render.sync import (
        left_line,
        problem_line,
        problem_refs,
        ref_lines,
        verification_lines,
        verification_problem,
    )

    refs = problem_refs(refs)
    lines = list(ref_lines(refs))
    if refs:
        console.tell_error(f"packcore: error: {problem_line(refs)}")
    if left_temp_refs:
        console.tell_error(f"packcore: error: {left_line(left_temp_refs)}")
        lines += [f"left  {name}" for name in left_temp_refs]
    if verification is not None and verification.exit_code:
        console.tell_error(f"packcore: error: {verification_problem(verification)}")
        lines += verification_lines(verification)
    if console.verbosity.quiet:
        for line in lines:
            console.tell_error(line)
