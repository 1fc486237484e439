"""The invariants: what must be true after a run, whatever went wrong in it.

    sound      no ref of the target reaches what the target lacks
    legal      no ref moved that was not to move, none was deleted that was not to go
    true       result, JSON, exit code and receipt say what is so in the world
    tidy       temporary refs are gone, or the result names them
    complete   a run without faults makes the target what the source is

Each function yields problems as sentences; none at all is what is wished for.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from tests.simulation import oracle
from transport.syncing.outcome.receipt import Asked, run_receipt
from transport.syncing.outcome.result import Outcome
from transport.syncing.request import TEMP_REFS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectId
    from tests.simulation.attempt import Attempt
    from tests.simulation.world import Change, World
    from transport.syncing.outcome.result import RefResult, SyncResult

__all__ = ["completed", "problems_of"]

_UNDONE = (
    *(Outcome.BLOCKED, Outcome.UNREADABLE, Outcome.REFUSED),
    *(Outcome.LOCKED, Outcome.NOT_PUSHED, Outcome.IGNORED),
)
_FAILED = (
    *(Outcome.BLOCKED, Outcome.UNREADABLE, Outcome.REFUSED),
    *(Outcome.MOVED, Outcome.LOCKED, Outcome.UNANSWERED, Outcome.NOT_PUSHED),
)


def problems_of(world: World, attempt: Attempt) -> Iterator[str]:
    """Check one run of the engine that has ended, or was killed."""
    yield from _sound(world)
    yield from _legal(world, attempt)
    if attempt.process.killed:
        return
    if attempt.error is not None:
        yield from _raised(attempt)
    elif attempt.result is not None:
        yield from _true(world, attempt, attempt.result)
        yield from _tidy(world, attempt, attempt.result)


def _sound(world: World) -> Iterator[str]:
    fault = world.target.broken()
    if fault is not None:
        yield f"broken: {fault}"


def _legal(world: World, attempt: Attempt) -> Iterator[str]:
    process = attempt.process
    if process.misled:
        return
    for change in _changes(world, attempt):
        why = oracle.allowed(
            world.universe, attempt.request, change, process.listed["source"], process.listed["target"]
        )
        if why is not None:
            yield f"illegal: {_shown(world, change)}: {why}"
    gone = [c.name for c in _changes(world, attempt) if c.new is None and not c.name.startswith(TEMP_REFS)]
    if gone and (why := oracle.brakes(attempt.request, process.listed["target"][0], len(set(gone)))):
        yield f"illegal: {len(gone)} refs were deleted: {why}"


def _raised(attempt: Attempt) -> Iterator[str]:
    error = attempt.error
    if not isinstance(error, PackcoreError):
        yield f"raw: {type(error).__name__}: {error}"
    elif error.exit_code == 0:
        yield f"exit code 0 for {type(error).__name__}"
    mine = [change for change in attempt.world.target.changes if change.by is attempt.process]
    users = [change for change in mine if not change.name.startswith(TEMP_REFS)]
    if users and not attempt.is_late:
        yield f"untold: raised {type(error).__name__} ({error}), but {_shown(attempt.world, users[0])}"
    left = [name for name in attempt.world.target.tips if name in {change.name for change in mine}]
    if any(name.startswith(TEMP_REFS) for name in left) and not attempt.is_late:
        yield f"untold: raised {type(error).__name__} ({error}), but temporary refs are left: {left}"


def _changes(world: World, attempt: Attempt, name: str | None = None) -> list[Change]:
    return [
        change
        for change in world.target.changes
        if change.by is attempt.process and (name is None or change.name == name)
    ]


def _shown(world: World, change: Change) -> str:
    return f"{change.name} went from {world.universe.name(change.old)} to {world.universe.name(change.new)}"


def _values(world: World, attempt: Attempt, name: str) -> set[ObjectId | None]:
    """Return what a ref of the target was in the time of a run."""
    values = {attempt.before.get(name)}
    ended = attempt.process.ended or world.tick
    for change in world.target.changes:
        if change.name == name and attempt.process.begun <= change.tick <= ended:
            values.add(change.new)
    return values


def _true(world: World, attempt: Attempt, result: SyncResult) -> Iterator[str]:
    names = [ref.planned.target_ref for ref in result.refs]
    if len(set(names)) != len(names):
        yield f"untrue: a ref comes twice in the result: {sorted(names)}"
    for ref in result.refs:
        yield from (f"untrue: {words}" for words in _true_ref(world, attempt, ref))
    yield from _accounted(attempt, names)
    yield from _true_code(result)
    yield from _true_json(attempt, result)
    yield from _true_verification(attempt, result)


def _accounted(attempt: Attempt, names: list[str]) -> Iterator[str]:
    process, request = attempt.process, attempt.request
    if process.misled or not process.listed["source"] or not process.listed["target"]:
        return
    source, target = process.listed["source"][0], process.listed["target"][0]
    wanted = {*oracle.desired(source, request.scope), *oracle.pruned(source, target, request)}
    if not wanted <= set(names):
        yield f"untold: nothing is said of {sorted(wanted - set(names))}"


def _true_ref(world: World, attempt: Attempt, ref: RefResult) -> Iterator[str]:
    planned, outcome, process = ref.planned, ref.outcome, attempt.process
    name, end = planned.target_ref, process.ended or 0
    mine = [change for change in _changes(world, attempt, name) if change.tick <= end]
    said = f"{name} is said to be {outcome.value} ({ref.reason})"
    values = _values(world, attempt, name)
    if planned.target_id not in values and not process.misled and planned.action != "warn":
        yield f"{name} was never {world.universe.name(planned.target_id)}, as planned"
    if outcome in (Outcome.PUSHED, Outcome.DELETED):
        done = any(change.new == planned.source_id for change in mine)
        if not done and name not in process.lied_to and not attempt.is_dry:
            yield f"{said}, and isn't"
    elif outcome is Outcome.UP_TO_DATE:
        if planned.source_id not in values and not process.misled:
            yield f"{said}, and never was"
    elif outcome in _UNDONE:
        # Nobody can know of a push without an answer that came late, or that somebody undid meanwhile.
        was_touched = any(change.name == name and change.by is not process for change in world.target.changes)
        is_doubtful = name in process.unsure and (attempt.is_late or was_touched)
        # Nor of a push that was delivered twice, if the list that would tell of it came damaged.
        is_doubtful = is_doubtful or (process.misled and bool(world.hit["push-twice"]))
        if mine and not is_doubtful and name not in process.lied_to:
            yield f"{said}, but {_shown(world, mine[-1])}"
    elif outcome is Outcome.MOVED:
        others = [c for c in world.target.changes if c.name == name and c.by is not process]
        is_doubtful = process.misled or name in process.lied_to or bool(world.hit["push-twice"])
        is_doubtful = is_doubtful or ref.reason.startswith("the target refused it")  # its words, not checked
        if not others and not is_doubtful:
            yield f"{said}, and nobody else touched it"
        if mine and "nothing was overwritten" in ref.reason and not world.hit["push-twice"]:
            yield f"{said}, but {_shown(world, mine[-1])}"
    elif outcome is Outcome.UNANSWERED and name not in process.unsure and name not in process.lied_to:
        yield f"{said}, but the answer arrived"


def _true_code(result: SyncResult) -> Iterator[str]:
    expected = 0
    if result.failure is not None:
        expected = result.failure.exit_code
    elif any(ref.outcome is Outcome.UNREADABLE for ref in result.refs):
        expected = 1
    elif not result.dry_run:
        failed = any(ref.outcome in _FAILED for ref in result.refs) or result.left_temp_refs
        verified = result.verification
        expected = 1 if failed else verified.exit_code if verified is not None else 0
    if result.exit_code != expected:
        yield f"untrue: exit code {result.exit_code}, and {expected} is right"


def _true_json(attempt: Attempt, result: SyncResult) -> Iterator[str]:
    told = json.loads(json.dumps(result.to_json()))
    counts = {
        "pushed": [Outcome.PUSHED],
        "deleted": [Outcome.DELETED],
        "blocked": [Outcome.BLOCKED],
    }
    for key, outcomes in counts.items():
        if told[key] != sum(ref.outcome in outcomes for ref in result.refs):
            yield f"untrue: JSON says {key}: {told[key]}"
    asked = Asked("source", "target", attempt.request, datetime(2005, 4, 7, tzinfo=UTC))
    receipt = json.loads(json.dumps(run_receipt(asked, result)))
    if receipt["exitCode"] != result.exit_code:
        yield f"untrue: the receipt says exit code {receipt['exitCode']}"
    for item, ref in zip(receipt["refs"], result.refs, strict=True):
        values = {"" if v is None else v.hex() for v in _values(attempt.world, attempt, item["ref"])}
        name = ref.planned.target_ref
        doubtful = attempt.process.misled or name in attempt.process.lied_to or ref.planned.action == "warn"
        if item["after"] is not None and item["after"] not in values and not doubtful:
            now = item["after"][:8] or "absent"
            yield f"untrue: the receipt says that {name} is {now} ({ref.outcome.value})"


def _true_verification(attempt: Attempt, result: SyncResult) -> Iterator[str]:
    verified = result.verification
    if attempt.request.verify and not attempt.request.dry_run and verified is None:
        yield "untrue: nothing was read back, as was asked"
    if verified is None or verified.error is not None:
        return
    differing = {difference.ref for difference in verified.differences}
    tips = attempt.process.listed["target"][-1]
    for ref in result.refs:
        name = ref.planned.target_ref
        done = ref.outcome in (Outcome.PUSHED, Outcome.UP_TO_DATE, Outcome.DELETED)
        if (
            done
            and (tips.get(name) != ref.planned.source_id) != (name in differing)
            and not attempt.process.misled
        ):
            yield f"untrue: reading back says nothing of {name}"


def _tidy(world: World, attempt: Attempt, result: SyncResult) -> Iterator[str]:
    lies = attempt.process.lied_to
    left = [name for name in world.target.tips if name.startswith(TEMP_REFS) and name not in lies]
    mine = {change.name for change in _changes(world, attempt)}
    for name in left:
        if name in mine and name not in result.temp_refs and not attempt.is_late:
            yield f"untold: the temporary ref {name[-8:]} is left, and the result names {result.temp_refs}"
    is_told = any("temporary ref" in line or "was not deleted" in line for line in attempt.process.messages)
    left = [
        name for name in left if name in mine or not attempt.process.misled
    ]  # a damaged list may hide others'
    if left and not (result.exit_code or result.dry_run or attempt.rivalled or is_told):
        yield f"untold: exit code 0, and temporary refs are left: {left}"


def completed(world: World, attempt: Attempt) -> Iterator[str]:
    """Check a run in which nothing went wrong: the target is as it was asked for."""
    yield from problems_of(world, attempt)
    if attempt.error is not None or attempt.result is None:
        yield f"incomplete: {type(attempt.error).__name__}: {attempt.error}"
        return
    request, result = attempt.request, attempt.result
    source = attempt.process.listed["source"][0]
    outcomes = {ref.planned.target_ref: ref for ref in result.refs}
    wanted = oracle.desired(source, request.scope)
    blocked = {
        to
        for to, of in wanted.items()
        if oracle.forbids(world.universe, request, to, attempt.before.get(to), source[of])
        or (to not in attempt.before and world.target.neighbour(to) is not None)
    }
    gone = oracle.pruned(source, attempt.before, request)
    if "delete-refs" in attempt.traits.target_lacks and gone:
        return
    if blocked and (request.policy.atomic or request.mode == "bootstrap"):
        return
    for to, of in wanted.items():
        is_right = world.target.tips.get(to) == source[of]
        if not is_right and to not in blocked:
            yield f"incomplete: {to} is not what the source has ({_words(outcomes.get(to))})"
        may_refuse = world.target.neighbour(to) is not None  # of what can't be deleted only the target knows
        outcome = outcomes[to].outcome
        if (
            to in blocked
            and outcome is not Outcome.BLOCKED
            and not (may_refuse and outcome is Outcome.REFUSED)
        ):
            yield f"incomplete: {to} is to be blocked ({_words(outcomes[to])})"
    for name in gone:
        if name in world.target.tips:
            yield f"incomplete: {name} is still there ({_words(outcomes.get(name))})"
    if result.exit_code != (1 if blocked else 0):
        yield f"incomplete: exit code {result.exit_code} ({result.failure})"


def _words(ref: RefResult | None) -> str:
    return "not mentioned" if ref is None else f"{ref.outcome.value}: {ref.reason}"
