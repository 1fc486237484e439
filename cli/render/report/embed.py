"""Choose the entries that the page contains: all of a small pack; of a large one, those viewed first.

    the largest objects, the deepest ones     each with its whole chain, which the page needs to make it
    then in pack order                        while there is room

A chain may take at most a quarter of the room, so that one large file doesn't fill it.
"""

from __future__ import annotations

from base64 import b64encode
from heapq import nlargest
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.anatomy.survey import PackSurvey

__all__ = ["base64_of", "chosen"]

_FIRST_ONES = 100
_PIECE_BYTES = 3 << 16  # a multiple of three, so that pieces of base64 join without padding


def chosen(survey: PackSurvey, bytes_max: int) -> bytearray:
    """Return a 1 for each chosen entry and a 0 for the others; chains are complete or absent."""
    count = len(survey)
    if survey.table.pack_bytes <= bytes_max:
        return bytearray(b"\1") * count
    held = bytearray(count)
    left, depths = bytes_max, survey.table.depths
    wanted = chain(
        nlargest(_FIRST_ONES, range(count), key=survey.entry_bytes),
        nlargest(_FIRST_ONES, range(count), key=depths.__getitem__),
        range(count),
    )
    for entry_index in wanted:
        new, new_bytes = [], 0
        at = entry_index
        while at >= 0 and not held[at] and new_bytes <= bytes_max // 4:
            new.append(at)
            new_bytes += survey.entry_bytes(at)
            at = survey.table.bases[at]
        if new_bytes <= min(left, bytes_max // 4):
            left -= new_bytes
            for at in new:
                held[at] = 1
    return held


def base64_of(survey: PackSurvey, held: bytearray) -> Iterator[str]:
    """Yield the chosen entries in pack order as pieces of one base64 text."""
    waiting = bytearray()
    with survey.path.open("rb") as pack:
        for start, end in _runs(survey, held):
            pack.seek(start)
            while start < end:
                piece = pack.read(min(end - start, _PIECE_BYTES))
                start += len(piece) or end - start
                waiting += piece
                whole = len(waiting) - len(waiting) % 3
                yield b64encode(waiting[:whole]).decode("ascii")
                del waiting[:whole]
    yield b64encode(waiting).decode("ascii")


def _runs(survey: PackSurvey, held: bytearray) -> Iterator[tuple[int, int]]:
    """Yield the start and end in the pack of each run of neighbouring chosen entries."""
    at = held.find(1)
    while at >= 0:
        behind = held.find(0, at)
        last = (behind if behind >= 0 else len(held)) - 1
        yield survey.table.offsets[at], survey.table.end_offset(last)
        at = held.find(1, last + 1)
