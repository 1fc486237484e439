"""What a delta selection strategy is: one class in one file, which is given work and yields choices.

    select                                  strategy
      Work: candidates, sizes, paths  --->
                                      <---  Choice(target, base or None, ...)     again and again
      checks it, places it in the plan

Choices come in pack order, and a base must have been placed before it is used, so no strategy can make
a cycle or a base that comes late. `Work.depth` and `Work.room` say what is placed and how much deeper
a chain may grow. A strategy must choose once for each index in `Work.searched`, and may take any placed
object of the same type as a base, those that are reused from another pack included.

A strategy that can search some objects without the others may say so by a method `partition(work)`, which
returns a list of `Part`s: together all candidates, in pack order. Then `choose` is called once for each
part, perhaps in several processes at once, with a `Work` of that part alone. The parts must follow from
the work, never from the number of processes, so that the pack is the same for any.

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
    """Ends a search from within: the time that was given to it is over. Not for strategies to catch."""


class Choice(NamedTuple):
    """How one object is to be written. Indices are positions in `Work.candidates`."""

    target: int
    base: int | None
    """None: whole."""
    delta_size: int = 0
    """Inflated bytes of the delta."""
    deflated: bytes | None = None
    """The zlib stream of the delta or the object if it was made; None leaves it to the writer."""


class Parameter(NamedTuple):
    """A knob of a strategy, for the list that users see."""

    name: str
    default: int
    description: str


class Part(NamedTuple):
    """Objects that are searched by themselves."""

    members: list[int]
    """Indices of candidates, ascending."""
    by_history: bool
    """Whether the search asks for `Work.version_edges`."""


class Work:
    """The objects to choose for, and what is known of them. Read by strategies, kept up by `select`."""

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
        """First the objects of the pack, then those that the receiver has: bases that are never written."""
        self.plan_count = plan_count
        """How many of the candidates go into the pack."""
        self.searched: list[int] = []
        """Indices to choose for, ascending; the others are reused, big, or the receiver's."""
        self.depth = [-1] * plan_count + [0] * (len(candidates) - plan_count)
        """Deltas between each object and its whole root; -1 while it isn't placed."""
        self.base_of = [-1] * len(candidates)
        """The base of each object that is placed as a delta; -1 for all others."""
        self.room = [limits.depth] * plan_count + [0] * (len(candidates) - plan_count)
        """Greatest depth that a choice may give each object: the limit less what hangs on it."""
        self.stored_size: dict[int, int] = {}
        """Bytes of the zlib streams of those objects that lie whole in a pack and may be copied."""

    @property
    def object_format(self) -> ObjectFormat:
        """How the objects are named."""
        return self.store.object_format

    def read(self, index: int) -> bytes:
        """Return an object's bytes. Raises CorruptObject if they aren't of the announced size and type.

        Every search reads, so here it ends when it is to stop, and no strategy need ask for itself.
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
                f"and is {len(data)} bytes or another type",
                oid=candidate.oid.hex(),
            )

    def reader(self, cache: ObjectCache | None = None) -> Callable[[int], bytes]:
        """Return `read` with a memory: that of `cache`, or an eighth of `window_memory`.

        The latter is shared with the version graph, and with the searches of other parts. A store that
        reads by place has it added to its own memory, and holds no object twice.
        """
        oids = [candidate.oid for candidate in self.candidates]
        if cache is None and (places := self._known_places()) is not None:
            return reader_of(self.store, oids, places, self._check_read, self.limits.window_memory // 8)
        return (cache if cache is not None else self.cache).reader(self.read, oids)

    def places_of(self, members: Sequence[int]) -> Sequence[int] | None:
        """Return where some of the candidates lie, for a search of them alone; None if it isn't known."""
        places = self._known_places()
        return None if places is None else array("q", map(places.__getitem__, members))

    def _known_places(self) -> Sequence[int] | None:
        if self._places is None:
            self._places = places_of(self.store, [candidate.oid for candidate in self.candidates])
        return self._places

    def version_edges(self) -> Sequence[tuple[int, int, int]]:
        """Return which candidates are versions of one thing, as (a, b, weight): see version_graph."""
        if self._edges is not None:
            return self._edges
        candidates, big_object = self.candidates, self.limits.big_object
        return version_edges(
            candidates, self.reader(), self.object_format, lambda index: candidates[index].size < big_object
        )


class Strategy(Protocol):
    """A way to choose deltas. Instances hold parameters only, no state of a run."""

    name: ClassVar[str]
    """What users type."""
    description: ClassVar[str]
    """One line for `packcore strategies`."""
    cites: ClassVar[str]
    """Where the method is described: a paper, a program's documentation, or this project's measurements."""
    parameters: ClassVar[tuple[Parameter, ...]]
    """Knobs; each is a keyword of the constructor."""
    reuses_deltas: ClassVar[bool]
    """Whether deltas of the source's packs are copied rather than searched, where the caller allows it."""

    def __init__(self, **parameters: Any) -> None:
        """Take parameters by name; all have defaults."""

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield one choice for each of `work.searched`, in pack order."""

    @staticmethod
    def make_delta(object_type: ObjectType, base: bytes, target: bytes, digest_size: int) -> bytes:
        """Return a delta. Pure: the writer calls it again for what the plan could not carry."""
