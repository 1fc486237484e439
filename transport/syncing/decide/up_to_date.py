"""What is planned or reported for each ref, without an object for each of those that are up to date.

    others        an item for each ref that changes, or of which there is something to say
    up_to_date    the other refs, by name: an item is made for each when the items are read

Most runs of a mirror have very many refs that are up to date, and nobody reads what is said about them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from packcore.refs import sort_key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packcore.ids import ObjectId

__all__ = ["PerRef", "UpToDate", "others_of", "up_to_date_in"]

T = TypeVar("T")


class UpToDate(NamedTuple):
    """Refs of the target that are as they should be."""

    names: Sequence[str] = ()
    ids: Mapping[str, ObjectId] = {}
    """By the target's name; may have others too."""
    sources: Mapping[str, str] = {}
    """The source's name of those that have another one there."""


class PerRef(Sequence[T]):
    """Items for refs, ordered by the target's names."""

    def __init__(self, others: Iterable[T] = (), up_to_date: UpToDate | None = None) -> None:
        self.others = tuple(others)
        self.up_to_date = up_to_date or UpToDate()

    @abstractmethod
    def _name(self, item: T) -> str:
        """Return the target's name in an item."""

    @abstractmethod
    def _made(self, name: str) -> T:
        """Return the item for a ref that is up to date."""

    @cached_property
    def _all(self) -> tuple[T, ...]:
        if not self.up_to_date.names:
            return self.others
        items = [*self.others, *map(self._made, self.up_to_date.names)]
        key = sort_key_of(map(self._name, items))
        return tuple(sorted(items, key=lambda item: key(self._name(item))))

    def __len__(self) -> int:
        return len(self.others) + len(self.up_to_date.names)

    def __iter__(self) -> Iterator[T]:
        return iter(self._all)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...
    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        return self._all[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all)

    def __repr__(self) -> str:
        return repr(self._all)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.others, self.up_to_date)


def others_of(items: Sequence[T]) -> Sequence[T]:
    """Return the items without those that `PerRef` makes when they are read."""
    return items.others if isinstance(items, PerRef) else items


def up_to_date_in(items: Sequence[Any]) -> UpToDate:
    """Return the refs whose items are made when they are read."""
    return items.up_to_date if isinstance(items, PerRef) else UpToDate()
