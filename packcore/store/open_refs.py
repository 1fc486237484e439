"""Opens a repository's refs, as files or in reftables as its configuration says, and changes several."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, Union

from packcore.store import ref_transaction
from packcore.store.config import object_format_of, ref_storage_of
from packcore.store.ref_files import RefFiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from packcore.errors import PackcoreError
    from packcore.store.config import GitConfig
    from packcore.store.packed_file import RefViews
    from packcore.store.ref_batch import Peeled
    from packcore.store.ref_change import RefChange
    from packcore.store.reftable_refs import ReftableRefs

__all__ = ["Refs", "change_refs", "change_refs_apart", "open_refs"]

Refs: TypeAlias = Union[RefFiles, "ReftableRefs"]
"""The two ways to keep refs."""


def open_refs(
    git_directory: Path, common_directory: Path, config: GitConfig, views: RefViews | None = None
) -> Refs:
    """Return the refs of a repository with this configuration. Raises RepositoryError for an unknown kind."""
    source = str(git_directory)
    object_format = object_format_of(config, source=source)
    if ref_storage_of(config, source=source) == "files":
        return RefFiles(git_directory, common_directory, object_format, views)
    from packcore.store.reftable_refs import ReftableRefs  # most repositories don't need it

    return ReftableRefs(git_directory, common_directory, object_format, views)


def change_refs(refs: Refs, changes: Sequence[RefChange], peeled: Peeled) -> None:
    """Make all changes or none; `peeled` returns what annotated tags resolve to. Raises as `update`."""
    if isinstance(refs, RefFiles):
        ref_transaction.change_refs(refs, changes, peeled)
    else:
        refs.change_together(changes, peeled)


def change_refs_apart(refs: Refs, changes: Sequence[RefChange], peeled: Peeled) -> dict[str, PackcoreError]:
    """Make each change separately, in order; return why some are not made, by the given name."""
    if isinstance(refs, RefFiles):
        return ref_transaction.change_refs_apart(refs, changes, peeled)
    return refs.change_apart(changes, peeled)
