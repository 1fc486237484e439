"""What `--indexed-objects` adds to a set of revisions: everything that the index files of a repository name.

entries         blobs, with their paths; submodules are in other repositories
written trees   with their paths, "" for the root
conflicts       the sides of those that were resolved
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.objects import MODE_GITLINK, MODE_TYPE_MASK
from packcore.store.index_file import read_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectId
    from packcore.store.index_file import CachedTree
    from packcore.store.repository import Repository

__all__ = ["indexed_objects"]


def indexed_objects(repository: Repository) -> Iterator[tuple[ObjectId, bytes]]:
    """Yield id and path of what the index of each worktree names. Raises CorruptData, RepositoryError."""
    for folder in (repository.path, *(other.path for other in repository.other_worktrees())):
        names = read_index(folder / "index", repository.object_format)
        if names is None:
            continue
        for mode, oid, path, _ in names.entries:
            if mode & MODE_TYPE_MASK != MODE_GITLINK:
                yield oid, path
        yield from _with_paths(names.trees)
        for oid, path, _ in names.resolved:
            yield oid, path


def _with_paths(trees: Iterable[CachedTree]) -> Iterator[tuple[ObjectId, bytes]]:
    """Yield the trees that are still those of the index, each with its whole path."""
    folders = [(b"", 1)]
    """The folders on the way down, each with the number of trees in it that are still to come."""
    for oid, below, name in trees:
        while len(folders) > 1 and not folders[-1][1]:
            folders.pop()
        folder, left = folders.pop()
        path = folder + name
        if oid is not None:
            yield oid, path
        folders += [(folder, left - 1), (path + b"/" if path else b"", below)]
