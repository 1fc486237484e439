"""Bases for a thin pack if the whole history is at hand: what the target has at the same paths.

    sent      o───o main        the target has E and all that E reaches
             /
        ────E                   E's trees and files at the same paths are possible bases

Only folders in which something is sent are read, so the cost depends on what the push touches, not on the
size of the repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import MissingObject
from packcore.objects import MODE_DIRECTORY, MODE_GITLINK, ObjectType, commit_links, mode_kind, tree_rows
from packcore.plans.entries import Candidate
from packcore.tree_path import TreePath, inside

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["edge_bases"]

EDGES_MAX = 8
"""Further commits at the edge bring the same files again."""
COMMITS_MAX = 20_000
"""A push of more commits has its bases among the objects that it sends."""


class _Folder:
    """A folder in which something is sent, and what is sent in it by name."""

    __slots__ = ("folders", "names")

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        self.folders: dict[bytes, _Folder] = {}


def edge_bases(store: ObjectStore, objects: Sequence[Candidate]) -> list[Candidate]:
    """Return older versions of sent objects that the target surely has. Raises CorruptData."""
    edges = _edges(store, objects)
    if not edges:
        return []
    top = _folders(objects)
    seen = {candidate.oid for candidate in objects}
    found: list[Candidate] = []
    for edge in edges:
        tree = commit_links(store.read(edge).data, store.object_format, edge).tree
        _collect(store, tree, top, seen, found)
    return found


def _edges(store: ObjectStore, objects: Sequence[Candidate]) -> list[ObjectId]:
    """Return the unsent parents of sent commits: the target has them, since they are not sent."""
    commits = [candidate.oid for candidate in objects if candidate.type is ObjectType.COMMIT]
    if len(commits) > COMMITS_MAX:
        return []
    sent = set(commits)
    edges: dict[ObjectId, None] = {}
    for oid in commits:
        for parent in commit_links(store.read(oid).data, store.object_format, oid).parents:
            if parent not in sent and parent in store:
                edges[parent] = None
        if len(edges) >= EDGES_MAX:
            break
    return list(edges)[:EDGES_MAX]


def _folders(objects: Collection[Candidate]) -> _Folder:
    """Return the tree of folders of all objects with a path, from the root."""
    top = _Folder()
    known: dict[TreePath | bytes, _Folder] = {b"": top}
    for candidate in objects:
        if isinstance(candidate.where, TreePath):
            parent = candidate.where.parent
            folder = known.get(b"" if parent is None else parent)
            if folder is None:
                assert parent is not None
                folder = top
                for name in parent.names():
                    folder = folder.folders.setdefault(name, _Folder())
                known[parent] = folder
            folder.names.add(candidate.where.name)
    return top


def _collect(
    store: ObjectStore, root: ObjectId, top: _Folder, seen: set[ObjectId], found: list[Candidate]
) -> None:
    stack: list[tuple[ObjectId, _Folder | None, TreePath | bytes]] = [(root, top, b"")]
    while stack:
        oid, folder, path = stack.pop()
        try:
            type_, data = store.read(oid)
        except MissingObject:
            continue  # a partial clone lacks it
        if type_ is not ObjectType.TREE:
            continue
        if oid not in seen:
            seen.add(oid)
            found.append(Candidate(oid, type_, len(data), path, len(found)))
        if folder is None:
            continue
        for mode, name, entry in tree_rows(data, store.object_format, oid):
            kind, inner = mode_kind(mode), folder.folders.get(name)
            if kind == MODE_GITLINK or (inner is None and name not in folder.names):
                continue
            if kind == MODE_DIRECTORY:
                stack.append((entry, inner, inside(path, name)))
            elif entry not in seen and entry in store:
                seen.add(entry)
                size = store.header(entry).size
                found.append(Candidate(entry, ObjectType.BLOB, size, inside(path, name), len(found)))
