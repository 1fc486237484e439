"""What fsck says of a copy of an object that can't be read, in git's words, with the file and the reason.

<id>: hash-path mismatch, found at: <file>             the bytes are those of the object <id>
<id>: object is of unknown type 'x': <file>
<file>: <reason> (corrupt loose object '<id>')
<pack> at offset 12: <reason>
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import CorruptObject, CorruptPack, UnknownType, WrongId
from packcore.store.copies import LooseCopy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.errors import PackcoreError
    from packcore.store.copies import Copy

__all__ = ["describe_damage"]


def describe_damage(copy: Copy, fault: PackcoreError) -> Iterator[str]:
    """Yield the lines for a damaged copy, most of the time one."""
    if isinstance(fault, CorruptPack):
        yield str(fault)
    elif isinstance(fault, WrongId):
        yield f"{fault.actual}: hash-path mismatch, found at: {copy.where}"
    elif isinstance(fault, UnknownType) and isinstance(copy, LooseCopy):
        yield from _unknown_type(copy, fault)
    elif isinstance(fault, CorruptObject) and isinstance(copy, LooseCopy):
        yield f"{copy.where}: {fault.reason} (corrupt loose object '{fault.oid}')"
    else:
        yield f"{copy.where}: {fault}"


def _unknown_type(copy: LooseCopy, fault: UnknownType) -> Iterator[str]:
    actual = fault.oid
    try:
        actual = copy.actual_id().hex()
    except CorruptObject as damage:
        yield f"{copy.where}: {damage.reason} (corrupt loose object '{fault.oid}')"
    if actual != fault.oid:
        yield f"{actual}: hash-path mismatch, found at: {copy.where}"
    yield f"{actual}: object is of unknown type '{fault.label}': {copy.where}"
