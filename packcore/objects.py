"""Object types, and parsing of commits, trees and tags: as much as walking, checking and showing need."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ObjectType"]


class ObjectType(IntEnum):
    """The four kinds of object; the numbers are those of a pack entry's type bits."""

    COMMIT = 1
    TREE = 2
    BLOB = 3
    TAG = 4

    @property
    def label(self) -> bytes:
        """The name that is hashed into the id and printed: b"commit", b"tree", b"blob", b"tag"."""
        return _LABELS[self]

    @classmethod
    def from_label(cls, label: bytes) -> ObjectType:
        """Return the type for a name; ValueError on any other name."""
        try:
            return _TYPES[label]
        except KeyError:
            raise ValueError(f"unknown object type {label[:20]!r}") from None


_LABELS = {
    ObjectType.COMMIT: b"commit",
    ObjectType.TREE: b"tree",
    ObjectType.BLOB: b"blob",
    ObjectType.TAG: b"tag",
}
_TYPES = {label: type_ for type_, label in _LABELS.items()}
