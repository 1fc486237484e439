"""Find matches anywhere in the base, chunk by chunk, through a table of the base's chunks.

    target   ... │ left over │ ...      its chunks are looked up; each hit is extended both ways
    base     .. chunk ... chunk ..      tried are the first of equal chunks, the last, and the next one after
                                        the last match; in data without lines, the longest match wins

If there are few chunks to find, or few of them occur in a large base, they are searched for one by one, which
is quicker than a table. If the caller limits the cost of what remains, the search ends once it exceeds that.
"""

# ruff: noqa: FURB136 - min() is a call, which the inner loops can do without

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.delta.chunks import chunk_starts, cut_all, has_lines
from packcore.delta.match import common_prefix, common_suffix

if TYPE_CHECKING:
    from packcore.delta.encode import Match

__all__ = ["CHUNK_SEARCH_BYTES_MIN", "MATCH_COST", "Area", "match_scattered"]

MATCH_COST = 4
"""Bytes of an average copy instruction."""
CHUNK_SEARCH_BYTES_MIN = 12
"""Shorter chunks recur by chance. Those that really stayed are covered by the matches around them."""
_MATCH_BYTES_MIN = 16
"""In data without lines, shorter matches save nothing: a copy takes six bytes that compress badly."""
_REACH_BYTES = 8192
"""How far ahead to search for a chunk before using the table's earlier place; bounds the worst case."""
_FEW_CHUNKS = 16
"""Up to this many chunks are searched for one by one, which is quicker than their share of a table."""
_ASKED_PART = 4
"""If the base has this many times the chunks to find, first find out which of them it contains."""
_REPEATED = 16
"""Data in which a chunk occurs this often on average counts as repetitive."""
_REPEATED_BYTES_MIN = 400
"""In repetitive lines, compression does better than copies shorter than this."""
_TRIES = 64
"""Several places are tried for this many repeated chunks, and for more as long matches earn them. This
bounds the time."""
_TRIES_PAID_BYTES = 100
"""A match of at least this many bytes earns further tries."""
_TRY_BYTES = 24
"""It earns one try per this many bytes."""
_TRIED_PLACES = 8
"""At most this many places are tried for a chunk that repeats over and over, as in padding."""

Area = tuple[int, int, int]
"""An unmatched area: its start and end in the target, and where the base is expected to continue."""


def match_scattered(
    base: bytes,
    target: bytes,
    areas: list[Area],
    matches: list[Match],
    *,
    searched: tuple[int, int],
    left_max: int,
) -> int | None:
    """Append matches between areas of the target and a part of the base; return the cost of what remains.

    The cost is the bytes still unmatched plus the cost of the new matches. Returns None as soon as it is
    certain to exceed `left_max`.
    """
    by_lines = has_lines(target, areas[0][0], areas[-1][1])
    cuts = [cut_all(target, start, end, by_lines=by_lines) for start, end, _ in areas]
    rest = _Rest(base, target, areas, cuts, by_lines)
    asked = [chunk for chunks in cuts for chunk in chunks if len(chunk) >= CHUNK_SEARCH_BYTES_MIN]
    if len(asked) <= _FEW_CHUNKS:
        return _search(rest, set(asked), searched, matches)
    base_chunks = cut_all(base, *searched, by_lines=by_lines)
    if len(asked) * _ASKED_PART < len(base_chunks):
        known = set(asked).intersection(base_chunks)
        if sum(map(known.__contains__, asked)) <= _FEW_CHUNKS:
            return _search(rest, known, searched, matches)
    return _look_up(rest, _Table.of(base_chunks, searched[0], by_lines), matches, left_max)


class _Rest(NamedTuple):
    """The unmatched rest of a target, and its chunks."""

    base: bytes
    target: bytes
    areas: list[Area]
    cuts: list[list[bytes]]
    by_lines: bool


class _Table(NamedTuple):
    """Where the chunks of the base are, and how short chunks and matches may be."""

    first: dict[bytes, int]
    last: dict[bytes, int]
    """Empty if only one place of each chunk is tried."""
    among: dict[bytes, list[int]]
    """Some places of each chunk, for repetitive data without lines; otherwise empty."""
    chunk_bytes_min: int
    match_bytes_min: int

    @classmethod
    def of(cls, chunks: list[bytes], start: int, by_lines: bool) -> _Table:
        """Return the table of all chunks from `start` on."""
        starts = chunk_starts(chunks, start, by_lines=by_lines)
        # Reversed, so that the first of equal chunks stays in the table.
        first = dict(zip(reversed(chunks), reversed(starts), strict=True))
        if len(first) * _REPEATED < len(chunks):
            last = dict(zip(chunks, starts, strict=True))
            if by_lines:
                return cls(first, last, {}, 1, _REPEATED_BYTES_MIN)
            return cls(first, last, _some_places(chunks, starts), 1, 0)
        if by_lines:
            return cls(first, {}, {}, CHUNK_SEARCH_BYTES_MIN, 0)
        last = dict(zip(chunks, starts, strict=True)) if len(first) < len(chunks) else {}
        return cls(first, last, {}, CHUNK_SEARCH_BYTES_MIN, _MATCH_BYTES_MIN)


