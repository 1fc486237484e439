"""`packcore replicate`: make the target's refs equal to the source's, by the source's own pack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.command import command, option
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import OUTPUT, output_options, relay_policy_options, scope_options
from cli.transfer import relay_options

if TYPE_CHECKING:
    from cli.console import Console
    from cli.network import NetworkOptions
    from transport.sync.request import Policy, Protocol, Scope


@command(
    "replicate",
    short_help="Overwrite TARGET's refs with SOURCE's, by relay alone.",
    examples="""
        packcore replicate --all-refs --prune https://example.com/x.git https://backup.example.org/x.git
        packcore replicate --branch main SOURCE TARGET
    """,
)
@endpoint_arguments(target=True)
@scope_options
@relay_policy_options
@relay_options
@transport_options(target=True)
@protocol_option
@option("--stats", is_flag=True, section=OUTPUT, help="Traffic of each side, and times of the pack.")
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
) -> int:
    """Make TARGET's refs in scope equal to SOURCE's, whatever they were: the source is the truth.

    Diverged branches and moved tags are overwritten, if TARGET is still as seen at the start. SOURCE's
    pack is relayed as it is; nothing is selected, and memory doesn't grow with the repository. With
    --prune, refs that SOURCE no longer has are deleted.
    """
    from cli.commands.sync import carry_out
    from transport.sync.request import SyncRequest

    request = SyncRequest(
        scope=scope,
        policy=policy,
        protocol=protocol,
        mode="replicate",
        collect_stats=stats,
        measure_memory=measure_memory,
        **transfer,
    )
    return carry_out(request, source, target, network, console)
