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

import sys
from typing import TYPE_CHECKING

from packcore.delta.chunks import has_lines
from packcore.delta.match import common_prefix, common_suffix
from packcore.delta.scattered import CHUNK_SEARCH_BYTES_MIN, MATCH_COST, Area, match_scattered
from packcore.delta.words import match_words, worth_matching_words

if TYPE_CHECKING:
    from packcore.delta.encode import Match

__all__ = ["MATCH_COST", "find_text_matches"]

_EDGE_BYTES_MIN = 8
"""Shorter common prefixes and suffixes aren't worth an instruction."""
_SNIPPET_BYTES = 96
"""Shorter snippets resynchronise on boilerplate (32: packs 4 % larger); longer ones miss small hunks."""
_SNIPPET_BYTES_MIN = 12
_JUMPS = (0, 0, 0, 0, 200, 400, 800, 1600, 3200, 6400)
"""How far on the next newline is looked for, round by round. What a jump passed over goes to the table."""
_SHORT_BYTES = 500
"""So little, of small edits, is matched chunk by chunk at once, which finds more, and sooner."""
_REACH_BYTES = 4096
"""How far away a snippet is looked for."""
_FAR_JUMP, _FAR_REACH_BYTES = 3200, 32768
"""From such a jump on it is looked for so far away: a walk that goes on leaves little to the table."""
_PASSED_BYTES_MAX = 320
"""More than so many bytes that a hit passed over are looked for elsewhere: they may have moved."""
_NEAR_BYTES = 160
"""A hit that passes over less is taken without looking from the other side."""
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


def find_text_matches(base: bytes, target: bytes, cost_max: int) -> tuple[int, list[Match]] | None:
    """Return (cost, matches) for making `target` from `base`, or None if the cost exceeds `cost_max`."""
    base_size, target_size = len(base), len(target)
    matches: list[Match] = []
    room = min(base_size, target_size)
    prefix = common_prefix(base, 0, target, 0, room)
    if prefix < _EDGE_BYTES_MIN:
        prefix = 0
    else:
        matches.append((0, 0, prefix))
    target_at = base_at = prefix
    suffix = common_suffix(base, base_size, target, target_size, room - prefix)
    if suffix < _EDGE_BYTES_MIN:
        suffix = 0
    target_end, base_end = target_size - suffix, base_size - suffix

    cost = MATCH_COST * 2
    unmatched: list[Area] = []
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
            if jump >= _FAR_JUMP:
                target_reach = min(target_at + _FAR_REACH_BYTES, target_end)
                base_reach = min(base_at + _FAR_REACH_BYTES, base_end)
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
        left = _match_left(
            base,
            target,
            unmatched,
            matches,
            target_end=target_end,
            differs=(prefix, base_end),
            left_max=cost_max - cost,
        )
        if left is None:
            return None
        cost += left
    if suffix:
        matches.append((target_end, base_end, suffix))
    return cost, matches


def _match_left(
    base: bytes,
    target: bytes,
    areas: list[Area],
    matches: list[Match],
    *,
    target_end: int,
    differs: tuple[int, int],
    left_max: int,
) -> int | None:
    """Match what the walk left over of the target up to `target_end`; return the cost of what is left then.

    Or None, if it exceeds `left_max`. `differs` is what lies between prefix and suffix of the base.
    """
    left = sum([end - start for start, end, _ in areas])
    if left > left_max and left > _HOPELESS * max(left_max, 1):
        return None
    # Words are looked for where more than a third is left. Where less may be left, that's hopeless.
    by_words = left_max * _WORDS_PART >= len(target)
    searched = _searched(base, target, areas, left, differs)
    if left >= CHUNK_SEARCH_BYTES_MIN <= searched[1] - searched[0]:
        scattered_max = sys.maxsize if by_words else left_max
        found = match_scattered(base, target, areas, matches, searched=searched, left_max=scattered_max)
        if found is None:
            return None
        left = found
        matches.sort()
    if by_words and left > _WORDS_BYTES_MIN and left * _WORDS_PART > len(target):
        left -= _match_by_words(base, target, target_end, matches, searched)
    return left if left <= left_max else None


def _searched(
    base: bytes, target: bytes, areas: list[Area], left: int, differs: tuple[int, int]
) -> tuple[int, int]:
    """Return which part of the base is searched for what is left: what differs in it, or all of it."""
    if left > _WORTH_ALL * (differs[1] - differs[0]) + _WORTH_ALL_BYTES:
        return 0, len(base)
    if left > max(_WORTH_ALL_BINARY_BYTES, len(target) // _WORTH_ALL_BINARY) and not has_lines(
        target, areas[0][0], areas[-1][1]
    ):
        return 0, len(base)
    return differs


def _match_by_words(
    base: bytes, target: bytes, target_end: int, matches: list[Match], searched: tuple[int, int]
) -> int:
    """Match by words what lies between the matches up to `target_end`; return the bytes won."""
    areas = []
    target_at, base_at = 0, searched[0]
    for target_start, base_start, length in (*matches, (target_end, 0, 0)):
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
