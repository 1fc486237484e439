"""No search: deltas of the source's packs are copied as they lie, and all other objects are written whole.

The fastest way to a legal pack, about as small as what the source had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.delta.make import make_delta
from packcore.delta.strategy import Choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.delta.strategy import Parameter, Work
    from packcore.objects import ObjectType

__all__ = ["ReuseOnly"]


class ReuseOnly:
    """Chooses nothing itself."""

    name: ClassVar[str] = "reuse"
    description: ClassVar[str] = "no search: deltas of the source's packs as they lie, the rest whole"
    cites: ClassVar[str] = "git-pack-objects, git's documentation: delta reuse"
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    reuses_deltas: ClassVar[bool] = True

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield each object as a whole."""
        for index in work.searched:
            yield Choice(index, None)

    @staticmethod
    def make_delta(object_type: ObjectType, base: bytes, target: bytes, digest_size: int) -> bytes:
        """Return the engine's own delta, though this strategy asks for none."""
        return make_delta(object_type, base, target, digest_size)
