"""One run of the engine: a list, a strategy, a pack on disk. Nothing is copied from the source's packs.

The store hides how objects are stored in packs, so that each strategy searches and compresses everything
itself, as `git pack-objects --no-reuse-delta --no-reuse-object` does. A strategy that only reuses sees
everything.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cli.bench.spelling import spelt_strategy
from cli.bench.usage import children_peak_bytes, own_cpu_seconds, own_peak_bytes
from packcore.limits import Limits
from packcore.plans.entries import Candidate
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.store.bulk import headers_of
from packcore.store.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore, RawEntry

__all__ = ["candidates_of", "pack_with_strategy", "read_list"]

REUSE = "reuse"
"""The strategy that only copies existing deltas."""


class NothingLiesInPacks:
    """A store whose `raw` returns nothing: no entry can be copied, so everything is compressed again."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __contains__(self, oid: object) -> bool:
        return oid in self._store

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(self._store)

    def raw(self, oid: ObjectId) -> RawEntry | None:  # noqa: ARG002 - the protocol's shape
        """Return None, to hide how the object is stored."""
        return None


def read_list(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the hex id and path in each line of a list in the format of `git rev-list --objects`."""
    with path.open("rb") as lines:
        for line in lines:
            hex_oid, _, name = line.rstrip(b"\n").partition(b" ")
            yield hex_oid, name


def candidates_of(store: ObjectStore, listed: Path) -> list[Candidate]:
    """Look up the type and size of every listed object."""
    names: dict[bytes, bytes] = {}
    rows = [(store.object_format.from_hex(hex_oid), name) for hex_oid, name in read_list(listed)]
    headers = headers_of(store, [oid for oid, _ in rows])
    found = []
    for order, ((oid, name), header) in enumerate(zip(rows, headers, strict=True)):
        type_, size = header or store.header(oid)
        found.append(Candidate(oid, type_, size, names.setdefault(name, name), order))
    return found


def pack_with_strategy(job: dict[str, Any]) -> dict[str, Any]:
    """Select and write; return the measurements. Looking up types and sizes counts as selection."""
    limits = Limits(**job["limits"])
    strategy = spelt_strategy(job["name"])
    reuses = strategy.name == REUSE
    jobs: int = job["jobs"]
    with Repository.open(job["repository"], limits) as repository:
        store = repository if reuses else cast("ObjectStore", NothingLiesInPacks(repository))
        started = time.perf_counter()
        objects = candidates_of(repository, Path(job["list"]))
        plan = select(store, objects, strategy=strategy, limits=limits, reuse_deltas=reuses, jobs=jobs)
        selected = time.perf_counter()
        with Path(job["pack"]).open("wb") as pack:
            pack.writelines(write_pack(plan))
        written = time.perf_counter()
    return {
        "select_seconds": selected - started,
        "write_seconds": written - selected,
        "total_seconds": written - started,
        "cpu_seconds": own_cpu_seconds(),
        "peak_bytes": _largest(own_peak_bytes(), children_peak_bytes() if jobs > 1 else None),
    }


def _largest(*peaks: int | None) -> int | None:
    return max((peak for peak in peaks if peak is not None), default=None)
