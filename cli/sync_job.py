"""What sync, replicate, bootstrap and plan have in common: their options, and one value made of them.

    @command("replicate", …)
    @sync_options(policy=relay_policy_options, transfer=relay_options)
    def run(job: SyncJob) -> int:
        return carry_out(job, job.request(mode="replicate"))

`report_options` say what a run reports and saves: --stats, --measure-memory, --verify, --receipt, --metrics,
--record.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cli.command import group, option
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import CHANGES, OUTPUT, metrics_option, output_options, scope_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.console import Console
    from cli.network import NetworkOptions
    from transport.syncing.request import SyncRequest

    Decorator = Callable[[Any], Any]

__all__ = ["Reporting", "SyncJob", "sync_options"]


class Reporting(NamedTuple):
    """What a run reports and saves."""

    stats: bool = False
    measure_memory: bool = False
    verify: bool = False
    receipt: str | None = None
    """A file for what was asked, seen and done."""
    metrics: str | None = None
    """A file for numbers that Prometheus reads."""
    record: str | None = None
    """A file for the conversation."""


class SyncJob(NamedTuple):
    """All that was asked on the command line."""

    source: str
    target: str
    fields: dict[str, Any]
    """Of `SyncRequest`, by their names."""
    network: NetworkOptions
    reporting: Reporting
    console: Console
    dry_run: bool = False
    """Show what would be done, and push nothing."""

    def request(self, *, dry_run: bool = False, **more: Any) -> SyncRequest:
        """Return what is asked, and `more`. Raises InvalidRequest."""
        from transport.syncing.request import SyncRequest

        return SyncRequest(
            dry_run=dry_run or self.dry_run,
            **self.fields,
            verify=self.reporting.verify,
            collect_stats=self.reporting.stats,
            measure_memory=self.reporting.measure_memory,
            **more,
        )


_STATS = option(
    "--stats", is_flag=True, section=OUTPUT, help="Report each side's traffic, and how long the pack took."
)
_MEMORY = option("--measure-memory", is_flag=True, section=OUTPUT, help="Report time and peak memory.")
_VERIFY = option(
    "--verify",
    is_flag=True,
    section=OUTPUT,
    help="List TARGET again at the end and compare; exit code 1 if a ref differs from the report.",
)
_RECEIPT = option(
    "--receipt",
    section=OUTPUT,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write a JSON record of what was asked, seen and done. Replaces an older FILE.",
)
_RECORD = option(
    "--record",
    section=OUTPUT,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Record the conversation for `explain --wire`, without credentials.",
)

_DRY_RUN = option(
    "-n",
    "--dry-run",
    is_flag=True,
    section=CHANGES,
    help="Show what would be done, as `packcore plan` does; push nothing.",
)

report_options = group("reporting", Reporting, _STATS, _MEMORY, _VERIFY, _RECEIPT, metrics_option, _RECORD)
plan_report_options = group("reporting", Reporting, _STATS, _MEMORY)

_REQUEST_FIELDS = ("scope", "policy", "selection", "protocol")


def sync_options(
    *more: Decorator,
    policy: Decorator,
    transfer: Decorator,
    selection: Decorator | None = None,
    report: Decorator = report_options,
    unless: str | None = None,
    source: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of a sync; the function gets them as one keyword, `job`, and those of `more` as theirs.

    The order is that of the help's sections. `unless` names an option that stands for SOURCE and TARGET;
    `source` is what SOURCE is where a single word is given.
    """
    groups = [
        endpoint_arguments(target=True, unless=unless, source=source),
        scope_options,
        policy,
        _DRY_RUN,
        transfer,
        *([] if selection is None else [selection]),
        transport_options(target=True),
        protocol_option,
        *more,
        report,
        output_options(),
    ]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(
            *,
            source: str,
            target: str,
            transfer: dict[str, Any],
            network: NetworkOptions,
            reporting: Reporting,
            console: Console,
            dry_run: bool,
            **others: Any,
        ) -> Any:
            fields = {name: others.pop(name) for name in _REQUEST_FIELDS if name in others}
            job = SyncJob(source, target, {**fields, **transfer}, network, reporting, console, dry_run)
            return function(job=job, **others)

        decorated: Callable[..., Any] = call
        for add in reversed(groups):
            decorated = add(decorated)
        return decorated

    return decorate
