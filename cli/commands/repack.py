"""`packcore repack`: everything a repository holds, in one new pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.params import output_options, selection_options

if TYPE_CHECKING:
    from cli.console import Console
    from transport.selection import SelectionOptions


@command(
    "repack",
    short_help="Put all of a repository's objects into one new pack.",
    examples="""
        packcore repack x.git
        packcore repack --no-reuse-delta --depth 100 --window-memory 1g x.git
    """,
)
@click.argument("repo", type=click.Path())
@selection_options
@output_options()
def run(*, repo: str, selection: SelectionOptions, console: Console) -> None:
    """Put all objects of REPO into one new pack, and then remove the packs and loose files it replaces.

    No object is lost, reachable or not. The new pack is read back and made durable before anything goes;
    packs with a .keep file stay as they are. Git may use the repository meanwhile.
    """
    from cli.render import units
    from packcore import open_repository
    from packcore.repack import repack

    with open_repository(repo, limits=selection.limits) as repository, console.progress() as progress:
        done = repack(
            repository,
            strategy=selection.strategy,
            limits=selection.limits,
            reuse_deltas=selection.reuse_deltas,
            should_stop=selection.stopper(),
            jobs=selection.jobs,
            progress=progress,
        )
    if console.verbosity.json:
        console.show_json(
            {
                "pack": str(done.path) if done.path else None,
                "morePacks": [str(path) for path in done.more_paths],
                "objects": done.object_count,
                "deltas": done.delta_count,
                "reused": done.reused_count,
                "bytes": done.pack_bytes,
                "removedPacks": done.removed_packs,
                "removedLoose": done.removed_loose,
                "complete": not done.unsearched_count,
                "unsearched": done.unsearched_count,
            }
        )
    elif done.path is None:
        console.show("nothing to pack")
    else:
        names = " and ".join(path.name for path in (done.path, *done.more_paths))
        console.show(
            f"{names}: {units.count_of(done.object_count, 'objects')} "
            f"({units.count_of(done.delta_count, 'deltas')}, {done.reused_count:,} reused), "
            f"{units.size(done.pack_bytes)}; replaces {done.removed_packs:,} packs "
            f"and {done.removed_loose:,} loose objects"
        )
