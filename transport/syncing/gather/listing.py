"""The refs of both sides, and whether the source can send commits alone.

list_source       the source's refs
advertise_both    source and target at the same time, each on its own connection
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from transport.listing import advertise_push, list_refs, refs_at_hand
from transport.syncing.request import REFS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectFormat
    from packcore.progress import Progress
    from transport.base import Transport
    from transport.syncing.request import Protocol
    from transport.wire.advertisement import Advertisement

__all__ = ["advertise_both", "commits_only_filter", "in_format_of", "list_source"]

ABANDONED_SECONDS = 1.0
"""How long a failed run waits for the other side's listing to notice its closed transport."""


def advertise_both(
    source: Transport,
    target: Transport,
    *,
    protocol: Protocol,
    prefixes: Sequence[str],
    progress: Progress,
) -> tuple[Advertisement, Advertisement]:
    """List both sides' refs at the same time. An error of the source is raised before one of the target."""
    source_refs = refs_at_hand(source, protocol=protocol, prefixes=prefixes)
    if source_refs is not None and _is_whole(source_refs, prefixes):
        target_refs = advertise_push(target)  # there is no wait to be shared
    else:
        source_refs, target_refs = _asked_both(source, target, protocol=protocol, prefixes=prefixes)
    for side, listing in (("source", source_refs), ("target", target_refs)):
        for warning in listing.warnings:
            progress.message(side, warning)
    return source_refs, in_format_of(source_refs.object_format, target_refs)


def _asked_both(
    source: Transport, target: Transport, *, protocol: Protocol, prefixes: Sequence[str]
) -> tuple[Advertisement, Advertisement]:
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
    return source_refs, answers[0]


def in_format_of(wanted: ObjectFormat, target_refs: Advertisement) -> Advertisement:
    """Return the target's list in the source's object format, if it is empty and also takes that format."""
    capabilities = target_refs.capabilities
    if target_refs.refs or target_refs.unreadable or wanted not in capabilities.more_object_formats:
        return target_refs
    return replace(target_refs, capabilities=capabilities._replace(object_format=wanted))


def list_source(source: Transport, *, protocol: Protocol, prefixes: Sequence[str]) -> Advertisement:
    """List the source's refs below the prefixes; all of its refs if none is below them.

    An empty list therefore means an empty source, not one whose refs are elsewhere. Raises as `list_refs`.
    """
    listed = list_refs(source, protocol=protocol, prefixes=prefixes)
    return listed if _is_whole(listed, prefixes) else list_refs(source, protocol=protocol)


def _is_whole(listed: Advertisement, prefixes: Sequence[str]) -> bool:
    """Return whether nothing more is to be asked. An empty list of some prefixes may hide other refs."""
    return bool(listed.refs or listed.unreadable or listed.version < 2 or REFS in prefixes)


def commits_only_filter(advertisement: Advertisement) -> str | None:
    """Return the filter that leaves out trees and blobs, or None if the source can't filter (well)."""
    capabilities = advertisement.capabilities
    if capabilities.is_dulwich:
        return None
    can_filter = capabilities.fetch.filter if capabilities.fetch is not None else capabilities.filter
    return "tree:0" if can_filter else None
