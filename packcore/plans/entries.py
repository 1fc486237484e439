"""What a plan is made of: objects to send, and how each one is written.

    Candidate   an object to send                                walk -> select
    PackEntry   the same, with the way it will be written        select -> write

Three integers that are never mixed: `entry_index` (position in the plan), `pack_offset` (bytes from
the start of a pack), `size` (bytes of an inflated object).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.ids import hex_repr
from packcore.limits import KIB

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.objects import ObjectType
    from packcore.store.base import RawEntry
    from packcore.tree_path import TreePath

__all__ = [
    "STREAMED_BYTES",
    "Candidate",
    "Delta",
    "Encoding",
    "PackEntry",
    "Reused",
    "ThinDelta",
    "Whole",
    "is_delta",
]


STREAMED_BYTES = 512 * KIB
"""Whole objects from this size on are compressed in pieces while writing, so no plan carries their stream."""


class Candidate(NamedTuple):
    """An object to be packed, as the walk (or a list of ids) names it."""

    oid: ObjectId
    type: ObjectType
    size: int
    """Bytes of the whole object."""
    where: TreePath | bytes
    """Where the walk first met it: the path of src/a.c; b"" for a root tree, a commit or a tag.

    Objects of one path have equal values here, by which they can be grouped.
    """
    order: int
    """Its position in the walk: newest first, commits before what they hold."""

    @property
    def path(self) -> bytes:
        """The same as bytes, made at each call: of any length, so don't keep many."""
        return bytes(self.where)

    def __repr__(self) -> str:
        return hex_repr(self)


class Whole(NamedTuple):
    """Written whole. `deflated` is its zlib stream when selection already made it."""

    deflated: bytes | None = None


class Delta(NamedTuple):
    """Written as a delta against an earlier entry of the same plan."""

    base_index: int
    delta_size: int
    """Inflated bytes of the delta."""
    deflated: bytes | None
    """The delta's zlib stream, or None where it will be made again from base and object."""


class ThinDelta(NamedTuple):
    """Written as a ref-delta against an object that the receiver has and the pack has not."""

    base_oid: ObjectId
    delta_size: int
    deflated: bytes | None

    def __repr__(self) -> str:
        return hex_repr(self)


class Reused(NamedTuple):
    """Copied as it lies in another pack.

    A delta against an earlier entry when `base_index` is not None; a thin delta when only `raw.base`
    is not None; else a whole object.
    """

    raw: RawEntry
    base_index: int | None


Encoding = Whole | Delta | ThinDelta | Reused


class PackEntry(NamedTuple):
    """One object of a plan and how it is written."""

    oid: ObjectId
    type: ObjectType
    size: int
    encoding: Encoding

    def __repr__(self) -> str:
        return hex_repr(self)


def is_delta(encoding: Encoding) -> bool:
    """Tell whether an entry is written as a delta, copied ones included."""
    if isinstance(encoding, Reused):
        return encoding.raw.base is not None
    return not isinstance(encoding, Whole)
