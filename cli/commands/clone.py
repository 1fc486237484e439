"""`packcore clone`: a bare copy of a repository on this disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.network import protocol_option, transport_options
from cli.params import OUTPUT, fetch_scope_options, output_options

if TYPE_CHECKING:
    from cli.console import Console
    from cli.network import NetworkOptions
    from transport.syncing.request import Protocol, Scope


@command(
    "clone",
    short_help="Copy a repository into a bare one on this disk.",
    examples="""
        packcore clone https://example.com/x.git
        packcore clone https://example.com/x.git copy.git
        packcore clone --branch main me@example.com:x.git x.git
    """,
)
@click.argument("url", metavar="URL")
@click.argument("directory", metavar="[DIR.git]", required=False, type=click.Path())
@fetch_scope_options
@transport_options(target=False)
@protocol_option
@option(
    "--stats", is_flag=True, section=OUTPUT, help="Report traffic with the source, and what the pack holds."
)
@output_options()
def run(
    *,
    url: str,
    directory: str | None,
    scope: Scope,
    protocol: Protocol,
    network: NetworkOptions,
    stats: bool,
    console: Console,
) -> int:
    """Copy branches, tags and HEAD of URL into DIR.git, a new bare repository.

    Without DIR.git, the name comes from URL. Files are not checked out; `git clone DIR.git` does that.
    `packcore fetch URL --into DIR.git` brings the copy up to date.
    """
    from contextlib import closing
    from dataclasses import replace

    from cli.commands.fetch import show_fetched
    from transport.local_fetch.fetch_into import fetch_into
    from transport.schemes import open_transport

    directory = directory or name_after(url)
    place = Path(directory)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise click.UsageError(f"{directory} is there already, and not empty; name another folder")
    if not (scope.branches or scope.patterns.wanted):
        scope = replace(scope, tags=True)
    with (
        closing(open_transport(url, network.source)) as transport,
        console.progress(source=url) as progress,
    ):
        result = fetch_into(
            transport, directory, scope=scope, protocol=protocol, collect_stats=stats, progress=progress
        )
    code = show_fetched(result, console)
    console.show(f"copied to {directory}")
    return code


def name_after(url: str) -> str:
    """Return the folder that a copy gets: the last part of the URL, with `.git`.

    >>> name_after("https://example.com/team/x.git/"), name_after("me@host:x"), name_after("/srv/y/.git")
    ('x.git', 'x.git', 'y.git')
    """
    path = url.partition("?")[0].rstrip("/").removesuffix("/.git").rstrip("/")
    last = re.split(r"[/:]", path)[-1].removesuffix(".git").removesuffix(".bundle")
    if not last or last in (".", "..", "~"):
        raise click.UsageError("no name for the copy is in the URL; give one: packcore clone URL DIR.git")
    return f"{last}.git"
