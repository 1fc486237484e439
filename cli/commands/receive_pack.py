"""`packcore receive-pack`: takes one push from one client, over standard input and output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.hook_options import HookOptions, hook_options
from cli.params import output_options
from cli.pipe_service import KEEPALIVE_SECONDS, PipeOptions, open_served, pipe_options, serve_standard_streams

if TYPE_CHECKING:
    from cli.console import Console
    from transport.server.session import Session


@command(
    "receive-pack",
    short_help="Receive a push over stdin and stdout.",
    examples="""
        git push --receive-pack="packcore receive-pack" /srv/git/x.git main
        git push --receive-pack="packcore receive-pack" ssh://host/srv/git/x.git main
    """,
)
@click.argument("directory", metavar="DIR", type=click.Path())
@hook_options()
@pipe_options()
@output_options(json=False, progress=False)
def run(
    *,
    directory: str,
    hooks: HookOptions,
    pipes: PipeOptions,
    console: Console,
) -> None:
    """Receive one push into the repository DIR, as its settings allow.

    git starts it in place of git-receive-pack, for a path or over ssh. Reflogs name the committer from
    GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL, or from git's config files.

    With --hooks, the repository's hooks run as git runs them. Otherwise none run.
    """
    from transport.identity import own_signature
    from transport.server.receive_pack import ReceivePack
    from transport.server.unpacking import GIT_UNPACK_LIMIT

    with open_served(directory, strict=False) as repository:

        def make(session: Session) -> ReceivePack:
            return ReceivePack(
                repository,
                keepalive_seconds=KEEPALIVE_SECONDS,
                hooks=hooks.settings,
                signed=lambda: own_signature(os.environ, repository.config),
                session=session,
                tell=console.tell_error,
                unpack_limit=GIT_UNPACK_LIMIT,
            )

        serve_standard_streams("receive-pack", make, pipes)
