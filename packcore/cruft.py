"""What goes into a cruft pack: the objects that nothing needs any more, with their ages (git-pack-objects).

    kept packs        hold all that is reachable: their objects are left out
    discarded packs   will be removed by the caller: what only they hold would be lost
    other packs       the caller didn't know of them: their objects are left out, too
    loose objects     those that no kept pack has

With an expiration, only what was touched later goes in, and whatever that reaches, of any age: an object
isn't deleted while something else still refers to it. Each object is as old as its youngest copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import MissingObject
from packcore.plans.entries import Candidate
from packcore.progress import SILENT
from packcore.store.bulk import headers_of
from packcore.store.object_ages import loose_mtimes, packed_mtimes
from packcore.store.stored_where import in_packs
from packcore.walk import list_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.progress import Progress
    from packcore.store.base import ObjectHeader, RawEntry, StoredObject
    from packcore.store.packfile import PackFile
    from packcore.store.repository import Repository

__all__ = ["Cruft", "find_cruft"]


class Cruft(NamedTuple):
    """The objects of a cruft pack, and when each was last touched, in seconds since 1970."""

    objects: list[Candidate]
    mtimes: dict[ObjectId, int]


def find_cruft(
    repository: Repository,
    kept: Sequence[PackFile],
    discarded: Sequence[PackFile],
    *,
    expiration: int | None = None,
    progress: Progress = SILENT,
) -> Cruft:
    """Return what goes into a cruft pack; without `expiration`, objects of any age.

    Raises MissingObject, CorruptData, RepositoryError.
    """
    own = [pack for pack in repository.copies.packs() if pack not in discarded]
    mtimes = _mtimes(repository, own, discarded)
    if expiration is None:
        return Cruft(_candidates(repository, list(mtimes)), mtimes)
    recent = {oid: mtime for oid, mtime in mtimes.items() if mtime > expiration}
    listed = list_objects(
        _Without(repository, kept),
        recent,
        shallow=repository.shallow(),
        limits=repository.limits,
        progress=progress,
        absent_ok=True,
    )
    # What is rescued counts as just expired: with the same expiration it isn't recent the next time.
    return Cruft(listed, {one.oid: recent.get(one.oid, expiration) for one in listed})


def _mtimes(
    repository: Repository, left_out: Sequence[PackFile], discarded: Sequence[PackFile]
) -> dict[ObjectId, int]:
    """Return the time of the youngest copy of each object that only discarded packs and loose files hold."""
    found: dict[ObjectId, int] = {}
    places = [*map(packed_mtimes, discarded), loose_mtimes(repository.copies.own_loose())]
    for oid, mtime in (pair for place in places for pair in place):
        found[oid] = max(mtime, found.get(oid, 0))
    for oid in in_packs(left_out, list(found)):
        del found[oid]
    return found


def _candidates(repository: Repository, oids: list[ObjectId]) -> list[Candidate]:
    """Return objects with types and sizes, in the cheapest order for reading."""
    ordered = repository.storage_order(oids)
    found = zip(ordered, headers_of(repository, ordered), strict=True)
    known = [(oid, header or repository.header(oid)) for oid, header in found]
    return [Candidate(oid, type_, size, b"", order) for order, (oid, (type_, size)) in enumerate(known)]


class _Without:
    """The objects of a repository but for those of some packs, as an ObjectStore: a walk stops there."""

    def __init__(self, repository: Repository, packs: Sequence[PackFile]) -> None:
        self._repository = repository
        self._packs = packs

    @property
    def object_format(self) -> ObjectFormat:
        return self._repository.object_format

    def _shows(self, oid: object) -> bool:
        return not any(oid in pack for pack in self._packs)

    def __contains__(self, oid: object) -> bool:
        return self._shows(oid) and oid in self._repository

    def __iter__(self) -> Iterator[ObjectId]:
        return filter(self._shows, self._repository)

    def _checked(self, oid: ObjectId) -> ObjectId:
        if not self._shows(oid):
            raise MissingObject(oid.hex())
        return oid

    def header(self, oid: ObjectId) -> ObjectHeader:
        return self._repository.header(self._checked(oid))

    def read(self, oid: ObjectId) -> StoredObject:
        return self._repository.read(self._checked(oid))

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        return self._repository.stream(self._checked(oid))

    def raw(self, oid: ObjectId) -> RawEntry | None:
        return self._repository.raw(self._checked(oid))

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        return self._repository.storage_order(oids)

    def close(self) -> None:
        """Do nothing: the repository stays open."""
