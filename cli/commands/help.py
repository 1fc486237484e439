"""`packcore help`: the help of a command, for those who ask for it in words."""

from __future__ import annotations

import click

from cli.command import command
from cli.nearest import did_you_mean, nearest
from cli.streams import Output


@command(
    "help",
    short_help="Show the help of a command.",
    examples="""
        packcore help
        packcore help sync
        packcore help plans diff
    """,
)
@click.argument("names", nargs=-1, metavar="[COMMAND]")
@click.pass_context
def run(context: click.Context, names: tuple[str, ...]) -> None:
    """Show what `packcore COMMAND --help` shows; without COMMAND, the list of commands."""
    place = context.find_root()
    for name in names:
        found = place.command
        if not isinstance(found, click.Group):
            raise click.UsageError(f"{place.info_name} has no commands below it")
        below = found.get_command(place, name)
        if below is None:
            close = nearest(name, found.list_commands(place))
            raise click.UsageError(f"no such command: {name}{did_you_mean(close)}")
        place = click.Context(below, parent=place, info_name=name, **below.context_settings)
    Output.of_run().out(place.get_help())
