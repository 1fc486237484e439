"""What reading the target back found, as a value of a sync's result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.errors import PackcoreError

if TYPE_CHECKING:
    from packcore.ids import ObjectId

__all__ = ["RefDifference", "Verification"]


class RefDifference(NamedTuple):
    """A ref that isn't what the run reported; None stands for an absent ref."""

    ref: str
    expected: ObjectId | None
    found: ObjectId | None

    def to_json(self) -> dict[str, Any]:
        """Return an item of `differences`: ids in hex, empty if the ref is, or should be, absent."""
        expected, found = (oid.hex() if oid else "" for oid in (self.expected, self.found))
        return {"ref": self.ref, "expected": expected, "found": found}


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading back found."""

    checked: int
    """Refs that were compared."""
    differences: tuple[RefDifference, ...] = ()
    error: PackcoreError | None = None
    """Why the target could not be listed; nothing was compared then."""

    @property
    def exit_code(self) -> int:
        """0 if everything is as reported."""
        if self.error is not None:
            return self.error.exit_code
        return PackcoreError.exit_code if self.differences else 0

    def to_json(self) -> dict[str, Any]:
        """Return the `verification` object of `--json`."""
        return {
            "checked": self.checked,
            "differences": [difference.to_json() for difference in self.differences],
            "error": None if self.error is None else str(self.error),
        }
