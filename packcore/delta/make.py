"""Make one delta between two objects of the same type: the pure function behind every plan.

However a pair was found, its delta is made here, from the type and the bytes alone. So when a plan could
not keep a delta, the writer makes exactly the same one again.

    blob    text matches, gaps filled
    tree    tree matches
    commit  message matches from the author line on (tree and parents never agree)
    tag     message matches
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from packcore.delta.encode import delta_from_matches
from packcore.delta.gaps import fill_gaps
from packcore.delta.messages import find_message_matches
from packcore.delta.segments import find_text_matches
from packcore.delta.trees import find_tree_matches
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from packcore.delta.encode import Match

__all__ = ["commit_text_start", "encode_matches", "find_matches", "make_delta"]


def make_delta(object_type: ObjectType, base: bytes, target: bytes, digest_size: int) -> bytes:
    """Return the delta that makes `target` from `base`. Any bytes will do; ids have `digest_size` bytes."""
    found = find_matches(object_type, base, target, sys.maxsize, digest_size)
    return encode_matches(object_type, base, target, [] if found is None else found[1])


def find_matches(
    object_type: ObjectType, base: bytes, target: bytes, cost_max: int, digest_size: int
) -> tuple[int, list[Match]] | None:
    """Return (cost, matches) as `make_delta` uses them, or None if the cost exceeds `cost_max`."""
    if object_type == ObjectType.BLOB:
        return find_text_matches(base, target, cost_max)
    if object_type == ObjectType.TREE:
        return find_tree_matches(base, target, cost_max, digest_size)
    if object_type == ObjectType.COMMIT:
        base_from, target_from = commit_text_start(base), commit_text_start(target)
        return find_message_matches(base, target, cost_max, base_from, target_from)
    return find_message_matches(base, target, cost_max)


def encode_matches(object_type: ObjectType, base: bytes, target: bytes, matches: list[Match]) -> bytes:
    """Return the delta of these matches; for blobs, add finer matches between them first."""
    if object_type == ObjectType.BLOB:
        matches = fill_gaps(base, target, matches)
    return delta_from_matches(len(base), target, matches)


def commit_text_start(commit: bytes) -> int:
    """Return where a commit's author line starts, with the newline before it; 0 if there is none."""
    return max(commit.find(b"\nauthor "), 0)
