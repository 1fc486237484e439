"""`packcore push`: push the current branch to a remote, as `git push URL` does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.params import policy_options, selection_options
from cli.sync_job import sync_options
from cli.transfer import transfer_options

if TYPE_CHECKING:
    from cli.sync_job import SyncJob
    from transport.syncing.request import Scope


@command(
    "push",
    short_help="Push the current branch of a local repository.",
    examples="""
        packcore push https://example.com/x.git
        packcore push --tags path/to/clone https://example.com/x.git
        packcore push --dry-run --branch main,stable https://example.com/x.git
    """,
)
@sync_options(policy=policy_options, transfer=transfer_options, selection=selection_options, source=".")
def run(*, job: SyncJob) -> int:
    """Push the current branch of the repository DIR (default: here) to URL.

    Same as `packcore sync --branch NAME DIR URL`: the branch is created or fast-forwarded, and only
    overwritten if you ask for it. Options that name refs replace the current branch. The default branch
    of URL stays what it is.
    """
    from cli.carry_out import carry_out

    scope: Scope = job.fields["scope"]
    if not (scope.branches or scope.all_refs or scope.mappings or scope.patterns.wanted):
        scope = replace(scope, branches=(_branch_of(job.source),))
    job = job._replace(fields={**job.fields, "scope": scope, "keeps_default_branch": True})
    return carry_out(job, job.request())


def _branch_of(directory: str) -> str:
    """Return the branch that HEAD names in a repository on this disk."""
    from packcore import open_repository

    with open_repository(directory) as repository:
        head = repository.head()
    if not isinstance(head, str):
        raise click.UsageError(f"HEAD of {directory} is no branch: name one with --branch")
    return head.removeprefix("refs/heads/")
