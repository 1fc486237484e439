"""Filters of objects, as partial clones and `git rev-list --filter` use them.

    blob:none              no blobs
    blob:limit=N[kmg]      no blobs of N bytes and more
    tree:N                 no trees and blobs N levels and more below a commit's own tree, which is level 0
    object:type=T          nothing but objects of one type
    sparse:oid=B           no blobs at paths that a blob's sparse-checkout patterns leave out; B: id, REF:PATH
    combine:F+G            what either leaves out; each part is percent-encoded

Specified in git-rev-list. `filtered_walk` applies them.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import InvalidFilter
from packcore.objects import ObjectType
from packcore.sparse_patterns import SparsePatterns

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SPARSE_BYTES_MAX", "Filter", "parse_filter"]

_LIMIT = re.compile(rb"blob:limit=([0-9]{1,15})([kmg]?)\Z", re.IGNORECASE)
_DEPTH = re.compile(rb"tree:([0-9]{1,18})\Z")
_RESERVED = re.compile(rb"[\x00-\x20~`!@#$^&*()\[\]{}\\;'\",<>?\x7f-\xff]")
"""What must be percent-encoded within `combine:`."""
_ESCAPE = re.compile(rb"%([0-9a-fA-F]{2})")
_ALL_TYPES = frozenset(ObjectType)
_COMBINED_MAX = 16
SPARSE_BYTES_MAX = 64 * 1024
"""The longest blob of sparse patterns that is read."""


class Filter(NamedTuple):
    """What is left out, unless it is wanted by its own id."""

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


def parse_filter(
    spec: bytes,
    sparse_blob: Callable[[bytes], bytes],
    check: Callable[[str, int | None], None] = lambda _name, _depth: None,
) -> Filter:
    """Return what a filter's text leaves out.

    `sparse_blob` returns the content of the blob that `sparse:oid` names. `check` is called for each filter
    with its name in git's settings (`blob:none`, `blob:limit`, `tree`, …) and the depth of a `tree` filter;
    it may raise. Raises InvalidFilter for a text that isn't a filter.
    """
    if spec.startswith(b"combine:"):
        check("combine", None)
        inner = spec.removeprefix(b"combine:")
        if not inner:
            raise InvalidFilter("expected something after combine:")
        if reserved := _RESERVED.search(inner):
            shown = reserved[0].decode("latin-1")
            raise InvalidFilter(f"must escape char in sub-filter-spec: '{shown}' (as %{reserved[0].hex()})")
        parts = inner[:-1].split(b"+")
        parts[-1] += inner[-1:]  # a plus sign at the end separates nothing
        if len(parts) > _COMBINED_MAX:
            raise InvalidFilter(f"more than {_COMBINED_MAX} filters in one")
        return reduce(Filter.and_, (_simple(_decoded(part), sparse_blob, check) for part in parts))
    return _simple(spec, sparse_blob, check)


def _decoded(part: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), part)


def _simple(
    spec: bytes, sparse_blob: Callable[[bytes], bytes], check: Callable[[str, int | None], None]
) -> Filter:
    if spec == b"blob:none":
        check("blob:none", None)
        return Filter(_ALL_TYPES - {ObjectType.BLOB})
    if match := _LIMIT.match(spec):
        check("blob:limit", None)
        unit = {b"": 0, b"k": 10, b"m": 20, b"g": 30}[match[2].lower()]
        return Filter(blob_bytes=int(match[1]) << unit)
    if match := _DEPTH.match(spec):
        check("tree", int(match[1]))
        return Filter(tree_depth=int(match[1]))
    for type_ in ObjectType:
        if spec == b"object:type=" + type_.label:
            check("object:type", None)
            return Filter(frozenset({type_}))
    if spec.startswith(b"sparse:oid="):
        check("sparse:oid", None)
        return Filter(sparse=(SparsePatterns.parse(sparse_blob(spec.removeprefix(b"sparse:oid="))),))
    if spec.startswith(b"tree:"):
        raise InvalidFilter("expected 'tree:<depth>'")
    shown = spec[:100].decode("utf-8", "backslashreplace")
    raise InvalidFilter(f"invalid filter-spec {shown!r}")
