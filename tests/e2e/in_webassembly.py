"""Run by Pyodide for `test_webassembly.py`: pack a repository, add the pack to another one, set its ref."""

from __future__ import annotations

import sys
from pathlib import Path

import packcore
from packcore.pack.indexer import index_pack_file
from packcore.search import partition
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack

assert sys.platform == "emscripten"
partition.SEARCHED_MIN = partition.HALVED_MIN = partition.PART_MIN = (
    10  # so that even a small search is cut into parts
)

with packcore.open_repository(Path("/io/x.git")) as store:
    tip = packcore.resolve_revision(store, "main")
    objects = packcore.list_objects(store, wants=[tip], haves=[])
    plans = [packcore.select(store, objects, reuse_deltas=False, jobs=jobs) for jobs in (1, 2)]
    packs = [b"".join(packcore.write_pack(plan)) for plan in plans]
    assert packs[0] == packs[1]

pack = Path("/io/x.pack")
pack.write_bytes(packs[0])
pack.with_suffix(".idx").write_bytes(
    b"".join(index_pack_file(pack, object_format=packcore.SHA1).index_blocks())
)

with Repository.init(Path("/io/y.git")) as repository:
    with SpooledPack.receive([packs[0]], object_format=packcore.SHA1) as spool:
        repository.add_pack(spool)
    repository.update_ref("refs/heads/main", tip)
