"""Writes a commit-graph of one layer, byte for byte as git does (without filters of changed paths).

A graph is closed: the commits must include all their ancestors. Memory: some 400 bytes per commit.
"""

from __future__ import annotations

from itertools import accumulate
from struct import pack
from typing import TYPE_CHECKING

from packcore.errors import MissingObject
from packcore.store.chunk_file import chunk_file_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.objects import CommitLinks

__all__ = ["write_commit_graph"]

_NO_PARENT = 0x70000000
_MORE = 0x80000000
_OFFSET_MAX = 0x7FFFFFFF
_DATE_BITS = 0x3FFFFFFFF
_LEVEL_MAX = 0x3FFFFFFF


def write_commit_graph(
    commits: Mapping[ObjectId, CommitLinks], object_format: ObjectFormat
) -> Iterator[bytes]:
    """Yield the bytes of a graph. Raises MissingObject if a parent is not among the commits."""
    oids = sorted(commits)
    places = {oid: place for place, oid in enumerate(oids)}
    levels, dates = _generations(commits, oids)
    edges = bytearray()
    rows = bytearray()
    for oid in oids:
        links = commits[oid]
        parents = [places[parent] for parent in links.parents]
        first, second = [*parents[:2], _NO_PARENT, _NO_PARENT][:2]
        if len(parents) > 2:
            second = _MORE | len(edges) // 4
            edges += b"".join(pack(">I", place) for place in parents[1:-1]) + pack(">I", _MORE | parents[-1])
        level = min(levels[oid], _LEVEL_MAX)
        rows += links.tree + pack(">IIQ", first, second, level << 34 | _date(links))
    near, far = bytearray(), bytearray()
    for oid in oids:
        offset = dates[oid] - _date(commits[oid])
        if offset > _OFFSET_MAX:
            near += pack(">I", _MORE | len(far) // 8)
            far += pack(">Q", offset)
        else:
            near += pack(">I", offset)
    counts = [0] * 256
    for oid in oids:
        counts[oid[0]] += 1
    chunks = [
        (b"OIDF", pack(">256I", *accumulate(counts))),
        (b"OIDL", b"".join(oids)),
        (b"CDAT", bytes(rows)),
        (b"GDA2", bytes(near)),
        *([(b"GDO2", bytes(far))] if far else []),
        *([(b"EDGE", bytes(edges))] if edges else []),
    ]
    return chunk_file_blocks(b"CGPH", object_format, chunks, after_count=b"\0")


def _date(links: CommitLinks) -> int:
    """Return a date, limited to what the format can hold."""
    return max(links.date, 0) & _DATE_BITS


def _generations(
    commits: Mapping[ObjectId, CommitLinks], oids: Sequence[ObjectId]
) -> tuple[dict[ObjectId, int], dict[ObjectId, int]]:
    """Return each commit's level and corrected date."""
    levels: dict[ObjectId, int] = {}
    dates: dict[ObjectId, int] = {}
    for start in oids:
        stack = [start]
        while stack:
            oid = stack[-1]
            if oid in levels:
                stack.pop()
                continue
            links = commits.get(oid)
            if links is None:
                raise MissingObject(oid.hex(), context="a parent, needed for the commit-graph")
            waiting = [parent for parent in links.parents if parent not in levels]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            levels[oid] = 1 + max((levels[parent] for parent in links.parents), default=0)
            dates[oid] = max(_date(links), 1 + max((dates[parent] for parent in links.parents), default=0))
    return levels, dates
