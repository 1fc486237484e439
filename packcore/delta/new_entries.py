r"""Which entries of a tree are new compared with another version of it, without parsing the rest.

    old   a b c d e        new   a b x d e f        new entries: x, and f

Both versions are walked side by side, and what agrees is skipped by comparing bytes, so the time depends on
what changed: a commit changes three of the 20,000 entries of a folder. Entries are always found forwards,
from a known start: backwards, the bytes of an id may look like an entry, and a hostile tree could hide one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from packcore.delta.match import common_prefix

__all__ = ["NewEntries", "new_entries", "sort_key"]

_RUN = {size: re.compile(rb"(?s)(?:[^\0]*+\0.{%d})*+" % size).match for size in (20, 32)}
"""Matches whole entries, up to the last that ends within the given end."""
_LAST_OF_RUN = {size: re.compile(rb"(?s)(?:([^\0]*+)\0.{%d})*+" % size).match for size in (20, 32)}
_STEPS_MIN = 32
_STEP_BYTES = 256
"""The walk gives up at more than one changed entry in this many bytes: then it is quicker to parse all."""
_FOLDER_MODES = (b"4", b"04")


class NewEntries(NamedTuple):
    """The parts of a tree that another version lacks."""

    ranges: list[tuple[int, int]]
    """Start and end, ascending; each holds whole entries. The others are in both, in the same order."""
    keeps_order: bool
    """Whether the tree is in order, without a name twice, if the other version is."""


def new_entries(old: bytes, new: bytes, digest_size: int) -> NewEntries | None:
    """Return what `new` has and `old` lacks; None if that is too much, or if an entry is malformed."""
    old_size, new_size = len(old), len(new)
    old_at = new_at = 0
    run_of = _RUN[digest_size]
    ranges: list[tuple[int, int]] = []
    steps = _STEPS_MIN + new_size // _STEP_BYTES
    last_key: bytes | None = b""  # of the entry before `new_at`; None if a run ends there
    run_start = 0
    keeps_order = True
    # Runs for each version of each tree, so it avoids calls.
    while new_at < new_size:
        room = min(old_size - old_at, new_size - new_at)
        same = common_prefix(old, old_at, new, new_at, room)
        if same == room == new_size - new_at:
            if same < old_size - old_at:  # the other version goes on: does an entry end here?
                run = run_of(new, new_at)
                if run is None or run.end() < new_size:
                    return None
            return NewEntries(ranges, keeps_order)
        if same > digest_size:
            run = run_of(new, new_at, new_at + same)
            if run is not None and (skipped := run.end() - new_at):
                run_start, last_key = new_at, None
                old_at += skipped
                new_at += skipped
        steps -= 1
        new_nul = new.find(b"\0", new_at)
        new_next = new_nul + 1 + digest_size
        if new_nul < 0 or new_next > new_size or steps < 0:
            return None
        new_head = new[new_at:new_nul]
        if old_at < old_size:
            old_nul = old.find(b"\0", old_at)
            old_next = old_nul + 1 + digest_size
            if old_nul < 0 or old_next > old_size:
                return None
            old_head = old[old_at:old_nul]
            if old_head == new_head:
                last_key = sort_key(new_head)
                ranges.append((new_at, new_next))
                old_at, new_at = old_next, new_next
                continue
            old_key, new_key = sort_key(old_head), sort_key(new_head)
            if old_key < new_key:
                old_at = old_next
                continue
            is_added = new_key < old_key
            if not is_added:
                old_at = old_next
        else:
            new_key, is_added = sort_key(new_head), True
        if is_added:
            if last_key is None:
                last = _LAST_OF_RUN[digest_size](new, run_start, new_at)
                last_key = sort_key(last[1]) if last is not None and last[1] is not None else b""
            name = new_key.removesuffix(b"/")
            keeps_order = keeps_order and last_key < new_key and new.count(b" %s\0" % name) == 1
        last_key = new_key
        ranges.append((new_at, new_next))
        new_at = new_next
    return NewEntries(ranges, keeps_order)


def sort_key(head: bytes) -> bytes:
    """Return git's sort key for an entry, given its mode and name; a folder sorts as if it ended in "/"."""
    name = head.partition(b" ")[2]
    return name + b"/" if head.startswith(_FOLDER_MODES) else name
