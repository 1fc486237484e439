"""Readers of packs, their indexes and deltas."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from packcore.checks.arrivals import check_content, check_links
from packcore.checks.settings import ArrivalSettings
from packcore.delta.blockwise import apply_delta_blocks
from packcore.delta.codec import Copy, Insert, apply_delta, delta_sizes, encode_delta, iter_instructions
from packcore.errors import MissingObject, PackcoreError
from packcore.ids import SHA1
from packcore.limits import KIB, Limits
from packcore.objects import ObjectType
from packcore.pack.index import PackIndex
from packcore.pack.index_write import IndexForm
from packcore.pack.mtimes import read_mtimes, write_mtimes
from packcore.pack.reader import PackReader
from packcore.pack.reverse_index import read_reverse_index
from packcore.store.memory import MemoryStore
from packcore.store.pack_part import PackPart
from packcore.store.packfile import PackFile
from packcore.store.salvage import salvage_pack
from packcore.store.spool import SpooledPack
from tests.fuzz import samples
from tests.fuzz.shapes import PACK, PACK_PAIR, SEALED, Shape, join_pair, split_pair
from tests.fuzz.target import agree, pieces, scratch, target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LIMITS = Limits(object_bytes=256 * KIB, pack_objects=1000)
_STREAMING = Limits(object_bytes=256 * KIB, pack_objects=1000, big_object=64)
"""Here nearly every object is one of those that are never whole in memory."""


@target(seeds=samples.packs, shape=PACK)
def pack_stream(data: bytes) -> None:
    """Read a pack's entries from one block, and byte by byte."""

    def read(blocks: Iterator[bytes], window_bytes: int) -> object:
        reader = PackReader(blocks, object_format=SHA1, limits=_LIMITS, window_bytes=window_bytes)
        return list(reader), reader.checksum

    agree(lambda: read(iter([data]), 64 * KIB), lambda: read(pieces(data), 1))


def _outside() -> MemoryStore:
    store = MemoryStore(SHA1)
    store.add(ObjectType.BLOB, samples.BASE)
    return store


@target(seeds=lambda: [*samples.packs(), samples.thin_pack()], shape=PACK)
def index_pack(data: bytes) -> None:
    """Take a pack in, whole in memory and streaming: the same objects under the same ids."""

    def take(limits: Limits) -> object:
        with SpooledPack.receive([data], object_format=SHA1, limits=limits, bases=_outside()) as pack:
            objects = {oid: pack.read(oid) for oid in pack}
        for oid, (type_, content) in objects.items():
            assert SHA1.hash_object(type_.label, content) == oid
        return objects

    agree(lambda: take(_LIMITS), lambda: take(_STREAMING))


@target(seeds=lambda: [*samples.packs(), samples.thin_pack()], shape=PACK)
def salvage(data: bytes) -> None:
    """Look for what can be recovered of a pack, given in one block and in small ones."""

    def look(blocks: Iterator[bytes]) -> object:
        found = salvage_pack(blocks, samples.repository(), limits=_LIMITS, dry_run=True)
        return found.recovered, [str(fault) for fault in found.faults]

    agree(lambda: look(iter([data])), lambda: look(pieces(data)))


@target(seeds=lambda: [*samples.packs(), samples.thin_pack()], shape=PACK)
def arriving_pack(data: bytes) -> None:
    """Check the content and the links of the objects of a pack that arrives."""
    with SpooledPack.receive([data], object_format=SHA1, limits=_LIMITS, bases=_outside()) as pack:
        check_content(pack, ArrivalSettings(), samples.repository(), added=pack.added)
        with suppress(MissingObject):  # which mutated ids mostly are
            check_links(pack, samples.repository(), added=pack.added)


def _pair(data: bytes) -> PackFile:
    index, pack = split_pair(data)
    path = scratch("pair.pack")
    path.write_bytes(pack)
    path.with_suffix(".idx").write_bytes(index)
    return PackFile(path, SHA1, _LIMITS)


def _pairs() -> Iterator[bytes]:
    for pack in samples.packs():
        yield join_pair(b"".join(samples.indexed(pack).index_blocks()), pack)
    made = samples.indexed(samples.packs()[0])
    yield join_pair(b"".join(made.index_blocks(IndexForm(1))), samples.packs()[0])


