"""Where `pack-objects` writes: to stdout, or to files, several if their size is limited.

stdout             the pack alone
-o x.pack          x.pack, x.idx, x.rev, and x.mtimes of a cruft pack; further packs are x-2.pack, x-3.pack, …
BASE               BASE-<hash>.pack, .idx and .rev, as with git; the hashes are printed
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packcore.ids import ObjectId
    from packcore.pack.index_write import IndexForm
    from packcore.pack.indexer import IndexedPack
    from packcore.plans.plan import PackPlan
    from packcore.progress import Progress

__all__ = ["PackOutput", "Written", "write_stream"]


class Written(NamedTuple):
    """A pack that was written."""

    checksum: str
    size: int
    objects: int
    path: str | None = None


@dataclass(frozen=True, slots=True)
class PackOutput:
    """The files that packs are written to."""

    path: Path
    by_hash: bool
    """Whether the pack's hash and .pack follow the path."""
    ofs_delta: bool
    form: IndexForm
    reverse_index: bool

    def write(
        self, plans: Iterable[PackPlan], progress: Progress, mtimes: Mapping[ObjectId, int] | None = None
    ) -> list[Written]:
        """Write packs and indexes; all are read back and checked before any gets its name.

        With `mtimes`, when each object was last touched, an .mtimes file is written too.
        """
        from cli.files import AtomicFiles

        written: list[Written] = []
        with AtomicFiles(read_only=True) as files:
            for number, plan in enumerate(plans, 1):
                file = files.open(self._pack(number, "part"))
                size, checksum = write_stream(plan, file, progress, ofs_delta=self.ofs_delta)
                file.flush()
                pack = self._pack(number, checksum)
                files.name(file, pack)
                indexed = _indexed(file, pack, plan, progress)
                stem = str(pack).removesuffix(".pack")
                if self.reverse_index:
                    files.open(f"{stem}.rev").writelines(indexed.reverse_index_blocks())
                if mtimes is not None:
                    files.open(f"{stem}.mtimes").writelines(_mtimes_blocks(indexed, mtimes))
                files.open(f"{stem}.idx").writelines(indexed.index_blocks(self.form))
                written.append(Written(checksum, size, plan.object_count, str(pack)))
        return written

    def _pack(self, number: int, checksum: str) -> Path:
        """Return the path of a pack."""
        if self.by_hash:
            return Path(f"{self.path}-{checksum}.pack")
        if number == 1:
            return self.path
        return self.path.with_name(f"{self.path.name.removesuffix('.pack')}-{number}.pack")


def write_stream(
    plan: PackPlan, stream: IO[bytes], progress: Progress, *, ofs_delta: bool
) -> tuple[int, str]:
    """Write the pack; return its size and checksum."""
    from packcore.plans.write import write_pack

    digest_size = plan.object_format.digest_size
    size, tail = 0, b""
    with progress.phase("writing pack", unit="bytes") as phase:
        for block in write_pack(plan, ofs_delta=ofs_delta):
            stream.write(block)
            size += len(block)
            tail = (tail + block[-digest_size:])[-digest_size:]
            phase.advance(len(block))
    return size, tail.hex()


def _mtimes_blocks(indexed: IndexedPack, mtimes: Mapping[ObjectId, int]) -> Iterator[bytes]:
    from packcore.pack.mtimes import write_mtimes

    table = indexed.table
    in_order = (mtimes[table.oid(entry)] for entry in indexed.order)
    return write_mtimes(in_order, table.checksum, table.object_format)


def _indexed(pack: IO[bytes], path: Path, plan: PackPlan, progress: Progress) -> IndexedPack:
    from packcore.pack.indexer import index_pack, read_blocks
    from packcore.pack.mapping import PackSource

    return index_pack(
        read_blocks(pack),
        lambda: PackSource(pack, str(path), plan.object_format.digest_size),
        object_format=plan.object_format,
        limits=plan.limits,
        progress=progress,
    )
