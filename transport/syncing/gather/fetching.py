"""What a sync asks of its source: the refs and the missing objects.

    list_source       its refs
    advertise_both    source and target at once, each on a connection of its own
    fetch_missing     wants and haves -> a store that holds the fetched pack, gone when left

A pack is complete in itself when it is left to the caller: of a thin one the bases are fetched too.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from packcore.errors import CorruptData, LimitExceeded, MissingObject
from packcore.store.memory import MemoryStore
from packcore.store.spool import SpooledPack
from transport.errors import RemoteError, RemoteProtocolError, TransportError
from transport.fetch import fetch_pack, list_refs
from transport.send_pack import advertise_push
from transport.syncing.gather.bases_by_id import bases_by_id
from transport.syncing.gather.common_ground import WatchedTips
from transport.syncing.gather.lookahead import at_most, in_users_words
from transport.syncing.gather.target_bases import bases_of_target
from transport.syncing.request import REFS
from transport.wire.upload_pack import FetchOptions, is_dulwich

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.limits import Limits
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore
    from transport.base import Transport
    from transport.syncing.request import Protocol
    from transport.wire.advertisement import Advertisement

    _Bases = Callable[[list[ObjectId]], ObjectStore]

__all__ = [
    "RECEIVING_OBJECTS",
    "Fetched",
    "advertise_both",
    "commits_only_filter",
    "fetch_missing",
    "in_format_of",
    "list_source",
    "messages",
    "watched",
]

RECEIVING_OBJECTS = "source: receiving objects"
"""The phase within "receiving pack" that knows how many there will be: the pack's header says so."""

ABANDONED_SECONDS = 1.0
"""How long a failed run waits for the other side's listing to notice that its transport was closed."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought."""

    store: ObjectStore
    shallow: frozenset[ObjectId]
    """Commits whose parents the source lacks, or left out because of a depth."""
    pack_bytes: int
    object_count: int
    spool: SpooledPack | None
    """The pack itself; None where there was nothing to fetch."""
    unknown: frozenset[ObjectId] = frozenset()
    """Haves that the source does not know, as far as it was asked."""
    bases: frozenset[ObjectId] = frozenset()
    """What is in the store only because deltas need it: the target has it."""
    complete: bool = False
    """The store is a repository: it has all that those of the haves reach which are in it."""
    partial: bool = False
    """It is a partial clone: what is missing was promised by its own remote, and left out."""


def advertise_both(
    source: Transport,
    target: Transport,
    *,
    protocol: Protocol,
    prefixes: Sequence[str],
    progress: Progress,
) -> tuple[Advertisement, Advertisement]:
    """List both sides' refs at the same time. An error of the source is told before one of the target."""
    answers: list[Advertisement] = []
    errors: list[BaseException] = []

    def list_target() -> None:
        try:
            answers.append(advertise_push(target))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=list_target, name="packcore-target-refs", daemon=True)
    thread.start()
    try:
        source_refs = list_source(source, protocol=protocol, prefixes=prefixes)
        thread.join()
    except BaseException:
        target.close()
        thread.join(ABANDONED_SECONDS)
        raise
    if errors:
        raise errors[0]
    for side, listing in (("source", source_refs), ("target", answers[0])):
        for warning in listing.warnings:
            progress.message(side, warning)
    return source_refs, in_format_of(source_refs.object_format, answers[0])


def in_format_of(wanted: ObjectFormat, target_refs: Advertisement) -> Advertisement:
    """Return the target's list in the source's object format, where it is empty and takes that too."""
    capabilities = target_refs.capabilities
    if target_refs.refs or target_refs.unreadable or wanted not in capabilities.more_object_formats:
        return target_refs
    return replace(target_refs, capabilities=replace(capabilities, object_format=wanted))


def list_source(source: Transport, *, protocol: Protocol, prefixes: Sequence[str]) -> Advertisement:
    """List the source's refs below the prefixes; all of them where there are none.

    So an empty list means an empty source, not one whose refs are elsewhere. Raises as `list_refs`.
    """
    listed = list_refs(source, protocol=protocol, prefixes=prefixes)
    if listed.refs or listed.unreadable or listed.version < 2 or REFS in prefixes:
        return listed
    return list_refs(source, protocol=protocol)


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
    """Fetch what the wants reach and the haves don't, and hold it until the block is left.

    `ofs_delta` allows deltas that name their base by its place, which some targets don't take. With
    `thin`, deltas may be against what the haves reach, and these bases are fetched too. Where they are
    though nobody asked for that, `target` gives the bases. `on_unknown`
    hears of the haves that the source lacks before a pack comes, and may raise. Without wants there is no
    request. Raises TransportError, CorruptData, and LimitExceeded for a pack that is larger than
    `pack_bytes_max`.
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
            return MemoryStore(advertisement.object_format)  # the source's fault remains, and is the news

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
    """Receive a thin pack and its bases; None where the source does not give them."""
    lacked: list[ObjectId] = []

    def bases(oids: list[ObjectId]) -> ObjectStore:
        lacked.extend(oids)
        return stack.enter_context(find(oids))

    try:
        fetched = received(bases)
    except (MissingObject, RemoteError, RemoteProtocolError):
        return None  # asked again for a pack that is complete in itself, which tells of any other fault
    return replace(fetched, bases=frozenset(lacked))


def commits_only_filter(advertisement: Advertisement) -> str | None:
    """Return the filter that leaves trees and blobs out, or None where the source can't filter (well)."""
    capabilities = advertisement.capabilities
    if is_dulwich(capabilities):
        return None
    can_filter = capabilities.fetch.filter if capabilities.fetch is not None else capabilities.filter
    return "tree:0" if can_filter else None


def watched(blocks: Iterable[bytes], progress: Progress, name: str) -> Iterator[bytes]:
    """Pass blocks on, counted as the bytes of a phase; complete only when they came to their end."""
    with progress.phase(name, unit="bytes") as phase:
        for block in blocks:
            phase.advance(len(block))
            yield block


def messages(progress: Progress, origin: str) -> Callable[[str], None]:
    """Return what passes a remote's lines on as those of `origin`."""
    return lambda text: progress.message(origin, text)
