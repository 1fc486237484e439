"""Which filters of partial clones a repository allows, and how a client names them.

    uploadpackfilter.allow              any of them; default: true
    uploadpackfilter.<filter>.allow     one: blob:none, blob:limit, tree, object:type, sparse:oid, combine
    uploadpackfilter.tree.maxDepth      the largest N; it allows `tree`, too, unless tree.allow says otherwise

Specified in git-config; `packcore.object_filter` says what each filter leaves out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.errors import InvalidFilter, PackcoreError
from packcore.object_filter import SPARSE_BYTES_MAX, Filter, parse_filter
from packcore.objects import ObjectType
from transport.safe_text import one_line
from transport.server.budget import BadRequest

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.store.config import GitConfig
    from transport.server.view import RepositoryView

__all__ = ["Filter", "read_filter"]

_NAMED_OBJECT = re.compile(rb"([^:^~@{}]{1,1000})(:[^\0]{0,4096})?\Z")


def read_filter(spec: bytes, view: RepositoryView) -> Filter:
    """Return what a filter's text leaves out. Raises BadRequest for one that isn't known, or not allowed."""
    try:
        return parse_filter(spec, lambda name: _sparse(name, view), _Rules(view.config).check)
    except InvalidFilter as error:
        raise BadRequest(str(error)) from None


def _sparse(name: bytes, view: RepositoryView) -> bytes:
    """Read the patterns in the blob of this name, within what the client is shown."""
    unusable = BadRequest(f"unable to access sparse blob in {one_line(name, limit=100)!r}")
    match = _NAMED_OBJECT.match(name)
    if match is None:
        raise unusable
    try:
        oid = _named(match[1], view)
        if match[2]:
            path = match[2].decode("utf-8", "surrogateescape")
            from packcore.revision import resolve_revision

            oid = resolve_revision(view.repository, oid.hex() + path)
        header = view.repository.header(oid)
        if header.type is not ObjectType.BLOB or header.size > SPARSE_BYTES_MAX:
            raise unusable
        return view.repository.read(oid).data
    except PackcoreError:
        raise unusable from None


def _named(name: bytes, view: RepositoryView) -> ObjectId:
    if len(name) == view.object_format.hex_size:
        try:
            return view.object_format.from_hex(name)
        except ValueError:
            pass
    return view.shown_ref(name)


class _Rules:
    """What a repository's settings allow, in git's words."""

    def __init__(self, config: GitConfig) -> None:
        self._config = config
        self._default = config.get_bool("uploadpackfilter.allow", default=True)

    def check(self, name: str, depth: int | None) -> None:
        """Raise BadRequest for a filter that isn't allowed, or a `tree` that goes too deep."""
        most = self._depth_max()
        default = self._default or (name == "tree" and most is not None)
        if not self._config.get_bool(f"uploadpackfilter.{name}.allow", default=default):
            raise BadRequest(f"filter '{name}' not supported")
        if depth is not None and most is not None and depth > most:
            raise BadRequest(f"tree filter allows max depth {most}, but got {depth}")

    def _depth_max(self) -> int | None:
        value = self._config.get("uploadpackfilter.tree.maxdepth")
        return int(value) if value is not None and value.isdecimal() and len(value) < 19 else None
