"""The planner's table: what is decided for a ref, from two lists of refs alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
from transport.errors import NoRefsMatched, ObjectFormatMismatch, PruneLimitReached
from transport.syncing.decide.planner import plan_refs, settle
from transport.syncing.prune_limit import PruneLimit
from transport.syncing.request import Policy, RefMapping, Scope

if TYPE_CHECKING:
    from packcore.refs import RefKind
    from transport.syncing.decide.ref_plan import RefPlan

ALL = PruneLimit.parse("100%")
PRUNE_ALL = Policy(prune=True, prune_limit=ALL)
MAIN, DEV, TAG, NOTES = "refs/heads/main", "refs/heads/dev", "refs/tags/v1", "refs/notes/commits"


def oid(number: int) -> ObjectId:
    return ObjectId(bytes([number]) * 20)


A, B, C, D = (oid(n) for n in (1, 2, 3, 4))


@dataclass
class Refs:
    """A list of refs, as an advertisement gives it."""

    refs: dict[str, ObjectId] = field(default_factory=dict)
    symrefs: dict[str, str] = field(default_factory=dict)
    object_format: ObjectFormat = SHA1
    unreadable: dict[str, str] = field(default_factory=dict)
    may_lack_names: bool = False
    hidden: frozenset[RefKind] = frozenset()
    head: ObjectId | None = None


def plan(
    source: dict[str, ObjectId],
    target: dict[str, ObjectId],
    scope: Scope | None = None,
    policy: Policy | None = None,
    head: str | None = None,
) -> RefPlan:
    symrefs = {"HEAD": head} if head else {}
    return plan_refs(Refs(source, symrefs), Refs(target), scope or Scope(), policy or Policy())


def actions(planned: RefPlan) -> dict[str, str]:
    return {action.target_ref: action.action for action in planned.actions}


@pytest.mark.parametrize(
    ("source", "target", "options", "policy", "expected"),
    [
        # default scope: branches
        ({MAIN: A, TAG: B, NOTES: C}, {}, {}, {}, {MAIN: "create"}),
        ({MAIN: A}, {MAIN: A}, {}, {}, {MAIN: "skip"}),
        ({MAIN: A}, {MAIN: B}, {}, {}, {MAIN: "update"}),
        # tags
        ({MAIN: A, TAG: B}, {}, {"tags": True}, {}, {MAIN: "create", TAG: "create"}),
        ({MAIN: A, TAG: B}, {MAIN: A, TAG: C}, {"tags": True}, {}, {MAIN: "skip", TAG: "block"}),
        (
            {MAIN: A, TAG: B},
            {MAIN: A, TAG: C},
            {"tags": True},
            {"force_with_lease": True},
            {MAIN: "skip", TAG: "update"},
        ),
        # everything
        (
            {MAIN: A, TAG: B, NOTES: C},
            {},
            {"all_refs": True},
            {},
            dict.fromkeys([MAIN, TAG, NOTES], "create"),
        ),
        ({NOTES: A}, {NOTES: B}, {"all_refs": True}, {}, {NOTES: "update"}),
        # named branches; `all_refs` overrides the names
        ({MAIN: A, DEV: B}, {}, {"branches": ("dev",)}, {}, {DEV: "create"}),
        ({MAIN: A, DEV: B}, {}, {"branches": (DEV,)}, {}, {DEV: "create"}),
        (
            {MAIN: A, DEV: B},
            {},
            {"branches": ("dev", "gone")},
            {},
            {DEV: "create", "refs/heads/gone": "warn"},
        ),
        (
            {MAIN: A, DEV: B},
            {},
            {"branches": ("dev",), "all_refs": True},
            {},
            {MAIN: "create", DEV: "create"},
        ),
        # exclusions, on both sides
        ({MAIN: A, DEV: B}, {}, {"exclude_ref_prefixes": ("refs/heads/d",)}, {}, {MAIN: "create"}),
        (
            {MAIN: A},
            {MAIN: A, DEV: B},
            {"exclude_ref_prefixes": ("refs/heads/d",)},
            {"prune": True},
            {MAIN: "skip"},
        ),
        ({MAIN: A}, {MAIN: A, DEV: B}, {"exclude_ref_prefixes": ("",)}, {}, {MAIN: "skip"}),
        # pruning
        ({MAIN: A}, {MAIN: A, DEV: B}, {}, {}, {MAIN: "skip"}),
        ({MAIN: A}, {MAIN: A, DEV: B}, {}, {"prune": True}, {MAIN: "skip", DEV: "delete"}),
        ({MAIN: A}, {MAIN: A, TAG: B, NOTES: C}, {}, {"prune": True}, {MAIN: "skip"}),
        (
            {MAIN: A},
            {MAIN: A, TAG: B, NOTES: C},
            {"tags": True},
            {"prune": True},
            {MAIN: "skip", TAG: "delete"},
        ),
        (
            {MAIN: A},
            {MAIN: A, TAG: B, NOTES: C},
            {"all_refs": True},
            {"prune": True},
            {MAIN: "skip", TAG: "delete", NOTES: "delete"},
        ),
        ({MAIN: A}, {MAIN: A, DEV: B}, {"branches": ("main",)}, {"prune": True}, {MAIN: "skip"}),
    ],
)
def test_what_is_decided_for_each_ref(source, target, options, policy, expected):
    assert actions(plan(source, target, Scope(**options), Policy(**policy))) == expected


def test_a_mapping_replaces_the_branches_and_keeps_the_names_apart():
    scope = Scope(mappings=(RefMapping.parse("main:stable"),))
    (action,) = plan({MAIN: A, DEV: B}, {MAIN: C}, scope).actions
    assert (action.source_ref, action.target_ref, action.action) == (MAIN, "refs/heads/stable", "create")
    assert action.branch == "stable"


def test_a_mapping_is_not_subject_to_exclusions():
    scope = Scope(mappings=(RefMapping.parse("main:stable"),), exclude_ref_prefixes=("refs/heads/",))
    assert actions(plan({MAIN: A}, {}, scope)) == {"refs/heads/stable": "create"}


def test_pruning_with_a_mapping_deletes_no_branch():
    scope = Scope(mappings=(RefMapping.parse("main:stable"),))
    assert actions(plan({MAIN: A}, {DEV: B}, scope, Policy(prune=True))) == {"refs/heads/stable": "create"}


def test_a_mapping_of_a_ref_that_the_source_lacks_is_an_error():
    with pytest.raises(NoRefsMatched, match="refs/heads/gone"):
        plan({MAIN: A}, {}, Scope(mappings=(RefMapping.parse("gone:stable"),)))


@pytest.mark.parametrize("source", [{}, {TAG: A}])
def test_a_source_without_a_ref_in_scope_is_an_error_so_that_nothing_is_pruned(source):
    with pytest.raises(NoRefsMatched):
        plan(source, {MAIN: A}, Scope(), Policy(prune=True))


@pytest.mark.parametrize("scope", [Scope(), Scope(branches=("main",)), Scope(all_refs=True)])
def test_an_empty_source_is_a_success_where_that_is_allowed(scope):
    allowed = replace(scope, allow_empty_source=True)
    target = Refs({MAIN: A}, object_format=SHA256)  # an old server doesn't say how an empty one names objects
    assert not plan_refs(Refs({}), target, allowed, Policy()).in_push_order()
    with pytest.raises(NoRefsMatched, match="no ref") as failure:
        plan_refs(Refs({}), target, scope, Policy())
    assert "the source repository is empty" in (failure.value.hint or "")


def test_an_empty_source_prunes_no_more_than_the_limit_allows():
    allowed = Scope(allow_empty_source=True)
    with pytest.raises(PruneLimitReached):
        plan({}, {MAIN: A}, allowed, Policy(prune=True))
    assert actions(plan({}, {MAIN: A}, allowed, Policy(prune=True, prune_limit=ALL))) == {MAIN: "delete"}


@pytest.mark.parametrize(
    "source",
    [Refs({TAG: A}), Refs({}, hidden=frozenset({"branch"})), Refs({}, may_lack_names=True), Refs({}, head=A)],
    ids=["only a tag", "hidden branches", "a doubtful list", "a detached HEAD"],
)
def test_a_source_of_which_only_nothing_is_seen_is_not_empty(source):
    with pytest.raises(NoRefsMatched):
        plan_refs(source, Refs({}), Scope(allow_empty_source=True), Policy())


def test_a_mapped_ref_must_be_there_even_where_the_source_may_be_empty():
    with pytest.raises(NoRefsMatched, match="refs/heads/gone"):
        plan({}, {}, Scope(mappings=(RefMapping.parse("gone:stable"),), allow_empty_source=True))


def test_sides_with_different_object_formats_are_refused():
    source, target = Refs({MAIN: A}), Refs({}, object_format=SHA256)
    with pytest.raises(ObjectFormatMismatch, match="sha1, the target sha256"):
        plan_refs(source, target, Scope(), Policy())


@pytest.mark.parametrize(
    ("answer", "forced", "action", "words"),
    [
        (True, False, "update", "fast-forward"),
        (False, False, "block", "not a fast-forward"),
        (None, False, "block", "can't be told"),
        (True, True, "update", "fast-forward"),
        (False, True, "update", "forced"),
        (None, True, "update", "forced"),
    ],
)
def test_ancestry_settles_an_open_update(answer, forced, action, words):
    open_plan = plan({MAIN: A}, {MAIN: B}, policy=Policy(force_with_lease=forced))
    assert open_plan.is_open
    settled = settle(open_plan, lambda _: answer)
    assert not settled.is_open
    assert settled.actions[0].action == action
    assert words in settled.actions[0].reason


def test_what_is_closed_already_is_left_as_it_is():
    asked: list[str] = []

    def answer(action: Any) -> bool:
        asked.append(action.target_ref)
        return True

    open_plan = plan({MAIN: A, DEV: B, "refs/heads/new": C}, {MAIN: A, DEV: D})
    settled = settle(open_plan, answer)
    assert asked == [DEV]
    assert actions(settled) == {MAIN: "skip", DEV: "update", "refs/heads/new": "create"}
    assert [a for a in settled.actions if a.target_ref != DEV] == [
        a for a in open_plan.actions if a.target_ref != DEV
    ]


def test_a_fast_forward_needs_no_force_even_where_force_is_allowed():
    forced = plan({MAIN: A}, {MAIN: B}, policy=Policy(force_with_lease=True))
    assert forced.actions[0].forced
    assert not settle(forced, lambda _: True).actions[0].forced
    assert settle(forced, lambda _: False).actions[0].forced


@pytest.mark.parametrize("ref", [MAIN, TAG])
def test_each_mode_decides_upon_a_ref_that_moved(ref):
    scope = Scope(tags=True)

    def decided(mode: Any, **policy: Any) -> Any:
        planned = plan_refs(Refs({ref: A}), Refs({ref: B}), scope, Policy(**policy), mode)
        return planned.actions[0]

    replicated = decided("replicate")
    assert (replicated.action, replicated.forced, replicated.open) == ("update", True, False)
    assert replicated.reason.endswith("whatever it was")
    seeded = decided("bootstrap")
    assert (seeded.action, seeded.forced, seeded.open) == ("block", False, False)
    assert "bootstrap only creates" in seeded.reason
    synced = decided("sync")
    assert (synced.action, synced.open) == (("update", True) if ref == MAIN else ("block", False))
    forced = decided("sync", force_with_lease=True)
    assert (forced.action, forced.forced) == ("update", True)


@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        (frozenset(), "the source has no such branch; left alone"),
        (frozenset({"branch"}), "the source has no such branch, or hides it; left alone"),
    ],
)
def test_a_named_branch_that_is_absent_or_hidden_is_told_as_what_it_is(hidden, words):
    source = Refs({MAIN: A}, hidden=hidden)
    planned = plan_refs(source, Refs({}), Scope(branches=("main", "gone")), Policy())
    assert [a.reason for a in planned.actions if a.action == "warn"] == [words]


@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        (frozenset(), "the source has no refs/heads/gone"),
        (frozenset({"branch"}), "doesn't show refs/heads/gone"),
    ],
)
def test_a_mapped_ref_that_is_absent_or_hidden_is_told_as_what_it_is(hidden, words):
    scope = Scope(mappings=(RefMapping.parse("gone:stable"),))
    with pytest.raises(NoRefsMatched, match=words):
        plan_refs(Refs({MAIN: A}, hidden=hidden), Refs({}), scope, Policy())


def test_a_mapped_ref_that_can_not_be_read_is_no_error_of_the_mapping():
    scope = Scope(mappings=(RefMapping.parse("broken:stable"),))
    source = Refs({MAIN: A}, unreadable={"refs/heads/broken": "its file is empty"})
    planned = plan_refs(source, Refs({}), scope, Policy())
    assert actions(planned) == {"refs/heads/stable": "block"}
    assert planned.actions[0].unreadable


def test_a_source_with_refs_but_none_in_scope_is_not_called_empty():
    with pytest.raises(NoRefsMatched) as failure:
        plan({TAG: A}, {})
    assert failure.value.hint == "the source has refs, but none in scope"


def test_a_name_that_is_no_ref_name_is_left_out_with_a_warning():
    odd = "refs/heads/a..b"
    planned = plan({MAIN: A, odd: B}, {})
    assert actions(planned) == {MAIN: "create", odd: "warn"}
    (warning,) = [action for action in planned.actions if action.action == "warn"]
    assert warning.reason == "not a valid ref name; left out"


@pytest.mark.parametrize(
    ("unreadable", "reason"),
    [
        ({}, f"new at {A.hex()[:8]}"),
        ({MAIN: "no id"}, f"new at {A.hex()[:8]}; the target can't read its own (no id)"),
    ],
)
def test_a_create_says_that_the_target_can_not_read_its_own(unreadable, reason):
    planned = plan_refs(Refs({MAIN: A}), Refs({}, unreadable=unreadable), Scope(), Policy())
    assert [(a.action, a.reason) for a in planned.actions] == [("create", reason)]


def test_a_tag_is_never_asked_for_its_ancestry():
    planned = plan({TAG: A}, {TAG: B}, Scope(tags=True), Policy(force_blind=True))
    assert not planned.is_open


def test_the_source_heads_branch_is_pushed_first_and_deletes_last():
    source = {"refs/heads/aaa": A, MAIN: B, "refs/heads/zzz": C}
    planned = plan(source, {"refs/heads/old": D}, policy=PRUNE_ALL, head=MAIN)
    pushed = [action.target_ref for action in planned.in_push_order()]
    assert pushed == [MAIN, "refs/heads/aaa", "refs/heads/zzz", "refs/heads/old"]
    assert planned.source_head == MAIN


def test_the_head_branch_is_first_under_its_new_name_too():
    scope = Scope(mappings=(RefMapping.parse("aaa:aaa"), RefMapping.parse("main:zzz")))
    planned = plan({"refs/heads/aaa": A, MAIN: B}, {}, scope, head=MAIN)
    assert [action.branch for action in planned.in_push_order()] == ["zzz", "aaa"]


def test_a_delete_that_makes_room_for_a_create_comes_first():
    planned = plan({"refs/heads/a/b": A, MAIN: B}, {"refs/heads/a": C}, policy=PRUNE_ALL, head=MAIN)
    assert [(a.action, a.branch) for a in planned.in_push_order()] == [
        ("delete", "a"),
        ("create", "main"),
        ("create", "a/b"),
    ]


@pytest.mark.parametrize(
    ("created", "existing"), [("refs/heads/a/b", "refs/heads/a"), ("refs/heads/a", "refs/heads/a/b/c")]
)
def test_a_create_beside_a_ref_that_is_its_folder_is_blocked(created, existing):
    (action,) = plan({created: A}, {existing: B}).actions
    assert action.action == "block"
    assert existing in action.reason


def test_a_neighbour_with_a_longer_name_is_no_folder():
    assert actions(plan({"refs/heads/a-b": A}, {"refs/heads/a": B})) == {"refs/heads/a-b": "create"}


def test_of_two_new_refs_that_exclude_each_other_the_second_is_blocked():
    scope = Scope(mappings=(RefMapping.parse("main:x"), RefMapping.parse("dev:x/y")))
    assert actions(plan({MAIN: A, DEV: B}, {}, scope)) == {
        "refs/heads/x": "create",
        "refs/heads/x/y": "block",
    }


def test_commands_swap_against_the_tips_seen_at_the_start():
    planned = plan({MAIN: A, DEV: B}, {MAIN: C, "refs/heads/old": D}, policy=Policy(prune=True))
    commands = {update.name: (update.old, update.new) for update in planned.updates()}
    assert commands == {MAIN: (C, A), DEV: (SHA1.zero, B), "refs/heads/old": (D, SHA1.zero)}


def test_wants_are_each_new_tip_once():
    assert plan({MAIN: A, DEV: A, TAG: B}, {}, Scope(tags=True)).wants == [A, B]


NAMES = st.sampled_from([MAIN, DEV, TAG, NOTES, "refs/heads/main/x", "refs/tags/v1/y", "refs/pull/1/head"])
REFS = st.dictionaries(NAMES, st.sampled_from([A, B, C]))
SCOPES: st.SearchStrategy[Any] = st.builds(
    Scope,
    branches=st.sampled_from([(), ("main",), ("main", "dev")]),
    tags=st.booleans(),
    all_refs=st.booleans(),
    exclude_ref_prefixes=st.sampled_from([(), ("refs/pull/",), ("refs/heads/d",)]),
)
POLICIES: st.SearchStrategy[Any] = st.builds(
    Policy, prune=st.booleans(), force_blind=st.booleans(), prune_limit=st.just(ALL)
)


@given(REFS, REFS, SCOPES, POLICIES)
def test_no_plan_touches_what_it_does_not_manage(source, target, scope, policy):
    try:
        planned = plan(source, target, scope, policy)
    except NoRefsMatched:
        return
    names = [action.target_ref for action in planned.actions]
    assert len(names) == len(set(names))
    for action in planned.actions:
        assert not scope.excludes(action.target_ref)
        if action.action == "delete":
            assert policy.prune
            assert action.target_ref not in source
        if action.action in {"create", "update", "skip"}:
            assert action.source_id == source[action.source_ref]
        assert action.action == "warn" or action.target_id == target.get(action.target_ref)
    again = plan(dict(reversed(source.items())), dict(reversed(target.items())), scope, policy)
    assert again == planned
