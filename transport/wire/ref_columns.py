"""Refs by name, kept in columns as they were listed: none costs an object until one is asked for.

    names   refs/heads/a    refs/tags/v1      bytes
    hexes   5f3c…           77ab…             ids in hex

Two listings with equal columns hold the same refs, which takes no look-up to find out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from packcore.ids import ObjectId, ids_of_hex
from packcore.refs import decode_ref_names, encode_ref_name

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, KeysView, Sequence, ValuesView

__all__ = ["RefColumns", "have_same_columns"]


def have_same_columns(one: Mapping[str, ObjectId], other: Mapping[str, ObjectId]) -> bool:
    """Return whether both are in columns, and these are equal. If not, the refs may still be the same."""
    if not isinstance(one, RefColumns) or not isinstance(other, RefColumns):
        return False
    return one.names == other.names and one.hexes == other.hexes


class RefColumns(Mapping[str, ObjectId]):
    """Ids by ref name, in the order listed. Immutable."""

    def __init__(self, names: Sequence[bytes] = (), hexes: Sequence[bytes] = ()) -> None:
        """Take columns of equal length: valid names, each once, and whole ids."""
        self.names = names
        self.hexes = hexes

    @classmethod
    def of(cls, refs: Mapping[str, ObjectId]) -> RefColumns:
        """Return any refs by name in columns."""
        if isinstance(refs, RefColumns):
            return refs
        return cls(list(map(encode_ref_name, refs)), [oid.hex().encode() for oid in refs.values()])

    @cached_property
    def _texts(self) -> list[str]:
        return decode_ref_names(self.names)

    @cached_property
    def _by_name(self) -> dict[str, ObjectId]:
        return dict(zip(self._texts, ids_of_hex(self.hexes), strict=True))

    def __getitem__(self, name: str) -> ObjectId:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self.names)

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._by_name.keys()

    def values(self) -> ValuesView[ObjectId]:
        """Return the ids."""
        return self._by_name.values()

    def items(self) -> ItemsView[str, ObjectId]:
        """Return names and ids."""
        return self._by_name.items()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return have_same_columns(self, other) or self._by_name == dict(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"RefColumns({len(self)} refs)"
