"""`packcore explain`: a pack, an index or a loose object, byte by byte."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.drawing import place_options
from cli.params import OBJECT_FORMAT, OUTPUT, output_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.console import Console
    from cli.drawing import Drawing, Place
    from cli.render.anatomy_rows import Row
    from cli.streams import Output
    from packcore.anatomy import Anatomy, Part
    from packcore.ids import ObjectFormat

_WHAT = "What to explain"
_DEPTH_OF_CONTENT = 2  # rows from here on have offsets of their own


@command(
    "explain",
    short_help="Show a pack byte by byte.",
    examples="""
        packcore explain x.git/objects/pack/pack-*.pack
        packcore explain x.git --object main:README.md
        packcore explain broken.pack --offset 4711
        packcore explain x.git --html pack.html
        packcore sync --record run.jsonl SOURCE TARGET; packcore explain --wire run.jsonl
    """,
)
@click.argument("file", type=click.Path(), metavar="[PACK]", required=False)
@option("--object", "oid", section=_WHAT, metavar="OID", help="One object, with its delta chain.")
@option(
    "--offset",
    type=click.IntRange(0),
    section=_WHAT,
    metavar="N",
    help="The entry at this offset, with its delta chain.",
)
@option(
    "--wire",
    multiple=True,
    section=_WHAT,
    type=click.Path(dir_okay=False),
    metavar="TRACE",
    help="A conversation recorded by `sync --record`; repeat to show two on one time line.",
)
@option("--no-content", is_flag=True, section=OUTPUT, help="Leave out the content of the zlib streams.")
@place_options
@OBJECT_FORMAT
@output_options(progress=False)
def run(
    *,
    file: str | None,
    oid: str | None,
    offset: int | None,
    wire: tuple[str, ...],
    no_content: bool,
    place: Place,
    object_format: ObjectFormat | None,
    console: Console,
) -> None:
    """Name and decode every byte of PACK: header, entries, delta instructions, trailer.

    With -v each byte with its own meaning gets its own line.

    PACK may also be an index (.idx), a reverse index (.rev) or a loose object. For a repository, its
    largest pack is shown, or the pack that holds the object. Damage is shown at its offset.
    """
    from cli.drawing import Drawing
    from packcore.errors import CorruptData

    if oid is not None and offset is not None:
        raise click.UsageError("--object and --offset exclude each other")
    drawing = Drawing(console, place)
    if (file is None) == (not wire):
        raise click.UsageError("name a PACK, or conversations with --wire")
    if file is None:
        _explain_wire(wire, console=console, drawing=drawing)
        return
    if oid is not None or offset is not None:
        _explain_object(file, oid, offset, object_format, console=console, drawing=drawing)
        return
    with _opened(file, object_format) as (anatomy, base):
        if console.verbosity.json:
            _write_json(anatomy, console.output, contents=not no_content)
            return
        from cli.render.anatomy_rows import rows_of
        from cli.render.anatomy_text import HEADING, lines_of

        faults: list[Row] = []
        rows = _noting(
            rows_of(anatomy, base=base, every_leaf=console.verbosity.verbose, contents=not no_content), faults
        )
        drawing.show(anatomy.title, _headed(anatomy, HEADING, lines_of(rows, cells=drawing.cells)))
    if faults:
        raise CorruptData(f"{anatomy.title}: damaged at offset {faults[0].start}: {faults[0].fault}")


@contextmanager
def _opened(
    file: str, object_format: ObjectFormat | None
) -> Iterator[tuple[Anatomy, Callable[[Part], bytes | None] | None]]:
    """Open whatever `file` is; the function reads the base of an entry, for packs."""
    from cli.pack_argument import pack_path
    from packcore.anatomy import ChainReader, open_anatomy, open_pack_anatomy
    from packcore.errors import PackcoreError
    from packcore.pack.format import PACK_SIGNATURE

    path = pack_path(file)
    with path.open("rb") as opened:
        is_pack = opened.read(4) == PACK_SIGNATURE
    if not is_pack:
        with open_anatomy(path, object_format) as anatomy:
            yield anatomy, None
        return
    with open_pack_anatomy(path, object_format) as pack:
        reader = ChainReader(pack)

        def base(part: Part) -> bytes | None:
            try:
                found = pack.base_of(pack.entry_at(part.start))
                return reader.read(found) if found is not None else None
            except PackcoreError:
                # Damage is reported at its offset; here only the resulting bytes stay unknown.
                return None

        yield pack.anatomy, base


def _explain_object(
    file: str,
    oid: str | None,
    offset: int | None,
    object_format: ObjectFormat | None,
    *,
    console: Console,
    drawing: Drawing,
) -> None:
    from cli.pack_argument import entry_of, pack_path
    from cli.render.chain import chain_json, chain_lines
    from packcore.anatomy import open_pack_anatomy, read_chain

    path = pack_path(file, oid)
    with open_pack_anatomy(path, object_format, indexing=oid is not None) as pack:
        entry = entry_of(pack, path, oid, offset, repo=file)
        type_, links = read_chain(pack, entry)
        if console.verbosity.json:
            console.show_json(chain_json(str(path), type_, links))
            return
        drawing.show(f"{path}, offset {entry.offset}", chain_lines(pack, type_, links, cells=drawing.cells))


def _explain_wire(names: tuple[str, ...], *, console: Console, drawing: Drawing) -> None:
    """Draw conversations below one another, on one scale."""
    from cli.render.wire import conversation_json, conversation_lines
    from transport.recording import LINE_CHARACTERS_MAX, read_conversation

    conversations = []
    for name in names:
        with Path(name).open(encoding="utf-8", errors="replace") as lines:
            bounded = iter(partial(lines.readline, LINE_CHARACTERS_MAX + 1), "")
            conversations.append((name, read_conversation(bounded, name)))
    if console.verbosity.json:
        console.show_json(conversation_json(conversations))
        return
    longest = max(conversation.seconds for _, conversation in conversations)

    def lines_of_all() -> Iterator[str]:
        for name, conversation in conversations:
            yield from conversation_lines(
                conversation, name, every_line=console.verbosity.verbose, seconds=longest
            )
            yield ""

    drawing.show(", ".join(names), lines_of_all())


def _noting(rows: Iterator[Row], faults: list[Row]) -> Iterator[Row]:
    """Pass rows on, and keep those of the file itself that tell of damage."""
    for row in rows:
        if row.fault and row.depth < _DEPTH_OF_CONTENT:
            faults.append(row)
        yield row


def _headed(anatomy: Anatomy, heading: str, lines: Iterator[str]) -> Iterator[str]:
    yield f"{anatomy.title}: {anatomy.root.name}, {anatomy.size:,} bytes"
    yield ""
    yield heading
    yield from lines


def _write_json(anatomy: Anatomy, output: Output, *, contents: bool) -> None:
    """Print the tree part by part: a pack of any size is never whole in memory."""
    from cli.render.anatomy_json import part_json

    head = {"file": anatomy.title, "kind": anatomy.root.name, "size": anatomy.size}
    output.out(output.json(head)[:-1] + ', "parts": [', end="")
    separator = "\n"
    for part in anatomy.root.parts():
        output.out(separator + output.json(part_json(part, anatomy, contents=contents)), end="")
        separator = ",\n"
    output.out("\n]}")
