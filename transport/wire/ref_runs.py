"""The fast path for lists of refs: many lines of the usual form, read together.

    v2      <oid> SP <name> [SP peeled:<oid>]
    v0, v1  <oid> SP <name>        <oid> SP <name>^{}

One regular expression parses the lines, and the columns go into the list as they are. If a line has another
form, or a limit is near, none of them is taken: the caller then reads them one by one, and so finds the
fault.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from packcore.ids import ObjectId

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat
    from transport.wire.ref_lines import RefCollector

__all__ = ["take_run_v0", "take_run_v2"]

_PART = r"[^\x00-\x20\x7f~^:?*\[\\/.@]+"
_NAME = rf"refs(?:/{_PART}(?:(?:\.|@(?!\{{)){_PART})*)+"
"""A name that satisfies git-check-ref-format, unless it contains `.lock`."""


@lru_cache(maxsize=4)
def _patterns(object_format: ObjectFormat) -> tuple[re.Pattern[str], re.Pattern[str]]:
    oid = rf"[0-9a-f]{{{object_format.hex_size}}}"
    line = rf"^[0-9a-f]{{4}}({oid}) ({_NAME})"
    return (
        re.compile(rf"{line}(?: peeled:({oid}))?$", re.MULTILINE),
        re.compile(rf"{line}(\^\{{\}})?$", re.MULTILINE),
    )


def take_run_v2(lines: bytes, refs: RefCollector, wanted: tuple[str, ...]) -> bool:
    """Take framed lines of ls-refs if all are below the wanted prefixes; return whether they were taken."""
    rows = _rows(lines, _patterns(refs.object_format)[0], refs.object_format)
    if rows is None:
        return False
    found = {name: ObjectId(bytes.fromhex(oid)) for oid, name, _ in rows}
    peeled = {name: ObjectId(bytes.fromhex(oid)) for _, name, oid in rows if oid}
    all_wanted = wanted == ("",) or all(name.startswith(wanted) for name in found)
    return all_wanted and len(found) == len(rows) and refs.add_many(found, peeled)


def take_run_v0(lines: bytes, refs: RefCollector) -> bool:
    """Take framed lines of an advertisement; return whether they were taken."""
    rows = _rows(lines, _patterns(refs.object_format)[1], refs.object_format)
    if rows is None:
        return False
    if b"^" not in lines:
        found = {name: ObjectId(bytes.fromhex(oid)) for oid, name, _ in rows}
        return len(found) == len(rows) and refs.add_many(found, {})
    columns: tuple[dict[str, ObjectId], dict[str, ObjectId]] = {}, {}
    latest = ""
    for oid, name, is_peeled in rows:
        if is_peeled and name != latest:
            return False
        columns[bool(is_peeled)][name] = ObjectId(bytes.fromhex(oid))
        latest = name
    return sum(map(len, columns)) == len(rows) and refs.add_many(*columns)


def _rows(
    lines: bytes, pattern: re.Pattern[str], object_format: ObjectFormat
) -> list[tuple[str, str, str]] | None:
    """Parse lines into id, name, and the rest. None means that one of them has another form."""
    if b".lock" in lines or b"0" * object_format.hex_size in lines:
        return None
    rows: list[tuple[str, str, str]] = pattern.findall(lines.decode("utf-8", "surrogateescape"))
    return rows if len(rows) == lines.count(b"\n") else None
