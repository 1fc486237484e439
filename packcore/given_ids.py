"""The public functions on history, which take ids, hex digits, refs or revisions.

    list_objects(store, ["main"])            a ref, in a repository
    list_objects(store, ["main~3", tip])     a revision; an id
    list_objects(store, ["ce013625…"])       hex digits, in any store

The functions of `walk` and `ancestry` behind them take ids alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.ancestry import is_ancestor as is_ancestor_by_id
from packcore.ancestry import list_commits as list_commits_by_id
from packcore.errors import UnknownRevision
from packcore.ids import AnyId, as_id
from packcore.progress import SILENT, Progress
from packcore.revision import resolve_revision
from packcore.store.repository import Repository
from packcore.walk import list_objects as list_objects_by_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.plans.entries import Candidate
    from packcore.store.base import ObjectStore

__all__ = ["is_ancestor", "list_commits", "list_objects", "object_id"]


def object_id(store: ObjectStore, given: AnyId, what: str = "an object") -> ObjectId:
    """Return the id that a caller means: raw, as hex, or in a repository by a ref or revision.

    Raises TypeError for another type, ValueError for bytes of a wrong length, UnknownRevision for a name
    that means no object.
    """
    if not isinstance(given, str):
        return as_id(store.object_format, given, what)
    if isinstance(store, Repository):
        return resolve_revision(store, given)
    try:
        return as_id(store.object_format, given)
    except ValueError:
        words = f"{given[:80]!r} is not a {store.object_format.name} id"
        raise UnknownRevision(f"{words}, and only a repository knows refs and revisions") from None


def object_ids(store: ObjectStore, given: Iterable[AnyId], name: str) -> list[ObjectId]:
    """Return the ids in the argument `name` of a caller. Raises what `object_id` raises."""
    if isinstance(given, str | bytes):
        raise TypeError(f"{name} must be a list of ids or names, not one {type(given).__name__}")
    return [object_id(store, each, f"each of {name}") for each in given]


def list_objects(
    store: ObjectStore,
    wants: Iterable[AnyId],
    haves: Iterable[AnyId] = (),
    *,
    shallow: Collection[ObjectId] = frozenset(),
    limits: Limits | None = None,
    progress: Progress = SILENT,
    haves_complete: bool = False,
    want_paths: Mapping[ObjectId, bytes] | None = None,
    named_anyway: bool = False,
    absent_ok: bool = False,
) -> list[Candidate]:
    """Return the objects reachable from `wants` and not from `haves`, in the order to send them.

    `wants` and `haves` name objects of any type, by ids, hex digits, refs or revisions; haves that are ids
    may be absent from the store. Commits in `shallow` count as having no parents. With `haves_complete`
    the caller promises that the store holds everything that the haves reach: then nothing may be missing, as
    when there are no haves. `want_paths` gives the known paths of wanted trees and blobs. With
    `named_anyway` those are listed even if the haves reach them: a partial clone asks for what it left out.
    With `absent_ok` objects that are missing below the wants are skipped: the list holds what is here.

    Raises MissingObject (with who needs it), UnknownRevision, CorruptObject, and LimitExceeded for
    `tree_depth` and `pack_objects`; TypeError and ValueError for an invalid id.
    """
    return list_objects_by_id(
        store,
        object_ids(store, wants, "wants"),
        object_ids(store, haves, "haves"),
        shallow=shallow,
        limits=limits,
        progress=progress,
        haves_complete=haves_complete,
        want_paths=want_paths,
        named_anyway=named_anyway,
        absent_ok=absent_ok,
    )


def list_commits(
    store: ObjectStore,
    wants: Iterable[AnyId],
    haves: Iterable[AnyId] = (),
    *,
    shallow: Collection[ObjectId] = frozenset(),
    haves_complete: bool = False,
) -> list[ObjectId]:
    """Return the commits reachable from `wants` and not from `haves`, newest first.

    Tags are followed to their commits; other objects are ignored. The arguments are those of `list_objects`.
    Raises MissingObject, UnknownRevision and CorruptObject; TypeError and ValueError for an invalid id.
    """
    return list_commits_by_id(
        store,
        object_ids(store, wants, "wants"),
        object_ids(store, haves, "haves"),
        shallow=shallow,
        haves_complete=haves_complete,
    )


def is_ancestor(store: ObjectStore, ancestor: AnyId, descendant: AnyId) -> bool:
    """Return whether `ancestor` is `descendant` or reachable from it by parents.

    Both may be ids, hex digits, refs or revisions, and tags are followed. The store may hold only the new
    commits: `ancestor` counts as reached when it appears as a parent's id, even if the store lacks it, and a
    parent that the store lacks ends that line of the walk. So True is always right; False is right if the
    store holds the history down to `ancestor`. Raises MissingObject if `descendant` itself is absent,
    and for an invalid id what `list_objects` raises.
    """
    return is_ancestor_by_id(
        store, object_id(store, ancestor, "ancestor"), object_id(store, descendant, "descendant")
    )