def _some_places(chunks: list[bytes], starts: list[int]) -> dict[bytes, list[int]]:
    """Return up to `_TRIED_PLACES` places of each chunk, evenly spread."""
    places: dict[bytes, list[int]] = {}
    for chunk, start in zip(chunks, starts, strict=True):
        places.setdefault(chunk, []).append(start)
    return {chunk: found[:: len(found) // _TRIED_PLACES + 1] for chunk, found in places.items()}


def _search(rest: _Rest, known: set[bytes], searched: tuple[int, int], matches: list[Match]) -> int:
    """Search for the known chunks one by one; return the cost of what remains."""
    base, target, areas, cuts, by_lines = rest
    base_from, base_to = searched
    cost = 0
    for (target_at, target_end, base_at), chunks in zip(areas, cuts, strict=True):
        done, expected, after = target_at, base_at, target_at
        for chunk in chunks:
            # Lines come without their newlines.
            start, after = after, after + len(chunk) + by_lines
            if start < done or chunk not in known:
                continue
            size = len(chunk)
            place = base.find(chunk, expected, base_to)
            if place < 0:
                place = base.find(chunk, base_from, min(expected + size - 1, base_to))
            if place < 0:
                continue
            back = common_suffix(base, place, target, start, min(place, start - done))
            room = min(len(base) - place, target_end - start)
            length = back + common_prefix(base, place, target, start, room)
            matches.append((start - back, place - back, length))
            cost += MATCH_COST + start - back - done
            done, expected = start - back + length, place - back + length
        cost += target_end - done
    return cost


def _look_up(rest: _Rest, table: _Table, matches: list[Match], left_max: int) -> int | None:
    """Look chunks up in the table; return the cost of what remains, or None if it exceeds `left_max`."""
    base, target, areas, cuts, by_lines = rest
    first, last, among, chunk_bytes_min, match_bytes_min = table
    place_of, base_size, tries, cost = first.get, len(base), _TRIES, 0
    # This loop runs once for each chunk of large files, so it avoids calls wherever it can.
    for (target_at, target_end, base_at), chunks in zip(areas, cuts, strict=True):
        done, expected, after = target_at, base_at, target_at
        for chunk in chunks:
            start = after
            size = len(chunk)
            # Lines come without their newlines.
            after += size + by_lines
            if start < done and not by_lines:
                # A match ended within the chunk. In repetitive data the rest of it is searched for again.
                start, size = done, after - done
                if size >= chunk_bytes_min:
                    chunk = target[start:after]
            if start < done or size < chunk_bytes_min:
                continue
            first_place = place_of(chunk)
            if first_place is None:
                continue
            place = first_place
            last_place = last[chunk] if last else -1
            if place < expected and place != last_place:
                place = base.find(chunk, expected, expected + _REACH_BYTES)
                if place < 0:
                    place = first_place
            ahead = start + size
            room, held = target_end - ahead, base_size - size
            limit = held - place
            length = common_prefix(base, place + size, target, ahead, limit if limit < room else room)
            if last and first_place != last_place and tries > 0:
                tries -= 1
                if among:
                    others = among[chunk]
                else:
                    others = [last_place] if place == first_place else [first_place, last_place]
                for other in others:
                    limit = held - other
                    longer = common_prefix(base, other + size, target, ahead, limit if limit < room else room)
                    if longer > length:
                        place, length = other, longer
            limit = start - done
            if limit:
                limit = common_suffix(base, place, target, start, limit if limit < place else place)
            start -= limit
            length += size + limit
            if length < match_bytes_min:
                continue
            cost += MATCH_COST + start - done
            if cost > left_max:
                return None
            matches.append((start, place - limit, length))
            if length >= _TRIES_PAID_BYTES:
                tries += length // _TRY_BYTES
            done, expected = start + length, place - limit + length
        cost += target_end - done
    return cost
