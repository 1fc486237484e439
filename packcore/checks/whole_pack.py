"""Checks a pack and all its objects in one run: each entry once, each base once.

A pack is checked against its index. If that does not prove it intact, it is indexed anew. If it is damaged,
the caller reads it object by object, which says what is damaged and uses other copies of a damaged base.
"""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import CorruptData, CorruptPack, LimitExceeded
from packcore.objects import ObjectType
from packcore.pack.indexed_check import IndexedCheck
from packcore.pack.indexer import index_pack_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from packcore.checks.content import ContentChecks
    from packcore.ids import ObjectId
    from packcore.store.packfile import PackFile

__all__ = ["check_whole_pack"]

_TYPES = (ObjectType.BLOB, *ObjectType)  # by code; calling the enumeration costs ten times as much
_TOLD_AT_ONCE = 256


def check_whole_pack(
    pack: PackFile, checks: ContentChecks, advance: Callable[[int], None], *, jobs: int | None = 1
) -> bool:
    """Check a pack, its index and its objects, in up to `jobs` processes; return whether it is intact.

    Only objects are recorded as intact that are where the index says: of a damaged pack, some of these.
    Raises WorkerLost.
    """
    objects = _Objects(pack.name, checks, advance)
    try:
        check = IndexedCheck(pack.source, pack.index, pack.limits)
        if check.read_heads() and check.is_intact(observe=objects, jobs=jobs):
            objects.check_large(pack)
            return True
        index_anew = partial(
            index_pack_file, Path(pack.name), object_format=pack.object_format, limits=pack.limits, jobs=jobs
        )
        if not pack.index.has_bytes(index_anew().index_blocks()):
            return False
        index_anew(observe=objects)
        objects.check_large(pack)
    except (CorruptData, LimitExceeded, OSError):
        return False
    finally:
        objects.finish()
    return True


class _Objects:
    """Checks the objects of a pack while it is indexed: an `Observer`."""

    def __init__(self, pack_name: str, checks: ContentChecks, advance: Callable[[int], None]) -> None:
        self._pack_name = pack_name
        self._checks = checks
        self._advance = advance
        self._told = 0
        self._large: list[ObjectId] = []
        """Commits, trees and tags that were too large to have in memory on the way."""

    def __call__(
        self, type_code: int, oid: ObjectId, data: bytes | None, base_oid: ObjectId | None, base: bytes | None
    ) -> None:
        self._told += 1
        if self._told >= _TOLD_AT_ONCE:
            self.finish()
        if data is None and type_code != ObjectType.BLOB:
            self._large.append(oid)
            return
        version = None if base_oid is None or base is None else (base_oid, base)
        try:
            if data is None or type_code == ObjectType.BLOB:
                self._checks.marks.is_first(oid, type_code)
            else:
                self._checks.check_first(oid, _TYPES[type_code], data, version)
        except KeyError:
            raise CorruptPack(f"its index does not list object {oid.hex()}", pack=self._pack_name) from None

    def check_large(self, pack: PackFile) -> None:
        """Check what was left out. Raises CorruptData, LimitExceeded."""
        for oid in self._large:
            type_, data = pack.read(oid)
            self._checks.check_first(oid, type_, data)

    def finish(self) -> None:
        """Report the progress since the last report."""
        self._advance(self._told)
        self._told = 0

    def start_share(self) -> None:
        """Begin a share in a process of its own, which reports no progress."""
        self._counted, self._told = 0, 0
        self._advance = self._count

    def _count(self, objects: int) -> None:
        self._counted += objects

    def seen(self) -> bytes:
        """Return everything that was noted in this process."""
        self.finish()
        noted = self._counted, self._large, self._checks.noted()
        return pickle.dumps(noted, pickle.HIGHEST_PROTOCOL)

    def take_over(self, seen: bytes) -> None:
        """Add what was noted in another process."""
        counted, large, noted = pickle.loads(seen)  # noqa: S301 - our own process sent it
        self._advance(counted)
        self._large = list(dict.fromkeys([*self._large, *large]))
        self._checks.take_over(noted)
