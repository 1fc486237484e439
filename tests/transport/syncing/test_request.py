"""Scope, mapping and policy: what is taken, and what is refused before any traffic."""

from __future__ import annotations

from typing import Any

import pytest

from packcore.refs import ref_kind
from transport.errors import InvalidRequest
from transport.syncing.request import Policy, RefMapping, Scope, SyncRequest, short_name


@pytest.mark.parametrize(
    ("name", "kind", "short"),
    [
        ("refs/heads/main", "branch", "main"),
        ("refs/heads/feature/x", "branch", "feature/x"),
        ("refs/tags/v1", "tag", "v1"),
        ("refs/notes/commits", "other", "notes/commits"),
        ("refs/remotes/origin/main", "other", "origin/main"),
        ("refs/pull/1/head", "other", "pull/1/head"),
    ],
)
def test_a_name_has_a_kind_and_a_short_form(name, kind, short):
    assert ref_kind(name) == kind
    assert short_name(name) == short


@pytest.mark.parametrize(
    ("text", "source", "target"),
    [
        ("main:stable", "refs/heads/main", "refs/heads/stable"),
        (" main : stable ", "refs/heads/main", "refs/heads/stable"),
        ("feature/a:b/c", "refs/heads/feature/a", "refs/heads/b/c"),
        ("refs/heads/main:refs/heads/stable", "refs/heads/main", "refs/heads/stable"),
        ("refs/tags/v1:refs/tags/release", "refs/tags/v1", "refs/tags/release"),
        ("refs/notes/a:refs/notes/b", "refs/notes/a", "refs/notes/b"),
    ],
)
def test_a_mapping_has_both_names_short_or_both_in_full(text, source, target):
    assert RefMapping.parse(text) == RefMapping(source, target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "main",
        ":stable",
        "main:",
        "a:b:c",
        "main:refs/heads/stable",
        "refs/heads/main:stable",
        "refs/heads/v1:refs/tags/v1",
        "refs/notes/x:refs/heads/x",
        "ma in:stable",
        "main:sta..ble",
        "refs/heads/main:refs/",
        "main:x.lock",
    ],
)
def test_a_mapping_that_mixes_forms_kinds_or_characters_is_refused(text):
    with pytest.raises(InvalidRequest):
        RefMapping.parse(text)


def test_two_mappings_to_one_target_are_refused():
    with pytest.raises(InvalidRequest, match="two mappings to refs/heads/x"):
        Scope(mappings=(RefMapping.parse("a:x"), RefMapping.parse("b:x")))


def test_other_refs_are_mapped_only_with_all_refs():
    mapping = RefMapping("refs/notes/a", "refs/notes/b")
    with pytest.raises(InvalidRequest, match="neither a branch nor a tag"):
        Scope(mappings=(mapping,))
    assert Scope(mappings=(mapping,), all_refs=True).mappings == (mapping,)


@pytest.mark.parametrize(
    ("scope", "prefixes"),
    [
        (Scope(), ("refs/heads/", "HEAD")),
        (Scope(tags=True), ("refs/heads/", "refs/tags/", "HEAD")),
        (Scope(all_refs=True), ("refs/", "HEAD")),
        (Scope(mappings=(RefMapping.parse("refs/tags/a:refs/tags/b"),)), ("refs/tags/", "HEAD")),
        (Scope(mappings=(RefMapping.parse("a:b"),), tags=True), ("refs/heads/", "refs/tags/", "HEAD")),
    ],
)
def test_the_source_is_asked_for_no_more_than_the_scope_needs(scope, prefixes):
    assert scope.ref_prefixes == prefixes


def test_the_two_ways_of_forcing_exclude_each_other():
    with pytest.raises(InvalidRequest):
        Policy(force_with_lease=True, force_blind=True)


@pytest.mark.parametrize("option", ["a\nb", "a\0b"])
def test_a_push_option_that_breaks_its_line_is_refused(option):
    with pytest.raises(InvalidRequest):
        Policy(push_options=(option,))


def test_a_branch_name_that_git_refuses_is_refused():
    with pytest.raises(InvalidRequest):
        Scope(branches=("bad..name",))


@pytest.mark.parametrize("limit", ["target_max_pack_bytes", "max_pack_bytes", "target_max_ref_updates"])
def test_a_limit_below_one_is_refused(limit):
    bad: dict[str, Any] = {limit: 0}
    with pytest.raises(InvalidRequest, match=limit.replace("_", "-")):
        SyncRequest(**bad)


@pytest.mark.parametrize("mode", ["replicate", "bootstrap"])
@pytest.mark.parametrize(
    "unfitting",
    [
        {"materialize": True},
        {"optimize": "bandwidth"},
        {"policy": Policy(force_with_lease=True)},
        {"policy": Policy(force_blind=True)},
    ],
)
def test_what_relays_alone_takes_no_option_that_would_not_relay(mode, unfitting):
    with pytest.raises(InvalidRequest):
        SyncRequest(mode=mode, **unfitting)


def test_replicate_may_prune_and_bootstrap_may_not():
    prune = Policy(prune=True)
    assert SyncRequest(mode="replicate", policy=prune).policy.prune
    with pytest.raises(InvalidRequest, match="empty target"):
        SyncRequest(mode="bootstrap", policy=prune)


@pytest.mark.parametrize("named", [frozenset(), frozenset({"refs/heads/a"})])
@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope(tags=True),
        Scope(all_refs=True),
        Scope(all_refs=True, exclude_ref_prefixes=("refs/heads/b", "")),
        Scope(tags=True, include_ref_prefixes=("refs/notes/",)),
        Scope(refs=("refs/heads/*", "!refs/heads/b")),
        Scope(mappings=(RefMapping("refs/heads/a", "refs/heads/z"),), tags=True),
    ],
    ids=repr,
)
def test_many_names_are_in_scope_as_each_is_by_itself(scope: Scope, named: frozenset[str]):
    kinds = ("heads/a", "heads/b", "heads/b/c", "tags/v1", "notes/x", "pull/1/head", "packcore/bootstrap/x")
    names = [*(f"refs/{kind}" for kind in (*kinds, "gitsync/x", "tagsx", "headsx/a")), "HEAD", "other"]
    branches = [name for name in names if name.startswith("refs/heads/")]
    for listed in (names, branches, []):
        assert scope.covered(listed, named) == [name for name in listed if scope.covers(name, named)]
