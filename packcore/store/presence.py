"""Whether objects are here, asked about very many ids of which few are: what a client of a server names.

For an id that is in no pack, a loose store looks for a file: a system call each. Here each of its 256
folders is listed instead, when an id of it is asked for first. Objects that are added later may be missed,
so a presence is for one request.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packcore.store.loose import LooseStore

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from packcore.ids import ObjectId

__all__ = ["Presence"]


class Presence:
    """Some stores as they are now. `oid in presence` makes no system call for most ids that aren't here."""

    def __init__(self, stores: Iterable[Container[ObjectId]]) -> None:
        """Ask the stores in their order."""
        self._stores = [_LooseNames(store) if isinstance(store, LooseStore) else store for store in stores]

    def __contains__(self, oid: object) -> bool:
        for store in self._stores:  # noqa: SIM110 -- `any` takes twice as long
            if oid in store:
                return True
        return False


class _LooseNames:
    """A loose store that is asked only about files that were listed."""

    def __init__(self, store: LooseStore) -> None:
        self._store = store
        self._names: list[frozenset[str] | None] = [None] * 256

    def __contains__(self, oid: object) -> bool:
        if not isinstance(oid, bytes) or not oid:
            return False
        names = self._names[oid[0]]
        if names is None:
            names = self._names[oid[0]] = self._listed(oid[0])
        return bool(names) and oid[1:].hex() in names and oid in self._store

    def _listed(self, first: int) -> frozenset[str]:
        try:
            return frozenset(os.listdir(self._store.folder(first)))  # noqa: PTH208 -- of many thousand files
        except OSError:
            return frozenset()
