"""The text of a phase: its running line and its permanent line.

phase name                 unit      permanent line
source: receiving pack     bytes     source: received 12.3 MiB in 0.8s (15 MiB/s)
indexing                   objects   indexed 12,345 objects in 0.9s
selecting deltas           objects   selected 12,345 objects, 8,910 deltas in 1.2s
target: writing pack       bytes     target: wrote 3.1 MiB in 0.2s (15 MiB/s)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli.render import units

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["counter_line", "is_counter", "permanent_line", "running_line", "split_origin"]

_DONE = {
    "receiving": "received",
    "indexing": "indexed",
    "selecting": "selected",
    "writing": "wrote",
    "resolving": "resolved",
    "counting": "counted",
    "walking": "walked",
    "listing": "listed",
    "checking": "checked",
    "unpacking": "unpacked",
    "reading": "read",
    "packing": "packed",
    "sending": "sent",
    "searching": "searched",
    "ordering": "ordered",
    "installing": "installed",
    "spooling": "spooled",
    "completing": "completed",
}
_COUNTER = r"[A-Z][\w ]*: +\d+(?:%|\Z|, done)|Total \d+ \(delta \d+\)"
_OF_ALL = r"\((\d{1,15})/(\d{1,15})\)"
_ETA_SECONDS_MIN = 1.0
"""What was done before says too little."""


def is_counter(line: str) -> bool:
    """Return whether a remote's line is its own progress counter, to be shown only temporarily.

    >>> is_counter("Resolving deltas:  42% (3/7)"), is_counter("Enumerating objects: 5, done.")
    (True, True)
    >>> is_counter("GL-HOOK-ERR: not allowed")
    False
    """
    return re.match(_COUNTER, line) is not None


def split_origin(name: str) -> tuple[str, str]:
    """Split `source: receiving pack` into its origin with colon and blank (or "") and the rest."""
    origin, colon, rest = name.partition(": ")
    return (f"{origin}: ", rest) if colon else ("", name)


def permanent_line(name: str, unit: str, count: int, notes: Mapping[str, int], elapsed: float) -> str:
    """Return the permanent line of a finished phase.

    >>> permanent_line("selecting deltas", "objects", 12345, {"deltas": 8910}, 1.2)
    'selected 12,345 objects, 8,910 deltas in 1.2s'
    >>> permanent_line("indexing", "deltas", 7, {"objects": 12, "deltas": 7}, 0.04)
    'indexed 12 objects, 7 deltas in 0.0s'
    >>> permanent_line("source: receiving pack", "bytes", 12897485, {}, 0.8)
    'source: received 12.3 MiB in 0.8s (15 MiB/s)'
    """
    origin, rest = split_origin(name)
    word, _, _ = rest.partition(" ")
    done = _DONE.get(word)
    speed = f" ({units.rate(count, elapsed)})" if unit == "bytes" and count and elapsed >= 0.001 else ""
    return f"{origin}{done or rest + ':'} {_amounts(unit, count, notes)} in {units.seconds(elapsed)}{speed}"


def _amounts(unit: str, count: int, notes: Mapping[str, int]) -> str:
    """Join the count and the notes of a phase; objects come first, in whichever of the two they are."""
    counts = {unit: count, **notes}
    if "objects" in counts:
        counts = {"objects": counts["objects"], **counts}
    return ", ".join(
        units.size(number) if unit == "bytes" else units.count_of(number, unit)
        for unit, number in counts.items()
    )


def running_line(unit: str, count: int, total: int | None, notes: Mapping[str, int], elapsed: float) -> str:
    """Return the text after the name of a running phase: count, rate, elapsed and remaining time.

    >>> running_line("objects", 5000, 20000, {"deltas": 1200}, 2.5)
    '25%  5,000/20,000 objects, 1,200 deltas  2,000/s  2.5s  ETA 7.5s'
    >>> running_line("bytes", 3 << 20, None, {}, 1.5)
    '3.0 MiB  2 MiB/s  1.5s'
    """
    if unit == "bytes":
        amount = f"{units.size(count)} of {units.size(total)}" if total else units.size(count)
        speed = units.rate(count, elapsed)
    else:
        amount = f"{count:,}/{total:,} {unit}" if total else units.count_of(count, unit)
        speed = f"{count / elapsed if elapsed > 0 else 0:,.0f}/s"
    share = f"{min(count * 100 // total, 100)}%  " if total else ""
    also = "".join(f", {units.count_of(number, unit)}" for unit, number in notes.items())
    return f"{share}{amount}{also}  {speed}  {units.seconds(elapsed)}{_eta(count, total, elapsed)}"


def _eta(count: int, total: int | None, elapsed: float) -> str:
    """Return when it will be done, if the total is known and some of it is done."""
    if not total or not 0 < count < total or elapsed < _ETA_SECONDS_MIN:
        return ""
    return f"  ETA {units.seconds(elapsed * (total - count) / count)}"


def counter_line(line: str, elapsed: float) -> str:
    """Return a remote's own counter with the time that is left, if it says how many there are.

    >>> counter_line("Resolving deltas:  40% (4/10)", 2.0)
    'Resolving deltas:  40% (4/10)  ETA 3.0s'
    """
    found = re.search(_OF_ALL, line)
    return line + _eta(int(found[1]), int(found[2]), elapsed) if found else line
