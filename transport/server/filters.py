"""What a partial clone leaves out: the filters of fetches, and which of them a repository allows.

    blob:none              no blobs
    blob:limit=N[kmg]      no blobs of N bytes and more
    tree:N                 no trees and blobs N levels and more below a commit's own tree, which is level 0
    object:type=T          nothing but objects of one type
    sparse:oid=B           no blobs at paths that a blob's sparse-checkout patterns leave out; B: id, REF:PATH
    combine:F+G            what either leaves out; each part is percent-encoded

    uploadpackfilter.allow              any of them; default: true
    uploadpackfilter.<filter>.allow     one: blob:none, blob:limit, tree, object:type, sparse:oid, combine
    uploadpackfilter.tree.maxDepth      the largest N; it allows `tree`, too, unless tree.allow says otherwise

Specified in git-rev-list and git-config.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from packcore.errors import PackcoreError
from packcore.objects import ObjectType
from transport.safe_text import one_line
from transport.server.budget import BadRequest
from transport.server.sparse_patterns import SparsePatterns

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.store.config import GitConfig
    from transport.server.view import RepositoryView

__all__ = ["Filter", "read_filter"]

_LIMIT = re.compile(rb"blob:limit=([0-9]{1,15})([kmg]?)\Z")
_DEPTH = re.compile(rb"tree:([0-9]{1,18})\Z")
_ALL_TYPES = frozenset(ObjectType)
_NAMED_OBJECT = re.compile(rb"([^:^~@{}]{1,1000})(:[^\0]{0,4096})?\Z")
_COMBINED_MAX = 16
_SPARSE_BYTES_MAX = 64 * 1024


class Filter(NamedTuple):
    """What a partial clone leaves out, unless it is wanted by its own id."""

    types: frozenset[ObjectType] = _ALL_TYPES
    """All others are left out."""
    blob_bytes: int | None = None
    """Blobs of this size and more are left out."""
    tree_depth: int | None = None
    """Trees and blobs so many levels below a root tree, and more, are left out."""
    sparse: tuple[SparsePatterns, ...] = ()
    """Blobs are left out at paths that one of these leaves out."""

    def and_(self, other: Filter) -> Filter:
        """Return what leaves out all that either leaves out."""
        return Filter(
            self.types & other.types,
            _least(self.blob_bytes, other.blob_bytes),
            _least(self.tree_depth, other.tree_depth),
            (*self.sparse, *other.sparse),
        )


def _least(one: int | None, other: int | None) -> int | None:
    return min((number for number in (one, other) if number is not None), default=None)


def read_filter(spec: bytes, view: RepositoryView) -> Filter:
    """Return what a filter's text leaves out. Raises BadRequest for one that isn't known, or not allowed."""
    rules = _Rules(view.config)
    if spec.startswith(b"combine:"):
        rules.check("combine")
        parts = [unquote_to_bytes(part) for part in spec.removeprefix(b"combine:").split(b"+")]
        if len(parts) > _COMBINED_MAX:
            raise BadRequest(f"more than {_COMBINED_MAX} filters in one")
        return reduce(Filter.and_, (_simple(part, view, rules) for part in parts))
    return _simple(spec, view, rules)


def _simple(spec: bytes, view: RepositoryView, rules: _Rules) -> Filter:
    if spec == b"blob:none":
        rules.check("blob:none")
        return Filter(_ALL_TYPES - {ObjectType.BLOB})
    if match := _LIMIT.match(spec):
        rules.check("blob:limit")
        unit = {b"": 0, b"k": 10, b"m": 20, b"g": 30}[match[2]]
        return Filter(blob_bytes=int(match[1]) << unit)
    if match := _DEPTH.match(spec):
        rules.check_depth(int(match[1]))
        return Filter(tree_depth=int(match[1]))
    for type_ in ObjectType:
        if spec == b"object:type=" + type_.label:
            rules.check("object:type")
            return Filter(frozenset({type_}))
    if spec.startswith(b"sparse:oid="):
        rules.check("sparse:oid")
        return Filter(sparse=(_sparse(spec.removeprefix(b"sparse:oid="), view),))
    raise BadRequest(f"a filter that is not understood here: {one_line(spec, limit=100)!r}")


def _sparse(name: bytes, view: RepositoryView) -> SparsePatterns:
    """Read the patterns of the blob of this name, within what the client is shown."""
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
        if header.type is not ObjectType.BLOB or header.size > _SPARSE_BYTES_MAX:
            raise unusable
        return SparsePatterns.parse(view.repository.read(oid).data)
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

    def check(self, name: str) -> None:
        """Raise BadRequest for a filter that isn't allowed."""
        default = self._default or (name == "tree" and self._depth_max() is not None)
        if not self._config.get_bool(f"uploadpackfilter.{name}.allow", default=default):
            raise BadRequest(f"filter '{name}' not supported")

    def check_depth(self, depth: int) -> None:
        """Raise BadRequest for a filter `tree` that isn't allowed, or goes too deep."""
        self.check("tree")
        most = self._depth_max()
        if most is not None and depth > most:
            raise BadRequest(f"tree filter allows max depth {most}, but got {depth}")

    def _depth_max(self) -> int | None:
        value = self._config.get("uploadpackfilter.tree.maxdepth")
        return int(value) if value is not None and value.isdecimal() and len(value) < 19 else None
