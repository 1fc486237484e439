"""Filters of objects as users give them: several `--filter` together leave out what each of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.object_filter import Filter
    from packcore.store.repository import Repository

__all__ = ["combined_filter"]


def combined_filter(repository: Repository, specs: Iterable[str]) -> Filter:
    """Return what all filters together leave out. Raises InvalidFilter, UnknownRevision."""
    from packcore.object_filter import Filter, parse_filter
    from packcore.revision import resolve_revision

    def sparse_blob(name: bytes) -> bytes:
        return repository.read(resolve_revision(repository, name.decode("utf-8", "surrogateescape"))).data

    found = Filter()
    for spec in specs:
        found = found.and_(parse_filter(spec.encode("utf-8", "surrogateescape"), sparse_blob))
    return found
