"""`sync --manifest`: many repositories for a user, a line each, a table at the end, one receipt of all.

    stdout      a line for each pair as it ends, then the table; with --json JSON lines, then the summary
    stderr      a live count on a terminal; what is not done, once more, at the end

Interrupted, the runs are stopped, and the receipt tells of those that had ended.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cli.carry_out import NO_METRICS, NO_RECEIPT
from cli.command import CONFIG_KEY, DEBUG_KEY
from cli.exits import FAILED, INTERRUPTED
from cli.streams import Output
from cli.values import is_true
from transport.syncing.measure import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from cli.sync_job import SyncJob
    from transport.fleet import FleetResult, PairOutcome, SyncPair
    from transport.options import TransportOptions
    from transport.secrets import Secrets

__all__ = ["in_this_environment", "sync_manifest"]


def sync_manifest(job: SyncJob, manifest: str, executor: str) -> int:
    """Sync the pairs of a manifest on the executor of that name, and return the exit code."""
    from cli.manifest import Manifest

    _check_options(job)
    root = click.get_current_context().find_root()
    config = root.meta.get(CONFIG_KEY)
    pairs = Manifest(manifest, config=config, secrets=job.console.output.secrets).pairs(job)
    state: dict[str, Any] = root.ensure_object(dict)
    return _Fleet(job, pairs, manifest, debug=bool(state.get(DEBUG_KEY))).run(executor)


def in_this_environment(pair: SyncPair) -> SyncPair:
    """Give a pair the settings of the machine that runs it: proxies, netrc, ssh, the trace."""
    return replace(
        pair,
        source_options=_here(pair.source_options, f"{pair.name} source"),
        target_options=_here(pair.target_options, f"{pair.name} target"),
    )


def _here(options: TransportOptions, side: str) -> TransportOptions:
    wanted = os.environ.get("PACKCORE_HTTP_TRACE") or os.environ.get("GITSYNC_HTTP_TRACE")
    trace = partial(_trace, options.secrets, side) if is_true(wanted) else None
    return replace(options, environment=os.environ, trace=trace)


def _trace(secrets: Secrets, side: str, line: str) -> None:
    Output(lambda: secrets).err(f"[http {side}] {line}")


def _check_options(job: SyncJob) -> None:
    """Refuse options for a single pair: they belong in the file, so that precedence stays clear."""
    from cli.manifest import pair_option_names

    context = click.get_current_context()
    for parameter in context.command.params:
        name = str(parameter.name)
        if name == "dry_run":
            continue  # of the run as a whole, it leaves no doubt
        if name in pair_option_names() and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            key = parameter.opts[-1].lstrip("-")
            raise click.UsageError(f"with --manifest, write {key} into the file: in [defaults], or in a pair")
    if job.reporting.record is not None:
        raise click.UsageError("--record is for one pair at a time")


class _Fleet:
    """One run over all pairs."""

    def __init__(self, job: SyncJob, pairs: Sequence[SyncPair], manifest: str, *, debug: bool) -> None:
        self._job = job
        self._console = job.console
        self._pairs = pairs
        self._debug = debug
        self._manifest = manifest
        self._exit_code = FAILED
        self._ended: list[PairOutcome] = []
        self._started_at = datetime.now(UTC)
        self._watch = Stopwatch()

    def run(self, executor_name: str) -> int:
        """Run all pairs; show, save and return the results."""
        from cli.files import AtomicFiles

        interrupted: KeyboardInterrupt | None = None
        result: FleetResult | None = None
        with ExitStack() as stack:
            file: IO[bytes] | None = None
            if self._job.reporting.receipt is not None and self._job.dry_run:
                self._console.tell(NO_RECEIPT)
            elif self._job.reporting.receipt is not None:
                file = stack.enter_context(AtomicFiles()).open(self._job.reporting.receipt)
            if self._job.reporting.metrics is not None:
                self._measure(self._job.reporting.metrics, stack)
            try:
                result = self._run(executor_name)
                self._exit_code = result.exit_code
            except KeyboardInterrupt as raised:
                interrupted, self._exit_code = raised, INTERRUPTED
            if file is not None:
                file.write(self._receipt(result))
        if interrupted is not None:
            raise interrupted
        assert result is not None
        self._show(result)
        return result.exit_code

    def _measure(self, name: str, stack: ExitStack) -> None:
        """Let metrics be written at the end, of all pairs that have ended by then."""
        from cli.metrics_file import MetricsFile

        if self._job.dry_run:
            self._console.tell(NO_METRICS)
            return
        file = stack.enter_context(MetricsFile(name, self._console))
        file.tell(
            lambda metrics: metrics.manifest(
                Path(self._manifest).name, self._ended, time.time(), file.seconds, self._exit_code
            )
        )

    def _run(self, executor_name: str) -> FleetResult:
        from transport.fleet import open_executor, sync_fleet

        with (
            open_executor(executor_name) as executor,
            self._console.progress() as progress,
            progress.phase("syncing", unit="repositories", total=len(self._pairs)) as phase,
        ):

            def ended(outcome: PairOutcome) -> None:
                phase.advance()
                self._ended.append(outcome)
                self._tell(outcome)

            return sync_fleet(self._pairs, executor, on_outcome=ended, prepare=in_this_environment)

    def _tell(self, outcome: PairOutcome) -> None:
        from cli.render.fleet import pair_line

        console = self._console
        if console.verbosity.json:
            console.show_json_line(outcome.to_json())
            return
        names = max(len(pair.name) for pair in self._pairs)
        console.show(pair_line(outcome, names))
        for message in outcome.messages:
            console.detail(f"{outcome.name}: {message}")
        if self._debug and outcome.traceback:
            console.tell_error(outcome.traceback)

    def _show(self, result: FleetResult) -> None:
        from cli.render.fleet import pair_line, pair_problems, problem_line, summary_table

        console = self._console
        if console.verbosity.json:
            console.show_json_line({"summary": result.to_json()})
        else:
            console.show("")
            console.show(summary_table(result))
        if not result.failed:
            return
        console.tell_error(f"packcore: error: {problem_line(result)}")
        names = max(len(outcome.name) for outcome in result.failed)
        for outcome in result.failed:
            for line in (pair_line(outcome, names), *pair_problems(outcome)):
                console.tell_error(line)

    def _receipt(self, result: FleetResult | None) -> bytes:
        """Return the receipt of all pairs, or of those that ended before the rest was stopped."""
        from transport.syncing.outcome.receipt import fleet_receipt

        summary = {"interrupted": True} if result is None else {"interrupted": False, **result.to_json()}
        outcomes = self._ended if result is None else result.outcomes
        runs = [outcome.receipt() for outcome in outcomes]
        receipt = fleet_receipt(self._started_at, self._watch.seconds, summary, runs)
        return self._console.output.json_bytes(receipt)
