"""A fetch into a repository on the simulated disk: what was there, what came of it, and what must be true.

The repository is real, on a memory disk; every call to it is a step at which the process may be killed or the
disk may fail. What its refs were and are is read by our own `Repository`, as is whether all is there.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from packcore.plans.entries import Candidate
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from tests.simulation import oracle
from tests.simulation.remote import SimTransport
from tests.simulation.world import Change, Killed, Process
from transport.local_fetch.fetch_into import FetchResult, fetch_into
from transport.syncing.outcome.result import Outcome
from transport.syncing.request import TEMP_REFS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.ids import ObjectId
    from tests.simulation.servers import Traits
    from tests.simulation.world import World
    from transport.syncing.request import SyncRequest

__all__ = ["FetchAttempt", "fetch_completed", "fetch_once", "fetch_problems", "make_repository"]


@dataclass
class FetchAttempt:
    """A fetch, and its end."""

    world: World
    process: Process
    request: SyncRequest
    path: Path
    before: dict[str, ObjectId]
    result: FetchResult | None = None
    error: BaseException | None = None


def make_repository(world: World, path: Path) -> None:
    """Write what the world's target holds into a repository on disk; none where it holds nothing."""
    shutil.rmtree(path, ignore_errors=True)
    tips = {name: oid for name, oid in world.target.tips.items() if not name.startswith(TEMP_REFS)}
    if not tips:
        return
    target = world.target
    with Repository.init(path, object_format=target.object_format) as repository:
        objects = [Candidate(oid, *target.header(oid), b"", order) for order, oid in enumerate(target)]
        blocks = write_pack(select(target, objects, strategy="none"))
        with SpooledPack.receive(
            blocks, object_format=target.object_format, directory=repository.pack_directory
        ) as spool:
            repository.add_pack(spool)
        for name, oid in tips.items():
            repository.update_ref(name, oid)


def fetch_once(
    world: World,
    request: SyncRequest,
    traits: Traits,
    path: Path,
    *,
    name: str = "fetch",
    kill_at: int | None = None,
) -> FetchAttempt:
    """Fetch, to whatever end."""
    process = Process(world, name, kill_at)
    attempt = FetchAttempt(world, process, request, path, _refs(path))
    task = world.clockwork.current
    owner, task.owner = task.owner, process
    world.say(name, "begins")
    try:
        attempt.result = fetch_into(
            SimTransport(world, process, "source", traits),
            path,
            scope=request.scope,
            policy=request.policy,
            protocol=request.protocol,
            progress=process,
        )
    except Killed:
        pass
    except Exception as error:
        attempt.error = error
    finally:
        task.owner = owner
    process.ended = world.moved_on()
    world.say(name, "ends", "killed" if process.killed else attempt.error or "done")
    return attempt


def _refs(path: Path) -> dict[str, ObjectId]:
    if not (path / "HEAD").exists():
        return {}
    with Repository.open(path) as repository:
        return {name: ref.oid for name, ref in repository.refs().known.items()}


def fetch_problems(attempt: FetchAttempt) -> Iterator[str]:
    """Check a repository after a fetch, and what was said of it."""
    world, process = attempt.world, attempt.process
    after = _refs(attempt.path)
    yield from _sound(attempt, after)
    if not process.misled:
        yield from _legal(attempt, after)
    if process.killed:
        return
    if attempt.error is not None:
        if not isinstance(attempt.error, PackcoreError):
            yield f"raw: {type(attempt.error).__name__}: {attempt.error}"
        moved = sorted(set(after.items()) ^ set(attempt.before.items()))
        if moved:
            yield f"untold: raised {type(attempt.error).__name__} ({attempt.error}), but {moved[0][0]} moved"
    elif attempt.result is not None:
        for ref in attempt.result.refs:
            planned = ref.planned
            done = ref.outcome in (Outcome.PUSHED, Outcome.UP_TO_DATE, Outcome.DELETED)
            expected = planned.source_id if done else attempt.before.get(planned.target_ref)
            if after.get(planned.target_ref) != expected:
                name = world.universe.name(after.get(planned.target_ref))
                yield f"untrue: {planned.target_ref} is said to be {ref.outcome.value}, and is {name}"
        json.dumps(attempt.result.to_json())


def _sound(attempt: FetchAttempt, after: dict[str, ObjectId]) -> Iterator[str]:
    if not after:
        return
    with Repository.open(attempt.path) as repository:
        here = set(repository)
        faults = repository.refs().unreadable
        for name, oid in after.items():
            if not attempt.world.universe.reach(oid) <= here:
                yield f"broken: the repository's {name} reaches what isn't there"
    for name in faults:
        yield f"broken: the repository's {name} can't be read"


def _legal(attempt: FetchAttempt, after: dict[str, ObjectId]) -> Iterator[str]:
    process, before = attempt.process, attempt.before
    for name in sorted({*before, *after}):
        change = Change(name, before.get(name), after.get(name), process, 0)
        if change.old == change.new:
            continue
        why = oracle.allowed(
            attempt.world.universe, attempt.request, change, process.listed["source"], [before]
        )
        if why is not None:
            yield f"illegal: the repository's {name} moved: {why}"


def fetch_completed(attempt: FetchAttempt) -> Iterator[str]:
    """Check a fetch in which nothing went wrong."""
    yield from fetch_problems(attempt)
    if attempt.result is None:
        yield f"incomplete: {type(attempt.error).__name__}: {attempt.error}"
        return
    after, request, universe = _refs(attempt.path), attempt.request, attempt.world.universe
    source = attempt.process.listed["source"][0]
    outcomes = {ref.planned.target_ref: ref for ref in attempt.result.refs}
    for to, of in oracle.desired(source, request.scope).items():
        blocked = oracle.forbids(universe, request, to, attempt.before.get(to), source[of])
        neighbours = any(o.startswith(f"{to}/") or to.startswith(f"{o}/") for o in attempt.before)
        if after.get(to) != source[of] and not blocked and not neighbours:
            yield f"incomplete: {to} is not what the source has ({outcomes[to].reason})"
