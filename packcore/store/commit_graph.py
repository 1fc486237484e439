"""The commit-graph: trees, parents, dates and generations of commits, in a table that git keeps up to date.

    CGPH 01 hash chunks bases    objects/info/commit-graph, or a chain of layers:
    OIDF OIDL                    objects/info/commit-graphs/commit-graph-chain    a digest a line, base first
    CDAT  for each commit        objects/info/commit-graphs/graph-<digest>.graph
          tree (20 or 32)
          parent, parent (4 + 4)   a position; 70000000 none; 80000000 + n: all others, from EDGE row n on
          level, date (30 + 34 bits)
    EDGE  positions of further parents; the last one has the topmost bit set
    GDA2  corrected date minus date (4), or 80000000 + a row of GDO2 (8)
    BASE  the digests of the layers below

Positions count through all layers, the base first. The level of a commit is one more than the highest of its
parents, its corrected date at least one more than theirs: either serves as a generation. Specified in
gitformat-commit-graph. Left out: the filters of changed paths (BIDX, BDAT).

A graph is closed: if it holds a commit, it holds all its ancestors. It may name commits that the repository
has lost; what it says of these is still true, since an id always stands for the same bytes. So the store
decides on presence, and the graph on links.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptShortcut
from packcore.ids import ObjectId
from packcore.objects import CommitLinks
from packcore.store.chunk_file import ChunkFile, IdTable, map_shortcut

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat

__all__ = ["UNKNOWN_GENERATION", "CommitGraph", "Node", "parse_commit_graph", "read_commit_graph"]

UNKNOWN_GENERATION = 1 << 63
"""For a commit without a known generation: above all known ones, since those commits' ancestors are known."""
_NO_PARENT = 0x70000000
_MORE = 0x80000000
_LEVEL_MAX = 0x3FFFFFFF
_LAYERS_MAX = 256
"""Longest chain accepted; git keeps its length logarithmic in the number of commits."""
_HEADER_BYTES = 8


class Node(NamedTuple):
    """A commit in the graph of history."""

    parents: tuple[ObjectId, ...]
    generation: int
    """Larger than that of every ancestor."""
    date: int
    """Committer date, seconds since 1970."""


class _Layer:
    """One file of a graph; `first` is the position of its first commit, counted through all layers."""

    def __init__(self, data: bytes | mmap.mmap, object_format: ObjectFormat, path: str, first: int) -> None:
        self.file = ChunkFile(data, object_format, path, signature=b"CGPH", header=_HEADER_BYTES)
        self.base_count = data[7]
        self.ids = IdTable(self.file)
        self.first = first
        self.count = self.ids.count
        self._tree_bytes = object_format.digest_size
        self._row = Struct(f">{object_format.digest_size}sIIQ")
        self._rows, _ = self.file.chunk(b"CDAT", self.count * self._row.size)
        self._edges = self.file.chunk(b"EDGE") if self.file.has(b"EDGE") else (0, 0)
        self.has_dates = self.file.has(b"GDA2")
        self._dates, _ = self.file.chunk(b"GDA2", self.count * 4) if self.has_dates else (0, 0)
        self._far_dates = self.file.chunk(b"GDO2") if self.file.has(b"GDO2") else (0, 0)
        if (self._edges[1] - self._edges[0]) % 4 or (self._far_dates[1] - self._far_dates[0]) % 8:
            raise self.file.fault("a chunk is cut off within a row")

    def row(self, position: int) -> tuple[bytes, Sequence[int], int, int]:
        """Return a commit's tree, the positions of its parents, its level and its date."""
        tree, first, second, last = self._row.unpack_from(
            self.file.data, self._rows + position * self._row.size
        )
        parents: Sequence[int]
        if first == _NO_PARENT:
            parents = ()
        elif second == _NO_PARENT:
            parents = (first,)
        elif second < _MORE:
            parents = (first, second)
        else:
            parents = (first, *self._further(second - _MORE))
        return tree, parents, last >> 34, last & 0x3FFFFFFFF

    def _further(self, row: int) -> Iterator[int]:
        start, end = self._edges
        at = start + 4 * row
        while at < end:
            value = int.from_bytes(self.file.data[at : at + 4], "big")
            yield value & ~_MORE
            if value & _MORE:
                return
            at += 4
        raise self.file.fault("a list of parents has no end")

    def corrected(self, position: int, date: int) -> int:
        """Return a commit's corrected date."""
        at = self._dates + 4 * position
        offset = int.from_bytes(self.file.data[at : at + 4], "big")
        if offset < _MORE:
            return date + offset
        start, end = self._far_dates
        at = start + 8 * (offset - _MORE)
        if at >= end:
            raise self.file.fault("an offset of a date is not there")
        return date + int.from_bytes(self.file.data[at : at + 8], "big")


