"""`packcore report`: a pack as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.params import OBJECT_FORMAT, OUTPUT, output_options
from cli.values import SIZE

if TYPE_CHECKING:
    from pathlib import Path

    from cli.console import Console
    from packcore.ids import ObjectFormat

_EMBED_BYTES = "16m"


@command(
    "report",
    short_help="Draw a pack as one page: where its bytes go, its deltas, each object explained.",
    examples="""
        packcore report x.git -o pack.html
        packcore report x.git/objects/pack/pack-*.pack -o pack.html --embed-bytes 64m
        packcore report x.pack --json
    """,
)
@click.argument("file", type=click.Path(), metavar="PACK")
@option(
    "-o",
    "--output",
    "page",
    type=click.Path(dir_okay=False),
    section=OUTPUT,
    metavar="FILE",
    help="Write the page here. Needed unless --json.",
)
@option(
    "--embed-bytes",
    type=SIZE,
    default=_EMBED_BYTES,
    section=OUTPUT,
    metavar="SIZE",
    help=f"Bytes of the pack that the page carries, to explain objects. Default: {_EMBED_BYTES}.",
)
@OBJECT_FORMAT
@output_options()
def run(
    *, file: str, page: str | None, embed_bytes: int, object_format: ObjectFormat | None, console: Console
) -> None:
    """Write FILE, a page that shows PACK and needs nothing but a browser.

    Totals; where the bytes go by type, by path and by age; the delta forest; histograms; what each object
    costs to read; and, at a click, each byte of an object explained. It loads nothing from any network.

    Of a repository its largest pack is shown. The pack is checked whole; an index is not needed. Paths and
    dates are those at which the pack's own commits first bring an object in.
    """
    from cli.pack_argument import pack_path
    from cli.render.report.summary import summary_json, summary_of
    from packcore.anatomy.survey import survey_pack

    if page is None and not console.verbosity.json:
        raise click.UsageError("name the page with -o FILE, or ask for --json")
    path = pack_path(file)
    with console.progress() as progress:
        survey = survey_pack(path, object_format or _format_beside(path), progress=progress)
    summary = summary_of(survey)
    told = summary_json(survey, summary) if console.verbosity.json else {}
    if page is not None:
        from cli.files import AtomicFiles
        from cli.render.report.embed import chosen
        from cli.render.report.page import page_blocks

        held = chosen(survey, embed_bytes)
        with AtomicFiles() as files:
            out = files.open(page)
            written = sum(
                out.write(block.encode("utf-8", "backslashreplace"))
                for block in page_blocks(survey, summary, held)
            )
        told["page"] = {"file": page, "bytes": written, "objectsCarried": held.count(1)}
        if not console.verbosity.json:
            from cli.render.units import size

            console.tell(f"wrote {page}, {size(written)}")
    if console.verbosity.json:
        console.show_json(told)


def _format_beside(path: Path) -> ObjectFormat:
    """Tell how a pack's objects are named, by the index beside it; sha1 where there is none."""
    from packcore.anatomy.index import index_format
    from packcore.ids import SHA1

    index = path.with_suffix(".idx")
    if path.suffix != ".pack" or not index.is_file():
        return SHA1
    return index_format(memoryview(index.read_bytes()))
