"""All limits of the engine in one value: every loop, cache and queue has one.

Sizes are bytes unless a name says otherwise. Exceeding a limit raises `LimitExceeded` with the name of the
field, except that caches make room.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BLOCK_BYTES", "DEFAULT_LIMITS", "KIB", "MIB", "Limits"]

KIB = 1024
MIB = 1024 * KIB
BLOCK_BYTES = 64 * KIB
"""What is read, written and handed on at once, at most: bytes of any size pass in blocks of this size."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one run. Immutable; make a changed copy with `dataclasses.replace`."""

    depth: int = 50
    """The longest delta chain that selection makes (git's default too)."""
    window: int = 10
    """The number of objects that a window strategy compares with."""
    window_memory: int = 256 * MIB
    """Memory for selection: the data of recent objects plus the chunk index."""
    compression: int = 6
    """The zlib level (0-9) for newly compressed data."""
    big_object: int = 16 * MIB
    """An object of at least this size is streamed: never searched for deltas, never whole in memory."""
    base_cache: int = 48 * MIB
    """Memory for the inflated objects that a packed store caches as bases. In a search it also gets an eighth
    of `window_memory`."""
    delta_cache: int = 64 * MIB
    """Compressed deltas that a plan carries; further ones are made again while writing."""
    resolve_memory: int = 48 * MIB
    """Memory for the inflated bases that the resolver of an incoming pack keeps."""
    chain_depth: int = 4095
    """The longest delta chain to follow when reading (git never writes a longer one)."""
    object_bytes: int = 16 * 1024 * MIB
    """The largest object to read at all."""
    structure_bytes: int = 16 * MIB
    """The largest commit, tree or tag to read or receive, because these are parsed as a whole. A tree of that
    size has some 400,000 entries, a commit 350,000 parents. git has no such limit; large real folders are
    below 1 MiB."""
    tag_depth: int = 1024
    """The most tags that may point to each other in a row."""
    pack_bytes: int = 1 << 40
    """The largest pack to receive."""
    pack_objects: int = 1 << 27
    """The most objects in a received pack."""
    tree_depth: int = 2048
    """The deepest nesting of trees that a walk follows (the same as git's core.maxTreeDepth)."""


DEFAULT_LIMITS = Limits()
"""The limits if a caller passes none."""
