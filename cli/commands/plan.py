"""`packcore plan`: what a sync or a replicate would do, pushing nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.command import command, option
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import CHANGES, OUTPUT, output_options, plan_policy_options, scope_options
from cli.transfer import plan_transfer_options

if TYPE_CHECKING:
    from cli.console import Console
    from cli.network import NetworkOptions
    from transport.sync.request import Mode, Policy, Protocol, Scope


@command(
    "plan",
    short_help="Show what a sync or replicate would do, pushing nothing.",
    examples="""
        packcore plan --all-refs --prune https://example.com/x.git https://backup.example.org/x.git
        packcore plan --mode replicate --json SOURCE TARGET
    """,
)
@endpoint_arguments(target=True)
@option(
    "--mode",
    type=click.Choice(["sync", "replicate"]),
    default="sync",
    section=CHANGES,
    help="What to plan. Default: sync.",
)
@scope_options
@plan_policy_options
@plan_transfer_options
@transport_options(target=True)
@protocol_option
@option("--stats", is_flag=True, section=OUTPUT, help="Traffic of each side.")
@option("--measure-memory", is_flag=True, section=OUTPUT, help="Time and peak memory.")
@output_options()
def run(
    *,
    source: str,
    target: str,
    scope: Scope,
    policy: Policy,
    transfer: dict[str, Any],
    protocol: Protocol,
    stats: bool,
    measure_memory: bool,
    network: NetworkOptions,
    console: Console,
    mode: Mode,
) -> int:
    """Show what `packcore sync` or `packcore replicate` would do with each ref. Nothing is pushed.

    Commits may be fetched from SOURCE, to tell which updates are fast-forwards. Shown too: whether the
    source's pack would be relayed, why, and what is known of the price. The exit code is 0 whatever would
    be blocked.
    """
    from cli.commands.sync import carry_out
    from transport.sync.request import SyncRequest

    request = SyncRequest(
        scope=scope,
        policy=policy,
        protocol=protocol,
        mode=mode,
        dry_run=True,
        collect_stats=stats,
        measure_memory=measure_memory,
        **transfer,
    )
    return carry_out(request, source, target, network, console)
