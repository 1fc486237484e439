"""Counts what a fetched pack holds, for `fetch --stats`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packcore.store.spool import SpooledPack

__all__ = ["PackCount"]


@dataclass(frozen=True, slots=True)
class PackCount:
    """Objects of each type, deltas and bytes of one pack; all zero if nothing came."""

    objects: int = 0
    deltas: int = 0
    bytes: int = 0
    commits: int = 0
    trees: int = 0
    blobs: int = 0
    tags: int = 0
    longest_chain: int = 0
    """Longest chain of deltas between an object and a whole one."""

    @classmethod
    def of(cls, pack: SpooledPack | None) -> PackCount:
        """Count a received pack, including the bases that completed it."""
        if pack is None:
            return cls()
        return cls(
            pack.object_count,
            pack.delta_count,
            pack.pack_bytes,
            *pack.type_counts(),
            longest_chain=pack.longest_chain,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the `pack` object of `fetch --stats --json`."""
        return {
            "objects": self.objects,
            "deltas": self.deltas,
            "bytes": self.bytes,
            "commits": self.commits,
            "trees": self.trees,
            "blobs": self.blobs,
            "tags": self.tags,
            "longestChain": self.longest_chain,
        }
