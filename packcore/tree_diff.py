r"""What differs between two versions of a tree: the ids that changed, and how many entries differ at all.

    mode SP name NUL id | mode SP name NUL id | ...        sorted by name, a folder's as if a "/" followed

Both trees are gone through side by side, and what agrees is skipped by common prefixes: the time goes by
what differs, not by how large the trees are. In a folder of 20,000 files a commit changes three.

Trees that are broken or not sorted are no error: less is found in them, or something that isn't there.
"""

from __future__ import annotations

from packcore.delta.chunks import tree_entry_start, tree_ids
from packcore.delta.match import common_prefix

__all__ = ["Change", "tree_difference"]

Change = tuple[bool, bytes, bytes]
"""Whether it is a folder, the id before, the id after."""

_FOLDER_DIGITS = b"40"
"""What the mode of a folder begins with: 40000, or 040000 as some tools wrote it."""
_TAIL_BYTES_MAX = 2048
"""Two rests up to this size are compared at once: behind the first change nearly all agree."""


def tree_difference(old: bytes, new: bytes, digest_size: int) -> tuple[int, list[Change]]:
    """Return how many entries either tree has that the other lacks, and what changed under its name.

    An entry that only changed its mode is none of them, one whose type changed is two.
    """
    old_size, new_size = len(old), len(new)
    old_at = new_at = count = 0
    changes: list[Change] = []
    while True:  # once for each entry that differs, millions of times: nothing here is worth a call
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
            changes.append((old[old_at] in _FOLDER_DIGITS, before, after))
        if old_name <= new_name:
            old_at = old_next
        if new_name <= old_name:
            new_at = new_next
    rest = len(tree_ids(old, old_at, old_size, digest_size)) + len(
        tree_ids(new, new_at, new_size, digest_size)
    )
    return count + rest, changes


def _sorted_as(head: bytes) -> bytes:
    """Return what git sorts an entry by, given mode and name: folder and file of one name are two things."""
    mode, _, name = head.partition(b" ")
    return name + b"/" if mode[:1] in _FOLDER_DIGITS else name
