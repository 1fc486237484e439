"""Plans: what phase 1 returns and phase 2 writes. Values, never changed once made.

    Candidate   an object to send                                   walk -> select
    PackEntry   the same, with the way it will be written           select -> write
    PackPlan    all entries in pack order, checked once when made

Three integers that are never mixed: `entry_index` (position in the plan), `pack_offset` (bytes from
the start of a pack), `size` (bytes of an inflated object).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.objects import ObjectType
    from packcore.store.base import RawEntry

__all__ = ["Candidate", "Delta", "Encoding", "PackEntry", "Reused", "ThinDelta", "Whole"]


class Candidate(NamedTuple):
    """An object to be packed, as the walk (or a list of ids) names it."""

    oid: ObjectId
    type: ObjectType
    size: int
    """Bytes of the whole object."""
    path: bytes
    """Where the walk first met it: b"src/a.c"; b"" for a root tree, a commit or a tag."""
    order: int
    """Its position in the walk: newest first, commits before what they hold."""


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


class Reused(NamedTuple):
    """Copied as it lies in another pack; a delta when `base_index` is not None."""

    raw: RawEntry
    base_index: int | None


Encoding = Whole | Delta | ThinDelta | Reused


class PackEntry(NamedTuple):
    """One object of a plan and how it is written."""

    oid: ObjectId
    type: ObjectType
    size: int
    encoding: Encoding
