"""Leaving a route: why it can't be finished, and what the next one begins with."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from transport.syncing.decide.modes import TransferMode
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.gather.fetching import Fetched

__all__ = ["GoOn", "Turn"]


class Turn(Enum):
    """Why a route ends before the refs are pushed. The values are words for people."""

    NO_FILTER = "the source can't send commits without their files"
    NO_COMMITS = "the source gives nothing but what its refs point to"
    SHALLOW = "the source's history is cut off"
    BLOCKED = "the pack holds what a blocked ref needs"
    UNKNOWN_TIPS = "the source does not know some of the target's tips"
    TOO_LARGE = "the target refused the pack for its size"
    TOO_LARGE_BUT_HERE = "the target refused the pack for its size, and it is here whole"


class GoOn(NamedTuple):
    """What a route hands to the next one; `routes` says which one that is."""

    turn: Turn
    plan: RefPlan
    choice: TransferMode | None = None
    """How the objects travel from here on; None means as before."""
    fetched: Fetched | None = None
    """What is already fetched, with the target's tips as haves."""
    held: AbstractContextManager[object] | None = None
    """Closes what was fetched; None if there is nothing to close."""
