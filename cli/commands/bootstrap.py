"""`packcore bootstrap`: seed an empty target with the source's own packs, in batches if need be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.command import command
from cli.params import seed_policy_options
from cli.sync_job import sync_options
from cli.transfer import relay_options

if TYPE_CHECKING:
    from cli.sync_job import SyncJob


@command(
    "bootstrap",
    short_help="Seed an empty TARGET, in batches if it limits the size of a push.",
    examples="""
        packcore bootstrap --tags https://example.com/x.git https://backup.example.org/x.git
        packcore bootstrap --target-max-pack-bytes 100m SOURCE TARGET
        packcore bootstrap --target-max-pack-bytes 100m --bootstrap-strategy topo SOURCE TARGET
        packcore bootstrap --target-max-ref-updates 5000 --all-refs SOURCE TARGET
    """,
)
@sync_options(policy=seed_policy_options, transfer=relay_options)
def run(*, job: SyncJob) -> int:
    """Create SOURCE's refs on a TARGET that has none of them; never overwrite anything.

    SOURCE's pack is relayed unchanged. If TARGET doesn't accept a body of that size (as set by
    --target-max-pack-bytes, or as found out), the history goes in batches, starting with the branch of
    SOURCE's HEAD. Temporary refs below refs/packcore/bootstrap/ hold the batches until the last request
    creates all refs. After an interruption, run the same command again to continue.
    """
    from cli.carry_out import carry_out

    return carry_out(job, job.request(mode="bootstrap"))
