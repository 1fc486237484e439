"""Only the source's half of a sync: fetch, check, and keep the result on this disk, or only report it.

    list refs -> plan against the repository's own refs -> fetch into a spool beside its packs
    -> check that every new tip is whole, down to what the repository had -> pack and index appear
    -> refs move

A ref moves by compare-and-swap, and only after everything that it reaches is in place: if the process is
killed at any instant, the repository is as valid as before. All refs keep their names, as in a mirror. Left
out on purpose: depth, filters, and fetching across the cut of a shallow source.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.ancestry import are_ancestors
from packcore.checks.self_contained import PackLinks
from packcore.errors import MissingObject
from packcore.limits import Limits
from packcore.progress import SILENT, Progress
from packcore.store.spool import SpooledPack
from packcore.store.union import UnionStore
from transport.errors import UnsupportedByRemote
from transport.fetch import fetch_pack
from transport.local_fetch.completeness import are_whole, check_wants
from transport.local_fetch.local_refs import (
    LocalRefs,
    blocked_here,
    branches_at_commits,
    moved,
    opened_or_made,
    point_unborn_head,
)
from transport.local_fetch.pack_count import PackCount
from transport.negotiate import CommitNegotiator
from transport.syncing.decide.absence import hidden_in, words_on_hidden
from transport.syncing.decide.planner import plan_refs, settle
from transport.syncing.gather.damaged_source import MAY_BE_DAMAGE, readable_part
from transport.syncing.gather.fetching import RECEIVING_OBJECTS, watched
from transport.syncing.gather.listing import list_source
from transport.syncing.gather.moved_source import SourceList
from transport.syncing.measure import Measurement, SideStats, Stats, Stopwatch
from transport.syncing.outcome.result import Outcome, RefResult, results_of
from transport.syncing.request import Policy, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.refs import RefKind
    from packcore.store.repository import Repository
    from transport.base import Transport
    from transport.syncing.decide.ref_plan import RefAction, RefPlan
    from transport.syncing.request import Protocol
    from transport.wire.advertisement import Advertisement

__all__ = ["FetchResult", "fetch_into", "fetch_only"]


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of a fetch."""

    source_url: str
    requested_protocol: str
    protocol: str
    """Spoken with the source: v0, v1 or v2."""
    wants: tuple[tuple[str, ObjectId], ...]
    """The source's refs in scope: name and id."""
    haves: tuple[ObjectId, ...]
    object_count: int
    """Objects in the received pack; 0 if nothing was missing."""
    pack_bytes: int
    source_head: str | None = None
    into: Path | None = None
    """The repository's git directory; None for a fetch that keeps nothing."""
    pack_path: Path | None = None
    source_hides: tuple[RefKind, ...] = ()
    """Kinds of refs in scope that the source says it hides in part."""
    refs: tuple[RefResult, ...] = ()
    """The outcome of each of the repository's refs; without a repository, the source's unreadable refs."""
    stats: Stats = field(default_factory=Stats)
    pack: PackCount | None = None
    """What the pack holds; None if stats are not collected."""
    measurement: Measurement = field(default_factory=Measurement)

    @property
    def exit_code(self) -> int:
        """1 if a ref was blocked, can't be read, may be hidden, or could not be moved; else 0."""
        failed = {Outcome.BLOCKED, Outcome.UNREADABLE, Outcome.HIDDEN}
        failed |= {Outcome.MOVED, Outcome.LOCKED, Outcome.REFUSED}
        return 1 if any(ref.outcome in failed for ref in self.refs) else 0

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints; git-sync's keys, plus the outcome of each ref."""
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
            "pack": None if self.pack is None else self.pack.to_json(),
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

    If there is none, or only an empty folder, a bare one is made in the source's object format; an empty
    source gives an empty one with the same HEAD. `policy` gives `prune` and `force`. Raises
    TransportError, RepositoryError, CorruptData (MissingObject if what came is incomplete); no ref has
    moved then.
    """
    watch = Stopwatch()
    scope, policy, limits = _empty_allowed(scope or Scope()), policy or Policy(), limits or Limits()
    listed = list_source(source, protocol=protocol, prefixes=scope.ref_prefixes)
    _tell_warnings(listed, progress)
    with opened_or_made(repository, listed.object_format, limits) as opened:
        fetch = _Fetch(source, opened, scope, policy, limits, progress)
        current = SourceList(source, listed, protocol, scope.ref_prefixes, progress)
        try:
            fetched = current.fetched(fetch.run, fetch.lacks)
        except MAY_BE_DAMAGE:
            wants, haves = fetch.lacks(current.listed), sorted(fetch.tips())
            part = readable_part(source, current.listed, wants=wants, haves=haves, progress=progress)
            if part is None:
                raise
            fetched = fetch.run(part)
        listed = current.listed
        plan = fetched.plan
        return FetchResult(
            source_url=source.url,
            requested_protocol=protocol,
            protocol=f"v{listed.version}",
            wants=_wanted_refs(plan),
            haves=fetched.haves,
            object_count=fetched.pack.objects,
            pack_bytes=fetched.pack.bytes,
            pack=fetched.pack if collect_stats else None,
            source_head=plan.source_head,
            source_hides=_tell_hidden(listed, scope, plan, progress),
            into=opened.path,
            pack_path=fetched.pack_path,
            refs=tuple(sorted(fetched.refs, key=lambda ref: ref.planned.target_ref)),
            stats=_stats(source, watch, len(plan.wants), len(fetched.haves)) if collect_stats else Stats(),
            measurement=Measurement.take(watch) if measure_memory else Measurement(),
        )


class _Fetched(NamedTuple):
    """What one try brought."""

    plan: RefPlan
    haves: tuple[ObjectId, ...]
    refs: list[RefResult]
    pack_path: Path | None
    pack: PackCount


class _Fetch(NamedTuple):
    """A fetch into an open repository, which may run twice."""

    source: Transport
    repository: Repository
    scope: Scope
    policy: Policy
    limits: Limits
    progress: Progress

    def plan(self, listed: Advertisement) -> RefPlan:
        """Decide on every ref as far as the lists alone allow."""
        plan = plan_refs(listed, LocalRefs.of(self.repository), self.scope, self.policy)
        return blocked_here(plan, self.repository)

    def tips(self) -> set[ObjectId]:
        """Return the ids that the repository's refs are at."""
        return set(self.repository.ref_table().tips())

    def lacks(self, listed: Advertisement) -> list[ObjectId]:
        """Return the wants that are not tips of the repository."""
        tips = self.tips()
        return [oid for oid in self.plan(listed).wants if oid not in tips]

    def run(self, listed: Advertisement) -> _Fetched:
        """Fetch, check that all is there, install the pack, move the refs."""
        repository = self.repository
        plan = self.plan(listed)
        haves = repository.ref_table().tips()
        links = None if haves else PackLinks(listed.object_format)
        with self._received(listed, plan, links) as (spool, cut_off):
            store = UnionStore([spool, repository]) if spool else repository
            pairs = plan.open_pairs
            fast_forwards = dict(zip(pairs, are_ancestors(store, pairs), strict=True))
            plan = settle(plan, lambda action: fast_forwards[action.pair])
            plan = branches_at_commits(plan, store)
            wants = plan.wants
            with _shallow_source_named(cut_off):
                if links is None or not are_whole(wants, spool, links):
                    check_wants(store, repository, wants, haves, limits=self.limits, progress=self.progress)
            with ExitStack() as stack:
                pack_path = stack.enter_context(repository.adding_pack(spool)) if spool and wants else None
                point_unborn_head(repository, plan, listed.head)
                refs = moved(repository, _in_order(plan))
            count = PackCount.of(spool)
        return _Fetched(plan, haves, refs, pack_path, count)

    @contextmanager
    def _received(
        self, listed: Advertisement, plan: RefPlan, links: PackLinks | None
    ) -> Iterator[tuple[SpooledPack | None, bool]]:
        """Fetch what the repository lacks into a spool beside its packs; None if it lacks nothing.

        `links` observes the pack. Also yields whether the source is shallow.
        """
        repository = self.repository
        tips = self.tips()
        wants = [oid for oid in plan.wants if oid not in tips]
        if not wants:
            yield None, False
            return
        with ExitStack() as stack:
            response = stack.enter_context(
                fetch_pack(
                    self.source,
                    listed,
                    wants=wants,
                    haves=CommitNegotiator(repository, sorted(tips)),
                    shallow=sorted(repository.shallow()),
                    on_message=_to(self.progress),
                )
            )
            spool = SpooledPack.receive(
                watched(response.blocks or (), self.progress, "source: receiving pack"),
                counting=RECEIVING_OBJECTS,
                object_format=listed.object_format,
                limits=self.limits,
                progress=self.progress,
                bases=repository,  # a bundle's pack may be thin without a request for it
                directory=repository.pack_directory,
                observe=links,
            )
            cut_off = bool(response.shallow or listed.shallow)
            stack.close()  # the connection is no longer needed
            with spool:
                yield spool, cut_off


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
    scope, limits = _empty_allowed(scope or Scope()), limits or Limits()
    listed = list_source(source, protocol=protocol, prefixes=scope.ref_prefixes)
    _tell_warnings(listed, progress)
    current = SourceList(source, listed, protocol, scope.ref_prefixes, progress)

    def received(listed: Advertisement) -> tuple[RefPlan, SpooledPack | None]:
        return _received_only(source, listed, scope, haves, limits=limits, progress=progress)

    def wants(listed: Advertisement) -> Sequence[ObjectId]:
        return plan_refs(listed, LocalRefs.none(listed), scope, Policy()).wants

    try:
        plan, spool = current.fetched(received, wants)
    except MAY_BE_DAMAGE:
        listed = current.listed
        part = readable_part(source, listed, wants=wants(listed), haves=haves, progress=progress)
        if part is None:
            raise
        plan, spool = received(part)
    listed = current.listed
    with nullcontext() if spool is None else spool:
        count = PackCount.of(spool)
        return FetchResult(
            source_url=source.url,
            requested_protocol=protocol,
            protocol=f"v{listed.version}",
            wants=_wanted_refs(plan),
            haves=tuple(haves),
            object_count=count.objects,
            pack_bytes=count.bytes,
            pack=count if collect_stats else None,
            source_head=plan.source_head,
            source_hides=_tell_hidden(listed, scope, plan, progress),
            refs=tuple(results_of([action for action in plan.others if action.unreadable])),
            stats=_stats(source, watch, len(plan.wants), len(haves)) if collect_stats else Stats(),
            measurement=Measurement.take(watch) if measure_memory else Measurement(),
        )


