"""Put all objects that a repository itself has into one new pack, then remove what it replaces.

    listed       packs without .keep or .mtimes, loose objects  noted before anything is read
    packed       all their objects, reachable or not            nothing is lost by repacking
    written      pack, .rev, .idx: checked, synced, renamed     SpooledPack.receive, .install
    removed      multi-pack-index, the noted packs, loose objects that are in the new pack

If killed at any moment, the repository stays complete. Old files are removed only after the new pack is
durable, and only those that were noted at the start, so files that others add meanwhile stay. The .idx of a
pack is removed first, as in git, since a pack without it does not exist. Packs with a .keep file stay. Their
objects are left out, except those whose copy there is damaged. Objects that only alternates have stay there.
The packs of a partial clone's promisor become a separate pack with a .promisor file. Cruft packs stay too,
since they say how old their objects are; what refs reach of these is packed as well. `packcore.prepare`
writes bitmaps.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.errors import CorruptData, CorruptObject, RepositoryError
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.plans.entries import Candidate
from packcore.plans.write import write_pack
from packcore.progress import SILENT
from packcore.search.select import select
from packcore.store.base import DAMAGE
from packcore.store.copies import PackCopy
from packcore.store.loose import LooseStore
from packcore.store.object_ages import is_cruft_pack
from packcore.store.packed import PackedStore
from packcore.store.path_kind import is_there
from packcore.store.promises import is_promisor_pack, promisor_of
from packcore.store.spool import SpooledPack
from packcore.store.stored_where import in_packs
from packcore.store.temporaries import make_removable, sync_folder
from packcore.walk import list_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from packcore.ids import ObjectId
    from packcore.plans.plan import PackPlan
    from packcore.progress import Progress
    from packcore.search.strategy import Strategy
    from packcore.store.copies import Copies
    from packcore.store.packfile import PackFile
    from packcore.store.repository import Repository

__all__ = ["Repacked", "repack"]

_COMPANIONS = (".idx", ".rev", ".bitmap", ".mtimes", ".promisor", ".pack")
"""The files of one pack, in the order of their removal."""


@dataclass(frozen=True, slots=True)
class Repacked:
    """The result of a repack."""

    path: Path | None
    """The new pack; None if there was nothing to pack."""
    object_count: int
    delta_count: int
    reused_count: int
    pack_bytes: int
    removed_packs: int
    removed_loose: int
    unsearched_count: int = 0
    """The number of objects that selection did not reach before it was stopped."""
    more_paths: tuple[Path, ...] = ()
    """In a partial clone, the pack of the promisor's objects, if there are others too."""


def repack(
    repository: Repository,
    *,
    strategy: str | Strategy = "chunk-window",
    limits: Limits = DEFAULT_LIMITS,
    reuse_deltas: bool = True,
    should_stop: Callable[[], bool] | None = None,
    jobs: int | None = 1,
    progress: Progress = SILENT,
) -> Repacked:
    """Put all objects of the repository's own packs and loose files into one pack, and remove those files.

    In a partial clone, the objects from its promisor go into a separate pack, marked as such. `strategy`,
    `reuse_deltas`, `should_stop` and `jobs` are those of `packcore.search.select.select`. Raises
    RepositoryError for a folder that can't be written, and MissingObject or CorruptData for objects that
    can't be read. Then nothing was removed. Also raises RepositoryError if the repository's objects are
    precious to others.
    """
    if repository.config.get_bool("extensions.preciousObjects"):
        raise RepositoryError(
            f"{repository.path}: no packs or loose objects may be removed here",
            hint="extensions.preciousObjects says that others rely on these files",
        )
    directory = repository.pack_directory
    packs = PackedStore(directory, repository.object_format, limits)
    loose = LooseStore(directory.parent, repository.object_format, limits)
    try:
        for fault in packs.faults.values():
            raise fault
        kept = [pack for pack in packs.packs if is_there(Path(pack.name).with_suffix(".keep"))]
        cruft = [pack for pack in packs.packs if pack not in kept and is_cruft_pack(Path(pack.name))]
        old = [pack for pack in packs.packs if pack not in kept and pack not in cruft]
        loose_ids = list(loose)
        wanted = _ids(old, loose_ids, kept, packs.copies)
        candidates = _in_walk_order(repository, wanted, cruft, limits, progress)
        if not candidates:
            return Repacked(None, 0, 0, 0, 0, 0, 0)
        promising = {oid for pack in old if is_promisor_pack(Path(pack.name)) for oid in pack}
        written = [
            _pack(
                repository,
                part,
                limits,
                progress,
                is_promising=is_promising,
                strategy=strategy,
                reuse_deltas=reuse_deltas,
                should_stop=should_stop,
                jobs=jobs,
            )
            for is_promising, part in _parts(candidates, promising)
        ]
        if sys.platform == "win32":  # open files can't be removed there; the next read opens the new pack
            packs.close()
            repository.close()
        removed_packs = _remove_packs(
            directory, [Path(pack.name) for pack in old], keep={one.path for one in written}
        )
        removed_loose = _remove_loose(directory.parent, loose_ids, wanted)
    finally:
        packs.close()
        loose.close()
    plans = [one.plan for one in written]
    return Repacked(
        written[0].path,
        sum(plan.object_count for plan in plans),
        sum(plan.delta_count for plan in plans),
        sum(plan.reused_count for plan in plans),
        sum(one.pack_bytes for one in written),
        removed_packs,
        removed_loose,
        sum(plan.unsearched_count for plan in plans),
        tuple(one.path for one in written[1:]),
    )


