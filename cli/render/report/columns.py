"""Numbers for the page's JavaScript: columns of one type each, little-endian, deflated, in base64.

{"name": "sizes", "type": "u32", "start": 0, "count": 50000}    the place of one column in the inflated bytes

Every column starts at a multiple of eight, so that a typed array can use it. Numbers from 2**32 on make a
column of doubles, which are exact for integers up to 2**53.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from packcore.deflate import deflate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.anatomy.survey import PackSurvey

__all__ = ["Columns", "survey_columns"]

_CODES = {"u8": "B", "u16": "H", "u32": "I", "i32": "i", "f64": "d"}
_ALIGNMENT = 8
_LEVEL = 6


class Columns:
    """Columns in the order in which they were added."""

    def __init__(self) -> None:
        self.layout: list[dict[str, Any]] = []
        self._bytes = bytearray()

    def add(self, name: str, type_: str, numbers: Iterable[int]) -> None:
        """Add a column; `type_` is one of u8, u16, u32, i32, f64."""
        values = array(_CODES[type_], numbers)
        if sys.byteorder == "big":
            values.byteswap()
        self._bytes += bytes(-len(self._bytes) % _ALIGNMENT)
        place = {"name": name, "type": type_, "start": len(self._bytes), "count": len(values)}
        self.layout.append(place)
        self._bytes += values.tobytes()

    def add_sizes(self, name: str, sizes: array[int]) -> None:
        """Add nonnegative numbers, in the smaller type that fits them."""
        self.add(name, "u32" if max(sizes, default=0) < 1 << 32 else "f64", sizes)

    def base64(self) -> str:
        """Return all columns, deflated."""
        return b64encode(deflate(bytes(self._bytes), _LEVEL)).decode("ascii")


def survey_columns(survey: PackSurvey, held: bytes) -> Columns:
    """Return what the page knows about each entry; `held` has a 1 for each entry that it contains."""
    table, origins = survey.table, survey.origins
    columns = Columns()
    columns.add_sizes("sizes", table.sizes)
    columns.add_sizes("streams", survey.stream_sizes)
    columns.add_sizes("stored", array("Q", map(survey.entry_bytes, range(len(survey)))))
    columns.add("types", "u8", table.types)
    columns.add("bases", "i32", table.bases)
    columns.add("depths", "u16", table.depths)
    columns.add("paths", "i32", origins.path_of)
    columns.add("commits", "i32", origins.commit_of)
    columns.add("dates", "f64", origins.date_of)
    columns.add("held", "u8", held)
    columns.add("oids", "u8", table.oids)
    columns.add("parents", "i32", origins.paths.parents)
    return columns
