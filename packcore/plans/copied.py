"""The entries of a plan that copies everything from one pack, made only when they are accessed.

A plan that copies a whole pack is usually just written and never inspected, so it makes no value per object.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

from packcore.plans.entries import PackEntry, Reused

if TYPE_CHECKING:
    from packcore.store.pack_part import PackPart

__all__ = ["CopiedEntries"]


class CopiedEntries(Sequence[PackEntry]):
    """The entries for a part of a pack, in pack order."""

    def __init__(self, part: PackPart) -> None:
        self.part = part
        """Returns their bytes and their bases without making entries."""

    def __len__(self) -> int:
        return len(self.part)

    @overload
    def __getitem__(self, index: int) -> PackEntry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PackEntry]: ...
    def __getitem__(self, index: int | slice) -> PackEntry | Sequence[PackEntry]:
        return self._made[index]

    def __eq__(self, other: object) -> bool:
        return self._made == (other._made if isinstance(other, CopiedEntries) else other)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def _made(self) -> tuple[PackEntry, ...]:
        return tuple(
            PackEntry(oid, type_, size, Reused(raw, None if base < 0 else base))
            for base, (oid, (type_, size), raw) in zip(self.part.bases, self.part.objects(), strict=True)
        )
