"""`packcore index-pack`: check a pack, and write the index that git would write."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.command import command, option
from cli.params import OBJECT_FORMAT, output_options
from cli.streams import binary_input, pipe_blocks
from cli.values import SIZE

if TYPE_CHECKING:
    from cli.console import Console
    from packcore.ids import ObjectFormat
    from packcore.limits import Limits
    from packcore.store.base import ObjectStore

PACK = "The pack"


@command(
    "index-pack",
    short_help="Check a pack and write its index.",
    examples="""
        packcore index-pack x.pack
        packcore index-pack --stdin -o x.git/objects/pack < x.pack
        packcore index-pack --stdin --fix-thin --repo x.git < thin.pack
    """,
)
@click.argument("file", type=click.Path(), required=False, metavar="[FILE.pack]")
@option("--stdin", "from_stdin", is_flag=True, section=PACK, help="Read the pack from stdin.", envvar=None)
@option(
    "-o",
    "--output",
    type=click.Path(),
    section=PACK,
    metavar="DIR",
    help="With --stdin: write the pack to DIR.",
)
@option("--fix-thin", is_flag=True, section=PACK, help="With --stdin: add missing bases from --repo.")
@option("--repo", type=click.Path(), section=PACK, help="The repository the pack belongs to.")
@option(
    "--memory",
    type=SIZE,
    section=PACK,
    metavar="SIZE",
    help="Keep at most this much of the delta bases in memory, e.g. 16m; others are rebuilt when needed."
    "Default: 64m.",
)
@option("--keep", is_flag=True, section=PACK, help="With --stdin: write a .keep file too.")
@OBJECT_FORMAT
@output_options()
def run(
    *,
    file: str | None,
    from_stdin: bool,
    output: str | None,
    fix_thin: bool,
    repo: str | None,
    memory: int | None,
    keep: bool,
    object_format: ObjectFormat | None,
    console: Console,
) -> None:
    """Check every object, delta and checksum of FILE.pack, and write FILE.idx and FILE.rev beside it.

    With --stdin, read the pack from stdin and store it in DIR (or the repository) as pack-<hash>.pack, with
    its index. Print the pack's hash. If anything is wrong, write nothing.
    """
    from packcore.ids import SHA1
    from packcore.limits import Limits

    if from_stdin is (file is not None):
        raise click.UsageError("give either FILE.pack or --stdin")
    if file is not None and (output or fix_thin or keep):
        raise click.UsageError("-o, --fix-thin and --keep go with --stdin")
    if fix_thin and repo is None:
        raise click.UsageError("--fix-thin needs --repo, which has the bases")
    with ExitStack() as stack:
        repository = _opened(repo, stack)
        chosen = object_format or (repository.object_format if repository else SHA1)
        progress = stack.enter_context(console.progress())
        limits = Limits() if memory is None else Limits(resolve_memory=memory, base_cache=memory)
        if file is not None:
            checksum, count = _index_file(Path(file), chosen, limits, progress)
        else:
            directory = Path(output) if output else repository.pack_directory if repository else None
            if directory is None:
                raise click.UsageError("--stdin needs -o DIR or --repo")
            bases = repository if fix_thin else None
            checksum, count = _take_in(
                directory, chosen, bases=bases, keep=keep, limits=limits, progress=progress
            )
    if console.verbosity.json:
        console.show_json({"pack": checksum, "objects": count, "objectFormat": chosen.name})
    console.show(f"pack\t{checksum}" if from_stdin else checksum)


def _opened(repo: str | None, stack: ExitStack) -> Any:
    from packcore import open_repository

    return stack.enter_context(open_repository(repo)) if repo else None


def _index_file(path: Path, object_format: ObjectFormat, limits: Limits, progress: Any) -> tuple[str, int]:
    from cli.files import AtomicFiles
    from packcore.pack.indexer import index_pack_file

    if path.suffix != ".pack":
        raise click.UsageError(f"the name of a pack ends in .pack: {path}")
    indexed = index_pack_file(path, object_format=object_format, limits=limits, progress=progress)
    with AtomicFiles(read_only=True) as files:
        files.open(path.with_suffix(".rev")).writelines(indexed.reverse_index_blocks())
        files.open(path.with_suffix(".idx")).writelines(indexed.index_blocks())
    return indexed.table.checksum.hex(), len(indexed.table)


def _take_in(
    directory: Path,
    object_format: ObjectFormat,
    *,
    bases: ObjectStore | None,
    keep: bool,
    limits: Limits,
    progress: Any,
) -> tuple[str, int]:
    from packcore.store.spool import SpooledPack

    blocks = pipe_blocks(binary_input())
    with SpooledPack.receive(
        blocks,
        object_format=object_format,
        limits=limits,
        progress=progress,
        bases=bases,
        directory=directory,
    ) as spool:
        spool.install(directory, keep=keep)
        return spool.checksum.hex(), spool.object_count
