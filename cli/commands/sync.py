"""`packcore sync`: mirror refs from one server to another, or many repositories by a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.params import policy_options, selection_options
from cli.sync_job import sync_options
from cli.transfer import transfer_options

if TYPE_CHECKING:
    from cli.sync_job import SyncJob

FLEET = "Many repositories"

_MANIFEST = option(
    "--manifest",
    type=click.Path(dir_okay=False),
    section=FLEET,
    metavar="FILE",
    help="Sync the pairs listed in FILE (TOML) instead of SOURCE and TARGET; see below.",
)
_EXECUTOR = option(
    "--executor",
    section=FLEET,
    metavar="NAME",
    help="Where the pairs run: processes[:N], threads[:N] (N at a time), or dask:ADDRESS, a running cluster. "
    "Default: processes, one per CPU.",
)
_MANIFEST_HELP = """\b
A manifest:
  [defaults]                      # any option of this page, without its dashes
  tags = true
  time-limit = 600                # seconds for each pair
  target-token-env = "TOKEN"      # from this environment variable
  [[pair]]
  name = "docs"
  source = "https://example.com/docs.git"
  target = "https://backup.example.org/docs.git"
  branch = ["main", "stable"]     # a pair's own options win over the defaults
  [[pair]]
  …
"""


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
        packcore sync --manifest fleet.toml --executor processes:8 --verify --receipt today.json
    """,
    epilog=_MANIFEST_HELP,
)
@sync_options(
    _MANIFEST,
    _EXECUTOR,
    policy=policy_options,
    transfer=transfer_options,
    selection=selection_options,
    unless="manifest",
)
def run(*, job: SyncJob, manifest: str | None, executor: str | None) -> int:
    """Mirror refs from SOURCE to TARGET: new and fast-forwarded branches, and what they reach.

    If refs are only created or fast-forwarded, the source's pack is relayed unchanged. Otherwise the
    missing objects are fetched, deltas are selected, and a new pack is written; once sending starts, it
    doesn't pause. If the target has branches that the source doesn't know, the target is asked what it has,
    so that only missing objects are sent. Exit code 1 means that a ref was blocked or refused.
    """
    if manifest is not None:
        from cli.fleet import sync_manifest

        return sync_manifest(job, manifest, executor or "processes")
    if executor is not None and _was_typed("executor"):
        raise click.UsageError("--executor says where the pairs of a --manifest run; there is none")
    from cli.carry_out import carry_out

    return carry_out(job, job.request())


def _was_typed(name: str) -> bool:
    from click.core import ParameterSource

    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
