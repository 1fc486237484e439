"""Reads small objects of a pack in one flat loop: most of the time of a walk went into calls.

    read = quick_reader(source, cache, first_place, limits)
    read(offset)        (type code, bytes) of the object whose entry starts there
                        None if anything about it is unusual: large, a ref-delta, damaged, a chain too long

The caller then reads the object the careful way, which handles all of these and reports what is wrong. So a
quick reader needs no message of its own, and it checks only what it relies on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from packcore.deflate import InflateError, inflate_small, new_inflater
from packcore.delta.codec import apply_delta
from packcore.errors import CorruptData
from packcore.limits import KIB
from packcore.pack.format import OFS_DELTA, PACK_HEADER_BYTES
from packcore.pack.mapping import LOOK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.pack.mapping import PackSource
    from packcore.store.base_cache import BaseCache

__all__ = ["quick_reader", "quick_reading"]

_STREAM_BYTES_MAX = 64 * KIB
"""Larger streams take so long to inflate that the calls don't matter."""
_ONE_CALL_BYTES_MAX = 256
"""Up to this size a stream is inflated by one call without a bound on its result: even a hostile one, of
this size and a few bytes, makes at most 400 KB."""


class ReadablePack(Protocol):
    """A pack, such as `PackFile`."""

    def read_quickly(self, offset: int) -> tuple[int, bytes] | None:
        """Return type code and bytes of the object whose entry starts there; None if it is unusual."""


def quick_reading(
    locate: Callable[[ObjectId], tuple[ReadablePack, int] | None],
    read_one: Callable[[ObjectId], tuple[int, bytes]],
    read_elsewhere: Callable[[ObjectId], tuple[int, bytes]],
) -> Callable[[ObjectId], tuple[int, bytes]]:
    """Return a function that returns type code and bytes of an object.

    `locate` finds its entry in a pack; `read_one` reads what is unusual there, `read_elsewhere` what is in no
    pack.
    """

    def read(oid: ObjectId) -> tuple[int, bytes]:
        place = locate(oid)
        if place is None:
            return read_elsewhere(oid)
        found = place[0].read_quickly(place[1])
        return read_one(oid) if found is None else found

    return read


def quick_reader(
    source: PackSource, cache: BaseCache, first_place: int, limits: Limits
) -> Callable[[int], tuple[int, bytes] | None]:
    """Return a function that reads the object at an offset of the pack, or finds it in the cache.

    `first_place` is the place of the pack's offset 0 in the cache.
    """
    get, put, touch = cache.get, cache.put, source.touch
    inflate, inflater_of = inflate_small, new_inflater
    big_bytes, depth_max = limits.big_object, limits.chain_depth
    stream_bytes_max = min(_STREAM_BYTES_MAX, big_bytes - 1)

    def read(offset: int) -> tuple[int, bytes] | None:
        found = get(first_place + offset)
        if found is not None:
            return found
        data, end = source.view, source.entries_end
        streams: list[tuple[int, int, int]] = []  # place, start and size: deltas, and the whole object below
        made: bytes | None = None
        touched_bytes = 0
        at = offset
        try:
            while True:
                if not PACK_HEADER_BYTES <= at < end or len(streams) > depth_max:
                    return None
                byte = data[at]
                position = at + 1
                code = byte >> 4 & 7
                size = byte & 0x0F
                if byte >= 0x80:
                    byte = data[position]
                    position += 1
                    size |= (byte & 0x7F) << 4
                    if byte >= 0x80:
                        byte = data[position]
                        position += 1
                        size |= (byte & 0x7F) << 11
                        if byte >= 0x80:
                            return None
                if size > stream_bytes_max:
                    return None
                touched_bytes += LOOK_BYTES + size
                if code != OFS_DELTA:
                    if not 0 < code < OFS_DELTA - 1:
                        return None
                    streams.append((first_place + at, position, size))
                    break
                byte = data[position]
                position += 1
                distance = byte & 0x7F
                while byte >= 0x80 and distance < at:
                    byte = data[position]
                    position += 1
                    distance = distance + 1 << 7 | byte & 0x7F
                streams.append((first_place + at, position, size))
                if not distance:
                    return None
                at -= distance
                base = get(first_place + at)
                if base is not None:
                    code, made = base
                    break
            touch(touched_bytes)
            for place, position, size in reversed(streams):
                if size <= _ONE_CALL_BYTES_MAX:
                    stream = inflate(data[position : position + size + 80], 15, size)
                else:
                    inflater = inflater_of()
                    stream = inflater.decompress(data[position : position + size + 128], size + 1)
                    if not inflater.eof:
                        return None
                if len(stream) != size:
                    return None
                made = stream if made is None else apply_delta(made, stream, target_bytes_max=big_bytes - 1)
                put(place, (code, made))
        except (InflateError, CorruptData, IndexError):
            return None
        assert made is not None
        return code, made

    return read
