r"""packed-refs as a table: read and checked in one pass, searched by bisection (git-pack-refs).

    # pack-refs with: peeled fully-peeled sorted      what the writer promises
    <hex> <name>                                      sorted by the names' bytes
    ^<hex>                                            what the annotated tag above resolves to

The table is the file's own bytes, so 200,000 refs take 13 MB and no objects: a look-up bisects positions in
the bytes. Usual lines are cut into columns and checked together, others by one regular expression. A file
that is unsorted, has a name twice, or upper-case hex, is read line by line; so is a damaged one, to name the
line.

>>> from packcore.ids import SHA1
>>> file = b"# pack-refs with: sorted\n" + b"1b" * 20 + b" refs/heads/a\n"
>>> table = PackedRefs.parse(file, "packed-refs", SHA1)
>>> list(table), "refs/heads/b" in table, table.get("refs/heads/a").oid.hex()[:4]
(['refs/heads/a'], False, '1b1b')
"""

from __future__ import annotations

import re
from binascii import unhexlify
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import islice
from operator import lt
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData
from packcore.ids import ObjectId
from packcore.refs import are_usual_ref_names, decode_ref_name, encode_ref_name, is_valid_ref_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packcore.ids import ObjectFormat

__all__ = ["PackedColumns", "PackedRef", "PackedRefs", "PackedRow"]

_NAME_BYTES_MAX = 65_000
"""A longer name fits neither a line of the protocol nor a file's path, so git can't have made one."""
_PIECE_BYTES = 1 << 20
"""Bytes to check or split in one step, which bounds the additional memory."""
_LINES_AT_ONCE = 10_000
_USUAL_LINE_BYTES = 64
_BISECTED_PART = 16
"""Changes to more than one line in this many are merged in one pass, not looked up line by line."""
_PEELED_WORDS = (b"peeled", b"fully-peeled")

PackedRow = tuple[bytes, bytes, bytes]
"""The id in hex, the name, and what the tag resolves to in hex, empty if the file doesn't say."""
PackedColumns = tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]
"""The same of many lines: ids, names, and what tags resolve to."""


class PackedRef(NamedTuple):
    """A line of packed-refs."""

    oid: ObjectId
    peeled: ObjectId | None


class _Patterns(NamedTuple):
    lines: re.Pattern[bytes]
    """Whole lines with any names."""
    line: re.Pattern[bytes]
    """A line, as leniently as git reads it."""
    row: re.Pattern[bytes]
    """A line that was checked."""


@lru_cache(maxsize=4)
def _patterns(hex_size: int) -> _Patterns:
    hexes, either = rb"[0-9a-f]{%d}" % hex_size, rb"[0-9a-fA-F]{%d}" % hex_size
    return _Patterns(
        re.compile(rb"(?:%b refs/[^\x00-\x1f\x7f]+\n(?:\^%b\n)?)*+" % (hexes, hexes)),
        re.compile(rb"(%b)[ \t]([^\x00-\x1f\x7f]+)\n(?:\^(%b)\n)?" % (either, either)),
        re.compile(rb"(%b) ([^\n]+)\n(?:\^(%b)\n)?" % (hexes, hexes)),
    )


_NAMES = re.compile(rb" ([^\n]+)\n")
"""The names in lines that were checked."""


