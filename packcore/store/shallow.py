"""The `shallow` file: commits whose parents a shallow clone left out, one hex id per line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import CorruptData, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.ref_lock import RefLocks

__all__ = ["add_shallow", "read_shallow"]


def read_shallow(path: Path, object_format: ObjectFormat) -> frozenset[ObjectId]:
    """Return the commits that the file lists; none if there is no file.

    Raises CorruptData for a line that isn't an id, RepositoryError for an unreadable file.
    """
    try:
        lines = path.read_text(encoding="ascii", errors="replace").split()
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror}") from None
    try:
        return frozenset(map(object_format.from_hex, lines))
    except ValueError as error:
        raise CorruptData(f"{path}: {error}") from None


def add_shallow(locks: RefLocks, path: Path, object_format: ObjectFormat, oids: Iterable[ObjectId]) -> None:
    """Add commits to the file, under its lock. Raises as `read_shallow`, and RefLocked."""
    with locks.hold(path) as lock:
        before = read_shallow(path, object_format)
        after = before.union(oids)
        if after != before:
            lock.write(oid.hex().encode() + b"\n" for oid in sorted(after))
            lock.commit()
