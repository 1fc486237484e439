"""Matches between two versions of a text: what stayed the same, found the way that edits are made.

    base     the same │ old lines     │ the same    │ │ the same
    target   the same │ new lines     │ the same    │more│ the same
             prefix     literal, then resynchronised          suffix

1. Common prefix and suffix.
2. From a difference on: take the 96 bytes behind the next newline of one side and look for them close by
   on the other, for both sides, line by line at first and then in jumps. What is found is extended both ways.
3. What the jumps passed over, and all that is left where none helped or little was left, is matched chunk
   by chunk with what lies between prefix and suffix of the base (with all of it if much more is left than
   that holds), through a table of the base's chunks if there are many.

The matches depend on base and target alone. A `cost_max` only ends the search early, without a result,
so whoever asks again without it gets the same matches.

Cost of matches: literal bytes, and four for each match: about what the delta takes before compression.
"""

# ruff: noqa: FURB136, PLR1730 - min() is a call, which the inner loops can do without

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.chunks import cut_all, cut_with_starts, has_lines
from packcore.delta.match import common_prefix, common_suffix, longest_match
from packcore.delta.words import match_words, worth_matching_words

if TYPE_CHECKING:
    from packcore.delta.encode import Match

__all__ = ["MATCH_COST", "find_text_matches"]

MATCH_COST = 4
"""Bytes of an average copy instruction."""
_EDGE_BYTES_MIN = 8
"""Shorter common prefixes and suffixes aren't worth an instruction."""
_SNIPPET_BYTES = 96
"""Shorter snippets resynchronise on boilerplate (32: packs 4 % larger); longer ones miss small hunks."""
_SNIPPET_BYTES_MIN = 12
_JUMPS = (0, 0, 0, 0, 200, 400, 800, 1600)
"""How far on the next newline is looked for, round by round. What a jump passed over goes to the table."""
_SHORT_BYTES = 500
"""So little, of messages and small edits, is matched chunk by chunk at once, which finds more, and sooner."""
_REACH_BYTES = 4096
"""How far away a snippet is looked for."""
_PASSED_BYTES_MAX = 320
"""More than so many bytes that a hit passed over are looked for elsewhere: they may have moved."""
_NEAR_BYTES = 160
"""A hit that passes over less is taken without looking from the other side."""
_TABLE_REACH_BYTES = 8192
"""How far ahead a chunk is looked for before the table's earlier place is taken: bounds the worst case."""
_FEW_CHUNKS = 16
"""Up to so many chunks are searched for one by one: a search is quicker than a table's share."""
_REPEATED, _REPEATED_BYTES_MIN = 16, 400
"""Where equal lines come so many times in the mean, compression does better than copies that are shorter."""
_TRIED_PLACES = 8
"""Of a chunk that comes several times, the place that agrees longest is taken, of so many at most."""
_TRIES, _TRY_BYTES, _TRIES_PAID_BYTES = 64, 8, 100
"""So many are tried in all, and one more for each so many bytes of matches that came out this long, which
bounds the time."""
_WORTH_ALL_BYTES = 200
_WORTH_ALL = 2
"""All of the base is searched where more is left than so many times what differs in it, and so many bytes."""
_WORTH_ALL_BINARY_BYTES, _WORTH_ALL_BINARY = 1000, 16
"""So it is in data without lines where more than so many bytes, and such a part of the target, is left."""
_WORDS_BYTES_MIN = 400
_WORDS_PART = 3
"""Words are looked for where more than so many bytes, and so large a part of the target, is left after all
else; unless a delta is known already that holds less."""
_HOPELESS = 10
"""The table isn't made if what is left is more than this many times what may be spent."""

_Area = tuple[int, int, int]
"""What is left: its start and end in the target, and where the base is expected to go on."""


