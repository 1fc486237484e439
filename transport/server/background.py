"""Long work beside a connection: what it says travels at once, and silence is filled with keepalives.

A client's proxy cuts a connection that says nothing for a minute, and selecting deltas or checking a
push may take longer. So the work runs in a thread, while the generator that answers the client waits:

    result = yield from heard(work, seconds=5, line=…, keepalive=…)

With `seconds` None the work runs here and now, and its words come after it. An empty block follows what
must not wait: whoever gathers small blocks sends them when one comes.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Say = Callable[[str], None]

__all__ = ["heard"]

_Result = TypeVar("_Result")


def heard(
    work: Callable[[Say], _Result],
    *,
    seconds: float | None,
    ready: threading.Event | None = None,
    line: Callable[[str], bytes],
    keepalive: bytes,
) -> Generator[bytes, None, _Result]:
    """Run `work`, yield `line(text)` for what it says and `keepalive` in its silences; return its result.

    Nothing is yielded before `ready` is set: a client that still sends may not be listening. What the
    work raises is raised here. A generator that is closed waits for the work's end.
    """
    words: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    outcome: list[_Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work(words.put))
        except BaseException as error:  # raised again by the one who waits
            failure.append(error)
        finally:
            words.put(None)

    if seconds is None:
        run()
    else:
        thread = threading.Thread(target=run, name="packcore-work", daemon=True)
        thread.start()
    try:
        while True:
            try:
                text = words.get(timeout=seconds)
            except queue.Empty:
                if ready is None or ready.is_set():
                    yield keepalive
                    yield b""
                continue
            if text is None:
                break
            yield line(text)
            yield b""
    finally:
        if seconds is not None:
            thread.join()
    if failure:
        try:
            raise failure[0]
        finally:
            # Its traceback leads back to this list: a circle that would keep a whole push alive for a while.
            failure.clear()
    return outcome[0]
