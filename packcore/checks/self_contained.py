"""Proves that all that the objects of a pack refer to is in that pack, by what is seen while it is indexed.

    links = PackLinks(SHA1)
    with SpooledPack.receive(blocks, object_format=SHA1, observe=links) as spool:
        links.are_within(spool)

The pack of a clone is like that, and then no walk from its tips has to read all its trees again. If the
answer is no, nothing is known: the pack may lean on objects that the receiver has, or lack some.

Of a tree, only the entries are noted that the last one with the same names had not, or its base. An id may be
noted many times; the copies are dropped whenever they may be half of what is held. Memory: some 30 bytes for
each object.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from packcore.checks.known_heads import KnownHeads
from packcore.checks.marks import TYPE_BITS, object_links
from packcore.delta.new_entries import new_entries
from packcore.errors import CorruptObject
from packcore.limits import MIB
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.spool import SpooledPack

__all__ = ["PackLinks"]

_ROOM_BYTES = 16 * MIB


class PackLinks:
    """The links of all objects of a pack: an `Observer`."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self._object_format = object_format
        self._noted: dict[int, list[bytearray]] = {
            type_: [bytearray() for _ in range(256)] for type_ in ObjectType
        }
        """The ids that something refers to, by the type that they must have and by their first byte."""
        self._are_all_known = True
        self._noted_bytes = 0
        self._limit_bytes = _ROOM_BYTES
        self._known_heads = KnownHeads(object_format)

    def __call__(
        self, type_code: int, oid: ObjectId, data: bytes | None, _: ObjectId | None, base: bytes | None
    ) -> None:
        """Note what an object refers to."""
        if type_code == ObjectType.BLOB or not self._are_all_known:
            return
        if data is None:
            self._are_all_known = False
            return
        try:
            if type_code == ObjectType.TREE:
                self._note_tree(oid, data, base)
            else:
                self._note_links(ObjectType(type_code), oid, data)
        except CorruptObject:
            self._are_all_known = False
        if self._noted_bytes > self._limit_bytes:
            self._drop_twins()

    def _note(self, type_: int, oid: ObjectId) -> None:
        self._noted[type_][oid[0]] += oid
        self._noted_bytes += len(oid)

    def _note_links(self, type_: ObjectType, oid: ObjectId, data: bytes) -> None:
        for target, target_type in object_links(type_, data, self._object_format, oid):
            self._note(target_type, target)

    def _note_tree(self, oid: ObjectId, data: bytes, base: bytes | None) -> None:
        split = self._known_heads.split(data)
        if split is None or (links := self._known_heads.new_links(split)) is None:
            new = None if base is None else new_entries(base, data, self._object_format.digest_size)
            if new is not None:
                data = b"".join([data[start:end] for start, end in new.ranges])
            self._note_links(ObjectType.TREE, oid, data)
        else:
            for target, final in links:
                if final is not None:
                    self._note(final & TYPE_BITS, target)
        if split is not None:
            self._known_heads.add(split)

    def _drop_twins(self) -> None:
        self._noted_bytes = 0
        for parts in self._noted.values():
            for part in parts:
                part[:] = b"".join(self._ids_of(part))
                self._noted_bytes += len(part)
        self._limit_bytes = 2 * self._noted_bytes + _ROOM_BYTES

    def _ids_of(self, noted: bytearray) -> set[bytes]:
        size = self._object_format.digest_size
        return {bytes(noted[at : at + size]) for at in range(0, len(noted), size)}

    def are_within(self, pack: SpooledPack) -> bool:
        """Return whether each link leads to an object of the right type in the pack that was observed."""
        # A base from elsewhere was not observed, and neither was what it refers to.
        if not self._are_all_known or pack.added:
            return False
        return all(
            self._ids_of(parts[first]) <= pack.ids_of(ObjectType(type_), first)
            for type_, parts in self._noted.items()
            for first in range(256)
        )

    def start_share(self) -> None:
        """Begin to look at a share of the objects, in a process of its own."""

    def seen(self) -> bytes:
        """Return everything that was noted, to be taken over in another process."""
        self._drop_twins()
        return pickle.dumps((self._are_all_known, self._noted), pickle.HIGHEST_PROTOCOL)

    def take_over(self, seen: bytes) -> None:
        """Add what was noted in another process."""
        are_all_known, noted = pickle.loads(seen)  # noqa: S301 - our own process sent it
        self._are_all_known &= are_all_known
        for type_, parts in noted.items():
            for first, part in enumerate(parts):
                self._noted[type_][first] += part
        self._drop_twins()
