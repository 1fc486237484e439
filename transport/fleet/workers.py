"""Our own executors: what runs on them can be abandoned, so that a hanging call doesn't delay the rest.

    ThreadWorkers    daemon threads       abandoned: left alone, and a new thread takes its place
    ProcessWorkers   one process a place  abandoned: told to end (SIGTERM), killed if it doesn't, replaced

The executors of the standard library wait for each thread at exit, and lose everything queued when one
process dies; they can be used too, with these drawbacks. A process serves one task after the other. It is
started fresh (`spawn`), ignores Ctrl-C, which its parent handles, and ends when its parent does. Its SIGTERM
raises KeyboardInterrupt, so that half-written files are removed on the way out.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import threading
import time
from collections import deque
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

from packcore.errors import PackcoreError, WorkerLost

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

__all__ = ["ProcessWorkers", "ThreadWorkers"]

FAREWELL_SECONDS = 3.0
"""How long a process may take to exit before a harder request."""

ResultT = TypeVar("ResultT")


class _Work(NamedTuple):
    """A queued call."""

    future: Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: dict[str, Any]


class ThreadWorkers(Executor):
    """Runs at most `count` calls at the same time, each in a daemon thread."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._waiting: deque[_Work] = deque()
        self._running: dict[Future[Any], float] = {}
        self._threads = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def submit(self, fn: Callable[..., ResultT], /, *args: Any, **kwargs: Any) -> Future[ResultT]:
        """Queue a call. Raises RuntimeError after `shutdown`."""
        future: Future[ResultT] = Future()
        with self._changed:
            if self._is_closed:
                raise RuntimeError("these workers were shut down")
            self._waiting.append(_Work(future, fn, args, kwargs))
            self._add_thread()
        return future

    def running(self) -> dict[Future[Any], float]:
        """Return the running calls, each with its seconds so far."""
        now = time.monotonic()
        with self._changed:
            return {future: now - since for future, since in self._running.items()}

    def abandon(self, future: Future[Any], error: BaseException) -> None:
        """Give up a running call: its future gets this error, whatever the call still does."""
        with self._changed:
            if self._running.pop(future, None) is None:
                return
            self._threads -= 1
            self._add_thread()
            self._changed.notify_all()
        self._end(future)
        future.set_exception(error)

    def wait_until_idle(self, seconds: float | None) -> bool:
        """Wait until nothing runs, at most `seconds`; return whether nothing does."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, seconds)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more; with `wait`, return when everything is done except abandoned calls."""
        with self._changed:
            self._is_closed = True
            dropped = list(self._waiting) if cancel_futures else []
            if cancel_futures:
                self._waiting.clear()
        for work in dropped:
            work.future.cancel()
        if wait:
            with self._changed:
                self._changed.wait_for(lambda: not self._running and not self._waiting)

    def _add_thread(self) -> None:
        """Start a thread if there is work for it. Called with the lock held."""
        if self._waiting and self._threads < self._count:
            self._threads += 1
            threading.Thread(target=self._serve, name="packcore-worker", daemon=True).start()

    def _serve(self) -> None:
        while (work := self._next()) is not None:
            result, error = None, None
            try:
                result = self._call(work)
            except BaseException as raised:  # raised again for whoever reads the future
                error = raised
            with self._changed:
                if self._running.pop(work.future, None) is None:
                    return  # it was abandoned, and another thread has its place
                self._changed.notify_all()
            if error is not None:
                work.future.set_exception(error)
            else:
                work.future.set_result(result)
        # `_next` has given the place back.

    def _next(self) -> _Work | None:
        with self._changed:
            while self._waiting:
                work = self._waiting.popleft()
                if work.future.set_running_or_notify_cancel():
                    self._running[work.future] = time.monotonic()
                    return work
            self._threads -= 1
            self._changed.notify_all()
            return None

    def _call(self, work: _Work) -> Any:
        return work.function(*work.arguments, **work.named)

    def _end(self, future: Future[Any]) -> None:
        """End an abandoned call, if possible."""


class ProcessWorkers(ThreadWorkers):
    """Runs at most `count` calls at a time, each in a process that a thread waits for. Pickles all calls."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._idle: list[_Child] = []
        self._busy: dict[Future[Any], _Child] = {}
        self._ending: list[threading.Thread] = []

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more, and end the processes: idle ones immediately, the others when they are done."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        with self._changed:
            idle, self._idle = self._idle, []
        for child in idle:
            child.leave()
        if wait:
            for thread in self._ending:
                thread.join()

    def _call(self, work: _Work) -> Any:
        message = pickle.dumps((work.function, work.arguments, work.named), pickle.HIGHEST_PROTOCOL)
        with self._changed:
            child = self._idle.pop() if self._idle else None
        child = child or _Child()
        with self._changed:
            self._busy[work.future] = child
        try:
            answer = child.ask(message)
        except (EOFError, OSError):
            raise WorkerLost(child.last_words()) from None
        finally:
            with self._changed:
                del self._busy[work.future]
        with self._changed:
            is_needed = not self._is_closed or bool(self._waiting)
            if is_needed:
                self._idle.append(child)
        if not is_needed:
            child.leave()
        is_result, value = pickle.loads(answer)  # noqa: S301 - from our own process
        if is_result:
            return value
        raise value

    def _end(self, future: Future[Any]) -> None:
        with self._changed:
            child = self._busy.get(future)
            if child is None:
                return
            thread = threading.Thread(target=child.end, name="packcore-worker-end", daemon=True)
            self._ending.append(thread)
        thread.start()


class _Child:
    """A process that answers one call after the other."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        try:
            self._process: BaseProcess = context.Process(target=_answer_calls, args=(theirs,))
            self._process.start()
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()

    def ask(self, message: bytes) -> bytes:
        """Send a call and wait for its answer. Raises EOFError and OSError for a process that ended."""
        self._connection.send_bytes(message)
        return self._connection.recv_bytes()

    def last_words(self) -> str:
        """Return how the process ended."""
        self.leave()
        code = self._process.exitcode or 0
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"the process that worked on it ended {how}"

    def leave(self) -> None:
        """End an idle process: it sees that its connection is closed."""
        self._connection.close()
        self._process.join(FAREWELL_SECONDS)
        self.end()

    def end(self) -> None:
        """End the process, whatever it is doing."""
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(FAREWELL_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _answer_calls(connection: Connection) -> None:
    """Be the child: answer calls until the other end is closed, or until told to end."""
    with contextlib.suppress(KeyboardInterrupt, EOFError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _interrupt)
        while True:
            connection.send_bytes(_answer(connection.recv_bytes()))


def _interrupt(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once: a second one must not interrupt the clean-up
    raise KeyboardInterrupt


def _answer(message: bytes) -> bytes:
    try:
        function, arguments, named = pickle.loads(message)  # noqa: S301 - from our parent
        answer: tuple[bool, Any] = True, function(*arguments, **named)
    except Exception as error:
        answer = False, error
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # pickle may raise anything for a foreign value
        return pickle.dumps((False, PackcoreError(f"an answer that can't be sent: {error}")))
