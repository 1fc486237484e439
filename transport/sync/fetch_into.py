"""The source's half of a sync alone: fetch, check, and keep the result on this disk, or only report it.

    list refs -> plan against the repository's own refs -> fetch into a spool beside its packs
    -> every new tip is whole, down to what the repository had -> pack and index appear -> refs move

A ref moves by compare-and-swap, and only after everything that it reaches is in place: killed at any
instant, the repository is as valid as before. Branches, tags and everything else keep their names, as in
a mirror. Left out on purpose: depth and filters, and fetching from a shallow source what is cut off there.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packcore.errors import MissingObject, RefLocked, RefMoved, RepositoryError, UnreadableRef
from packcore.limits import Limits
from packcore.progress import SILENT, Progress
from packcore.store.ref_names import ref_name_fault
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.store.union import UnionStore
from packcore.walk import is_ancestor, list_objects
from transport.errors import UnsupportedByRemote
from transport.fetch import fetch_pack, list_refs
from transport.negotiate import CommitNegotiator
from transport.sync.absence import hidden_in, words_on_hidden
from transport.sync.fetching import watched
from transport.sync.measure import Measurement, SideStats, Stats, Stopwatch
from transport.sync.planner import plan_refs, settle
from transport.sync.request import Policy, Scope
from transport.sync.result import Outcome, RefResult, results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.refs import RefKind
    from packcore.store.base import ObjectStore
    from transport.base import Transport
    from transport.sync.ref_plan import RefAction, RefPlan
    from transport.sync.request import Protocol
    from transport.wire.advertisement import Advertisement

__all__ = ["FetchResult", "fetch_into", "fetch_only"]


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a fetch brought."""

    source_url: str
    requested_protocol: str
    protocol: str
    """Spoken with the source: v0, v1 or v2."""
    wants: tuple[tuple[str, ObjectId], ...]
    """The source's refs in scope: name and id."""
    haves: tuple[ObjectId, ...]
    object_count: int
    """Objects in the pack that came; 0 where nothing was missing."""
    pack_bytes: int
    source_head: str | None = None
    into: Path | None = None
    """The repository's git directory; None for a fetch that keeps nothing."""
    pack_path: Path | None = None
    source_hides: tuple[RefKind, ...] = ()
    """Kinds of refs in scope of which the source hides some, as far as it says so."""
    refs: tuple[RefResult, ...] = ()
    """What became of the repository's refs; without a repository, the source's refs that can't be read."""
    stats: Stats = field(default_factory=Stats)
    measurement: Measurement = field(default_factory=Measurement)

    @property
    def exit_code(self) -> int:
        """1 where a ref was blocked, can't be read, may be hidden, or could not be moved; else 0."""
        failed = {Outcome.BLOCKED, Outcome.UNREADABLE, Outcome.HIDDEN}
        failed |= {Outcome.MOVED, Outcome.LOCKED, Outcome.REFUSED}
        return 1 if any(ref.outcome in failed for ref in self.refs) else 0

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints; git-sync's keys, and what became of the refs."""
        return {
            "sourceUrl": self.source_url,
            "requestedMode": self.requested_protocol,
            "protocol": self.protocol,
            "wants": [{"name": name, "hash": oid.hex()} for name, oid in self.wants],
            "haves": [oid.hex() for oid in self.haves],
            "fetchedObjects": self.object_count,
            "packBytes": self.pack_bytes,
            "sourceHead": self.source_head or "",
            "sourceHides": list(self.source_hides),
            "into": None if self.into is None else str(self.into),
            "plans": [ref.to_json() for ref in self.refs],
            "stats": self.stats.to_json(),
            "measurement": self.measurement.to_json(),
        }


