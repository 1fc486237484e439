"""`packcore cat-file`: one object of a repository, as `git cat-file` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.params import OUTPUT, output_options
from cli.streams import raw_output

if TYPE_CHECKING:
    from cli.console import Console


@command(
    "cat-file",
    short_help="Show an object: its type, size or content.",
    examples="""
        packcore cat-file x.git HEAD
        packcore cat-file x.git main:src --pretty
        packcore cat-file x.git v1.0^{tree} --raw > tree.bin
    """,
)
@click.argument("repo", type=click.Path())
@click.argument("oid", metavar="OID")
@option("--type", "-t", "shown", flag_value="type", section=OUTPUT, help="Print its type.", envvar=None)
@option(
    "--size", "-s", "shown", flag_value="size", section=OUTPUT, help="Print its size in bytes.", envvar=None
)
@option("--raw", "shown", flag_value="raw", section=OUTPUT, help="Print its bytes unchanged.", envvar=None)
@option(
    "--pretty",
    "-p",
    "shown",
    flag_value="pretty",
    section=OUTPUT,
    help="Print it readably, a tree as a list (the default).",
    envvar=None,
)
@output_options(json=False, progress=False)
def run(*, repo: str, oid: str, shown: str | None, console: Console) -> None:
    """Show the object OID of REPO: an id, a ref, or anything else that names one (`main~2:README`)."""
    from cli.render.objects import tree_lines
    from packcore import ObjectType, open_repository, resolve_revision

    with open_repository(repo) as repository:
        name = resolve_revision(repository, oid)
        header = repository.header(name)
        if shown == "type":
            console.show_exact([header.type.label])
        elif shown == "size":
            console.show_exact([b"%d" % header.size])
        elif header.type is ObjectType.TREE and shown != "raw":
            console.show_exact(tree_lines(repository.read(name).data, repository.object_format, name))
        else:
            output = raw_output()
            for block in repository.stream(name):
                output.write(block)
            output.flush()
