"""What can be wrong with a delta while it is resolved, told with the place of its entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.codec import DELTA_HEAD_BYTES_MAX, delta_sizes
from packcore.errors import CorruptData, CorruptPack, LimitExceeded

if TYPE_CHECKING:
    from packcore.limits import Limits
    from packcore.pack.table import PackTable

__all__ = ["delta_fault", "other_id", "target_size", "too_deep"]


def target_size(table: PackTable, entry_index: int, delta: bytes, limits: Limits) -> int:
    """Return the size of the object that a delta makes, by its head.

    Raises CorruptPack, and LimitExceeded for more than `object_bytes`.
    """
    try:
        size = delta_sizes(delta[:DELTA_HEAD_BYTES_MAX])[1]
    except CorruptData as error:
        raise delta_fault(table, entry_index, error) from None
    if size > limits.object_bytes:
        raise LimitExceeded(
            f"the object at offset {table.offsets[entry_index]} has {size} bytes; "
            f"the limit is {limits.object_bytes}",
            limit="object_bytes",
        )
    return size


def delta_fault(table: PackTable, entry_index: int, error: CorruptData) -> CorruptPack:
    """Return the error with the place of the entry."""
    if isinstance(error, CorruptPack):
        return error
    return CorruptPack(str(error), offset=table.offsets[entry_index])


def other_id(table: PackTable, entry_index: int) -> CorruptPack:
    """Return the error for an object that is another one than the index says."""
    return CorruptPack("an object has another id than its index says", offset=table.offsets[entry_index])


def too_deep(table: PackTable, entry_index: int, limits: Limits) -> LimitExceeded:
    """Return the error for a chain of too many deltas."""
    return LimitExceeded(
        f"the delta at offset {table.offsets[entry_index]} is the end of a chain of more than "
        f"{limits.chain_depth}",
        limit="chain_depth",
    )