def fetch_into(
    source: Transport,
    repository: str | Path,
    *,
    scope: Scope | None = None,
    policy: Policy | None = None,
    protocol: Protocol = "auto",
    limits: Limits | None = None,
    collect_stats: bool = False,
    measure_memory: bool = False,
    progress: Progress = SILENT,
) -> FetchResult:
    """Fetch the refs in scope, and what they reach, into a repository on this disk.

    Where there is none, or an empty folder, a bare one is made in the source's object format. `policy`
    gives `prune` and `force`. Raises TransportError, RepositoryError, CorruptData (MissingObject if what
    came is not whole); no ref has moved then.
    """
    watch = Stopwatch()
    scope, policy, limits = scope or Scope(), policy or Policy(), limits or Limits()
    listed = list_refs(source, protocol=protocol, prefixes=scope.ref_prefixes, on_message=_to(progress))
    with Repository.open_or_init(repository, listed.object_format, limits) as opened:
        plan = plan_refs(listed, _LocalRefs.of(opened), scope, policy)
        plan = plan.block(_is_checked_out(opened), "it is checked out there")
        plan = plan.block(_is_unstorable(opened), "its name is too long, or too deep, for a file here")
        with _received(source, listed, opened, plan, limits=limits, progress=progress) as (spool, cut_off):
            store = UnionStore([spool, opened]) if spool else opened
            plan = settle(plan, lambda action: _is_fast_forward(store, action))
            wants = plan.wants
            haves = tuple(dict.fromkeys(ref.oid for ref in opened.refs().known.values()))
            whole_below = opened.shallow()
            with _shallow_source_named(cut_off):
                list_objects(
                    store,
                    wants,
                    haves,
                    shallow=whole_below,
                    limits=limits,
                    progress=progress,
                    haves_complete=True,
                )
            with ExitStack() as stack:
                pack_path = stack.enter_context(opened.adding_pack(spool)) if spool and wants else None
                stack.enter_context(opened.refs_durable_together())
                refs = [_moved(opened, action) for action in _in_order(plan)]
            object_count, pack_bytes = (spool.object_count, spool.pack_bytes) if spool else (0, 0)
        _point_unborn_head(opened, plan)
        return FetchResult(
            source_url=source.url,
            requested_protocol=protocol,
            protocol=f"v{listed.version}",
            wants=_wanted_refs(plan),
            haves=haves,
            object_count=object_count,
            pack_bytes=pack_bytes,
            source_head=plan.source_head,
            source_hides=_tell_hidden(listed, scope, plan, progress),
            into=opened.path,
            pack_path=pack_path,
            refs=tuple(sorted(refs, key=lambda ref: ref.planned.target_ref)),
            stats=_stats(source, watch, len(wants), len(haves)) if collect_stats else Stats(),
            measurement=Measurement.take(watch) if measure_memory else Measurement(),
        )


def fetch_only(
    source: Transport,
    *,
    scope: Scope | None = None,
    haves: Sequence[ObjectId] = (),
    protocol: Protocol = "auto",
    limits: Limits | None = None,
    collect_stats: bool = False,
    measure_memory: bool = False,
    progress: Progress = SILENT,
) -> FetchResult:
    """Fetch the refs in scope, check what came, and keep nothing. Raises as `fetch_into`."""
    watch = Stopwatch()
    scope, limits = scope or Scope(), limits or Limits()
    listed = list_refs(source, protocol=protocol, prefixes=scope.ref_prefixes, on_message=_to(progress))
    nothing = _LocalRefs({}, {}, {}, listed.object_format)
    plan = plan_refs(listed, nothing, scope, Policy())
    with (
        fetch_pack(source, listed, wants=plan.wants, haves=list(haves), on_message=_to(progress)) as response,
        SpooledPack.receive(
            watched(response.blocks or (), progress, "source: receiving pack"),
            object_format=listed.object_format,
            limits=limits,
            progress=progress,
        ) as spool,
    ):
        return FetchResult(
            source_url=source.url,
            requested_protocol=protocol,
            protocol=f"v{listed.version}",
            wants=_wanted_refs(plan),
            haves=tuple(haves),
            object_count=spool.object_count,
            pack_bytes=spool.pack_bytes,
            source_head=plan.source_head,
            source_hides=_tell_hidden(listed, scope, plan, progress),
            refs=tuple(results_of(action for action in plan.actions if action.unreadable)),
            stats=_stats(source, watch, len(plan.wants), len(haves)) if collect_stats else Stats(),
            measurement=Measurement.take(watch) if measure_memory else Measurement(),
        )


@dataclass(frozen=True, slots=True)
class _LocalRefs:
    """A repository's refs as the planner looks at them."""

    refs: dict[str, ObjectId]
    symrefs: dict[str, str]
    unreadable: dict[str, str]
    object_format: ObjectFormat
    may_lack_names: bool = False
    hidden: frozenset[RefKind] = frozenset()

    @classmethod
    def of(cls, repository: Repository) -> _LocalRefs:
        refs = repository.refs()
        return cls(
            {name: ref.oid for name, ref in refs.known.items()},
            {},
            {name: fault.reason for name, fault in refs.unreadable.items()},
            repository.object_format,
        )


