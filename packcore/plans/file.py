"""A plan as a text file: JSON lines to keep, compare, edit by hand and write again.

    {"packcorePlan": 1, "objectFormat": "sha1", "strategy": "chunk-window", "depth": 50, "compression": 6,
     "objects": 4, "unsearched": 0}                                                   first line, the head
    {"oid": "9f0c…", "type": "blob", "size": 512, "as": "whole"}                      one line for each entry,
    {"oid": "1b2a…", "type": "blob", "size": 519, "as": "delta", "base": "9f0c…", "deltaSize": 31}    in order
    {"oid": "77de…", "type": "blob", "size": 400, "as": "thin", "base": "c4c4…", "deltaSize": 12}
    {"oid": "e00d…", "type": "tree", "size": 64, "as": "reused", "base": null, "pack": "pack-12ab….pack"}

The file names the base of each object but does not contain the deltas. The strategy's own function, which is
pure, makes them again from base and object, so the same file and objects make the same pack. A delta may
leave out `deltaSize`, for example after a change of its base. A reused entry is copied from the named pack,
which must still be there.

    SavedPlan   the file as a value, checked on its own               no store is needed
    bind_plan   SavedPlan + store -> PackPlan, in plans/bind.py       every object checked, every delta made

Errors name file and line: CorruptData if a line can't be read, InvalidPlan if it breaks a rule.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

from packcore.errors import CorruptData, InvalidPlan
from packcore.ids import FORMATS
from packcore.limits import KIB
from packcore.objects import ObjectType
from packcore.plans.entries import Delta, Reused, ThinDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.plans.entries import PackEntry
    from packcore.plans.plan import PackPlan
    from packcore.store.base import RawEntry

__all__ = ["SUPPLIED", "PlanRow", "SavedPlan", "Way", "bounded_lines", "pack_file_name"]

VERSION = 1
SUPPLIED = "supplied"
"""The strategy of a plan whose bases were chosen elsewhere: the engine makes its deltas."""
LINE_BYTES_MAX = 16 * KIB
"""No line that packcore saves comes close to this."""
DEPTH_MAX = 4095
COUNT_MAX = 1 << 62

Way = Literal["whole", "delta", "thin", "reused"]
_WAYS = ("whole", "delta", "thin", "reused")
_TYPES = {type_.name.lower(): type_ for type_ in ObjectType}
_ENTRY_KEYS = frozenset({"oid", "type", "size", "as", "base", "deltaSize", "pack"})


class PlanRow(NamedTuple):
    """One entry of a saved plan."""

    oid: ObjectId
    type: ObjectType
    size: int
    """The size of the whole object."""
    way: Way
    base: ObjectId | None = None
    delta_size: int | None = None
    """Inflated size of the delta; None if it isn't known yet or this is not a delta."""
    pack: str | None = None
    """Name of the pack file that a reused entry is copied from."""
    line: int = 0
    """The number of its line in the file."""

    @property
    def payload_bytes(self) -> int:
        """The bytes to write for it, before compression."""
        return self.size if self.delta_size is None else self.delta_size


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan without its store, as its file describes it. Bases come before their deltas."""

    object_format: ObjectFormat
    strategy: str
    depth: int
    compression: int
    rows: tuple[PlanRow, ...]
    unsearched_count: int = 0
    name: str = "plan"
    """Its name in error messages: that of the file."""

    def __post_init__(self) -> None:
        _check_rows(self)

    @classmethod
    def of(cls, plan: PackPlan) -> SavedPlan:
        """Return a plan in the form to save."""
        rows = tuple(_row(plan, entry, line) for line, entry in enumerate(plan.entries, 2))
        return cls(
            plan.object_format,
            plan.strategy,
            plan.limits.depth,
            plan.limits.compression,
            rows,
            plan.unsearched_count,
        )

    @classmethod
    def read(cls, lines: Iterable[bytes], name: str = "plan") -> SavedPlan:
        """Read a saved plan from its lines.

        Raises CorruptData for a line that doesn't belong in a plan, or if lines are missing. Raises
        InvalidPlan for an object that occurs twice, for a base that is missing, comes later or has another
        type, and for chains deeper than the head allows.
        """
        numbered = _numbered(lines, name)
        number, head = next(numbered, (1, {}))
        saved = _head(head, name, number)
        rows = tuple(_parse_row(entry, saved.object_format, name, number) for number, entry in numbered)
        if len(rows) != head["objects"]:
            raise CorruptData(
                f"{name}: its head announces {head['objects']} objects, and {len(rows)} follow",
                hint="after adding or removing lines, correct `objects` in the first line",
            )
        return replace(saved, rows=rows)

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the file. Equal plans make equal files."""
        yield _line(
            {
                "packcorePlan": VERSION,
                "objectFormat": self.object_format.name,
                "strategy": self.strategy,
                "depth": self.depth,
                "compression": self.compression,
                "objects": len(self.rows),
                "unsearched": self.unsearched_count,
            }
        )
        for row in self.rows:
            fields: dict[str, Any] = {
                "oid": row.oid.hex(),
                "type": row.type.name.lower(),
                "size": row.size,
                "as": row.way,
            }
            if row.way != "whole":
                fields["base"] = row.base.hex() if row.base is not None else None
            if row.delta_size is not None:
                fields["deltaSize"] = row.delta_size
            if row.pack is not None:
                fields["pack"] = row.pack
            yield _line(fields)

    @property
    def is_thin(self) -> bool:
        """Whether some base is not in the plan, so that the receiver must have it."""
        here = {row.oid for row in self.rows}
        return any(row.base is not None and row.base not in here for row in self.rows)

    def refuse(self, row: PlanRow, reason: str, *, hint: str | None = None) -> NoReturn:
        """Raise InvalidPlan for a row."""
        raise InvalidPlan(f"{self.name}, line {row.line}: object {row.oid.hex()[:12]} {reason}", hint=hint)


