"""One change of one ref, as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from packcore.ids import ObjectId

__all__ = ["RefChange"]


class RefChange(NamedTuple):
    """One ref, from `old` to `new`; an all-zero id means no such ref."""

    name: str
    old: ObjectId
    new: ObjectId

    @property
    def is_delete(self) -> bool:
        """Whether this deletes the ref."""
        return not any(self.new)
