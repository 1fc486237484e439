"""`packcore probe`: what the sides say of themselves, before anything is fetched or pushed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from cli.command import command, option
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import OUTPUT, output_options, probe_scope_options

if TYPE_CHECKING:
    from cli.console import Console
    from cli.network import NetworkOptions
    from transport.syncing.request import Protocol, Scope


@command(
    "probe",
    short_help="Show refs, protocol and capabilities of SOURCE and TARGET.",
    examples="""
        packcore probe https://example.com/x.git
        packcore probe --all-refs --json https://example.com/x.git https://backup.example.org/x.git
    """,
)
@endpoint_arguments(target=None)
@probe_scope_options
@transport_options(target=True)
@protocol_option
@option("--stats", is_flag=True, section=OUTPUT, help="Report traffic of each side.")
@option("--measure-memory", is_flag=True, section=OUTPUT, help="Report time and peak memory.")
@output_options(progress=False)
def run(
    *,
    source: str,
    target: str | None,
    scope: Scope,
    protocol: Protocol,
    stats: bool,
    measure_memory: bool,
    network: NetworkOptions,
    console: Console,
) -> int:
    """Show the refs of SOURCE, and what TARGET accepts. Nothing is changed.

    With -v every ref is listed. Exit code 1 means that SOURCE has refs that can't be read. They are named
    on stderr, with the reason.
    """
    from cli.render.probe import probe_json, side_lines
    from cli.render.sync import measurement_lines, stats_lines
    from cli.unreadable_refs import report_unreadable
    from transport.listing import advertise_push, list_refs
    from transport.schemes import open_transport
    from transport.syncing.measure import Measurement, SideStats, Stats, Stopwatch

    watch = Stopwatch()
    sides: list[SideStats] = []
    prefixes = scope.ref_prefixes
    target_refs = target_url = None
    with ExitStack() as stack:
        transport = open_transport(source, network.source)
        stack.callback(transport.close)
        listed = list_refs(transport, protocol=protocol, prefixes=prefixes)
        refs = {name: oid for name, oid in listed.refs.items() if scope.covers(name, scope.branch_names)}
        unreadable = {name: fault for name, fault in listed.unreadable.items() if not scope.excludes(name)}
        source_refs, source_url = replace(listed, refs=refs, unreadable=unreadable), transport.url
        sides.append(SideStats.of("source", "git-upload-pack", transport.url, transport.stats))
        if target is not None:
            transport = open_transport(target, network.target)
            stack.callback(transport.close)
            target_refs, target_url = advertise_push(transport), transport.url
            sides.append(SideStats.of("target", "git-receive-pack", transport.url, transport.stats))
    traffic = Stats(True, tuple(sides), watch.seconds) if stats else Stats()
    measurement = Measurement.take(watch) if measure_memory else Measurement()
    if console.verbosity.json:
        answer = probe_json(
            source_url,
            source_refs,
            target_url,
            target_refs,
            requested=protocol,
            prefixes=prefixes,
            names=list(refs),
        )
        console.show_json({**answer, "stats": traffic.to_json(), "measurement": measurement.to_json()})
        return report_unreadable(unreadable, console)
    for side, url, advertisement in (
        ("source", source_url, source_refs),
        ("target", target_url, target_refs),
    ):
        if advertisement is not None and url is not None:
            console.show(side_lines(side, url, advertisement))
            if console.verbosity.verbose:
                from cli.render.refs import listing_lines

                console.show_exact(listing_lines(advertisement))
    if stats:
        console.show(stats_lines(traffic))
    if measure_memory:
        console.show(measurement_lines(measurement))
    return report_unreadable(unreadable, console)
