"""Matches between two versions of a text: finds what stayed the same by following how people edit.

    base     the same │ old lines     │ the same    │ │ the same
    target   the same │ new lines     │ the same    │more│ the same
             prefix     literal, then resynchronised          suffix

1. Take the common prefix and suffix.
2. After a difference, take the 96 bytes behind the next newline of one side and look for them nearby on the
   other. Do so for both sides, line by line at first and then in jumps. Extend each hit both ways.
3. Match the rest chunk by chunk: what the jumps passed over, and everything left once no jump helps or little
   is left. Match it with the base between prefix and suffix, or with the whole base if much more is left than
   that part holds. Use a table of the base's chunks if there are many.

The matches depend on base and target alone. `cost_max` only ends the search early, without a result, so a
second call without it finds the same matches.

The cost of matches is the literal bytes plus four for each match, about the size of the delta before
compression.
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
"""How many bytes to skip before the next newline, round by round. The table covers what a jump skipped."""
_SHORT_BYTES = 500
"""At most this many bytes are matched chunk by chunk right away, which finds more in small edits, sooner."""
_REACH_BYTES = 4096
"""How far away to look for a snippet."""
_FAR_JUMP = 3200
"""From this jump on, look farther away for snippets: a walk that continues leaves little to the table."""
_FAR_REACH_BYTES = 32768
"""How far away to look after a far jump."""
_PASSED_BYTES_MAX = 320
"""If a hit passes over more bytes than this, they are looked for elsewhere, since they may have moved."""
_NEAR_BYTES = 160
"""A hit that passes over less is accepted without looking from the other side."""
_WORTH_ALL = 2
"""The whole base is searched if the bytes left exceed this many times the part of it that differs..."""
_WORTH_ALL_BYTES = 200
"""...plus this many bytes."""
_WORTH_ALL_BINARY = 16
"""Without lines, the whole base is also searched if more than 1/16 of the target is left..."""
_WORTH_ALL_BINARY_BYTES = 1000
"""...and more than this many bytes."""
_WORDS_PART = 3
"""Words are matched last, if more than 1/3 of the target is still left, unless a delta that leaves less is
already known..."""
_WORDS_BYTES_MIN = 400
"""...and if more than this many bytes are left."""
_HOPELESS = 10
"""The table isn't made if the bytes left exceed the cost allowed for them by more than this factor."""


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
    """Match what the walk left over of the target up to `target_end`; return the cost of what remains.

    Returns None if that exceeds `left_max`. `differs` is the part of the base between prefix and suffix.
    """
    left = sum([end - start for start, end, _ in areas])
    if left > left_max and left > _HOPELESS * max(left_max, 1):
        return None
    # Words are matched if more than a third is left. If less than a third may be left, that is hopeless.
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
    """Return the part of the base to search for what is left: the part that differs, or all of it."""
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
    """Match by words the areas between the matches up to `target_end`; return the bytes saved."""
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
