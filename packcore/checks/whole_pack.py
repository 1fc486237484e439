"""Checks a pack and all its objects in one run, as `index-pack` reads it: each entry once, each base once.

Only an intact pack can be read that way. If anything is wrong with it, the caller reads it object by object,
which says what is damaged and uses other copies of a damaged base.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import CorruptData, CorruptPack, LimitExceeded
from packcore.objects import ObjectType
from packcore.pack.indexer import index_pack_file

if TYPE_CHECKING:
    from packcore.checks.content import ContentChecks
    from packcore.ids import ObjectId
    from packcore.progress import Phase
    from packcore.store.packfile import PackFile

__all__ = ["check_whole_pack"]

_TYPES = (ObjectType.BLOB, *ObjectType)  # by code; calling the enumeration costs ten times as much
_TOLD_AT_ONCE = 256


def check_whole_pack(pack: PackFile, checks: ContentChecks, phase: Phase) -> bool:
    """Check a pack, its index and its objects; return whether it is intact.

    The objects that were read before the first damage are recorded as intact: their bytes have their ids.
    """
    is_first, check, advance = checks.marks.is_first, checks.check, phase.advance
    large: list[ObjectId] = []
    told = 0

    def observe(
        type_code: int, oid: ObjectId, data: bytes | None, base_oid: ObjectId | None, base: bytes | None
    ) -> None:
        nonlocal told
        told += 1
        if told % _TOLD_AT_ONCE == 0:
            advance(_TOLD_AT_ONCE)
        if data is None and type_code != ObjectType.BLOB:
            large.append(oid)
            return
        try:
            first = is_first(oid, type_code)
        except KeyError:
            raise CorruptPack(f"its index does not list object {oid.hex()}", pack=pack.name) from None
        if first and data is not None and type_code != ObjectType.BLOB:
            version = None if base_oid is None or base is None else (base_oid, base)
            check(oid, _TYPES[type_code], data, version)

    try:
        indexed = index_pack_file(
            Path(pack.name), object_format=pack.object_format, limits=pack.limits, observe=observe
        )
        if not pack.index.has_bytes(indexed.index_blocks()):
            return False
        for oid in large:
            type_, data = pack.read(oid)
            if is_first(oid, type_):
                check(oid, type_, data)
    except (CorruptData, LimitExceeded, OSError):
        return False
    finally:
        advance(told % _TOLD_AT_ONCE)
    return True
