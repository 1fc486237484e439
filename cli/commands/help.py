"""`packcore help`: show the help of a command, or the keys of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.nearest import did_you_mean, elsewhere, nearest
from cli.streams import Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem

_MANIFEST = "manifest"


def _completed(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a command, one below it, or a key of a manifest."""
    from click.shell_completion import CompletionItem

    names = list(context.params.get("names") or ())
    if names[:1] == [_MANIFEST]:
        from cli.manifest import known_keys

        return [CompletionItem(key, help=text) for key, text in known_keys() if key.startswith(incomplete)]
    place: click.Command | None = context.find_root().command
    for name in names:
        place = place.get_command(context, name) if isinstance(place, click.Group) else None
    if not isinstance(place, click.Group):
        return []
    known = [*place.list_commands(context), *([] if names else [_MANIFEST])]
    return [CompletionItem(name) for name in sorted(known) if name.startswith(incomplete)]


@command(
    "help",
    short_help="Show the help of a command.",
    examples="""
        packcore help
        packcore help sync
        packcore help plans diff
        packcore help manifest
    """,
)
@click.argument("names", nargs=-1, metavar="[COMMAND]", shell_complete=_completed)
@click.pass_context
def run(context: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of COMMAND, as `packcore COMMAND --help` does; without COMMAND, list all commands.

    `packcore help manifest` lists the keys that the pairs of a manifest may have.
    """
    if names[:1] == (_MANIFEST,):
        Output.of_run().out_lines(_keys(names[1:]))
        return
    place = context.find_root()
    for name in names:
        found = place.command
        if not isinstance(found, click.Group):
            raise click.UsageError(f"{place.info_name} has no commands below it")
        below = found.get_command(place, name)
        if below is None:
            close = elsewhere(name) or nearest(name, found.list_commands(place))
            raise click.UsageError(f"no such command: {name}{did_you_mean(close)}")
        place = click.Context(below, parent=place, info_name=name, **below.context_settings)
    Output.of_run().out(place.get_help())


def _keys(wanted: tuple[str, ...]) -> Iterator[str]:
    """Yield a line for each key, or for those that are wanted."""
    from cli.manifest import known_keys
    from cli.render.table import columns

    known = dict(known_keys())
    for key in wanted:
        if key not in known:
            raise click.UsageError(f"no such key: {key}{did_you_mean(nearest(key, known))}")
    yield from columns([(key, text) for key, text in known.items() if not wanted or key in wanted])
