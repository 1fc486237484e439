r"""A notes tree: the name of each entry is the id of the annotated object, in hex.

    1f3870be274f6c49b3e31a0c6728957f0fd8a1b2       the whole id
    1f/3870be274f6c49b3e31a0c6728957f0fd8a1b2      fan-out: two digits for each folder, to any depth
    README, docs/…, 1f/x                           anything else is not a note, and stays where it is

See git-notes(1). `packcore.convert.notes_writer` describes the layout of these trees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from packcore.errors import RepositoryError
from packcore.ids import SHA1, ObjectId
from packcore.objects import (
    MODE_DIRECTORY,
    MODE_TYPE_MASK,
    ObjectType,
    commit_links,
    mode_kind,
    tag_target,
    tree_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from packcore.store.base import ObjectStore

__all__ = [
    "ROOT",
    "Change",
    "Folder",
    "NotesTree",
    "Row",
    "Rows",
    "compare",
    "old_names",
    "peel_to_tree",
    "read_notes_tree",
    "sort_row",
]

Row: TypeAlias = tuple[bytes, ObjectId]
"""The mode of an entry in octal digits, and its id."""

_HEX = re.compile(rb"[0-9a-fA-F]+")
_REGULAR = 0o100000


Rows: TypeAlias = "Collection[tuple[bytes, bytes, ObjectId]]"
"""The entries of a tree as mode, name and id."""


@dataclass(slots=True)
class NotesTree:
    """The contents of a notes tree."""

    notes: dict[ObjectId, tuple[bytes, Row]] = field(default_factory=dict)
    """Maps an annotated object to the path of its note, and its entry."""
    others: dict[bytes, Row] = field(default_factory=dict)
    """Maps a path to an entry that is not a note. A folder that can't hold notes is a single one of these."""


class Change(NamedTuple):
    """One entry that one notes tree has and another doesn't."""

    root: ObjectId
    """The root that has it."""
    path: bytes
    row: Row
    about: ObjectId | None
    """None if it is not a note."""


class Folder(NamedTuple):
    """A folder of a notes tree: its path, ending in a slash, and the digits that the path stands for."""

    path: bytes
    digits: bytes


ROOT = Folder(b"", b"")


def sort_row(
    folder: Folder, mode: bytes, name: bytes, hex_size: int
) -> tuple[Folder | None, ObjectId | None]:
    """Return what an entry is, as git sees it: a fan-out folder, the note about an object, or neither."""
    kind, digits = mode_kind(mode) & MODE_TYPE_MASK, folder.digits + name
    if _HEX.fullmatch(name):
        if kind == _REGULAR and len(digits) == hex_size:
            return None, ObjectId(bytes.fromhex(digits.decode()))
        if kind == MODE_DIRECTORY and len(name) == 2 and len(digits) < hex_size:
            return Folder(folder.path + name + b"/", digits), None
    return None, None


def read_notes_tree(store: ObjectStore, root: ObjectId) -> NotesTree:
    """Read a tree as git reads notes.

    Raises MissingObject, CorruptObject, and RepositoryError if one object has two notes.
    """
    found = NotesTree()
    _, added = compare(
        None, root, lambda oid: tree_rows(store.read(oid).data, store.object_format, oid), store
    )
    for change in added:
        if change.about is None:
            found.others[change.path] = change.row
        elif change.about in found.notes:
            raise RepositoryError(f"tree {root.hex()} has two notes about {change.about.hex()}")
        else:
            found.notes[change.about] = (change.path, change.row)
    return found


def compare(
    before: ObjectId | None, after: ObjectId, rows_of: Callable[[ObjectId], Rows], store: ObjectStore
) -> tuple[list[Change], list[Change]]:
    """Return the entries removed and added from one notes tree to another, without reading common folders."""
    gone: list[Change] = []
    new: list[Change] = []
    hex_size = store.object_format.hex_size
    stack: list[tuple[Folder, ObjectId | None, ObjectId | None]] = [(ROOT, before, after)]
    while stack:
        folder, old, current = stack.pop()
        old_rows = set(rows_of(old)) if old is not None else set()
        new_rows = set(rows_of(current)) if current is not None else set()
        below: dict[Folder, list[ObjectId | None]] = {}
        for side, rows, changes in ((0, old_rows - new_rows, gone), (1, new_rows - old_rows, new)):
            for mode, name, oid in rows:
                inner, about = sort_row(folder, mode, name, hex_size)
                if inner is not None:
                    below.setdefault(inner, [None, None])[side] = oid
                else:
                    root = before if side == 0 else after
                    assert root is not None
                    changes.append(Change(root, folder.path + name, (mode, oid), about))
        stack += [(inner, pair[0], pair[1]) for inner, pair in below.items()]
    return gone, new


def peel_to_tree(store: ObjectStore, oid: ObjectId) -> ObjectId | None:
    """Return the tree that a notes ref leads to through tags and a commit, or None if it leads to a blob.

    Raises MissingObject, CorruptData.
    """
    while True:
        type_, data = store.read(oid)
        if type_ is ObjectType.TAG:
            oid = tag_target(data, store.object_format, oid)[0]
        elif type_ is ObjectType.COMMIT:
            oid = commit_links(data, store.object_format, oid).tree
        else:
            return oid if type_ is ObjectType.TREE else None


def old_names(store: ObjectStore, tip: ObjectId) -> set[ObjectId]:
    """Return the SHA-1 ids that still name entries, in all notes trees that a tip reaches.

    Raises MissingObject, CorruptData.
    """
    found: set[ObjectId] = set()
    waiting, seen = [tip], set()
    while waiting:
        oid = waiting.pop()
        if oid in seen:
            continue
        seen.add(oid)
        type_, data = store.read(oid)
        if type_ is ObjectType.TAG:
            waiting.append(tag_target(data, store.object_format, oid)[0])
        elif type_ is ObjectType.COMMIT:
            links = commit_links(data, store.object_format, oid)
            waiting += [links.tree, *links.parents]
        elif type_ is ObjectType.TREE:
            digits = (path.replace(b"/", b"") for path in read_notes_tree(store, oid).others)
            found |= {
                ObjectId(bytes.fromhex(name.decode()))
                for name in digits
                if len(name) == SHA1.hex_size and _HEX.fullmatch(name)
            }
    return found
