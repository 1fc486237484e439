"""What `cat-file` says of a name that leads to no object: git's line, and as a hint what is wrong with it.

A script compares the line; the hint is for people, and GIT_ADVICE=0 leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, MissingObject, UnknownRevision, UnknownType
from packcore.revision import resolve_revision, split_path

if TYPE_CHECKING:
    from packcore.errors import PackcoreError
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["StatedHeader", "header_of", "invalid_type", "named_object", "no_object"]


def named_object(repository: Repository, text: str) -> ObjectId:
    """Return the id of the object that a text names. Raises UnknownRevision in these words."""
    try:
        return resolve_revision(repository, text)
    except UnknownRevision as error:
        raise type(error)(_line(repository, text), hint=_with_hint(error)) from None


class StatedHeader(NamedTuple):
    """What an object says of itself."""

    label: bytes
    size: int


def header_of(
    repository: Repository, oid: ObjectId, absent: str, *, allow_unknown: bool = False
) -> StatedHeader:
    """Return type and size of an object; `allow_unknown` takes a type that doesn't exist.

    Raises CorruptData, with the line `absent` if it isn't here.
    """
    try:
        header = repository.header(oid)
    except UnknownType as error:
        if allow_unknown:
            return StatedHeader(error.label.encode(), error.size)
        raise invalid_type(error) from None
    except MissingObject as error:
        if error.oid != oid.hex() or error.context:
            raise  # a delta's base: damage; or it says where the object may be
        raise CorruptData(absent, hint=_with_hint(error)) from None
    return StatedHeader(header.type.label, header.size)


def _line(repository: Repository, text: str) -> str:
    """Return git's line for a name that leads nowhere."""
    revision, colon, path = split_path(text)
    if not (revision and colon):
        return no_object(text)
    try:
        resolve_revision(repository, f"{revision}:")
    except UnknownRevision:
        return f"invalid object name '{revision}'."
    return f"path '{path}' does not exist in '{revision}'"


def no_object(text: str) -> str:
    """Return git's line for a name without an object."""
    return f"Not a valid object name {text}"


def invalid_type(error: UnknownType) -> CorruptData:
    """Return the error for an object whose type doesn't exist."""
    return CorruptData("invalid object type", hint=str(error))


def _with_hint(error: PackcoreError) -> str:
    return "; ".join(filter(None, (str(error), error.hint)))
