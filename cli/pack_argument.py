"""The PACK of the learning commands: a file, or a repository whose largest pack, or an object's, is meant."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.console import Console
    from packcore.anatomy import Entry, PackAnatomy
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.progress import Progress

__all__ = ["entry_of", "format_around", "pack_or_made", "pack_path"]


def pack_path(name: str, oid: str | None = None) -> Path:
    """Return the file that `name` means: itself, or a pack of a repository.

    Of a repository it is the pack that holds `oid`, a revision, else the largest. Raises RepositoryError
    where there is no pack, and the errors of revisions.
    """
    path = Path(name)
    if not _is_repository(path):
        return path
    from packcore import open_repository, resolve_revision
    from packcore.errors import RepositoryError

    with open_repository(path) as repository:
        wanted = resolve_revision(repository, oid) if oid else None
        packs = sorted(repository.pack_directory.glob("*.pack"), key=lambda pack: -pack.stat().st_size)
        for pack in packs:
            if wanted is None or _holds(pack, wanted, repository.object_format):
                return pack
    what = f"no pack of it holds {oid}" if packs else "it has no pack"
    raise RepositoryError(f"{name}: {what}", hint=f"make one of all its objects: packcore repack {name}")


class PackHere(NamedTuple):
    """The file that a name means."""

    path: Path
    object_format: ObjectFormat | None = None
    """The object format of the repository that holds it."""
    is_made: bool = False
    """Whether it was made for this run."""


@contextmanager
def pack_or_made(name: str, console: Console, progress: Progress) -> Iterator[PackHere]:
    """Yield the file that `name` means, as `pack_path` does; a repository without a pack gets one for now."""
    path = Path(name)
    if not _is_repository(path):
        yield PackHere(path)
        return
    from cli.packed_here import packed_here
    from packcore import open_repository

    with open_repository(path) as repository:
        packs = sorted(repository.pack_directory.glob("*.pack"), key=lambda pack: -pack.stat().st_size)
        if packs:
            yield PackHere(packs[0], repository.object_format)
            return
        with packed_here(repository, name, progress) as (made, count):
            console.tell(f"{name} has no pack; one of its {count:,} objects is made for this, and not kept")
            yield PackHere(made, repository.object_format, is_made=True)


def format_around(path: Path) -> ObjectFormat | None:
    """Return the object format of the repository whose pack folder a file is in; None if it is in none.

    Raises RepositoryError for a configuration that can't be read.
    """
    folder = path.absolute().parent
    config = folder.parent.parent / "config"
    if (folder.parent.name, folder.name) != ("objects", "pack") or not config.is_file():
        return None
    from packcore.store.config import GitConfig, object_format_of

    return object_format_of(GitConfig.read(config), source=str(config))


def _is_repository(path: Path) -> bool:
    """Tell whether a name is a folder, or the file `.git` of a linked work tree."""
    if path.is_dir():
        return True
    try:
        with path.open("rb") as file:
            return file.read(8) == b"gitdir: "
    except OSError:
        return False


def _holds(pack: Path, oid: ObjectId, object_format: ObjectFormat) -> bool:
    from packcore.pack.index import open_index

    index = open_index(pack.with_suffix(".idx"), object_format)
    try:
        return index.find(oid) >= 0
    finally:
        index.close()


def entry_of(pack: PackAnatomy, path: Path, oid: str | None, offset: int | None, *, repo: str) -> Entry:
    """Find the entry that --object or --offset names.

    An id may be abbreviated; with a repository, or a pack of one, it may be any revision. Without an index
    beside the pack, one is made in memory. Raises UsageError, UnknownRevision, CorruptPack.
    """
    from packcore.errors import CorruptPack, UnknownRevision

    if offset is not None:
        try:
            return pack.entry_at(offset)
        except CorruptPack as error:
            error.hint = f"if no entry starts at {offset}: packcore verify-pack -v lists where they start"
            raise
    assert oid is not None
    full = _revision(repo, oid) or oid
    if not all(character in "0123456789abcdefABCDEF" for character in full) or len(full) < 4:
        raise click.UsageError(f"not an object id: {oid}")
    found = pack.find(full.lower())
    if not found:
        raise UnknownRevision(
            f"{path} holds no object {oid}", hint="packcore verify-pack -v lists what it holds"
        )
    if len(found) > 1:
        raise UnknownRevision(f"{oid} is short for {len(found)} objects of {path}", hint="give more digits")
    return pack.entry_at(found[0])


def _revision(repo: str, oid: str) -> str | None:
    """Return the full id of a revision, if `repo` is a repository or a pack inside one."""
    from packcore import open_repository, resolve_revision
    from packcore.errors import PackcoreError

    path = Path(repo)
    if path.is_dir():
        with open_repository(path) as repository:
            return resolve_revision(repository, oid).hex()
    folder = path.absolute().parent
    if folder.name != "pack" or folder.parent.name != "objects":
        return None
    try:
        with open_repository(folder.parent.parent) as repository:
            return resolve_revision(repository, oid).hex()
    except PackcoreError:
        return None  # the pack alone still tells what its ids are
