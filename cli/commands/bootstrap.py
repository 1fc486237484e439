"""`packcore bootstrap`: seed an empty target with the source's own packs, in batches if need be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.command import command, option
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import OUTPUT, output_options, scope_options, seed_policy_options
from cli.transfer import relay_options

if TYPE_CHECKING:
    from cli.console import Console
    from cli.network import NetworkOptions
    from transport.sync.request import Policy, Protocol, Scope


@command(
    "bootstrap",
    short_help="Seed an empty TARGET, in batches where it limits the size of a push.",
    examples="""
        packcore bootstrap --tags https://example.com/x.git https://backup.example.org/x.git
        packcore bootstrap --target-max-pack-bytes 100m SOURCE TARGET
        packcore bootstrap --target-max-pack-bytes 100m --bootstrap-strategy topo SOURCE TARGET
        packcore bootstrap --target-max-ref-updates 5000 --all-refs SOURCE TARGET
    """,
)
@endpoint_arguments(target=True)
@scope_options
@seed_policy_options
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
    """Create SOURCE's refs on a TARGET that has none of them; nothing is ever overwritten.

    SOURCE's pack is relayed as it is. Where TARGET takes no body of that size, given by
    --target-max-pack-bytes or found out, the history goes in batches, the branch of SOURCE's HEAD first;
    temporary refs below refs/packcore/bootstrap/ hold them until the last request creates all refs. A run
    that was stopped goes on where it was when it is started again.
    """
    from cli.commands.sync import carry_out
    from transport.sync.request import SyncRequest

    request = SyncRequest(
        scope=scope,
        policy=policy,
        protocol=protocol,
        mode="bootstrap",
        collect_stats=stats,
        measure_memory=measure_memory,
        **transfer,
    )
    return carry_out(request, source, target, network, console)
