"""What the objects of listed refs say: what an annotated tag comes to, or why an object can't be read.

packed-refs says what the tag comes to, or that it is none      the object must be in a pack
anything else, and what is in no pack                           the object is read, each once
"""

from __future__ import annotations

from binascii import unhexlify
from bisect import bisect_left
from itertools import repeat
from typing import TYPE_CHECKING

from packcore.errors import CorruptData, LimitExceeded
from packcore.ids import ObjectId, ids_of_hex
from packcore.store.bulk import places_of
from transport.server.shown_refs import ShownRef

if TYPE_CHECKING:
    from collections.abc import Collection

    from packcore.store.repository import Repository
    from transport.server.shown_refs import ShownRefs
    from transport.server.words import Words

__all__ = ["with_objects"]

_FEW = 100
"""So many names are looked up one by one; for more, all are gone through."""
_NOTHING: tuple[bytes, str | None] = (b"", None)
"""What an object says that is no tag and can be read."""


def with_objects(repository: Repository, refs: ShownRefs, words: Words) -> ShownRefs:
    """Return refs with what their objects say. `words` says why one can't be read."""
    hexes = list(set(refs.ids))
    places = places_of(repository, ids_of_hex(hexes)) or repeat(-1)
    asked = {text for text, place in zip(hexes, places, strict=False) if place < 0}
    asked |= _ids_of(refs, refs.unpeeled)
    asked.discard(repository.object_format.zero.hex().encode())
    said = {text: _peeled(repository, ObjectId(unhexlify(text)), words) for text in sorted(asked)}
    telling = {text for text, answer in said.items() if answer != _NOTHING}
    if not telling:
        return refs
    peeled, special = list(refs.peeled), dict(refs.special)
    for number, text in enumerate(refs.ids):
        if text in telling:
            name = refs.names[number]
            peeled[number], fault = said[text]
            if fault is not None:
                shown = special.get(name) or ShownRef(name, ObjectId(unhexlify(text)))
                special[name] = shown._replace(fault=fault)
    return refs._replace(peeled=peeled, special=special)


def _ids_of(refs: ShownRefs, names: Collection[bytes]) -> set[bytes]:
    if len(names) > _FEW:
        return {text for name, text in zip(refs.names, refs.ids, strict=True) if name in names}
    # All but HEAD are sorted.
    first = 1 if refs.names[:1] == [b"HEAD"] else 0
    found = set(refs.ids[:first]) if b"HEAD" in names else set()
    for name in names:
        at = bisect_left(refs.names, name, first)
        if at < len(refs.names) and refs.names[at] == name:
            found.add(refs.ids[at])
    return found


def _peeled(repository: Repository, oid: ObjectId, words: Words) -> tuple[bytes, str | None]:
    from packcore.ancestry import peel

    try:
        peeled, _ = peel(repository, oid)
    except (CorruptData, LimitExceeded) as error:
        return b"", words(error)
    return (b"" if peeled == oid else peeled.hex().encode()), None
