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
        packcore repack --write-commit-graph --write-bitmap-index x.git
    """,
)
@click.argument("repo", type=click.Path())
@click.option(
    "--write-commit-graph", is_flag=True, help="Write a commit-graph of all commits that refs reach."
)
@click.option("--write-midx", is_flag=True, help="Write a multi-pack-index of all packs left afterwards.")
@click.option(
    "--write-bitmap-index",
    is_flag=True,
    help="Write a reachability bitmap for the new pack, or with --write-midx for the multi-pack-index.",
)
@selection_options
@output_options()
def run(
    *,
    repo: str,
    write_commit_graph: bool,
    write_midx: bool,
    write_bitmap_index: bool,
    selection: SelectionOptions,
    console: Console,
) -> None:
    """Put all objects of REPO into one new pack, then remove the packs and loose files it replaces.

    No object is lost, reachable or not. The new pack is read back and synced to disk before anything is
    removed. Packs with a .keep file and cruft packs are not touched. Git may use the repository meanwhile.
    The --write options make listing and ancestry faster, for git too.
    """
    from cli.render import units
    from packcore import open_repository
    from packcore.errors import MissingObject
    from packcore.prepare import prepare_bitmap, prepare_commit_graph, prepare_multi_pack_index
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
        if write_commit_graph:
            prepare_commit_graph(repository, progress)
        try:
            if write_midx:
                prepare_multi_pack_index(repository, bitmap=write_bitmap_index, progress=progress)
            elif write_bitmap_index and done.path is not None:
                prepare_bitmap(repository, done.path, progress)
        except MissingObject as error:
            progress.message("no bitmap", f"what refs reach is not all in the pack: {error}")
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
