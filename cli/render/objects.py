r"""Trees as text, as `git cat-file -p` and `git ls-tree` print them.

    100644 blob ce013625030ba8dba906f756967f9e9ca394464a	hello.txt
    040000 tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904	"caf\303\251"

>>> quoted(b"plain"), quoted(b'a"b\tc\xe9')
(b'plain', b'"a\\"b\\tc\\351"')
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.objects import iter_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["quoted", "tree_lines"]

_UNSAFE = re.compile(rb'[\x00-\x1f"\\\x7f-\xff]')
_ESCAPES = dict(zip(b'\a\b\t\n\v\f\r"\\', b'abtnvfr"\\', strict=True))


def quoted(name: bytes) -> bytes:
    """Return a path quoted as git does for output (core.quotePath is true by default)."""
    if not _UNSAFE.search(name):
        return name
    return b'"%s"' % _UNSAFE.sub(_escape, name)


def _escape(found: re.Match[bytes]) -> bytes:
    code = found[0][0]
    return b"\\%c" % _ESCAPES[code] if code in _ESCAPES else b"\\%03o" % code


def tree_lines(data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None) -> Iterator[bytes]:
    """Yield a line for each entry of a tree. Raises CorruptObject."""
    for entry in iter_tree(data, object_format, oid):
        kind = b"tree" if entry.is_tree else b"commit" if entry.is_gitlink else b"blob"
        yield b"%06o %s %s\t%s" % (entry.mode, kind, entry.oid.hex().encode(), quoted(entry.name))
