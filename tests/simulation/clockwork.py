"""Threads and time of the simulation: one thread runs at a time, and the seed says which.

    thread A   runs … pauses ───────────── runs …    a switch happens in `pause`, `sleep`, `wait` and
    thread B                  runs … waits           `join` alone, so the same seed gives the same order
    clock      moves only when all wait: to the first deadline

The engine's modules get `FakeThreading` and `FakeTime` in place of `threading` and `time` (see `seams`).
Real threads carry the code, each with a lock of its own that it needs in order to run: the baton.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

__all__ = ["Clockwork", "Deadlock", "FakeThreading", "FakeTime", "Task"]


class Deadlock(AssertionError):
    """Every thread waits for another one."""


class Task:
    """One thread, as the clockwork sees it."""

    def __init__(self, owner: object) -> None:
        self.owner = owner
        """The simulated process that it belongs to."""
        self.baton = threading.Lock()
        self.baton.acquire()
        self.ready = True
        self.deadline: float | None = None
        self.done = False
        self.joiner: Task | None = None


class Clockwork:
    """All threads of one simulated world, and its clock."""

    def __init__(self, chance: random.Random) -> None:
        self.now = 0.0
        self.current = Task(None)
        self._tasks = [self.current]
        self._chance = chance
        self.switches = 0
        self.uncaught: list[BaseException] = []
        """What ended threads; the engine's own threads catch whatever they raise."""
        self._deadlocked = False

    def spawn(self, run: Callable[[], object], owner: object) -> Task:
        """Start a thread; it runs once another one pauses."""
        task = Task(owner)
        self._tasks.append(task)

        def body() -> None:
            task.baton.acquire()
            self.current = task
            try:
                run()
            except BaseException as error:
                self.uncaught.append(error)
            task.done = True
            self._tasks.remove(task)
            if task.joiner is not None:
                self.wake(task.joiner)
            self._choose().baton.release()

        threading.Thread(target=body, daemon=True).start()
        return task

    def pause(self, likelihood: float = 0.5) -> None:
        """Let another thread run, perhaps."""
        if len(self._tasks) > 1 and self._chance.random() < likelihood:
            self._switch()

    def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved on."""
        self.wait(self.now + seconds)

    def wait(self, deadline: float | None) -> None:
        """Wait until `wake` or the deadline."""
        task = self.current
        task.ready, task.deadline = False, deadline
        self._switch()

    def wake(self, task: Task) -> None:
        """Let a waiting thread run again."""
        task.ready, task.deadline = True, None

    def join(self, task: Task, deadline: float | None) -> None:
        """Wait until a thread has ended, or the deadline."""
        if not task.done:
            task.joiner = self.current
            self.wait(deadline)
            task.joiner = None

    def join_all(self) -> None:
        """Wait until every other thread has ended."""
        while len(self._tasks) > 1:
            self.join(next(task for task in self._tasks if task is not self.current), None)

    def _switch(self) -> None:
        task = self.current
        chosen = self._choose()
        if chosen is not task:
            self.switches += 1
            chosen.baton.release()
            task.baton.acquire()
            self.current = task
        if self._deadlocked:
            raise Deadlock("every thread waits for another one")

    def _choose(self) -> Task:
        ready = [task for task in self._tasks if task.ready]
        if not ready:
            timed = [task for task in self._tasks if task.deadline is not None]
            if not timed:
                self._deadlocked = True
                return self._tasks[0]
            self.now = min(task.deadline for task in timed if task.deadline is not None)
            ready = [task for task in timed if task.deadline == self.now]
            for task in ready:
                self.wake(task)
        return ready[0] if len(ready) == 1 else self._chance.choice(ready)


class FakeTime:
    """Stands for the module `time`."""

    def __init__(self, clockwork: Callable[[], Clockwork]) -> None:
        self._clockwork = clockwork

    def monotonic(self) -> float:
        """Return the simulated seconds."""
        return self._clockwork().now

    perf_counter = monotonic

    def sleep(self, seconds: float) -> None:
        """Wait without waiting."""
        self._clockwork().sleep(seconds)


class _Thread:
    """Stands for `threading.Thread`."""

    def __init__(
        self,
        clockwork: Clockwork,
        target: Callable[..., object],
        args: Sequence[object] = (),
        name: str = "",
        daemon: bool = True,
    ) -> None:
        self._clockwork = clockwork
        self._run = lambda: target(*args)
        self._task: Task | None = None

    def start(self) -> None:
        self._task = self._clockwork.spawn(self._run, self._clockwork.current.owner)
        self._clockwork.pause()

    def is_alive(self) -> bool:
        return self._task is not None and not self._task.done

    def join(self, timeout: float | None = None) -> None:
        assert self._task is not None
        self._clockwork.join(self._task, None if timeout is None else self._clockwork.now + timeout)


class _Condition:
    """Stands for `threading.Condition`; its lock is never contended, since nobody pauses while holding it."""

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self._waiting: list[Task] = []

    def __enter__(self) -> _Condition:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, timeout: float | None = None) -> None:
        task = self._clockwork.current
        self._waiting.append(task)
        self._clockwork.wait(None if timeout is None else self._clockwork.now + timeout)
        if task in self._waiting:
            self._waiting.remove(task)

    def notify_all(self) -> None:
        for task in self._waiting:
            self._clockwork.wake(task)
        self._waiting.clear()


class _Event:
    """Stands for `threading.Event`, as far as it is only waited on."""

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            self._clockwork.sleep(timeout or 0.0)
        return self._set


class _Lock:
    """Stands for `threading.Lock`: never contended either."""

    def __enter__(self) -> _Lock:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class FakeThreading:
    """Stands for the module `threading`."""

    def __init__(self, clockwork: Callable[[], Clockwork]) -> None:
        self._clockwork = clockwork

    def Thread(self, *, target: Callable[..., object], **options: Any) -> _Thread:
        """Return a thread of the clockwork."""
        return _Thread(self._clockwork(), target, **options)

    def Condition(self) -> _Condition:
        """Return a condition of the clockwork."""
        return _Condition(self._clockwork())

    def Lock(self) -> _Lock:
        """Return a lock that is always free."""
        return _Lock()

    def Event(self) -> _Event:
        """Return an event of the clockwork."""
        return _Event(self._clockwork())
