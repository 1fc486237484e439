"""Minimum arborescences, compared with all possible ones, and the depth limit."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.search.arborescence import Edge, children_first, limit_depth, minimum_arborescence


@st.composite
def graphs(draw):
    """Nodes and edges, every node with one from the root: node 0 or the last."""
    nodes = draw(st.integers(1, 5))
    root = draw(st.sampled_from([0, nodes - 1]))
    weights = st.integers(0, 12)
    edges = [Edge(root, node, draw(weights)) for node in range(nodes) if node != root]
    ends = st.integers(0, nodes - 1)
    edges += draw(st.lists(st.builds(Edge, ends, ends, weights), max_size=14))
    return nodes, root, draw(st.permutations(edges))


def cheapest(edges: list[Edge]) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for tail, head, weight in edges:
        found[tail, head] = min(weight, found.get((tail, head), weight))
    return found


def depths(parents, root: int) -> list[int]:
    """Return each node's depth, or None if some form a cycle."""
    found = []
    for node in range(len(parents)):
        depth = 0
        while node != root and depth <= len(parents):
            node, depth = parents[node], depth + 1
        found.append(depth)
    return found if max(found) < len(parents) else []


def all_forests(nodes: int, root: int, weights: dict[tuple[int, int], int]):
    """Yield (weight, depth) of every arborescence."""
    tails = [
        [-1] if node == root else [t for t in range(nodes) if (t, node) in weights] for node in range(nodes)
    ]
    for parents in product(*tails):
        found = depths(parents, root)
        if found:
            yield sum(weights[parents[node], node] for node in range(nodes) if node != root), max(found)


@settings(deadline=None)
@given(graphs())
def test_no_arborescence_is_cheaper(graph):
    nodes, root, edges = graph
    weights = cheapest(edges)
    parents = minimum_arborescence(nodes, root, edges)
    assert parents[root] == -1
    assert depths(parents, root)
    weight = sum(weights[parents[node], node] for node in range(nodes) if node != root)
    assert weight == min(weight for weight, _ in all_forests(nodes, root, weights))


@settings(deadline=None)
@given(graphs(), st.integers(1, 4))
def test_a_repaired_forest_keeps_the_limit_and_one_that_fits_is_unchanged(graph, depth_max):
    nodes, root, edges = graph
    weights = cheapest(edges)
    parents = minimum_arborescence(nodes, root, edges)
    mended = limit_depth(parents, root, weights, depth_max)
    assert max(depths(mended, root)) <= depth_max
    assert all((mended[node], node) in weights for node in range(nodes) if node != root)
    if max(depths(parents, root)) <= depth_max:
        assert mended == parents
    weight = sum(weights[mended[node], node] for node in range(nodes) if node != root)
    assert weight >= min(weight for weight, depth in all_forests(nodes, root, weights) if depth <= depth_max)


def test_nested_cycles_are_opened():
    # 1 and 2 are closest to each other, and so are 3 and 4, and the two pairs.
    edges = [Edge(1, 2, 1), Edge(2, 1, 1), Edge(3, 4, 1), Edge(4, 3, 1), Edge(2, 3, 2), Edge(4, 1, 2)]
    edges += [Edge(0, node, weight) for node, weight in ((1, 50), (2, 50), (3, 40), (4, 50))]
    assert minimum_arborescence(5, 0, edges) == [-1, 4, 1, 0, 3]


def test_a_long_chain_is_cut_in_few_places():
    count = 200
    weights = {(0, node): 1000 for node in range(1, count)}
    weights |= {(node - 1, node): 1 for node in range(2, count)}
    edges = [Edge(tail, head, weight) for (tail, head), weight in weights.items()]
    mended = limit_depth(minimum_arborescence(count, 0, edges), 0, weights, 51)
    assert max(depths(mended, 0)) <= 51
    assert mended.count(0) <= 5


def test_the_order_has_children_before_parents():
    parents = [-1, 0, 0, 1, 1, 2]
    order = children_first(parents, 0)
    assert order[-1] == 0
    assert all(order.index(node) < order.index(parents[node]) for node in range(1, 6))


def test_a_node_out_of_reach_is_an_error():
    with pytest.raises(ValueError, match="can't be reached from the root"):
        minimum_arborescence(2, 0, [])
