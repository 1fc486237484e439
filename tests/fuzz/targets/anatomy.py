"""The readers behind `explain`: whatever the bytes, each belongs to one leaf, and faults are drawn."""

from __future__ import annotations

import contextlib
import zlib
from typing import TYPE_CHECKING

from packcore.anatomy import ChainReader, open_anatomy, open_pack_anatomy, read_chain
from packcore.anatomy.model import leaves
from packcore.errors import PackcoreError
from tests.fuzz import samples
from tests.fuzz.shapes import PACK, SEALED, ZLIB
from tests.fuzz.target import scratch, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.anatomy import Anatomy


def _walk(anatomy: Anatomy) -> None:
    """Walk all leaves, and those of what is inflated; values and notes are made on the way."""
    waiting, held = [anatomy], 0
    while waiting and held < 200:
        here = waiting.pop()
        held += 1
        at = 0
        for leaf in leaves(here.root):
            assert leaf.start == at, f"{leaf.name} starts at {leaf.start}, not {at}"
            at = leaf.end
            if leaf.has_content:
                with contextlib.suppress(PackcoreError):
                    if (content := leaf.content()) is not None:
                        waiting.append(content)
        assert at == here.size, f"the leaves end at {at} of {here.size}"


def _file(data: bytes, name: str) -> Path:
    path = scratch(f"anatomy/{name}")
    path.write_bytes(data)
    return path


@target(seeds=samples.packs, shape=PACK)
def explain_pack(data: bytes) -> None:
    """Draw a pack, and rebuild the object of each of its entries."""
    path = _file(data, "x.pack")
    with open_anatomy(path) as anatomy:
        _walk(anatomy)
    with open_pack_anatomy(path) as pack:
        offset, number = 12, 0
        while number < min(pack.count, 50):
            entry = pack.entry_at(offset, number)
            with contextlib.suppress(PackcoreError):
                ChainReader(pack).read(entry)
                read_chain(pack, entry)
            offset, number = pack.end_of(entry), number + 1


def _indexes() -> Iterator[bytes]:
    for pack in samples.packs():
        yield b"".join(samples.indexed(pack).index_blocks())


@target(seeds=_indexes, shape=SEALED)
def explain_index(data: bytes) -> None:
    """Draw an index, of either version by its first bytes."""
    with open_anatomy(_file(data, "x.idx")) as anatomy:
        _walk(anatomy)


@target(
    seeds=lambda: [b"".join(samples.indexed(pack).reverse_index_blocks()) for pack in samples.packs()],
    shape=SEALED,
)
def explain_reverse_index(data: bytes) -> None:
    """Draw a reverse index."""
    with open_anatomy(_file(data, "x.rev")) as anatomy:
        _walk(anatomy)


@target(
    seeds=lambda: [
        zlib.compress(b"blob 5\0hello"),
        zlib.compress(b"tree %d\0" % len(samples.TREE) + samples.TREE),
    ],
    shape=ZLIB,
    words=(b"blob ", b"tree ", b"commit ", b"tag ", b"\0"),
)
def explain_loose_object(data: bytes) -> None:
    """Draw a loose object, and what is in it."""
    with open_anatomy(_file(data, "object")) as anatomy:
        _walk(anatomy)