class PackedRefs:
    """The refs of one packed-refs file. Immutable."""

    def __init__(
        self,
        lines: bytes,
        object_format: ObjectFormat,
        *,
        promises: bytes = b"",
        invalid: frozenset[bytes] = frozenset(),
        label: str = "packed-refs",
    ) -> None:
        """Take checked lines, sorted, each name once; `promises` are the words of the header.

        `label` names in messages what the lines are from.
        """
        self._lines = lines
        self._format = object_format
        self._patterns = _patterns(object_format.hex_size)
        self._promises = promises.split()
        self.label = label
        self._cut: list[PackedColumns] = []
        self.invalid = invalid
        """Names that git-check-ref-format refuses."""
        self.has_zero = object_format.zero.hex().encode() in lines
        """Whether some ref may have the zero id, which is invalid."""

    @classmethod
    def parse(cls, data: bytes, path: object, object_format: ObjectFormat) -> PackedRefs:
        """Check and read a file. Raises CorruptData, which names `path` and the first damaged line."""
        if not data:
            raise CorruptData(
                f"{path}: the file is empty, without even git's header line: refs may have been lost",
                hint="restore it from a backup; if no ref was packed, remove the file",
            )
        at = 0
        while data.startswith(b"#", at):
            at = data.find(b"\n", at) + 1 or len(data)
        promises = data[:at].removeprefix(b"# pack-refs with:") if at else b""
        lines = data[at:] if at else data
        checked = _checked(lines, object_format.hex_size)
        if checked is not None:
            invalid, cut = checked
        else:
            cut = []
            rows = _read_carefully(data, at, path, object_format)
            lines = b"".join(map(_line, rows))
            names = [name for _, name, _ in rows]
            invalid = frozenset(name for name in names if not is_valid_ref_name(decode_ref_name(name)))
        table = cls(lines, object_format, promises=promises, invalid=invalid)
        table._cut = cut
        return table

    @property
    def byte_count(self) -> int:
        """Memory that the table takes."""
        return len(self._lines)

    def __len__(self) -> int:
        return self._lines.count(b"\n") - self._lines.count(b"\n^")

    def __iter__(self) -> Iterator[str]:
        for piece in self.pieces():
            yield from (decode_ref_name(name) for _, name, _ in piece)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def get(self, name: str) -> PackedRef | None:
        """Return a ref's line."""
        wanted = encode_ref_name(name)
        row = self._row_at(self._position(wanted))
        if row is None or row[1] != wanted:
            return None
        return self.ref_of(row)

    def first_below(self, folder: str) -> str | None:
        """Return the first ref in a folder, which is named without its slash."""
        inside = encode_ref_name(folder) + b"/"
        row = self._row_at(self._position(inside))
        return decode_ref_name(row[1]) if row is not None and row[1].startswith(inside) else None

    @property
    def are_all_peeled(self) -> bool:
        """Whether the line of each annotated tag says what it resolves to."""
        return b"fully-peeled" in self._promises or not self._lines

    def is_peeled(self, name: bytes) -> bool:
        """Return whether a ref's line says what it resolves to."""
        return self.are_all_peeled or (b"peeled" in self._promises and name.startswith(b"refs/tags/"))

    @cached_property
    def by_name(self) -> dict[bytes, PackedRow]:
        """Every line by name, to look up very many. Takes much more memory than the table."""
        return {row[1]: row for piece in self.pieces() for row in piece}

    def pieces(self, prefix: bytes = b"") -> Iterator[list[PackedRow]]:
        """Yield the lines whose names begin with a prefix, in order, some thousand at a time."""
        for low, high in self._spans(prefix):
            yield self._patterns.row.findall(self._lines, low, high)

    def columns(self, prefix: bytes = b"") -> Iterator[PackedColumns]:
        """Yield the same lines in columns; the first time, those that were cut for the check."""
        cut, self._cut = self._cut, []
        for columns in cut:
            low = bisect_left(columns[1], prefix)
            high = bisect_left(columns[1], end) if (end := _after(prefix)) else len(columns[1])
            if low < high:
                yield columns[0][low:high], columns[1][low:high], columns[2][low:high]
        if cut:
            return
        for low, high in self._spans(prefix):
            piece = self._lines[low:high]
            usual = None if self.invalid else _usual_columns(piece, self._format.hex_size)
            if usual is not None:
                yield usual
            else:
                ids, names, peeled = zip(*self._patterns.row.findall(piece), strict=True)
                yield ids, names, peeled

    def _spans(self, prefix: bytes) -> Iterator[tuple[int, int]]:
        low, high = 0, len(self._lines)
        if prefix:
            low = self._position(prefix)
            high = self._position(end, low) if (end := _after(prefix)) else high
        while low < high:
            until = _row_end(self._lines, low + _PIECE_BYTES) if high - low > _PIECE_BYTES else high
            yield low, until
            low = until

    def rewritten(
        self, changes: Mapping[bytes, PackedRow | None], *, peeled: bool = False
    ) -> Iterator[bytes]:
        """Yield the file with some lines changed or added, and without those whose change is None.

        `peeled` means that each new line says what its tag resolves to. Only then does the header keep
        promising that.
        """
        is_kept = peeled or not any(changes.values())
        kept = [word for word in _PEELED_WORDS if is_kept and (word in self._promises or not self._lines)]
        yield b" ".join([b"# pack-refs with:", *kept, b"sorted \n"])
        if len(changes) * _BISECTED_PART > len(self._lines) // _USUAL_LINE_BYTES:
            yield from self._merged(changes)
            return
        at = done = 0
        for name in sorted(changes):
            start = at = self._position(name, at)
            row = self._row_at(start)
            if row is not None and row[1] == name:
                at = start + len(_line(row))
            yield self._lines[done:start]
            done = at
            if (new := changes[name]) is not None:
                yield _line(new)
        yield self._lines[done:]

    def _merged(self, changes: Mapping[bytes, PackedRow | None]) -> Iterator[bytes]:
        """Yield all lines with the changes, split and sorted, for many changes."""
        rows: dict[bytes, PackedRow | None] = {**self.by_name, **changes}
        self.__dict__.pop("by_name", None)  # as large as several tables; another thread may be faster
        names = sorted(rows)
        for start in range(0, len(names), _LINES_AT_ONCE):
            found = [rows[name] for name in names[start : start + _LINES_AT_ONCE]]
            yield b"".join([_line(row) for row in found if row is not None])

    @staticmethod
    def ref_of(row: PackedRow) -> PackedRef:
        """Return a line's ids."""
        return PackedRef(ObjectId(unhexlify(row[0])), ObjectId(unhexlify(row[2])) if row[2] else None)

    def _row_at(self, position: int) -> PackedRow | None:
        match = self._patterns.row.match(self._lines, position)
        return None if match is None else (match[1], match[2], match[3] or b"")

    def _position(self, name: bytes, low: int = 0) -> int:
        """Return the start of the first line, at or after `low`, whose name isn't before `name`."""
        lines, high = self._lines, len(self._lines)
        skipped = self._format.hex_size + 1
        while low < high:
            # The line that contains the middle; a peeled id belongs to the line above.
            start = _row_start(lines, (low + high) // 2, low)
            end = lines.index(b"\n", start)
            if lines[start + skipped : end] < name:
                low = _row_end(lines, end)
            else:
                high = start
        return low


def _row_start(lines: bytes, at: int, low: int) -> int:
    """Return where the row at a position begins."""
    start = max(lines.rfind(b"\n", low, at) + 1, low)
    if lines.startswith(b"^", start):
        start = max(lines.rfind(b"\n", low, start - 1) + 1, low)
    return start


def _row_end(lines: bytes, at: int) -> int:
    """Return where the row at a position ends, including its peeled id."""
    end = lines.index(b"\n", at) + 1
    return lines.index(b"\n", end) + 1 if lines.startswith(b"^", end) else end


def _after(prefix: bytes) -> bytes:
    """Return the first name after all that begin with a prefix; empty if there can be none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b""


def _line(row: PackedRow) -> bytes:
    hex_oid, name, peeled = row
    return b"%b %b\n^%b\n" % (hex_oid, name, peeled) if peeled else b"%b %b\n" % (hex_oid, name)


def _checked(lines: bytes, hex_size: int) -> tuple[frozenset[bytes], list[PackedColumns]] | None:
    """Check all lines together; return the invalid names, or None if they must be read line by line.

    Where no name is invalid, the columns are returned too.
    """
    cut: list[PackedColumns] = []
    if not lines:
        return frozenset(), cut
    if not lines.endswith(b"\n") or lines.startswith(b"^"):
        return None
    patterns = _patterns(hex_size)
    invalid: set[bytes] = set()
    low, last = 0, b""
    while low < len(lines):
        end = _piece_end(lines, low)
        columns = _usual_columns(lines[low:end], hex_size)
        is_usual = columns is not None and are_usual_ref_names(columns[1])
        if not is_usual and not patterns.lines.fullmatch(lines, low, end):
            return None
        names = _NAMES.findall(lines, low, end) if columns is None else columns[1]
        if not (names[0] > last and all(map(lt, names, islice(names, 1, None)))):
            return None
        if not is_usual:
            if max(map(len, names)) > _NAME_BYTES_MAX:
                return None
            invalid.update(name for name in names if not is_valid_ref_name(decode_ref_name(name)))
        else:
            assert columns is not None
            cut.append(columns)
        low, last = end, names[-1]
    return frozenset(invalid), [] if invalid else cut


def _usual_columns(piece: bytes, hex_size: int) -> PackedColumns | None:
    """Cut whole lines into columns; None if an id isn't one, or a name has a `^`."""
    tags = 0
    if b"^" in piece:
        tags = piece.count(b"\n^")
        if piece.count(b"^") != tags:
            return None
        # A tag's second line is joined to its first, so that each line is one ref.
        piece = piece.replace(b"\n^", b"^")
    lines = piece.split(b"\n")
    lines.pop()
    at = hex_size + 1
    *ids, rest = b"".join([line[:at] for line in lines]).split(b" ")
    names: Sequence[bytes] = [line[at:] for line in lines]
    peeled: Sequence[bytes] = [b""] * len(lines)
    hexes = ids
    if tags:
        names, _, peeled = zip(*[name.partition(b"^") for name in names], strict=True)
        hexes = ids + list(filter(None, peeled))
    are_ids = {*map(len, hexes)} == {hex_size} and not b"".join(hexes).translate(None, b"0123456789abcdef")
    return (ids, names, peeled) if are_ids and not rest and len(hexes) == len(lines) + tags else None


def _piece_end(lines: bytes, low: int) -> int:
    """Return the end, between two rows, of a piece that begins at `low`."""
    end = low + _PIECE_BYTES
    if end >= len(lines):
        return len(lines)
    end = lines.index(b"\n", end) + 1
    while lines.startswith(b"^", end):
        end = lines.find(b"\n", end) + 1 or len(lines)
    return end


def _read_carefully(data: bytes, at: int, path: object, object_format: ObjectFormat) -> list[PackedRow]:
    """Read line by line from `at`; return the rows sorted, each name once. Raises CorruptData."""
    pattern = _patterns(object_format.hex_size).line
    rows: dict[bytes, PackedRow] = {}
    while at < len(data):
        match = pattern.match(data, at)
        if match is None:
            raise _damaged(path, data, at, "is neither a ref nor a peeled id")
        name = match[2]
        if len(name) > _NAME_BYTES_MAX:
            raise _damaged(path, data, at, "is longer than any list of refs can tell")
        text = decode_ref_name(name)
        if not text.startswith("refs/") and not is_valid_ref_name(text, one_level=True):
            raise _damaged(path, data, at, f"holds {text[:80]!r}, which is no ref's name")
        found = (match[1].lower(), name, (match[3] or b"").lower())
        if rows.setdefault(name, found)[0] != found[0]:
            raise _damaged(path, data, at, f"gives {text} a second id")
        at = match.end()
    return [rows[name] for name in sorted(rows)]


def _damaged(path: object, data: bytes, at: int, fault: str) -> CorruptData:
    """Return the error for a line that git never writes: other content of the file may be lost, too."""
    line = data.count(b"\n", 0, at) + 1
    return CorruptData(
        f"{path}: line {line} {fault}", hint="mend the line, or restore the file from a backup"
    )
