"""`packcore rev-list`: commits, and with --objects all that they hold, as `git rev-list` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.params import output_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.console import Console
    from packcore.revision_set import ListedObject


@command(
    "rev-list",
    short_help="List commits, or all objects, that revisions reach.",
    examples="""
        packcore rev-list x.git main ^v1.0
        packcore rev-list x.git --objects --all | packcore pack-objects x.git -o all.pack
    """,
)
@click.argument("repo", type=click.Path())
@click.argument("revisions", nargs=-1, metavar="REV…")
@option(
    "--objects",
    is_flag=True,
    section="What to list",
    help="List trees, blobs and tags too, with their paths.",
)
@option(
    "--all",
    "all_refs",
    is_flag=True,
    section="What to list",
    help="Start from every ref and HEAD.",
    envvar=None,
)
@option("--count", is_flag=True, section="What to list", help="Only print how many there are.")
@output_options(json=False)
def run(
    *, repo: str, revisions: tuple[str, ...], objects: bool, all_refs: bool, count: bool, console: Console
) -> int:
    """List what the revisions of REPO reach, newest first.

    `^a` leaves out what a reaches; `a..b` is `^a b`; `a...b` is what only one of the two reaches. Exit code
    1 means that --all met refs that can't be read. They are named on stderr.
    """
    from cli.unreadable_refs import report_unreadable
    from packcore.revision_set import count_revisions, list_revisions, parse_revisions
    from packcore.store.repository import Repository

    if not revisions and not all_refs:
        raise click.UsageError("missing argument REV (or --all)")
    with Repository.open(repo) as repository, console.progress() as progress:
        chosen = parse_revisions(repository, revisions, all_refs=all_refs)
        counted = count_revisions(repository, chosen) if count and objects else None
        listed = (
            list_revisions(repository, chosen, objects=objects, progress=progress) if counted is None else []
        )
        for fault in repository.shortcuts.faults:
            progress.message("left aside", fault)
    if count:
        console.show_exact([b"%d" % (len(listed) if counted is None else counted)])
    else:
        console.show_exact(_lines(listed))
    return report_unreadable({fault.ref: fault.reason for fault in chosen.unreadable}, console)


def _lines(listed: Sequence[ListedObject]) -> Iterator[bytes]:
    for each in listed:
        name, path = each.oid.hex().encode(), each.path
        # A line feed in a path would forge a line of its own: git cuts there, too.
        yield name if path is None else b"%s %s" % (name, path.partition(b"\n")[0])
