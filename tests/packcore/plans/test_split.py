"""Plans cut for packs of a limited size: each within the limit, each object once, each alone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.ids import SHA1
from packcore.objects import ObjectType
from packcore.pack.indexer import index_pack_file
from packcore.plans.entries import Whole
from packcore.plans.split import split_plan
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.store.memory import MemoryStore
from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests.pack_stores import candidates_of, make_history
from tests.packcore.pack_builder import write_pack_file
from tests.support import history, make_repository

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.plans.plan import PackPlan

STORE, TIP = make_history(commits=60)
PLAN = select(STORE, list_objects(STORE, [TIP]))


def written(plan: PackPlan, *, ofs_delta: bool) -> bytes:
    return b"".join(write_pack(plan, ofs_delta=ofs_delta))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30_000), st.booleans())
def test_each_pack_is_within_the_limit_or_a_single_object(limit: int, ofs_delta: bool) -> None:
    parts = list(split_plan(PLAN, limit))
    for part in parts:
        assert len(written(part, ofs_delta=ofs_delta)) <= limit or part.object_count == 1
    assert [entry.oid for part in parts for entry in part.entries] == [entry.oid for entry in PLAN.entries]


@pytest.mark.parametrize("limit", [600, 2_000, 8_000])
def test_each_pack_stands_alone_and_keeps_the_deltas_within_it(tmp_path: Path, limit: int) -> None:
    parts = list(split_plan(PLAN, limit))
    assert len(parts) > 1
    for number, part in enumerate(parts):
        path = write_pack_file(tmp_path, [written(part, ofs_delta=True)], f"{number}.pack")
        assert len(index_pack_file(path, object_format=SHA1).table) == part.object_count
    kept = sum(part.delta_count for part in parts)
    assert 0 < kept < PLAN.delta_count


def test_a_plan_that_fits_is_left_as_it_is() -> None:
    (part,) = split_plan(PLAN, 1 << 30)
    assert part.entries == tuple(PLAN.entries)


def test_a_pack_that_would_be_copied_whole_is_cut_too(tmp_path: Path) -> None:
    path = make_repository(tmp_path / "r.git", history(commits=30), repack=True)
    with Repository.open(path) as repository:
        plan = select(repository, list_objects(repository, [repository.refs().known["refs/heads/main"].oid]))
        parts = list(split_plan(plan, 2_000))
        assert len(parts) > 1
        assert sum(len(written(part, ofs_delta=True)) <= 2_000 for part in parts) == len(parts)
        assert any(isinstance(entry.encoding, Whole) for part in parts for entry in part.entries)


def test_what_the_plan_does_not_carry_is_measured() -> None:
    store = MemoryStore(SHA1)
    for text in (bytes(700_000), random.Random(3).randbytes(600_000), bytes(800_000)):
        store.add(ObjectType.BLOB, text)
    plan = select(store, candidates_of(store), strategy="none")
    # Two of them compress well, and would not fit if their own size counted.
    assert len(list(split_plan(plan, 620_000))) == 1
    assert [part.object_count for part in split_plan(plan, 10_000)] == [1, 1, 1]
