"""Stores for tests of selection and writing: a small history to order, and objects that lie in a pack.

store, tip = make_history(seed=1)       commits, trees, blobs with edits, renames, branches and merges
LyingInPack(plan)                       a store whose `raw` gives the objects as the plan's pack has them
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from packcore.deflate import deflate
from packcore.ids import SHA1
from packcore.objects import ObjectType
from packcore.plans.entries import Candidate, Delta, Whole
from packcore.store.base import RawEntry, StoredObject
from packcore.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.plans.plan import PackPlan

WORDS = [f"word{number:03d}" for number in range(200)]


def make_text(rng: random.Random, lines: int) -> list[bytes]:
    return [(" ".join(rng.choices(WORDS, k=rng.randrange(1, 12))) + "\n").encode() for _ in range(lines)]


def edit(rng: random.Random, lines: list[bytes]) -> list[bytes]:
    """Return the lines with some put in, taken out, changed and moved."""
    edited = list(lines)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(edited) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            edited[at:at] = make_text(rng, rng.randrange(1, 5))
        elif kind == 1:
            del edited[at : at + rng.randrange(1, 4)]
        elif kind == 2:
            edited[at : at + 1] = [line.replace(b"word1", b"WORD") for line in edited[at : at + 1]]
        else:
            moved = edited[at : at + 6]
            del edited[at : at + 6]
            edited[:0] = moved
    return edited


def make_history(
    *, seed: int = 1, commits: int = 40, files: int = 12, object_format: ObjectFormat = SHA1
) -> tuple[MemoryStore, ObjectId]:
    """Return a store with a history of branches and merges, and its tip."""
    rng = random.Random(seed)
    store = MemoryStore(object_format)
    content = {f"file{number:02d}.txt": make_text(rng, rng.randrange(5, 80)) for number in range(files)}
    tips: list[tuple[ObjectId, dict[str, list[bytes]]]] = []
    for number in range(commits):
        parents = [tips[rng.randrange(len(tips))]] if tips else []
        if len(tips) > 2 and number % 7 == 0:
            parents = tips[-2:]
        content = dict(parents[0][1]) if parents else content
        for name in rng.sample(sorted(content), 2):
            content[name] = edit(rng, content[name])
        if number % 9 == 5:
            name = rng.choice(sorted(content))
            content[f"moved{number:02d}.txt"] = content.pop(name)
        tree = add_tree(store, content)
        lines = [f"tree {tree.hex()}", *(f"parent {parent.hex()}" for parent, _ in parents)]
        who = f"A U Thor {number % 3} <author@example.com> {1112911993 + 60 * number} +0000"
        lines += [f"author {who}", f"committer {who}", "", f"Change number {number}", ""]
        tips = [*tips[-3:], (store.add(ObjectType.COMMIT, "\n".join(lines).encode()), content)]
    message = (
        f"object {tips[-1][0].hex()}\ntype commit\ntag v1\ntagger T <t@example.com> 1112911993 +0000\n\nv1\n"
    )
    return store, store.add(ObjectType.TAG, message.encode())


def add_tree(store: MemoryStore, content: dict[str, list[bytes]]) -> ObjectId:
    """Add the files, half of them in a folder, and return the root tree's id."""
    folders: dict[str, list[bytes]] = {"": [], "src": []}
    for name in sorted(content):
        oid = store.add(ObjectType.BLOB, b"".join(content[name]))
        folders["src" if int(name[4:6], 36) % 2 else ""].append(b"100644 %s\0" % name.encode() + oid)
    below = store.add(ObjectType.TREE, b"".join(folders["src"]))
    return store.add(ObjectType.TREE, b"".join([*folders[""], b"40000 src\0" + below]))


def candidates_of(store: MemoryStore) -> list[Candidate]:
    """Return all objects of a store as candidates of one path."""
    return [
        Candidate(oid, store.header(oid).type, store.header(oid).size, b"f", order)
        for order, oid in enumerate(store)
    ]


class Unreadable:
    """A store that may be streamed, but not read whole."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def read(self, oid: ObjectId) -> StoredObject:
        raise AssertionError(f"{oid.hex()} was read whole")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __contains__(self, oid: object) -> bool:
        return oid in self._store

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(self._store)


class _Payloads:
    """The zlib streams of a plan, as if they lay in a pack one behind the other."""

    name = "pack-test"

    def __init__(self) -> None:
        self.data = b""

    def copy_payload(self, entry: RawEntry) -> Iterator[bytes]:
        for start in range(entry.payload_offset, entry.end_offset, 65536):
            yield self.data[start : min(start + 65536, entry.end_offset)]


class LyingInPack:
    """The objects of a plan, together with how they lie in the pack that it makes."""

    def __init__(self, plan: PackPlan) -> None:
        self._store = plan.store
        self.payloads = _Payloads()
        self.raws: dict[bytes, RawEntry] = {}
        pieces, position = [], 0
        for entry in plan.entries:
            encoding = entry.encoding
            assert isinstance(encoding, Whole | Delta)
            payload = encoding.deflated or deflate(plan.store.read(entry.oid).data)
            base = plan.entries[encoding.base_index].oid if isinstance(encoding, Delta) else None
            size = encoding.delta_size if isinstance(encoding, Delta) else entry.size
            end = position + len(payload)
            self.raws[entry.oid] = RawEntry(self.payloads, position, position, end, size, base)
            pieces.append(payload)
            position = end
        self.payloads.data = b"".join(pieces)

    def raw(self, oid: ObjectId) -> RawEntry | None:
        return self.raws.get(oid)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __contains__(self, oid: object) -> bool:
        return oid in self._store

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(self._store)
