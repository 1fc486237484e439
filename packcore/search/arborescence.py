"""The minimum-weight arborescence of a graph: Edmonds' algorithm, plus a depth limit.

    root --50--> a --3--> b          each node takes its cheapest incoming edge; if these form a cycle, the
         --40--> b --2--> a          cycle becomes one node, and an edge into it costs the difference to the
                                     edge it would replace: 40 + 2, not 50 + 3
    cheapest: root -> b -> a = 42

This repeats until no cycle is left. Then the cycles are opened again, last first, each at the node where the
edge into it arrives. The result is the exact minimum over all arborescences.

With a depth limit the problem is NP-hard. `limit_depth` starts from the minimum and repairs it: while a node
is too deep, it moves that node or one of its ancestors, whichever is cheapest, to a place where its whole
subtree fits. The result keeps the limit. The weight before the repair is a lower bound for any forest within
the limit.

Chu and Liu, "On the shortest arborescence of a directed graph", Scientia Sinica 14 (1965); Edmonds,
"Optimum branchings", J. Res. Nat. Bur. Standards 71B (1967). Contracting round by round takes time
edges x rounds; faster methods (Tarjan 1977) don't pay for a few hundred nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Edge", "children_first", "limit_depth", "minimum_arborescence"]


class Edge(NamedTuple):
    """An edge that makes `tail` the parent of `head`."""

    tail: int
    head: int
    weight: int


def minimum_arborescence(nodes: int, root: int, edges: Sequence[Edge]) -> list[int]:
    """Return each node's parent, -1 for the root, with the least total weight.

    Nodes are 0 to `nodes` - 1. Of equal edges, the first one given wins. Raises ValueError if a node can't be
    reached from the root.
    """
    rounds: list[tuple[list[Edge], list[int], list[int], list[int]]] = []
    current = [edge for edge in edges if edge.head not in (root, edge.tail)]
    origin = list(range(len(current)))
    first = current
    count = nodes
    while True:
        best = _cheapest_in(count, root, current)
        component, ring_of, count_after = _contract(count, root, current, best)
        rounds.append((current, origin, best, ring_of))
        if count_after == count:
            break
        current, origin = _edges_between(current, best, component, ring_of)
        root, count = component[root], count_after
    chosen = [index for index in rounds[-1][2] if index >= 0]
    for level in range(len(rounds) - 1, 0, -1):
        below, _, best, ring_of = rounds[level - 1]
        arriving = {below[rounds[level][1][index]].head: rounds[level][1][index] for index in chosen}
        chosen = [
            arriving.get(node, best[node] if ring_of[node] >= 0 else -1) for node in range(len(ring_of))
        ]
        chosen = [index for index in chosen if index >= 0]
    parents = [-1] * nodes
    for index in chosen:
        parents[first[index].head] = first[index].tail
    return parents


def _cheapest_in(count: int, root: int, edges: Sequence[Edge]) -> list[int]:
    """Return the index of each node's cheapest incoming edge, -1 for the root."""
    best = [-1] * count
    for index, (_, head, weight) in enumerate(edges):
        if best[head] < 0 or weight < edges[best[head]].weight:
            best[head] = index
    if any(index < 0 and node != root for node, index in enumerate(best)):
        raise ValueError("a node can't be reached from the root")
    return best


def _contract(
    count: int, root: int, edges: Sequence[Edge], best: Sequence[int]
) -> tuple[list[int], list[int], int]:
    """Return each node's node in the next round, its cycle (-1 means none), and the next number of nodes."""
    component = [-1] * count
    ring_of = [-1] * count
    seen_from = [-1] * count
    total = 0
    for start in range(count):
        path = []
        node = start
        while node != root and seen_from[node] < 0:
            seen_from[node] = start
            path.append(node)
            node = edges[best[node]].tail
        if node != root and seen_from[node] == start:
            for member in path[path.index(node) :]:
                ring_of[member] = component[member] = total
            total += 1
    for node in range(count):
        if component[node] < 0:
            component[node] = total
            total += 1
    return component, ring_of, total


def _edges_between(
    edges: Sequence[Edge], best: Sequence[int], component: Sequence[int], ring_of: Sequence[int]
) -> tuple[list[Edge], list[int]]:
    """Return the cheapest edges between components, and the index of the edge that each one was."""
    kept: dict[tuple[int, int], tuple[int, int]] = {}
    for index, (tail, head, weight) in enumerate(edges):
        pair = component[tail], component[head]
        if pair[0] == pair[1]:
            continue
        if ring_of[head] >= 0:
            weight -= edges[best[head]].weight
        if pair not in kept or weight < kept[pair][0]:
            kept[pair] = weight, index
    contracted = [Edge(tail, head, weight) for (tail, head), (weight, _) in kept.items()]
    return contracted, [index for _, index in kept.values()]


def children_first(parents: Sequence[int], root: int) -> list[int]:
    """Return all nodes, each before its parent, the root last."""
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(node)
    order, stack = [], [root]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(children[node])
    order.reverse()
    return order


def limit_depth(
    parents: Sequence[int], root: int, edges: Mapping[tuple[int, int], int], depth_max: int
) -> list[int]:
    """Return parents that keep every node within `depth_max` edges of the root.

    `edges` maps (tail, head) to weights; the root must have an edge to every node. `depth_max` is 1 or more.
    """
    parents = list(parents)
    tails: list[list[int]] = [[] for _ in parents]
    for tail, head in edges:
        tails[head].append(tail)
    while True:
        order = children_first(parents, root)
        depth = [0] * len(parents)
        height = [0] * len(parents)
        for node in reversed(order[:-1]):
            depth[node] = depth[parents[node]] + 1
        for node in order[:-1]:
            height[parents[node]] = max(height[parents[node]], height[node] + 1)
        deepest = max(range(len(parents)), key=lambda node: (depth[node], -node))
        if depth[deepest] <= depth_max:
            return parents
        best: tuple[int, int, int] | None = None
        below: set[int] = set()
        node = deepest
        while node != root:
            below |= _subtree(parents, node, order)
            for tail in tails[node]:
                if tail in below or depth[tail] + 1 + height[node] > depth_max:
                    continue
                found = edges[tail, node] - edges[parents[node], node], node, tail
                if best is None or found < best:
                    best = found
            node = parents[node]
        if best is None:
            raise ValueError("the root has no edge to a node that is too deep")
        parents[best[1]] = best[2]


def _subtree(parents: Sequence[int], top: int, order: Sequence[int]) -> set[int]:
    """Return a node and all its descendants."""
    below = {top}
    for node in reversed(order):
        if parents[node] in below:
            below.add(node)
    return below
