"""`packcore show-index`: what a pack index says, as `git show-index` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.command import command
from cli.params import OBJECT_FORMAT, output_options
from cli.streams import binary_input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.console import Console
    from packcore.ids import ObjectFormat
    from packcore.pack.index import PackIndex

_INDEX_BYTES_MAX = 1 << 30


@command(
    "show-index",
    short_help="List the entries of a pack index on stdin.",
    examples="packcore show-index < x.git/objects/pack/pack-….idx",
)
@OBJECT_FORMAT
@output_options(progress=False)
def run(*, object_format: ObjectFormat | None, console: Console) -> None:
    """Read a pack index (.idx) from stdin, and print offset, id and CRC-32 of each entry, sorted by id.

    An index of version 1 has no CRC-32. The index is checked first; the pack is not needed.
    """
    from packcore.errors import LimitExceeded
    from packcore.ids import SHA1
    from packcore.pack.index import PackIndex

    data = binary_input().read(_INDEX_BYTES_MAX + 1)
    if len(data) > _INDEX_BYTES_MAX:
        raise LimitExceeded(f"an index of more than {_INDEX_BYTES_MAX} bytes", limit="index_bytes")
    index = PackIndex(data, object_format or SHA1, "stdin")
    index.verify()
    if console.verbosity.json:
        console.show_json({"version": index.version, "entries": list(_rows(index))})
    else:
        console.show_exact(_line(row) for row in _rows(index))


def _rows(index: PackIndex) -> Iterator[dict[str, int | str | None]]:
    for position, offset in enumerate(index.offsets()):
        yield {"offset": offset, "oid": index.oid(position).hex(), "crc32": index.crc32(position)}


def _line(row: dict[str, int | str | None]) -> bytes:
    line = f"{row['offset']} {row['oid']}"
    return (line if row["crc32"] is None else f"{line} ({row['crc32']:08x})").encode()
