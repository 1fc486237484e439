r"""The fast path for lists of refs: many lines of the usual form, read together.

    v2      <oid> SP <name> [SP peeled:<oid>]
    v0, v1  <oid> SP <name>        <oid> SP <name>^{}

The lines are cut into columns, each column is checked as a whole, and goes into the list as it is. If a line
has another form, or a limit is near, none of them is taken: the caller then reads them one by one, and so
finds the fault.
"""

from __future__ import annotations

from itertools import compress
from operator import not_
from typing import TYPE_CHECKING

from packcore.refs import are_all_below, are_usual_ref_names

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat
    from transport.wire.ref_lines import Columns, RefCollector

__all__ = ["take_run_v0", "take_run_v2"]

_LENGTH = 4
_HEX_DIGITS = b"0123456789abcdef"
_PEELED = b" peeled:"
_TAG_END = b"^{}"


def take_run_v2(lines: list[bytes], refs: RefCollector, wanted: tuple[bytes, ...]) -> bool:
    """Take lines of ls-refs if all are below the wanted prefixes; return whether they were taken.

    Each line begins with its length, and lacks its newline.
    """
    columns = _columns(lines, refs.object_format)
    if columns is None:
        return False
    names, hexes = columns
    tags: list[bytes] = []
    tagged: list[bytes] = []
    if _PEELED in b"\n".join(names):
        rows = [name.partition(_PEELED) for name in names]
        names = [name for name, _, _ in rows]
        tags = [name for name, separator, _ in rows if separator]
        tagged = [oid for _, separator, oid in rows if separator]
        if not _are_ids(tagged, refs.object_format):
            return False
    return (
        are_all_below(names, wanted)
        and are_usual_ref_names(names)
        and refs.add_many((names, hexes), (tags, tagged))
    )


def take_run_v0(lines: list[bytes], refs: RefCollector) -> bool:
    """Take lines of an advertisement, in the same form; return whether they were taken."""
    columns = _columns(lines, refs.object_format)
    if columns is None:
        return False
    names, hexes = columns
    is_peeled = [name.endswith(_TAG_END) for name in names]
    if not any(is_peeled):
        return are_usual_ref_names(names) and refs.add_many(columns, ([], []))
    # What a tag resolves to is on the line after the tag's own.
    tags = [name[: -len(_TAG_END)] for name in compress(names, is_peeled)]
    before = list(compress(names, is_peeled[1:]))
    tagged = list(compress(hexes, is_peeled))
    are_own = list(map(not_, is_peeled))
    own = list(compress(names, are_own)), list(compress(hexes, are_own))
    return tags == before and are_usual_ref_names(own[0]) and refs.add_many(own, (tags, tagged))


def _columns(lines: list[bytes], object_format: ObjectFormat) -> Columns | None:
    """Cut lines into names, with what follows them, and ids. None if one of them has another form."""
    at = _LENGTH + object_format.hex_size + 1
    *hexes, rest = b"".join([line[_LENGTH:at] for line in lines]).split(b" ")
    if rest or len(hexes) != len(lines) or not _are_ids(hexes, object_format):
        return None
    return [line[at:] for line in lines], hexes


def _are_ids(hexes: list[bytes], object_format: ObjectFormat) -> bool:
    """Return whether all are ids in hex, and none is the zero id."""
    text = b"".join(hexes)
    return (
        {*map(len, hexes)} == {object_format.hex_size}
        and not text.translate(None, _HEX_DIGITS)
        and b"0" * object_format.hex_size not in text
    )
