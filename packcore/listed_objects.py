"""The objects of a listing, as a table: a column each for ids, paths, types and sizes.

    ids      a reference to an id that the walk holds anyway
    wheres   a reference to a path, which versions of a file share
    types    1 byte; 0 for a blob that is still to be looked up
    sizes    8 bytes

So an object costs 25 bytes beside its id, and a tuple only once somebody asks for it. A blob has no links, so
the walk needs nothing of it, and all are looked up together at its end, in the order of the storage: one by
one, blobs take as long as the trees.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import compress
from typing import TYPE_CHECKING

from packcore.errors import CorruptObject, MissingObject
from packcore.objects import ObjectType
from packcore.plans.entries import Candidate
from packcore.store.bulk import headers_of
from packcore.tree_path import path_end

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore
    from packcore.tree_path import TreePath

__all__ = ["ListedObjects", "describe", "wrong_type"]


_AT_ONCE = 1 << 17
"""Blobs to look up together: some 30 MB."""
_UNKNOWN = 0
_TYPES = (None, *ObjectType)


class ListedObjects:
    """The table of one listing. With `absent_ok`, blobs that the store lacks are left out."""

    def __init__(self, store: ObjectStore, *, absent_ok: bool) -> None:
        self._store = store
        self._absent_ok = absent_ok
        self.oids: list[ObjectId] = []
        self.wheres: list[TreePath | bytes] = []
        self.types = bytearray()
        self.sizes = array("Q")
        self._starts = array("L")
        self._contexts: list[ObjectId | str] = []
        """What needs the part of the listing that begins at each start."""

    def __len__(self) -> int:
        return len(self.oids)

    def start(self, context: ObjectId | str) -> None:
        """Note what needs the objects from here on."""
        self._starts.append(len(self.oids))
        self._contexts.append(context)

    def add(self, oid: ObjectId, type_: int, size: int, where: TreePath | bytes) -> None:
        """Add an object."""
        self.oids.append(oid)
        self.wheres.append(where)
        self.types.append(type_)
        self.sizes.append(size)

    def add_blob(self, oid: ObjectId, where: TreePath | bytes) -> None:
        """Add a blob, to be looked up later."""
        self.add(oid, _UNKNOWN, 0, where)

    def complete(self) -> None:
        """Look up the blobs.

        Raises MissingObject (naming what needs it), and CorruptObject for an object that is no blob.
        """
        oids, types, sizes = self.oids, self.types, self.sizes
        blob = ObjectType.BLOB
        lacks_some = False
        place = types.find(_UNKNOWN)
        while place >= 0:
            places = array("L")
            while place >= 0 and len(places) < _AT_ONCE:
                places.append(place)
                place = types.find(_UNKNOWN, place + 1)
            headers = headers_of(self._store, [oids[at] for at in places])
            for at, header in zip(places, headers, strict=True):
                if header is None:
                    self._check_absent(at)
                    lacks_some = True
                elif header[0] is not blob:
                    raise wrong_type(oids[at], header[0], "blob")
                else:
                    types[at] = blob
                    sizes[at] = header[1]
        if lacks_some:
            self.sizes = array("Q", compress(sizes, types))
            self.wheres = list(compress(self.wheres, types))
            self.oids = list(compress(oids, types))
            self.types = types.replace(b"\0", b"")

    def candidates(self) -> list[Candidate]:
        """Return the rows as candidates, after `complete`."""
        types, known = _TYPES, dict[int, int]()
        return [
            Candidate(oid, types[type_], known.setdefault(size, size), where, order)
            for order, (oid, type_, size, where) in enumerate(
                zip(self.oids, self.types, self.sizes, self.wheres, strict=True)
            )
        ]

    def _check_absent(self, place: int) -> None:
        if self._absent_ok:
            return
        oid, path = self.oids[place], self.wheres[place]
        context = self._contexts[bisect_right(self._starts, place) - 1]
        try:
            self._store.header(oid)
        except MissingObject as error:
            raise error.needed_by(describe(path, context)) from None
        raise MissingObject(oid.hex(), context=describe(path, context))


def describe(path: TreePath | bytes, context: ObjectId | str) -> str:
    """Return what needs an object, for messages: a path in the tree of a commit, or a text."""
    where = context if isinstance(context, str) else f"tree of commit {context.hex()}"
    return f"{path_end(path).decode('utf-8', 'backslashreplace')!r} in the {where}" if path else where


def wrong_type(oid: ObjectId, type_: ObjectType, needed: str) -> CorruptObject:
    """Return the error for an object that has another type than what refers to it says."""
    return CorruptObject(f"a {needed} is needed here, but it is a {type_.name.lower()}", oid=oid.hex())
