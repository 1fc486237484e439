"""Phase 2: what `write_pack` makes of a plan."""

import subprocess

from packcore.ids import SHA1
from packcore.objects import ObjectType
from packcore.plan import Candidate
from packcore.select import select
from packcore.store.memory import MemoryStore
from packcore.write import write_pack


def candidates(store):
    return [Candidate(oid, *store.header(oid), b"f", order) for order, oid in enumerate(store)]


def test_a_pack_of_whole_objects_is_accepted_by_git(tmp_path):
    store = MemoryStore(SHA1)
    for number in range(100):
        store.add(ObjectType.BLOB, b"line %d\n" % number * number)
    plan = select(store, candidates(store), strategy="none")
    (tmp_path / "x.pack").write_bytes(b"".join(write_pack(plan)))
    subprocess.run(["git", "index-pack", tmp_path / "x.pack"], check=True, capture_output=True)
