"""One run of the engine in a simulated world: what it was asked, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from tests.simulation.remote import SimTransport
from tests.simulation.world import Killed, Process
from transport.syncing.carry_out import carry_out

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from tests.simulation.servers import Traits
    from tests.simulation.world import World
    from transport.syncing.outcome.result import SyncResult
    from transport.syncing.request import SyncRequest

__all__ = ["Attempt", "sync_once"]


@dataclass
class Attempt:
    """A run, and its end."""

    world: World
    process: Process
    request: SyncRequest
    traits: Traits
    before: dict[str, ObjectId]
    """The target's refs when it began."""
    result: SyncResult | None = None
    error: BaseException | None = None
    rivalled: bool = False
    """Whether another process is at work on the same target."""

    @property
    def is_dry(self) -> bool:
        """Whether nothing was to be pushed."""
        return self.request.dry_run

    @property
    def is_late(self) -> bool:
        """Whether a push was carried out after its answer had been given up."""
        return bool(self.world.hit["push-late"])


def sync_once(
    world: World, request: SyncRequest, traits: Traits, *, name: str = "sync", kill_at: int | None = None
) -> Attempt:
    """Run a sync to its end, whatever that is."""
    process = Process(world, name, kill_at)
    attempt = Attempt(world, process, request, traits, dict(world.target.tips))
    task = world.clockwork.current
    owner, task.owner = task.owner, process
    source, target = (SimTransport(world, process, side, traits) for side in ("source", "target"))
    world.say(name, "begins")
    try:
        attempt.result = carry_out(source, target, request, progress=process)
    except Killed:
        pass
    except PackcoreError as error:
        attempt.error = error
    except Exception as error:
        attempt.error = error
    finally:
        task.owner = owner
    process.ended = world.moved_on()
    world.say(name, "ends", _end(attempt))
    return attempt


def _end(attempt: Attempt) -> str:
    if attempt.result is not None:
        outcomes = [f"{ref.planned.branch}:{ref.outcome.value}" for ref in attempt.result.refs]
        return (
            f"{attempt.result.exit_code} {attempt.result.relay_mode} {attempt.result.relay_reason} {outcomes}"
        )
    return f"{type(attempt.error).__name__}: {attempt.error}"
