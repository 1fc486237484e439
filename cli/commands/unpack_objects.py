"""`packcore unpack-objects`: a pack's objects, one loose file each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.arrival_checks import CHECKS, MAX_INPUT_SIZE, STRICT, ArrivalChecks, limited
from cli.command import command, option
from cli.params import output_options
from cli.streams import binary_input, pipe_blocks

if TYPE_CHECKING:
    from cli.console import Console
    from packcore.limits import Limits
    from packcore.progress import Progress
    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack

_FAULTS_TOLD_MAX = 20


@command(
    "unpack-objects",
    short_help="Unpack a pack from stdin into loose objects.",
    examples="""
        packcore unpack-objects x.git < x.pack
        packcore unpack-objects -n --strict x.git < x.pack
        packcore unpack-objects -r x.git < damaged.pack
    """,
)
@click.argument("repo", type=click.Path())
@option("-n", "--dry-run", is_flag=True, section=CHECKS, help="Check everything, write nothing.", envvar=None)
@option(
    "-r",
    "--recover",
    is_flag=True,
    section=CHECKS,
    help="Unpack what can be read of a damaged pack; exit code 3 if anything can't.",
    envvar=None,
)
@STRICT
@MAX_INPUT_SIZE
@output_options()
def run(
    *,
    repo: str,
    dry_run: bool,
    recover: bool,
    strict: str | None,
    max_input_size: int | None,
    console: Console,
) -> None:
    """Read a pack from stdin, and write its objects into REPO as loose objects.

    Objects that REPO already has, undamaged, are skipped; they must have the same bytes. The whole pack is
    checked before the first object is written. The missing bases of a thin pack come from REPO.
    """
    from cli.reading import open_as_git

    if recover and strict is not None:
        raise click.UsageError("-r takes what it gets; --strict needs a whole pack: leave out one of them")
    checks = ArrivalChecks(strict)
    with open_as_git(repo) as repository, console.progress() as progress:
        checks.check_words(repository.object_format)
        limits = limited(repository.limits, max_input_size)
        if recover:
            _recover(repository, limits, dry_run, progress, console)
        else:
            with _received(repository, limits, progress) as spool:
                checks.run(spool, repository, console, added=spool.added)
                _unpack(repository, spool, dry_run, progress, console)


def _received(repository: Repository, limits: Limits, progress: Progress) -> SpooledPack:
    from packcore.store.spool import SpooledPack

    return SpooledPack.receive(
        pipe_blocks(binary_input()),
        object_format=repository.object_format,
        limits=limits,
        progress=progress,
        bases=repository,
    )


def _unpack(
    repository: Repository, spool: SpooledPack, dry_run: bool, progress: Progress, console: Console
) -> None:
    from packcore.store.collisions import refuse_collisions

    here = refuse_collisions(repository.copies, spool, added=spool.added) | spool.added
    oids = [] if dry_run else [oid for oid in spool.storage_order(spool) if oid not in here]
    with progress.phase("unpacking", unit="objects", total=len(oids)) as phase:
        for oid in oids:
            header = spool.header(oid)
            if header.size < repository.limits.big_object:
                repository.write_loose(header.type, spool.read(oid).data)
            else:
                repository.write_loose_stream(header.type, header.size, spool.stream(oid))
            phase.advance()
    if console.verbosity.json:
        count = spool.object_count - len(spool.added)
        console.show_json({"objects": count, "written": len(oids)})


def _recover(
    repository: Repository, limits: Limits, dry_run: bool, progress: Progress, console: Console
) -> None:
    from packcore.errors import CorruptPack
    from packcore.store.salvage import salvage_pack
    from transport.safe_text import one_line

    found = salvage_pack(
        pipe_blocks(binary_input()),
        repository,
        limits=limits,
        dry_run=dry_run,
        progress=progress,
    )
    for fault in found.faults[:_FAULTS_TOLD_MAX]:
        console.tell_error(f"packcore: error: {one_line(str(fault))}")
    if found.faults:
        what = "can be recovered" if dry_run else "were recovered"
        raise CorruptPack(f"{found.recovered} of {found.announced} objects {what}", pack="the damaged pack")
    if console.verbosity.json:
        console.show_json({"objects": found.announced, "written": 0 if dry_run else found.recovered})
