"""What the objects of listed refs say: what an annotated tag comes to, or why an object can't be read.

packed-refs says what the tag comes to, or that it is none      the object must be in a pack
anything else, and what is in no pack                           the object is read, each once
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import repeat
from typing import TYPE_CHECKING

from packcore.ancestry import peel
from packcore.errors import CorruptData, LimitExceeded
from packcore.store.bulk import places_of
from packcore.store.ref_table import ids_of_hex
from transport.server.shown_refs import ShownRef

if TYPE_CHECKING:
    from collections.abc import Collection

    from packcore.ids import ObjectId
    from packcore.store.repository import Repository
    from transport.server.shown_refs import ShownRefs
    from transport.server.words import Words

__all__ = ["with_objects"]

_FEW = 100
"""So many names are looked up one by one; for more, all are gone through."""


def with_objects(repository: Repository, refs: ShownRefs, words: Words) -> ShownRefs:
    """Return refs with what their objects say. `words` says why one can't be read."""
    hexes = list(set(refs.ids))
    oids = dict(zip(hexes, ids_of_hex(hexes), strict=True))
    places = places_of(repository, list(oids.values())) or repeat(-1)
    unsure = {text for text, place in zip(hexes, places, strict=False) if place < 0}
    unsure.discard(repository.object_format.zero.hex().encode())
    peeled, special = list(refs.peeled), dict(refs.special)
    found: dict[bytes, tuple[bytes, str | None]] = {}
    for number in _numbers(refs, unsure):
        name, text = refs.names[number], refs.ids[number]
        if not text.strip(b"0"):
            continue
        if text not in found:
            found[text] = _peeled(repository, oids[text], words)
        peeled[number], fault = found[text]
        if fault is not None:
            special[name] = special.get(name, ShownRef(name, oids[text]))._replace(fault=fault)
    return refs._replace(peeled=peeled, special=special)


def _numbers(refs: ShownRefs, unsure: Collection[bytes]) -> list[int]:
    """Return where the refs are whose objects are to be read."""
    if not unsure and len(refs.unpeeled) < _FEW:
        # All but HEAD are sorted.
        first = 1 if refs.names[:1] == [b"HEAD"] else 0
        places = [bisect_left(refs.names, name, first) for name in refs.unpeeled if name != b"HEAD"]
        found = [0] if first and b"HEAD" in refs.unpeeled else []
        there = (at for at in places if at < len(refs.names) and refs.names[at] in refs.unpeeled)
        return [*found, *sorted(there)]
    rows = enumerate(zip(refs.names, refs.ids, strict=True))
    return [number for number, (name, text) in rows if text in unsure or name in refs.unpeeled]


def _peeled(repository: Repository, oid: ObjectId, words: Words) -> tuple[bytes, str | None]:
    try:
        peeled, _ = peel(repository, oid)
    except (CorruptData, LimitExceeded) as error:
        return b"", words(error)
    return (b"" if peeled == oid else peeled.hex().encode()), None
