"""Fetches the bases of a thin pack that we lack from the source by id, so that its deltas can be used.

    thin pack    delta against B1, delta against B2 ...     the target has B1 and B2, and we have neither
    request      want B1  want B2 ...  filter tree:0        these alone, not what trees among them hold

A server leaves out a wanted object if it first meets it below a wanted tree; so whatever did not come is
requested again, and that is usually enough. This needs protocol v2, in which any object may be wanted, and
filters. A server that offers both serves partial clones, which depend on such requests.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from packcore.errors import MissingObject
from packcore.progress import SILENT
from packcore.store.spool import SpooledPack
from transport.fetch import fetch_pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.limits import Limits
    from packcore.store.base import ObjectHeader, RawEntry, StoredObject
    from transport.base import Transport
    from transport.wire.advertisement import Advertisement

__all__ = ["bases_by_id"]

_ROUNDS_MAX = 4
_WANTS_MAX = 65536
"""Wants in one request; a pack with more bases than this is not worth it."""


@contextmanager
def bases_by_id(
    source: Transport,
    advertisement: Advertisement,
    oids: Sequence[ObjectId],
    *,
    limits: Limits,
    directory: Path | None = None,
) -> Iterator[_Together]:
    """Fetch single objects, and hold them until the block ends; unavailable ones are left out.

    Raises TransportError and CorruptData.
    """
    with ExitStack() as stack:
        bases = _Together(advertisement.object_format)
        for _ in range(_ROUNDS_MAX):
            lacking = [oid for oid in dict.fromkeys(oids) if oid not in bases]
            if not lacking or len(lacking) > _WANTS_MAX:
                break
            with fetch_pack(source, advertisement, wants=lacking, filter_spec="tree:0") as response:
                spool = SpooledPack.receive(
                    response.blocks or (),
                    object_format=advertisement.object_format,
                    limits=limits,
                    progress=SILENT,
                    directory=directory,
                )
            bases.spools.append(stack.enter_context(spool))
        yield bases


class _Together:
    """Several packs as one `ObjectStore`."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self.spools: list[SpooledPack] = []
        self._object_format = object_format

    @property
    def object_format(self) -> ObjectFormat:
        return self._object_format

    def __contains__(self, oid: object) -> bool:
        return any(oid in spool for spool in self.spools)

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(dict.fromkeys(oid for spool in self.spools for oid in spool))

    def header(self, oid: ObjectId) -> ObjectHeader:
        return self._with(oid).header(oid)

    def read(self, oid: ObjectId) -> StoredObject:
        return self._with(oid).read(oid)

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        return self._with(oid).stream(oid)

    def raw(self, oid: ObjectId) -> RawEntry | None:
        return self._with(oid).raw(oid)

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        return list(oids)

    def close(self) -> None:
        """Leave the packs open; their opener closes them."""

    def _with(self, oid: ObjectId) -> SpooledPack:
        for spool in self.spools:
            if oid in spool:
                return spool
        raise MissingObject(oid.hex())
