"""Where the simulated world is put under the engine: its modules' threads, clock, disk and sizes.

    threading, time      of the modules below     `clockwork`
    tempfile, os, io     below the world's folder `disk`
    sizes                OPENING_BYTES and others, so that a history of a few kilobytes meets every rule

No line of the engine knows of this: module globals are replaced while `under` lasts.
"""

from __future__ import annotations

import secrets
from collections import Counter
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest import mock

from packcore.store import ref_lock
from tests.simulation.clockwork import FakeThreading, FakeTime
from tests.simulation.disk import Disk, mounted
from tests.simulation.routes import counted
from transport import selection
from transport.syncing import measure
from transport.syncing.deliver import bootstrap, host_profile, refusals
from transport.syncing.gather import listing, lookahead

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.world import World

__all__ = ["Place", "simulated"]

_THREADED = (lookahead, listing, ref_lock)
_TIMED = (lookahead, measure, selection)
_BODY_BYTES_MIN = 256
_numbers = count()
"""For the names of temporary files, which are random otherwise."""


class Place:
    """Where worlds come and go, one at a time; the engine is in one of them, or in none."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        """On a memory disk: for what can't be but files."""
        self.routes: Counter[str] = Counter()
        """How often the world's runs went each way: see `routes`."""
        self._world: World | None = None
        self._disk: Disk | None = None

    @property
    def disk(self) -> Disk | None:
        """The disk of the world that is there."""
        return self._disk

    def world(self) -> World:
        """Return the world that is there."""
        assert self._world is not None
        return self._world

    @contextmanager
    def under(self, world: World, disk: Disk, opening_bytes: int) -> Iterator[None]:
        """Let the engine run in this world."""
        self._world, self._disk = world, disk
        self.routes.clear()
        module: Any = lookahead
        module.OPENING_BYTES, module.RESERVE_BYTES = opening_bytes, opening_bytes // 4
        try:
            yield
        finally:
            self._world = self._disk = None


@contextmanager
def simulated(folder: str) -> Iterator[Place]:
    """Put the seams in, and yield the place that worlds take."""
    place = Place(folder)
    threading, time = (fake(lambda: place.world().clockwork) for fake in (FakeThreading, FakeTime))
    patches: list[Any] = [mock.patch.object(module, "threading", threading) for module in _THREADED]
    patches += [mock.patch.object(module, "time", time) for module in _TIMED]
    patches += [
        mock.patch.object(refusals, "BODY_BYTES_MIN", _BODY_BYTES_MIN),
        mock.patch.object(secrets, "token_hex", lambda size: f"{next(_numbers):0{2 * size}x}"),
        mock.patch.object(bootstrap, "_HEAD_BYTES", 400),
        mock.patch.object(host_profile, "GROWTH_BYTES_MIN", 1024),
        mock.patch.object(lookahead, "OPENING_BYTES", 0),
        mock.patch.object(lookahead, "RESERVE_BYTES", 0),
        mock.patch.object(lookahead, "TRICKLE_BYTES", 64),
    ]
    for patch in patches:
        patch.start()
    try:
        with mounted(lambda: place.disk, folder), counted(place.routes):
            yield place
    finally:
        for patch in reversed(patches):
            patch.stop()
