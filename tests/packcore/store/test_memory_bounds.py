"""The law of memory: however large objects are, and however many, what is held is bounded.

Measured with tracemalloc, which counts what Python allocates: the same on each machine. What a mapped
pack keeps resident is counted by the kernel, where that is Linux.
"""

from __future__ import annotations

import random
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packcore.deflate import deflate
from packcore.delta.codec import Copy, Insert, encode_delta
from packcore.ids import SHA1
from packcore.limits import KIB, MIB, Limits
from packcore.pack import mapping
from packcore.pack.format import encode_entry_header, encode_pack_header
from packcore.store import listing
from packcore.store.bulk import headers_of
from packcore.store.packfile import PackFile
from packcore.store.spool import SpooledPack
from tests.packcore.pack_builder import blob_id, build_pack, cut, ofs_delta, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy does not count what it allocates")

SMALL_LIMITS = replace(Limits(), big_object=256 * KIB, resolve_memory=MIB, base_cache=MIB)


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """Return a function that tells the most bytes allocated at once since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, bytes]:
    """Return a pack of a 24 MB blob and a delta to its next version, and both ids."""
    text = random.Random(6).randbytes(3 * MIB) * 8
    middle = len(text) // 2
    edited = text[:middle] + b"edited" + text[middle + 3 :]
    rest = len(text) - middle - 3
    delta = encode_delta(len(text), len(edited), [Copy(0, middle), Insert(b"edited"), Copy(middle + 3, rest)])
    path = tmp_path_factory.mktemp("big") / "big.pack"
    path.write_bytes(build_pack([whole(text), ofs_delta(0, delta), whole(b"small")]))
    return path, blob_id(text), blob_id(edited)


def test_a_large_object_and_its_delta_pass_through_little_memory(two_versions, peak: Callable[[], int]):
    path, *oids = two_versions
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(64 * KIB), b"")
        with SpooledPack.receive(blocks, object_format=SHA1, limits=SMALL_LIMITS) as spool:
            for oid in oids:
                size = sum(map(len, spool.stream(oid)))
                assert size == spool.header(oid).size
                raw = spool.raw(oid)
                assert raw is not None
                assert sum(map(len, raw.pack.copy_payload(raw))) == raw.end_offset - raw.payload_offset
    assert peak() < 3 * MIB


def test_many_objects_cost_few_bytes_each(peak: Callable[[], int]):
    count = 5_000

    def body() -> Iterator[bytes]:
        yield encode_pack_header(count)
        for number in range(count):
            yield encode_entry_header(3, 8) + deflate(b"%08d" % number, 1)

    def blocks() -> Iterator[bytes]:
        digest = SHA1.new_hash()
        for block in body():
            digest.update(block)
            yield block
        yield digest.digest()

    limits = replace(SMALL_LIMITS, resolve_memory=0)
    with SpooledPack.receive(blocks(), object_format=SHA1, limits=limits) as spool:
        held, _ = tracemalloc.get_traced_memory()
        assert spool.object_count == count
        assert held < 100 * count  # 79 with CPython 3.11, 83 with 3.14
    assert peak() < 200 * count + MIB


def test_a_comb_of_deltas_stays_within_the_resolvers_memory(peak: Callable[[], int]):
    base = random.Random(7).randbytes(200 * KIB)
    entries = [whole(base)]
    for number in range(40):
        # Each link of the chain has a leaf beside it, so that all links wait for something.
        size = len(base) + 4 * number
        grown = encode_delta(size, size + 4, [Copy(0, size), Insert(b"more")])
        spine = 0 if number == 0 else 2 * number - 1
        entries.append(ofs_delta(spine, grown))
        entries.append(ofs_delta(spine, encode_delta(size, 10, [Copy(number, 10)])))
    pack = build_pack(entries)
    with SpooledPack.receive(cut(pack, 64 * KIB), object_format=SHA1, limits=SMALL_LIMITS) as spool:
        assert len(set(spool)) == len(entries)
    assert peak() < 4 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which pages are of files")
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "together"])
def test_looking_at_all_heads_of_a_pack_keeps_little_of_it_resident(tmp_path, monkeypatch, together):
    for module in (mapping, listing):
        monkeypatch.setattr(module, "RESIDENT_BYTES", MIB)
    made = build_pack([whole(random.Random(number).randbytes(24 * KIB)) for number in range(400)])
    with SpooledPack.receive([made], object_format=SHA1) as spool:
        pack = PackFile(spool.install(tmp_path), SHA1, Limits())
    before = file_pages_bytes()
    try:
        found = headers_of(pack, list(pack)) if together else [pack.header(oid) for oid in pack]
        assert len(found) == 400
        assert file_pages_bytes() - before < 4 * MIB < len(made) // 2
    finally:
        pack.close()


def file_pages_bytes() -> int:
    """Return the bytes of files that are resident in this process."""
    found = re.search(r"RssFile:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * KIB
