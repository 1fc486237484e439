"""Writes what makes a repository faster to read: commit-graph, multi-pack-index, bitmaps.

    commit-graph       every commit that refs reach       objects/info/commit-graph
    multi-pack-index   where each object of all packs is  objects/pack/multi-pack-index
    bitmap             what some commits of a pack reach  beside the pack, or of the multi-pack-index

Git and `fsck` read and verify them. Each appears whole or not at all, and can be made again at any time. A
bitmap needs a closed pack, one that contains everything that its commits reach. Age decides which commits get
a set: the tips of refs, every hundredth of the newest, every thousandth of the others.
"""

from __future__ import annotations

from contextlib import suppress
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.ancestry import peel
from packcore.errors import CorruptObject, MissingObject, RepositoryError
from packcore.objects import MODE_DIRECTORY, MODE_GITLINK, ObjectType, commit_links, mode_kind, tree_rows
from packcore.progress import SILENT
from packcore.store.bitmap_write import write_bitmap
from packcore.store.bulk import headers_of
from packcore.store.commit_graph_write import write_commit_graph
from packcore.store.multi_pack_index import MIDX_NAME, MultiPackIndex
from packcore.store.multi_pack_index_write import write_multi_pack_index
from packcore.store.packed import PackedStore
from packcore.store.temporaries import make_removable, write_whole

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from packcore.ids import ObjectId
    from packcore.objects import CommitLinks
    from packcore.progress import Phase, Progress
    from packcore.store.repository import Repository

__all__ = ["prepare_bitmap", "prepare_commit_graph", "prepare_multi_pack_index"]

_TYPES = (ObjectType.COMMIT, ObjectType.TREE, ObjectType.BLOB, ObjectType.TAG)
_NEWEST = 10_000
_EVERY_NEWEST = 100
_EVERY = 1_000


def prepare_commit_graph(repository: Repository, progress: Progress = SILENT) -> Path | None:
    """Write the commit-graph of everything that refs reach; None if there is no commit.

    Raises RepositoryError for a shallow clone, which can't have one, MissingObject, CorruptData.
    """
    if repository.shallow():
        raise RepositoryError("a shallow clone can't have a commit-graph: its history is cut off")
    with progress.phase("commit-graph: reading commits", unit="commits") as phase:
        commits = _commits(repository, phase)
    if not commits:
        return None
    info = repository.pack_directory.parent / "info"
    try:
        info.mkdir(exist_ok=True)
        path = info / "commit-graph"
        _replace(path, write_commit_graph(commits, repository.object_format))
        # Existing layers would do no harm, but would go stale.
        for old in (info / "commit-graphs").glob("*"):
            make_removable(old)
            old.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(error) from None
    repository.shortcuts.close()
    return path


def prepare_multi_pack_index(
    repository: Repository, *, bitmap: bool = False, progress: Progress = SILENT
) -> Path | None:
    """Write the table of all packs, and its bitmap if requested; None if there is no pack.

    The largest pack is preferred. Raises as `prepare_bitmap`.
    """
    directory, object_format = repository.pack_directory, repository.object_format
    packs = PackedStore(directory, object_format, repository.limits)
    try:
        for fault in packs.faults.values():
            raise fault
        chosen = sorted(packs.packs, key=len, reverse=True)
        if not chosen:
            return None
        path = directory / MIDX_NAME
        named = [(Path(pack.name).stem, pack.index) for pack in chosen]
        data = b"".join(write_multi_pack_index(named, object_format))
        try:
            for old in directory.glob(f"{MIDX_NAME}-*"):
                make_removable(old)
                old.unlink(missing_ok=True)
            _replace(path, iter((data,)))
            if bitmap:
                table = MultiPackIndex(data, object_format, str(path))
                rows = table.rows_in_order()
                assert rows is not None
                blocks = _bitmap_blocks(
                    repository,
                    table.ids.find,
                    table.ids.oid,
                    rows=rows,
                    checksum=table.checksum,
                    progress=progress,
                )
                _replace(directory / f"{MIDX_NAME}-{table.checksum.hex()}.bitmap", blocks)
        except OSError as error:
            raise _unwritable(error) from None
    finally:
        packs.close()
    repository.shortcuts.close()
    return path


