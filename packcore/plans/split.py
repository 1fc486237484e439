"""Cuts a plan into several, for packs of a limited size: git's `--max-pack-size`.

    entries of the plan      e1 e2 e3 | e4 e5 | e6 …        cut where the next entry doesn't fit
    a delta of e4 on e2      whole in the second pack       each pack stands alone

An object that the plan doesn't carry is compressed once to measure it. A single object larger than the
limit gets a pack of its own, as with git.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.pack.format import PACK_HEADER_BYTES, REF_DELTA, encode_entry_header
from packcore.plans.entries import Delta, Reused, Whole, is_delta
from packcore.plans.write import payload_bytes

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from packcore.plans.entries import PackEntry
    from packcore.plans.plan import PackPlan

__all__ = ["split_plan"]


def split_plan(plan: PackPlan, pack_bytes_max: int) -> Iterator[PackPlan]:
    """Yield plans whose packs have at most `pack_bytes_max` bytes, however they name bases.

    Raises MissingObject or CorruptData if an object can't be read.
    """
    digest_size = plan.object_format.digest_size
    room_bytes = pack_bytes_max - PACK_HEADER_BYTES - digest_size
    part: list[PackEntry] = []
    numbers: dict[int, int] = {}
    """The entries of the current part: their index in it, by the one in the whole plan."""
    used_bytes = 0
    for entry_index, entry in enumerate(plan.entries):
        kept = _within(entry, numbers)
        size = _entry_bytes(plan, kept, digest_size)
        if part and used_bytes + size > room_bytes:
            yield replace(plan, entries=tuple(part))
            part, numbers, used_bytes = [], {}, 0
            if kept.encoding is entry.encoding:
                kept = _within(entry, numbers)
                size = _entry_bytes(plan, kept, digest_size)
        base_index = _base_index(kept)
        if base_index is not None:
            kept = kept._replace(encoding=kept.encoding._replace(base_index=numbers[base_index]))  # type: ignore[call-arg]
        numbers[entry_index] = len(part)
        part.append(kept)
        used_bytes += size
    yield replace(plan, entries=tuple(part))


def _base_index(entry: PackEntry) -> int | None:
    encoding = entry.encoding
    return encoding.base_index if isinstance(encoding, Delta | Reused) else None


def _within(entry: PackEntry, numbers: Container[int]) -> PackEntry:
    """Return an entry as it is, or whole if its base is in another part."""
    base_index = _base_index(entry)
    return entry if base_index is None or base_index in numbers else entry._replace(encoding=Whole())


def _entry_bytes(plan: PackPlan, entry: PackEntry, digest_size: int) -> int:
    """Return the size of an entry, or a few bytes more: how a base is named is not known yet."""
    encoding = entry.encoding
    if isinstance(encoding, Whole):
        inflated = entry.size
    else:
        inflated = encoding.raw.size if isinstance(encoding, Reused) else encoding.delta_size
    base_bytes = digest_size if is_delta(encoding) else 0  # an id, which is longer than a distance
    return len(encode_entry_header(REF_DELTA, inflated)) + base_bytes + payload_bytes(plan, entry)