@target(seeds=_pairs, shape=PACK_PAIR, bytes_max=4096)
def pack_behind_index(data: bytes) -> None:
    """Read each object that an index names, in every way that a pack is read."""
    pack = _pair(data)
    fault: PackcoreError | None = None
    try:
        oids = list(pack)
        for oid in oids:
            ways: tuple[Callable[[], object], ...] = (
                lambda oid=oid: pack.header(oid),  # type: ignore[misc]
                lambda oid=oid: agree(  # type: ignore[misc]
                    lambda: pack.read(oid).data, lambda: b"".join(pack.stream(oid))
                ),
                lambda oid=oid: (raw := pack.raw(oid)) and list(pack.copy_payload(raw)),  # type: ignore[misc]
            )
            for way in ways:
                try:
                    way()
                except PackcoreError as error:
                    fault = error
        pack.storage_order(oids)
        part = PackPart.of(pack, oids)
        if part is not None:
            list(part.blocks(64 * KIB))
    finally:
        pack.close()
    if fault is not None:
        raise fault


def _indexes() -> Iterator[bytes]:
    for pack in samples.packs():
        made = samples.indexed(pack)
        yield b"".join(made.index_blocks())
        yield b"".join(made.index_blocks(IndexForm(1)))
    made = samples.indexed(samples.packs()[2])
    made.table.offsets[1] = 1 << 40
    made.table.offsets[2] = (1 << 63) - 1
    yield b"".join(made.index_blocks())


@target(seeds=_indexes, shape=SEALED)
def pack_index(data: bytes) -> None:
    """Ask an index everything: one id at a time and all at once give the same offsets."""
    index = PackIndex(data, SHA1, "x.idx")
    oids = list(index)
    assert [index.oid(position) for position in range(len(index))] == oids
    offsets = list(index.offsets())
    assert [index.offset(position) for position in range(len(index))] == offsets
    index.pack_order()
    index.crcs()
    index.find_range(b"\x10", b"\x80")
    index.verify()
    found = [index.find_offset(oid) for oid in oids]
    assert list(index.find_offsets(oids)) == found
    assert index.find(bytes(20)) == (oids.index(SHA1.zero) if SHA1.zero in oids else -1)


@target(
    seeds=lambda: [b"".join(samples.indexed(pack).reverse_index_blocks()) for pack in samples.packs()],
    shape=SEALED,
)
def reverse_index(data: bytes) -> None:
    """Read a reverse index for as many objects as its size has room for."""
    read_reverse_index(data, max(0, (len(data) - 52) // 4), SHA1, "x.rev")


@target(
    seeds=lambda: [b"".join(write_mtimes(range(3), bytes(20), SHA1))],
    shape=SEALED,
)
def mtimes(data: bytes) -> None:
    """Read an .mtimes file for as many objects as its size has room for."""
    read_mtimes(data, max(0, (len(data) - 52) // 4), SHA1, "x.mtimes")


def _split_delta(data: bytes) -> list[bytes]:
    size = int.from_bytes(data[:2], "big")
    return [data[2 : 2 + size], data[2 + size :]]


def _join_delta(pieces: list[bytes]) -> bytes:
    base, delta = [*pieces, b"", b""][:2]
    return len(base).to_bytes(2, "big") + base + delta


def _deltas() -> Iterator[bytes]:
    base = samples.BASE
    yield _join_delta([base, encode_delta(len(base), 107, [Insert(b"changed"), Copy(200, 100)])])
    yield _join_delta([base, encode_delta(len(base), 260, [Copy(3, 256), Copy(299, 1), Insert(b"end")])])
    yield _join_delta([b"", encode_delta(0, 130, [Insert(b"x" * 127), Insert(b"yyy")])])


@target(seeds=_deltas, shape=Shape(_split_delta, _join_delta), bytes_max=1024)
def delta(data: bytes) -> None:
    """Apply a delta whole, in blocks, and by its listed instructions."""
    base, instructions = _split_delta(data)
    limit = 256 * KIB
    if (sizes := _sizes(instructions)) is not None and sizes[1] > limit:
        apply_delta(base, instructions, target_bytes_max=limit)  # refused before anything is made

    def listed() -> bytes:
        made = bytearray()
        apply_delta(base, instructions)
        for one in iter_instructions(instructions):
            made += one.data if isinstance(one, Insert) else base[one.offset : one.offset + one.size]
        return bytes(made)

    agree(
        lambda: apply_delta(base, instructions),
        lambda: b"".join(
            apply_delta_blocks(
                lambda offset, size: base[offset : offset + size], len(base), pieces(instructions)
            )
        ),
        listed,
    )


def _sizes(instructions: bytes) -> tuple[int, int] | None:
    try:
        return delta_sizes(instructions)
    except PackcoreError:
        return None
