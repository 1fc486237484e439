"""The blobs of a listing: the walk only names them, and all are looked up together at its end.

    while the walk lists     (id, path) in the place of a candidate
    at the end               types and sizes by bulk reading, in the order of the storage

A blob has no links, so the walk needs nothing of it. Looked up one by one, blobs take as long as the trees.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, cast

from packcore.errors import CorruptObject, MissingObject
from packcore.objects import ObjectType
from packcore.plans.entries import Candidate
from packcore.store.bulk import headers_of
from packcore.tree_path import path_end

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore
    from packcore.tree_path import TreePath

__all__ = ["ListedBlobs", "describe", "wrong_type"]


_AT_ONCE = 1 << 17
"""Blobs to look up together: some 30 MB."""


class ListedBlobs:
    """The blobs of one listing. With `absent_ok`, those that the store lacks are left out."""

    def __init__(self, store: ObjectStore, *, absent_ok: bool) -> None:
        self._store = store
        self._absent_ok = absent_ok
        self._places = array("L")
        """Where in the listing the blobs are."""
        self._starts = array("L")
        self._contexts: list[ObjectId | str] = []
        """What needs the part of the listing that begins at each start."""

    def start(self, place: int, context: ObjectId | str) -> None:
        """Note what needs the objects from this place on."""
        self._starts.append(place)
        self._contexts.append(context)

    def add(self, candidates: list[Candidate], oid: ObjectId, path: TreePath | bytes) -> None:
        """Add a blob to the listing, to be completed later."""
        self._places.append(len(candidates))
        candidates.append(cast("Candidate", (oid, path)))

    def completed(self, candidates: list[Candidate]) -> list[Candidate]:
        """Return the listing with its blobs looked up.

        Raises MissingObject (naming what needs it), and CorruptObject for an object that is no blob.
        """
        blob = ObjectType.BLOB
        lacks_some = False
        for start in range(0, len(self._places), _AT_ONCE):
            places = self._places[start : start + _AT_ONCE]
            headers = headers_of(self._store, [candidates[place][0] for place in places])
            for place, header in zip(places, headers, strict=True):
                oid, path = cast("tuple[ObjectId, TreePath | bytes]", candidates[place])
                if header is None:
                    self._check_absent(oid, path, place)
                    lacks_some = True
                elif header[0] is not blob:
                    raise wrong_type(oid, header[0], "blob")
                else:
                    candidates[place] = Candidate(oid, blob, header[1], path, place)
        if not lacks_some:
            return candidates
        kept = (candidate for candidate in candidates if isinstance(candidate, Candidate))
        return [candidate._replace(order=order) for order, candidate in enumerate(kept)]

    def _check_absent(self, oid: ObjectId, path: TreePath | bytes, place: int) -> None:
        if self._absent_ok:
            return
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
