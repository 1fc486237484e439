"""No deltas: each object whole, in the order of the walk. The row that others are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.delta.make import make_delta
from packcore.delta.strategy import Choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.delta.strategy import Parameter, Work
    from packcore.objects import ObjectType

__all__ = ["NoDeltas"]


class NoDeltas:
    """Chooses nothing, and reuses no delta."""

    name: ClassVar[str] = "none"
    description: ClassVar[str] = "no deltas at all: every object whole"
    cites: ClassVar[str] = "gitformat-pack, git's documentation"
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    reuses_deltas: ClassVar[bool] = False

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield each object as a whole."""
        for index in work.searched:
            yield Choice(index, None)

    @staticmethod
    def make_delta(object_type: ObjectType, base: bytes, target: bytes, digest_size: int) -> bytes:
        """Return the engine's own delta, though this strategy asks for none."""
        return make_delta(object_type, base, target, digest_size)
