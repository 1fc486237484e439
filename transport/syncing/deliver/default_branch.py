"""The target's default branch, which HEAD names: it follows the source's if possible.

    a bare repository on this disk     HEAD points to the branch, once the target has it
    an empty one, of an empty source   HEAD points to the future branch
    a work tree, a detached HEAD       left alone: someone works there
    pushed to from where someone works left alone if its branch exists: the source's HEAD is no default
    any other target                   only its owner can change it; with `verify` a difference is reported

A branch that a mapping renames is followed under its new name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from packcore.errors import PackcoreError
from packcore.refs import is_valid_ref_name
from transport.listing import list_refs
from transport.syncing.outcome.result import Outcome
from transport.syncing.request import HEADS, short_name

if TYPE_CHECKING:
    from packcore.progress import Progress
    from transport.base import Transport
    from transport.syncing.outcome.result import SyncResult
    from transport.syncing.request import SyncRequest

__all__ = ["DefaultBranch", "follow_default_branch"]

_PRESENT = {Outcome.PUSHED, Outcome.UP_TO_DATE}


class DefaultBranch(Protocol):
    """The HEAD of a repository that can be changed from here."""

    def name(self) -> str | None:
        """Return the branch that it names; None if it must be left alone."""

    def is_born(self) -> bool:
        """Return whether that branch exists."""

    def is_empty(self) -> bool:
        """Return whether the repository has no ref at all."""

    def point_to(self, branch: str) -> None:
        """Make it name another branch."""


def follow_default_branch(
    target: Transport, request: SyncRequest, result: SyncResult, progress: Progress
) -> None:
    """Point the target's HEAD to the same branch as the source's, or report that it differs."""
    wanted = _wanted(request, result)
    if request.dry_run or wanted is None:
        return
    head: DefaultBranch | None = getattr(target, "default_branch", None)
    if head is None:
        if request.verify and not request.keeps_default_branch and _is_present(wanted, result):
            _compare(target, wanted, progress)
        return
    try:
        now = head.name()
        if now is None or now == wanted:
            return
        was_born = head.is_born()
        if was_born and request.keeps_default_branch:
            return
        if _is_present(wanted, result) or (not result.refs and head.is_empty()):
            head.point_to(wanted)
            if was_born:
                words = f"its default branch is {short_name(wanted)} now, as the source's"
                progress.message("target", f"{words}; it was {short_name(now)}")
    except PackcoreError as error:
        progress.message("target", f"its default branch can't be set to {short_name(wanted)}: {error}")


def _is_present(branch: str, result: SyncResult) -> bool:
    return any(ref.planned.target_ref == branch and ref.outcome in _PRESENT for ref in result.refs)


def _wanted(request: SyncRequest, result: SyncResult) -> str | None:
    head = result.source_head
    for mapping in request.scope.mappings:
        if mapping.source == head:
            head = mapping.target
            break
    return head if head and head.startswith(HEADS) and is_valid_ref_name(head) else None


def _compare(target: Transport, wanted: str, progress: Progress) -> None:
    """Report a remote's different default branch; skip a remote that can't be asked."""
    try:
        now = list_refs(target, prefixes=("HEAD",)).symrefs.get("HEAD")
    except PackcoreError:
        return
    if now is not None and now != wanted:
        progress.message(
            "target",
            f"its default branch is {short_name(now)}, the source's is {short_name(wanted)}: "
            "only the target's own settings change that",
        )
