"""`packcore unpack-objects`: a pack's objects, one loose file each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.params import output_options
from cli.streams import binary_input, pipe_blocks

if TYPE_CHECKING:
    from cli.console import Console


@command(
    "unpack-objects",
    short_help="Unpack a pack from stdin into loose objects.",
    examples="packcore unpack-objects x.git < x.pack",
)
@click.argument("repo", type=click.Path())
@output_options()
def run(*, repo: str, console: Console) -> None:
    """Read a pack from stdin, and write its objects into REPO as loose objects.

    Objects that REPO already has, undamaged, are skipped. The whole pack is checked before the first object
    is written. The missing bases of a thin pack come from REPO.
    """
    from packcore import SpooledPack, open_repository

    with open_repository(repo) as repository, console.progress() as progress:
        limits = repository.limits
        with SpooledPack.receive(
            pipe_blocks(binary_input()),
            object_format=repository.object_format,
            limits=limits,
            progress=progress,
            bases=repository,
        ) as spool:
            oids = spool.storage_order(spool)
            with progress.phase("unpacking", unit="objects", total=len(oids)) as phase:
                for oid in oids:
                    header = spool.header(oid)
                    if header.size < limits.big_object:
                        repository.write_loose(header.type, spool.read(oid).data)
                    elif repository.copies.header_checked(oid) is None:
                        repository.write_loose_stream(header.type, header.size, spool.stream(oid))
                    phase.advance()
    if console.verbosity.json:
        console.show_json({"objects": len(oids)})
