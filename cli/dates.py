"""Dates that users type, as seconds since 1970: the common part of what git takes (git-log, "--since").

@1700000000    1700000000                      seconds
2024-05-06T07:08:09Z  2024-05-06 07:08 +0200   ISO 8601; without a zone, local time
2024-05-06                                     that day, at this time of day, as git has it
Mon, 6 May 2024 07:08:09 +0000                 as in mail
2 weeks ago  3.days.ago  yesterday  now        before now; a month and a year as the calendar has them
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import click

__all__ = ["parse_date"]

_SECONDS = re.compile(r"@(\d{1,18})|(\d{9,18})\Z")
_ISO = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?"
    r" *(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?\Z"
)
_AGO = re.compile(r"(\d{1,6})[ .](second|minute|hour|day|week|month|year)s?(?:[ .]ago)?\Z", re.IGNORECASE)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}


def parse_date(text: str, now: float | None = None) -> int:
    """Return the date as seconds since 1970. Raises UsageError for any other text."""
    now = time.time() if now is None else now
    text = text.strip()
    try:
        if found := _SECONDS.match(text):
            return int(found[1] or found[2])
        if found := _ISO.match(text):
            return int(_of_iso(found, datetime.fromtimestamp(now)).timestamp())
        word = text.lower()
        if word in ("now", "yesterday"):
            return int(now) - (86400 if word == "yesterday" else 0)
        if found := _AGO.match(text):
            return _before(now, int(found[1]), found[2].lower())
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        raise click.UsageError(
            f"{text[:80]!r} is no date: use 2024-05-06T07:08:09Z, '2 weeks ago' or @SECONDS"
        ) from None


def _of_iso(found: re.Match[str], now: datetime) -> datetime:
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    if found[4] is None:
        return now.replace(year=year, month=month, day=day, microsecond=0)
    zone = (found[7] or "").replace("Z", "+00:00").replace("UTC", "+00:00").replace("GMT", "+00:00")
    if re.fullmatch(r"[+-]\d\d", zone):
        zone += ":00"
    local = f"{year:04}-{month:02}-{day:02}T{int(found[4]):02}:{found[5]}:{found[6] or '00'}"
    return datetime.fromisoformat(local + zone)


def _before(now: float, count: int, unit: str) -> int:
    if unit in _UNITS:
        return int(now) - count * _UNITS[unit]
    local = datetime.fromtimestamp(int(now))
    months = local.year * 12 + local.month - 1 - count * (12 if unit == "year" else 1)
    # A day that the month lacks runs over into the next one, as with mktime.
    first = local.replace(year=months // 12, month=months % 12 + 1, day=1)
    return int((first + timedelta(days=local.day - 1)).timestamp())
