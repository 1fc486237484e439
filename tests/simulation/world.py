"""The simulated world: two repositories in memory, processes that die, others that meddle, one log of it all.

    World
      clockwork    threads and time
      universe     all objects, and what reaches what
      source       SimRepository: objects, refs, HEAD; some objects may be damaged or gone
      target       SimRepository; every change of a ref is noted, with who did it
      faults       what is to go wrong, each once: found by the operation that it waits for
      trace        what happened, in order

A `SimRepository` offers what our upload-pack and receive-pack ask of a `Repository` on disk.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptObject, PackcoreError, RefMoved, RepositoryError, UnreadableRef
from packcore.limits import Limits
from packcore.progress import SilentProgress
from packcore.refs import Ref, RefList, encode_ref_name, ref_sort_key
from packcore.store.base import ObjectHeader
from packcore.store.config import GitConfig
from packcore.store.copies import Copies
from packcore.store.memory import MemoryStore
from packcore.store.presence import Presence
from packcore.store.ref_table import RefTable
from tests.simulation.clockwork import Clockwork
from tests.simulation.faults import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from packcore.ids import ObjectId
    from packcore.store.base import StoredObject
    from packcore.store.ref_change import RefChange
    from packcore.store.spool import SpooledPack
    from tests.simulation.faults import Fault
    from tests.simulation.history import Universe

__all__ = ["Change", "Killed", "Process", "SimRepository", "World"]

_NOWHERE = Path("/nonexistent")
_CONFIG = GitConfig.parse(
    "[core]\n\tbare = true\n[receive]\n\tdenyDeleteCurrent = ignore\n[uploadpack]\n\tallowRefInWant = true\n"
)


class Killed(BaseException):
    """The process ends here, whatever it is doing: nothing that it does afterwards has an effect."""


class Change(NamedTuple):
    """A ref of a repository went from one id to another; None where it is absent."""

    name: str
    old: ObjectId | None
    new: ObjectId | None
    by: Process | None
    """None: somebody else."""
    tick: int


class Process(SilentProgress):
    """A run of the engine: what it has seen and done, and when it is killed."""

    def __init__(self, world: World, name: str, kill_at: int | None = None) -> None:
        self.world = world
        self.name = name
        self.kill_at = kill_at
        self.steps = 0
        self.killed = False
        self.begun = world.tick
        self.ended: int | None = None
        self.messages: list[str] = []
        self.listed: dict[str, list[dict[str, ObjectId]]] = {"source": [], "target": []}
        """What each listing of a side was answered with."""
        self.unsure: set[str] = set()
        """Refs of a push whose answer did not arrive whole, or left them out."""
        self.misled = False
        """Whether a listing was damaged on its way."""
        self.lied_to: set[str] = set()
        """Refs of which the target reported what isn't true."""

    def step(self) -> None:
        """Do something that the world can see: the place where the process may be killed."""
        if not self.killed:
            self.steps += 1
            if self.steps != self.kill_at:
                return
            self.killed = True
            self.world.fired("killed")
            self.world.say(self.name, "is killed at step", self.steps)
        raise Killed

    def message(self, origin: str, text: str) -> None:
        """Note what the engine tells its user."""
        self.messages.append(f"{origin}: {text}")


