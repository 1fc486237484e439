"""Times of the engine's four works on a generated corpus: read, index, select, write. For pytest-benchmark.

    pytest benchmarks -o addopts="" --import-mode=importlib --benchmark-only

No other run includes them, and no time fails a build.
"""

from __future__ import annotations

from collections import deque

import pytest

from benchmarks.corpora import generated_store
from packcore import list_objects, select, write_pack
from packcore.ids import SHA1
from packcore.pack.indexer import index_pack_file
from packcore.store.packfile import PackFile

OBJECTS = 3000


@pytest.fixture(scope="module")
def corpus():
    store, tips = generated_store(OBJECTS)
    return store, list_objects(store, tips, ())


@pytest.fixture(scope="module")
def plan(corpus):
    return select(*corpus)


@pytest.fixture(scope="module")
def pack_path(plan, tmp_path_factory):
    path = tmp_path_factory.mktemp("engine") / "x.pack"
    path.write_bytes(b"".join(write_pack(plan)))
    path.with_suffix(".idx").write_bytes(b"".join(index_pack_file(path, object_format=SHA1).index_blocks()))
    return path


def test_select(benchmark, corpus):
    plan = benchmark.pedantic(select, args=corpus, rounds=3)
    assert plan.object_count == len(corpus[1])


def test_write(benchmark, plan):
    benchmark(lambda: deque(write_pack(plan), maxlen=0))


def test_index(benchmark, pack_path, plan):
    indexed = benchmark(lambda: index_pack_file(pack_path, object_format=SHA1))
    assert len(indexed.table) == plan.object_count


def test_read(benchmark, pack_path):
    def read_all():
        pack = PackFile(pack_path, SHA1)
        try:
            for oid in pack.storage_order(pack):
                pack.read(oid)
        finally:
            pack.close()

    benchmark(read_all)
