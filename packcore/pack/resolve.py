"""Resolve deltas: find out which object each entry is, in a pack whose deltas come in any order.

    while the pack is scanned    add(...)        records bases; keeps streams inflated as memory allows
    then                         resolve(...)    from each whole object down through its deltas
    for a thin pack              missing()       the ids of bases that the pack doesn't have
    once such a base was added   resolve_below(...)

The deltas of a pack form a forest: whole objects are the roots, and each delta is a child of its base.
Children are stored in two flat arrays (first child, next sibling). One walk with an explicit stack goes down
from each root, so a base is inflated once and dropped when its last child is made. Children without children
of their own go first, which keeps the number of waiting bases small.

`Limits.resolve_memory` bounds memory: kept streams, and bases that wait for further children. Beyond it, the
topmost base is dropped first, and made again when needed: from the nearest base above that is still kept, or
from the pack. An object of `Limits.big_object` or more is a temporary file.

A cycle of ref-deltas has no root, so its members end up as deltas whose base is missing, and their ids can't
be known. Ofs-deltas can't form a cycle, since their base comes before them. If a member of a cycle occurs a
second time, perhaps whole, the entire cycle resolves: `packcore.pack.duplicates` finds those.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.delta.codec import DELTA_HEAD_BYTES_MAX, TargetTooLarge, apply_delta
from packcore.errors import CorruptData, MissingObject, structure_too_large
from packcore.ids import ObjectId
from packcore.objects import ObjectType
from packcore.pack.delta_faults import delta_fault, other_id, target_size, too_deep
from packcore.pack.scratch import Content, Scratch, apply_to, passed_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from packcore.limits import Limits
    from packcore.pack.mapping import PackSource
    from packcore.pack.observer import Observer
    from packcore.pack.table import PackTable

__all__ = ["Resolver"]


_LABELS = {int(type_): type_.label for type_ in ObjectType}
_KEPT_COST_BYTES = 130  # memory for a kept stream on top of its bytes: object header, slot, number
_ADVANCE_DELTAS = 256  # report progress after this many deltas


class Resolver:
    """Resolves the deltas of one pack into its table. `directory` is for temporary files."""

    def __init__(
        self,
        table: PackTable,
        limits: Limits,
        directory: Path | None = None,
        observe: Observer | None = None,
    ) -> None:
        self.observe = observe
        """Called for each delta once it is resolved; whoever scans calls it for whole objects."""
        self.observed_later: frozenset[int] = frozenset()
        """Types of whole objects for which `resolve_trees` calls it instead, perhaps in another process."""
        self.inflate: Callable[[int], bytes] | None = None
        """Returns the stream of an entry below `Limits.big_object`, for a caller that checks more of it."""
        self._are_ids_stated = False
        self._table = table
        self._limits = limits
        self._directory = directory
        self._first_child = array("i")
        self._next_sibling = array("i")
        self._ref_children: dict[ObjectId, int] = {}  # id of the base -> first child, until the base turns up
        self._ref_bases: dict[int, ObjectId] = {}  # the reverse: entry -> id of its base
        self._kept: dict[int, bytes] = {}  # streams inflated while scanning
        self._kept_bytes = 0
        self._kept_full = False
        self._live: dict[int, Content] = {}  # bases that wait for further children, topmost first
        self._live_bytes = 0
        self._waiting: dict[int, int] = {}  # how many children of each base on the way are still to come
        self.source: PackSource
        """Where entries are read again; set before anything is resolved, be it by other processes."""

    def add(
        self,
        entry_index: int,
        *,
        base_index: int = -1,
        base_oid: ObjectId | None = None,
        data: bytes | None = None,
    ) -> None:
        """Add an entry while scanning: its base, if it is a delta, and its inflated stream."""
        self._first_child.append(-1)
        self._next_sibling.append(-1)
        if base_index >= 0:
            first_child = self._first_child
            self._next_sibling[entry_index] = first_child[base_index]
            first_child[base_index] = entry_index
            self._table.bases[entry_index] = base_index
        elif base_oid is not None:
            self._next_sibling[entry_index] = self._ref_children.get(base_oid, -1)
            self._ref_children[base_oid] = entry_index
            self._ref_bases[entry_index] = base_oid
        if data is not None and not self._kept_full:
            self._kept[entry_index] = data
            self._kept_bytes += len(data) + _KEPT_COST_BYTES
            if self._kept_bytes > self._limits.resolve_memory:
                self._shed()

    def know_entries(self) -> None:
        """Take the bases of all entries from the table, instead of `add` for each, and check their ids."""
        self._first_child, self._next_sibling = self._table.children()
        self._are_ids_stated = True

    def has_deltas(self, entry_index: int) -> bool:
        """Return whether an entry is known to be a base."""
        return self._first_child[entry_index] >= 0

    def keep(self, entry_index: int, data: bytes) -> None:
        """Keep an object until its deltas are resolved, which comes next."""
        self._kept[entry_index] = data
        self._kept_bytes += len(data) + _KEPT_COST_BYTES

    def _shed(self) -> None:
        """Keep only deltas and objects known to be bases; if that is not enough, stop keeping streams."""
        kept = self._kept
        types = self._table.types
        for entry_index in [i for i in kept if types[i] and self._first_child[i] < 0]:
            self._kept_bytes -= len(kept.pop(entry_index)) + _KEPT_COST_BYTES
        budget = self._limits.resolve_memory
        self._kept_full = self._kept_bytes > budget * 3 // 4
        while self._kept_bytes > budget:
            self._kept_bytes -= len(kept.popitem()[1]) + _KEPT_COST_BYTES

    def resolve(self, advance: Callable[[int], None]) -> None:
        """Resolve all deltas based on objects of the pack; call `advance` with the number of deltas done.

        Raises CorruptPack for a delta that does not fit its base, and LimitExceeded for a chain longer than
        `chain_depth` or a result over `object_bytes`.
        """
        types = self._table.types
        # Before the walk, only whole objects have a type; deltas get theirs during the walk.
        roots = (root for root in range(len(types)) if types[root] and self._table.bases[root] < 0)
        self.resolve_trees(roots, advance)
        self.forget()

    def resolve_trees(self, roots: Iterable[int], advance: Callable[[int], None]) -> None:
        """Resolve the deltas below some whole objects. Raises as `resolve`."""
        types = self._table.types
        for root in roots:
            if self.observe is not None and types[root] in self.observed_later:
                data = self._kept.get(root)
                if data is None and self._table.sizes[root] < self._limits.big_object:
                    data = self.source.inflate(self.source.entry(self._table.offsets[root]))
                self.observe(types[root], self._table.oid(root), data, None, None)
            self._resolve_tree(root, advance)

    def forget(self) -> None:
        """Drop the kept streams: everything is resolved."""
        self._kept.clear()
        self._kept_bytes = 0

    def use_memory(self, resolve_memory: int) -> None:
        """Bound memory by another number of bytes from now on, besides the streams that are kept."""
        self._limits = replace(self._limits, resolve_memory=self._kept_bytes + resolve_memory)

    def resolve_below(self, root: int) -> None:
        """Resolve the deltas based on a whole object that was added to the pack after the scan."""
        self._resolve_tree(root, lambda _: None)

    def missing(self) -> list[tuple[int, ObjectId]]:
        """Return the unresolved ref-deltas in pack order: entry index, and id of the base."""
        return sorted(self._ref_bases.items())

    def check_complete(self) -> None:
        """Raise MissingObject if a delta is left without its base."""
        if not (missing := self.missing()):
            return
        entry_index, oid = missing[0]
        unresolved = self._table.types.count(0)
        raise MissingObject(
            oid.hex(),
            context=f"the base of the delta at offset {self._table.offsets[entry_index]}; "
            f"{unresolved} deltas of the pack can't be resolved",
            hint="the pack is thin or damaged, or its deltas form a cycle",
        )

    def _resolve_tree(self, root: int, advance: Callable[[int], None]) -> None:
        # The main loop of the indexer: it runs once for each delta of every received pack.
        stack = self._take_children(root, self._table.oid(root) if self._ref_children else None)
        if not stack:
            if (data := self._kept.pop(root, None)) is not None:
                self._kept_bytes -= len(data) + _KEPT_COST_BYTES
            return
        self._waiting[root] = len(stack)
        table = self._table
        types, sizes, bases, depths = table.types, table.sizes, table.bases, table.depths
        oids, digest_size = table.oids, table.object_format.digest_size
        first_child = self._first_child
        kept, live, waiting = self._kept, self._live, self._waiting
        big_bytes = self._limits.big_object
        new_hash = table.object_format.new_hash
        type_ = types[root]
        label = _LABELS[type_]
        depth_max = self._limits.chain_depth
        observe, inflate, are_ids_stated = self.observe, self.inflate, self._are_ids_stated
        done = 0
        while stack:
            entry_index = stack.pop()
            base_index = bases[entry_index]
            depth = depths[base_index] + 1
            if depth > depth_max:
                raise too_deep(self._table, entry_index, self._limits)
            depths[entry_index] = depth
            base = live.get(base_index)
            if base is None:
                base = self.load(base_index)
            left = waiting[base_index] - 1
            if left:
                waiting[base_index] = left
                if base_index not in live:
                    self._hold(base_index, base)
            else:
                del waiting[base_index]
                if base_index in live:
                    self._release(base_index)
            delta = kept.pop(entry_index, None)
            if delta is not None:
                self._kept_bytes -= len(delta) + _KEPT_COST_BYTES
            elif sizes[entry_index] < big_bytes:
                if inflate is not None:
                    delta = inflate(entry_index)
                else:
                    delta = self.source.inflate(self.source.entry(table.offsets[entry_index]))
            result: Content | None
            made: bytes | None = None
            if delta is not None and isinstance(base, bytes):
                try:
                    made = apply_delta(base, delta, target_bytes_max=big_bytes - 1)
                except TargetTooLarge:
                    pass  # made in pieces, below
                except CorruptData as error:
                    raise delta_fault(self._table, entry_index, error) from None
            if made is None:
                oid, result = self._apply_big(entry_index, base, delta, label)
                size = sizes[entry_index]
            else:
                result = made
                size = len(made)
                digest = new_hash(b"%s %d\0" % (label, size))
                digest.update(made)
                oid = ObjectId(digest.digest())
            sizes[entry_index] = size
            types[entry_index] = type_
            if not are_ids_stated:
                oids[entry_index * digest_size : (entry_index + 1) * digest_size] = oid
            elif not oids.startswith(oid, entry_index * digest_size):
                raise other_id(table, entry_index)
            if observe is not None:
                base_oid = ObjectId(bytes(oids[base_index * digest_size : (base_index + 1) * digest_size]))
                observe(type_, oid, made, base_oid, base if isinstance(base, bytes) else None)
            done += 1
            if done >= _ADVANCE_DELTAS:
                advance(done)
                done = 0
            if first_child[entry_index] >= 0 or (self._ref_children and oid in self._ref_children):
                children = self._take_children(entry_index, oid)
                waiting[entry_index] = len(children)
                stack += children
                if result is not None:
                    self._hold(entry_index, result)
            elif isinstance(result, Scratch):
                result.close()
            if isinstance(base, Scratch) and base_index not in waiting:
                base.close()
        if done:
            advance(done)

    def _take_children(self, entry_index: int, oid: ObjectId | None) -> list[int]:
        """Return the children of an entry in reverse order; those waiting for its id become its own."""
        children = list(self._siblings(self._first_child[entry_index]))
        if oid is not None and oid in self._ref_children:
            for child in self._siblings(self._ref_children.pop(oid)):
                children.append(child)
                self._table.bases[child] = entry_index
                del self._ref_bases[child]
        if len(children) > 1:
            first_child = self._first_child
            children.sort(key=lambda child: first_child[child] < 0)
        return children

    def _siblings(self, child: int) -> Iterator[int]:
        while child >= 0:
            yield child
            child = self._next_sibling[child]

    def _hold(self, entry_index: int, content: Content) -> None:
        """Keep a base for further children, and drop the oldest ones to make room."""
        live = self._live
        live[entry_index] = content
        if isinstance(content, Scratch):
            return
        self._live_bytes += len(content)
        while self._live_bytes + self._kept_bytes > self._limits.resolve_memory:
            oldest = next(
                (i for i, held in live.items() if i != entry_index and isinstance(held, bytes)), None
            )
            if oldest is None:
                break
            self._release(oldest)

    def _release(self, entry_index: int) -> None:
        content = self._live.pop(entry_index)
        if isinstance(content, bytes):
            self._live_bytes -= len(content)

    def load(self, entry_index: int, *, hold: bool = False) -> Content:
        """Make a resolved object: from the nearest base above it that is still kept, or from the pack.

        With `hold`, the bases made on the way are kept for others, as far as memory allows.
        """
        chain = []
        content: Content | None = None
        while content is None:
            content = self._live.get(entry_index)
            if content is None:
                if self._table.bases[entry_index] < 0:
                    content = self._load_root(entry_index)
                    if hold and isinstance(content, bytes):
                        self._hold(entry_index, content)
                else:
                    chain.append(entry_index)
                    entry_index = self._table.bases[entry_index]
        borrowed = entry_index in self._live
        while chain:
            entry_index = chain.pop()
            base = content
            content = self._remake(entry_index, base)
            if hold and isinstance(content, bytes):
                self._hold(entry_index, content)
            if isinstance(base, Scratch) and not borrowed:
                base.close()
            borrowed = False
        return content

    def _load_root(self, entry_index: int) -> Content:
        if (data := self._kept.pop(entry_index, None)) is not None:
            self._kept_bytes -= len(data) + _KEPT_COST_BYTES
            return data
        header = self.source.entry(self._table.offsets[entry_index])
        if header.size < self._limits.big_object:
            return self.source.inflate(header)
        return Scratch(self.source.inflate_blocks(header), self._directory)

    def _remake(self, entry_index: int, base: Content) -> Content:
        """Apply a delta that was applied before."""
        size = self._table.sizes[entry_index]
        header = self.source.entry(self._table.offsets[entry_index])
        is_big = header.size >= self._limits.big_object
        delta = self.source.inflate_blocks(header) if is_big else self.source.inflate(header)
        blocks = apply_to(base, delta, self._limits.big_object - 1)
        return b"".join(blocks) if size < self._limits.big_object else Scratch(blocks, self._directory)

    def _apply_big(
        self, entry_index: int, base: Content, delta: bytes | None, label: bytes
    ) -> tuple[ObjectId, Content | None]:
        """Apply a delta if base, delta or target is too large for memory.

        Sets the size of the entry. The target is kept only if it may have children. A large target whose
        children are known only by its id is made again for them.
        """
        header = self.source.entry(self._table.offsets[entry_index])
        head = delta if delta is not None else self.source.inflate_head(header, DELTA_HEAD_BYTES_MAX)
        size = target_size(self._table, entry_index, head, self._limits)
        if size > self._limits.structure_bytes and label != b"blob":
            what = f"the {label.decode()} at offset {header.offset}"
            raise structure_too_large(what, size, self._limits.structure_bytes)
        digest = self._table.object_format.new_hash(b"%s %d\0" % (label, size))
        result: Content | None = None
        try:
            instructions = self.source.inflate_blocks(header) if delta is None else delta
            made = apply_to(base, instructions, self._limits.big_object - 1)
            blocks = passed_on(made, digest.update)
            if size < self._limits.big_object:
                result = b"".join(blocks)
            elif self._first_child[entry_index] >= 0:
                result = Scratch(blocks, self._directory)
            else:
                for _ in blocks:
                    pass
        except CorruptData as error:
            raise delta_fault(self._table, entry_index, error) from None
        self._table.sizes[entry_index] = size
        return ObjectId(digest.digest()), result
