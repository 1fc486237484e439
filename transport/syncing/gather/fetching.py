"""What a sync fetches: wants and haves -> a store with the fetched pack, removed when the block ends.

The caller always gets a complete pack: the bases of a thin one are fetched too.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from packcore.errors import CorruptData, LimitExceeded, MissingObject
from packcore.store.memory import MemoryStore
from packcore.store.spool import SpooledPack
from transport.errors import RemoteError, RemoteProtocolError, TransportError
from transport.fetch import fetch_pack
from transport.syncing.gather.bases_by_id import bases_by_id
from transport.syncing.gather.common_ground import WatchedTips
from transport.syncing.gather.lookahead import at_most, in_users_words
from transport.syncing.gather.target_bases import bases_of_target
from transport.wire.upload_pack import FetchOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore
    from transport.base import Transport
    from transport.wire.advertisement import Advertisement

    _Bases = Callable[[list[ObjectId]], ObjectStore]

__all__ = [
    "RECEIVING_OBJECTS",
    "Fetched",
    "fetch_missing",
    "messages",
    "watched",
]

RECEIVING_OBJECTS = "source: receiving objects"
"""The phase within "receiving pack" whose total is known from the pack's header."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought."""

    store: ObjectStore
    shallow: frozenset[ObjectId]
    """Commits whose parents the source lacks, or left out because of a depth."""
    pack_bytes: int
    object_count: int
    spool: SpooledPack | None
    """The pack itself; None if there was nothing to fetch."""
    unknown: frozenset[ObjectId] = frozenset()
    """Haves that the source is known to lack; it may not have been asked about all."""
    bases: frozenset[ObjectId] = frozenset()
    """Objects that are in the store only as delta bases: the target has them."""
    complete: bool = False
    """The store is a repository: it has everything that the haves in it reach."""
    partial: bool = False
    """It is a partial clone: its own remote promised what is missing, which is left out."""


@contextmanager
def fetch_missing(
    source: Transport,
    advertisement: Advertisement,
    *,
    wants: Sequence[ObjectId],
    haves: Sequence[ObjectId],
    limits: Limits,
    progress: Progress,
    directory: Path | None = None,
    filter_spec: str | None = None,
    depth: int | None = None,
    ofs_delta: bool = True,
    pack_bytes_max: int | None = None,
    thin: bool = False,
    target: Transport | None = None,
    on_unknown: Callable[[Collection[ObjectId]], None] = lambda _: None,
) -> Iterator[Fetched]:
    """Fetch what the wants reach and the haves don't, and hold it until the block ends.

    `ofs_delta` allows deltas that name their base by its place, which some targets don't take. With
    `thin`, deltas may have bases that the haves reach, and these bases are fetched too. If the source
    sends a thin pack unasked, `target` gives the bases. `on_unknown` gets the haves that the source
    lacks before a pack comes, and may raise. Without wants there is no request. Raises TransportError,
    CorruptData, and LimitExceeded for a pack that is larger than `pack_bytes_max`.
    """
    if not wants:
        yield Fetched(MemoryStore(advertisement.object_format), frozenset(advertisement.shallow), 0, 0, None)
        return

    stack = ExitStack()
    lacked: list[ObjectId] = []

    def of_target(oids: list[ObjectId]) -> ObjectStore:
        lacked.extend(oids)
        assert target is not None
        found = bases_of_target(target, haves, limits=limits, directory=directory)
        try:
            return stack.enter_context(found)
        except (TransportError, CorruptData):
            return MemoryStore(advertisement.object_format)  # report the source's fault instead

    def received(bases: _Bases | None) -> Fetched:
        with fetch_pack(
            source,
            advertisement,
            wants=wants,
            haves=WatchedTips(haves, on_unknown),
            depth=depth,
            filter_spec=filter_spec,
            options=FetchOptions(ofs_delta=ofs_delta, thin_pack=bases is not None),
            on_message=messages(progress, "source"),
        ) as response:
            on_unknown(response.unknown)
            try:
                spool = SpooledPack.receive(
                    watched(response.blocks or (), progress, "source: receiving pack"),
                    counting=RECEIVING_OBJECTS,
                    object_format=advertisement.object_format,
                    limits=at_most(limits, pack_bytes_max),
                    progress=progress,
                    bases=bases or (None if target is None else of_target),
                    directory=directory,
                )
            except LimitExceeded as error:
                raise in_users_words(error, pack_bytes_max) from None
            return Fetched(
                spool,
                frozenset(response.shallow) | frozenset(advertisement.shallow),
                spool.pack_bytes,
                spool.object_count,
                spool,
                frozenset(response.unknown),
                frozenset(lacked),
            )

    find = partial(bases_by_id, source, advertisement, limits=limits, directory=directory)
    with stack:
        fetched = _received_thin(received, find, stack) if thin else None
        fetched = fetched or received(None)
        assert fetched.spool is not None
        stack.enter_context(fetched.spool)
        yield fetched


def _received_thin(
    received: Callable[[_Bases], Fetched],
    find: Callable[[Sequence[ObjectId]], AbstractContextManager[ObjectStore]],
    stack: ExitStack,
) -> Fetched | None:
    """Receive a thin pack and its bases; None if the source does not give them."""
    lacked: list[ObjectId] = []

    def bases(oids: list[ObjectId]) -> ObjectStore:
        lacked.extend(oids)
        return stack.enter_context(find(oids))

    try:
        fetched = received(bases)
    except (MissingObject, RemoteError, RemoteProtocolError):
        return None  # the caller requests a complete pack instead, which shows any other fault
    return replace(fetched, bases=frozenset(lacked))


def watched(blocks: Iterable[bytes], progress: Progress, name: str) -> Iterator[bytes]:
    """Pass blocks on, and count their bytes as a phase; it completes only at the end of the blocks."""
    with progress.phase(name, unit="bytes") as phase:
        for block in blocks:
            phase.advance(len(block))
            yield block


def messages(progress: Progress, origin: str) -> Callable[[str], None]:
    """Return a function that passes on a remote's lines as messages of `origin`."""
    return lambda text: progress.message(origin, text)
