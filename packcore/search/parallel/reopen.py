"""How another process opens the same store: a value that can be sent there and opens the store when called.

Only stores that consist of files under a path can be opened twice. A fetched pack in a nameless file can't,
and neither can objects in memory: a worker inherits those by fork or doesn't get them at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packcore.ids import FORMATS
from packcore.store.packed import PackedStore
from packcore.store.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packcore.limits import Limits
    from packcore.store.base import ObjectStore

__all__ = ["reopener"]


@dataclass(frozen=True, slots=True)
class _Repository:
    path: Path
    limits: Limits

    def __call__(self) -> ObjectStore:
        return Repository(self.path, self.limits)


@dataclass(frozen=True, slots=True)
class _Packs:
    directory: Path
    format_name: str
    limits: Limits

    def __call__(self) -> ObjectStore:
        return PackedStore(self.directory, FORMATS[self.format_name], self.limits)


def reopener(store: ObjectStore) -> Callable[[], ObjectStore] | None:
    """Return a callable that opens the store in another process, or None if it can't be reopened."""
    if type(store) is Repository:
        return _Repository(store.path.absolute(), store.limits)
    if type(store) is PackedStore:
        return _Packs(store.directory.absolute(), store.object_format.name, store.limits)
    return None
