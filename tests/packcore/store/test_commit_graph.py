"""Commit-graphs: git's are read, ours are git's byte for byte, damaged or stale ones change no answer."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore import history
from packcore.ancestry import are_ancestors, list_commits
from packcore.checks.fsck import check_repository
from packcore.errors import CorruptShortcut
from packcore.history import History
from packcore.ids import SHA1
from packcore.objects import commit_links
from packcore.store.commit_graph import UNKNOWN_GENERATION, parse_commit_graph, read_commit_graph
from packcore.store.commit_graph_write import write_commit_graph
from packcore.store.repository import Repository
from tests.packcore.drawings import Drawing, drawing, stored
from tests.support import git, run_git

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.objects import CommitLinks

FAR = 1 << 33


def octopus() -> Drawing:
    """Return a history with a merge of five parents, and dates that need GDO2."""
    parents: list[list[int]] = [[], *([0] for _ in range(5)), [1, 2, 3, 4, 5], [6], [6, 1]]
    return Drawing(parents, [FAR, 1, 2, 3, 4, 5, 6, FAR + 5, 8])


def links_of(graph: Drawing) -> dict[ObjectId, CommitLinks]:
    return {oid: commit_links(data, SHA1, oid) for oid, data in zip(graph.ids, graph.data, strict=True)}


def skip_unless_git_agrees_with_itself(path: Path) -> None:
    """Skip where git refuses the graph that it wrote: 2.47 drops offsets that need GDO2."""
    if run_git("commit-graph", "verify", cwd=path).returncode:
        pytest.skip("this git does not accept the graph that it wrote itself")


def in_layers(path: Path) -> None:
    """Write a graph in three layers, one after the other as branches appear."""
    names = git("for-each-ref", "--format=%(refname)", cwd=path).split()
    thirds = [names[: 1 + len(names) * n // 3] for n in (1, 2, 3)]
    for some in thirds:
        tips = "\n".join(git("rev-parse", name, cwd=path) for name in some)
        git("commit-graph", "write", "--split=no-merge", "--stdin-commits", cwd=path, stdin=tips.encode())


@pytest.mark.parametrize("graph", [octopus(), drawing(3, 60), drawing(4, 60, skew="backwards")])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("version", [1, 2])
def test_what_git_writes_is_read_as_the_commits_say(
    tmp_path: Path, graph: Drawing, layers: int, version: int
):
    path = stored(graph, tmp_path / "a.git")
    git("config", "commitGraph.generationVersion", str(version), cwd=path)
    if layers == 1:
        git("commit-graph", "write", "--reachable", "--changed-paths", cwd=path)
    else:
        in_layers(path)
    skip_unless_git_agrees_with_itself(path)
    found = read_commit_graph(path / "objects", SHA1)
    assert found is not None
    assert len(found) == len(graph.ids)
    for oid, links in links_of(graph).items():
        node = found.node(oid)
        assert node is not None
        assert (node.parents, node.date) == (links.parents, links.date)
        assert found.links(oid) == links
        assert all(found.node(parent).generation < node.generation for parent in links.parents)  # type: ignore[union-attr]
    found.check_files()
    found.close()


@pytest.mark.parametrize("graph", [octopus(), *(drawing(seed, 50) for seed in range(4))])
def test_what_we_write_is_what_git_writes(tmp_path: Path, graph: Drawing):
    path = stored(graph, tmp_path / "a.git")
    git("commit-graph", "write", "--reachable", cwd=path)
    skip_unless_git_agrees_with_itself(path)
    theirs = (path / "objects/info/commit-graph").read_bytes()
    assert b"".join(write_commit_graph(links_of(graph), SHA1)) == theirs


def test_git_and_we_find_nothing_wrong_with_a_graph_of_ours(tmp_path: Path):
    graph = drawing(7, 50)
    path = stored(graph, tmp_path / "a.git")
    (path / "objects/info").mkdir(exist_ok=True)
    (path / "objects/info/commit-graph").write_bytes(b"".join(write_commit_graph(links_of(graph), SHA1)))
    git("commit-graph", "verify", cwd=path)
    with Repository.open(path) as repository:
        assert [found.text for found in check_repository(repository) if found.is_error] == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40), st.data())
def test_answers_by_the_graph_are_those_by_the_commits(seed: int, size: int, data: st.DataObject):
    graph = drawing(seed, size)
    numbers = st.integers(0, size - 1)
    asked = data.draw(st.lists(st.tuples(numbers, numbers), max_size=10))
    # Only what some commits reach is in the graph: the others are newer.
    held = set[int]().union(*(graph.reach(n) for n in data.draw(st.sets(numbers))))
    links = {oid: links for n, (oid, links) in enumerate(links_of(graph).items()) if n in held}
    table = parse_commit_graph([(b"".join(write_commit_graph(links, SHA1)), "graph")], SHA1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "shortcuts_of", lambda _: SimpleNamespace(commit_graph=table))
        assert are_ancestors(graph.store, graph.pairs(asked)) == graph.truth(asked)
        haves = [graph.ids[n] for n in data.draw(st.sets(numbers))]
        by_graph = list_commits(graph.store, graph.ids, haves)
    truly = set(range(size)) - set[int]().union(*(graph.reach(graph.ids.index(oid)) for oid in haves))
    assert {graph.ids[n] for n in truly} <= set(by_graph)


def test_with_a_graph_no_commit_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    graph = drawing(9, 60, skew="right")
    path = stored(graph, tmp_path / "a.git")
    git("commit-graph", "write", "--reachable", cwd=path)
    with Repository.open(path) as repository:
        known = History(repository)
        monkeypatch.setattr(Repository, "read", None)
        assert all(known.node(oid) for oid in graph.ids)


def test_a_damaged_graph_is_left_aside_and_the_repository_says_so(tmp_path: Path):
    graph = drawing(5, 30)
    path = stored(graph, tmp_path / "a.git")
    git("commit-graph", "write", "--reachable", cwd=path)
    file = path / "objects/info/commit-graph"
    file.chmod(0o644)
    whole = file.read_bytes()
    for size in range(0, len(whole), 7):
        file.write_bytes(whole[:size])
        with Repository.open(path) as repository:
            assert repository.shortcuts.commit_graph is None
            assert len(repository.shortcuts.faults) == 1


def test_rows_that_lead_out_of_the_graph_or_up_in_time_are_not_believed(tmp_path: Path):
    graph = drawing(6, 30)
    path = stored(graph, tmp_path / "a.git")
    git("commit-graph", "write", "--reachable", cwd=path)
    file = path / "objects/info/commit-graph"
    file.chmod(0o644)
    whole = file.read_bytes()
    asked = [(old, new) for old in range(0, 30, 2) for new in range(0, 30, 3)]
    truth = graph.truth(asked)
    rows = whole.index(b"".join(sorted(graph.ids))) + 20 * len(graph.ids)
    for number in range(len(graph.ids)):
        at = rows + number * 36 + 20
        # No such parent; then a level of 0 as of an old git, and a row of EDGE that is not there.
        for spot, value in ((at, b"\0\0\xff\0"), (at + 4, b"\x80\0\0\x09")):
            file.write_bytes(whole[:spot] + value + whole[spot + 4 :])
            with Repository.open(path) as repository:
                assert are_ancestors(repository, graph.pairs(asked)) == truth


def test_generations_that_do_not_fall_towards_the_roots_are_not_believed(tmp_path: Path):
    graph = drawing(8, 30, skew="right")
    path = stored(graph, tmp_path / "a.git")
    git("config", "commitGraph.generationVersion", "1", cwd=path)
    git("commit-graph", "write", "--reachable", cwd=path)
    file = path / "objects/info/commit-graph"
    file.chmod(0o644)
    whole = file.read_bytes()
    rows = whole.index(b"".join(sorted(graph.ids))) + 20 * len(graph.ids)
    low = min(graph.parents[29])
    spot = rows + sorted(graph.ids).index(graph.ids[low]) * 36 + 28
    file.write_bytes(whole[:spot] + (1000 << 34 | low).to_bytes(8, "big") + whole[spot + 8 :])
    with Repository.open(path) as repository:
        assert are_ancestors(repository, [(graph.ids[0], graph.ids[29])]) == [0 in graph.reach(29)]
        assert "generation" in repository.shortcuts.faults[0]
        assert repository.shortcuts.commit_graph is None
    with Repository.open(path) as repository:
        assert any("digest" in found.text for found in check_repository(repository))


def test_a_graph_that_names_commits_that_are_gone_gives_no_commit_that_is_not_here(tmp_path: Path):
    graph = drawing(2, 30)
    path = stored(graph, tmp_path / "a.git")
    git("commit-graph", "write", "--reachable", cwd=path)
    tip = graph.ids[29]
    gone = tip.hex()
    git("update-ref", "-d", "refs/heads/b29", cwd=path)
    (path / "objects" / gone[:2] / gone[2:]).unlink()
    with Repository.open(path) as repository:
        assert repository.shortcuts.commit_graph is not None
        assert tip not in repository
        heads = [ref.oid for ref in repository.refs().known.values()]
        assert tip not in list_commits(repository, heads)
        assert any(gone in found.text for found in check_repository(repository) if found.is_error)


def test_a_setting_keeps_the_graph_from_being_read(tmp_path: Path):
    path = stored(drawing(1, 10), tmp_path / "a.git")
    git("commit-graph", "write", "--reachable", cwd=path)
    git("config", "core.commitGraph", "false", cwd=path)
    with Repository.open(path) as repository:
        assert repository.shortcuts.commit_graph is None


def test_a_chain_whose_layer_is_gone_is_left_aside(tmp_path: Path):
    path = stored(drawing(3, 40), tmp_path / "a.git")
    in_layers(path)
    layers = sorted((path / "objects/info/commit-graphs").glob("graph-*.graph"))
    layers[random.Random(1).randrange(len(layers))].unlink()
    with Repository.open(path) as repository:
        assert repository.shortcuts.commit_graph is None
        assert "is not there" in repository.shortcuts.faults[0]


def test_without_a_graph_no_generation_is_known(tmp_path: Path):
    graph = drawing(1, 10)
    node = History(graph.store).node(graph.ids[9])
    assert node is not None
    assert node.generation == UNKNOWN_GENERATION
    with pytest.raises(CorruptShortcut):
        parse_commit_graph([(b"CGPH", "x")], SHA1)