def _row(plan: PackPlan, entry: PackEntry, line: int) -> PlanRow:
    oid, type_, size, encoding = entry
    if isinstance(encoding, Delta):
        base = plan.entries[encoding.base_index].oid
        return PlanRow(oid, type_, size, "delta", base, encoding.delta_size, line=line)
    if isinstance(encoding, ThinDelta):
        return PlanRow(oid, type_, size, "thin", encoding.base_oid, encoding.delta_size, line=line)
    if isinstance(encoding, Reused):
        raw = encoding.raw
        delta_size = None if raw.base is None else raw.size
        return PlanRow(oid, type_, size, "reused", raw.base, delta_size, pack_file_name(raw), line)
    return PlanRow(oid, type_, size, "whole", line=line)


def pack_file_name(raw: RawEntry) -> str:
    """Return the name of a pack without its folder, which another machine doesn't have."""
    return raw.pack.name.replace("\\", "/").rpartition("/")[2]


# --- reading lines ------------------------------------------------------------------------------------


def bounded_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file; of a line that is too long, only as much as is needed to refuse it."""
    return iter(lambda: file.readline(LINE_BYTES_MAX + 1), b"")


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(", ", ": ")).encode("ascii") + b"\n"


def _numbered(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each nonblank line as a JSON object, with its number."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(line) > LINE_BYTES_MAX:
            raise CorruptData(f"{name}, line {number}: is longer than {LINE_BYTES_MAX} bytes")
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise CorruptData(f"{name}, line {number}: is not a JSON object")
        yield number, fields


def _head(head: dict[str, Any], name: str, number: int) -> SavedPlan:
    where = f"{name}, line {number}"
    if head.get("packcorePlan") != VERSION:
        raise CorruptData(
            f"{where}: this is not a plan that packcore saved, or it has another version",
            hint=f'the first line must hold "packcorePlan": {VERSION}',
        )
    format_name, strategy = head.get("objectFormat"), head.get("strategy")
    if not isinstance(format_name, str) or format_name not in FORMATS:
        raise CorruptData(f"{where}: objectFormat must be one of {', '.join(FORMATS)}")
    if not isinstance(strategy, str) or not strategy.isprintable():
        raise CorruptData(f"{where}: strategy must be a name")
    _number(head, "objects", COUNT_MAX, where)
    depth = _number(head, "depth", DEPTH_MAX, where)
    compression = _number(head, "compression", 9, where)
    unsearched = _number({"unsearched": 0, **head}, "unsearched", COUNT_MAX, where)
    return SavedPlan(FORMATS[format_name], strategy, depth, compression, (), unsearched, name)


def _parse_row(fields: dict[str, Any], object_format: ObjectFormat, name: str, number: int) -> PlanRow:
    where = f"{name}, line {number}"
    unknown = sorted(fields.keys() - _ENTRY_KEYS)
    if unknown:
        raise CorruptData(f"{where}: unknown field {unknown[0][:40]!r}")
    way, type_name = fields.get("as"), fields.get("type")
    if way not in _WAYS:
        raise CorruptData(f'{where}: "as" must be one of {", ".join(_WAYS)}')
    if not isinstance(type_name, str) or type_name not in _TYPES:
        raise CorruptData(f"{where}: type must be one of {', '.join(_TYPES)}")
    oid = _id(fields.get("oid"), object_format, "oid", where)
    size = _number(fields, "size", COUNT_MAX, where)
    base = delta_size = pack = None
    if fields.get("base") is not None:
        base = _id(fields["base"], object_format, "base", where)
    if fields.get("deltaSize") is not None:
        delta_size = _number(fields, "deltaSize", COUNT_MAX, where)
    if fields.get("pack") is not None:
        pack = fields["pack"]
        if not isinstance(pack, str) or not pack.isprintable():
            raise CorruptData(f"{where}: pack must be a file's name")
    if (way in ("delta", "thin")) > (base is not None) or (way == "whole" and base is not None):
        raise CorruptData(
            f'{where}: only "delta", "thin" and "reused" entries have a base, and each delta needs one'
        )
    if (way == "reused") != (pack is not None):
        raise CorruptData(f'{where}: each "reused" entry names its pack, and no other entry does')
    if base is None and delta_size is not None:
        raise CorruptData(f"{where}: deltaSize needs a base")
    return PlanRow(oid, _TYPES[type_name], size, way, base, delta_size, pack, number)


def _number(fields: dict[str, Any], key: str, most: int, where: str) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise CorruptData(f"{where}: {key} must be a whole number from 0 to {most}")
    return value


def _id(value: object, object_format: ObjectFormat, key: str, where: str) -> ObjectId:
    try:
        return object_format.from_hex(value if isinstance(value, str) else "")
    except ValueError:
        raise CorruptData(f"{where}: {key} is not a {object_format.name} id") from None


# --- rules --------------------------------------------------------------------------------------------


def _check_rows(saved: SavedPlan) -> None:
    """Raise InvalidPlan for the first row that breaks a rule of `PackPlan`, naming its line."""
    place = {row.oid: index for index, row in enumerate(saved.rows)}
    depths: list[int] = []
    for index, row in enumerate(saved.rows):
        if place[row.oid] != index:
            saved.refuse(saved.rows[place[row.oid]], f"was there before, on line {row.line}")
        depth = 0
        if row.base is not None:
            at = place.get(row.base)
            if row.way == "thin" and at is not None:
                saved.refuse(row, f"is thin, but its base is in the pack, on line {saved.rows[at].line}")
            if at is None and row.way == "delta":
                saved.refuse(row, f"has a base that is not in the plan, {row.base.hex()}")
            if at is not None:
                base = saved.rows[at]
                if at >= index:
                    saved.refuse(
                        row,
                        f"has a base that comes on line {base.line}, not before it",
                        hint="put a base on a line above its deltas",
                    )
                if base.type != row.type:
                    saved.refuse(
                        row, f"is a {row.type.name.lower()}, and its base a {base.type.name.lower()}"
                    )
            depth = 1 if at is None else depths[at] + 1
        if depth > saved.depth:
            saved.refuse(row, f"is at depth {depth}, more than {saved.depth}")
        depths.append(depth)
