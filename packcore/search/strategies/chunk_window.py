"""The default strategy: finds bases by history and by shared chunks, instead of trying each neighbour.

    1  version graph        which objects are versions of each other                version_graph
    2  order                commits, tags, trees, blobs; trees and blobs by name    chunk_search/paths
    3  walk of each path    newest first, along a spanning tree                     forest
    4  prescribed base      by the depth schedule                                   depth
    5  other bases          if much stays literal: the version nearest in size;     chunk_search/blobs,
                            the object that introduced those chunks (rename, copy)  trees, commits; window
    6  hopeless bases       ruled out by samples, or by all their lines             chunk_search/outline
    7  matches              of the best candidate, aborted when worse               chunk_search/best;
                                                                                    segments, scattered,
                                                                                    words, trees, messages
    8  acceptance           by the bytes saved after compression                    chunk_search/acceptance

The window is the chunk index: whatever it remembers is one look-up away at any distance, and whatever it has
forgotten is out of reach. On average, each object is compared with two or three others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.objects import ObjectType
from packcore.search.chunk_search.blobs import BlobChooser
from packcore.search.chunk_search.commits import MessageChooser
from packcore.search.chunk_search.paths import PathSearch
from packcore.search.chunk_search.state import SearchState
from packcore.search.chunk_search.trees import TreeChooser
from packcore.search.engine_strategy import EngineStrategy
from packcore.search.partition import parts_by_type_and_name
from packcore.search.strategy import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.search.strategy import Choice, Part, Work

__all__ = ["ChunkWindow"]


class ChunkWindow(EngineStrategy):
    """Takes candidates from the version graph and from a chunk index over a sliding window."""

    name: ClassVar[str] = "chunk-window"
    description: ClassVar[str] = "bases from the version graph and an index of chunks in a sliding window"
    cites: ClassVar[str] = (
        "measured for this project; MacDonald, File System Support for Delta Compression (2000)"
    )
    reuses_deltas: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("voted", 2, "most candidates taken from the votes of chunks"),
        Parameter("literal_bytes", 200, "literal bytes that a delta may hold before chunks vote"),
        Parameter("near", 1, "most versions of similar size tried before chunks vote"),
        Parameter("vote_bytes", 60, "least bytes of shared chunks for a candidate to be tried"),
    )

    def partition(self, work: Work) -> list[Part]:
        """Return the parts to search separately: each type, and blobs by name."""
        return parts_by_type_and_name(work)

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each searched object: commits, tags, trees, blobs; path by path."""
        state = SearchState(work, self.values)
        usable: dict[ObjectType, list[int]] = {type_: [] for type_ in ObjectType}
        for index, candidate in enumerate(work.candidates):
            if candidate.size < work.limits.big_object:
                usable[candidate.type].append(index)
        for type_ in (ObjectType.COMMIT, ObjectType.TAG):
            messages = MessageChooser(state, type_)
            for member in usable[type_]:
                if state.searched[member]:
                    yield messages.choose(member)
        if not usable[ObjectType.TREE] and not usable[ObjectType.BLOB]:
            return
        edges = work.version_edges()
        trees = PathSearch(state, ObjectType.TREE, usable[ObjectType.TREE])
        yield from trees.choices(edges, TreeChooser(state))
        blobs = PathSearch(state, ObjectType.BLOB, usable[ObjectType.BLOB])
        yield from blobs.choices(edges, BlobChooser(state, blobs.path_of))
