"""Rows of a file's anatomy as terminal lines: offset, bytes, name, text.

offset  bytes                    what they are
     0  50 41 43 4b              signature  PACK
    12  9d 0f                    type and size  commit of 253 bytes, inflated
                                   1 001 1101  more=1 type=1 size=13
                                   0 0001111   more=0 size=15
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.render.anatomy_rows import CONTENT, preview
from cli.render.table import width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.render.anatomy_rows import Row
    from packcore.anatomy import Bit

__all__ = ["HEADING", "bits_line", "lines_of"]

_OFFSET_CELLS = 10
_BYTES_SHOWN = 8
_HEX_CELLS = 3 * _BYTES_SHOWN
_COLOURS = {
    "header": "yellow",
    "entry": "yellow",
    "trailer": "yellow",
    "type and size": "cyan",
    "base distance": "magenta",
    "base id": "magenta",
    "zlib stream": "blue",
    "copy": "green",
    "insert": "bright_red",
    "literal": "bright_red",
    CONTENT: "blue",
}
HEADING = f"{'offset':>{_OFFSET_CELLS}}  {'bytes':<{_HEX_CELLS}} what they are"


def lines_of(rows: Iterable[Row], *, cells: int | None = None) -> Iterator[str]:
    """Yield the lines of rows with colours, cut at `cells` terminal cells; None means not cut."""
    for row in rows:
        if row.depth == 0 and row.name == "entry":
            yield ""
        yield _line(row, cells)
        margin = " " * (_OFFSET_CELLS + _HEX_CELLS + 3 + 2 * (row.depth + 1))
        for bits in row.bits:
            yield click.style(_cut(f"{margin}{bits_line(bits)}", cells), dim=True)
        if row.made is not None and row.name == "copy":
            yield _cut(f"{margin}{click.style(preview(row.made), fg='green')}", cells, styled=True)
        if row.fault:
            yield f"{margin}{click.style(f'damaged: {row.fault}', fg='red', bold=True)}"


def _line(row: Row, cells: int | None) -> str:
    offset = f"{row.start:>{_OFFSET_CELLS}}"
    shown = row.head[:_BYTES_SHOWN].hex(" ")
    if row.size > _BYTES_SHOWN:
        shown = row.head[: _BYTES_SHOWN - 1].hex(" ") + " …"
    if row.name == CONTENT:
        offset, shown = " " * _OFFSET_CELLS, ""
    indent = "  " * row.depth
    name = "holds" if row.name == CONTENT else row.name
    used = _OFFSET_CELLS + 2 + _HEX_CELLS + 1 + len(indent) + width_of(name) + 2
    said = preview(row.made) if row.name == "insert" and row.made is not None else row.text
    text = said if cells is None else _cut(said, max(cells - used, 8))
    colour = _COLOURS.get(row.name)
    return (
        f"{click.style(offset, dim=True)}  {click.style(f'{shown:<{_HEX_CELLS}}', fg=colour)} "
        f"{indent}{click.style(name, bold=True, fg=colour)}  {text}"
    ).rstrip()


def bits_line(bits: tuple[Bit, ...]) -> str:
    """Return the bits of a byte and their names.

    >>> from packcore.anatomy import Bit
    >>> bits_line((Bit("more", 1, 1), Bit("type", 3, 1), Bit("size", 4, 13)))
    '1 001 1101  more=1 type=1 size=13'
    """
    digits = " ".join(f"{bit.value:0{bit.width}b}" for bit in bits)
    if len(bits) == 8:  # eight flags: only those that are set matter
        return f"{digits}  {', '.join(bit.name for bit in bits if bit.value)}"
    return f"{digits}  {' '.join(f'{bit.name}={bit.value}' for bit in bits)}"


def _cut(text: str, cells: int | None, *, styled: bool = False) -> str:
    plain = click.unstyle(text) if styled else text
    if cells is None or width_of(plain) <= cells:
        return text
    kept, used = [], 0
    for character in plain:
        used += width_of(character)
        if used > cells - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"
