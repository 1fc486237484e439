"""The settings and results of a comparison: frozen values, and the JSON object of a report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packcore.limits import Limits

__all__ = ["METRICS", "PEERS", "Comparison", "Contender", "PackFacts", "Row", "Settings", "TypeFacts"]

PEERS = ("git", "pygit2", "dulwich")
"""Programs to compare strategies with, by their names for --against."""

METRICS = (
    *("select_seconds", "write_seconds", "total_seconds", "cpu_seconds"),
    *("peak_bytes", "read_seconds", "random_seconds"),
)
"""What each run measures; None if a contender can't measure it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings for all contenders of a comparison, as far as each supports them."""

    limits: Limits
    repeat: int = 1
    time_limit_seconds: float = 600.0
    """A run that takes longer is aborted."""
    seed: int = 1
    """The seed for the random order of reads."""
    jobs: int = 1
    """The number of processes that search in parallel, or of threads in other programs."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A strategy of ours, or a peer."""

    name: str
    """The name of a strategy may include parameters: git-window:names=0."""
    is_peer: bool = False


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """The entries of one object type in a pack."""

    objects: int
    deltas: int
    whole_bytes: int
    """Bytes of whole entries in the pack: header and zlib stream."""
    delta_bytes: int
    """Bytes of delta entries in the pack."""


@dataclass(frozen=True, slots=True)
class PackFacts:
    """A checked pack on disk."""

    pack_bytes: int
    checksum: str
    by_type: dict[str, TypeFacts]
    chain_lengths: dict[int, int]
    """The number of objects at each depth; 0 means whole."""
    checked_by: str
    """The programs that read all of it and found it correct."""
    note: str = ""

    @property
    def deltas(self) -> int:
        """The number of deltas."""
        return sum(facts.deltas for facts in self.by_type.values())

    @property
    def longest_chain(self) -> int:
        """The number of deltas above the deepest object."""
        return max(self.chain_lengths, default=0)

    @property
    def mean_chain(self) -> float:
        """The mean number of deltas in the chain of a delta."""
        deep = sum(depth * count for depth, count in self.chain_lengths.items())
        return deep / self.deltas if self.deltas else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """The result of one contender: a checked pack with its measurements, or the reason for its absence."""

    contender: Contender
    pack: PackFacts | None = None
    runs: tuple[dict[str, float | None], ...] = ()
    reason: str = ""
    """Why there is no pack: not installed, aborted, refused."""
    is_wrong: bool = False
    """Whether the pack was damaged, or had other objects than requested."""

    def median(self, metric: str) -> float | None:
        """Return the median of the runs that measured it."""
        known = [value for run in self.runs if (value := run.get(metric)) is not None]
        return median(known) if known else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All contenders on the objects of one repository."""

    repository: str
    object_format: str
    objects: int
    raw_bytes: int
    """The total size of all objects, inflated and whole."""
    random_reads: int
    """The number of objects read at random: all, or a sample."""
    settings: Settings
    rows: tuple[Row, ...]

    @property
    def reference(self) -> Row | None:
        """The first row with a pack, which ratios refer to."""
        return next((row for row in self.rows if row.pack), None)

    def ratio(self, row: Row) -> float | None:
        """Return the row's pack bytes divided by those of the first row."""
        if row.pack is None or self.reference is None or self.reference.pack is None:
            return None
        return row.pack.pack_bytes / self.reference.pack.pack_bytes

    def regret(self, row: Row) -> float | None:
        """Return the fraction by which the row's pack exceeds the oracle's; None if that did not run."""
        oracle = next((other.pack for other in self.rows if other.contender.name == "oracle"), None)
        if oracle is None or row.pack is None:
            return None
        return row.pack.pack_bytes / oracle.pack_bytes - 1

    def as_json(self) -> dict[str, Any]:
        """Return the report with camelCase keys; times in seconds, medians of the runs."""
        limits = self.settings.limits
        return {
            "repository": self.repository,
            "objectFormat": self.object_format,
            "objects": self.objects,
            "rawBytes": self.raw_bytes,
            "randomReads": self.random_reads,
            "settings": {
                "window": limits.window,
                "depth": limits.depth,
                "compression": limits.compression,
                "windowMemory": limits.window_memory,
                "repeat": self.settings.repeat,
                "timeLimitSeconds": self.settings.time_limit_seconds,
                "seed": self.settings.seed,
                "jobs": self.settings.jobs,
            },
            "rows": [self._row_json(row) for row in self.rows],
        }

    def _row_json(self, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {
            "name": row.contender.name,
            "kind": "peer" if row.contender.is_peer else "strategy",
            "ok": row.pack is not None,
        }
        if row.pack is None:
            return {**found, "reason": row.reason}
        pack = row.pack
        return {
            **found,
            "packBytes": pack.pack_bytes,
            "ratio": self.ratio(row),
            "regret": self.regret(row),
            "checksum": pack.checksum,
            "checkedBy": pack.checked_by,
            "note": pack.note,
            "deltas": pack.deltas,
            "meanChain": pack.mean_chain,
            "longestChain": pack.longest_chain,
            "chainLengths": {str(depth): count for depth, count in pack.chain_lengths.items()},
            "byType": {name: _camel_keys(asdict(facts)) for name, facts in pack.by_type.items()},
            **_camel_keys({metric: row.median(metric) for metric in METRICS}),
            "runs": [_camel_keys(run) for run in row.runs],
        }


def _camel_keys(values: dict[str, Any]) -> dict[str, Any]:
    """Return the same values under their JSON keys.

    >>> _camel_keys({"cpu_seconds": 1.5})
    {'cpuSeconds': 1.5}
    """
    return {
        head + "".join(part.title() for part in rest): value
        for name, value in values.items()
        for head, *rest in (name.split("_"),)
    }
