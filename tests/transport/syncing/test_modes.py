"""Relay or materialize: which way is chosen for which plan, with git-sync's words where it has them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packcore.ids import SHA1, ObjectId
from packcore.limits import Limits
from transport.errors import UnsupportedByRemote
from transport.syncing.decide.modes import choose_mode
from transport.syncing.decide.planner import plan_refs
from transport.syncing.prune_limit import PruneLimit
from transport.syncing.request import Policy, Scope, SelectionOptions, SyncRequest
from transport.wire.advertisement import Advertisement
from transport.wire.capabilities import Capabilities

ONE, TWO = ObjectId(b"\x11" * 20), ObjectId(b"\x22" * 20)
MAIN, TAG, NOTES = "refs/heads/main", "refs/tags/v1", "refs/notes/commits"


def listing(shallow: tuple[ObjectId, ...] = (), **refs: ObjectId) -> Advertisement:
    names = {"main": MAIN, "dev": "refs/heads/dev", "v1": TAG, "notes": NOTES}
    return Advertisement(
        version=0,
        refs={names[name]: oid for name, oid in refs.items()},
        capabilities=Capabilities(object_format=SHA1),
        shallow=shallow,
    )


def choice(source: Advertisement, target: Advertisement, request: SyncRequest):
    request = replace(request, scope=Scope(all_refs=True))
    plan = plan_refs(source, target, request.scope, request.policy, request.mode)
    return choose_mode(plan, source, request)


@pytest.mark.parametrize(
    ("source", "target", "relay_mode", "reason"),
    [
        ({"main": ONE}, {}, "bootstrap", "empty-target-managed-refs"),
        ({"main": TWO}, {"main": ONE}, "incremental", "fast-forward-branch-or-tag-create"),
        ({"main": ONE, "v1": ONE}, {"main": ONE}, "incremental", "fast-forward-branch-or-tag-create"),
        ({"notes": TWO}, {"notes": ONE}, "incremental", "fast-forward-branch-or-tag-create"),
        # A tag that differs is blocked; what else there is can be relayed all the same.
        ({"dev": ONE, "v1": ONE}, {"v1": TWO}, "incremental", "fast-forward-branch-or-tag-create"),
    ],
)
def test_what_creates_or_may_fast_forward_is_relayed(source, target, relay_mode, reason):
    found = choice(listing(**source), listing(**target), SyncRequest())
    assert (found.relay, found.relay_mode, found.reason) == (True, relay_mode, reason)
    assert found.words


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (
            {"policy": Policy(force_with_lease=True)},
            "incremental-disabled-by-force-prune-or-dry-run",
        ),
        ({"policy": Policy(force_blind=True)}, "incremental-disabled-by-force-prune-or-dry-run"),
        ({"materialize": True}, "materialize-requested"),
        ({"optimize": "bandwidth"}, "optimize-bandwidth"),
        ({"target_max_pack_bytes": 1 << 20}, "target-max-pack-bytes"),
        ({"selection": SelectionOptions(strategy="none")}, "selection-requested"),
        ({"selection": SelectionOptions(chosen=True)}, "selection-requested"),
        ({"selection": SelectionOptions(reuse_deltas=False)}, "selection-requested"),
        ({"selection": SelectionOptions(limits=Limits(compression=9))}, "selection-requested"),
    ],
)
def test_what_relay_cannot_serve_is_materialized(asked, reason):
    found = choice(listing(main=TWO), listing(main=ONE), replace(SyncRequest(), **asked))
    assert (found.relay, found.relay_mode, found.reason) == (False, "", reason)


@pytest.mark.parametrize("asked", [{"optimize": "time"}, {"selection": SelectionOptions(jobs=4)}, {}])
def test_what_does_not_ask_for_another_pack_does_not_hinder_a_relay(asked):
    assert choice(listing(main=TWO), listing(main=ONE), replace(SyncRequest(), **asked)).relay


def test_pruning_is_materialized_only_where_it_deletes():
    pruning = SyncRequest(policy=Policy(prune=True))
    assert choice(listing(main=TWO), listing(main=ONE), pruning).relay_mode == "incremental"
    assert not choice(listing(main=TWO), listing(main=ONE, dev=ONE), pruning).relay


def test_forcing_is_materialized_only_where_something_is_overwritten():
    forcing = SyncRequest(policy=Policy(force_with_lease=True))
    assert choice(listing(main=ONE, dev=TWO), listing(main=ONE), forcing).relay_mode == "incremental"
    assert not choice(listing(main=ONE, v1=TWO), listing(main=ONE, v1=ONE), forcing).relay


@pytest.mark.parametrize(
    ("target", "prune", "relay_mode", "reason"),
    [
        ({}, False, "bootstrap", "empty-target-managed-refs"),
        ({"main": ONE}, False, "replicate", "replicate-overwrite-relay"),
        ({"main": TWO, "v1": ONE}, False, "replicate", "replicate-overwrite-relay"),
        ({"notes": ONE}, True, "replicate", "replicate-overwrite-relay"),
    ],
)
def test_replicate_relays_whatever_it_overwrites(target, prune, relay_mode, reason):
    request = SyncRequest(mode="replicate", policy=Policy(prune=prune, prune_limit=PruneLimit(1)))
    found = choice(listing(main=TWO, v1=TWO), listing(**target), request)
    assert (found.relay_mode, found.reason) == (relay_mode, reason)


def test_a_shallow_source_is_materialized_since_the_target_must_hear_where_it_is_cut():
    source = listing(shallow=(ONE,), main=TWO)
    assert choice(source, listing(), SyncRequest()).reason == "source-is-shallow"
    with pytest.raises(UnsupportedByRemote, match="shallow"):
        choice(source, listing(), SyncRequest(mode="replicate"))
