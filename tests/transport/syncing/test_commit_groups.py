"""Objects grouped by commit: cut anywhere, and what lies before the cut is complete in itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.objects import MODE_GITLINK, ObjectType, commit_links, mode_kind, parse_tag, tree_rows
from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests.support import git, init_repository
from tests.transport.syncing.sides import random_dag
from transport.syncing.deliver.tops import tops_of
from transport.syncing.gather.commit_groups import group_by_commit

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore


def named_by(store: ObjectStore, oid: ObjectId) -> set[ObjectId]:
    type_, data = store.read(oid)
    if type_ is ObjectType.COMMIT:
        links = commit_links(data, store.object_format, oid)
        return {links.tree, *links.parents}
    if type_ is ObjectType.TREE:
        rows = tree_rows(data, store.object_format, oid)
        return {entry for mode, _, entry in rows if mode_kind(mode) != MODE_GITLINK}
    return {parse_tag(data, store.object_format, oid).target} if type_ is ObjectType.TAG else set()


@pytest.fixture(params=range(3))
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = init_repository(tmp_path / "x.git")
    ids = random_dag(path, request.param, commits=30)
    for number in (3, 20, 29):
        git("update-ref", f"refs/heads/b{number}", ids[number], cwd=path)
    git("tag", "-a", "-m", "x", "inner", ids[29], cwd=path)
    git("tag", "-a", "-m", "x", "outer", "inner", cwd=path)
    git("update-ref", "refs/misc/tree", f"{ids[20]}^{{tree}}", cwd=path)
    git("update-ref", "refs/misc/blob", git("hash-object", "-w", "--stdin", cwd=path, stdin=b"x"), cwd=path)
    return path


def test_every_object_comes_once_and_behind_what_it_names(repository):
    with Repository.open(repository) as store:
        wants = [ref.oid for ref in store.refs().known.values()]
        objects = list_objects(store, wants)
        groups = group_by_commit(store, objects, wants)
        order = [candidate.oid for group in groups for candidate in group]
        assert sorted(order) == sorted(candidate.oid for candidate in objects)
        before: set[ObjectId] = set()
        for oid in order:
            assert named_by(store, oid) <= before
            before.add(oid)


def test_a_group_holds_one_commit_at_its_end(repository):
    with Repository.open(repository) as store:
        wants = [ref.oid for ref in store.refs().known.values()]
        for group in group_by_commit(store, list_objects(store, wants), wants):
            assert all(candidate.type is not ObjectType.COMMIT for candidate in group[:-1])


def test_the_tops_of_any_beginning_reach_all_of_it(repository):
    with Repository.open(repository) as store:
        wants = [ref.oid for ref in store.refs().known.values() if ref.name.startswith("refs/heads/")]
        groups = group_by_commit(store, list_objects(store, wants), wants)
        for cut in range(1, len(groups), 7):
            objects = [candidate for group in groups[:cut] for candidate in group]
            reached = {found.oid for found in list_objects(store, tops_of(store, objects))}
            assert reached == {candidate.oid for candidate in objects}
