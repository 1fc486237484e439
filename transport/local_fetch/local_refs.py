"""A repository on this disk as the target of a fetch: its refs for the planner, and their changes.

LocalRefs           its refs, as a side of `plan_refs`
blocked_here        blocks the actions that it can't take, each with the reason
moved               carries out actions, each by compare-and-swap
opened_or_made      the repository itself, removed again if the fetch that made it fails
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import RefLocked, RefMoved, RepositoryError, UnreadableRef
from packcore.objects import ObjectType
from packcore.refs import encode_ref_name, is_valid_ref_name
from packcore.store.git_directory import is_repository_named
from packcore.store.making import is_unmade, unmake
from packcore.store.ref_change import RefChange
from packcore.store.ref_names import RefNameLimits
from packcore.store.repository import Repository
from transport.guessed_head import guessed_head
from transport.syncing.outcome.result import Outcome, RefResult, results_of
from transport.syncing.request import HEADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packcore.errors import PackcoreError
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.limits import Limits
    from packcore.refs import RefKind
    from packcore.store.base import ObjectStore
    from transport.syncing.decide.ref_plan import RefAction, RefPlan
    from transport.wire.advertisement import Advertisement

__all__ = ["LocalRefs", "blocked_here", "branches_at_commits", "moved", "opened_or_made", "point_unborn_head"]


_DONE_BY_ANOTHER = "another process did the same meanwhile"


@contextmanager
def opened_or_made(path: str | Path, object_format: ObjectFormat, limits: Limits) -> Iterator[Repository]:
    """Open the repository at `path`, or make an empty bare one if there is nothing.

    A new one is removed again if the block fails before anything is written to it. Raises
    RepositoryError.
    """
    root = Path(path)
    existed = root.exists()
    is_new = is_unmade(root) and not is_repository_named(root)
    try:
        with Repository.open_or_init(root, object_format, limits) as repository:
            yield repository
    except BaseException:
        if is_new:
            unmake(root, keeps_folder=existed)
        raise


@dataclass(frozen=True, slots=True)
class LocalRefs:
    """A repository's refs as the planner needs them."""

    refs: dict[str, ObjectId]
    symrefs: dict[str, str]
    unreadable: dict[str, str]
    object_format: ObjectFormat
    may_lack_names: bool = False
    hidden: frozenset[RefKind] = frozenset()
    head: ObjectId | None = None
    """Not read: only the source's HEAD matters."""

    @classmethod
    def none(cls, listed: Advertisement) -> LocalRefs:
        """Return the refs of an empty target."""
        return cls({}, {}, {}, listed.object_format)

    @classmethod
    def of(cls, repository: Repository) -> LocalRefs:
        """Return a repository's current refs."""
        refs = repository.ref_table()
        return cls(
            refs.by_name(),
            {},
            {name: fault.reason for name, fault in refs.unreadable.items()},
            repository.object_format,
        )


def blocked_here(plan: RefPlan, repository: Repository) -> RefPlan:
    """Return the plan with the actions blocked that the repository can't take."""
    plan = plan.block(_is_checked_out(repository), "it is checked out there")
    return plan.block(_is_unstorable(repository), "its name is too long, or too deep, for a file here")


def branches_at_commits(plan: RefPlan, store: ObjectStore) -> RefPlan:
    """Block the branches at anything other than a commit, which git treats as broken; return the plan.

    `store` has the objects that the plan names. Raises CorruptData.
    """

    def is_no_commit(action: RefAction) -> bool:
        oid = action.source_id
        if action.kind != "branch" or oid is None:
            return False
        return store.header(oid).type is not ObjectType.COMMIT

    return plan.block(is_no_commit, "a branch must point to a commit")


def _is_checked_out(repository: Repository) -> Callable[[RefAction], bool]:
    """Return a test for branches that a work tree has checked out: moving one would leave the tree behind."""
    is_bare = repository.config.get_bool("core.bare", default=repository.path.name != ".git")
    head = None if is_bare else repository.head()
    return lambda action: action.target_ref == head


def _is_unstorable(repository: Repository) -> Callable[[RefAction], bool]:
    """Return a test for refs whose names are too long, or have too many parts, to be made here."""
    limits = RefNameLimits.of(repository.common_path)
    return lambda action: (
        action.action == "create" and limits.fault(encode_ref_name(action.target_ref)) is not None
    )


def point_unborn_head(repository: Repository, plan: RefPlan, source_head_id: ObjectId | None) -> None:
    """Make an unborn HEAD follow the source's, as a clone does, before the plan is carried out.

    Afterwards it would be too late: a fetched branch may be called as HEAD says by chance. In a repository
    that stays without refs, HEAD may point to a branch that doesn't exist. A source that doesn't say which
    branch its HEAD is (detached, or an old server) has one that is at the same commit.
    """
    if repository.read_ref("HEAD") is not None:
        return
    coming = {
        action.target_ref: action.source_id
        for action in plan.others
        if action.pushes and action.source_id is not None
    }
    head = plan.source_head
    if head is None and source_head_id is not None:
        head = guessed_head({**coming, "HEAD": source_head_id})
    if head is None:
        return
    refs = repository.refs()
    is_empty = not (coming or refs.known or refs.unreadable)
    is_possible = is_empty and head.startswith(HEADS) and is_valid_ref_name(head)
    if is_possible or head in coming or repository.read_ref(head) is not None:
        repository.set_head(head)


def moved(repository: Repository, actions: Sequence[RefAction]) -> list[RefResult]:
    """Carry out actions on the repository's refs one by one; return their outcomes in order."""
    zero = repository.object_format.zero
    changes = [
        RefChange(
            action.target_ref,
            action.target_id or zero,
            zero if action.action == "delete" else action.source_id or zero,
        )
        for action in actions
        if action.pushes
    ]
    faults = repository.change_refs_apart(changes)
    return [_result(repository, action, faults.get(action.target_ref)) for action in actions]


def _result(repository: Repository, action: RefAction, fault: PackcoreError | None) -> RefResult:
    if not action.pushes:
        return results_of([action])[0]
    if fault is None:
        done = Outcome.DELETED if action.action == "delete" else Outcome.PUSHED
        return RefResult(action, done, action.reason)
    if isinstance(fault, RefMoved | RefLocked) and _is_done(repository, action):
        return RefResult(action, Outcome.UP_TO_DATE, _DONE_BY_ANOTHER)
    if isinstance(fault, RefMoved):
        return RefResult(action, Outcome.MOVED, str(fault))
    if isinstance(fault, RefLocked):
        return RefResult(action, Outcome.LOCKED, f"{fault}; {fault.hint}" if fault.hint else str(fault))
    if isinstance(fault, RepositoryError | UnreadableRef):
        return RefResult(action, Outcome.REFUSED, str(fault))
    raise fault


def _is_done(repository: Repository, action: RefAction) -> bool:
    """Return whether a ref is where the action wants it: another fetch from the same source was faster."""
    try:
        ref = repository.read_ref(action.target_ref)
    except UnreadableRef:
        return False
    return (None if ref is None else ref.oid) == action.source_id
