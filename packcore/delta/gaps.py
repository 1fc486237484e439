"""Find fine matches in what a coarse search left over: the words that stayed in a changed line.

    base     ... copied │ if (size > limit) {      │ copied ...
    target   ... copied │ if (total_size > limit) {│ copied ...
                          ^^^^^           ^^^^^^^^^^

This looks only between two neighbouring matches that follow each other in the base too, and only in gaps of
a size where it pays. Each word start in the target is looked up by the ten bytes there. Without this step
packs are 3 to 9 % larger. It runs only for the base that won.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.delta.match import common_prefix, common_suffix

if TYPE_CHECKING:
    from packcore.delta.encode import Match

__all__ = ["fill_gaps"]

_WORD_STARTS = re.compile(rb"(?s)\b(?=(\w.{9}))[0-9A-Za-z_]+").findall
"""Captures ten bytes from each word start, by a look-ahead because they overlap, then moves past the word."""
_MATCH_BYTES_MIN = 12
_TARGET_GAP_MIN = 20
_BASE_GAP_MIN = 10
_GAP_MAX = 4096
_SEARCHED_MAX = 256
"""In gaps of up to this many target bytes, each word is searched for in the base. For few words that is
quicker than collecting all words of the base in a table, and it also finds words within words."""


def fill_gaps(base: bytes, target: bytes, matches: list[Match]) -> list[Match]:
    """Return `matches` with finer ones added between them."""
    filled: list[Match] = []
    target_at = base_at = 0
    for match in (*matches, (len(target), len(base), 0)):
        target_start, base_start, length = match
        if (
            _TARGET_GAP_MIN <= target_start - target_at <= _GAP_MAX
            and _BASE_GAP_MIN <= base_start - base_at <= _GAP_MAX
        ):
            _fill(base, target, (target_at, target_start, base_at, base_start), filled)
        if length:
            filled.append(match)
        target_at, base_at = target_start + length, base_start + length
    return filled


def _fill(base: bytes, target: bytes, gap: tuple[int, int, int, int], filled: list[Match]) -> None:
    """Append the matches of one gap, given as start and end in the target, then start and end in the base."""
    target_at, target_end, base_at, base_end = gap
    known: bytes | set[bytes] = base[base_at:base_end]
    if target_end - target_at > _SEARCHED_MAX:
        known = set(_WORD_STARTS(base, base_at, base_end))
    for gram in _WORD_STARTS(target, target_at, target_end):
        if gram not in known:
            continue
        start = target.find(gram, target_at, target_end)
        if start < 0:  # an earlier match went past it
            continue
        found = base.find(gram, base_at, base_end)
        if found < 0:
            continue
        back = common_suffix(target, start, base, found, min(start - target_at, found - base_at))
        start -= back
        found -= back
        length = common_prefix(target, start, base, found, min(target_end - start, base_end - found))
        if length >= _MATCH_BYTES_MIN:
            filled.append((start, found, length))
            target_at, base_at = start + length, found + length
