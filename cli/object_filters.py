"""Filters of objects as users give them: several `--filter` together leave out what each of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.object_filter import Filter
    from packcore.store.repository import Repository

__all__ = ["combined_filter"]


def combined_filter(repository: Repository, specs: Iterable[str]) -> Filter:
    """Return what all filters together leave out. Raises InvalidFilter."""
    from packcore.errors import InvalidFilter, MissingObject, UnknownRevision
    from packcore.object_filter import Filter, parse_filter
    from packcore.objects import ObjectType
    from packcore.revision import resolve_revision

    def sparse_blob(name: bytes) -> bytes:
        text = name.decode("utf-8", "surrogateescape")
        try:
            type_, data = repository.read(resolve_revision(repository, text))
        except (UnknownRevision, MissingObject) as error:
            raise InvalidFilter(f"unable to access sparse blob in {text[:80]!r}: {error}") from None
        if type_ is not ObjectType.BLOB:
            raise InvalidFilter(f"unable to access sparse blob in {text[:80]!r}: it is no blob")
        return data

    found = Filter()
    for spec in specs:
        found = found.and_(parse_filter(spec.encode("utf-8", "surrogateescape"), sparse_blob))
    return found
