"""`packcore sync`: mirror refs from one server to another."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.command import command, option
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import OUTPUT, output_options, policy_options, scope_options, selection_options
from cli.transfer import transfer_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.console import Console
    from cli.network import NetworkOptions
    from transport.recording import Recorder
    from transport.sync.request import Policy, Protocol, Scope, SelectionOptions, SyncRequest
    from transport.sync.result import RefResult, SyncResult


RECORD = option(
    "--record",
    section=OUTPUT,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write down what is said and heard, for `explain --wire`. No credentials are in it.",
)


@command(
    "sync",
    short_help="Mirror refs from SOURCE to TARGET.",
    examples="""
        packcore sync https://example.com/x.git https://backup.example.org/x.git
        packcore sync --tags --prune SOURCE TARGET
        packcore sync --branch main,stable --force-with-lease SOURCE TARGET
        packcore sync --map main:trunk SOURCE TARGET
        packcore sync --optimize bandwidth SOURCE TARGET
        PACKCORE_TARGET_TOKEN=… packcore sync --all-refs --json SOURCE TARGET
    """,
)
@endpoint_arguments(target=True)
@scope_options
@policy_options
@transfer_options
@selection_options
@transport_options(target=True)
@protocol_option
@option("--stats", is_flag=True, section=OUTPUT, help="Traffic of each side, and times of the pack.")
@option("--measure-memory", is_flag=True, section=OUTPUT, help="Time and peak memory.")
@RECORD
@output_options()
def run(
    *,
    source: str,
    target: str,
    scope: Scope,
    policy: Policy,
    selection: SelectionOptions,
    transfer: dict[str, Any],
    protocol: Protocol,
    stats: bool,
    measure_memory: bool,
    record: str | None,
    network: NetworkOptions,
    console: Console,
) -> int:
    """Mirror refs from SOURCE to TARGET: new and fast-forwarded branches, and what they reach.

    Where refs are only created or fast-forwarded, the source's pack is relayed as it is. Otherwise the
    missing objects are fetched, deltas are selected, and a pack of our own is written; what is sent never
    pauses on its way. A target whose branches the source does not know is asked what it has, so that only
    what is missing is sent. Exit code 1 tells that some ref was blocked or refused.
    """
    from transport.sync.request import SyncRequest

    request = SyncRequest(
        scope=scope,
        policy=policy,
        selection=selection,
        protocol=protocol,
        collect_stats=stats,
        measure_memory=measure_memory,
        **transfer,
    )
    return carry_out(request, source, target, network, console, record=record)


def carry_out(
    request: SyncRequest,
    source: str,
    target: str,
    network: NetworkOptions,
    console: Console,
    *,
    record: str | None = None,
) -> int:
    """Run a sync or its dry run, show the result, and return the exit code.

    `record` names a file for the conversation: it is kept when the run fails, which is when it is wanted.
    """
    from transport.sync import sync

    with _recorder(record) as recorder, console.progress() as progress:
        result = sync(
            source,
            target,
            request,
            source_options=network.source,
            target_options=network.target,
            progress=progress,
            recorder=recorder,
        )
    show_result(result, console)
    if result.failure is not None:
        raise result.failure
    if result.exit_code:
        show_problems(result.refs, console)
    return result.exit_code


@contextmanager
def _recorder(name: str | None) -> Iterator[Recorder | None]:
    if name is None:
        yield None
        return
    from transport.recording import Recorder

    with Path(name).open("w", encoding="utf-8") as file:
        yield Recorder(file)


def show_result(result: SyncResult, console: Console) -> None:
    """Show a result as text or as JSON."""
    from cli.render.sync import (
        choice_lines,
        measurement_lines,
        ref_lines,
        stats_lines,
        summary_line,
    )

    if console.verbosity.json:
        console.show_json(result.to_json())
        return
    console.detail(f"source: protocol {result.protocol}, HEAD is {result.source_head or 'not told'}")
    console.show(ref_lines(result.refs, dry_run=result.dry_run, all_refs=console.verbosity.verbose))
    console.show(choice_lines(result))
    console.show(summary_line(result))
    if result.stats.enabled:
        console.show(stats_lines(result.stats, result.pack))
    if result.measurement.enabled:
        console.show(measurement_lines(result.measurement))


def show_problems(refs: Sequence[RefResult], console: Console) -> None:
    """Say on stderr that refs were left behind; with --quiet, which ones."""
    from cli.render.sync import problem_line, problem_refs, ref_lines

    console.tell_error(f"packcore: error: {problem_line(refs)}")
    if console.verbosity.quiet:
        for line in ref_lines(problem_refs(refs)):
            console.tell_error(line)
