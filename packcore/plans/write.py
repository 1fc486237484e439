"""Phase 2: turn a finished plan into the bytes of a pack, block by block.

    PACK | version 2 | count      12 bytes; count is the plan's
    entry, entry, ...             in plan order: header, base (if a delta), zlib stream
    checksum                      hash of all before, as long as an object id

Nothing is searched here. A plan that copies from one pack is written as it is stored there. For other plans,
the writer copies what they carry and makes the rest again, one object at a time. An object of
`limits.big_object` or more goes through in pieces. Small entries are gathered into blocks of about 64 KiB,
since each block becomes one HTTP chunk. A block is sent early if it took much work, so that the connection is
never idle for long.

Format: gitformat-pack in git's documentation. `packcore.plans.split` cuts a plan for several packs.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from packcore.deflate import deflate, deflate_blocks, level_for
from packcore.errors import CorruptData, CorruptObject, CorruptPack, InvalidPlan
from packcore.limits import BLOCK_BYTES
from packcore.pack.blocks import gather
from packcore.pack.format import OFS_DELTA, REF_DELTA, encode_entry_header, encode_pack_header
from packcore.plans.copied import CopiedEntries
from packcore.plans.entries import STREAMED_BYTES, Delta, Reused, ThinDelta, Whole
from packcore.varint import encode_ofs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.ids import ObjectId
    from packcore.plans.entries import PackEntry
    from packcore.plans.plan import PackPlan
    from packcore.store.pack_part import PackPart

__all__ = ["payload_bytes", "write_pack"]


def write_pack(
    plan: PackPlan,
    *,
    ofs_delta: bool = True,
    block_bytes: int = BLOCK_BYTES,
    on_objects: Callable[[int], None] = lambda _: None,
) -> Iterator[bytes]:
    """Yield the bytes of the pack in blocks of at most `block_bytes`, including the trailer.

    `block_bytes` (1 to 64 KiB) is for callers that put each block into a frame. Each call yields the same
    bytes. `ofs_delta=False` names bases by id, for receivers that don't know offset deltas. `on_objects` is
    called now and then with the number of objects written since; where a pack is copied as it is, that is
    estimated from its bytes. Raises MissingObject or CorruptData if the store no longer has what the plan was
    made from. Then the trailer is never written, so no receiver mistakes the pack for complete.
    """
    checksum = plan.object_format.new_hash()
    copied = plan.entries.part if ofs_delta and isinstance(plan.entries, CopiedEntries) else None
    if copied:
        blocks = _counted(copied.blocks(block_bytes), copied, on_objects)
    else:
        blocks = gather(_pieces(plan, ofs_delta, on_objects), block_bytes)
    for block in blocks:
        checksum.update(block)
        yield block
    digest = checksum.digest()
    if copied:
        copied.check(digest)
    yield digest


def _counted(blocks: Iterator[bytes], part: PackPart, on_objects: Callable[[int], None]) -> Iterator[bytes]:
    """Pass blocks on, and tell how many objects they are, as if all had the same size."""
    whole, done_bytes, told = part.byte_count, 0, 0
    for block in blocks:
        yield block
        done_bytes += len(block)
        done = len(part) * min(done_bytes, whole) // whole
        on_objects(done - told)
        told = done


def _pieces(
    plan: PackPlan, ofs_delta: bool, on_objects: Callable[[int], None]
) -> Iterator[tuple[bytes, int]]:
    """Yield the pack without its trailer as pieces, each with the number of inflated bytes it took."""
    header = encode_pack_header(len(plan.entries))
    # Pieces that are only copied are gathered here, to save a turn of the loop for each.
    ready: list[bytes] = [header]
    ready_bytes = 0
    offset = len(header)
    offsets = array("Q")
    told = 0
    for entry in plan.entries:
        offsets.append(offset)
        encoding = entry.encoding
        base_oid: bytes | None = None
        base_index: int | None = None
        deflated: bytes | None = None
        copied: Iterator[bytes] | None = None
        if isinstance(encoding, Reused):
            try:
                copied = encoding.raw.pack.copy_payload(encoding.raw)
            except CorruptPack as error:
                encoding = _by_another_copy(plan, entry, error)
                entry = entry._replace(encoding=encoding)
        if isinstance(encoding, Reused):
            base_index, payload_size, base_oid = encoding.base_index, encoding.raw.size, encoding.raw.base
        elif isinstance(encoding, Whole):
            payload_size, deflated = entry.size, encoding.deflated
        elif isinstance(encoding, Delta):
            base_index, payload_size, deflated = encoding
        else:
            base_oid, payload_size, deflated = encoding
        if base_index is not None and ofs_delta:
            head = encode_entry_header(OFS_DELTA, payload_size) + encode_ofs(offset - offsets[base_index])
        elif base_index is not None:
            head = encode_entry_header(REF_DELTA, payload_size) + plan.entries[base_index].oid
        elif base_oid is not None:
            head = encode_entry_header(REF_DELTA, payload_size) + base_oid
        else:
            head = encode_entry_header(entry.type, payload_size)
        ready.append(head)
        offset += len(head)
        if deflated is not None:
            ready.append(deflated)
            offset += len(deflated)
            ready_bytes += len(deflated)
        elif copied is not None:
            for block in copied:
                ready.append(block)
                offset += len(block)
                ready_bytes += len(block)
                if ready_bytes >= BLOCK_BYTES:
                    yield b"".join(ready), 0
                    ready, ready_bytes = [], 0
        else:
            yield b"".join(ready), 0
            ready, ready_bytes = [], 0
            for piece, work in _payload(plan, entry):
                offset += len(piece)
                yield piece, work
        if ready_bytes >= BLOCK_BYTES:
            yield b"".join(ready), 0
            ready, ready_bytes = [], 0
        if not ready:
            on_objects(len(offsets) - told)
            told = len(offsets)
    yield b"".join(ready), 0
    on_objects(len(offsets) - told)


def payload_bytes(plan: PackPlan, entry: PackEntry) -> int:
    """Return how long the zlib stream of an entry of the plan gets; makes it if the plan doesn't carry it.

    Raises MissingObject or CorruptData if the store can't return the object.
    """
    encoding = entry.encoding
    if isinstance(encoding, Reused):
        return encoding.raw.end_offset - encoding.raw.payload_offset
    if encoding.deflated is not None:
        return len(encoding.deflated)
    return sum(len(piece) for piece, _ in _payload(plan, entry))


def _by_another_copy(plan: PackPlan, entry: PackEntry, error: CorruptPack) -> Whole:
    """Return how to write an entry whose bytes are damaged in the pack to copy from.

    Raises `error` if the store has no undamaged copy.
    """
    digest = plan.object_format.new_hash(b"%s %d\0" % (entry.type.label, entry.size))
    kept: list[bytes] | None = [] if entry.size < STREAMED_BYTES else None
    try:
        for block in _sized_stream(plan, entry.oid, entry.size):
            digest.update(block)
            if kept is not None:
                kept.append(block)
    except CorruptData:
        raise error from None
    if digest.digest() != entry.oid:
        raise error
    if kept is None:
        return Whole()
    return Whole(deflate(b"".join(kept), level_for(entry.type, plan.limits.compression)))


def _payload(plan: PackPlan, entry: PackEntry) -> Iterator[tuple[bytes, int]]:
    """Yield the zlib stream of an entry that the plan doesn't carry."""
    encoding = entry.encoding
    assert not isinstance(encoding, Reused)
    if isinstance(encoding, Whole):
        yield from _whole(plan, entry)
    else:
        base_oid = (
            encoding.base_oid if isinstance(encoding, ThinDelta) else plan.entries[encoding.base_index].oid
        )
        base = plan.store.read(base_oid).data
        target = _read(plan, entry)
        delta = plan.make_delta(entry.type, base, target, plan.object_format.digest_size)
        if len(delta) != encoding.delta_size:
            raise InvalidPlan(
                f"the delta of {entry.oid.hex()} came out as {len(delta)} bytes, not {encoding.delta_size}"
            )
        level = level_for(entry.type, plan.limits.compression)
        # Making a delta takes several times as long as reading.
        yield deflate(delta, level), 4 * (len(base) + len(target))


def _whole(plan: PackPlan, entry: PackEntry) -> Iterator[tuple[bytes, int]]:
    level = level_for(entry.type, plan.limits.compression)
    if entry.size < STREAMED_BYTES:
        yield deflate(_read(plan, entry), level), 4 * entry.size
        return
    for piece in deflate_blocks(_sized_stream(plan, entry.oid, entry.size), level):
        yield piece, 16 * len(piece)


def _read(plan: PackPlan, entry: PackEntry) -> bytes:
    found = plan.store.read(entry.oid)
    if found.type != entry.type or len(found.data) != entry.size:
        raise CorruptObject(_changed(entry.size, len(found.data)), oid=entry.oid.hex())
    return found.data


def _sized_stream(plan: PackPlan, oid: ObjectId, size: int) -> Iterator[bytes]:
    """Yield the blocks of an object; raise if their total size is not the planned one."""
    left = size
    for block in plan.store.stream(oid):
        left -= len(block)
        if left < 0:
            break
        yield block
    if left:
        raise CorruptObject(_changed(size, size - left), oid=oid.hex())


def _changed(size: int, found: int) -> str:
    return f"was planned with {size} bytes, but the store now has {found} bytes or another type"