def _received_only(
    source: Transport,
    listed: Advertisement,
    scope: Scope,
    haves: Sequence[ObjectId],
    *,
    limits: Limits,
    progress: Progress,
) -> tuple[RefPlan, SpooledPack | None]:
    plan = plan_refs(listed, LocalRefs.none(listed), scope, Policy())
    with fetch_pack(
        source, listed, wants=plan.wants, haves=list(haves), on_message=_to(progress)
    ) as response:
        if response.blocks is None:
            return plan, None
        spool = SpooledPack.receive(
            watched(response.blocks, progress, "source: receiving pack"),
            counting=RECEIVING_OBJECTS,
            object_format=listed.object_format,
            limits=limits,
            progress=progress,
        )
    return plan, spool


def _empty_allowed(scope: Scope) -> Scope:
    """Return the scope of a fetch: like a clone, it accepts an empty source unless a branch is named."""
    return replace(scope, allow_empty_source=scope.allow_empty_source or not scope.branches)


@contextmanager
def _shallow_source_named(cut_off: bool) -> Iterator[None]:
    """Explain a missing object if the source is shallow."""
    try:
        yield
    except MissingObject as error:
        if not cut_off:
            raise
        raise UnsupportedByRemote(
            f"the source's history is cut off (it is a shallow clone): {error}",
            hint="fetch from a repository that has all of it",
        ) from None


def _in_order(plan: RefPlan) -> list[RefAction]:
    """Return the actions in the order of execution, then the ones that do nothing."""
    return [*plan.in_push_order(), *(action for action in plan.actions if not action.pushes)]


def _wanted_refs(plan: RefPlan) -> tuple[tuple[str, ObjectId], ...]:
    return tuple((action.source_ref, action.source_id) for action in plan.actions if action.source_id)


def _tell_warnings(listed: Advertisement, progress: Progress) -> None:
    for warning in listed.warnings:
        progress.message("source", warning)


def _tell_hidden(
    listed: Advertisement, scope: Scope, plan: RefPlan, progress: Progress
) -> tuple[RefKind, ...]:
    kinds = tuple(hidden_in(listed, scope))
    if (words := words_on_hidden(kinds, plan.others)) is not None:
        progress.message("hidden", words)
    return kinds


def _stats(source: Transport, watch: Stopwatch, wants: int, haves: int) -> Stats:
    side = SideStats.of("source", "git-upload-pack", source.url, source.stats, wants=wants, haves=haves)
    return Stats(enabled=True, sides=(side,), elapsed_seconds=watch.seconds)


def _to(progress: Progress) -> Callable[[str], None]:
    return lambda text: progress.message("source", text)
