"""When objects were last touched, which says how long unreachable ones are kept (git-gc, git-prune).

loose            the time of its file
in a pack        the time of the pack
in a cruft pack  what the .mtimes file beside the pack says     packcore.pack.mtimes
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError
from packcore.pack.mtimes import read_mtimes
from packcore.store.path_kind import is_there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectId
    from packcore.store.loose import LooseStore
    from packcore.store.packfile import PackFile

__all__ = ["is_cruft_pack", "loose_mtimes", "packed_mtimes"]

_SUFFIX = ".mtimes"


def is_cruft_pack(pack: Path) -> bool:
    """Return whether a pack holds what was unreachable. Raises RepositoryError if that can't be told."""
    return is_there(pack.with_suffix(_SUFFIX))


def packed_mtimes(pack: PackFile) -> Iterator[tuple[ObjectId, int]]:
    """Yield each object of a pack with its time, in seconds since 1970.

    Raises CorruptIndex, RepositoryError.
    """
    path = Path(pack.name)
    try:
        mtime = int(path.stat().st_mtime)
        data = path.with_suffix(_SUFFIX).read_bytes()
    except FileNotFoundError as error:
        if error.filename == str(path):
            raise RepositoryError(f"{path}: it is gone", hint="run it again") from None
        yield from ((oid, mtime) for oid in pack)
        return
    except OSError as error:
        raise RepositoryError(f"{error.filename}: {error.strerror}") from None
    mtimes = read_mtimes(data, len(pack), pack.object_format, str(path.with_suffix(_SUFFIX)))
    yield from ((pack.index.oid(position), mtime) for position, mtime in enumerate(mtimes))


def loose_mtimes(loose: LooseStore) -> Iterator[tuple[ObjectId, int]]:
    """Yield each loose object with its time. Raises RepositoryError."""
    for oid in loose:
        path = Path(loose.file_of(oid))
        try:
            yield oid, int(path.stat().st_mtime)
        except FileNotFoundError:
            continue  # packed meanwhile, or removed
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}") from None
