"""Cut a search into a few large parts: by type, and blobs also by name.

    commits and tags | trees …a | trees …z | blobs ….c | blobs ….h … | …          in pack order

A search that compares only objects of one type loses nothing if types are searched separately. Files of one
name stay together, so that renames and copies between folders still find each other. So do names that differ
only by numbers, as those of releases do (tool-4.1.0.js, tool-4.2.2.js). What is lost are similarities between
other names that fall into different parts. Names are ordered from their end, as in the pack, so files of one
kind are neighbours.

The number of parts depends on the objects alone: see `HALVED_MIN`, `PART_MIN` and `PARTS_MAX`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.objects import ObjectType
from packcore.search.strategy import Part
from packcore.tree_path import file_name, path_end

if TYPE_CHECKING:
    from packcore.search.strategy import Work
    from packcore.tree_path import TreePath

__all__ = ["SEARCHED_MIN", "name_order", "parts_by_type_and_name"]

SEARCHED_MIN = 8_000
"""Fewer objects to search make one part: a second process would hardly be worth its start."""
HALVED_MIN = 4_000
"""At least this many trees, or blobs, are searched in two parts, so that two processes share the work
evenly."""
PART_MIN = 20_000
"""The least number of objects in a part if there are more than two: smaller parts find too few similarities.
Five parts of 8,000 blobs each, with translations in several of them, made a pack of git's history 4 % larger
than two parts did."""
PARTS_MAX = 8
OBJECT_WEIGHT_BYTES = 8192
"""The fixed cost of an object, in bytes, on top of its size."""

_DIGITS = re.compile(rb"[0-9]+").sub


def name_order(path: TreePath | bytes) -> tuple[bytes, bytes]:
    """Return the sort key of paths in a pack: the file name from its end, then the folders."""
    return file_name(path)[::-1], path_end(path)


def parts_by_type_and_name(work: Work) -> list[Part]:
    """Return the parts for a search that looks at one type at a time, and at blobs by name."""
    if len(work.searched) < SEARCHED_MIN:
        return [Part(list(range(len(work.candidates))), by_history=True)]
    by_type: dict[ObjectType, list[int]] = {type_: [] for type_ in ObjectType}
    for index, candidate in enumerate(work.candidates):
        by_type[candidate.type].append(index)
    messages = sorted(by_type[ObjectType.COMMIT] + by_type[ObjectType.TAG])
    parts = [Part(messages, by_history=False)]
    for type_ in (ObjectType.TREE, ObjectType.BLOB):
        parts += [Part(members, by_history=True) for members in _by_name(work, by_type[type_])]
    return [part for part in parts if part.members]


def _by_name(work: Work, objects: list[int]) -> list[list[int]]:
    """Cut objects into parts of about equal weight; names that differ only by numbers stay in one part."""
    wanted = bytearray(len(work.candidates))
    for index in work.searched:
        wanted[index] = 1
    searched_count = sum(map(wanted.__getitem__, objects))
    if searched_count < HALVED_MIN:
        return [objects]
    part_count = max(2, min(PARTS_MAX, searched_count // PART_MIN))
    by_path: dict[TreePath | bytes, list[int]] = {}
    for index in objects:
        by_path.setdefault(work.candidates[index].where, []).append(index)
    names: dict[bytes, list[int]] = {}
    for path, members in by_path.items():
        names.setdefault(_DIGITS(b"", file_name(path)), []).extend(members)
    weights = {
        name: sum([work.candidates[index].size + OBJECT_WEIGHT_BYTES for index in members if wanted[index]])
        for name, members in names.items()
    }
    total = sum(weights.values())
    parts: list[list[int]] = [[] for _ in range(part_count)]
    before = 0
    for name in sorted(names, key=lambda name: name[::-1]):
        # The middle of a name decides which part it belongs to.
        middle = before + weights[name] // 2
        parts[min(middle * part_count // max(total, 1), part_count - 1)] += names[name]
        before += weights[name]
    return [sorted(part) for part in parts]
