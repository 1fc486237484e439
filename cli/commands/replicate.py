"""`packcore replicate`: make the target's refs equal to the source's, by the source's own pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.command import command
from cli.params import relay_policy_options
from cli.sync_job import sync_options
from cli.transfer import relay_options

if TYPE_CHECKING:
    from cli.sync_job import SyncJob


@command(
    "replicate",
    short_help="Overwrite TARGET's refs with SOURCE's; relay only.",
    examples="""
        packcore replicate --all-refs --prune https://example.com/x.git https://backup.example.org/x.git
        packcore replicate --branch main SOURCE TARGET
        packcore replicate --all-refs --verify --receipt today.json SOURCE TARGET
    """,
)
@sync_options(policy=relay_policy_options, transfer=relay_options)
def run(*, job: SyncJob) -> int:
    """Make TARGET's refs in scope equal to SOURCE's, whatever they were before.

    Diverged branches and moved tags are overwritten, unless TARGET's ref has changed since it was listed.
    SOURCE's pack is relayed unchanged: no deltas are selected, and memory use doesn't grow with the
    repository. --prune deletes refs that SOURCE no longer has.
    """
    from cli.carry_out import carry_out

    return carry_out(job, job.request(mode="replicate"))
