"""`packcore plan`: what a sync or a replicate would do, pushing nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.params import CHANGES, plan_policy_options
from cli.sync_job import plan_report_options, sync_options
from cli.transfer import plan_transfer_options

if TYPE_CHECKING:
    from cli.sync_job import SyncJob
    from transport.syncing.request import Mode


_MODE = option(
    "--mode",
    type=click.Choice(["sync", "replicate"]),
    default="sync",
    section=CHANGES,
    help="The command to plan. Default: sync.",
)


@command(
    "plan",
    short_help="Show what a sync or replicate would do, pushing nothing.",
    examples="""
        packcore plan --all-refs --prune https://example.com/x.git https://backup.example.org/x.git
        packcore plan --mode replicate --json SOURCE TARGET
    """,
)
@sync_options(_MODE, policy=plan_policy_options, transfer=plan_transfer_options, report=plan_report_options)
def run(*, job: SyncJob, mode: Mode) -> int:
    """Show what `packcore sync` or `packcore replicate` would do with each ref. Nothing is pushed.

    It may fetch commits from SOURCE, to find out which updates are fast-forwards. It also shows whether the
    source's pack would be relayed, why, and the known cost. The exit code is 0 even if refs would be
    blocked.
    """
    from cli.carry_out import carry_out

    return carry_out(job, job.request(mode=mode, dry_run=True))
