"""Bases by resemblance alone: tries objects that share super-features, whatever their path and name.

    order       type, then the walk's: newest first
    candidates  up to eight objects that share most super-features, the newest of them first
    choice      the smallest delta, by git's rules of size and depth

It uses no paths, no history and no neighbourhood, so it finds renames, copies between folders and vendored
trees as easily as versions of a file, and lists without names lose nothing. It misses bases that resemble the
object too little to share a super-feature: small files, and versions that changed by half. Each object costs
six look-ups instead of a comparison with ten neighbours, so time grows with the bytes, not with the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.search.engine_strategy import EngineStrategy
from packcore.search.sliding import TYPE_ORDER, Trial, usable, wanted_of, whole
from packcore.search.strategy import Choice, Parameter
from packcore.search.superfeatures import FEATURES_PER_GROUP, ResemblanceIndex, super_features
from packcore.search.window import ObjectCache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.search.strategy import Work

__all__ = ["SuperFeature"]


class SuperFeature(EngineStrategy):
    """Tries candidates that share super-features."""

    name: ClassVar[str] = "superfeature"
    description: ClassVar[str] = "bases that share sampled super-features, whatever their path"
    cites: ClassVar[str] = "Odess (Zou et al., ICDE 2021); Finesse (Zhang et al., FAST 2019)"
    reuses_deltas: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("alike", 8, "most candidates to try"),
        Parameter(
            "per_group", FEATURES_PER_GROUP, "features in a super-feature; fewer find more, useless ones too"
        ),
    )

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each searched object: commits, tags, trees, blobs, newest first."""
        wanted = wanted_of(work)
        read = work.reader(ObjectCache(work.limits.window_memory // 2))
        index = ResemblanceIndex(work.limits.window_memory // 2)
        members = usable(work)
        members.sort(
            key=lambda member: (TYPE_ORDER[work.candidates[member].type], member < work.plan_count, member)
        )
        digest_size = work.object_format.digest_size
        for member in members:
            data = read(member)
            features = super_features(
                work.candidates[member].type, data, digest_size, per_group=max(self.values["per_group"], 1)
            )
            if wanted[member]:
                trial = Trial(work, member, data)
                for base in index.matches(features, self.values["alike"]):
                    trial.offer(base, read(base))
                yield trial.choice()
                wanted[member] = 0
            # At the depth limit it can't be a base, and would only crowd others out.
            if 0 <= work.depth[member] < max(work.room[member], 1):
                index.add(features, member)
        yield from whole(work, wanted)
