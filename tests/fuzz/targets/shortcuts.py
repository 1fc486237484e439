"""Readers of what git prepares to be quicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.ids import SHA1, ObjectId
from packcore.objects import CommitLinks, ObjectType
from packcore.pack.index import PackIndex
from packcore.store.bitmap import Bitmap
from packcore.store.commit_graph import parse_commit_graph
from packcore.store.commit_graph_write import write_commit_graph
from packcore.store.ewah import EwahFault, decode_ewah, encode_ewah
from packcore.store.multi_pack_index import MultiPackIndex
from packcore.store.multi_pack_index_write import write_multi_pack_index
from tests.fuzz import samples
from tests.fuzz.shapes import SEALED
from tests.fuzz.target import target

if TYPE_CHECKING:
    from collections.abc import Iterator

_TREE = ObjectId(b"\7" * 20)


def _graphs() -> Iterator[bytes]:
    yield b"".join(write_commit_graph({}, SHA1))
    oids = [SHA1.hash_object(b"commit", b"%d" % number) for number in range(12)]
    far = 1 << 33
    for dates in (range(12), [far, *range(11)]):
        parents = [oids[max(0, n - 4) : n : 1 + n % 2] for n in range(12)]
        made = {
            oid: CommitLinks(_TREE, tuple(below), date)
            for oid, below, date in zip(oids, parents, dates, strict=True)
        }
        yield b"".join(write_commit_graph(made, SHA1))


def _sets() -> Iterator[bytes]:
    yield encode_ewah(0, 0)
    yield encode_ewah((1 << 400) - 1, 500)
    yield encode_ewah(int.from_bytes(b"some bits" * 9, "big"), 900)


@target(seeds=_sets, words=(b"\0" * 8, b"\xff" * 8))
def ewah(data: bytes) -> None:
    """Read a set of bits, and write it: what is read then is the same."""
    try:
        bits, _ = decode_ewah(data, 0, 1000)
    except EwahFault:
        return
    assert decode_ewah(encode_ewah(bits, 1000), 0, 1000)[0] == bits


def _tables() -> Iterator[bytes]:
    named = []
    for number, pack in enumerate(samples.packs()[:3]):
        index = PackIndex(b"".join(samples.indexed(pack).index_blocks()), SHA1, "x.idx")
        named.append((f"pack-{number}", index))
        yield b"".join(write_multi_pack_index(named, SHA1))


@target(seeds=_tables, shape=SEALED, words=(b"MIDX", b"PNAM", b"OIDF", b"OIDL", b"OOFF", b"LOFF", b"RIDX"))
def multi_pack_index(data: bytes) -> None:
    """Ask a table for all its objects."""
    table = MultiPackIndex(data, SHA1, "multi-pack-index")
    for oid, place in table.places():
        assert table.find(oid) in (place, None) or table.ids.first_disorder() is not None
    table.rows_in_order()
    table.check_file()


def _bitmaps() -> Iterator[bytes]:
    head = b"BITM\0\1\0\1" + (2).to_bytes(4, "big") + bytes(20)
    sets = [encode_ewah(value, 12) for value in (0b11, 0b1100, 0b1110000, 0, 0b1111, 0b110)]
    body = head + b"".join(sets[:4]) + b"\0\0\0\3\0\0" + sets[4] + b"\0\0\0\1\1\0" + sets[5]
    yield body + SHA1.new_hash(body).digest()


@target(seeds=_bitmaps, shape=SEALED, words=(b"BITM",))
def bitmap(data: bytes) -> None:
    """Ask a bitmap for all its sets."""
    made = Bitmap(data, SHA1, "x.bitmap", checksum=bytes(20), object_count=12)
    for type_ in ObjectType:
        made.of_type(type_)
    for row in made.rows:
        assert (made.reached_from(row) or 0).bit_length() <= 12


@target(seeds=_graphs, shape=SEALED, words=(b"CGPH", b"OIDF", b"OIDL", b"CDAT", b"EDGE", b"GDA2", b"GDO2"))
def commit_graph(data: bytes) -> None:
    """Ask a graph for all its commits, in order and by their ids."""
    graph = parse_commit_graph([(data, "graph")], SHA1)
    for oid, tree, node in graph.rows():
        links = graph.links(oid)
        if links is not None and graph.node(oid) == node:
            assert links == CommitLinks(tree, node.parents, node.date)
    graph.check_files()