@contextmanager
def _received(
    source: Transport,
    listed: Advertisement,
    repository: Repository,
    plan: RefPlan,
    *,
    limits: Limits,
    progress: Progress,
) -> Iterator[tuple[SpooledPack | None, bool]]:
    """Fetch what the repository lacks into a spool beside its packs; None where it lacks nothing.

    Tells too whether the source's own history is cut off.
    """
    tips = {ref.oid for ref in repository.refs().known.values()}
    wants = [oid for oid in plan.wants if oid not in tips]
    if not wants:
        yield None, False
        return
    with ExitStack() as stack:
        response = stack.enter_context(
            fetch_pack(
                source,
                listed,
                wants=wants,
                haves=CommitNegotiator(repository, sorted(tips)),
                shallow=sorted(repository.shallow()),
                on_message=_to(progress),
            )
        )
        spool = SpooledPack.receive(
            watched(response.blocks or (), progress, "source: receiving pack"),
            object_format=listed.object_format,
            limits=limits,
            progress=progress,
            directory=repository.pack_directory,
        )
        cut_off = bool(response.shallow or listed.shallow)
        stack.close()  # the connection's work is done
        with spool:
            yield spool, cut_off


def _is_checked_out(repository: Repository) -> Callable[[RefAction], bool]:
    """Tell the branch that a work tree stands on: moving it would leave the tree behind."""
    is_bare = repository.config.get_bool("core.bare", default=repository.path.name != ".git")
    head = None if is_bare else repository.head()
    return lambda action: action.target_ref == head


def _is_unstorable(repository: Repository) -> Callable[[RefAction], bool]:
    """Tell the refs whose names are too long, or of too many parts, to be made here."""
    folder = repository.common_path
    return lambda action: action.action == "create" and ref_name_fault(action.target_ref, folder) is not None


def _is_fast_forward(store: ObjectStore, action: RefAction) -> bool:
    assert action.target_id is not None
    assert action.source_id is not None
    return is_ancestor(store, action.target_id, action.source_id)


@contextmanager
def _shallow_source_named(cut_off: bool) -> Iterator[None]:
    """Say so where an object is missing because the source's own history is cut off."""
    try:
        yield
    except MissingObject as error:
        if not cut_off:
            raise
        raise UnsupportedByRemote(
            f"the source's history is cut off (it is a shallow clone): {error}",
            hint="fetch from a repository that has all of it",
        ) from None


def _point_unborn_head(repository: Repository, plan: RefPlan) -> None:
    """Let a HEAD that points to no commit yet follow the source's, as a clone does."""
    head = plan.source_head
    if head is not None and repository.read_ref("HEAD") is None and repository.read_ref(head) is not None:
        repository.set_head(head)


def _in_order(plan: RefPlan) -> list[RefAction]:
    """Return the actions as they are carried out, and then the ones that do nothing."""
    return [*plan.in_push_order(), *(action for action in plan.actions if not action.pushes)]


def _moved(repository: Repository, action: RefAction) -> RefResult:
    """Carry out one action on the repository's refs."""
    if not action.pushes:
        return results_of([action])[0]
    zero = repository.object_format.zero
    try:
        if action.action == "delete":
            repository.delete_ref(action.target_ref, action.target_id)
            return RefResult(action, Outcome.DELETED, action.reason)
        repository.update_ref(action.target_ref, action.source_id or zero, action.target_id or zero)
    except RefMoved as error:
        return RefResult(action, Outcome.MOVED, str(error))
    except RefLocked as error:
        return RefResult(action, Outcome.LOCKED, f"{error}; {error.hint}" if error.hint else str(error))
    except (RepositoryError, UnreadableRef) as error:
        return RefResult(action, Outcome.REFUSED, str(error))
    return RefResult(action, Outcome.PUSHED, action.reason)


def _tell_hidden(
    listed: Advertisement, scope: Scope, plan: RefPlan, progress: Progress
) -> tuple[RefKind, ...]:
    kinds = tuple(hidden_in(listed, scope))
    if (words := words_on_hidden(kinds, plan.actions)) is not None:
        progress.message("hidden", words)
    return kinds


def _wanted_refs(plan: RefPlan) -> tuple[tuple[str, ObjectId], ...]:
    return tuple((action.source_ref, action.source_id) for action in plan.actions if action.source_id)


def _stats(source: Transport, watch: Stopwatch, wants: int, haves: int) -> Stats:
    side = SideStats.of("source", "git-upload-pack", source.url, source.stats, wants=wants, haves=haves)
    return Stats(enabled=True, sides=(side,), elapsed_seconds=watch.seconds)


def _to(progress: Progress) -> Callable[[str], None]:
    return lambda text: progress.message("source", text)
