"""A delta chain from its full base to an object: what each link does, and what it costs.

full base --delta--> object --delta--> ... --delta--> the requested object
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from packcore.anatomy.delta import Step, steps
from packcore.delta.codec import apply_delta
from packcore.errors import CorruptData, CorruptPack, MissingObject
from packcore.limits import MIB
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Container

    from packcore.anatomy.pack import Entry, PackAnatomy

__all__ = ["ChainReader", "Link", "read_chain"]

_LINKS_MAX = 4096
"""git never writes longer chains (`--depth` ends at 4095)."""


class Link(NamedTuple):
    """One object of a chain."""

    entry: Entry
    entry_bytes: int
    """The size of the entry in the pack."""
    stream: bytes
    """The inflated stream: the object, or the delta."""
    steps: tuple[Step, ...]
    """The instructions of the delta; none for the full base."""
    data: bytes
    """The object."""


class ChainReader:
    """Reads the objects of one pack, and caches the last ones, since neighbours share their bases.

    `cache_bytes` bounds the cache. A chain is read from the nearest cached object.
    """

    def __init__(self, pack: PackAnatomy, *, cache_bytes: int = 32 * MIB) -> None:
        self._pack = pack
        self._cache_bytes = cache_bytes
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._kept_bytes = 0

    def read(self, entry: Entry) -> bytes:
        """Return the object of an entry. Raises what `read_chain` does."""
        way = _way(self._pack, entry, stop=self._kept)
        first = way.pop()
        data = self._kept.get(first.offset)
        if data is None:
            data = self._keep(first.offset, self._pack.stream_of(first))
        for link in reversed(way):
            data = self._keep(link.offset, _apply(link, data, self._pack.stream_of(link)))
        return data

    def _keep(self, offset: int, data: bytes) -> bytes:
        self._kept[offset] = data
        self._kept_bytes += len(data)
        while self._kept_bytes > self._cache_bytes:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])
        return data


def read_chain(pack: PackAnatomy, entry: Entry) -> tuple[ObjectType, list[Link]]:
    """Return the type of an object and its chain, starting with the full base.

    Raises CorruptPack, LimitExceeded for an object above 64 MiB, MissingObject for a base outside the pack.
    """
    way = _way(pack, entry)
    links: list[Link] = []
    for link_entry in reversed(way):
        links.append(_link(pack, link_entry, links[-1].data if links else None))
    return ObjectType(way[-1].type_code), links


def _way(pack: PackAnatomy, entry: Entry, *, stop: Container[int] = ()) -> list[Entry]:
    """Return the entries from this one to its full base, or to the first one with an offset in `stop`."""
    way = [entry]
    seen = {entry.offset}
    while way[-1].is_delta and way[-1].offset not in stop:
        base = pack.base_of(way[-1])
        if base is None:
            oid = way[-1].base_oid
            assert oid is not None
            raise MissingObject(
                oid.hex(),
                context=f"base of the delta at offset {way[-1].offset}",
                hint="the pack is thin, or its index is missing: `packcore index-pack` makes one",
            )
        if base.offset in seen or len(way) > _LINKS_MAX:
            raise CorruptPack("a chain of deltas forms a cycle", offset=base.offset)
        seen.add(base.offset)
        way.append(base)
    return way


def _link(pack: PackAnatomy, entry: Entry, base: bytes | None) -> Link:
    stream = pack.stream_of(entry)
    entry_bytes = pack.end_of(entry) - entry.offset
    if base is None:
        return Link(entry, entry_bytes, stream, (), stream)
    data = _apply(entry, base, stream)
    return Link(entry, entry_bytes, stream, tuple(steps(stream)), data)


def _apply(entry: Entry, base: bytes, delta: bytes) -> bytes:
    try:
        return apply_delta(base, delta)
    except CorruptData as error:
        raise CorruptPack(str(error), offset=entry.offset) from None
