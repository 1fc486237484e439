"""`packcore delta`: the delta between two texts, drawn over both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.drawing import place_options
from cli.params import OUTPUT, output_options
from cli.values import COMMA_LIST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.console import Console
    from cli.drawing import Place
    from cli.render.delta import DeltaRow
    from packcore.objects import ObjectType

_WHICH = "Which texts, which encoders"
_TEXT_BYTES_MAX = 64 * 1024 * 1024


@command(
    "delta",
    short_help="Draw the delta between two files or objects.",
    examples="""
        packcore delta old.txt new.txt
        packcore delta --repo x.git main~5:README.md main:README.md
        packcore delta --repo x.git main~1^{tree} main^{tree}
        packcore delta old.bin new.bin --strategy chunk-window,git-window --against git
    """,
)
@click.argument("texts", nargs=-1, metavar="BASE TARGET")
@option(
    "--repo",
    section=_WHICH,
    type=click.Path(file_okay=False),
    metavar="REPO",
    help="Take BASE and TARGET from the objects of REPO.",
)
@option(
    "--strategy",
    type=COMMA_LIST,
    multiple=True,
    section=_WHICH,
    metavar="NAME[,NAME…]",
    help="Use this strategy's encoder; several are compared. Default: chunk-window.",
)
@option(
    "--against",
    type=click.Choice(["git"]),
    section=_WHICH,
    help="Compare with C git's encoder, if git is installed.",
)
@option("--no-drawing", is_flag=True, section=OUTPUT, help="Only print sizes.")
@place_options
@output_options(progress=False)
def run(
    *,
    texts: tuple[str, ...],
    repo: str | None,
    strategy: tuple[tuple[str, ...], ...],
    against: str | None,
    no_drawing: bool,
    place: Place,
    console: Console,
) -> None:
    """Show how TARGET is made from BASE: what is copied, from where, and what is inserted.

    BASE and TARGET are files. With --repo they are objects: ids, or revisions such as main~5:README.md.
    """
    if len(texts) < 2:
        raise click.UsageError(f"missing argument {'TARGET' if texts else 'BASE'}")
    if len(texts) > 2:
        raise click.UsageError("too many arguments: a repository is named by --repo REPO")
    base, target = texts
    from cli.drawing import Drawing
    from cli.render.delta import delta_lines, row_json, table_lines
    from packcore.deflate import deflate

    type_, base_data, target_data, digest_size = _texts(base, target, repo)
    names = tuple(name for group in strategy for name in group) or ("chunk-window",)
    rows = list(_rows(names, type_, base_data, target_data, digest_size))
    if against is not None:
        rows += _rows_of_git(base_data, target_data, console)
    whole = len(deflate(target_data))
    if console.verbosity.json:
        console.show_json(
            {
                "base": {"name": base, "bytes": len(base_data)},
                "target": {"name": target, "bytes": len(target_data), "compressed": whole},
                "type": type_.label.decode(),
                "deltas": [row_json(row) for row in rows],
            }
        )
        return
    drawing = Drawing(console, place)

    def lines() -> Iterator[str]:
        yield f"{target} from {base}"
        yield ""
        yield from table_lines(rows, target_data, whole)
        if not no_drawing:
            yield ""
            yield from delta_lines(rows[0], base_data, target_data, cells=drawing.cells)

    drawing.show(f"{target} from {base}", lines())


def _rows(
    names: tuple[str, ...], type_: ObjectType, base: bytes, target: bytes, digest_size: int
) -> Iterator[DeltaRow]:
    from packcore.search.registry import get_strategy

    for name in names:
        yield _row(name, get_strategy(name).make_delta(type_, base, target, digest_size))


def _row(name: str, delta: bytes) -> DeltaRow:
    from cli.render.delta import DeltaRow
    from packcore.anatomy import steps
    from packcore.deflate import deflate

    return DeltaRow(name, delta, len(deflate(delta)), tuple(steps(delta)))


def _rows_of_git(base: bytes, target: bytes, console: Console) -> list[DeltaRow]:
    from cli.bench.git_delta import git_delta

    found = git_delta(base, target)
    if found is None:
        console.warn("git is not installed, or makes no delta of these two: it finds the whole smaller")
        return []
    return [_row("git", found)]


def _texts(base: str, target: str, repo: str | None) -> tuple[ObjectType, bytes, bytes, int]:
    """Read both texts; return their type first and the size of ids last."""
    from packcore import ObjectType, open_repository, resolve_revision
    from packcore.errors import LimitExceeded
    from packcore.ids import SHA1

    if repo is None:
        for name in (base, target):
            if Path(name).is_file() and Path(name).stat().st_size > _TEXT_BYTES_MAX:
                raise LimitExceeded(f"{name}: deltas of up to 64 MiB are drawn", limit="object_bytes")
        return ObjectType.BLOB, Path(base).read_bytes(), Path(target).read_bytes(), SHA1.digest_size
    with open_repository(repo) as repository:
        names = [resolve_revision(repository, name) for name in (base, target)]
        headers = [repository.header(name) for name in names]
        if headers[0].type is not headers[1].type:
            kinds = " and a ".join(header.type.label.decode() for header in headers)
            raise click.UsageError(f"a {kinds}: a delta is made between objects of one type")
        if any(header.size > _TEXT_BYTES_MAX for header in headers):
            raise LimitExceeded("deltas of objects of up to 64 MiB are drawn", limit="object_bytes")
        first, second = (repository.read(name).data for name in names)
        return headers[0].type, first, second, repository.object_format.digest_size
