"""`packcore upload-pack`: one repository to one client, over standard input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.params import output_options
from cli.pipe_service import KEEPALIVE_SECONDS, PipeOptions, open_served, pipe_options, serve_standard_streams

if TYPE_CHECKING:
    from cli.console import Console
    from transport.server.session import Session


@command(
    "upload-pack",
    short_help="Serve a fetch over stdin and stdout.",
    examples="""
        git clone -u "packcore upload-pack" /srv/git/x.git
        git clone -u "packcore upload-pack" ssh://host/srv/git/x.git
        GIT_PROTOCOL=version=2 packcore upload-pack --advertise-refs x.git
    """,
)
@click.argument("directory", metavar="DIR", type=click.Path())
@option(
    "--strict/--no-strict",
    default=False,
    section="Serving",
    envvar=None,
    help="Use exactly DIR; don't try DIR.git or DIR/.git.",
)
@option(
    "--timeout",
    type=click.FloatRange(min=0, max=10**9),
    section="Serving",
    metavar="S",
    envvar=None,
    help="Drop a client that sends nothing for S seconds; 0, the default, means never.",
)
@pipe_options()
@output_options(json=False, progress=False)
def run(*, directory: str, strict: bool, timeout: float | None, pipes: PipeOptions, console: Console) -> None:
    """Serve fetches from the repository DIR, in the protocol that GIT_PROTOCOL names: v0, v1 or v2.

    git starts it in place of git-upload-pack, for a path or over ssh. Install a program named
    git-upload-pack that runs it, and every ssh client uses it.
    """
    from transport.server.upload_pack import UploadPack

    with open_served(directory, strict=strict) as repository:

        def make(session: Session) -> UploadPack:
            return UploadPack(
                repository,
                keepalive_seconds=KEEPALIVE_SECONDS,
                on_unreadable=console.warn,
                session=session,
            )

        serve_standard_streams("upload-pack", make, pipes, timeout=timeout or None)
