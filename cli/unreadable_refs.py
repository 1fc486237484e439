"""Says on stderr which refs can't be read, for commands that go on without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.exits import FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.console import Console

__all__ = ["report_unreadable"]

_SHOWN_MAX = 20


def report_unreadable(reasons: Mapping[str, str], console: Console) -> int:
    """Print a line for each ref, `reasons` by name; return the exit code: 1 if there is any, else 0."""
    from transport.safe_text import one_line

    for name, reason in list(reasons.items())[:_SHOWN_MAX]:
        console.tell_error(f"packcore: error: {one_line(name)} can't be read: {one_line(reason)}")
    if len(reasons) > _SHOWN_MAX:
        console.tell_error(f"packcore: error: and {len(reasons) - _SHOWN_MAX:,} more refs can't be read")
    return FAILED if reasons else 0
