"""A delta selection strategy of your own, in one file: each object against the last one of its path.

    python own_strategy.py REPOSITORY        compare it with others, without installing anything

As a plug-in of `packcore` it needs one line of packaging: an entry point of the group
`packcore.strategies` (see the page "Writing your own strategy").
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar

import packcore
from packcore import Choice, EngineStrategy, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore import Work


class LastOfPath(EngineStrategy):
    """Takes the newer version of the same path as a base, if that makes a delta small enough."""

    name: ClassVar[str] = "last-of-path"
    description: ClassVar[str] = "the object of the same path that came just before"
    cites: ClassVar[str] = "the example of packcore's documentation"
    reuses_deltas: ClassVar[bool] = False
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("percent", 50, "a delta may be at most so many hundredths of its object"),
    )

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield one choice for each object, in the order of the walk: newest first."""
        last: dict[tuple[int, bytes], int] = {}  # (type, path) -> the object that came just before
        read = work.reader()
        for index in work.searched:
            candidate = work.candidates[index]
            base = last.get((candidate.type, candidate.path))
            last[candidate.type, candidate.path] = index
            # A chain may not grow beyond the limit: `room` says how deep this object may lie.
            if base is None or work.depth[base] + 1 > work.room[index]:
                yield Choice(index, None)
                continue
            delta = self.make_delta(candidate.type, read(base), read(index), work.object_format.digest_size)
            if len(delta) * 100 > candidate.size * self.values["percent"]:
                yield Choice(index, None)
            else:
                yield Choice(index, base, len(delta))


def main() -> None:
    """Compare it with two others on one repository."""
    with packcore.open_repository(sys.argv[1]) as store:
        tips = [ref.oid for ref in store.refs().known.values()]
        objects = packcore.list_objects(store, wants=tips, haves=[])
        for strategy in ("none", LastOfPath(), "chunk-window"):
            plan = packcore.select(store, objects, strategy=strategy, reuse_deltas=False)
            size = sum(map(len, packcore.write_pack(plan)))
            print(f"{plan.strategy:<14}{plan.delta_count:>6} deltas {size:>10} bytes")


if __name__ == "__main__":
    main()
