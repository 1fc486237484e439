"""Counts, sizes, times and rates as people read them.

>>> grouped(12345), size(12.3 * 2**20), seconds(1.234), rate(15.7 * 2**20, 1)
('12,345', '12.3 MiB', '1.2s', '16 MiB/s')
"""

from __future__ import annotations

__all__ = ["count_of", "grouped", "rate", "seconds", "size"]

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_SINGULAR = {
    "objects": "object",
    "deltas": "delta",
    "bytes": "byte",
    "commits": "commit",
    "refs": "ref",
    "trees": "tree",
    "blobs": "blob",
    "tags": "tag",
    "instructions": "instruction",
    "exchanges": "exchange",
    "blocks": "block",
    "repositories": "repository",
    "checks": "check",
}


def grouped(number: int) -> str:
    """Return an integer with thousands separators."""
    return f"{number:,}"


def count_of(number: int, unit: str) -> str:
    """Return a number with its unit, in the singular for 1.

    >>> count_of(1, "objects"), count_of(2000, "refs")
    ('1 object', '2,000 refs')
    """
    return f"{number:,} {_SINGULAR.get(unit, unit) if number == 1 else unit}"


def size(bytes_: float, *, digits: int = 1) -> str:
    """Return a number of bytes in a suitable unit, with powers of 1024."""
    if bytes_ < 1024:
        return count_of(int(bytes_), "bytes")
    step = 0
    while bytes_ >= 1023.95 and step < len(_UNITS) - 1:
        bytes_ /= 1024
        step += 1
    return f"{bytes_:,.{digits}f} {_UNITS[step]}"


def seconds(elapsed: float) -> str:
    """Return a duration: `0.8s`, `75.0s`, from two minutes on `2m05s`, from an hour on `1h02m`."""
    if elapsed < 120:
        return f"{elapsed:.1f}s"
    whole = round(elapsed)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def rate(bytes_: float, elapsed: float) -> str:
    """Return bytes per second, rounded."""
    per_second = bytes_ / elapsed if elapsed > 0 else 0.0
    return f"{size(per_second, digits=0)}/s"
