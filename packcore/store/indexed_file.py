"""A pack file that was just indexed, as an object store: its .idx need not exist yet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.pack.index import PackIndex
from packcore.pack.mapping import PackSource
from packcore.store.packfile import PackFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.pack.indexer import IndexedPack

__all__ = ["open_indexed"]


@contextmanager
def open_indexed(path: Path, indexed: IndexedPack, limits: Limits = DEFAULT_LIMITS) -> Iterator[PackFile]:
    """Open the pack file that `index_pack_file` has just checked. Raises OSError if it can't be opened."""
    table = indexed.table
    object_format = table.object_format
    with path.open("rb") as file:
        source = PackSource(file, str(path), object_format.digest_size)
    index = PackIndex(b"".join(indexed.index_blocks()), object_format, str(path.with_suffix(".idx")))
    pack = PackFile.over(source, index, limits, sorted_offsets=table.offsets, order=indexed.order)
    try:
        yield pack
    finally:
        pack.close()
