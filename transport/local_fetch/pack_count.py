"""What a pack that was fetched holds, counted: for `fetch --stats`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packcore.store.spool import SpooledPack

__all__ = ["PackCount"]


@dataclass(frozen=True, slots=True)
class PackCount:
    """Objects of each type, deltas and bytes of one pack; of an empty one where nothing came."""

    objects: int = 0
    deltas: int = 0
    bytes: int = 0
    commits: int = 0
    trees: int = 0
    blobs: int = 0
    tags: int = 0
    longest_chain: int = 0
    """Deltas between an object and a whole one, at most."""

    @classmethod
    def of(cls, pack: SpooledPack | None) -> PackCount:
        """Count a pack that was taken in, bases that completed it included."""
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
