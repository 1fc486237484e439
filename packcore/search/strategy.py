"""The interface of a delta selection strategy: one class in one file, which gets work and yields choices.

    select                                  strategy
      Work: candidates, sizes, paths  --->
                                      <---  Choice(target, base or None, ...)     repeated
      checks it, places it in the plan

Choices come in pack order, and a base must be placed before it is used, so no strategy can make a cycle or
use a base that comes later. `Work.depth` tells what is placed, and `Work.room` how much deeper a chain may
grow. A strategy must choose exactly once for each index in `Work.searched`. It may use any placed object of
the same type as a base, including those reused from another pack.

If a strategy can search some objects separately from the others, it can offer a method `partition(work)`,
which returns a list of `Part`s: together they are all candidates, in pack order. Then `choose` is called once
for each part, possibly in several processes in parallel, with a `Work` of that part alone. The parts must
depend on the work alone, never on the number of processes, so that the pack is always the same.

A new strategy is a new file in `packcore/search/strategies/`, or an entry point of the group
`packcore.strategies` in another distribution.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from packcore.errors import CorruptObject
from packcore.search.version_graph import version_edges
from packcore.search.window import ObjectCache
from packcore.store.bulk import places_of, reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packcore.ids import ObjectFormat
    from packcore.limits import Limits
    from packcore.objects import ObjectType
    from packcore.plans.entries import Candidate
    from packcore.store.base import ObjectStore

__all__ = ["Choice", "Parameter", "Part", "SearchStopped", "Strategy", "Work"]


class SearchStopped(Exception):
    """Ends a search from within because its time is up. Strategies must not catch it."""


class Choice(NamedTuple):
    """How to write one object. Indices are positions in `Work.candidates`."""

    target: int
    base: int | None
    """None means that the object is written whole."""
    delta_size: int = 0
    """Inflated size of the delta in bytes."""
    deflated: bytes | None = None
    """The zlib stream of the delta or the object, if there is one; None leaves it to the writer."""


class Parameter(NamedTuple):
    """A parameter of a strategy, as users see it in the list."""

    name: str
    default: int
    description: str


class Part(NamedTuple):
    """Objects that can be searched separately from the others."""

    members: list[int]
    """Indices of candidates, ascending."""
    by_history: bool
    """Whether the search uses `Work.version_edges`."""


class Work:
    """The objects to choose for, and what is known about them. `select` updates it, strategies read it."""

    def __init__(
        self,
        store: ObjectStore,
        candidates: Sequence[Candidate],
        *,
        plan_count: int,
        limits: Limits,
        should_stop: Callable[[], bool] | None = None,
        edges: Sequence[tuple[int, int, int]] | None = None,
        cache: ObjectCache | None = None,
        places: Sequence[int] | None = None,
    ) -> None:
        self.store = store
        self._should_stop = should_stop
        self._edges = edges
        self.cache = cache if cache is not None else ObjectCache(limits.window_memory // 8)
        self._places = places
        self.limits = limits
        self.candidates = candidates
        """First the objects of the pack, then those that the receiver has, which are bases but not
        written."""
        self.plan_count = plan_count
        """How many of the candidates go into the pack."""
        self.searched: list[int] = []
        """Indices to choose for, ascending; the others are reused, too big, or the receiver's."""
        self.depth = [-1] * plan_count + [0] * (len(candidates) - plan_count)
        """The number of deltas from each object to its whole root; -1 if it isn't placed yet."""
        self.base_of = [-1] * len(candidates)
        """The base of each object placed as a delta; -1 for all others."""
        self.room = [limits.depth] * plan_count + [0] * (len(candidates) - plan_count)
        """The greatest depth a choice may give each object: the limit less the reused chain based on it."""
        self.stored_size: dict[int, int] = {}
        """The sizes of the zlib streams of those objects that are whole in a pack and may be copied."""

    @property
    def object_format(self) -> ObjectFormat:
        """The object format, which defines the ids."""
        return self.store.object_format

    def read(self, index: int) -> bytes:
        """Return the bytes of an object. Raises CorruptObject if their size or type is not the announced one.

        Every search reads, so a search that should stop ends here. No strategy has to check for that itself.
        """
        type_, data = self.store.read(self.candidates[index].oid)
        self._check_read(index, type_, data)
        return data

    def _check_read(self, index: int, type_code: int, data: bytes) -> None:
        if self._should_stop is not None and self._should_stop():
            raise SearchStopped
        candidate = self.candidates[index]
        if len(data) != candidate.size or type_code != candidate.type:
            raise CorruptObject(
                f"was announced as {candidate.type.name.lower()} of {candidate.size} bytes, "
                f"but has {len(data)} bytes or another type",
                oid=candidate.oid.hex(),
            )

    def reader(self, cache: ObjectCache | None = None) -> Callable[[int], bytes]:
        """Return a cached `read`: through `cache`, or through a cache of an eighth of `window_memory`.

        The latter is shared with the version graph and the searches of other parts. A store that reads by
        place adds that memory to its own cache, and holds no object twice.
        """
        oids = [candidate.oid for candidate in self.candidates]
        if cache is None and (places := self._known_places()) is not None:
            return reader_of(self.store, oids, places, self._check_read, self.limits.window_memory // 8)
        return (cache if cache is not None else self.cache).reader(self.read, oids)

    def places_of(self, members: Sequence[int]) -> Sequence[int] | None:
        """Return the places of some candidates, for a search of them alone; None if they aren't known."""
        places = self._known_places()
        return None if places is None else array("q", map(places.__getitem__, members))

    def _known_places(self) -> Sequence[int] | None:
        if self._places is None:
            self._places = places_of(self.store, [candidate.oid for candidate in self.candidates])
        return self._places

    def version_edges(self) -> Sequence[tuple[int, int, int]]:
        """Return which candidates are versions of each other, as (a, b, weight): see version_graph."""
        if self._edges is not None:
            return self._edges
        candidates, big_object = self.candidates, self.limits.big_object
        return version_edges(
            candidates, self.reader(), self.object_format, lambda index: candidates[index].size < big_object
        )


class Strategy(Protocol):
    """A way to choose deltas. Instances hold only parameters, no state of a search."""

    name: ClassVar[str]
    """The name that users type."""
    description: ClassVar[str]
    """One line for `packcore strategies`."""
    cites: ClassVar[str]
    """Where the method is described: a paper, a program's documentation, or this project's measurements."""
    parameters: ClassVar[tuple[Parameter, ...]]
    """Each parameter is a keyword of the constructor."""
    reuses_deltas: ClassVar[bool]
    """Whether deltas of the source's packs are copied instead of searched, if the caller allows it."""

    def __init__(self, **parameters: Any) -> None:
        """Take parameters by name; all have defaults."""

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield one choice for each of `work.searched`, in pack order."""

    @staticmethod
    def make_delta(object_type: ObjectType, base: bytes, target: bytes, digest_size: int) -> bytes:
        """Return a delta. Pure: the writer calls it again for deltas that the plan could not carry."""
