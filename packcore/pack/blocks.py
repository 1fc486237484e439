"""Gather small pieces of a pack into blocks, each of which becomes one HTTP chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.limits import KIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["gather"]

WORK_BYTES = 1024 * KIB
"""A block is sent, full or not, after this many inflated bytes of work: some tens of milliseconds."""


def gather(pieces: Iterable[tuple[bytes, int]], block_bytes: int) -> Iterator[bytes]:
    """Join (bytes, work) pieces into blocks of at most `block_bytes`, and nearly that while more follow.

    `work` is the number of inflated bytes processed to make a piece. After much work a block is sent early,
    so that the connection is never idle for long.
    """
    waiting: list[bytes] = []
    waiting_bytes = work_bytes = 0
    for piece, work in pieces:
        waiting.append(piece)
        waiting_bytes += len(piece)
        work_bytes += work
        if waiting_bytes < block_bytes and work_bytes < WORK_BYTES:
            continue
        joined = b"".join(waiting)
        whole_bytes = waiting_bytes - waiting_bytes % block_bytes
        for start in range(0, whole_bytes, block_bytes):
            yield joined[start : start + block_bytes]
        rest = joined[whole_bytes:]
        if rest and not whole_bytes:  # this is the end of much work, and no block was just sent
            yield rest
            rest = b""
        waiting = [rest]
        waiting_bytes = len(rest)
        work_bytes = 0
    if waiting_bytes:
        yield b"".join(waiting)
