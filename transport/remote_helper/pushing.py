"""One push by the sync engine, out of the repository that git stands in.

orders      what git wrote, its names and expressions resolved
plan        git's rules for each ref, against the list that git saw
run         deltas first, then the body; batches where it is too large or the connection breaks
verdicts    git's words for each ref
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from packcore.ancestry import are_ancestors, peel
from packcore.errors import CorruptData, UnreadableRef
from packcore.objects import ObjectType
from packcore.refs import is_valid_ref_name
from transport.errors import InvalidRequest, ObjectFormatMismatch, UnsupportedByRemote
from transport.listing import list_refs
from transport.remote_helper.push_plan import Order, plan_push
from transport.remote_helper.verdicts import verdicts_of_plan, verdicts_of_result
from transport.schemes.file import LocalTransport
from transport.selection import SelectionOptions
from transport.syncing.carry_out import push_from_here
from transport.syncing.deliver.known_limits import known_limits
from transport.syncing.deliver.own_run import OwnRun
from transport.syncing.measure import Stopwatch
from transport.syncing.request import Policy, Scope, SyncRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packcore.errors import PackcoreError
    from packcore.ids import ObjectId
    from packcore.progress import Progress
    from packcore.store.repository import Repository
    from transport.base import Transport
    from transport.remote_helper.answers import Verdict
    from transport.remote_helper.commands import Push
    from transport.remote_helper.git_config import GitSettings
    from transport.remote_helper.options import HelperOptions
    from transport.syncing.decide.ref_plan import RefListing, RefPlan
    from transport.syncing.outcome.result import SyncResult
    from transport.wire.advertisement import Advertisement

__all__ = ["Pusher", "Tell"]

HOST_PROFILE = ("packcore", "hosts.json")
"""Within the git directory that all worktrees share: what hosts were found to accept."""


class Tell(Protocol):
    """What reports an error beside the verdicts."""

    def __call__(self, error: PackcoreError, *, is_harmless: bool = False) -> None:
        """Report it; as a warning, where all the same every ref is what it was to be."""


class Pusher:
    """Pushes out of one repository."""

    def __init__(
        self,
        repository: Repository,
        settings: GitSettings,
        resolve: Callable[[str], str | None],
        tell: Tell,
    ) -> None:
        """`resolve` asks git for an expression's id in hex."""
        self._repository = repository
        self._settings = settings
        self._resolve = resolve
        self._tell = tell

    def push(
        self,
        commands: Sequence[Push],
        options: HelperOptions,
        target: Transport,
        listed: Advertisement,
        progress: Progress,
    ) -> list[Verdict]:
        """Push, or only say what would come of it. Raises TransportError and others, as `carry_out`."""
        if listed.object_format is not self._repository.object_format:
            raise ObjectFormatMismatch(
                f"this repository uses {self._repository.object_format.name}, "
                f"the remote {listed.object_format.name}",
                hint="make the remote with this repository's object format",
            )
        atomic = "atomic" in options.flags
        self._check(listed, options, atomic=atomic)
        orders = [self._order(command, options) for command in commands]

        def decide(target_refs: RefListing) -> RefPlan:
            can_delete = listed.capabilities.delete_refs
            return plan_push(orders, target_refs, self, can_delete=can_delete, head=self._head())

        if "dry-run" in options.flags:
            return verdicts_of_plan(decide(listed), atomic=atomic)
        result = self._carried_out(target, listed, options, decide, progress)
        verdicts = verdicts_of_result(result, atomic=atomic)
        if result.failure is not None:
            self._tell(result.failure, is_harmless=all(verdict.error is None for verdict in verdicts))
        return verdicts

    def _carried_out(
        self,
        target: Transport,
        listed: Advertisement,
        options: HelperOptions,
        decide: Callable[[RefListing], RefPlan],
        progress: Progress,
    ) -> SyncResult:
        request = self._request(options)
        watch = Stopwatch()
        with closing(LocalTransport(str(self._repository.path))) as source:
            run = OwnRun(
                source,
                target,
                request,
                progress,
                list_refs(source, prefixes=("HEAD",)),
                listed,
                watch,
                known_limits(target, request),
                repository=self._repository,
                decide=decide,
            )
            return push_from_here(run)

    def _request(self, options: HelperOptions) -> SyncRequest:
        settings = self._settings
        usual = SelectionOptions()
        return SyncRequest(
            scope=Scope(all_refs=True),
            policy=Policy(atomic="atomic" in options.flags, push_options=tuple(options.push_options)),
            selection=SelectionOptions(
                strategy=settings.strategy or usual.strategy,
                jobs=settings.jobs,
                budget_seconds=settings.select_budget_seconds,
            ),
            materialize=True,
            target_max_pack_bytes=settings.pack_bytes_max,
            target_max_ref_updates=settings.ref_updates_max,
            parts_after_loss=True,
            host_profile=self._repository.common_path.joinpath(*HOST_PROFILE),
        )

    def _check(self, listed: Advertisement, options: HelperOptions, *, atomic: bool) -> None:
        if atomic and not listed.capabilities.atomic:
            raise UnsupportedByRemote(
                "the remote does not support atomic pushes", hint="push without --atomic"
            )
        if options.push_options and not listed.capabilities.push_options:
            raise UnsupportedByRemote("the remote does not take push options")

    def _order(self, command: Push, options: HelperOptions) -> Order:
        lease = options.leases.get(command.target)
        return Order(
            command.source,
            self._resolved(command.source) if command.source else None,
            command.target,
            command.force or "force" in options.flags,
            None if lease is None else self._repository.object_format.from_hex(lease),
        )

    def _resolved(self, source: str) -> ObjectId:
        if is_valid_ref_name(source, one_level=source == "HEAD") and (
            source == "HEAD" or source.startswith("refs/")
        ):
            ref = self._repository.read_ref(source)
            if ref is not None:
                return ref.oid
        found = self._resolve(source)
        if found is None:
            raise InvalidRequest(f"nothing here is called {source[:200]!r}")
        return self._repository.object_format.from_hex(found)

    def _head(self) -> str | None:
        try:
            head = self._repository.head()
        except UnreadableRef:
            return None
        return head if isinstance(head, str) else None

    # What `plan_push` asks of the history

    def has(self, oid: ObjectId) -> bool:
        """Return whether an object is here."""
        return oid in self._repository

    def is_commit(self, oid: ObjectId) -> bool:
        """Return whether an object is a commit, or a tag of one."""
        try:
            return peel(self._repository, oid)[1] is ObjectType.COMMIT
        except CorruptData:
            return False

    def are_ancestors(self, pairs: Sequence[tuple[ObjectId, ObjectId]]) -> Sequence[bool]:
        """Return of each pair whether the first is an ancestor of the second."""
        return are_ancestors(self._repository, pairs)
