"""How far two byte strings agree, forwards and backwards: the innermost loop of delta making.

The first 128 bytes are compared as integers by XOR, whose highest (or lowest) set bit marks the first
difference. If they agree, `startswith` compares slices that grow eightfold while they agree and are halved
when they don't, down to the last 128 bytes, which are compared by XOR again. That takes 0.4 microseconds for
100 bytes and 12 for 200,000, with no loop over bytes.
"""

# ruff: noqa: FURB136, PLR1730 - min() is a call, and nothing is called more often than these functions

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["common_prefix", "common_suffix", "longest_match"]

_XOR_BYTES = 128
_int = int.from_bytes


def common_prefix(a: bytes, a_start: int, b: bytes, b_start: int, limit: int) -> int:
    """Return how many bytes agree after `a_start` in a and `b_start` in b, at most `limit`.

    >>> common_prefix(b"__abcd", 2, b"abXd", 0, 4)
    2
    """
    # Two thirds of the results are below 128, so try these bytes alone first.
    end = limit if limit < _XOR_BYTES else _XOR_BYTES
    difference = _int(a[a_start : a_start + end], "big") ^ _int(b[b_start : b_start + end], "big")
    if difference or end == limit:
        return end - ((difference.bit_length() + 7) >> 3)
    agreed, stride = end, _XOR_BYTES * 8
    while agreed < limit:
        end = agreed + stride
        if end > limit:
            end = limit
        if b.startswith(a[a_start + agreed : a_start + end], b_start + agreed):
            agreed = end
            stride *= 8
            continue
        while end - agreed > _XOR_BYTES:
            middle = (agreed + end) >> 1
            if b.startswith(a[a_start + agreed : a_start + middle], b_start + agreed):
                agreed = middle
            else:
                end = middle
        difference = _int(a[a_start + agreed : a_start + end], "big") ^ _int(
            b[b_start + agreed : b_start + end], "big"
        )
        return end - ((difference.bit_length() + 7) >> 3)
    return agreed


def common_suffix(a: bytes, a_end: int, b: bytes, b_end: int, limit: int) -> int:
    """Return how many bytes agree before `a_end` in a and `b_end` in b, at most `limit`.

    >>> common_suffix(b"abcd__", 4, b"aXcd", 4, 4)
    2
    """
    end = limit if limit < _XOR_BYTES else _XOR_BYTES
    difference = _int(a[a_end - end : a_end], "little") ^ _int(b[b_end - end : b_end], "little")
    if difference or end == limit:
        return end - ((difference.bit_length() + 7) >> 3)
    agreed, stride = end, _XOR_BYTES * 8
    while agreed < limit:
        end = agreed + stride
        if end > limit:
            end = limit
        if b.endswith(a[a_end - end : a_end - agreed], 0, b_end - agreed):
            agreed = end
            stride *= 8
            continue
        while end - agreed > _XOR_BYTES:
            middle = (agreed + end) >> 1
            if b.endswith(a[a_end - middle : a_end - agreed], 0, b_end - agreed):
                agreed = middle
            else:
                end = middle
        difference = _int(a[a_end - end : a_end - agreed], "little") ^ _int(
            b[b_end - end : b_end - agreed], "little"
        )
        return end - ((difference.bit_length() + 7) >> 3)
    return agreed


def longest_match(a: bytes, a_starts: Iterable[int], b: bytes, b_start: int, b_end: int) -> int:
    """Return the start in a that agrees longest with b from `b_start` to `b_end`; the first of equals.

    >>> longest_match(b"ab_abc_", (0, 3), b"abcd", 0, 4)
    3
    """
    best, longest = 0, -1
    for a_start in a_starts:
        length = common_prefix(a, a_start, b, b_start, min(len(a) - a_start, b_end - b_start))
        if length > longest:
            best, longest = a_start, length
    return best
