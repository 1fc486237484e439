"""The default: bases are found by the history and by shared chunks, not by trying each neighbour.

    1  version graph        which object is a version of which                      version_graph
    2  order                commits, tags, trees, blobs; trees and blobs by name    here
    3  walk of each path    newest first, along a spanning tree                     delta/forest
    4  prescribed base      by the depth schedule                                   delta/depth
    5  other bases          when much stays literal: the version nearest in size;   delta/window
                            whoever brought in those chunks (a rename, a copy)
    6  matches              of the best candidate, aborted when worse               segments, trees
    7  acceptance           by what is really saved, after compression              here

The window is the chunk index: what it has forgotten is out of reach, whatever its distance; what it
remembers is one look-up away. Each object is compared with two or three others in the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from packcore.deflate import deflate
from packcore.delta.chunks import cut, fingerprints, tree_entry_start, tree_ids
from packcore.delta.depth import Ruler, root_depth_allowed
from packcore.delta.forest import spanning_lines
from packcore.delta.make import commit_text_start, encode_matches, find_matches, make_delta
from packcore.delta.parts import parts_by_type_and_name
from packcore.delta.strategy import Choice, Parameter
from packcore.delta.window import ChunkIndex, ObjectCache, SizeOrder
from packcore.errors import PluginError
from packcore.objects import ObjectType
from packcore.plan import STREAMED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.delta.encode import Match
    from packcore.delta.forest import Line
    from packcore.delta.strategy import Part, Work

__all__ = ["ChunkWindow"]


class ChunkWindow:
    """Candidates from the version graph and from a chunk index over a sliding window."""

    name: ClassVar[str] = "chunk-window"
    description: ClassVar[str] = "bases from the version graph and an index of chunks in a sliding window"
    cites: ClassVar[str] = (
        "measured for this project; MacDonald, File System Support for Delta Compression (2000)"
    )
    reuses_deltas: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("voted", 2, "candidates taken from the votes of chunks, at most"),
        Parameter("literal_bytes", 200, "literal bytes that a delta may hold before chunks vote"),
        Parameter("near", 1, "versions of the nearest sizes that are tried before chunks vote, at most"),
        Parameter("vote_bytes", 60, "bytes of shared chunks below which a candidate isn't tried"),
    )

    def __init__(self, **parameters: int) -> None:
        known = {parameter.name: parameter.default for parameter in self.parameters}
        unknown = sorted(parameters.keys() - known.keys())
        if unknown:
            raise PluginError(
                f"strategy {self.name} has no parameter {unknown[0]!r}", hint=f"it has {', '.join(known)}"
            )
        self.values = {**known, **parameters}

    def partition(self, work: Work) -> list[Part]:
        """Return parts that are searched by themselves: types, and blobs by name."""
        return parts_by_type_and_name(work)

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each object searched, path by path."""
        return _Run(work, self.values).choices()

    @staticmethod
    def make_delta(object_type: ObjectType, base: bytes, target: bytes, digest_size: int) -> bytes:
        """Return the delta that makes `target` from `base`."""
        return make_delta(object_type, base, target, digest_size)


_SURE = 0.5
"""A delta below this part of its object is taken without asking what the whole would compress to."""
_VAIN = 0.9
"""A delta above this part of its object is not taken."""
_COMMIT_SURE = 0.4
_COMMIT_MARGIN_BYTES = 3
"""What a delta's header takes more than a whole object's."""
_COMMIT_VOTES_MIN = 40
_TREE_COST_GOOD = 28
"""A tree delta of one changed id. Chunks vote when it costs more."""
_TREE_BYTES_SMALL = 4000
"""Trees below vote and are indexed with all entries; larger ones with those that are literal."""
_TREE_VOTED = 3
_NEAR_COST = 500  # literal bytes of a delta from which on versions of the nearest sizes are tried
_BIG_VOTE_BYTES = 100_000
"""Blobs above don't vote when they have a delta below half their size."""
_VERSION_VOTES = 0.2
_NEW_FILE_VOTES = 0.1
"""Part of the literal bytes that a voted candidate must account for."""

_Best = tuple[int, int, "list[Match]"]
"""Base, cost, matches."""


