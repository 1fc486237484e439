"""The brake on pruning: how many refs of the target one run may delete.

    no limit given   not all of the managed refs, and of ten or more not more than half
    N                at most N refs
    N%               at most that share of the managed refs; 100% allows all

A source that lost its refs (a repository recreated under the same URL, a wrong path, a disk that came back
empty) looks just like one whose refs were deleted on purpose. So a prune that would delete most of a backup
stops before anything is pushed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from transport.errors import InvalidRequest, PruneLimitReached

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PruneLimit", "check_prune"]

HALF_APPLIES_FROM = 10
"""Managed refs. With fewer, ordinary work often deletes more than half."""
_SHOWN_MAX = 10
_PATTERN = re.compile(r"([0-9]{1,9})(%?)\Z")


class PruneLimit(NamedTuple):
    """What `--prune-limit` says."""

    number: int
    is_percent: bool = False

    @classmethod
    def parse(cls, text: str) -> PruneLimit:
        """Read `N` or `N%`. Raises InvalidRequest."""
        match = _PATTERN.match(text.strip())
        if match is None or (match[2] and int(match[1]) > 100):
            raise InvalidRequest(
                f"not a limit for pruning: {text[:40]!r}", hint="write a number of refs, or 0% to 100%"
            )
        return cls(int(match[1]), bool(match[2]))

    def __str__(self) -> str:
        return f"{self.number}{'%' if self.is_percent else ''}"

    def allows(self, deleted: int, managed: int) -> bool:
        """Return whether a run may delete this many of the managed refs."""
        return deleted * 100 <= self.number * managed if self.is_percent else deleted <= self.number


def check_prune(deleted: Sequence[str], managed: int, limit: PruneLimit | None) -> None:
    """Stop a prune that goes too far.

    `deleted` names the refs that would go; `managed` counts those that pruning could delete at all. Raises
    PruneLimitReached.
    """
    count = len(deleted)
    if not count:
        return
    if limit is not None:
        if limit.allows(count, managed):
            return
        share = f"{count} of the target's {managed} refs in scope, and the limit is {limit}"
    elif count == managed:
        share = "the target's only ref in scope" if count == 1 else f"all {count} refs of the target in scope"
    elif managed >= HALF_APPLIES_FROM and count * 2 > managed:
        share = f"{count} of the target's {managed} refs in scope, more than half"
    else:
        return
    names = ", ".join(deleted[:_SHOWN_MAX]) + (
        f" and {count - _SHOWN_MAX} more" if count > _SHOWN_MAX else ""
    )
    raise PruneLimitReached(
        f"pruning would delete {share}: {names}; nothing was pushed",
        refs=tuple(deleted),
        hint="check the source first; prune_limit sets how many refs a run may delete",
        option="prune_limit",
    )
