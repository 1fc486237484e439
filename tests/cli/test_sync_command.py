"""`sync` and `plan`: what they hand on, what they show, how they end. The sync itself is a fake here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import transport.syncing
from packcore.ids import ObjectId
from packcore.refs import ref_kind
from transport.errors import NetworkError
from transport.syncing.decide.ref_plan import RefAction
from transport.syncing.outcome.result import Outcome, PackSummary, Price, RefResult, SyncResult

if TYPE_CHECKING:
    from transport.syncing.request import SyncRequest

OLD, NEW = ObjectId(b"\x11" * 20), ObjectId(b"\x22" * 20)
PACK = PackSummary(
    objects=1204,
    deltas=883,
    reused=640,
    bytes=1258291,
    select_seconds=0.5,
    write_seconds=0.1,
    first_byte_seconds=0.0004,
    longest_gap_seconds=0.0012,
    longest_stall_seconds=0.0004,
    strategy="chunk-window",
)


def ref(name: str, action, outcome: Outcome, reason: str = "because", source: str | None = None) -> RefResult:
    kind = ref_kind(name)
    planned = RefAction(action, kind, name if source is None else source, name, NEW, OLD, reason)
    return RefResult(planned, outcome, reason)


@pytest.fixture
def fake(monkeypatch):
    """Replace the sync by one that notes its arguments and returns `fake.result`, or raises it."""

    class Fake:
        result: SyncResult | BaseException = SyncResult((), "v2")
        calls: list[tuple[str, str, SyncRequest]] = []

    made = Fake()
    made.calls = []

    def sync(source, target, request, *, source_options, target_options, progress, recorder):
        made.calls.append((source, target, request))
        if isinstance(made.result, BaseException):
            raise made.result
        return made.result

    monkeypatch.setattr(transport.syncing, "sync", sync)
    return made


def test_sync_hands_on_what_was_asked_for(packcore, fake):
    packcore(
        *("sync", "A", "B", "--branch", "main,next", "--tags", "--prune", "--force-with-lease", "--atomic"),
        *("--push-option", "ci.skip", "--exclude-ref-prefix", "refs/pull/", "--materialize"),
        *("--materialized-max-objects", "500", "--strategy", "none", "--depth", "7", "--no-reuse-delta"),
        *("--protocol", "v1", "--stats", "--measure-memory"),
    )
    ((source, target, request),) = fake.calls
    assert (source, target) == ("A", "B")
    assert request.scope.branches == ("main", "next")
    assert request.scope.tags
    assert request.scope.exclude_ref_prefixes == ("refs/pull/",)
    assert (request.policy.prune, request.policy.force_with_lease, request.policy.atomic) == (
        True,
        True,
        True,
    )
    assert request.policy.push_options == ("ci.skip",)
    assert (request.selection.strategy, request.selection.limits.depth) == ("none", 7)
    assert not request.selection.reuse_deltas
    assert (request.protocol, request.materialized_max_objects) == ("v1", 500)
    assert (request.collect_stats, request.measure_memory, request.dry_run) == (True, True, False)


def test_plan_is_a_dry_run_of_either_mode(packcore, fake):
    assert packcore("plan", "A", "B").exit_code == 0
    assert packcore("plan", "A", "B", "--mode", "replicate", "--prune").exit_code == 0
    assert [(request.dry_run, request.mode) for _, _, request in fake.calls] == [
        (True, "sync"),
        (True, "replicate"),
    ]


def test_how_the_objects_travel_is_handed_on(packcore, fake):
    packcore(
        *("sync", "A", "B", "--materialize", "--optimize", "bandwidth", "--target-max-pack-bytes", "100m"),
        *("--max-pack-bytes", "1g", "--target-max-ref-updates", "500", "--bootstrap-strategy", "topo"),
    )
    ((_, _, request),) = fake.calls
    assert (request.mode, request.materialize, request.optimize) == ("sync", True, "bandwidth")
    assert (request.target_max_pack_bytes, request.max_pack_bytes) == (100 << 20, 1 << 30)
    assert (request.target_max_ref_updates, request.bootstrap_strategy) == (500, "topo")


def test_replicate_hands_on_its_mode_and_takes_no_option_that_would_not_relay(packcore, fake):
    assert packcore("replicate", "A", "B", "--all-refs", "--prune", "--atomic").exit_code == 0
    ((_, _, request),) = fake.calls
    assert (request.mode, request.policy.prune, request.policy.atomic) == ("replicate", True, True)
    for option in ("--materialize", "--force-blind", "--strategy=none"):
        assert packcore("replicate", "A", "B", option).exit_code == 2


def test_a_plan_shows_how_the_objects_would_travel_and_at_what_price(packcore, fake):
    fake.result = SyncResult(
        (ref("refs/heads/main", "create", Outcome.NOT_PUSHED),),
        "v2",
        dry_run=True,
        relay=True,
        relay_mode="bootstrap",
        relay_reason="empty-target-managed-refs",
        explanation="the target has none of these refs",
        price=Price(1204, 1258291, 8 << 20),
    )
    lines = packcore("plan", "A", "B").stdout.splitlines()
    assert "would relay (bootstrap): the target has none of these refs" in lines
    assert "price: at most 1,204 objects, 1.2 MiB to send, 8.0 MiB of memory at most" in lines
    found = json.loads(packcore("plan", "A", "B", "--json").stdout)
    assert (found["relay"], found["relayMode"]) == (True, "bootstrap")
    assert (found["relayReason"], found["bootstrapSuggested"]) == ("empty-target-managed-refs", True)
    assert found["price"] == {"objects": 1204, "packBytes": 1258291, "memoryBytes": 8 << 20}


def test_the_way_that_was_taken_stands_before_the_sum(packcore, fake):
    refs = (ref("refs/heads/main", "create", Outcome.PUSHED),)
    relayed = PACK._replace(strategy="relay", reused=PACK.objects)
    fake.result = SyncResult(
        refs, "v2", relay=True, relay_mode="incremental", explanation="it is safe", pack=relayed
    )
    lines = packcore("sync", "A", "B").stdout.splitlines()
    assert lines[-2:] == [
        "relayed (incremental): it is safe",
        "1 ref pushed; sent 1,204 objects (883 deltas) as they came, 1.2 MiB",
    ]
    fake.result = SyncResult(refs, "v2", explanation="refs are deleted", pack=PACK)
    assert "materialized: refs are deleted" in packcore("sync", "A", "B").stdout


def test_the_result_is_a_line_for_each_ref_that_matters_and_one_that_sums_up(packcore, fake):
    fake.result = SyncResult(
        (
            ref("refs/heads/main", "create", Outcome.PUSHED, "new at 22222222"),
            ref("refs/heads/stable", "update", Outcome.PUSHED, "fast-forward", source="refs/heads/x"),
            ref("refs/heads/same", "skip", Outcome.UP_TO_DATE),
        ),
        "v2",
        pack=PACK,
    )
    result = packcore("sync", "A", "B")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "created  refs/heads/main                    new at 22222222",
        "updated  refs/heads/x -> refs/heads/stable  fast-forward",
        "2 refs pushed, 1 up to date; sent 1,204 objects (883 deltas, 640 reused), 1.2 MiB",
    ]
    assert "refs/heads/same" in packcore("sync", "-v", "A", "B").stdout


def test_a_blocked_or_refused_ref_is_exit_code_1_and_one_error_line(packcore, fake):
    fake.result = SyncResult(
        (
            ref("refs/heads/a", "block", Outcome.BLOCKED),
            ref("refs/heads/b", "update", Outcome.REFUSED, "pre-receive hook declined"),
            ref("refs/heads/c", "create", Outcome.PUSHED),
        ),
        "v2",
    )
    result = packcore("sync", "A", "B")
    assert result.exit_code == 1
    assert result.stderr == "packcore: error: 2 refs were not synced: 1 blocked, 1 refused\n"
    assert "pre-receive hook declined" in result.stdout


def test_a_failure_after_the_push_began_shows_the_refs_and_the_error(packcore, fake):
    refs = (ref("refs/heads/a", "update", Outcome.UNANSWERED, "the target still shows 1111"),)
    fake.result = SyncResult(refs, "v2", failure=NetworkError("connection lost", hint="run again"))
    result = packcore("sync", "A", "B")
    assert result.exit_code == 4
    assert "refs/heads/a" in result.stdout
    assert result.stderr == "packcore: error: connection lost\nhint: run again\n"


def test_names_and_reasons_cannot_repaint_the_terminal(packcore, fake):
    fake.result = SyncResult(
        (ref("refs/heads/\u202eevil", "update", Outcome.REFUSED, "no\x1b[2J\nreally"),), "v2"
    )
    words = packcore("sync", "A", "B").stdout
    assert "\x1b" not in words
    assert "\u202e" not in words
    assert "^[[2J; really" in words


def test_json_is_exactly_one_object_with_git_syncs_keys(packcore, fake):
    fake.result = SyncResult((ref("refs/heads/main", "create", Outcome.PUSHED),), "v2", pack=PACK)
    result = packcore("sync", "A", "B", "--json")
    found = json.loads(result.stdout)
    assert set(found) >= {
        *(
            "plans",
            "pushed",
            "skipped",
            "blocked",
            "deleted",
            "warned",
            "dryRun",
            "protocol",
            "operationMode",
        ),
        *("relay", "relayMode", "relayReason", "batching", "batchCount", "plannedBatchCount", "tempRefs"),
        *("sourceHead", "stats", "measurement", "pack"),
    }
    assert set(found["plans"][0]) >= {
        *("branch", "sourceRef", "targetRef", "sourceHash", "targetHash", "kind", "action", "reason")
    }
    assert set(found["pack"]) == {
        *("objects", "deltas", "reused", "bytes", "selectSeconds", "writeSeconds", "firstByteSeconds"),
        *("longestGapSeconds", "longestStallSeconds", "strategy", "complete", "unsearched", "checksums"),
    }


def test_quiet_says_nothing_of_a_success(packcore, fake):
    fake.result = SyncResult((ref("refs/heads/main", "create", Outcome.PUSHED),), "v2", pack=PACK)
    result = packcore("sync", "-q", "A", "B")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_quiet_still_names_the_refs_that_were_left_behind(packcore, fake):
    fake.result = SyncResult((ref("refs/heads/main", "block", Outcome.BLOCKED, "not a fast-forward"),), "v2")
    result = packcore("sync", "-q", "A", "B")
    assert result.stdout == ""
    assert result.stderr.splitlines()[1] == "blocked  refs/heads/main  not a fast-forward"


def test_an_error_before_the_push_is_told_with_its_code(packcore, fake):
    fake.result = NetworkError("can't connect", hint="is it up?")
    result = packcore("sync", "A", "B", "--json")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["error"]["message"] == "can't connect"
    assert result.stderr == "packcore: error: can't connect\nhint: is it up?\n"


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_no_mode_shows_a_secret(packcore, fake, debug):
    fake.result = RuntimeError("sent hunter2, hunter3 and hunter4 to https://joe:hunter5@h/x")
    result = packcore(
        *("sync", "https://joe:hunter5@h/x", "B", "--source-token", "hunter2", *debug),
        *("--target-header", "Authorization: Bearer hunter4"),
        env={"GITSYNC_TARGET_TOKEN": "hunter3"},
    )
    assert result.exit_code == 1
    assert "hunter" not in result.stderr + result.stdout


def test_an_extra_argument_with_a_password_is_not_repeated(packcore):
    result = packcore("unpack-objects", "a", "https://joe:hunter2@host/x")
    assert result.exit_code == 2
    assert "hunter2" not in result.stderr
