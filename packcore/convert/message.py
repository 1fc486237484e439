r"""Find and replace the ids that people wrote into messages ("Reverts a1b2c3d").

    unique      seven to forty hex digits that only one commit or tag starts with: replaced by the full new id
    ambiguous   several start with them: left as they are, and reported
    nothing     none does: left as they are; blobs and trees don't count

Uniqueness is checked against all objects to translate, so the result does not depend on their order.

>>> found = MessageIds([bytes.fromhex("a1b2c3d4" + "00" * 16), bytes.fromhex("a1b2c3d5" + "00" * 16)])
>>> found.find(b"see A1B2C3D4, a1b2c3d and deadbeef")[0].hex()[:8]
'a1b2c3d4'
>>> sorted(found.ambiguous)
['a1b2c3d']
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from packcore.ids import ObjectId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["MessageIds"]

_HEX = re.compile(rb"(?i)\b[0-9a-f]{7,40}\b")


class MessageIds:
    """Looks up abbreviated ids among those of all commits and tags."""

    def __init__(self, ids: Iterable[bytes]) -> None:
        self._sorted = sorted(oid.hex() for oid in ids)
        self.ambiguous: set[str] = set()
        """Digits that several ids start with."""

    def find(self, text: bytes) -> list[ObjectId]:
        """Return the ids that a text mentions, each once, in the order of the text."""
        found = (self._look_up(match[0]) for match in _HEX.finditer(text))
        return list(dict.fromkeys(oid for oid in found if oid is not None))

    def replace(
        self, text: bytes, ids: Mapping[ObjectId, ObjectId], left: Collection[ObjectId]
    ) -> tuple[bytes, int]:
        """Return the text with its ids replaced, except those in `left`, and the number of replacements."""
        count = 0

        def replaced(match: re.Match[bytes]) -> bytes:
            nonlocal count
            oid = self._look_up(match[0])
            if oid is None or oid in left:
                return match[0]
            count += 1
            return ids[oid].hex().encode()

        return _HEX.sub(replaced, text), count

    def _look_up(self, digits: bytes) -> ObjectId | None:
        prefix = digits.decode().lower()
        at = bisect_left(self._sorted, prefix)
        if at == len(self._sorted) or not self._sorted[at].startswith(prefix):
            return None
        if at + 1 < len(self._sorted) and self._sorted[at + 1].startswith(prefix):
            self.ambiguous.add(prefix)
            return None
        return ObjectId(bytes.fromhex(self._sorted[at]))
