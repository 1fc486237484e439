"""Errors about things that can't be converted, shared by several modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import RepositoryError

if TYPE_CHECKING:
    from packcore.ids import ObjectId

__all__ = ["foreign_submodule"]


def foreign_submodule(tree: ObjectId, path: bytes, oid: ObjectId) -> RepositoryError:
    """Return the error for a submodule whose commit isn't among the objects; `path` as far as it is known."""
    where = path.decode("utf-8", "backslashreplace")
    return RepositoryError(
        f"tree {tree.hex()} has the submodule {where} at {oid.hex()}, a commit of another repository",
        hint="its id can't be named in the new format; convert only refs without submodules",
    )
