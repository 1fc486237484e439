"""What of a repository is in use: where a check begins to follow links.

    refs                every ref below refs/, and HEAD of each worktree
    logs                each id in a log of a ref; not with `reflogs=False`
    index               of each worktree: its entries, its trees, and the sides of resolved conflicts
    heads               the objects that were given, instead of all these

The ids that are here are marked as used. An id that isn't here is an error, in the words of git fsck, unless
a partial clone may lack it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from packcore.checks.marks import REACHABLE, READ, TYPE_BITS, USED
from packcore.checks.report import FsckFinding, error, notice
from packcore.errors import CorruptData, LimitExceeded, RepositoryError, UnreadableRef
from packcore.objects import MODE_GITLINK, MODE_TYPE_MASK, ObjectType
from packcore.refs import decode_ref_name
from packcore.store.index_file import read_index
from packcore.store.ref_storage import PER_WORKTREE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from packcore.checks.marks import Marks
    from packcore.checks.options import FsckOptions
    from packcore.ids import ObjectId
    from packcore.store.index_file import CachedTree
    from packcore.store.reflogs import LogEntry
    from packcore.store.repository import Repository

__all__ = ["InUse"]


class InUse:
    """Collects what is in use: `tips`, each with a name for it."""

    def __init__(
        self,
        repository: Repository,
        marks: Marks,
        options: FsckOptions,
        is_promised: Callable[[ObjectId], bool],
    ) -> None:
        self._repository = repository
        self._marks = marks
        self._options = options
        self._is_promised = is_promised
        self.tips: list[tuple[ObjectId, str]] = []
        self.missing: dict[ObjectId, str] = {}
        """The blobs that the index names and that aren't here, each with a name for it."""
        self.has_refs = False
        """Whether any ref names an object."""

    def find(self) -> Iterator[FsckFinding]:
        """Collect everything, and yield what is wrong with it."""
        options = self._options
        if options.heads:
            yield from self._given()
        else:
            yield from self._refs()
        if options.index or not options.heads:
            yield from self._index(self._repository.path)
            for other in self._repository.other_worktrees():
                yield from self._index(other.path)

    def _given(self) -> Iterator[FsckFinding]:
        for text, oid in self._options.heads:
            if oid is None:
                yield error(f"invalid parameter: expected sha1, got '{text}'", "ref")
            elif oid in self._marks.flags or oid in self._repository:
                self._use(oid, text)
            elif not self._is_promised(oid):
                yield error(f"{oid.hex()}: object missing", "missing", oid)

    # Refs

    def _refs(self) -> Iterator[FsckFinding]:
        repository = self._repository
        try:
            refs = repository.refs()
        except (CorruptData, RepositoryError) as fault:
            yield error(fault, "ref")
            return
        zero = repository.object_format.zero.hex()
        for name, unreadable in refs.unreadable.items():
            yield error(f"{name}: invalid sha1 pointer {zero} ({unreadable.reason})", "ref")
        for name, ref in refs.known.items():
            yield from self._ref(name, ref.oid)
        yield from self._head("HEAD", repository.head)
        if self._options.reflogs:
            yield from self._logs("", repository.ref_logs())
        try:
            for other in repository.other_worktrees():
                yield from self._head(f"{other.prefix}HEAD", partial(other.refs.read_raw, "HEAD"))
                if self._options.reflogs:
                    yield from self._logs(other.prefix, other.refs.read_logs())
        except (CorruptData, RepositoryError) as fault:
            yield error(fault, "ref")
        if not self.has_refs:
            yield notice("No default references")

    def _head(self, name: str, read: Callable[[], str | ObjectId | None]) -> Iterator[FsckFinding]:
        try:
            head = read()
        except UnreadableRef as fault:
            if fault.is_zero:
                yield error(f"{name}: detached HEAD points at nothing", "ref")
            else:
                yield error(f"invalid {name} ({fault.reason})", "ref")
            return
        if head is None:
            yield error(f"invalid {name} (it is not there)", "ref")
            return
        if isinstance(head, bytes):
            yield from self._ref(name, head)
            return
        is_strange = not head.startswith("refs/heads/")
        if is_strange:
            yield error(f"{name} points to something strange ({head})", "ref")
        with suppress(UnreadableRef):  # reported with the refs
            ref = self._repository.read_ref(head)
            if ref is not None:
                yield from self._ref(name, ref.oid)
            elif not is_strange:
                yield notice(f"{name} points to an unborn branch ({head.removeprefix('refs/heads/')})")

    def _ref(self, name: str, oid: ObjectId) -> Iterator[FsckFinding]:
        marks = self._marks
        if oid not in marks.flags and self._is_promised(oid):
            self.has_refs = True
            return
        if oid not in marks.flags and oid not in self._repository:
            yield error(f"{name}: invalid sha1 pointer {oid.hex()}", "ref", oid)
            return
        self.has_refs = True
        self._use(oid, name)
        kind = marks.flags[oid] & TYPE_BITS
        is_branch = name == "HEAD" or name.startswith("refs/heads/")
        if is_branch and kind not in (0, ObjectType.COMMIT) and marks.was_read(oid):
            yield error(f"{name}: not a commit", "ref", oid)

    def _logs(self, prefix: str, logs: Iterable[tuple[str, Iterable[LogEntry]]]) -> Iterator[FsckFinding]:
        """Look at the logs of a worktree: of another one, only at its own."""
        zero = self._repository.object_format.zero
        try:
            for name, entries in logs:
                if prefix and name.startswith("refs/") and not name.startswith(PER_WORKTREE):
                    continue
                for old, new, seconds, _ in entries:
                    for oid, label in ((old, ""), (new, f"{prefix}{name}@{{{seconds}}}")):
                        if oid in self._marks.flags or (oid != zero and oid in self._repository):
                            self._use(oid, label)
                        elif oid != zero and not self._is_promised(oid):
                            yield error(f"{prefix}{name}: invalid reflog entry {oid.hex()}", "missing", oid)
        except (CorruptData, RepositoryError) as fault:
            yield error(fault, "ref")

    # The index

    def _index(self, git_directory: Path) -> Iterator[FsckFinding]:
        try:
            names = read_index(git_directory / "index", self._repository.object_format)
        except (CorruptData, RepositoryError) as fault:
            yield error(f"bad index file: {fault}", "ref")
            return
        if names is None:
            return
        for mode, oid, path, _ in names.entries:
            label = f":{decode_ref_name(path)}"
            if mode & MODE_TYPE_MASK != MODE_GITLINK and not self._is_used(oid, label):
                self.missing[oid] = label
        yield from self._cached_trees(names.trees)
        for oid, path, stage in names.resolved:
            if not self._is_used(oid, f":({stage}):{decode_ref_name(path)}"):
                yield error(f"{oid.hex()}: invalid sha1 pointer in resolve-undo", "ref", oid)

    def _cached_trees(self, trees: list[CachedTree]) -> Iterator[FsckFinding]:
        """Look at the trees of an index; as in git, not at those below one that is missing."""
        passed_over = 0
        for oid, below, _ in trees:
            if passed_over:
                passed_over += below - 1
            elif oid is not None and not self._is_used(oid, ":"):
                yield error(f"{oid.hex()}: invalid sha1 pointer in cache-tree", "ref", oid)
                passed_over = below

    def _is_used(self, oid: ObjectId, label: str) -> bool:
        """Mark an object as used; return False for one that is missing and should not be."""
        if oid in self._marks.flags or oid in self._repository:
            self._use(oid, label)
            return True
        return self._is_promised(oid)

    def _use(self, oid: ObjectId, label: str) -> None:
        """Mark an object that is here as used."""
        flags, is_listed = self._marks.flags, oid in self._marks.flags
        type_bits = flags.get(oid, 0) & TYPE_BITS
        if not type_bits and self._marks.was_read(oid):
            with suppress(CorruptData, LimitExceeded):
                type_bits = self._repository.header(oid).type
        flags[oid] = flags.get(oid, 0) | type_bits | USED
        if is_listed:
            self.tips.append((oid, label))
        else:  # known, although it is not stored; or in a pack, if only loose objects are checked
            flags[oid] |= REACHABLE | READ