class CommitGraph:
    """Look-ups in a graph of one or more layers. Raises CorruptShortcut for rows that point outside."""

    def __init__(self, layers: Sequence[_Layer]) -> None:
        self._layers = tuple(layers)
        self._newest_first = self._layers[::-1]
        self.count = sum(layer.count for layer in layers)
        self._by_dates = all(layer.has_dates for layer in layers)

    def __len__(self) -> int:
        return self.count

    def __contains__(self, oid: object) -> bool:
        return isinstance(oid, bytes) and any(layer.ids.find(oid) >= 0 for layer in self._layers)

    @property
    def paths(self) -> list[str]:
        """The files, the base first."""
        return [layer.file.path for layer in self._layers]

    def node(self, oid: ObjectId) -> Node | None:
        """Return a commit's parents, generation and date; None if it isn't here."""
        for layer in self._newest_first:
            position = layer.ids.find(oid)
            if position >= 0:
                return self._node(layer, position)
        return None

    def links(self, oid: ObjectId) -> CommitLinks | None:
        """Return a commit's tree, parents and date; None if it isn't here."""
        for layer in self._newest_first:
            position = layer.ids.find(oid)
            if position >= 0:
                node = self._node(layer, position)
                return CommitLinks(ObjectId(layer.row(position)[0]), node.parents, node.date)
        return None

    def _node(self, layer: _Layer, position: int) -> Node:
        _, places, level, date = layer.row(position)
        parents = tuple([self._oid(layer, place) for place in places])
        generation = layer.corrected(position, date) if self._by_dates else level
        if not 0 < level < _LEVEL_MAX:
            raise layer.file.fault("a commit has no generation: an old git wrote it")
        return Node(parents, generation, date)

    def _oid(self, layer: _Layer, place: int) -> ObjectId:
        """Return the id at a position, counted through all layers up to this one."""
        first = layer.first
        if first <= place < first + layer.count:
            return layer.ids.oid(place - first)
        if place < first:
            for below in self._layers:
                if place < below.first + below.count:
                    return below.ids.oid(place - below.first)
        raise layer.file.fault("a parent is not in the graph")

    def rows(self) -> Iterator[tuple[ObjectId, ObjectId, Node]]:
        """Yield every commit with its tree and its node, layer by layer, for checks."""
        for layer in self._layers:
            for position in range(layer.count):
                yield layer.ids.oid(position), ObjectId(layer.row(position)[0]), self._node(layer, position)

    def check_files(self) -> None:
        """Check the digests and the order of ids. Raises CorruptShortcut."""
        for layer in self._layers:
            layer.file.check_digest()
            if (position := layer.ids.first_disorder()) is not None:
                raise layer.file.fault(f"its ids are out of order at position {position}")

    def close(self) -> None:
        """Release the maps. Idempotent."""
        for layer in self._layers:
            layer.file.close()


def parse_commit_graph(
    files: Sequence[tuple[bytes | mmap.mmap, str]], object_format: ObjectFormat
) -> CommitGraph:
    """Return the graph in these files, the base first. Raises CorruptShortcut."""
    layers: list[_Layer] = []
    first = 0
    for number, (data, path) in enumerate(files):
        layer = _Layer(data, object_format, path, first)
        if layer.base_count != number:
            raise layer.file.fault(
                f"it is made for {layer.base_count} layers below it, and there are {number}"
            )
        if number:
            size = object_format.digest_size
            start, _ = layer.file.chunk(b"BASE", number * size)
            named = layer.file.data[start : start + number * size]
            if named != b"".join(below.file.data[below.file.end :] for below in layers):
                raise layer.file.fault("the layers below it are not those that it names")
        layers.append(layer)
        first += layer.count
    if first >= _NO_PARENT:
        raise layers[-1].file.fault("it holds too many commits")
    return CommitGraph(layers)


def read_commit_graph(objects: Path, object_format: ObjectFormat) -> CommitGraph | None:
    """Open the graph of a folder of objects; None if there is none.

    Raises CorruptShortcut, and RepositoryError for a file that can't be opened.
    """
    info = objects / "info"
    single = info / "commit-graph"
    data = map_shortcut(single)
    if data is not None:
        return parse_commit_graph([(data, str(single))], object_format)
    chain = info / "commit-graphs" / "commit-graph-chain"
    listed = map_shortcut(chain)
    if listed is None:
        return None
    names = bytes(listed).split()
    if len(names) > _LAYERS_MAX:
        raise CorruptShortcut(f"it names more than {_LAYERS_MAX} layers", path=str(chain))
    files = []
    for name in names:
        if len(name) != object_format.hex_size or name.strip(b"0123456789abcdef"):
            raise CorruptShortcut("a line is no digest", path=str(chain))
        path = chain.with_name(f"graph-{name.decode()}.graph")
        layer = map_shortcut(path)
        if layer is None:
            raise CorruptShortcut(f"{path.name} is not there", path=str(chain))
        files.append((layer, str(path)))
    return parse_commit_graph(files, object_format) if files else None
