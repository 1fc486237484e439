"""What the built-in strategies share: checked parameters, and the engine's own delta encoder.

A strategy need not inherit from this. It only has to satisfy `packcore.search.strategy.Strategy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.delta.make import make_delta
from packcore.errors import PluginError
from packcore.search.strategy import Choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.objects import ObjectType
    from packcore.search.strategy import Parameter, Work

__all__ = ["EngineStrategy", "WholeObjects"]


class EngineStrategy:
    """A strategy with integer parameters, whose deltas are made by the engine.

    `values` holds the value of each parameter. Raises PluginError for an unknown name or a negative value.
    """

    name: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def __init__(self, **parameters: int) -> None:
        known = {parameter.name: parameter.default for parameter in self.parameters}
        for name, value in parameters.items():
            if name not in known:
                hint = f"it has {', '.join(known)}" if known else "it has none"
                raise PluginError(f"strategy {self.name} has no parameter {name!r}", hint=hint)
            if value < 0:
                raise PluginError(f"strategy {self.name}: {name} can't be {value}")
        self.values: dict[str, int] = {**known, **parameters}

    @staticmethod
    def make_delta(object_type: ObjectType, base: bytes, target: bytes, digest_size: int) -> bytes:
        """Return the delta that makes `target` from `base`."""
        return make_delta(object_type, base, target, digest_size)


class WholeObjects(EngineStrategy):
    """A strategy without any search: what isn't reused is written whole, in the order of the walk."""

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice of the whole for each object."""
        for index in work.searched:
            yield Choice(index, None)
