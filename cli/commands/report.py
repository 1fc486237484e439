"""`packcore report`: a pack as one self-contained page."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cli.command import command, option
from cli.params import OBJECT_FORMAT, OUTPUT, output_options
from cli.values import SIZE

if TYPE_CHECKING:
    from pathlib import Path

    from cli.console import Console
    from cli.render.report.summary import Summary
    from packcore.anatomy.survey import PackSurvey
    from packcore.ids import ObjectFormat

_EMBED_BYTES = "16m"


@command(
    "report",
    short_help="Draw a pack as one page: where its bytes go, its deltas, each object explained.",
    examples="""
        packcore report .
        packcore report . -o pack.html
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
    help="Write the page to FILE. Without it, figures are printed.",
)
@option(
    "--embed-bytes",
    type=SIZE,
    default=_EMBED_BYTES,
    section=OUTPUT,
    metavar="SIZE",
    help=f"Embed up to SIZE bytes of the pack in the page, to explain objects. Default: {_EMBED_BYTES}.",
)
@OBJECT_FORMAT
@output_options()
def run(
    *, file: str, page: str | None, embed_bytes: int, object_format: ObjectFormat | None, console: Console
) -> None:
    """Print figures about PACK, or with -o write them as an HTML page.

    The page shows totals; bytes by type, path and age; the delta forest; histograms; and what each object
    costs to read. A click on an object explains each of its bytes. The page loads nothing from the network.

    For a repository, its largest pack is shown. A repository without a pack is packed for the report, but
    not changed. The whole pack is checked; no index is needed. Paths and dates come from the commit in the
    pack that first adds an object.
    """
    from cli.pack_argument import pack_or_made
    from cli.render.report.summary import summary_json, summary_of
    from cli.render.units import size
    from packcore.anatomy.survey import survey_pack

    with ExitStack() as held:
        with console.progress() as progress:
            pack = held.enter_context(pack_or_made(file, console, progress))
            names_by = object_format or pack.object_format or _format_beside(pack.path)
            survey = survey_pack(pack.path, names_by, progress=progress)
        if pack.is_made:
            survey = replace(survey, name=f"{file} (packed for this)")
        summary = summary_of(survey)
        told = summary_json(survey, summary) if console.verbosity.json else {}
        if page is not None:
            told["page"] = _write_page(survey, summary, page, embed_bytes)
    if console.verbosity.json:
        console.show_json(told)
    elif page is not None:
        console.tell(f"wrote {page}, {size(told['page']['bytes'])}")
    else:
        from cli.render.report.text import summary_lines

        console.show(summary_lines(survey, summary))
        console.show(("", f"as a page: packcore report {file} -o pack.html"))


def _write_page(survey: PackSurvey, summary: Summary, page: str, embed_bytes: int) -> dict[str, Any]:
    from cli.files import AtomicFiles
    from cli.render.report.embed import chosen
    from cli.render.report.page import page_blocks

    held = chosen(survey, embed_bytes)
    with AtomicFiles() as files:
        out = files.open(page)
        blocks = page_blocks(survey, summary, held)
        written = sum(out.write(block.encode("utf-8", "backslashreplace")) for block in blocks)
    return {"file": page, "bytes": written, "objectsCarried": held.count(1)}


def _format_beside(path: Path) -> ObjectFormat:
    """Return a pack's object format, from the index beside it; sha1 without an index."""
    from packcore.anatomy.index import index_format
    from packcore.ids import SHA1

    index = path.with_suffix(".idx")
    if path.suffix != ".pack" or not index.is_file():
        return SHA1
    return index_format(memoryview(index.read_bytes()))
