"""The figures of a pack: what `report --json` prints, and what the page shows without any script.

Sizes are bytes. `stored` is the size in the pack, including headers; `raw` is the size of the objects.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from packcore.objects import ObjectType

if TYPE_CHECKING:
    from packcore.anatomy.survey import Costs, PackSurvey

__all__ = ["Summary", "TypeFigures", "summary_json", "summary_of"]

_LARGEST = 25


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """All objects of one type."""

    objects: int
    deltas: int
    stored: int
    raw: int


@dataclass(frozen=True, slots=True)
class Summary:
    """All objects."""

    objects: int
    deltas: int
    pack_bytes: int
    raw_bytes: int
    chain_total: int
    longest_chain: int
    types: dict[str, TypeFigures]

    @property
    def ratio(self) -> float:
        """The number of object bytes per byte of the pack."""
        return self.raw_bytes / self.pack_bytes if self.pack_bytes else 0.0

    @property
    def mean_chain(self) -> float:
        """The mean number of deltas in the chain of a delta."""
        return self.chain_total / self.deltas if self.deltas else 0.0


def summary_of(survey: PackSurvey) -> Summary:
    """Return the figures of the whole pack."""
    table = survey.table
    figures = {type_: [0, 0, 0, 0] for type_ in ObjectType}
    for entry_index, code in enumerate(table.types):
        row = figures[ObjectType(code)]
        row[0] += 1
        row[1] += table.bases[entry_index] >= 0
        row[2] += survey.entry_bytes(entry_index)
        row[3] += table.sizes[entry_index]
    return Summary(
        objects=len(survey),
        deltas=sum(row[1] for row in figures.values()),
        pack_bytes=table.pack_bytes,
        raw_bytes=sum(table.sizes),
        chain_total=sum(table.depths),
        longest_chain=max(table.depths, default=0),
        types={type_.label.decode(): TypeFigures(*row) for type_, row in figures.items()},
    )


def summary_json(survey: PackSurvey, summary: Summary) -> dict[str, Any]:
    """Return the figures as `report --json` prints them."""
    table, costs = survey.table, survey.costs()
    largest = nlargest(_LARGEST, range(len(survey)), key=lambda at: (survey.entry_bytes(at), -at))
    sizes = Counter(size.bit_length() for size in table.sizes)
    return {
        "pack": survey.label,
        "hash": table.checksum.hex(),
        "objectFormat": table.object_format.name,
        "version": survey.version,
        "objects": summary.objects,
        "deltas": summary.deltas,
        "packBytes": summary.pack_bytes,
        "rawBytes": summary.raw_bytes,
        "ratio": round(summary.ratio, 3),
        "meanChain": round(summary.mean_chain, 3),
        "longestChain": summary.longest_chain,
        "types": {name: asdict(figures) for name, figures in summary.types.items()},
        "depths": {str(depth): count for depth, count in sorted(Counter(table.depths).items())},
        "sizesBelow": {str(1 << bits): count for bits, count in sorted(sizes.items())},
        "largest": [object_json(survey, costs, entry_index) for entry_index in largest],
    }


def object_json(survey: PackSurvey, costs: Costs, entry_index: int) -> dict[str, Any]:
    """Return the figures of one object; `path` is None if no tree of the pack lists it."""
    table, origins = survey.table, survey.origins
    number = origins.path_of[entry_index]
    base = table.bases[entry_index]
    return {
        "oid": table.oid(entry_index).hex(),
        "type": ObjectType(table.types[entry_index]).label.decode(),
        "path": origins.paths.whole(number).decode("utf-8", "backslashreplace") if number >= 0 else None,
        "size": table.sizes[entry_index],
        "sizeInPack": survey.entry_bytes(entry_index),
        "offset": table.offsets[entry_index],
        "depth": table.depths[entry_index],
        "base": table.oid(base).hex() if base >= 0 else None,
        "chainBytes": costs.read_bytes[entry_index],
        "chainInflated": costs.inflated_bytes[entry_index],
    }