def prepare_bitmap(repository: Repository, pack_path: Path, progress: Progress = SILENT) -> Path:
    """Write the bitmap of a pack.

    Raises MissingObject if the pack is not closed, naming what it lacks, RepositoryError, CorruptData.
    """
    packs = PackedStore(pack_path.parent, repository.object_format, repository.limits)
    try:
        pack = next((pack for pack in packs.packs if Path(pack.name).name == pack_path.name), None)
        if pack is None:
            raise RepositoryError(f"{pack_path}: it is not there")
        index = pack.index
        blocks = _bitmap_blocks(
            repository,
            index.find,
            index.oid,
            rows=pack.order.positions,
            checksum=index.pack_checksum,
            progress=progress,
        )
        path = pack_path.with_suffix(".bitmap")
        try:
            # Without a reverse index, a reader must sort all offsets to find the bit of one object.
            if not path.with_suffix(".rev").exists():
                _replace(path.with_suffix(".rev"), pack.reverse_index_blocks())
            _replace(path, blocks)
        except OSError as error:
            raise _unwritable(error) from None
    finally:
        packs.close()
    repository.shortcuts.close()
    return path


def _commits(repository: Repository, phase: Phase) -> dict[ObjectId, CommitLinks]:
    """Return all commits that refs reach."""
    found: dict[ObjectId, CommitLinks] = {}
    stack = _tips(repository)
    while stack:
        oid = stack.pop()
        if oid in found:
            continue
        type_, data = repository.read(oid)
        if type_ is not ObjectType.COMMIT:
            raise CorruptObject(f"a commit is needed here, but it is a {type_.name.lower()}", oid=oid.hex())
        found[oid] = links = commit_links(data, repository.object_format, oid)
        stack += links.parents
        phase.advance(1)
    return found


def _tips(repository: Repository) -> list[ObjectId]:
    """Return the commits that refs and HEAD resolve to, newest last."""
    heads = [ref.oid for ref in repository.refs().known.values()]
    with suppress(RepositoryError, MissingObject):
        head = repository.read_ref("HEAD")
        heads += [head.oid] if head is not None else []
    peeled = [peel(repository, oid) for oid in dict.fromkeys(heads) if oid in repository]
    return [oid for oid, type_ in dict.fromkeys(peeled) if type_ is ObjectType.COMMIT]


