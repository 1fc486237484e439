"""Temporary refs that can't be deleted: said, with an exit code, and swept by the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import git, ls_remote
from tests.transport.syncing.limited_target import temp_refs
from tests.transport.syncing.sides import Sides, big_history, commit
from transport.schemes.file import LocalTransport
from transport.server.ref_rules import RefRules
from transport.syncing import Outcome, Policy, Scope, SyncRequest, SyncResult, sync

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.store.base import ObjectStore
    from transport.wire.receive_pack import RefUpdate

LIMIT = 40_000
TEMP = "refs/packcore/bootstrap/"


@pytest.fixture
def sides(filtering: Sides) -> Sides:
    big_history(filtering.source)
    return filtering


def run(sides: Sides, *, atomic: bool = False, **request) -> SyncResult:
    asked = SyncRequest(Scope(), Policy(atomic=atomic), **request)
    return sync(LocalTransport(str(sides.source)), LocalTransport(str(sides.target)), asked)


@pytest.fixture(autouse=True)
def protecting_host(monkeypatch) -> None:
    """Let targets refuse to delete any ref, as hosts can: receive.denyDeletes is about branches alone."""
    refusal = RefRules.refusal

    def refused(rules: RefRules, update: RefUpdate, objects: ObjectStore) -> str | None:
        is_protected = update.is_delete and (rules.repository.path / "protected").exists()
        return "deletion prohibited" if is_protected else refusal(rules, update, objects)

    monkeypatch.setattr(RefRules, "refusal", refused)


def protect_temp_refs(target: Path) -> None:
    """Let no ref be deleted."""
    (target / "protected").touch()


def allow_deletions(target: Path) -> None:
    (target / "protected").unlink()


def test_a_push_in_batches_whose_temporary_refs_stay_does_not_end_with_0(sides):
    protect_temp_refs(sides.target)
    result = run(sides, mode="bootstrap", target_max_pack_bytes=LIMIT)
    assert [ref.outcome for ref in result.refs] == [Outcome.PUSHED]
    assert result.exit_code == 1
    assert list(result.left_temp_refs) == temp_refs(sides.target) != []
    assert result.to_json()["leftTempRefs"] == list(result.left_temp_refs)


def test_the_next_run_sweeps_them_and_ends_with_0(sides):
    protect_temp_refs(sides.target)
    run(sides, mode="bootstrap", target_max_pack_bytes=LIMIT)
    allow_deletions(sides.target)
    result = run(sides)
    assert (result.exit_code, result.left_temp_refs) == (0, ())
    assert temp_refs(sides.target) == []


def test_a_run_with_nothing_to_push_says_what_it_could_not_sweep(sides):
    protect_temp_refs(sides.target)
    run(sides, mode="bootstrap", target_max_pack_bytes=LIMIT)
    result = run(sides)
    assert result.pushed == 0
    assert result.exit_code == 1
    assert list(result.left_temp_refs) == temp_refs(sides.target) != []


@pytest.mark.parametrize("materialize", [False, True])
def test_a_push_of_something_new_says_so_too(sides, materialize):
    tip = git("rev-parse", "main", cwd=sides.source)
    git("push", "-q", sides.target, f"{tip}:refs/heads/main", f"{tip}:{TEMP}{tip}", cwd=sides.source)
    protect_temp_refs(sides.target)
    commit(sides.source, "refs/heads/main", tip)
    result = run(sides, materialize=materialize)
    assert result.pushed == 1
    assert result.exit_code == 1
    assert result.left_temp_refs == (f"{TEMP}{tip}",)


def test_a_temporary_ref_that_another_run_deleted_meanwhile_is_not_left(sides, monkeypatch):
    tip = git("rev-parse", "main", cwd=sides.source)
    git("push", "-q", sides.target, f"{tip}:refs/heads/main", f"{tip}:{TEMP}{tip}", cwd=sides.source)
    target = LocalTransport(str(sides.target))
    request = target.request

    def delete_first(*arguments, **options):
        git("update-ref", "-d", f"{TEMP}{tip}", cwd=sides.target)
        return request(*arguments, **options)

    monkeypatch.setattr(target, "request", delete_first)
    result = sync(LocalTransport(str(sides.source)), target, SyncRequest())
    assert (result.exit_code, result.left_temp_refs) == (0, ())


def test_a_ref_whose_lock_is_held_is_told_as_locked_and_not_as_moved(sides):
    tip = git("rev-parse", "main~2", cwd=sides.source)
    git("push", "-q", sides.target, f"{tip}:refs/heads/main", cwd=sides.source)
    lock = sides.target / "refs/heads/main.lock"
    lock.touch()
    for atomic in (False, True):
        result = run(sides, atomic=atomic)
        (ref,) = result.refs
        assert ref.outcome is Outcome.LOCKED
        assert "refs/heads/main.lock is held by another program" in ref.reason
        assert result.exit_code == 1
        assert result.moved() == []
        assert ref.to_json()["action"] == "warn"
    assert ls_remote(sides.target) == {"refs/heads/main": tip}
    lock.unlink()
    assert run(sides).exit_code == 0
