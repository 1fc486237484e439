"""Which objects a client may want by id, besides the tips of the refs that it is shown.

    v2                                      any object that is here
    v0, v1                                  commits that the tips reach, tags on these, all trees and blobs
    uploadpack.allowTipSHA1InWant           the tips of hidden refs, too, and what these reach
    uploadpack.allowReachableSHA1InWant     the same
    uploadpack.allowAnySHA1InWant           any object that is here

That is what `git http-backend` takes. Each request of a stateless conversation sees the refs as they are by
then: a client may want a tip that moved on since the advertisement. On a lasting connection v0 and v1 take
what tips reach only with allowReachableSHA1InWant, as `git upload-pack` does.

The settings are read in the order of the file, since each sets or clears its own of the three flags below.
They are specified in git-config.
"""

from __future__ import annotations

from enum import Flag
from typing import TYPE_CHECKING

from packcore.errors import CorruptData, LimitExceeded
from packcore.objects import ObjectType
from packcore.store.config import bool_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from packcore.ids import ObjectId
    from packcore.store.config import GitConfig
    from packcore.store.repository import Repository

__all__ = ["WantRules", "first_unreachable", "want_rules"]


class WantRules(Flag):
    """What uploadpack.allow…SHA1InWant opens."""

    NONE = 0
    TIP = 1
    REACHABLE = 2
    LOST = 4
    ANY = TIP | REACHABLE | LOST

    @property
    def opens_hidden_refs(self) -> bool:
        """Whether what hidden refs point to, and reach, may be wanted."""
        return bool(self & (WantRules.TIP | WantRules.REACHABLE))

    @property
    def opens_all(self) -> bool:
        """Whether any object that is here may be wanted."""
        return self == WantRules.ANY

    @property
    def tokens(self) -> list[str]:
        """The capabilities of v0 and v1 that say so."""
        tip = ["allow-tip-sha1-in-want"] if self & WantRules.TIP else []
        return [*tip, *(["allow-reachable-sha1-in-want"] if self & WantRules.REACHABLE else [])]


_KEYS = {
    "uploadpack.allowtipsha1inwant": WantRules.TIP,
    "uploadpack.allowreachablesha1inwant": WantRules.REACHABLE,
    "uploadpack.allowanysha1inwant": WantRules.ANY,
}


def want_rules(config: GitConfig) -> WantRules:
    """Return what a repository's settings open. Raises RepositoryError for a value that is no truth value."""
    rules = WantRules.NONE
    for key, value in config.entries(*_KEYS):
        rules = rules | _KEYS[key] if bool_of(key, value) else rules & ~_KEYS[key]
    return rules


def first_unreachable(
    repository: Repository,
    wants: Iterable[ObjectId],
    tips: Iterable[ObjectId],
    shallow: Collection[ObjectId],
) -> ObjectId | None:
    """Return the first want that is a commit, or a tag on one, that no tip reaches; None if there is none.

    One walk for all wants. Raises CorruptData.
    """
    from packcore.ancestry import walk_commits

    commits = {want: commit for want in wants if (commit := _commit(repository, want)) is not None}
    reached = [commit for tip in tips if (commit := _commit(repository, tip)) is not None]
    found = walk_commits(repository, commits.values(), reached, shallow=shallow, absent_ok=True)
    apart = {commit.oid for commit in found.commits}
    return next((want for want, commit in commits.items() if commit in apart), None)


def _commit(repository: Repository, oid: ObjectId) -> ObjectId | None:
    from packcore.ancestry import peel

    try:
        peeled, type_ = peel(repository, oid)
    except (CorruptData, LimitExceeded):
        return None  # a tip that is damaged reaches nothing; a want that is says so when it is sent
    return peeled if type_ is ObjectType.COMMIT else None
