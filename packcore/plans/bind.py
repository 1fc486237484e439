"""Bind a saved plan to a store: check every object and make every delta, so that writing can't fail on them.

    SavedPlan (what a file says)  +  store  ->  PackPlan (ready to write)

The writer could make the deltas, but they are made here, in phase 1, as a check: if a base was changed by
hand, the delta has another size, and an error must be found before the first byte is sent. The plan carries
the first `Limits.delta_cache` bytes of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packcore.deflate import deflate, level_for
from packcore.delta.make import make_delta
from packcore.errors import InvalidPlan, MissingObject
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.plans.entries import Delta, PackEntry, Reused, ThinDelta, Whole
from packcore.plans.file import SUPPLIED, pack_file_name
from packcore.plans.plan import PackPlan
from packcore.progress import SILENT
from packcore.search.registry import get_strategy
from packcore.store.bulk import raw_in

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.plans.entries import Encoding
    from packcore.plans.file import PlanRow, SavedPlan
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore, RawEntry

__all__ = ["bind_plan"]


def bind_plan(
    saved: SavedPlan, store: ObjectStore, *, limits: Limits = DEFAULT_LIMITS, progress: Progress = SILENT
) -> PackPlan:
    """Return the plan over a store, ready to write; depth and compression are the saved ones.

    Raises InvalidPlan if an object or pack in the store differs from the plan, and MissingObject if an object
    isn't there, both with the line. Raises PluginError if the strategy isn't installed.
    """
    if store.object_format.name != saved.object_format.name:
        raise InvalidPlan(
            f"{saved.name} is of {saved.object_format.name} objects, not of {store.object_format.name}"
        )
    make = make_delta if saved.strategy == SUPPLIED else get_strategy(saved.strategy).make_delta
    limits = replace(limits, depth=saved.depth, compression=saved.compression)
    binder = _Binder(saved, store, limits, make)
    entries = []
    with progress.phase("reading plan", unit="objects", total=len(saved.rows)) as phase:
        for row in saved.rows:
            entries.append(binder.entry(row))
            phase.advance()
    return PackPlan(
        saved.object_format, tuple(entries), limits, saved.strategy, store, make, saved.unsearched_count
    )


class _Binder:
    """Makes plan entries from rows and the objects of a store."""

    def __init__(self, saved: SavedPlan, store: ObjectStore, limits: Limits, make: Any) -> None:
        self._saved = saved
        self._store = store
        self._limits = limits
        self._make = make
        self._index_of = {row.oid: index for index, row in enumerate(saved.rows)}
        self._cache_left = limits.delta_cache

    def entry(self, row: PlanRow) -> PackEntry:
        """Return the entry for a row; raises what `bind_plan` does."""
        try:
            type_, size = self._store.header(row.oid)
            if (type_, size) != (row.type, row.size):
                self._saved.refuse(row, f"is a {type_.name.lower()} of {size} bytes, not what the plan says")
            return PackEntry(row.oid, row.type, row.size, self._encoding(row))
        except MissingObject as error:
            if error.oid not in (row.oid.hex(), row.base.hex() if row.base else ""):
                raise
            where = f"{self._saved.name}, line {row.line}"
            raise MissingObject(error.oid, context=where, hint=error.hint) from None

    def _encoding(self, row: PlanRow) -> Encoding:
        if row.way == "whole":
            return Whole()
        if row.way == "reused":
            return Reused(self._raw(row), None if row.base is None else self._index_of.get(row.base))
        assert row.base is not None
        delta_size, deflated = self._delta(row, row.base)
        if row.way == "thin":
            return ThinDelta(row.base, delta_size, deflated)
        return Delta(self._index_of[row.base], delta_size, deflated)

    def _raw(self, row: PlanRow) -> RawEntry:
        raw: RawEntry | None = self._store.raw(row.oid)
        if raw is not None and row.pack is not None and pack_file_name(raw) != row.pack:
            raw = raw_in(self._store, row.oid, row.pack)
        if raw is None or pack_file_name(raw) != row.pack:
            self._saved.refuse(
                row, f"is not in {row.pack}", hint="the pack may have been repacked; make the plan again"
            )
        if raw.base != row.base or (row.delta_size is not None and raw.size != row.delta_size):
            self._saved.refuse(row, f"is not stored in {row.pack} as the plan says")
        return raw

    def _delta(self, row: PlanRow, base_oid: ObjectId) -> tuple[int, bytes | None]:
        """Make the delta; return its size, and its stream if the plan has room for it."""
        base_header = self._store.header(base_oid)
        if max(row.size, base_header.size) >= self._limits.big_object:
            self._saved.refuse(row, "or its base is too big for a delta", hint="write it whole")
        base_type, base = self._store.read(base_oid)
        if base_type != row.type:
            self._saved.refuse(row, f"is a {row.type.name.lower()}, and its base a {base_type.name.lower()}")
        delta = self._make(
            row.type, base, self._store.read(row.oid).data, self._saved.object_format.digest_size
        )
        if row.delta_size not in (None, len(delta)):
            self._saved.refuse(
                row,
                f"makes a delta of {len(delta)} bytes, not {row.delta_size}",
                hint="after changing a base, leave deltaSize out",
            )
        if self._cache_left <= 0:
            return len(delta), None
        deflated = deflate(delta, level_for(row.type, self._limits.compression))
        self._cache_left -= len(deflated)
        return len(delta), deflated if self._cache_left >= 0 else None
