"""Matches for what lies anywhere in the base: chunk by chunk, through a table of the base's chunks.

    target   ... │ left over │ ...      its chunks are looked up, and what is found is extended both ways
    base     .. chunk ... chunk ..      the first of equal chunks, the last, and the next one ahead of the
                                        last match: in data without lines whichever agrees longest is taken

Where few chunks are asked for, or few of them are in a large base, these are searched for one by one, which
is quicker than a table. Where a result is wanted only if it leaves little, it ends as soon as it leaves more.
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
"""Shorter chunks come by chance; where they stayed, the matches around them hold them."""
_MATCH_BYTES_MIN = 16
"""In data without lines shorter matches save nothing: a copy is six bytes that compress badly."""
_REACH_BYTES = 8192
"""How far ahead a chunk is looked for before the table's earlier place is taken: bounds the worst case."""
_FEW_CHUNKS = 16
"""Up to so many chunks are searched for one by one: a search is quicker than a table's share."""
_ASKED_PART = 4
"""Where it has so many times the chunks that are asked for, it is told first which of them the base holds."""
_REPEATED, _REPEATED_BYTES_MIN = 16, 400
"""Where equal lines come so many times in the mean, compression does better than copies that are shorter."""
_TRIES, _TRY_BYTES, _TRIES_PAID_BYTES = 64, 24, 100
"""Of so many repeated chunks several places are tried, and of one more for each so many bytes of matches
that came out this long, which bounds the time."""
_TRIED_PLACES = 8
"""So many places, at most, are tried of a chunk that comes again and again, as in padding."""

Area = tuple[int, int, int]
"""What is left over: its start and end in the target, and where the base is expected to go on."""


def match_scattered(
    base: bytes,
    target: bytes,
    areas: list[Area],
    matches: list[Match],
    *,
    searched: tuple[int, int],
    left_max: int,
) -> int | None:
    """Append matches of areas of the target with a part of the base; return the cost of what is left then.

    That is the bytes still left over and what the new matches cost. Once it is sure to exceed `left_max`,
    None is returned.
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
    """What is left over of a target, and its chunks."""

    base: bytes
    target: bytes
    areas: list[Area]
    cuts: list[list[bytes]]
    by_lines: bool


class _Table(NamedTuple):
    """Where the chunks of the base are, and what is taken of them."""

    first: dict[bytes, int]
    last: dict[bytes, int]
    """Empty where no more than one place of a chunk is tried."""
    among: dict[bytes, list[int]]
    """Some of a chunk's places, in data without lines of which most comes again and again."""
    chunk_bytes_min: int
    match_bytes_min: int

    @classmethod
    def of(cls, chunks: list[bytes], start: int, by_lines: bool) -> _Table:
        """Return the table of all chunks from `start` on."""
        starts = chunk_starts(chunks, start, by_lines=by_lines)
        # Reversed, so that the first of equal chunks is the one that stays in the table.
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
    """Return up to `_TRIED_PLACES` of the places of each chunk, evenly spread."""
    places: dict[bytes, list[int]] = {}
    for chunk, start in zip(chunks, starts, strict=True):
        places.setdefault(chunk, []).append(start)
    return {chunk: found[:: len(found) // _TRIED_PLACES + 1] for chunk, found in places.items()}


def _search(rest: _Rest, known: set[bytes], searched: tuple[int, int], matches: list[Match]) -> int:
    """Search for the known chunks one by one; return the cost of what is left."""
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
    """Look chunks up in the table; return the cost of what is left, None if it exceeds `left_max`."""
    base, target, areas, cuts, by_lines = rest
    first, last, among, chunk_bytes_min, match_bytes_min = table
    place_of, base_size, tries, cost = first.get, len(base), _TRIES, 0
    # The loop runs once for each chunk of large files; it calls nothing it can do itself.
    for (target_at, target_end, base_at), chunks in zip(areas, cuts, strict=True):
        done, expected, after = target_at, base_at, target_at
        for chunk in chunks:
            start = after
            size = len(chunk)
            # Lines come without their newlines.
            after += size + by_lines
            if start < done and not by_lines:
                # A match ended within the chunk: in data that repeats itself, the rest is found again.
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
