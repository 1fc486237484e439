"""Open a file on disk, recognize it by its first bytes, and return its anatomy.

PACK           a pack; uses the index beside it, if there is one
ff 't' 'O' 'c' an index; version 1 has no signature and is known by its name, .idx
RIDX           a reverse index
78 .. and like a loose object
"""

from __future__ import annotations

import mmap
from contextlib import contextmanager
from typing import TYPE_CHECKING

from packcore.anatomy.index import REVERSE_SIGNATURE, index_anatomy, index_format, reverse_index_anatomy
from packcore.anatomy.loose import loose_anatomy
from packcore.anatomy.pack import PackAnatomy
from packcore.errors import CorruptData, CorruptIndex, RepositoryError
from packcore.ids import SHA1
from packcore.pack.format import PACK_SIGNATURE
from packcore.pack.index import INDEX_SIGNATURE, PackIndex, open_index
from packcore.pack.indexer import index_pack_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.anatomy.model import Anatomy
    from packcore.ids import ObjectFormat

__all__ = ["open_anatomy", "open_pack_anatomy"]


@contextmanager
def open_anatomy(path: Path, object_format: ObjectFormat | None = None) -> Iterator[Anatomy]:
    """Open a pack, an index, a reverse index or a loose object; its tree is valid within the context.

    Raises CorruptData for any other file, and OSError if it can't be read.
    """
    with _mapped(path) as data:
        head = bytes(data[:4])
        if head == PACK_SIGNATURE or path.suffix == ".pack":
            with _index_beside(path, object_format) as index:
                pack = PackAnatomy(
                    data, title=str(path), object_format=_format(object_format, index), index=index
                )
                yield pack.anatomy
        elif head == INDEX_SIGNATURE or path.suffix == ".idx":
            yield index_anatomy(data, str(path), object_format)
        elif head == REVERSE_SIGNATURE:
            yield reverse_index_anatomy(data, str(path))
        elif len(head) > 1 and head[0] & 15 == 8 and int.from_bytes(head[:2], "big") % 31 == 0:
            yield loose_anatomy(data, str(path), object_format or SHA1)
        else:
            raise CorruptData(
                f"{path}: neither a pack, nor an index of one, nor a loose object",
                hint="packs start with PACK",
            )


@contextmanager
def open_pack_anatomy(
    path: Path, object_format: ObjectFormat | None = None, *, indexing: bool = False
) -> Iterator[PackAnatomy]:
    """Open a pack, with the index beside it if there is a readable one.

    With `indexing`, a missing index is made in memory, which reads the whole pack.

    Raises CorruptData if it isn't a pack, and OSError if it can't be read.
    """
    with _mapped(path) as data, _index_beside(path, object_format) as index:
        if bytes(data[:4]) != PACK_SIGNATURE:
            raise CorruptData(f"{path}: not a pack: it starts with {bytes(data[:4])!r}, not b'PACK'")
        if index is None and indexing:
            index = _made_index(path, object_format or SHA1)
        yield PackAnatomy(data, title=str(path), object_format=_format(object_format, index), index=index)


def _format(asked: ObjectFormat | None, index: PackIndex | None) -> ObjectFormat:
    return asked or (index.object_format if index is not None else SHA1)


def _made_index(path: Path, object_format: ObjectFormat) -> PackIndex:
    indexed = index_pack_file(path, object_format=object_format)
    return PackIndex(b"".join(indexed.index_blocks()), object_format, str(path.with_suffix(".idx")))


@contextmanager
def _mapped(path: Path) -> Iterator[memoryview]:
    if path.is_dir():
        raise RepositoryError(f"{path}: a directory, not a file")
    with path.open("rb") as file:
        if not path.stat().st_size:
            yield memoryview(b"")
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            yield view


@contextmanager
def _index_beside(pack_path: Path, object_format: ObjectFormat | None) -> Iterator[PackIndex | None]:
    """Open the index of a pack; None if there is no usable one."""
    path = pack_path.with_suffix(".idx")
    if not path.exists():
        yield None
        return
    with _mapped(path) as data:
        found = object_format or index_format(data)
    try:
        index = open_index(path, found)
    except CorruptIndex:
        # The index only adds ids to the display; reporting its errors is up to `verify-pack`.
        yield None
        return
    try:
        yield index
    finally:
        index.close()
