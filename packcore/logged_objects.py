"""What `--reflog` adds to a set of revisions: the ids that reflogs name (git-rev-list)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.store.bulk import are_here
from packcore.store.ref_storage import PER_WORKTREE

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["logged_objects"]


def logged_objects(repository: Repository) -> tuple[list[ObjectId], int]:
    """Return the ids in the reflogs of all worktrees that are here, and how many aren't.

    Raises CorruptData, RepositoryError.
    """
    found: dict[ObjectId, None] = {}
    for _, entries in repository.ref_logs():
        for entry in entries:
            found.update(dict.fromkeys(entry[:2]))
    for other in repository.other_worktrees():
        for name, entries in other.refs.read_logs():
            if not name.startswith("refs/") or name.startswith(PER_WORKTREE):
                for entry in entries:
                    found.update(dict.fromkeys(entry[:2]))
    found.pop(repository.object_format.zero, None)
    ids = list(found)
    here = [oid for oid, is_here in zip(ids, are_here(repository, ids), strict=True) if is_here]
    return here, len(ids) - len(here)