def _bitmap_blocks(
    repository: Repository,
    find: Callable[[bytes], int],
    oid_at: Callable[[int], ObjectId],
    *,
    rows: array[int],
    checksum: bytes,
    progress: Progress,
) -> Iterator[bytes]:
    """Return the bytes of a bitmap over the objects of these rows, given in the order of its bits."""
    oids = [oid_at(row) for row in rows]
    types = [0, 0, 0, 0]
    marks = [bytearray((len(oids) + 7) // 8) for _ in _TYPES]
    for bit, header in enumerate(headers_of(repository, oids)):
        if header is None:
            raise MissingObject(oids[bit].hex(), context="needed for a bitmap")
        marks[_TYPES.index(header.type)][bit >> 3] |= 1 << (bit & 7)
    types = [int.from_bytes(mark, "little") for mark in marks]
    with progress.phase("bitmap: following commits", unit="commits") as phase:
        sets = list(_Sets(repository, find, rows).of_commits(phase))
    return write_bitmap(checksum, len(oids), types, sets, repository.object_format)


class _Sets:
    """What commits reach, as sets of bits."""

    def __init__(self, repository: Repository, find: Callable[[bytes], int], rows: array[int]) -> None:
        self._repository = repository
        self._find = find
        self._count = len(rows)
        self._bits = [0] * len(rows)
        for bit, row in enumerate(rows):
            self._bits[row] = bit

    def of_commits(self, phase: Phase) -> Iterator[tuple[int, int]]:
        """Yield the row and the set of each chosen commit, ancestors before descendants."""
        repository = self._repository
        tips = [oid for oid in _tips(repository) if self._find(oid) >= 0]
        commits = self._below(tips)
        chosen = set(_chosen(commits, tips))
        order = list(_ancestors_first(commits, tips))
        ages = {oid: age for age, oid in enumerate(order)}
        made: dict[ObjectId, int] = {}
        for oid in order:
            if oid in chosen:
                made[oid] = self._reached(oid, commits, ages, made)
                yield self._find(oid), made[oid]
            phase.advance(1)

    def _below(self, tips: Iterable[ObjectId]) -> dict[ObjectId, CommitLinks]:
        found: dict[ObjectId, CommitLinks] = {}
        stack = list(tips)
        while stack:
            oid = stack.pop()
            if oid not in found:
                self._row(oid, "a commit")
                data = self._repository.read(oid).data
                found[oid] = links = commit_links(data, self._repository.object_format, oid)
                stack += links.parents
        return found

    def _row(self, oid: ObjectId, what: str) -> int:
        row = self._find(oid)
        if row < 0:
            raise MissingObject(oid.hex(), context=f"{what}, not in the packs that the bitmap is for")
        return row

    def _reached(
        self,
        tip: ObjectId,
        commits: Mapping[ObjectId, CommitLinks],
        ages: Mapping[ObjectId, int],
        made: Mapping[ObjectId, int],
    ) -> int:
        """Return what a commit reaches, from the sets of chosen ancestors and the commits above these.

        The walk goes by `ages`, youngest first: it adds a set before it meets any commit below that set.
        """
        marks = bytearray((self._count + 7) // 8)
        above: list[ObjectId] = []
        seen = {tip}
        heap = [(-ages[tip], tip)]
        while heap:
            _, oid = heappop(heap)
            bit = self._bits[self._find(oid)]
            if marks[bit >> 3] >> (bit & 7) & 1:
                continue
            if oid in made:
                below = int.from_bytes(marks, "little") | made[oid]
                marks = bytearray(below.to_bytes(len(marks), "little"))
                continue
            marks[bit >> 3] |= 1 << (bit & 7)
            above.append(oid)
            for parent in commits[oid].parents:
                if parent not in seen:
                    seen.add(parent)
                    heappush(heap, (-ages[parent], parent))
        for oid in above:
            self._mark_tree(commits[oid].tree, marks)
        return int.from_bytes(marks, "little")

    def _mark_tree(self, root: ObjectId, marks: bytearray) -> None:
        repository, bits, object_format = self._repository, self._bits, self._repository.object_format
        stack = [root]
        while stack:
            oid = stack.pop()
            bit = bits[self._row(oid, "a tree")]
            if marks[bit >> 3] >> (bit & 7) & 1:
                continue
            marks[bit >> 3] |= 1 << (bit & 7)
            for mode, _, entry in tree_rows(repository.read(oid).data, object_format, oid):
                kind = mode_kind(mode)
                if kind == MODE_DIRECTORY:
                    stack.append(entry)
                elif kind != MODE_GITLINK:
                    bit = bits[self._row(entry, "a blob")]
                    marks[bit >> 3] |= 1 << (bit & 7)


def _chosen(commits: Mapping[ObjectId, CommitLinks], tips: Sequence[ObjectId]) -> Iterator[ObjectId]:
    yield from tips
    newest_first = sorted(commits, key=lambda oid: (-commits[oid].date, oid))
    yield from newest_first[:_NEWEST:_EVERY_NEWEST]
    yield from newest_first[_NEWEST::_EVERY]


def _ancestors_first(commits: Mapping[ObjectId, CommitLinks], tips: Iterable[ObjectId]) -> Iterator[ObjectId]:
    placed: set[ObjectId] = set()
    stack = list(tips)
    while stack:
        oid = stack[-1]
        waiting = [parent for parent in commits[oid].parents if parent not in placed]
        if oid in placed or not waiting:
            stack.pop()
            if oid not in placed:
                placed.add(oid)
                yield oid
        else:
            stack += waiting


def _replace(path: Path, blocks: Iterator[bytes]) -> None:
    if path.exists():
        make_removable(path)
    write_whole(path, blocks, 0o444)


def _unwritable(error: OSError) -> RepositoryError:
    return RepositoryError(f"{error.filename or 'the folder of objects'}: {error.strerror}")
