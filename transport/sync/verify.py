"""Reads the target back: do its refs hold what a run says that it did.

    outcome                        must read back as
    pushed, up to date             the source's id
    deleted                        absent
    anything else                  not compared: the run itself tells that it isn't as it should be

A server may say `ok` and mean something else (a hook that rewrites, a mirror that lags behind, a proxy for
another host); this is one more request that finds it out. What the target hides can't be read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.errors import PackcoreError
from transport.push import advertise_push
from transport.sync.result import FAILURE_EXIT_CODE, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectId
    from transport.base import Transport
    from transport.sync.result import RefResult

__all__ = ["RefDifference", "Verification", "read_back"]

_SAID_TO_BE_DONE = {Outcome.PUSHED, Outcome.UP_TO_DATE, Outcome.DELETED}


class RefDifference(NamedTuple):
    """A ref that isn't what it was said to be; None stands for an absent ref."""

    ref: str
    expected: ObjectId | None
    found: ObjectId | None

    def to_json(self) -> dict[str, Any]:
        """Return an item of `differences`: ids in hex, empty where the ref is, or should be, absent."""
        expected, found = (oid.hex() if oid else "" for oid in (self.expected, self.found))
        return {"ref": self.ref, "expected": expected, "found": found}


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading back found."""

    checked: int
    """Refs that were compared."""
    differences: tuple[RefDifference, ...] = ()
    error: PackcoreError | None = None
    """Why the target could not be listed; then nothing was compared."""

    @property
    def exit_code(self) -> int:
        """0 where all is as it was said to be."""
        if self.error is not None:
            return self.error.exit_code
        return FAILURE_EXIT_CODE if self.differences else 0

    def to_json(self) -> dict[str, Any]:
        """Return the `verification` object of `--json`."""
        return {
            "checked": self.checked,
            "differences": [difference.to_json() for difference in self.differences],
            "error": None if self.error is None else str(self.error),
        }


def read_back(target: Transport, refs: Sequence[RefResult]) -> Verification:
    """List the target anew and compare. Nothing is raised for a target that can't be listed."""
    try:
        found = advertise_push(target).tips
    except PackcoreError as error:
        return Verification(0, error=error)
    # What was deleted has no source id, and is expected to be absent.
    expected = {
        ref.planned.target_ref: ref.planned.source_id for ref in refs if ref.outcome in _SAID_TO_BE_DONE
    }
    return Verification(
        len(expected),
        tuple(
            RefDifference(name, oid, found.get(name))
            for name, oid in expected.items()
            if found.get(name) != oid
        ),
    )
