"""What `index-pack` does with a pack: index a file, take in a stream, or verify what is there.

checked     every entry, delta and checksum; then what `ArrivalChecks` asks for; then that no object differs
            from the one with its id in the repository
written     marks (.keep, .promisor), the pack if it came from stdin, .rev, .idx: all of them or nothing
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.streams import binary_input, pipe_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cli.arrival_checks import ArrivalChecks
    from cli.console import Console
    from cli.files import AtomicFiles
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.limits import Limits
    from packcore.pack.index_write import IndexForm
    from packcore.progress import Progress
    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack

__all__ = ["Beside", "IndexTask", "Indexed"]


@dataclass(frozen=True, slots=True)
class Beside:
    """What is written beside a pack."""

    form: IndexForm
    reverse_index: bool
    marks: dict[str, bytes]
    """The content of the .keep and .promisor file, by suffix."""

    def write(
        self,
        files: AtomicFiles,
        path: Path,
        index_path: Path,
        blocks: tuple[Iterable[bytes], Iterable[bytes]],
    ) -> bool:
        """Write marks, .rev and .idx, given the last two; return whether there is a new .keep file."""
        marks = {path.with_suffix(suffix): text for suffix, text in self.marks.items()}
        new = {mark: text for mark, text in marks.items() if not mark.exists()}
        for mark, text in new.items():
            files.open(mark).write(text)
        reverse, index = blocks
        if self.reverse_index:
            files.open(index_path.with_suffix(".rev")).writelines(reverse)
        files.open(index_path).writelines(index)
        return path.with_suffix(".keep") in new


@dataclass(frozen=True, slots=True)
class Indexed:
    """What there is to say of a pack."""

    checksum: str
    objects: int
    kept: bool
    """Whether this run has written the .keep file."""
    missing_gitmodules: list[ObjectId]
    outside: int
    """How many of the objects that it refers to are not in it."""


@dataclass(frozen=True, slots=True)
class IndexTask:
    """One pack to index."""

    object_format: ObjectFormat
    limits: Limits
    repository: Repository | None
    checks: ArrivalChecks
    beside: Beside
    jobs: int | None
    """How many processes resolve deltas; None means as many as are worth it."""
    progress: Progress
    console: Console

    def verify(self, path: Path, shown: str) -> int:
        """Check a pack and its indexes, and show what --verify-stat… asks for; return the exit code."""
        from packcore.pack.verify import verify_pack
        from packcore.store.packfile import PackFile

        report = verify_pack(
            path, self.object_format, limits=self.limits, progress=self.progress, jobs=self.jobs
        )
        pack = PackFile(path, self.object_format, self.limits)
        try:
            _, outside = self.checks.run(pack, self.repository, self.console, entries=len(pack))
        finally:
            pack.close()
        lines = {"": (), "list": report.listing(), "chains": report.histogram()}[shown]
        self.console.show_exact(line.encode() for line in lines)
        return int(self.checks.links and outside > 0)

    def index_file(self, path: Path, index_path: Path) -> Indexed:
        """Index a pack file."""
        from cli.files import AtomicFiles
        from packcore.pack.indexer import index_pack_file
        from packcore.store.collisions import refuse_collisions
        from packcore.store.indexed_file import open_indexed

        indexed = index_pack_file(
            path,
            object_format=self.object_format,
            limits=self.limits,
            progress=self.progress,
            jobs=self.jobs,
        )
        with open_indexed(path, indexed, self.limits) as pack:
            missing, outside = self.checks.run(pack, self.repository, self.console, entries=len(pack))
            if self.repository:
                refuse_collisions(self.repository.copies, pack)
        with AtomicFiles(read_only=True) as files:
            blocks = indexed.reverse_index_blocks(), indexed.index_blocks(self.beside.form)
            kept = self.beside.write(files, path, index_path, blocks)
        return Indexed(indexed.table.checksum.hex(), len(indexed.table), kept, missing, outside)

    def take_in(self, directory: Path, *, complete: bool) -> Indexed:
        """Store a pack from stdin in a folder, named by its hash; `complete` adds missing bases."""
        with self._received(directory, complete) as spool:
            missing, outside = self._checked(spool)
            marks = self.beside.marks
            kept = ".keep" in marks and not (directory / spool.file_name).with_suffix(".keep").exists()
            spool.install(directory, marks=marks, reverse_index=self.beside.reverse_index)
            return Indexed(spool.checksum.hex(), spool.object_count, kept, missing, outside)

    def take_in_as(self, path: Path, index_path: Path, *, complete: bool) -> Indexed:
        """Write a pack from stdin to a file of this name. Raises FileExistsError if there is one."""
        from cli.files import AtomicFiles

        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        with self._received(path.parent, complete) as spool:
            missing, outside = self._checked(spool)
            with AtomicFiles(read_only=True) as files:
                files.open(path).writelines(spool.blocks())
                blocks = spool.reverse_index_blocks(), spool.index_blocks()
                kept = self.beside.write(files, path, index_path, blocks)
            return Indexed(spool.checksum.hex(), spool.object_count, kept, missing, outside)

    def _received(self, directory: Path, complete: bool) -> SpooledPack:
        from packcore.store.spool import SpooledPack

        return SpooledPack.receive(
            pipe_blocks(binary_input()),
            object_format=self.object_format,
            limits=self.limits,
            progress=self.progress,
            bases=self.repository if complete else None,
            directory=directory,
            receiving="reading pack",
            index_form=self.beside.form,
            jobs=self.jobs,
        )

    def _checked(self, spool: SpooledPack) -> tuple[list[ObjectId], int]:
        from packcore.store.collisions import refuse_collisions

        count = spool.object_count - len(spool.added)
        found = self.checks.run(spool, self.repository, self.console, added=spool.added, entries=count)
        if self.repository:
            refuse_collisions(self.repository.copies, spool, added=spool.added)
        return found
