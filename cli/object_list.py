"""Lists of objects, as `git rev-list --objects` prints them.

    4b825dc642cb6eb9a060e54bf8d69288fbee4904            a commit, a root tree, a tag
    ce013625030ba8dba906f756967f9e9ca394464a src/a.c    what lies below a tree, with its path
    -e69de29bb2d1d6434b8b29ae775ad8c2e48c5391           the receiver of the pack has it

The list is read a mebibyte at a time. If all of its lines are plain, they become ids at once; otherwise one
by one, and an error names the bad line.
"""

from __future__ import annotations

from binascii import unhexlify
from collections import deque
from typing import IO, TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["read_object_list"]

_READ_BYTES = 1 << 20

_Paths = dict["ObjectId", bytes]


def read_object_list(file: IO[bytes], object_format: ObjectFormat) -> tuple[_Paths, _Paths]:
    """Return the path of each object that is listed, and of each that is held, in the order of the list.

    Of an object that comes twice the first path counts. Raises UsageError for a line that names none.
    """
    wanted: _Paths = {}
    held: _Paths = {}
    known: dict[bytes, bytes] = {}
    """Each path once, since most come again and again."""
    number = 1
    while lines := file.readlines(_READ_BYTES):
        if (oids := _plain_ids(lines, object_format)) is not None:
            paths = [line[object_format.hex_size + 1 :].rstrip(b"\r\n") for line in lines]
            deque(map(wanted.setdefault, oids, map(known.setdefault, paths, paths)), maxlen=0)
        else:
            for is_held, oid, path in _each(lines, number, object_format):
                (held if is_held else wanted).setdefault(oid, known.setdefault(path, path))
        number += len(lines)
    return wanted, held


def _plain_ids(lines: list[bytes], object_format: ObjectFormat) -> list[ObjectId] | None:
    """Return the ids where each line is one, or begins with one and a space; else None."""
    hex_size, digest_size = object_format.hex_size, object_format.digest_size
    names = b"".join([line[:hex_size] for line in lines])
    behind = {line[hex_size : hex_size + 1] for line in lines}
    if not behind <= {b" ", b"\n"} or not names.islower():
        return None
    try:
        ids = unhexlify(names)
    except ValueError:
        return None
    return cast("list[ObjectId]", [ids[at : at + digest_size] for at in range(0, len(ids), digest_size)])


def _each(
    lines: list[bytes], first_number: int, object_format: ObjectFormat
) -> Iterator[tuple[bool, ObjectId, bytes]]:
    """Yield for lines of any kind whether it is held, id and path; empty ones name nothing."""
    for number, line in enumerate(lines, first_number):
        line = line.rstrip(b"\r\n")
        if not line:
            continue
        is_held = line.startswith(b"-")
        name, _, path = line[is_held:].partition(b" ")
        try:
            yield is_held, object_format.from_hex(name), path
        except ValueError as error:
            raise click.UsageError(f"stdin, line {number}: {error}") from None
