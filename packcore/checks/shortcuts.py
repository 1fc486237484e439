"""Checking what git has prepared to be quicker, down to digests and against the objects: part of `fsck`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import CorruptData, CorruptShortcut, MissingObject, RepositoryError
from packcore.objects import ObjectType, commit_links
from packcore.store.commit_graph import read_commit_graph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.store.commit_graph import CommitGraph
    from packcore.store.repository import Repository

__all__ = ["check_shortcuts"]

_DATE_BITS = 0x3FFFFFFFF


def check_shortcuts(repository: Repository) -> Iterator[str]:
    """Yield what is wrong with the repository's own commit-graph."""
    objects = repository.pack_directory.parent
    try:
        graph = read_commit_graph(objects, repository.object_format)
    except (CorruptShortcut, RepositoryError) as error:
        yield str(error)
        return
    if graph is not None:
        try:
            yield from _check_graph(repository, graph)
        except CorruptShortcut as error:
            yield str(error)
        finally:
            graph.close()


def _check_graph(repository: Repository, graph: CommitGraph) -> Iterator[str]:
    graph.check_files()
    where = graph.paths[-1]
    for oid, tree, node in graph.rows():
        try:
            type_, data = repository.read(oid)
        except MissingObject:
            yield f"{where}: commit {oid.hex()} is not here"
            continue
        except CorruptData:
            continue  # told where the object is checked
        if type_ is not ObjectType.COMMIT:
            yield f"{where}: {oid.hex()} is no commit, but a {type_.name.lower()}"
            continue
        links = commit_links(data, repository.object_format, oid)
        if links.tree != tree:
            yield f"{where}: commit {oid.hex()} has another tree"
        if links.parents != node.parents:
            yield f"{where}: commit {oid.hex()} has other parents"
        if links.date & _DATE_BITS != node.date and 0 <= links.date <= _DATE_BITS:
            yield f"{where}: commit {oid.hex()} has another date"
        parents = [graph.node(parent) for parent in node.parents]
        if any(parent is not None and parent.generation >= node.generation for parent in parents):
            yield f"{where}: commit {oid.hex()} is of no higher generation than a parent"
