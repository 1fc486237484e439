"""A path in a tree, with symbolic links followed, as `git cat-file --follow-symlinks` resolves it.

docs/latest -> v2, docs/v2/a          docs/latest/a     the object at docs/v2/a
out -> ../x    out -> /etc/x          out               leaves the tree: "../x", "/etc/x"
lost -> nothing                       lost              dangling
round -> round                        round             a loop: more than 40 links
file                                  file/x            not a folder
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import MissingObject, UnknownRevision
from packcore.objects import MODE_SYMLINK, MODE_TYPE_MASK, ObjectType, iter_tree

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.objects import TreeEntry
    from packcore.store.base import ObjectStore

__all__ = ["LinkFault", "OutOfTree", "follow_path"]

LINKS_MAX = 40
_TARGET_BYTES_MAX = 1 << 16
"""Longer than any path that a file system takes."""


class LinkFault(Enum):
    """Why a path with links leads to no object; the values are git's words."""

    DANGLING = "dangling"
    LOOP = "loop"
    NOT_A_FOLDER = "notdir"


class OutOfTree(NamedTuple):
    """A link led out of the tree."""

    path: bytes
    """Where to: absolute, or relative to the tree's top."""


def follow_path(store: ObjectStore, root: ObjectId, path: bytes) -> ObjectId | OutOfTree | LinkFault:
    """Return the object at a path below the tree `root`, or why there is none.

    Raises UnknownRevision if a name is missing and no link led there, MissingObject and CorruptData.
    """
    folders = [root]
    links = 0
    while True:
        path = path.lstrip(b"/")
        name, _, rest = path.partition(b"/")
        if name == b"":
            return folders[-1]
        if name == b"..":
            if len(folders) == 1:
                return OutOfTree(path)
            folders.pop()
            path = rest
            continue
        entry = _entry(store, folders[-1], name)
        if entry is None:
            if links:
                return LinkFault.DANGLING
            raise UnknownRevision("the tree has no such path")
        if entry.is_tree:
            folders.append(entry.oid)
            path = rest
        elif entry.mode & MODE_TYPE_MASK != MODE_SYMLINK:
            # A slash behind the name asks for a folder, even with nothing behind it.
            return LinkFault.NOT_A_FOLDER if b"/" in path else entry.oid
        elif links == LINKS_MAX:
            return LinkFault.LOOP
        else:
            links += 1
            target = _target(store, entry.oid)
            if target is None:
                return LinkFault.DANGLING
            if target.startswith(b"/"):
                return OutOfTree(target)
            path = target + path[len(name) :]


def _entry(store: ObjectStore, tree: ObjectId, name: bytes) -> TreeEntry | None:
    type_, data = store.read(tree)
    if type_ is not ObjectType.TREE:
        return None
    return next((entry for entry in iter_tree(data, store.object_format, tree) if entry.name == name), None)


def _target(store: ObjectStore, link: ObjectId) -> bytes | None:
    """Return where a link points to; None if that can't be a path."""
    try:
        header = store.header(link)
    except MissingObject:
        return None
    if header.type is not ObjectType.BLOB or header.size > _TARGET_BYTES_MAX:
        return None
    return store.read(link).data
