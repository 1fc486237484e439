"""The tree of a file as a list of rows: what the terminal, the page and the tests show.

    Row    a part: its start, first bytes, name and text, and its depth

Parts that only spell out one value (the bytes of a varint, the opcode of a copy) are one row with its bits;
with `every_leaf`, each leaf is a separate row. The content of a zlib stream follows it, with its own offsets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import PackcoreError
from transport.safe_text import sanitise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.anatomy import Anatomy, Bit, Part

__all__ = ["CONTENT", "Row", "preview", "rows_of"]

CONTENT = "content"
"""The name of the row at the start of the content of a stream."""
PREVIEW_BYTES = 16
TEXT_CHARACTERS_MAX = 240

_OPENED = {
    "body", "CRC-32s", "entries", "entry", "fan-out", "far offsets", "header", "ids", "offsets", "positions",
}  # fmt: skip
"""Parts whose own parts are shown too; all others are one row, with the bits of their parts."""
_TEXTS = {"literal", "message", "blob"}


class Row(NamedTuple):
    """One line of the display."""

    depth: int
    start: int
    size: int
    head: bytes
    """The first bytes of the part."""
    name: str
    text: str
    fault: str
    bits: tuple[tuple[Bit, ...], ...]
    """Groups of bits, one for each byte that has any."""
    made: bytes | None = None
    """The bytes that an instruction makes."""


def rows_of(
    anatomy: Anatomy,
    *,
    base: Callable[[Part], bytes | None] | None = None,
    every_leaf: bool = False,
    contents: bool = True,
    depth: int = 0,
) -> Iterator[Row]:
    """Yield the rows of a tree without the root.

    `base` returns the base of an entry that is a delta, so that copies can show their bytes (None if there is
    none). `every_leaf` opens every part; `contents=False` leaves streams closed.
    """
    waiting: list[tuple[Iterator[Part], int, Anatomy, bytes | None]]
    waiting = [(anatomy.root.parts(), depth, anatomy, None)]
    if anatomy.root.is_leaf:
        yield _row(anatomy.root, anatomy, depth, None)
    holder: list[Part] = []
    while waiting:
        parts, depth, tree, base_data = waiting[-1]
        part = next(parts, None)
        if part is None:
            waiting.pop()
            continue
        if part.name == "entry":
            holder = [part]
        closed = not every_leaf and part.name not in _OPENED
        yield _row(part, tree, depth, base_data, closed=closed)
        if contents and part.has_content:
            found = _content(part, depth + 1)
            if isinstance(found, Row):
                yield found
            else:
                held = base(holder[0]) if base is not None and holder and found.root.name == "delta" else None
                yield Row(depth + 1, 0, found.size, b"", CONTENT, _holds(found), "", ())
                inner = found.root.parts() if not found.root.is_leaf else iter((found.root,))
                waiting.append((inner, depth + 2, found, held))
        if not part.is_leaf and not closed:
            waiting.append((part.parts(), depth + 1, tree, base_data))


def _content(part: Part, depth: int) -> Anatomy | Row:
    """Open a stream; if that fails, return a row that says why."""
    try:
        found = part.content()
    except PackcoreError as error:
        return Row(depth, part.start, 0, b"", CONTENT, "", str(error), ())
    assert found is not None
    return found


def _holds(anatomy: Anatomy) -> str:
    return f"{anatomy.root.name}, {anatomy.size:,} byte{'' if anatomy.size == 1 else 's'}"


def _row(part: Part, tree: Anatomy, depth: int, base: bytes | None, *, closed: bool = True) -> Row:
    head = tree.read(part.start, min(part.end, part.start + PREVIEW_BYTES))
    bits = [part.bits] if part.bits else []
    if closed and part.name != "zlib stream":
        bits += [inner.bits for inner in part.parts() if inner.bits]
    return Row(
        depth, part.start, part.size, head, part.name, _says(part, tree), part.fault, tuple(bits),
        _made(part, tree, base),
    )  # fmt: skip


def _says(part: Part, tree: Anatomy) -> str:
    """Return the text of a row: the note, or the value if that says more."""
    if part.name in _TEXTS:
        return preview(tree.read(part.start, min(part.end, part.start + TEXT_CHARACTERS_MAX + 1)))
    if part.name == "entry":
        oid = f"{part.value.hex()} " if isinstance(part.value, bytes) else f"number {part.value} "
        return f"{oid if part.value != -1 else ''}{part.note}"
    if part.note:
        return sanitise(part.note)
    if isinstance(part.value, bytes):
        return part.value.hex()
    return sanitise(str(part.value)) if part.value is not None else ""


def _made(part: Part, tree: Anatomy, base: bytes | None) -> bytes | None:
    """Return the bytes that a copy or insert makes; None for other parts, or without the base."""
    if part.name == "insert":
        return tree.read(part.start + 1, part.end)
    if part.name != "copy" or base is None or not isinstance(part.value, int):
        return None
    offset = 0
    for inner in part.parts():
        if inner.name.startswith("offset ") and isinstance(inner.value, int):
            offset |= inner.value << 8 * (int(inner.name[-1]) - 1)
    return base[offset : offset + part.value]


def preview(data: bytes, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    r"""Return bytes as one line of text with visible line ends, or in hex if they are not text.

    >>> preview(b"one\n\ttwo"), preview(b"\x00\xff\x10")
    ('one⏎→two', '00 ff 10')
    """
    cut = data[: characters_max + 1]
    text = cut.decode("utf-8", "backslashreplace")
    if b"\0" in cut or text.count("\\x") * 8 > len(text):
        shown = cut[: characters_max // 4].hex(" ")
        return shown + (" …" if len(data) > characters_max // 4 else "")
    shown = sanitise(text.replace("\n", "⏎").replace("\t", "→"))
    return shown[:characters_max] + ("…" if len(data) > len(cut) - 1 and len(data) > characters_max else "")
