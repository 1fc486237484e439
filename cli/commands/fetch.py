"""`packcore fetch`: the source's half of a sync alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from cli.command import command, option
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import OUTPUT, REFS, fetch_policy_options, fetch_scope_options, metrics_option, output_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.console import Console
    from cli.network import NetworkOptions
    from packcore.ids import ObjectId
    from transport.local_fetch.fetch_into import FetchResult
    from transport.syncing.request import Policy, Protocol, Scope


def _have_ids(_: click.Context, __: click.Parameter, words: tuple[str, ...]) -> tuple[ObjectId, ...]:
    from packcore.ids import SHA1, SHA256

    found = []
    for word in words:
        object_format = SHA256 if len(word) == SHA256.hex_size else SHA1
        try:
            found.append(object_format.from_hex(word.lower()))
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return tuple(found)


@command(
    "fetch",
    short_help="Fetch from SOURCE into a repository, or just to see what comes.",
    examples="""
        packcore fetch https://example.com/x.git --into x.git
        packcore fetch --all-refs --prune --force-with-lease https://example.com/x.git --into mirror.git
        packcore fetch --stats https://example.com/x.git
    """,
)
@endpoint_arguments(target=False)
@option(
    "--into",
    type=click.Path(),
    section="Where to",
    metavar="REPO",
    help="Store the refs and objects in REPO; created if missing.",
)
@fetch_scope_options
@option(
    "--have",
    multiple=True,
    callback=_have_ids,
    section=REFS,
    metavar="ID",
    help="Without --into: tell the source that we have this object; repeatable.",
)
@fetch_policy_options
@transport_options(target=False)
@protocol_option
@option("--stats", is_flag=True, section=OUTPUT, help="Report traffic with the source.")
@option("--measure-memory", is_flag=True, section=OUTPUT, help="Report time and peak memory.")
@metrics_option
@output_options()
def run(
    *,
    source: str,
    into: str | None,
    scope: Scope,
    have: tuple[ObjectId, ...],
    policy: Policy,
    protocol: Protocol,
    stats: bool,
    measure_memory: bool,
    metrics: str | None,
    network: NetworkOptions,
    console: Console,
) -> int:
    """Fetch refs of SOURCE and all that they reach.

    With --into they go into a repository on this disk, under their own names, as in a mirror. Without it
    the pack is checked, counted and thrown away. Exit code 1 means that a ref was blocked.
    """
    from contextlib import closing

    from transport.local_fetch.fetch_into import fetch_into, fetch_only
    from transport.schemes import open_transport

    if into is None and (policy.prune or policy.force):
        raise click.UsageError("--prune and --force-with-lease need --into")
    if into is not None and have:
        raise click.UsageError("--have goes without --into: a repository tells itself what it has")
    shared: dict[str, Any] = {
        "scope": scope,
        "protocol": protocol,
        "collect_stats": stats,
        "measure_memory": measure_memory,
    }
    with (
        _measured(metrics, source, into, console) as keep,
        closing(open_transport(source, network.source)) as transport,
        console.progress(source=source) as progress,
    ):
        if into is None:
            result = fetch_only(transport, haves=have, progress=progress, **shared)
        else:
            result = fetch_into(transport, into, policy=policy, progress=progress, **shared)
        keep(result)
    return show_fetched(result, console)


@contextmanager
def _measured(
    name: str | None, source: str, into: str | None, console: Console
) -> Iterator[Callable[[FetchResult], None]]:
    """Write metrics of what happens in the block, if they are wanted; it hands over its result."""
    if name is None:
        yield lambda _: None
        return
    from cli.metrics_file import MetricsFile
    from cli.render.metrics import RunLabels
    from transport.endpoint import shown

    labels = RunLabels("fetch", shown(source), into or "")
    with MetricsFile(name, console, labels) as file:

        def keep(result: FetchResult) -> None:
            file.end_with(result.exit_code)
            file.tell(lambda metrics: metrics.fetched(labels, result))

        yield keep


def show_fetched(result: FetchResult, console: Console) -> int:
    """Show what a fetch brought, and return the exit code."""
    _show(result, console)
    if result.exit_code:
        from cli.carry_out import show_problems

        show_problems(result.refs, console)
    return result.exit_code


def _show(result: FetchResult, console: Console) -> None:
    from cli.render import units
    from cli.render.sync import count_line, fetched_pack_line, measurement_lines, ref_lines, stats_lines

    if console.verbosity.json:
        console.show_json(result.to_json())
        return
    console.detail(f"source: protocol {result.protocol}, HEAD is {result.source_head or 'not told'}")
    console.show(ref_lines(result.refs, all_refs=console.verbosity.verbose))
    brought = f"fetched {units.count_of(result.object_count, 'objects')}, {units.size(result.pack_bytes)}"
    if result.into is None:
        console.show(
            f"{brought}, for {units.count_of(len(result.wants), 'refs')}; nothing is kept without --into"
        )
    else:
        counted = count_line(result.refs, pushed="updated")
        console.show(f"{counted}; {brought}" if result.object_count else counted)
    if result.stats.enabled:
        console.show(stats_lines(result.stats))
        if result.pack is not None:
            console.show(fetched_pack_line(result.pack))
    if result.measurement.enabled:
        console.show(measurement_lines(result.measurement))
