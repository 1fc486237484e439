"""Super-features: a few numbers for each object, one or more of which similar objects share.

    bytes      cut by content                                chunks: lines, entries, words
    chunks     CRC-32 of each                                marks
    sample     the 64 smallest marks                         by content, not by place; any size yields one
    features   for each of 12 transforms x -> m x + a        the largest value over the sample
    groups     2 features together, hashed                   6 super-features

Two objects that share a fraction J of their chunks agree in a feature with probability J, in a group of two
with J^2, and in at least one of six groups with 1 - (1 - J^2)^6: 0.998 for J = 0.8, 0.82 for 0.5, and 0.06
for 0.1. (Groups of three, as in the papers, miss enough small files to make packs 8 % larger.) So one look-up
for each group finds likely bases among any number of objects, in any place, and unrelated objects hardly ever
match.

After Odess (Zou et al., "Odess: Speeding up Resemblance Detection for Redundancy Elimination by Fast
Content-Defined Sampling", ICDE 2021), which samples by content before it transforms, and Finesse (Zhang
et al., "Finesse: Fine-Grained Feature Locality based Fast Resemblance Detection for Post-Deduplication
Delta Compression", FAST 2019), which showed how cheap features can be. This differs from both in two ways. It
uses the chunks of this engine instead of a rolling hash at each byte, which Python could not afford. And it
uses the smallest marks instead of a fixed share of them, because most objects of a repository are small.

The values of the marks decide which chunks are sampled. That is why they are CRC-32, which is quick and the
same everywhere, and not the fingerprints of `packcore.delta.chunks`, with which choices would depend on what
is installed.
"""

from __future__ import annotations

import random
from hashlib import blake2b
from typing import TYPE_CHECKING

from packcore.deflate import crc32
from packcore.delta.chunks import cut, tree_ids
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FEATURES", "FEATURES_PER_GROUP", "ResemblanceIndex", "super_features"]

FEATURES = 12
FEATURES_PER_GROUP = 2
_SAMPLE = 64
"""The number of marks that features are made of; the time for each object grows with it."""
_CHUNKS_MIN = 3
"""Objects with fewer chunks have no features: a single shared chunk would be most of them."""
_64_BITS = (1 << 64) - 1
_NEWEST = 4
"""The number of objects remembered for each super-feature."""
_BYTES_PER_KEY = 300
"""Memory for one key of the index: a slot, the number, and a short list."""

_random = random.Random(20190226)  # noqa: S311 - fixed multipliers, so that plans never differ
_TRANSFORMS = tuple((_random.getrandbits(64) | 1, _random.getrandbits(64)) for _ in range(FEATURES))


def super_features(
    object_type: ObjectType, data: bytes, digest_size: int, *, per_group: int = FEATURES_PER_GROUP
) -> list[int]:
    """Return the super-features of an object, or none if it is too small to have any.

    A commit counts from its author line on, since its tree and parents are never shared.
    """
    if object_type == ObjectType.TREE:
        chunks = tree_ids(data, 0, len(data), digest_size)
    elif object_type == ObjectType.COMMIT:
        chunks = cut(data[max(data.find(b"\nauthor "), 0) :])
    else:
        chunks = cut(data)
    sample = sorted(set(map(crc32, chunks)))[:_SAMPLE]
    if len(sample) < _CHUNKS_MIN:
        return []
    features = [
        max([(multiplier * mark + addend) & _64_BITS for mark in sample])
        for multiplier, addend in _TRANSFORMS
    ]
    groups = [features[start : start + per_group] for start in range(0, FEATURES, per_group)]
    return [_super_feature(object_type, number, group) for number, group in enumerate(groups)]


def _super_feature(object_type: ObjectType, number: int, group: list[int]) -> int:
    """Return the features of a group as one number, which also depends on the group and the object type."""
    together = b"".join([feature.to_bytes(8, "little") for feature in group])
    digest = blake2b(together, digest_size=8, salt=bytes((number, object_type)))
    return int.from_bytes(digest.digest(), "little")


class ResemblanceIndex:
    """Maps super-features to the newest objects that have them; bounded by dropping keys that go unused."""

    def __init__(self, memory_bytes: int) -> None:
        self._young_max = max(1024, memory_bytes // _BYTES_PER_KEY // 2)
        self._young: dict[int, list[int]] = {}
        self._old: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def add(self, features: Sequence[int], index: int) -> None:
        """Record an object under its super-features."""
        for feature in features:
            members = self._young.get(feature)
            if members is None:
                members = self._young[feature] = self._old.pop(feature, [])
            members.append(index)
            del members[:-_NEWEST]
        if len(self._young) > self._young_max:
            self._old, self._young = self._young, {}

    def matches(self, features: Sequence[int], most: int) -> list[int]:
        """Return up to `most` objects that share super-features: those that share most first, then newest."""
        shared: dict[int, int] = {}
        for feature in features:
            for index in self._young.get(feature) or self._old.get(feature) or []:
                shared[index] = shared.get(index, 0) + 1
        # The newest is the one added last, whatever its number.
        order = {index: position for position, index in enumerate(shared)}
        return sorted(shared, key=lambda index: (-shared[index], -order[index]))[:most]