class SimRepository(MemoryStore):
    """A repository in memory, as far as our servers use one."""

    path = common_path = _NOWHERE
    is_bare = True
    config = _CONFIG
    limits = Limits()
    pack_directory = None

    def __init__(self, world: World, side: str, tips: dict[str, ObjectId], extra: Iterable[ObjectId]) -> None:
        super().__init__(world.universe.object_format)
        self.copies = Copies(self.object_format)
        """None: an object is here once, and `read` says what is wrong with it."""
        self.world = world
        self.side = side
        self.tips = dict(tips)
        self.head_name = "refs/heads/main"
        self.cut: frozenset[ObjectId] = frozenset()
        self.changes: list[Change] = []
        self.by: Process | None = None
        """Whose push is carried out at this moment."""
        self.damaged: set[ObjectId] = set()
        self.unreadable: set[str] = set()
        """Names of refs that are there, and come to no id."""
        self.add_all(world.universe.reach_all([*tips.values(), *extra]))

    def other_worktrees(self) -> tuple[()]:
        """Return none: this is no folder."""
        return ()

    def cut_at(self, commits: Iterable[ObjectId]) -> None:
        """Leave out the parents of these commits, and what nothing else reaches."""
        universe = self.world.universe
        self.cut = frozenset(commits).intersection(self._objects)
        kept: set[ObjectId] = set()
        stack = list(self.tips.values())
        while stack:
            oid = stack.pop()
            if oid not in kept:
                kept.add(oid)
                links = universe.links(oid)
                stack += links[-1:] if oid in self.cut else links
        self._objects = {oid: universe.read(oid) for oid in kept}
        self.cut &= kept

    # Objects

    def presence(self) -> Presence:
        """Return itself, to be asked about very many ids."""
        return Presence([self])

    def holds(self, oid: ObjectId) -> bool:
        """Return whether an object is here."""
        return oid in self

    def add_all(self, oids: Iterable[ObjectId]) -> None:
        """Take objects of the universe in."""
        universe = self.world.universe
        self._objects.update((oid, universe.read(oid)) for oid in oids)

    def read(self, oid: ObjectId) -> StoredObject:
        """Return an object. Raises MissingObject, and CorruptObject for a damaged one."""
        if oid in self.damaged:
            raise CorruptObject("it can't be inflated", oid=oid.hex())
        return super().read(oid)

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size, which may be readable where the object isn't."""
        type_, data = super().read(oid)
        return ObjectHeader(type_, len(data))

    def add_pack(self, spooled: SpooledPack) -> None:
        """Take a pack's objects in."""
        self._objects.update((oid, spooled.read(oid)) for oid in spooled)

    @contextmanager
    def adding_pack(self, spooled: SpooledPack) -> Iterator[None]:
        """Take a pack's objects in, for refs that are set in the block."""
        self.add_pack(spooled)
        yield

    def shallow(self) -> frozenset[ObjectId]:
        """Return the commits whose parents are left out."""
        return self.cut

    # Refs

    def refs(self) -> RefList:
        """Return all refs, sorted."""
        names = sorted(self.tips, key=ref_sort_key)
        return RefList(
            {name: Ref(name, self.tips[name]) for name in names if name not in self.unreadable},
            {name: UnreadableRef(name, "its file is empty") for name in names if name in self.unreadable},
        )

    def ref_table(self, prefixes: Sequence[str] = ()) -> RefTable:
        """Return the refs that begin with a prefix, in columns."""
        refs, wanted = self.refs(), tuple(prefixes) or ("",)
        known = [ref for name, ref in refs.known.items() if name.startswith(wanted)]
        names = [encode_ref_name(ref.name) for ref in known]
        ids = [ref.oid.hex().encode() for ref in known]
        return RefTable(names, ids, [b""] * len(names), {}, frozenset(names), refs.unreadable)

    def read_ref(self, name: str) -> Ref | None:
        """Return one ref. Raises UnreadableRef."""
        of = self.head_name if name == "HEAD" else name
        if of in self.unreadable:
            raise UnreadableRef(name, "its file is empty")
        oid = self.tips.get(of)
        return None if oid is None else Ref(name, oid, of if name == "HEAD" else None)

    def head(self) -> str | ObjectId | None:
        """Return the branch that HEAD points to."""
        return self.head_name

    def final_ref_name(self, name: str) -> str:
        """Return the ref that an update of this name changes."""
        return self.head_name if name == "HEAD" else name

    def put(self, name: str, new: ObjectId | None, by: Process | None) -> None:
        """Set or remove a ref, and note who did it."""
        old = self.tips.get(name)
        if old == new:
            return
        if new is None:
            del self.tips[name]
        else:
            self.tips[name] = new
        self.changes.append(Change(name, old, new, by, self.world.moved_on()))
        label = self.world.universe.name
        who = "somebody" if by is None else by.name
        self.world.say(who, f"moves {self.side} {name}", f"{label(old)} -> {label(new)}")

    def change_refs_apart(self, changes: Sequence[RefChange]) -> dict[str, PackcoreError]:
        """Make each change for itself; return why some are not made."""
        faults: dict[str, PackcoreError] = {}
        for change in changes:
            try:
                self.update_ref(change.name, change.new, change.old)
            except PackcoreError as error:
                faults[change.name] = error
        return faults

    def update_ref(self, name: str, new: ObjectId, old: ObjectId | None = None) -> None:
        """Compare and swap. Raises RefMoved, RepositoryError."""
        zero = self.object_format.zero
        if self.tips.get(name, zero) != old:
            raise RefMoved(name, "it is not what it was")
        if new != zero and self.neighbour(name) is not None:
            raise RepositoryError(f"can't make {name}: {self.neighbour(name)} is in the way")
        self.put(name, None if new == zero else new, self.by)

    def neighbour(self, name: str) -> str | None:
        """Return a ref whose name is a folder of this one, or the other way round."""
        return next((o for o in self.tips if o.startswith(f"{name}/") or name.startswith(f"{o}/")), None)

    def change_refs(self, changes: Sequence[RefChange]) -> None:
        """Make all changes or none. Raises RefMoved, RepositoryError."""
        zero = self.object_format.zero
        before, count = dict(self.tips), len(self.changes)
        try:
            for change in sorted(changes, key=lambda change: not change.is_delete):
                self.update_ref(change.name, change.new, change.old or zero)
        except RepositoryError:
            self.tips = before
            del self.changes[count:]
            raise

    def broken(self) -> str | None:
        """Return what is wrong with the repository: a ref that reaches an object which isn't here."""
        universe = self.world.universe
        for name, oid in self.tips.items():
            if not universe.reach(oid) <= self._objects.keys():
                lost = sorted(universe.name(lost) for lost in universe.reach(oid) - self._objects.keys())
                return f"{self.side}: {name} at {universe.name(oid)} reaches what isn't there: {lost}"
        return None


