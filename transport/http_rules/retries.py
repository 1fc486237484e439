"""How long to wait before a retry after 429 or 503: both forms of Retry-After, bounded.

Retry-After: 7                               seconds
Retry-After: Wed, 21 Oct 2026 07:28:00 GMT   a date
"""

from __future__ import annotations

import re
import time

__all__ = ["RETRY_SECONDS_MAX", "retry_delay"]

RETRY_SECONDS_MAX = 60.0
"""Longer delays are not waited for."""

_DEFAULT_SECONDS = 1.0


def retry_delay(status: int, retry_after: str, *, now: float | None = None) -> float | None:
    """Return the seconds to wait before another attempt, or None if there should be none.

    >>> retry_delay(429, "7"), retry_delay(429, ""), retry_delay(429, "99999"), retry_delay(404, "1")
    (7.0, 1.0, None, None)
    """
    if status not in (429, 503):
        return None
    text = retry_after.strip()
    if not text:
        return _DEFAULT_SECONDS
    if re.fullmatch(r"[0-9]{1,9}", text):
        seconds = float(text)
    else:
        from email.utils import parsedate_to_datetime

        try:
            seconds = parsedate_to_datetime(text).timestamp() - (time.time() if now is None else now)
        except (ValueError, OverflowError):
            return _DEFAULT_SECONDS
    return max(0.0, seconds) if seconds <= RETRY_SECONDS_MAX else None
