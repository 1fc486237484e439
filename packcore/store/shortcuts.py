"""What git has prepared in a repository to save reading, opened on first use.

An unusable one is ignored, and `faults` says why, for the caller to report. If we have none of our own, an
alternate's is used.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from packcore.errors import CorruptShortcut, RepositoryError
from packcore.store.commit_graph import read_commit_graph
from packcore.store.multi_pack_index import open_midx_bitmap
from packcore.store.pack_bitmap import open_pack_bitmap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectFormat
    from packcore.store.commit_graph import CommitGraph
    from packcore.store.config import GitConfig
    from packcore.store.multi_pack_index import MidxBitmap, MultiPackIndex
    from packcore.store.pack_bitmap import PackBitmap
    from packcore.store.packfile import PackFile

__all__ = ["Shortcuts"]


class PackFolder(Protocol):
    """The part of a `PackedStore` needed here."""

    directory: Path
    table: MultiPackIndex | None
    table_fault: CorruptShortcut | RepositoryError | None

    @property
    def packs(self) -> list[PackFile]:
        """The open packs."""

    def leave_multi_pack_index(self) -> None:
        """Look up objects pack by pack."""


class Shortcuts:
    """The prepared files of a repository and its alternates."""

    def __init__(self, packs: Sequence[PackFolder], object_format: ObjectFormat, config: GitConfig) -> None:
        """Take the pack folder of each folder of objects, the repository's own first."""
        self._packs = tuple(packs)
        self.folders = [packed.directory.parent for packed in packs]
        """The folders of objects, the repository's own first."""
        self._format = object_format
        self._config = config
        self._faults: list[str] = []
        self.has_tables = config.get_bool("core.multipackindex", default=True)
        """Whether `core.multiPackIndex` allows to use a multi-pack-index."""
        self.has_graphs = config.get_bool("core.commitgraph", default=True)
        """Whether `core.commitGraph` allows to use a commit-graph."""
        if not self.has_tables:
            for packed in packs:
                packed.leave_multi_pack_index()

    @property
    def faults(self) -> list[str]:
        """What is ignored, and why."""
        tables = [f"{packed.table_fault}; it is not used" for packed in self._packs if packed.table_fault]
        return [*tables, *self._faults]

    @cached_property
    def commit_graph(self) -> CommitGraph | None:
        """The commit-graph; None if there is none, or `core.commitGraph` is false."""
        if not self.has_graphs:
            return None
        for folder in self.folders:
            try:
                if (graph := read_commit_graph(folder, self._format)) is not None:
                    return graph
            except (CorruptShortcut, RepositoryError) as error:
                self._left_aside(error)
        return None

    @cached_property
    def bitmap(self) -> PackBitmap | MidxBitmap | None:
        """The bitmap of the multi-pack-index, or of the largest pack that has one.

        None if there is none, or `pack.useBitmaps` is false.
        """
        if not self._config.get_bool("pack.usebitmaps", default=True):
            return None
        for packed in self._packs:
            try:
                if packed.table is not None and (found := open_midx_bitmap(packed.table, packed.directory)):
                    return found
            except (CorruptShortcut, RepositoryError) as error:
                self._left_aside(error)
            packs = sorted(packed.packs, key=len, reverse=True)
            for number, pack in enumerate(packs, 1):
                try:
                    if (bitmap := open_pack_bitmap(pack)) is not None:
                        self._leave_extra(packs[number:])
                        return bitmap
                except (CorruptShortcut, RepositoryError) as error:
                    self._left_aside(error)
        return None

    def _leave_extra(self, packs: Sequence[PackFile]) -> None:
        """Tell which packs have a bitmap that isn't used, because another pack's is."""
        for pack in packs:
            path = Path(pack.name).with_suffix(".bitmap")
            if path.exists():
                self._faults.append(f"ignoring extra bitmap file: {path}")

    def leave_bitmap(self, error: CorruptShortcut) -> None:
        """Stop using the bitmap."""
        if self.bitmap is not None:
            self.__dict__["bitmap"] = None
            self._left_aside(error)

    def leave_commit_graph(self, error: CorruptShortcut) -> None:
        """Stop using the commit-graph."""
        if self.commit_graph is not None:
            self.__dict__["commit_graph"] = None
            self._left_aside(error)

    def _left_aside(self, error: CorruptShortcut | RepositoryError) -> None:
        self._faults.append(f"{error}; it is not used")

    def close(self) -> None:
        """Release the maps. Idempotent; later uses open them again."""
        if (graph := self.__dict__.pop("commit_graph", None)) is not None:
            graph.close()
        self.__dict__.pop("bitmap", None)
