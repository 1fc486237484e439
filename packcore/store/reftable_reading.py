"""Reads the refs of a repository that keeps them in reftables (extensions.refStorage, git 2.45 and later).

reftable/                   the stack of all refs, HEAD among them      packcore.store.reftable_stack
worktrees/w/reftable/       a linked worktree's own: its HEAD, and refs/{bisect,worktree,rewritten}
HEAD  refs/heads            stubs, so that an older git sees a repository and refuses it
FETCH_HEAD  MERGE_HEAD      files, as everywhere
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import UnreadableRef
from packcore.refs import decode_ref_name, encode_ref_name
from packcore.store.loose_refs import LooseRefs, read_loose_ref
from packcore.store.packed_refs import PackedRefs
from packcore.store.ref_storage import PER_WORKTREE, RefStorage
from packcore.store.reflogs import LogEntry
from packcore.store.reftable_stack import ReftableStack, merged_logs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.packed_file import RefViews
    from packcore.store.packed_refs import PackedRow
    from packcore.store.reftable import LogRecord

__all__ = ["ReftableReading"]

_AS_FILES = ("FETCH_HEAD", "MERGE_HEAD")


class ReftableReading(RefStorage):
    """The refs below a git directory. `packcore.store.reftable_refs` adds how they change."""

    def __init__(
        self,
        git_directory: Path,
        common_directory: Path,
        object_format: ObjectFormat,
        views: RefViews | None = None,
    ) -> None:
        """Take a repository's folders; `views` is what a server keeps between requests."""
        super().__init__(git_directory, common_directory, object_format)
        self._shares_stack = views is not None
        shared = common_directory / "reftable"
        self._shared = (
            ReftableStack(shared, object_format)
            if views is None
            else views.reftable_stack(shared, object_format)
        )
        is_linked = git_directory != common_directory
        self._own = ReftableStack(git_directory / "reftable", object_format) if is_linked else self._shared

    def close(self) -> None:
        """Release files and locks. Idempotent; later calls read again."""
        self.locks.close()
        self._own.close()
        if not self._shares_stack:
            self._shared.close()

    # Reading

    def read_raw(self, name: str) -> ObjectId | str | None:
        """Return the id that a ref holds, or the name that it points to, or None if it doesn't exist.

        Raises UnreadableRef, and CorruptData if a table is damaged.
        """
        if name in _AS_FILES:
            return read_loose_ref(self._git / name, name, self.object_format)
        found = self.stack_of(name).read()
        if (fault := found.faults.get(name)) is not None:
            raise fault
        value = found.symbolic.get(name) or found.outside.get(name)
        if value is None and (packed := found.packed.get(name)) is not None:
            value = packed.oid
        if value == self.object_format.zero:
            raise UnreadableRef(name, "the reftable gives it the zero id")
        return value

    def packed(self) -> PackedRefs:
        """Return the refs that hold an id. Raises CorruptData, RepositoryError."""
        shared = self._shared.read().packed
        if self._own is self._shared:
            return shared
        rows: dict[bytes, PackedRow | None] = {}
        for prefix in map(str.encode, PER_WORKTREE):
            rows |= {row[1]: None for piece in shared.pieces(prefix) for row in piece}
            rows |= {row[1]: row for piece in self._own.read().packed.pieces(prefix) for row in piece}
        if not rows:
            return shared
        return PackedRefs.parse(b"".join(shared.rewritten(rows)), self._shared.path, self.object_format)

    def loose(self, prefixes: Sequence[bytes] = ()) -> LooseRefs:
        """Return the symbolic refs, and those without a valid value."""
        values: dict[str, ObjectId | str] = {}
        faults: dict[str, UnreadableRef] = {}
        wanted = tuple(prefixes) or (b"refs/",)
        for stack in self.stacks():
            found = stack.read()
            names = {
                name
                for name in (*found.symbolic, *found.faults)
                if name.startswith("refs/")
                and encode_ref_name(name).startswith(wanted)
                and self.stack_of(name) is stack
            }
            values.update((name, target) for name, target in found.symbolic.items() if name in names)
            faults.update((name, fault) for name, fault in found.faults.items() if name in names)
        return LooseRefs(values, faults, {})

    def read_logs(self) -> Iterator[tuple[str, Iterable[LogEntry]]]:
        """Yield each ref that has a log, with its entries. Raises CorruptData, RepositoryError."""
        logs: dict[str, list[LogEntry]] = {}
        for stack in self.stacks():
            for record in merged_logs(stack.tables()):
                name = decode_ref_name(record.name)
                if record.entry and self.stack_of(name) is stack:
                    logs.setdefault(name, []).append(self._log_entry(record))
        yield from logs.items()

    def points_to(self, name: str) -> str | None:
        """Return the ref that a symbolic one points to; None for any other, or if it is unreadable."""
        found = self.stack_of(name).read()
        target = found.symbolic.get(name) or found.outside.get(name)
        return target if isinstance(target, str) else None

    def read_log(self, name: str) -> list[LogEntry] | None:
        """Return the changes of a ref, oldest first; None if it has no log. Raises CorruptData."""
        raw = encode_ref_name(name)
        newest_first = [one for one in merged_logs(self.stack_of(name).tables()) if one.name == raw]
        return [self._log_entry(record) for record in reversed(newest_first) if record.entry] or None

    def _log_entry(self, record: LogRecord) -> LogEntry:
        old, new = record.ids(self.object_format)
        return LogEntry(old, new, record.seconds(self.object_format), record.message(self.object_format))

    def has(self, name: str) -> bool:
        """Return whether there is a ref of this name, readable or not."""
        try:
            return self.read_raw(name) is not None
        except UnreadableRef:
            return True

    def names_below(self, name: str) -> list[str]:
        """Return the refs in a folder, which is named without its slash."""
        folder = f"{name}/"
        loose = self.loose([encode_ref_name(folder)])
        pieces = self.packed().pieces(encode_ref_name(folder))
        return [*loose.values, *loose.faults, *(decode_ref_name(row[1]) for piece in pieces for row in piece)]

    def stacks(self) -> list[ReftableStack]:
        """Return the stack of shared refs, then a linked worktree's own."""
        return [self._shared] if self._own is self._shared else [self._shared, self._own]

    def stack_of(self, name: str) -> ReftableStack:
        """Return the stack that a ref is in."""
        is_shared = name.startswith("refs/") and not name.startswith(PER_WORKTREE)
        return self._shared if is_shared else self._own