class _Written(NamedTuple):
    """One new pack."""

    plan: PackPlan
    path: Path
    pack_bytes: int


def _parts(
    candidates: list[Candidate], promising: Collection[ObjectId]
) -> Iterator[tuple[bool, list[Candidate]]]:
    """Yield the objects from the promisor separately: a promisor pack must not have any others."""
    for is_promising in (False, True):
        part = (
            [one for one in candidates if (one.oid in promising) == is_promising] if promising else candidates
        )
        if part and (promising or not is_promising):
            yield is_promising, [one._replace(order=order) for order, one in enumerate(part)]


def _pack(
    repository: Repository,
    candidates: list[Candidate],
    limits: Limits,
    progress: Progress,
    *,
    is_promising: bool,
    **choices: Any,
) -> _Written:
    """Write one new pack; `choices` are those of `select`."""
    plan = select(repository, candidates, limits=limits, progress=progress, **choices)
    directory = repository.pack_directory
    path, pack_bytes = _write(plan, {one.oid for one in candidates}, directory, limits, progress)
    if is_promising:
        # Until they are removed, the old packs promise the same, so this may come after the pack.
        with path.with_suffix(".promisor").open("wb") as mark:
            os.fsync(mark.fileno())
        sync_folder(directory)
    return _Written(plan, path, pack_bytes)


def _ids(
    old: Iterable[PackFile], loose_ids: Iterable[ObjectId], kept: Iterable[PackFile], copies: Copies
) -> set[ObjectId]:
    found = {oid for pack in old for oid in pack}
    found.update(loose_ids)
    for pack in kept:
        # Objects in both are read, so that nothing is removed in favour of a damaged copy.
        found.difference_update([oid for oid in pack if oid in found and _is_whole(oid, pack, copies)])
    return found


def _is_whole(oid: ObjectId, pack: PackFile, copies: Copies) -> bool:
    try:
        for offset in pack.offsets_of(oid):
            copies.check(PackCopy(oid, pack, offset), alone=True)
    except DAMAGE:
        return False
    return True


def _in_walk_order(
    repository: Repository,
    wanted: set[ObjectId],
    cruft: Sequence[PackFile],
    limits: Limits,
    progress: Progress,
) -> list[Candidate]:
    """Return candidates: first those that refs reach, in walk order and with paths, then the rest.

    Of `cruft` packs, only the former are returned.
    """
    try:
        # Unreadable refs do no harm here: objects that no ref reaches are packed too, at the end.
        tips = [ref.oid for ref in repository.refs().known.values()]
        head = repository.read_ref("HEAD")
        if head is not None:
            tips.append(head.oid)
        listed = list_objects(
            repository,
            tips,
            shallow=repository.shallow(),
            limits=limits,
            progress=progress,
            haves_complete=True,
            absent_ok=promisor_of(repository.config) is not None,
        )
    except CorruptData:
        # A broken history can't be walked, but is still packed as it is.
        listed = []
    needed = wanted | in_packs(cruft, [candidate.oid for candidate in listed])
    found = [candidate for candidate in listed if candidate.oid in needed]
    reached = {candidate.oid for candidate in found}
    for oid in repository.storage_order(sorted(wanted - reached)):
        header = repository.header(oid)
        found.append(Candidate(oid, header.type, header.size, b"", 0))
    return [candidate._replace(order=order) for order, candidate in enumerate(found)]


def _write(
    plan: PackPlan, wanted: set[ObjectId], directory: Path, limits: Limits, progress: Progress
) -> tuple[Path, int]:
    """Write the new pack, read it back completely, and rename it into place."""

    def counted() -> Iterator[bytes]:
        with progress.phase("writing pack", unit="bytes") as phase:
            for block in write_pack(plan):
                yield block
                phase.advance(len(block))

    with SpooledPack.receive(
        counted(), object_format=plan.object_format, limits=limits, progress=progress, directory=directory
    ) as spool:
        lost = wanted.difference(spool)
        if lost:
            # The ids were computed from the new pack, so damage that was copied shows here.
            raise CorruptObject("its bytes do not match its id", oid=min(lost).hex())
        return spool.install(directory), spool.pack_bytes


def _remove_packs(directory: Path, old: Iterable[Path], *, keep: Collection[Path]) -> int:
    """Remove packs, but the multi-pack-index first, since it refers to them."""
    kept = {path.name for path in keep}
    gone = [path for path in old if path.name not in kept and not is_there(path.with_suffix(".keep"))]
    if gone:
        for path in [directory / "multi-pack-index", *directory.glob("multi-pack-index-*")]:
            _unlink(path)
    for path in gone:
        for suffix in _COMPANIONS:
            _unlink(path.with_suffix(suffix))
    return len(gone)


def _remove_loose(objects: Path, oids: Iterable[ObjectId], packed: Collection[ObjectId]) -> int:
    removed = 0
    for oid in oids:
        if oid in packed:
            name = oid.hex()
            removed += _unlink(objects / name[:2] / name[2:])
    return removed


def _unlink(path: Path) -> bool:
    try:
        make_removable(path)
        path.unlink()
    except FileNotFoundError:
        return False  # a concurrent `gc` was quicker
    except OSError as error:
        raise RepositoryError(f"{path}: can't be removed: {error.strerror}") from None
    return True
