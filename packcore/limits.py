"""Every bound of the engine in one value: loops, caches and queues point here, none is unbounded.

Sizes are bytes unless a name says otherwise. A value that reaches a limit raises
`LimitExceeded` naming the field, or, for caches, makes room.
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
    """Bounds of one run. Immutable; make a changed copy with `dataclasses.replace`."""

    depth: int = 50
    """Longest delta chain that selection makes (git's default too)."""
    window: int = 10
    """Objects that a window strategy compares with."""
    window_memory: int = 256 * MIB
    """Bytes that selection may hold: object data in reach plus the chunk index."""
    compression: int = 6
    """zlib level 0-9 for what is compressed anew."""
    big_object: int = 16 * MIB
    """From this size on an object is streamed: never searched for deltas, never whole in memory."""
    base_cache: int = 48 * MIB
    """Inflated objects that a packed store keeps for deltas to come; a search has it keep more, an eighth of
    `window_memory`."""
    delta_cache: int = 64 * MIB
    """Compressed deltas that a plan carries; beyond it they are made again while writing."""
    resolve_memory: int = 48 * MIB
    """Inflated bases that the resolver of an incoming pack keeps at once."""
    chain_depth: int = 4095
    """Longest delta chain that is followed when reading (git never writes a longer one)."""
    object_bytes: int = 16 * 1024 * MIB
    """Largest object that is read at all."""
    structure_bytes: int = 16 * MIB
    """Largest commit, tree or tag that is read or taken in: these are parsed whole. A tree of that size has
    some 400,000 entries, a commit 350,000 parents. Git has no such limit; large real folders take below
    1 MiB."""
    tag_depth: int = 1024
    """Most tags that point to one another in a row before something else comes."""
    pack_bytes: int = 1 << 40
    """Largest pack that is taken in."""
    pack_objects: int = 1 << 27
    """Most objects in a pack that is taken in."""
    tree_depth: int = 2048
    """Deepest nesting of trees that a walk follows (git's core.maxTreeDepth is of the same size)."""


DEFAULT_LIMITS = Limits()
"""What holds where a caller names none."""
