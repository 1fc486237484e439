"""A repository as git shows it: reading an object gives what refs/replace says instead (git-replace).

    refs/replace/<id>  ->  <other id>        reading <id> gives the bytes of <other id>

A replacement may be replaced itself, a few times in a row. An object keeps its own id: only its type, size
and content are another's. With `core.useReplaceRefs = false` nothing is replaced. What is packed, sent or
checked is never replaced: that takes a plain `Repository`. git's commit-graphs and bitmaps describe the
history without replacements, so they are left aside where there are any.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from packcore.errors import CorruptObject, MissingObject
from packcore.ids import as_id
from packcore.refs import REPLACE_PREFIX
from packcore.store.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.errors import UnreadableRef
    from packcore.ids import AnyId, ObjectId
    from packcore.store.base import ObjectHeader, RawEntry, StoredObject
    from packcore.store.shortcuts import Shortcuts

__all__ = ["ReplacedRepository"]

_DEPTH_MAX = 5
"""Replacements in a row; git's limit."""


class ReplacedRepository(Repository):
    """An open repository whose objects are read with their replacements."""

    @cached_property
    def _replacements(self) -> dict[ObjectId, ObjectId | UnreadableRef]:
        """What is read for which id; refs whose names end in no id replace nothing, as in git."""
        found: dict[ObjectId, ObjectId | UnreadableRef] = {}
        if not self.config.get_bool("core.useReplaceRefs", default=True):
            return found
        refs = self.ref_table([REPLACE_PREFIX]).list()
        values = {name: ref.oid for name, ref in refs.known.items()} | refs.unreadable
        for name, value in values.items():
            with suppress(ValueError):
                found[self.object_format.from_hex(name.removeprefix(REPLACE_PREFIX))] = value
        return found

    def shown_id(self, given: AnyId) -> ObjectId:
        """Return the id of what is read for an object. Raises UnreadableRef, CorruptObject."""
        oid = as_id(self.object_format, given)
        replacements = self._replacements
        if not replacements:
            return oid
        found = oid
        for _ in range(_DEPTH_MAX + 1):
            following = replacements.get(found)
            if following is None:
                return found
            if isinstance(following, Exception):
                raise following
            found = following
        raise CorruptObject(f"more than {_DEPTH_MAX} replacements lead on from it", oid=oid.hex())

    def header(self, oid: AnyId) -> ObjectHeader:
        """Return type and size. Raises MissingObject, CorruptData, UnreadableRef."""
        found = self.shown_id(oid)
        try:
            return super().header(found)
        except MissingObject as error:
            raise self._about(error, found, oid) from None

    def read(self, oid: AnyId) -> StoredObject:
        """Return the object whole. Raises as `header`."""
        found = self.shown_id(oid)
        try:
            return super().read(found)
        except MissingObject as error:
            raise self._about(error, found, oid) from None

    def reading(self) -> Callable[[ObjectId], tuple[int, bytes]]:
        """Return a function that reads objects: see `packcore.store.bulk`."""
        return self.read if self._replacements else super().reading()

    def stream(self, oid: AnyId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks of at most 64 KiB. Raises as `header`."""
        found = self.shown_id(oid)
        try:
            return super().stream(found)
        except MissingObject as error:
            raise self._about(error, found, oid) from None

    def raw(self, oid: AnyId) -> RawEntry | None:
        """Return the entry in a pack, or None if it is only loose. Raises as `header`."""
        found = self.shown_id(oid)
        try:
            return super().raw(found)
        except MissingObject as error:
            raise self._about(error, found, oid) from None

    def prepared(self) -> Shortcuts | None:
        """Return what git has prepared, unless replacements make it untrue."""
        return None if self._replacements else super().prepared()

    def _about(self, error: MissingObject, found: ObjectId, given: AnyId) -> MissingObject:
        """Return the error in terms of the object that was asked for."""
        oid = as_id(self.object_format, given)
        if found == oid or error.oid != found.hex():
            return error
        return MissingObject(oid.hex(), context=f"its replacement {found.hex()} is not here", hint=error.hint)
