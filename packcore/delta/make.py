"""One delta between two objects of a type: the pure function behind every plan.

Whatever found the pair, the delta is made here, from nothing but the type and the bytes. So a delta
that a plan could not carry comes out the same when the writer makes it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.encode import encode_delta
from packcore.delta.match import common_prefix, common_suffix

if TYPE_CHECKING:
    from packcore.objects import ObjectType

__all__ = ["make_delta"]


def make_delta(object_type: ObjectType, base: bytes, target: bytes) -> bytes:  # noqa: ARG001
    """Return the delta that makes `target` from `base`."""
    limit = min(len(base), len(target))
    prefix = common_prefix(base, 0, target, 0, limit)
    suffix = common_suffix(base, len(base), target, len(target), limit - prefix)
    matches = [(0, 0, prefix), (len(target) - suffix, len(base) - suffix, suffix)]
    return encode_delta(len(base), target, [match for match in matches if match[2]])
