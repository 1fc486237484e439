"""Aligned columns as plain text.

>>> for line in columns([("branch", "refs/heads/main"), ("tag", "refs/tags/v1")]): print(line)
branch  refs/heads/main
tag     refs/tags/v1
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["columns", "width_of"]


def width_of(text: str) -> int:
    """Return the number of terminal cells for a text: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def columns(
    rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), heading: Sequence[str] | None = None
) -> Iterator[str]:
    """Yield the rows as lines; columns numbered in `right` are right-aligned. No trailing blanks."""
    table = [tuple(heading), *rows] if heading else list(rows)
    widths = [max(map(width_of, cells)) for cells in zip(*table, strict=True)]
    for row in table:
        cells = []
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (width - width_of(cell))
            cells.append(blanks + cell if number in right else cell + blanks)
        yield "  ".join(cells).rstrip()