def find_text_matches(
    base: bytes,
    target: bytes,
    cost_max: int,
    *,
    base_from: int = 0,
    target_from: int = 0,
    by_words: bool = True,
) -> tuple[int, list[Match]] | None:
    """Return (cost, matches) for making `target` from `base`, or None if the cost exceeds `cost_max`.

    What lies before `base_from` and `target_from` is left out of the matches and of the cost. Messages ask
    for no search `by_words`: they are so short that the search for gaps finds the same.
    """
    base_size, target_size = len(base), len(target)
    matches: list[Match] = []
    room = min(base_size - base_from, target_size - target_from)
    prefix = common_prefix(base, base_from, target, target_from, room)
    if prefix < _EDGE_BYTES_MIN:
        prefix = 0
    else:
        matches.append((target_from, base_from, prefix))
    target_at, base_at = target_from + prefix, base_from + prefix
    suffix = common_suffix(base, base_size, target, target_size, room - prefix)
    if suffix < _EDGE_BYTES_MIN:
        suffix = 0
    target_end, base_end = target_size - suffix, base_size - suffix

    cost = MATCH_COST * 2
    unmatched: list[_Area] = []
    # The walk is one long loop because it runs for every blob of a repository.
    while target_end - target_at > _SHORT_BYTES and base_at < base_end:
        target_next, base_next = target_at, base_at
        hit_target = hit_base = -1
        target_reach, base_reach = target_at + _REACH_BYTES, base_at + _REACH_BYTES
        if target_reach > target_end:
            target_reach = target_end
        if base_reach > base_end:
            base_reach = base_end
        for jump in _JUMPS:
            skip = -1
            if target_next >= 0:
                target_next = target.find(b"\n", target_next + jump, target_end) + 1
                end = target_next + _SNIPPET_BYTES
                snippet = target[target_next : end if end < target_end else target_end]
                if target_next == 0 or len(snippet) < _SNIPPET_BYTES_MIN:
                    target_next = -1
                else:
                    found = base.find(snippet, base_at, base_reach)
                    if found >= 0:
                        hit_target, hit_base = target_next, found
                        skip = target_next - target_at + found - base_at
                        if skip < _NEAR_BYTES:
                            break
            if base_next >= 0:
                base_next = base.find(b"\n", base_next + jump, base_end) + 1
                end = base_next + _SNIPPET_BYTES
                snippet = base[base_next : end if end < base_end else base_end]
                if base_next == 0 or len(snippet) < _SNIPPET_BYTES_MIN:
                    base_next = -1
                else:
                    found = target.find(snippet, target_at, target_reach)
                    if found >= 0 and (skip < 0 or found - target_at + base_next - base_at < skip):
                        hit_target, hit_base = found, base_next
            if hit_target >= 0 or (target_next < 0 and base_next < 0):
                break
        if hit_target < 0:
            break
        back = common_suffix(
            base, hit_base, target, hit_target, min(hit_base - base_at, hit_target - target_at)
        )
        hit_base -= back
        hit_target -= back
        length = common_prefix(
            base, hit_base, target, hit_target, min(base_end - hit_base, target_end - hit_target)
        )
        matches.append((hit_target, hit_base, length))
        cost += MATCH_COST
        if jump or hit_target - target_at > _PASSED_BYTES_MAX:
            unmatched.append((target_at, hit_target, base_at))
        else:
            cost += hit_target - target_at
        if cost > cost_max:
            return None
        target_at, base_at = hit_target + length, hit_base + length

    if target_at < target_end:
        unmatched.append((target_at, target_end, base_at))
    if unmatched:
        left = sum([end - start for start, end, _ in unmatched])
        if cost + left > cost_max and left > _HOPELESS * max(cost_max, 1):
            return None
        searched = (base_from + prefix, base_end)
        differs = base_end - base_from - prefix
        if left > _WORTH_ALL * differs + _WORTH_ALL_BYTES or (
            left > max(_WORTH_ALL_BINARY_BYTES, target_size // _WORTH_ALL_BINARY)
            and not has_lines(target, unmatched[0][0], unmatched[-1][1])
        ):
            searched = (0, base_size)
        if left >= _SNIPPET_BYTES_MIN <= searched[1] - searched[0]:
            left -= _match_scattered(base, target, unmatched, matches, searched)
        if by_words and left > _WORDS_BYTES_MIN and left * _WORDS_PART > target_size:
            if cost_max * _WORDS_PART < target_size:
                return None
            left -= _match_by_words(base, target, (target_from, target_end), matches, searched)
        cost += left
        if cost > cost_max:
            return None
    if suffix:
        matches.append((target_end, base_end, suffix))
    return cost, matches


def _match_scattered(
    base: bytes, target: bytes, areas: list[_Area], matches: list[Match], searched: tuple[int, int]
) -> int:
    """Match what is left of the target with a part of the base; return the bytes won, instructions paid."""
    base_from, base_to = searched
    by_lines = has_lines(target, areas[0][0], areas[-1][1])
    cuts = [cut_all(target, start, end, by_lines=by_lines) for start, end, _ in areas]
    few = sum(map(len, cuts)) <= _FEW_CHUNKS
    length_min = 0
    places_of: dict[bytes, list[int]] = {}
    tries = _TRIES
    repeated = False
    if not few:
        base_chunks, base_starts = cut_with_starts(base, base_from, base_to, by_lines=by_lines)
        # Reversed, so that the first of equal chunks is the one that stays in the table.
        places = dict(zip(reversed(base_chunks), reversed(base_starts), strict=True))
        place_of = places.get
        repeated = len(places) * _REPEATED < len(base_chunks)
        # Archives hold much twice: where a match begins there says how many copies it takes.
        if repeated or (not by_lines and len(places) < len(base_chunks)):
            length_min = _REPEATED_BYTES_MIN if by_lines else 0
            for chunk, start in zip(base_chunks, base_starts, strict=True):
                places_of.setdefault(chunk, []).append(start)
    won = 0
    for (target_at, target_end, base_expected), chunks in zip(areas, cuts, strict=True):
        after = target_at
        for chunk in chunks:
            start = after
            size = len(chunk)
            # Lines come without their newlines.
            after += size + by_lines
            if start < target_at and not by_lines:
                # A match ended within a chunk: in data that repeats itself, the rest is found again.
                start, size = target_at, after - target_at
                chunk = target[start:after]
            if start < target_at or (size < _SNIPPET_BYTES_MIN and not repeated):
                continue
            if few:
                hit_base = base.find(chunk, base_expected, base_to)
                if hit_base < 0:
                    hit_base = base.find(chunk, base_from, min(base_expected + size - 1, base_to))
                if hit_base < 0:
                    continue
            else:
                place = place_of(chunk)
                if place is None:
                    continue
                hit_base = place
                if hit_base < base_expected:
                    later = base.find(chunk, base_expected, base_expected + _TABLE_REACH_BYTES)
                    if later >= 0:
                        hit_base = later
                if places_of and tries > 0 and (count := len(places_of[chunk])) > 1:
                    some = places_of[chunk][:: count // _TRIED_PLACES + 1]
                    hit_base = longest_match(base, (hit_base, *some), target, start, target_end)
                    tries -= len(some)
            back = common_suffix(base, hit_base, target, start, min(hit_base, start - target_at))
            start += size
            hit_base += size
            room = min(len(base) - hit_base, target_end - start)
            length = back + size + common_prefix(base, hit_base, target, start, room)
            if length < length_min:
                continue
            start -= back + size
            hit_base -= back + size
            matches.append((start, hit_base, length))
            won += length - MATCH_COST
            if length >= _TRIES_PAID_BYTES:
                tries += length // _TRY_BYTES
            target_at = start + length
            base_expected = hit_base + length
    matches.sort()
    return won


def _match_by_words(
    base: bytes, target: bytes, part: tuple[int, int], matches: list[Match], searched: tuple[int, int]
) -> int:
    """Match by words what lies between the matches of a part of the target; return the bytes won."""
    areas = []
    target_at, base_at = part[0], searched[0]
    for target_start, base_start, length in (*matches, (part[1], 0, 0)):
        if target_start > target_at:
            areas.append((target_at, target_start, base_at))
        target_at, base_at = target_start + length, base_start + length
    if not worth_matching_words(base, target, areas):
        return 0
    before = len(matches)
    covered = match_words(base, target, areas, matches, searched)
    covered -= MATCH_COST * (len(matches) - before)
    matches.sort()
    return covered