class World:
    """Everything that a run touches."""

    def __init__(self, seed: int, universe: Universe, faults: Iterable[Fault]) -> None:
        self.chance = random.Random(seed)
        self.clockwork = Clockwork(self.chance)
        self.universe = universe
        self.tick = 0
        self.trace: list[tuple[object, ...]] = []
        self.faults = list(faults)
        self.counts: Counter[str] = Counter()
        """Operations so far, by side and kind."""
        self.hit: Counter[str] = Counter()
        """Faults that happened, by kind."""
        self.late: list[tuple[int, Callable[[], object]]] = []
        """What is done once the tick has come."""
        self.names: list[str] = []
        """Names of refs that others may use."""
        self.source: SimRepository
        self.target: SimRepository

    def side(self, side: str) -> SimRepository:
        """Return one of both."""
        return self.source if side == "source" else self.target

    def moved_on(self) -> int:
        """Return the number of this moment; no two are alike."""
        self.tick += 1
        return self.tick

    def say(self, *words: object) -> None:
        """Note what happened."""
        self.trace.append(words)

    def fired(self, kind: str) -> None:
        """Count a fault that happened."""
        self.hit[kind] += 1

    def due(self, side: str, operation: str) -> list[Fault]:
        """Count an operation, and return the faults that wait for it; they wait no longer."""
        key = f"{side} {operation}"
        number = self.counts[key]
        self.counts[key] += 1
        if not self.faults:
            return []
        found = [
            fault
            for fault in self.faults
            if fault.side == side and fault.number == number and KINDS[fault.kind][0] == operation
        ]
        if found:
            self.faults = [fault for fault in self.faults if fault not in found]
        return found

    def pass_time(self) -> None:
        """Do what is late."""
        self.moved_on()
        while self.late and self.late[0][0] <= self.tick:
            self.late.pop(0)[1]()

    def meddle(self, side: str, moment: str) -> None:
        """Let others change refs, where a fault waits for this moment."""
        for fault in self.due(side, moment):
            repository = self.side(side)
            names = sorted({*self.names, *repository.tips}) or ["refs/heads/main"]
            name = names[fault.at % len(names)]
            new = None
            if "moved" in fault.kind:
                new = self.universe.commits[fault.arg % len(self.universe.commits)]
                repository.add_all(self.universe.reach(new))
                if repository.neighbour(name) is not None:
                    continue
            if repository.tips.get(name) != new:
                self.fired(fault.kind)
                repository.put(name, new, None)

    def taken(self) -> None:
        """Pass the moment at which a push is taken in, and no ref has moved yet."""
        self.meddle("target", "taken")
