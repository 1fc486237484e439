"""`packcore init`: an empty repository, as a target needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.params import output_options

if TYPE_CHECKING:
    from cli.console import Console

_WHAT = "The repository"


@command(
    "init",
    short_help="Make an empty bare repository.",
    examples="""
        packcore init mirror.git
        packcore init --object-format sha256 mirror.git
    """,
)
@click.argument("directory", metavar="DIR", type=click.Path())
@option(
    "--object-format",
    type=click.Choice(["sha1", "sha256"]),
    default="sha1",
    section=_WHAT,
    help="Object format; must be the source's if this is a target. Default: sha1.",
)
@option(
    "--initial-branch",
    default="main",
    section=_WHAT,
    metavar="NAME",
    help="The branch HEAD points to. A sync into this repository may change it. Default: main.",
)
@output_options(progress=False)
def run(*, directory: str, object_format: str, initial_branch: str, console: Console) -> None:
    """Make an empty bare repository at DIR, for `packcore sync SOURCE DIR` or any git.

    DIR may be missing or an empty folder. An existing repository is not changed.
    """
    from packcore.errors import RepositoryError
    from packcore.ids import FORMATS
    from packcore.store.repository import Repository

    try:
        with Repository.open(directory) as found:
            path, object_format, made = found.path, found.object_format.name, False
    except RepositoryError:
        with Repository.init(directory, FORMATS[object_format], initial_branch) as found:
            path, made = found.path, True
    if console.verbosity.json:
        console.show_json({"path": str(path), "objectFormat": object_format, "made": made})
        return
    console.show(
        f"{directory}: {'an empty repository was made' if made else 'a repository is there already'}"
    )
    if made:
        console.show(f"next: packcore sync SOURCE {directory}")
