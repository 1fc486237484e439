"""The bytes that the tour makes: two versions of a poem, their trees and commits, one pack, its index.

    commit 2 -> tree 2 -> poem, second version        whole
        |
    commit 1 -> tree 1 -> poem, first version         a delta against the second

Nothing here uses the pack writer: each entry is assembled from its header, its base and its stream, as the
chapters explain. Only the index comes from the engine.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packcore.deflate import deflate
from packcore.delta.codec import Copy, Insert, encode_delta
from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.pack.format import OFS_DELTA, encode_entry_header, encode_pack_header
from packcore.pack.indexer import index_pack_file
from packcore.varint import encode_ofs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BRANCH", "Made", "Workshop"]

FIRST = b"A pack is a header,\nentries, one by one,\nand a checksum at the end.\n"
SECOND = b"A pack is a header,\nentries, one after the other,\nand a checksum at the end.\n"
BRANCH = "refs/heads/poem"
_WHO = b"A Learner <learner@example.com> %d +0000"
_SECONDS = (1_112_911_993, 1_112_912_053)


class Made(NamedTuple):
    """An object."""

    type: ObjectType
    data: bytes
    oid: ObjectId

    @property
    def header(self) -> bytes:
        """The header that is hashed before the object: its type and its size."""
        return b"%s %d\0" % (self.type.label, len(self.data))

    @classmethod
    def of(cls, type_: ObjectType, data: bytes) -> Made:
        """Hash an object."""
        return cls(type_, data, SHA1.hash_object(type_.label, data))


class PackEntry(NamedTuple):
    """One entry of the future pack, piece by piece."""

    made: Made
    head: bytes
    """Type and size."""
    distance: bytes
    """The distance back to the base; empty for a whole object."""
    stream: bytes

    @property
    def size(self) -> int:
        """Bytes of the entry."""
        return len(self.head) + len(self.distance) + len(self.stream)


@dataclass(frozen=True)
class Workshop:
    """Everything that the tour makes, each item from earlier ones."""

    @cached_property
    def blobs(self) -> tuple[Made, Made]:
        """The poem, first and second version."""
        return Made.of(ObjectType.BLOB, FIRST), Made.of(ObjectType.BLOB, SECOND)

    @cached_property
    def trees(self) -> tuple[Made, Made]:
        """Two trees, each with one version of the poem."""
        first, second = (Made.of(ObjectType.TREE, b"100644 poem.txt\0" + blob.oid) for blob in self.blobs)
        return first, second

    @cached_property
    def commits(self) -> tuple[Made, Made]:
        """Two commits, the second on top of the first."""
        first = self._commit(0, b"", b"Write a poem\n")
        second = self._commit(1, b"parent %s\n" % first.oid.hex().encode(), b"Say it better\n")
        return first, second

    def _commit(self, number: int, parent: bytes, message: bytes) -> Made:
        who = _WHO % _SECONDS[number]
        tree = self.trees[number].oid.hex().encode()
        text = b"tree %s\n%sauthor %s\ncommitter %s\n\n%s" % (tree, parent, who, who, message)
        return Made.of(ObjectType.COMMIT, text)

    @cached_property
    def objects(self) -> tuple[Made, ...]:
        """All objects in the order of the pack: the newest of each kind first."""
        return (*reversed(self.commits), *reversed(self.trees), *reversed(self.blobs))

    @cached_property
    def copied_start(self) -> int:
        """The length of the common prefix of both versions."""
        return next(at for at in range(len(FIRST)) if FIRST[at] != SECOND[at])

    @cached_property
    def copied_end(self) -> int:
        """The length of their common suffix, outside the common prefix."""
        longest = len(FIRST) - self.copied_start
        return next(at for at in range(longest + 1) if at == longest or FIRST[-1 - at] != SECOND[-1 - at])

    @cached_property
    def instructions(self) -> tuple[Copy, Insert, Copy]:
        """The instructions that make the first version from the second."""
        end = len(FIRST) - self.copied_end
        return (
            Copy(0, self.copied_start),
            Insert(FIRST[self.copied_start : end]),
            Copy(len(SECOND) - self.copied_end, self.copied_end),
        )

    @cached_property
    def delta(self) -> bytes:
        """The bytes of the delta."""
        return encode_delta(len(SECOND), len(FIRST), self.instructions)

    @cached_property
    def entries(self) -> tuple[PackEntry, ...]:
        """The entries of the pack; the last is the delta."""
        whole = [
            PackEntry(made, encode_entry_header(made.type, len(made.data)), b"", deflate(made.data))
            for made in self.objects[:-1]
        ]
        # The base is the entry just before, so the distance is that entry's size.
        distance = encode_ofs(whole[-1].size)
        head = encode_entry_header(OFS_DELTA, len(self.delta))
        return (*whole, PackEntry(self.objects[-1], head, distance, deflate(self.delta)))

    @cached_property
    def header(self) -> bytes:
        """The pack's first twelve bytes."""
        return encode_pack_header(len(self.entries))

    @cached_property
    def body(self) -> bytes:
        """Header and entries: everything that the trailer covers."""
        return self.header + b"".join(entry.head + entry.distance + entry.stream for entry in self.entries)

    @cached_property
    def trailer(self) -> bytes:
        """The digest at the end of the pack."""
        return SHA1.new_hash(self.body).digest()

    @cached_property
    def pack(self) -> bytes:
        """The pack."""
        return self.body + self.trailer

    @cached_property
    def index(self) -> bytes:
        """The pack's index, made by the engine."""
        with tempfile.TemporaryDirectory(prefix="packcore-tour-") as folder:
            path = Path(folder) / "poem.pack"
            path.write_bytes(self.pack)
            return b"".join(index_pack_file(path, object_format=SHA1).index_blocks())

    def ids_up_to(self, first_byte: int) -> int:
        """Count the ids whose first byte is at most this, as the fan-out does."""
        return sum(made.oid[0] <= first_byte for made in self.objects)

    @property
    def sorted_ids(self) -> Sequence[ObjectId]:
        """All ids in order, as in the index."""
        return sorted(made.oid for made in self.objects)

    @property
    def command(self) -> bytes:
        """The command of a push: create the branch at the second commit."""
        return b"%s %s %s" % (b"0" * 40, self.commits[1].oid.hex().encode(), BRANCH.encode())
