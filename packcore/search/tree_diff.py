r"""The difference between two versions of a tree: the ids that changed, and how many entries differ at all.

    mode SP name NUL id | mode SP name NUL id | ...        sorted by name, a folder as if it ended in "/"

Walks both trees side by side and skips what agrees by common prefixes, so the time depends on the difference,
not on the size of the trees. In a folder of 20,000 files, a commit changes three.

Broken or unsorted trees are not an error: changes in them may be missed or made up.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from packcore.delta.chunks import tree_entry_start, tree_ids
from packcore.delta.match import common_prefix
from packcore.delta.new_entries import sort_key

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Change", "entry_ids", "is_folder", "tree_difference"]

Change = tuple[bytes, bytes, bytes]
"""The head of the entry (mode and name), the old id, the new id."""

_FOLDER_MODES = (b"4", b"04")
"""How the mode of a folder begins: 40000, or 040000 as some tools wrote it."""
_SOUGHT_MAX = 64
"""Up to this many entries are searched for one by one, each in the whole tree; more need all entries
parsed."""
_ENTRIES = {
    digest_size: re.compile(rb"(?s)([^\0]+)\0(.{%d})" % digest_size).findall for digest_size in (20, 32)
}
_TAIL_BYTES_MAX = 2048
"""Remainders up to this size are compared as a whole: behind the first change, nearly all agree."""


def tree_difference(
    old: bytes, new: bytes, digest_size: int, count_max: int = sys.maxsize
) -> tuple[int, list[Change]]:
    """Return how many entries only one of the trees has, and the entries that changed under their name.

    An entry whose mode alone changed doesn't count; one whose type changed counts twice. The search ends
    early if there are more than `count_max`.
    """
    old_size, new_size = len(old), len(new)
    old_at = new_at = count = 0
    changes: list[Change] = []
    # Runs for each entry that differs, which is millions of times, so it avoids calls.
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
            old_name, new_name = sort_key(old_name), sort_key(new_name)
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
    """Return the ids of the entries with these heads, b"" for those that the tree doesn't have."""
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
    """Return whether an entry is a folder, given its mode and name."""
    return head.startswith(_FOLDER_MODES)
