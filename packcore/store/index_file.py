r"""The index file of a work tree: which object is staged at a path (gitformat-index).

    "DIRC"  version (4)  entries (4)                           versions 2, 3 and 4
    each    times, device, owner, size …   24 bytes            not read
            mode (4) after them; uid, gid, size                not read
            object id                      20 or 32 bytes
            flags (2)                      0x4000 two more bytes of flags follow, 0x3000 the stage
            name NUL                       2, 3: and NULs up to a multiple of 8
                                           4: a varint before it says how much of the last name's end goes
    extensions                             "link": the entries are in another file (split index)

Entries are in order of name and stage. Stage 0 is the usual one; 1, 2 and 3 are the sides of a conflict.
Left out: changing the file, its checksum, which git doesn't check either, and split indexes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, RepositoryError
from packcore.ids import ObjectId
from packcore.varint import decode_ofs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat

__all__ = ["IndexEntry", "iter_index", "staged_at"]

INDEX_BYTES_MAX = 1 << 30
NAME_BYTES_MAX = 1 << 16
"""Longer than any path that a file system takes; a hostile file of version 4 can claim any length."""
_STAT_BYTES = 40
_MODE_AT = 24
_EXTENDED = 0x4000


class IndexEntry(NamedTuple):
    """What is staged at a path."""

    path: bytes
    stage: int
    mode: int
    oid: ObjectId


def staged_at(path: Path, object_format: ObjectFormat, name: bytes) -> dict[int, ObjectId]:
    """Return what an index file has at a path, by stage; nothing if there is no file.

    Raises RepositoryError if it can't be read or is a split index, CorruptData if it breaks the format.
    """
    try:
        with path.open("rb") as file:
            data = file.read(INDEX_BYTES_MAX + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror}") from None
    if len(data) > INDEX_BYTES_MAX:
        raise RepositoryError(f"{path}: longer than {INDEX_BYTES_MAX} bytes")
    try:
        return {entry.stage: entry.oid for entry in iter_index(data, object_format) if entry.path == name}
    except (CorruptData, RepositoryError) as error:
        raise type(error)(f"{path}: {error}", hint=error.hint) from None


def iter_index(data: bytes, object_format: ObjectFormat) -> Iterator[IndexEntry]:
    """Yield the entries of an index file's bytes. Raises RepositoryError and CorruptData as `staged_at`."""
    version, count = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
    if data[:4] != b"DIRC" or not 2 <= version <= 4:
        raise CorruptData("no index file of version 2, 3 or 4")
    at, name = 12, b""
    end = len(data) - object_format.digest_size
    for _ in range(count):
        id_at = at + _STAT_BYTES
        flags_at = id_at + object_format.digest_size
        flags = int.from_bytes(data[flags_at : flags_at + 2], "big")
        name_at = flags_at + (4 if flags & _EXTENDED else 2)
        kept = 0
        if version == 4:
            removed, name_at = decode_ofs(data, name_at)
            kept = len(name) - removed
        name_end = data.find(b"\0", name_at, end)
        if name_end < 0 or kept < 0 or kept + name_end - name_at > NAME_BYTES_MAX:
            raise CorruptData("it ends within an entry, or an entry's name is malformed")
        name = name[:kept] + data[name_at:name_end]
        mode = int.from_bytes(data[at + _MODE_AT : at + _MODE_AT + 4], "big")
        yield IndexEntry(name, flags >> 12 & 3, mode, ObjectId(data[id_at:flags_at]))
        at = name_end + 1 if version == 4 else name_end + 8 - (name_end - at) % 8
    _check_extensions(data, at, end)


def _check_extensions(data: bytes, at: int, end: int) -> None:
    while at + 8 <= end:
        if data[at : at + 4] == b"link":
            raise RepositoryError(
                "a split index is not supported", hint="git update-index --no-split-index makes it one file"
            )
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
