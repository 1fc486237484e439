r"""What differs between two versions of a tree: the ids that changed, and how many entries differ at all.

    mode SP name NUL id | mode SP name NUL id | ...        sorted by name, a folder's as if a "/" followed

Both trees are gone through side by side, and what agrees is skipped by common prefixes: the time goes by
what differs, not by how large the trees are. In a folder of 20,000 files a commit changes three.

Trees that are broken or not sorted are no error: less is found in them, or something that isn't there.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from packcore.delta.chunks import tree_entry_start, tree_ids
from packcore.delta.match import common_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Change", "entry_ids", "is_folder", "tree_difference"]

Change = tuple[bytes, bytes, bytes]
"""The entry's head (mode and name), the id before, the id after."""

_FOLDER_MODES = (b"4", b"04")
"""What the mode of a folder begins with: 40000, or 040000 as some tools wrote it."""
_SOUGHT_MAX = 64
"""Entries that are sought one by one, each in the whole tree; for more all its entries are read first."""
_ENTRIES = {
    digest_size: re.compile(rb"(?s)([^\0]+)\0(.{%d})" % digest_size).findall for digest_size in (20, 32)
}
_TAIL_BYTES_MAX = 2048
"""Two rests up to this size are compared at once: behind the first change nearly all agree."""


def tree_difference(
    old: bytes, new: bytes, digest_size: int, count_max: int = sys.maxsize
) -> tuple[int, list[Change]]:
    """Return how many entries either tree has that the other lacks, and what changed under its name.

    An entry that only changed its mode is none of them, one whose type changed is two. Where there are
    more than `count_max` the search ends early.
    """
    old_size, new_size = len(old), len(new)
    old_at = new_at = count = 0
    changes: list[Change] = []
    # Once for each entry that differs, which is millions of times: nothing here is worth a call.
    while count <= count_max:
        room = old_size - old_at
        if room == new_size - new_at:
            if room <= _TAIL_BYTES_MAX and old_at and old[old_at:] == new[new_at:]:
                return count, changes
        elif room > new_size - new_at:
            room = new_size - new_at
        same = common_prefix(old, old_at, new, new_at, room)
        if same == room:
            old_at += room
            new_at += room
            break
        if same:
            skipped = tree_entry_start(old, old_at + same, digest_size) - old_at
            if skipped > 0:
                old_at += skipped
                new_at += skipped
        old_nul, new_nul = old.find(b"\0", old_at), new.find(b"\0", new_at)
        if old_nul < 0 or new_nul < 0:
            break
        old_name, new_name = old[old_at:old_nul], new[new_at:new_nul]
        if old_name != new_name:
            old_name, new_name = _sorted_as(old_name), _sorted_as(new_name)
        old_next, new_next = old_nul + 1 + digest_size, new_nul + 1 + digest_size
        if old_name != new_name:
            count += 1
        elif (before := old[old_nul + 1 : old_next]) != (after := new[new_nul + 1 : new_next]):
            count += 2
            changes.append((new[new_at:new_nul], before, after))
        if old_name <= new_name:
            old_at = old_next
        if new_name <= old_name:
            new_at = new_next
    else:
        return count, changes
    count += len(tree_ids(old, old_at, old_size, digest_size))
    return count + len(tree_ids(new, new_at, new_size, digest_size)), changes


def entry_ids(tree: bytes, heads: Sequence[bytes], digest_size: int) -> list[bytes]:
    """Return the ids of the entries of these heads, b"" for those that the tree has not."""
    if len(heads) > _SOUGHT_MAX:
        ids = dict(_ENTRIES[digest_size](tree))
        return [ids.get(head, b"") for head in heads]
    found = []
    for head in heads:
        at = tree.find(head + b"\0")
        start = at + len(head) + 1
        found.append(tree[start : start + digest_size] if at >= 0 else b"")
    return found


def is_folder(head: bytes) -> bool:
    """Tell whether an entry is a folder, by its mode and name."""
    return head.startswith(_FOLDER_MODES)


def _sorted_as(head: bytes) -> bytes:
    """Return what git sorts an entry by, given mode and name: folder and file of one name are two things."""
    name = head.partition(b" ")[2]
    return name + b"/" if is_folder(head) else name
