"""Absent or unreadable: what may happen to a target ref that the source doesn't give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.ids import SHA1, ObjectId
from transport.errors import NoRefsMatched, PruneLimitReached
from transport.syncing.decide.absence import hidden_in, words_on_hidden
from transport.syncing.decide.planner import plan_refs
from transport.syncing.outcome.result import Outcome, results_of
from transport.syncing.prune_limit import PruneLimit
from transport.syncing.request import Mode, Policy, RefMapping, Scope
from transport.wire.advertisement import Advertisement
from transport.wire.capabilities import Capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.refs import RefKind
    from transport.syncing.decide.ref_plan import RefAction, RefPlan

MAIN, DEV, TAG = "refs/heads/main", "refs/heads/dev", "refs/tags/v1"
A, B = (ObjectId(bytes([n]) * 20) for n in (1, 2))
EMPTY = "its file is empty"


def listing(
    refs: dict[str, ObjectId],
    unreadable: dict[str, str] | None = None,
    *,
    may_lack_names: bool = False,
    hides: Iterable[RefKind] = (),
) -> Advertisement:
    return Advertisement(
        2,
        Capabilities(object_format=SHA1),
        refs,
        unreadable=unreadable or {},
        may_lack_names=may_lack_names,
        hidden=frozenset(hides),
    )


def plan(
    source: Advertisement,
    target: dict[str, ObjectId],
    scope: Scope | None = None,
    *,
    mode: Mode = "sync",
    prune: bool = True,
) -> RefPlan:
    return plan_refs(source, listing(target), scope or Scope(), Policy(prune=prune), mode)


def action_for(planned: RefPlan, name: str) -> RefAction:
    (found,) = [action for action in planned.actions if action.target_ref == name]
    return found


@pytest.mark.parametrize("mode", ["sync", "replicate"])
@pytest.mark.parametrize("prune", [False, True])
def test_an_unreadable_ref_is_neither_deleted_nor_overwritten_and_has_a_result_of_its_own(
    mode: Mode, prune: bool
):
    planned = plan(listing({MAIN: A}, {DEV: EMPTY}), {MAIN: A, DEV: B}, mode=mode, prune=prune)
    action = action_for(planned, DEV)
    assert not action.pushes
    assert (action.target_id, action.reason) == (B, f"the source can't read it: {EMPTY}")
    (result,) = [result for result in results_of(planned.actions) if result.planned is action]
    assert result.outcome is Outcome.UNREADABLE
    assert result.to_json()["action"] == "block"
    assert result.to_json()["outcome"] == "unreadable"


def test_an_unreadable_ref_outside_the_scope_is_not_mentioned():
    planned = plan(listing({MAIN: A}, {TAG: EMPTY}), {MAIN: A, TAG: B})
    assert [action.target_ref for action in planned.actions] == [MAIN]


def test_what_is_below_a_folder_that_the_source_can_not_list_is_kept():
    source = listing({MAIN: A}, {"refs/heads/team": "its folder can't be listed"})
    planned = plan(source, {MAIN: A, "refs/heads/team/x": B, "refs/heads/teams": B})
    kept = action_for(planned, "refs/heads/team/x")
    assert kept.unreadable
    assert "kept, since the source may have it: refs/heads/team: its folder can't be listed" in kept.reason
    assert action_for(planned, "refs/heads/teams").action == "delete"
    assert action_for(planned, "refs/heads/team").unreadable


def test_nothing_is_deleted_if_all_branches_are_in_a_folder_that_can_not_be_listed():
    planned = plan(listing({}, {"refs/heads": "its folder can't be listed"}), {MAIN: A, DEV: B})
    assert {action.target_ref: action.unreadable for action in planned.actions} == {
        "refs/heads": True,
        MAIN: True,
        DEV: True,
    }


def test_a_server_that_may_have_left_out_names_has_nothing_deleted_for_it():
    source = listing({MAIN: A}, {DEV: "zero id"}, may_lack_names=True)
    planned = plan(source, {MAIN: A, DEV: B, "refs/heads/alias": B})
    assert action_for(planned, "refs/heads/alias").unreadable
    assert DEV in action_for(planned, "refs/heads/alias").reason


def test_a_source_all_of_whose_refs_are_unreadable_is_not_an_empty_one():
    planned = plan(listing({}, {MAIN: EMPTY}), {MAIN: A})
    assert [(action.target_ref, action.unreadable) for action in planned.actions] == [(MAIN, True)]


def test_a_named_branch_that_is_unreadable_is_not_told_as_absent():
    planned = plan(listing({MAIN: A}, {DEV: EMPTY}), {}, Scope(branches=("main", "dev")))
    assert action_for(planned, DEV).unreadable


def test_a_mapping_of_an_unreadable_ref_leaves_its_target_alone():
    scope = Scope(mappings=(RefMapping.parse("dev:stable"), RefMapping.parse("main:main")))
    planned = plan(listing({MAIN: A}, {DEV: EMPTY}), {"refs/heads/stable": B}, scope)
    action = action_for(planned, "refs/heads/stable")
    assert (action.source_ref, action.target_id, action.unreadable) == (DEV, B, True)
    assert action_for(planned, MAIN).action == "create"


def test_a_mapped_name_is_never_filled_from_the_ref_of_that_name():
    """Be the mapped ref unreadable, or the source's ref of the target's name."""
    scope = Scope(mappings=(RefMapping.parse("refs/tags/a:refs/tags/b"),), tags=True)
    unreadable_source = plan(listing({"refs/tags/b": A}, {"refs/tags/a": EMPTY}), {}, scope)
    assert [a.action for a in unreadable_source.actions if a.target_ref == "refs/tags/b"] == ["block"]
    unreadable_namesake = plan(listing({"refs/tags/a": A}, {"refs/tags/b": EMPTY}), {}, scope)
    assert [a.action for a in unreadable_namesake.actions if a.target_ref == "refs/tags/b"] == ["create"]


def test_a_ref_that_only_the_target_can_not_read_may_be_made_again_by_the_target():
    target = listing({}, {MAIN: EMPTY})
    (action,) = plan_refs(listing({MAIN: A}), target, Scope(), Policy()).actions
    assert action.action == "create"
    assert EMPTY in action.reason


def branches(count: int) -> dict[str, ObjectId]:
    return {f"refs/heads/b{number:02d}": A for number in range(count)}


@pytest.mark.parametrize(
    ("there", "gone", "limit", "stops"),
    [
        (3, 3, None, True),
        (3, 2, None, False),
        (9, 8, None, False),
        (10, 5, None, False),
        (10, 6, None, True),
        (10, 6, "6", False),
        (10, 2, "1", True),
        (10, 6, "60%", False),
        (10, 6, "59%", True),
        (10, 10, "100%", False),
        (3, 1, "0", True),
    ],
)
def test_the_brake_on_pruning(there: int, gone: int, limit: str | None, stops: bool):
    kept = dict(list(branches(there).items())[gone:])
    source = listing(kept or {"refs/heads/other": A})
    policy = Policy(prune=True, prune_limit=None if limit is None else PruneLimit.parse(limit))
    if not stops:
        planned = plan_refs(source, listing(branches(there)), Scope(), policy)
        assert sum(action.action == "delete" for action in planned.actions) == gone
        return
    with pytest.raises(PruneLimitReached) as raised:
        plan_refs(source, listing(branches(there)), Scope(), policy)
    assert raised.value.refs == tuple(branches(there))[:gone]
    assert "refs/heads/b00" in str(raised.value)
    assert "prune_limit" in str(raised.value.hint)


def test_the_brake_counts_only_refs_that_pruning_could_delete():
    target = {MAIN: A, DEV: B, **{f"refs/tags/t{number}": A for number in range(20)}}
    planned = plan(listing({MAIN: A}), target)
    assert action_for(planned, DEV).action == "delete"
    with pytest.raises(PruneLimitReached, match="20 of the target's 22 refs in scope, more than half"):
        plan(listing({MAIN: A, DEV: B}), target, Scope(tags=True))


def test_a_long_list_of_refs_that_would_be_deleted_is_cut_short_in_words():
    with pytest.raises(PruneLimitReached, match=r"refs/heads/b09 and 20 more"):
        plan(listing({MAIN: A}), branches(30))


def test_an_empty_source_is_an_error_before_the_brake():
    with pytest.raises(NoRefsMatched):
        plan(listing({}), {MAIN: A})


# -- hidden ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["sync", "replicate"])
def test_what_the_source_may_hide_is_not_pruned_and_has_a_result_of_its_own(mode: Mode):
    planned = plan(listing({MAIN: A}, hides=["branch"]), {MAIN: A, DEV: B}, mode=mode)
    (result,) = [one for one in results_of(planned.actions) if one.planned.target_ref == DEV]
    assert (result.planned.action, result.outcome) == ("block", Outcome.HIDDEN)
    assert result.to_json()["outcome"] == "hidden"
    assert result.reason == "kept, since it may be one of the branches that the source hides"


def test_a_kind_of_refs_of_which_none_is_hidden_is_pruned_as_ever():
    source = listing({MAIN: A, DEV: B}, hides=["branch"])
    planned = plan(source, {MAIN: A, "refs/heads/x": B, TAG: B}, Scope(tags=True))
    assert action_for(planned, TAG).action == "delete"
    assert action_for(planned, "refs/heads/x").hidden


def test_that_refs_are_hidden_changes_nothing_without_prune():
    source = listing({MAIN: A}, hides=["branch", "tag", "other"])
    planned = plan(source, {MAIN: A, DEV: B}, Scope(all_refs=True), prune=False)
    assert [(one.target_ref, one.action) for one in planned.actions] == [(MAIN, "skip")]


def test_an_unreadable_ref_is_told_as_such_where_others_are_hidden():
    planned = plan(listing({MAIN: A}, {DEV: EMPTY}, hides=["branch"]), {MAIN: A, DEV: B})
    assert (action_for(planned, DEV).unreadable, action_for(planned, DEV).hidden) == (True, False)


def test_a_named_branch_that_may_be_hidden_is_not_told_as_absent():
    scope = Scope(branches=("main", "dev"))
    planned = plan(listing({MAIN: A}, hides=["branch"]), {DEV: B}, scope)
    action = action_for(planned, DEV)
    assert (action.action, action.reason) == (
        "warn",
        "the source has no such branch, or hides it; left alone",
    )
    with pytest.raises(NoRefsMatched) as failure:
        plan(listing({MAIN: A}, hides=["branch"]), {DEV: B}, Scope(branches=("dev",)))
    assert failure.value.hint is not None
    assert "the source hides some of its branches" in failure.value.hint


def test_a_mapped_ref_that_may_be_hidden_is_not_told_as_absent():
    scope = Scope(mappings=(RefMapping.parse("dev:stable"),))
    with pytest.raises(NoRefsMatched, match="the source doesn't show refs/heads/dev, which is mapped"):
        plan(listing({MAIN: A}, hides=["branch"]), {}, scope)


def test_only_what_is_hidden_of_the_scope_is_worth_a_word():
    source = listing({MAIN: A}, hides=["tag", "other"])
    assert hidden_in(source, Scope()) == []
    assert hidden_in(source, Scope(tags=True)) == ["tag"]
    assert hidden_in(source, Scope(all_refs=True)) == ["tag", "other"]
    assert hidden_in(source, Scope(mappings=(RefMapping.parse("refs/tags/v1:refs/tags/v2"),))) == ["tag"]


def test_one_line_says_what_is_hidden_and_which_refs_stay_for_it():
    names = {f"refs/heads/topic{number}": B for number in range(7)}
    planned = plan(listing({MAIN: A}, hides=["branch"]), {MAIN: A, **names})
    assert words_on_hidden(["branch"], planned.actions) == (
        "the source hides some of its branches (transfer.hideRefs): they are not copied, and may be "
        "among those that stay on the target: " + ", ".join(sorted(names)[:5]) + " and 2 more"
    )
    assert words_on_hidden([], planned.actions) is None
