"""The protocol of what looks at every object of a pack while it is indexed, as a check of contents does.

scan                  whole objects, in pack order; with several processes, only blobs
resolver              with several processes, the other whole objects
                      deltas, each after its base, with its base
several processes     start_share, objects, seen   in each;   take_over   of each in the main process
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from packcore.objects import ObjectType

if TYPE_CHECKING:
    from packcore.ids import ObjectId

__all__ = ["STRUCTURES", "Observer"]

STRUCTURES = frozenset(ObjectType) - {ObjectType.BLOB}
"""What takes time to look at: an observer doesn't ask what a blob says."""


class Observer(Protocol):
    """What looks at each object once while a pack is indexed, such as a check of its content."""

    def __call__(
        self,
        type_code: int,
        oid: ObjectId,
        data: bytes | None,
        base_oid: ObjectId | None,
        base: bytes | None,
        /,
    ) -> None:
        """Look at an object, and at its base; None for a whole object.

        Bytes are None from `Limits.big_object` on. A base comes before its deltas.
        """

    def start_share(self) -> None:
        """Begin to look at a share of the objects, in a process of its own."""

    def seen(self) -> bytes:
        """Return everything that was noted, to be taken over in another process."""

    def take_over(self, seen: bytes) -> None:
        """Add what was noted in another process."""