class _Run:
    """The state of one selection."""

    def __init__(self, work: Work, values: dict[str, int]) -> None:
        self.work = work
        self.values = values
        self.depth, self.base_of, self.room = work.depth, work.base_of, work.room
        self.level = work.limits.compression
        self.digest_size = work.object_format.digest_size
        self.cache = ObjectCache(work.read, work.limits.window_memory // 8)
        self.read = self.cache.read
        self.index_bytes = work.limits.window_memory // 2
        self.searched = bytearray(len(work.candidates))
        for index in work.searched:
            self.searched[index] = 1
        self.path_of: dict[int, int] = {}
        self.latest: dict[int, int] = {}
        self.sizes = SizeOrder()

    def choices(self) -> Iterator[Choice]:
        """Yield all choices: commits, tags, trees, blobs."""
        work, big = self.work, self.work.limits.big_object
        usable: dict[ObjectType, list[int]] = {type_: [] for type_ in ObjectType}
        for index, candidate in enumerate(work.candidates):
            if candidate.size < big:
                usable[candidate.type].append(index)
        edges = work.version_edges(self.read)
        for type_ in (ObjectType.COMMIT, ObjectType.TAG):
            yield from self._messages(type_, usable[type_])
        for type_ in (ObjectType.TREE, ObjectType.BLOB):
            yield from self._versions(type_, usable[type_], edges)

    # Commits and tags

    def _messages(self, type_: ObjectType, members: list[int]) -> Iterator[Choice]:
        """Choose for commits or tags: by author, and by votes of lines."""
        index = ChunkIndex(self.index_bytes // 2)
        by_author = ChunkIndex(self.index_bytes // 2)
        for member in members:
            if not self.searched[member]:
                continue
            data = self.read(member)
            start = commit_text_start(data) if type_ == ObjectType.COMMIT else 0
            author_start = start if type_ == ObjectType.COMMIT else data.find(b"\ntagger ")
            author = fingerprints((data[author_start : data.find(b">", author_start)],))
            lines = data[start:].split(b"\n")
            marks = fingerprints(lines)
            votes: dict[int, int] = {}
            for voted, line in zip(index.look_up(marks), lines, strict=True):
                if voted is not None:
                    votes[voted] = votes.get(voted, 0) + len(line)
            wanted = [by_author.get(author[0])]
            if votes:
                most = max(votes, key=votes.__getitem__)
                if votes[most] >= _COMMIT_VOTES_MIN:
                    wanted.append(most)
            best = self._best(type_, data, wanted, allowed=self.room[member], cost_max=len(data) - start)
            by_author.add(author, member)
            index.add(marks, member)
            yield self._message_choice(type_, member, data, best)

    def _message_choice(self, type_: ObjectType, member: int, data: bytes, best: _Best | None) -> Choice:
        delta = b""
        if best is not None:
            delta = encode_matches(type_, self.read(best[0]), data, best[2])
        if best is not None and len(delta) < len(data) * _COMMIT_SURE:
            return Choice(member, best[0], len(delta), deflate(delta, self.level))
        return self._smaller(member, data, best, delta, _COMMIT_MARGIN_BYTES)

    # Trees and blobs

    def _versions(
        self, type_: ObjectType, members: list[int], edges: list[tuple[int, int, int]] | Any
    ) -> Iterator[Choice]:
        """Choose for all trees or all blobs, path by path."""
        candidates = self.work.candidates
        paths: dict[bytes, list[int]] = {}
        for member in members:
            paths.setdefault(candidates[member].path, []).append(member)
        ordered = sorted(paths, key=lambda path: (path.rpartition(b"/")[2][::-1], path))
        self.path_of = {member: number for number, path in enumerate(ordered) for member in paths[path]}
        self.latest = {}
        edges_of: dict[int, list[tuple[int, int, int]]] = {}
        for edge in edges:
            number = self.path_of.get(edge[0])
            if number is not None and self.path_of.get(edge[1]) == number:
                edges_of.setdefault(number, []).append(edge)
        index = ChunkIndex(self.index_bytes)
        choose = self._tree if type_ == ObjectType.TREE else self._blob
        weigh = None if type_ == ObjectType.TREE else self._size_difference
        for number, path in enumerate(ordered):
            lines = spanning_lines(
                paths[path],
                edges_of.pop(number, ()),
                weigh,
                tie_parts=path != b"",
                placed_from=self.work.plan_count,
            )
            for line in lines:
                yield from self._line(line, number, choose, index)

    def _line(self, line: Line, path: int, choose: Any, index: ChunkIndex) -> Iterator[Choice]:
        """Choose for one line of versions, from its newest on."""
        depth, depth_max = self.depth, self.work.limits.depth
        ruler: Ruler | None = None
        way: list[int] = [0] * line.length
        for member, distance in line.walk:
            way[distance] = member
            if self.searched[member]:
                if ruler is None or distance == 0:
                    allowed = root_depth_allowed(line.length, depth_max)
                    prescribed = None
                else:
                    allowed = ruler.allowed_depth(distance)
                    prescribed = self._placed(way, distance, ruler.step(distance))
                room = self.room[member]
                yield choose(member, prescribed, min(room, allowed), index)
            if distance == 0:
                ruler = Ruler(line.length, max(depth[member], 0), depth_max)
            self.latest[path] = member
            self.sizes.add(path, self.work.candidates[member].size, member)

    def _placed(self, way: list[int], distance: int, step: int) -> int | None:
        """Return the prescribed ancestor, or, where it isn't placed yet, the nearest that is."""
        base = way[distance - step]
        if self.depth[base] >= 0:
            return base
        for ancestor in reversed(way[max(0, distance - 8) : distance]):
            if self.depth[ancestor] >= 0:
                return ancestor
        return None

    def _blob(self, member: int, prescribed: int | None, allowed: int, index: ChunkIndex) -> Choice:
        data = self.read(member)
        size = len(data)
        best = None
        if allowed > 0:
            best = self._best(
                ObjectType.BLOB, data, (prescribed,), allowed=allowed, cost_max=int(size * _VAIN)
            )
        if (cost := int(size * _VAIN) if best is None else best[1]) > _NEAR_COST:
            near = self.sizes.nearest(self.path_of[member], size, self.values["near"])
            best = self._best(ObjectType.BLOB, data, near, allowed=allowed, cost_max=cost - 1, best=best)
        literal = cut(data if best is None else _literal(data, best[2]))
        marks = fingerprints(literal)
        cost = size if best is None else best[1]
        if (
            allowed > 0
            and cost > self.values["literal_bytes"]
            and not (size > _BIG_VOTE_BYTES and cost * 2 < size)
        ):
            share = _NEW_FILE_VOTES if best is None else _VERSION_VOTES
            voted = self._voted_blobs(
                index, literal, marks, max(self.values["vote_bytes"], int(share * cost))
            )
            if voted:
                better = self._best(
                    ObjectType.BLOB,
                    data,
                    voted,
                    allowed=allowed,
                    cost_max=min(cost - 1, int(size * _VAIN)),
                    best=best,
                )
                if better is not best and better is not None:
                    best = better
                    marks = fingerprints(cut(_literal(data, best[2])))
        index.add(marks, member)
        return self._choice(ObjectType.BLOB, member, data, best)

    def _voted_blobs(
        self, index: ChunkIndex, chunks: list[bytes], marks: list[int], votes_min: int
    ) -> list[int | None]:
        votes: dict[int, int] = {}
        for voted, chunk in zip(index.look_up(marks), chunks, strict=True):
            if voted is not None:
                votes[voted] = votes.get(voted, 0) + len(chunk)
        most = sorted((-count, voted) for voted, count in votes.items() if count >= votes_min)
        wanted: list[int | None] = []
        for _, voted in most[: self.values["voted"]]:
            wanted += (voted, self.latest.get(self.path_of[voted]))
        return wanted

    def _tree(self, member: int, prescribed: int | None, allowed: int, index: ChunkIndex) -> Choice:
        data = self.read(member)
        size = len(data)
        best = None
        if allowed > 0:
            best = self._best(
                ObjectType.TREE, data, (prescribed,), allowed=allowed, cost_max=int(size * _VAIN)
            )
        cost = size if best is None else best[1]
        small = size < _TREE_BYTES_SMALL
        if best is not None and (cost <= _TREE_COST_GOOD or not small):
            ids = self._literal_ids(data, best[2])
        else:
            ids = tree_ids(data, 0, size, self.digest_size)
        marks = fingerprints(ids)
        if cost > _TREE_COST_GOOD and allowed > 0:
            votes: dict[int, int] = {}
            for voted in index.look_up(marks):
                if voted is not None:
                    votes[voted] = votes.get(voted, 0) + 1
            most = sorted((-count, voted) for voted, count in votes.items())[:_TREE_VOTED]
            if most:
                limit = min(cost - 1, int(size * _VAIN))
                wanted = [voted for _, voted in most]
                best = self._best(ObjectType.TREE, data, wanted, allowed=allowed, cost_max=limit, best=best)
        index.add(marks, member)
        return self._choice(ObjectType.TREE, member, data, best)

    def _literal_ids(self, data: bytes, matches: list[Match]) -> list[bytes]:
        """Return the ids of the entries that a delta holds literally, whole or in part."""
        ids: list[bytes] = []
        position = 0
        for start, _, length in (*matches, (len(data), 0, 0)):
            if start > position:
                ids += tree_ids(
                    data, tree_entry_start(data, position), start + self.digest_size, self.digest_size
                )
            position = start + length
        return ids

    # What all types share

    def _best(
        self,
        type_: ObjectType,
        data: bytes,
        wanted: Iterable[int | None],
        *,
        allowed: int,
        cost_max: int,
        best: _Best | None = None,
    ) -> _Best | None:
        """Return the cheapest of `best` and the wanted bases that lie less deep than `allowed`."""
        depth, base_of = self.depth, self.base_of
        tried: list[int] = [] if best is None else [best[0]]
        for base in wanted:
            if base is None or depth[base] < 0:
                continue
            # Too deep: its own base is a version of it too.
            while base >= 0 and depth[base] >= allowed:
                base = base_of[base]
            if base < 0 or base in tried:
                continue
            tried.append(base)
            found = find_matches(type_, self.read(base), data, cost_max, self.digest_size)
            if found is not None:
                best = (base, found[0], found[1])
                cost_max = found[0] - 1
        return best

    def _choice(self, type_: ObjectType, member: int, data: bytes, best: _Best | None) -> Choice:
        """Return a delta or the whole, whichever is smaller in the pack."""
        delta = b""
        if best is not None:
            delta = encode_matches(type_, self.read(best[0]), data, best[2])
            if len(delta) < len(data) * _SURE:
                return Choice(member, best[0], len(delta), deflate(delta, self.level))
            if len(delta) > len(data) * _VAIN:
                best = None
        return self._smaller(member, data, best, delta, 0)

    def _smaller(self, member: int, data: bytes, best: _Best | None, delta: bytes, margin: int) -> Choice:
        stored_size = self.work.stored_size.get(member)
        whole = None
        if stored_size is None and (best is not None or len(data) < STREAMED_BYTES):
            whole = deflate(data, self.level)
            stored_size = len(whole)
        if best is not None and stored_size is not None:
            deflated = deflate(delta, self.level)
            if len(deflated) + margin < stored_size:
                return Choice(member, best[0], len(delta), deflated)
        return Choice(member, None, 0, whole)

    def _size_difference(self, a: int, b: int) -> int:
        """Return how far apart two versions seem.

        The bytes between common prefix and suffix would tell better in one long history (a pack smaller by
        0.7 %) and worse in two shorter ones (larger by 0.2 and 0.3 %), and asking reads every blob twice.
        """
        return abs(self.work.candidates[a].size - self.work.candidates[b].size)


def _literal(data: bytes, matches: list[Match]) -> bytes:
    """Return what the matches leave over, the pieces parted by newlines."""
    pieces = []
    position = 0
    for start, _, length in matches:
        if start > position:
            pieces.append(data[position:start])
        position = start + length
    if position < len(data):
        pieces.append(data[position:])
    return b"\n".join(pieces)
