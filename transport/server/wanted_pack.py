"""What decides which pack a client gets, apart from the client: one value, one plan, one key in the cache.

Wants have been judged before (`server.requests`): the key says what is sent, not who may have it.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.plans.plan import PackPlan
    from packcore.store.repository import Repository
    from transport.server.packing import Cut
    from transport.server.requests import FetchRequest

__all__ = ["WantedPack"]


class WantedPack(NamedTuple):
    """A request, with what is known of the repository that bears on it."""

    request: FetchRequest
    common: list[ObjectId]
    cut: Cut | None
    store_shallow: frozenset[ObjectId]
    tags: list[tuple[ObjectId, ObjectId]]
    """Those that go along with their targets; none unless the client wishes."""
    strategy: str
    limits: Limits

    def plan(self, repository: Repository) -> PackPlan:
        """Choose what to send and how. Raises MissingObject and CorruptData."""
        from transport.server.packing import plan_pack

        return plan_pack(
            repository,
            self.request,
            self.common,
            cut=self.cut,
            store_shallow=self.store_shallow,
            tags=self.tags,
            strategy=self.strategy,
            limits=self.limits,
        )

    @contextmanager
    def planned(self, repository: Repository) -> Iterator[PackPlan]:
        """Open the repository once more and plan there, independent of the request's own `repository`."""
        with type(repository).open(repository.path, self.limits) as opened:
            yield self.plan(opened)

    def key(self, repository: Repository) -> bytes:
        """Return what two requests have in common only if the same pack answers both.

        Objects are named by their content: of the repository's state, only tags and its own cuts matter.
        Wants keep their order, since the order of the pack follows from it.
        """
        request, cut, filter_ = self.request, self.cut, self.request.filter
        place = repository.path.stat()
        parts: tuple[object, ...] = (
            (str(repository.path), place.st_dev, place.st_ino),
            (repository.object_format.name, self.strategy, request.ofs_delta, request.include_tag),
            [bytes(want) for want in request.wants],
            sorted(map(bytes, self.common)),
            sorted(map(bytes, request.shallow)),
            sorted(map(bytes, self.store_shallow)),
            cut and [list(map(bytes, oids)) for oids in cut],
            filter_ and (sorted(filter_.types), *filter_[1:]),
            sorted((bytes(tag), bytes(target)) for tag, target in self.tags),
        )
        digest = hashlib.sha256()
        for part in parts:
            digest.update(repr(part).encode("utf-8", "surrogatepass") + b"\n")
        return digest.digest()
