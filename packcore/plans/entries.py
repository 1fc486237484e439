"""The elements of a plan: objects to send, and how each one is written.

    Candidate   an object to send                                walk -> select
    PackEntry   the same, plus how it is written                 select -> write

There are three kinds of integers, which are never mixed: `entry_index` (position in the plan), `pack_offset`
(bytes from the start of a pack), and `size` (bytes of an inflated object).
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
"""Whole objects of at least this size are compressed in pieces while writing; plans don't carry their
stream."""


class Candidate(NamedTuple):
    """An object to pack, as found by the walk or a list of ids."""

    oid: ObjectId
    type: ObjectType
    size: int
    """The size of the whole object."""
    where: TreePath | bytes
    """Where the walk first met it: a path such as src/a.c; b"" for a root tree, a commit or a tag.

    Objects on the same path have equal values, so they can be grouped.
    """
    order: int
    """Its position in the walk: newest first, commits before their contents."""

    @property
    def path(self) -> bytes:
        """The same as bytes. Each call makes a new value of any length, so don't keep many."""
        return bytes(self.where)

    def __repr__(self) -> str:
        return hex_repr(self)


class Whole(NamedTuple):
    """Written whole. `deflated` is its zlib stream, if selection already made it."""

    deflated: bytes | None = None


class Delta(NamedTuple):
    """Written as a delta against an earlier entry of the same plan."""

    base_index: int
    delta_size: int
    """Inflated size of the delta."""
    deflated: bytes | None
    """The zlib stream of the delta; None means that it is made again from base and object."""


class ThinDelta(NamedTuple):
    """Written as a ref-delta against an object that the receiver has but the pack doesn't."""

    base_oid: ObjectId
    delta_size: int
    deflated: bytes | None

    def __repr__(self) -> str:
        return hex_repr(self)


class Reused(NamedTuple):
    """Copied from another pack as it is.

    It is a delta against an earlier entry if `base_index` is not None, a thin delta if only `raw.base` is not
    None, and a whole object otherwise.
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
    """Return whether an entry is written as a delta, including copied ones."""
    if isinstance(encoding, Reused):
        return encoding.raw.base is not None
    return not isinstance(encoding, Whole)
