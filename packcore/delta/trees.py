"""Matches between two versions of a tree, entry by entry.

    mode SP name NUL id | mode SP name NUL id | ...

Nearly always one id changed, which prefix and suffix show. Otherwise, at each difference, three guesses are
tried in turn: an id changed (the bytes behind it agree again), entries were removed, entries were added. If
none holds, one entry of the target becomes literal and the next is tried.

As in delta/segments.py, the result depends on base and target alone, and `cost_max` only ends the search
early. Broken trees are treated like any bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.delta.match import common_prefix, common_suffix
from packcore.delta.segments import MATCH_COST

if TYPE_CHECKING:
    from packcore.delta.encode import Match

__all__ = ["find_tree_matches"]

_EDGE_BYTES_MIN = 6
_XOR_BYTES_MAX = 3000
_SNIPPET_BYTES = 24
_REACH_BYTES = 600
_SAME_RUN = re.compile(rb"\0{8,}").finditer
_BOUNDARY = {
    digest_size: re.compile(rb"(?s)\0.{%d}(?=[1-7][0-7]{4,5} )" % digest_size).search
    for digest_size in (20, 32)
}


def find_tree_matches(
    base: bytes, target: bytes, cost_max: int, digest_size: int
) -> tuple[int, list[Match]] | None:
    """Return (cost, matches) for making `target` from `base`, or None if the cost exceeds `cost_max`."""
    base_size, target_size = len(base), len(target)
    room = min(base_size, target_size)
    prefix = common_prefix(base, 0, target, 0, room)
    suffix = common_suffix(base, base_size, target, target_size, room - prefix)
    if prefix < _EDGE_BYTES_MIN:
        prefix = 0
    if suffix < _EDGE_BYTES_MIN:
        suffix = 0
    matches: list[Match] = [(0, 0, prefix)] if prefix else []
    target_end = target_size - suffix
    cost = 2 * MATCH_COST + target_end - prefix
    if target_end - prefix > digest_size and base_size - suffix > prefix:
        middle = None
        if base_size == target_size and target_size < _XOR_BYTES_MAX:
            middle = _same_places(base, target, prefix, target_end)
        if middle is None:
            middle = _walk(base, target, (prefix, target_end, base_size - suffix), cost_max, digest_size)
        if middle is None:
            return None
        for match in middle:
            cost += MATCH_COST - match[2]
        matches += middle
    if cost > cost_max:
        return None
    if suffix:
        matches.append((target_end, base_size - suffix, suffix))
    return cost, matches


def _same_places(base: bytes, target: bytes, start: int, end: int) -> list[Match] | None:
    """Return what agrees at the same offsets in trees of equal length, or None if that is too little."""
    size = end - start
    difference = int.from_bytes(base[start:end], "big") ^ int.from_bytes(target[start:end], "big")
    matches = []
    same = 0
    for run in _SAME_RUN(difference.to_bytes(size, "big")):
        run_start, run_end = run.span()
        matches.append((start + run_start, start + run_start, run_end - run_start))
        same += run_end - run_start
    # A third must agree. Entries that moved agree at no offset, and the walk finds those.
    return matches if same * 3 >= size else None


def _walk(
    base: bytes, target: bytes, area: tuple[int, int, int], cost_max: int, digest_size: int
) -> list[Match] | None:
    """Match the area: its start in both trees, then its end in the target and its end in the base."""
    start, target_end, base_end = area
    matches: list[Match] = []
    next_boundary = _BOUNDARY[digest_size]
    target_at = base_at = literal_start = start
    cost = 0
    while target_at < target_end and base_at < base_end:
        behind = target[target_at + digest_size : target_at + 2 * digest_size]
        snippet = target[target_at : target_at + _SNIPPET_BYTES]
        if (
            target_at + 2 * digest_size <= target_end
            and base_at + 2 * digest_size <= base_end
            and base.startswith(behind, base_at + digest_size)
        ):
            hit_target, hit_base = target_at + digest_size, base_at + digest_size
        elif (
            len(snippet) == _SNIPPET_BYTES
            and (found := base.find(snippet, base_at, min(base_at + _REACH_BYTES, base_end))) >= 0
        ):
            hit_target, hit_base = target_at, found
        else:
            snippet = base[base_at : base_at + _SNIPPET_BYTES]
            found = -1
            if len(snippet) == _SNIPPET_BYTES:
                found = target.find(snippet, target_at, min(target_at + _REACH_BYTES, target_end))
            if found < 0:
                boundary = next_boundary(target, target_at, target_end)
                if boundary is None:
                    break
                target_at = boundary.end()
                if target_at - literal_start + cost > cost_max:
                    return None
                continue
            hit_target, hit_base = found, base_at
        room = min(hit_base - base_at, hit_target - target_at)
        back = common_suffix(base, hit_base, target, hit_target, room)
        hit_base -= back
        hit_target -= back
        room = min(base_end - hit_base, target_end - hit_target)
        length = common_prefix(base, hit_base, target, hit_target, room)
        matches.append((hit_target, hit_base, length))
        cost += hit_target - literal_start + MATCH_COST
        if cost > cost_max:
            return None
        target_at = literal_start = hit_target + length
        base_at = hit_base + length
    return matches
