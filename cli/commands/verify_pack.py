"""`packcore verify-pack`: check packs with their indexes, and list what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.command import command, option
from cli.job_options import check_jobs
from cli.pack_argument import format_around
from cli.params import OBJECT_FORMAT, OUTPUT, output_options

if TYPE_CHECKING:
    from cli.console import Console
    from packcore.ids import ObjectFormat
    from packcore.pack.verify import PackReport


@command(
    "verify-pack",
    short_help="Check packs and list their objects.",
    examples="packcore verify-pack -v x.git/objects/pack/pack-*.pack",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE…")
@option("-s", "--stat-only", is_flag=True, section=OUTPUT, help="Only print how long the delta chains are.")
@OBJECT_FORMAT
@check_jobs("The pack")
@output_options()
def run(
    *,
    files: tuple[str, ...],
    stat_only: bool,
    object_format: ObjectFormat | None,
    jobs: int | None,
    console: Console,
) -> None:
    """Check each pack FILE (.pack or .idx) completely, and that its .idx, and a .rev beside it, are right.

    With -v, list each object as git does: id, type, size, size in the pack, offset, and for a delta its
    depth and base. Then show how long the delta chains are, and `FILE.pack: ok`, or `bad`. All files are
    checked, even if one is damaged.
    """
    from packcore.errors import CorruptData
    from packcore.ids import SHA1
    from packcore.pack.verify import verify_pack
    from transport.safe_text import one_line

    reports = []
    failures: list[Exception] = []
    for name in files:
        path = Path(name)
        path = path.with_suffix(".pack") if path.suffix in {".idx", ".rev", ""} else path
        try:
            with console.progress() as progress:
                report = verify_pack(
                    path, object_format or format_around(path) or SHA1, progress=progress, jobs=jobs
                )
        except (CorruptData, OSError) as error:
            # The others are looked at all the same; the first failure ends the run.
            failures.append(error)
            if (console.verbosity.verbose or stat_only) and not console.verbosity.json:
                console.show_exact([f"{path}: bad".encode()])
            continue
        if console.verbosity.json:
            reports.append(_json(report))
        elif stat_only:
            console.show(report.histogram())
        elif console.verbosity.verbose:
            console.show_exact(line.encode() for line in report.lines())
    if console.verbosity.json:
        console.show_json({"packs": reports, "failures": [str(failure) for failure in failures]})
    for failure in failures[1:]:
        console.tell_error(f"packcore: error: {one_line(str(failure))}")
    if failures:
        raise failures[0]


def _json(report: PackReport) -> dict[str, Any]:
    return {
        "pack": str(report.path),
        "objects": [
            {
                "oid": row.oid.hex(),
                "type": row.type.label.decode(),
                "size": row.size,
                "sizeInPack": row.size_in_pack,
                "offset": row.offset,
                "depth": row.depth,
                "base": row.base.hex() if row.base else None,
            }
            for row in report.rows
        ],
        "chainLengths": {str(depth): count for depth, count in report.chain_lengths.items()},
    }
