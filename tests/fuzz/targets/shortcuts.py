"""Readers of what git prepares to be quicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.ids import SHA1, ObjectId
from packcore.objects import CommitLinks
from packcore.store.commit_graph import parse_commit_graph
from packcore.store.commit_graph_write import write_commit_graph
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


@target(seeds=_graphs, shape=SEALED, words=(b"CGPH", b"OIDF", b"OIDL", b"CDAT", b"EDGE", b"GDA2", b"GDO2"))
def commit_graph(data: bytes) -> None:
    """Ask a graph for all its commits, in order and by their ids."""
    graph = parse_commit_graph([(data, "graph")], SHA1)
    for oid, tree, node in graph.rows():
        links = graph.links(oid)
        if links is not None and graph.node(oid) == node:
            assert links == CommitLinks(tree, node.parents, node.date)
    graph.check_files()
