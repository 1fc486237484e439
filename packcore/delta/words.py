r"""Match by words, for texts in which hardly a line stayed as it was.

    base     ····if (a)\n········return b\n        line ends, indentation or a column changed everywhere:
    target   ..if (a)\r\n....return b\r\n          all lines differ, and nearly all words are still there

Chunks find nothing here, and delta/gaps.py searches small gaps only. A word is looked for just after the last
match first, since most of what stayed kept its order, and then anywhere in the base. A budget proportional to
the input bounds the searches of the whole base, and so the time. A few samples show beforehand whether the
search is worthwhile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.delta.match import common_prefix, common_suffix

if TYPE_CHECKING:
    from packcore.delta.encode import Match

__all__ = ["match_words", "worth_matching_words"]

_WORDS = re.compile(rb"(?s)\b(?=(\w.{9}))[0-9A-Za-z_]+")
_MATCH_BYTES_MIN = 14
_AREA_BYTES_MIN = 32
"""Shorter areas are left to the search for gaps."""
_REACH_BYTES = 4096
_SURE_BYTES = 32
"""A shorter match further on does not move the place where the next word is expected."""
_NEAR_BYTES = 256
_FAR_SEARCHES = 40
"""How many times the whole base may be searched in total."""
_GIVE_UP_BYTES = 2048
"""An area gets this many bytes before it can be given up."""
_GIVE_UP_RATE = 8
"""After that, an area is given up once less than one byte in this many was matched."""
_REPEATED = 4
"""If each word occurs this often on average, compression does better than short copies."""
_MEAN_BYTES_MIN = 20
"""If the first matches are shorter than this on average, compression does better than copies."""
_MEAN_OF = 64
"""How many matches that average is taken of."""
_SAMPLES = 8
_SAMPLE_BYTES = 12


def worth_matching_words(base: bytes, target: bytes, areas: list[tuple[int, int, int]]) -> bool:
    """Return whether at least half of some samples of the areas occur in the base."""
    found = 0
    whole = sum([end - start for start, end, _ in areas])
    step = max(whole // _SAMPLES, _SAMPLE_BYTES)
    at = step // 2
    for start, end, _ in areas:
        while at + _SAMPLE_BYTES <= end - start:
            found += target[start + at : start + at + _SAMPLE_BYTES] in base
            at += step
        at = max(0, at - (end - start))
    return found * 2 >= _SAMPLES


def match_words(
    base: bytes,
    target: bytes,
    areas: list[tuple[int, int, int]],
    matches: list[Match],
    searched: tuple[int, int],
) -> int:
    """Append matches for areas of the target; return how many bytes they cover.

    An area is its start and end in the target, and where the base is expected to continue. `searched` is the
    part of the base that may be used.
    """
    base_from, base_to = searched
    words_of_base = _WORDS.findall(base, base_from, base_to)
    known = set(words_of_base)
    if len(known) * _REPEATED < len(words_of_base):
        return 0
    budget = _FAR_SEARCHES * (base_to - base_from)
    covered = 0
    before = len(matches)
    for target_at, target_end, base_at in areas:
        if target_end - target_at < _AREA_BYTES_MIN:
            continue
        give_up_at = target_at + _GIVE_UP_BYTES
        words = _WORDS.finditer(target, target_at, target_end)
        while word := next(words, None):
            gram = word[1]
            if gram not in known:
                continue
            start = word.start()
            if start > give_up_at:
                break
            found = base.find(gram, base_at, min(base_at + _REACH_BYTES, base_to))
            if found < 0 and budget > 0:
                budget -= base_to - base_from
                found = base.find(gram, base_from, base_to)
            if found < 0:
                continue
            back = common_suffix(base, found, target, start, min(found, start - target_at))
            room = min(len(base) - found, target_end - start)
            length = back + common_prefix(base, found, target, start, room)
            if length < _MATCH_BYTES_MIN:
                continue
            matches.append((start - back, found - back, length))
            covered += length
            if len(matches) - before == _MEAN_OF and covered < _MEAN_OF * _MEAN_BYTES_MIN:
                del matches[before:]
                return 0
            target_at = start - back + length
            give_up_at += _GIVE_UP_RATE * length
            words = _WORDS.finditer(target, target_at, target_end)
            if length >= _SURE_BYTES or 0 <= found - base_at < _NEAR_BYTES:
                base_at = found - back + length
    return covered
