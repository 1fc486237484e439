"""The default: bases are found by the history and by shared chunks, not by trying each neighbour.

    1  version graph        which object is a version of which                      version_graph
    2  order                commits, tags, trees, blobs; trees and blobs by name    chunk_search/paths
    3  walk of each path    newest first, along a spanning tree                     forest
    4  prescribed base      by the depth schedule                                   depth
    5  other bases          when much stays literal: the version nearest in size;   chunk_search/blobs,
                            whoever brought in those chunks (a rename, a copy)      trees, messages; window
    6  hopeless bases       told by samples, or by all their lines                  chunk_search/outline
    7  matches              of the best candidate, aborted when worse               chunk_search/best;
                                                                                    segments, scattered,
                                                                                    words, trees, messages
    8  acceptance           by what is really saved, after compression              chunk_search/acceptance

The window is the chunk index: what it has forgotten is out of reach, whatever its distance; what it
remembers is one look-up away. Each object is compared with two or three others in the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.objects import ObjectType
from packcore.search.chunk_search.blobs import BlobChooser
from packcore.search.chunk_search.messages import MessageChooser
from packcore.search.chunk_search.paths import PathSearch
from packcore.search.chunk_search.state import SearchState
from packcore.search.chunk_search.trees import TreeChooser
from packcore.search.engine_strategy import EngineStrategy
from packcore.search.parts import parts_by_type_and_name
from packcore.search.strategy import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.search.strategy import Choice, Part, Work

__all__ = ["ChunkWindow"]


class ChunkWindow(EngineStrategy):
    """Candidates from the version graph and from a chunk index over a sliding window."""

    name: ClassVar[str] = "chunk-window"
    description: ClassVar[str] = "bases from the version graph and an index of chunks in a sliding window"
    cites: ClassVar[str] = (
        "measured for this project; MacDonald, File System Support for Delta Compression (2000)"
    )
    reuses_deltas: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("voted", 2, "candidates taken from the votes of chunks, at most"),
        Parameter("literal_bytes", 200, "literal bytes that a delta may hold before chunks vote"),
        Parameter("near", 1, "versions of the nearest sizes that are tried before chunks vote, at most"),
        Parameter("vote_bytes", 60, "bytes of shared chunks below which a candidate isn't tried"),
    )

    def partition(self, work: Work) -> list[Part]:
        """Return parts that are searched by themselves: types, and blobs by name."""
        return parts_by_type_and_name(work)

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each object searched: commits, tags, trees, blobs; path by path."""
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
