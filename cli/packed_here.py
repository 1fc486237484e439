"""A pack of a repository that has none: all that its refs reach, made for this run and gone after it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.progress import Progress
    from packcore.store.repository import Repository

__all__ = ["packed_here"]


@contextmanager
def packed_here(repository: Repository, name: str, progress: Progress) -> Iterator[tuple[Path, int]]:
    """Make a pack in the system's folder for temporary files; yield it, and how many objects it holds.

    Nothing is written to the repository. Raises RepositoryError where there is no object.
    """
    from packcore import list_objects, select, write_pack
    from packcore.store.promises import promisor_of

    tips = [ref.oid for ref in repository.refs().known.values()]
    head = repository.read_ref("HEAD")
    if head is not None:
        tips.append(head.oid)
    if not tips:
        raise RepositoryError(f"{name}: it has no commit yet", hint="come again after the first")
    objects = list_objects(
        repository,
        list(dict.fromkeys(tips)),
        shallow=repository.shallow(),
        progress=progress,
        absent_ok=promisor_of(repository.config) is not None,
    )
    plan = select(repository, objects, progress=progress)
    with tempfile.TemporaryDirectory(prefix="packcore-") as folder:
        path = Path(folder) / f"{Path(name).resolve().name.removesuffix('.git') or 'repository'}.pack"
        with path.open("wb") as file, progress.phase("writing pack", unit="bytes") as phase:
            for block in write_pack(plan):
                file.write(block)
                phase.advance(len(block))
        yield path, plan.object_count
