"""Path order and resemblance combined: both propose bases, and the smallest delta in the pack wins.

    by path         the last few objects of the path, newest first      versions of a file
    by resemblance  those that share most super-features                renames, copies, moved code
    choice          the two cheapest are encoded and compressed; the one with the fewest bytes in the pack
                    wins, unless the whole object is smaller

The two methods fail on different objects: neighbours of a path miss files that moved, super-features miss
files that are small or changed by half. Comparing compressed bytes also keeps deltas that the rule "below
half the object" discards, most of all those of commits. As everywhere, a deep base must win by more.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, ClassVar

from packcore.deflate import deflate, level_for
from packcore.delta.make import encode_matches, find_matches
from packcore.search.engine_strategy import EngineStrategy
from packcore.search.name_hash import name_hash_v2
from packcore.search.sliding import TYPE_ORDER, usable, wanted_of, whole
from packcore.search.strategy import Choice, Parameter
from packcore.search.superfeatures import ResemblanceIndex, super_features
from packcore.search.window import ObjectCache
from packcore.tree_path import path_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from packcore.search.strategy import Work

__all__ = ["Union"]

_ENCODED = 2
"""How many candidates are encoded and compressed to find the smallest."""
_VAIN = 0.9
"""A delta that holds more than this share of its object literally is not tried."""
_HEADER_BYTES = 3
"""How many bytes the entry of a delta takes more than that of a whole object, if the base is close by."""


class Union(EngineStrategy):
    """Takes candidates by path and by super-features; the smallest compressed delta wins."""

    name: ClassVar[str] = "union"
    description: ClassVar[str] = "neighbours on the path and similar objects; the smallest delta wins"
    cites: ClassVar[str] = "git's pack-heuristics and Odess (Zou et al., ICDE 2021), joined"
    reuses_deltas: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("window", 10, "latest objects of the path to try"),
        Parameter("alike", 4, "objects to try that share super-features"),
    )

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each searched object: by type, then by name, newest first."""
        wanted = wanted_of(work)
        read = work.reader(ObjectCache(work.limits.window_memory // 2))
        alike = ResemblanceIndex(work.limits.window_memory // 2)
        digest_size = work.object_format.digest_size
        latest: list[int] = []
        group: tuple[int, int, bytes] | None = None
        for key in _keys(work):
            member = key[-1]
            if key[:3] != group:
                group, latest = key[:3], []
            data = read(member)
            features = super_features(work.candidates[member].type, data, digest_size)
            if wanted[member]:
                found = (*latest, *alike.matches(features, self.values["alike"]))
                yield _choice(work, read, member, data, OrderedDict.fromkeys(found))
                wanted[member] = 0
            # At the depth limit it can't be a base, and would only crowd others out.
            if 0 <= work.depth[member] < max(work.room[member], 1):
                alike.add(features, member)
                # The base is a better neighbour than most, so it stays in reach.
                base = work.base_of[member]
                latest = [other for other in latest if other != base]
                latest = [member, *([base] if base >= 0 else []), *latest][: self.values["window"]]
        yield from whole(work, wanted)


def _keys(work: Work) -> list[tuple[int, int, bytes, bool, int, int]]:
    """Return the sort keys of usable objects: type, name, path; the receiver's first; size, largest first."""
    hashes = {path: -name_hash_v2(path_end(path)) for path in {each.where for each in work.candidates}}
    keys = []
    for index in usable(work):
        _, type_, size, path, _ = work.candidates[index]
        keys.append((TYPE_ORDER[type_], hashes[path], path_end(path), index < work.plan_count, -size, index))
    keys.sort()
    return keys


def _choice(
    work: Work, read: Callable[[int], bytes], member: int, data: bytes, bases: Iterable[int]
) -> Choice:
    """Return the delta that is smallest in the pack, or the whole object."""
    type_, room = work.candidates[member].type, work.room[member]
    level = level_for(type_, work.limits.compression)
    found = []
    cost_max = int(len(data) * _VAIN)
    for base in bases:
        depth = work.depth[base]
        if work.candidates[base].type != type_ or not 0 <= depth < room:
            continue
        matched = find_matches(type_, read(base), data, cost_max, work.object_format.digest_size)
        if matched is not None:
            found.append(((matched[0] + 8) * room // (room - depth), base, matched[1]))
            # Allow a little more than the best so far, since gaps are filled only in encoding.
            cost_max = min(cost_max, matched[0] * 5 // 4 + 32)
    found.sort(key=lambda row: row[:2])
    best: tuple[int, Choice] | None = None
    for _, base, matches in found[:_ENCODED]:
        delta = encode_matches(type_, read(base), data, matches)
        stream = deflate(delta, level)
        weight = (len(stream) + _HEADER_BYTES) * room // (room - work.depth[base])
        if best is None or weight < best[0]:
            best = weight, Choice(member, base, len(delta), stream)
    stream = deflate(data, level)
    if best is not None and best[0] < min(len(stream), work.stored_size.get(member, len(stream))):
        return best[1]
    return Choice(member, None, 0, stream)
