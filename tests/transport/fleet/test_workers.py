"""Our executors: what one call does to its thread or process is no matter of the others."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import wait
from typing import TYPE_CHECKING

import pytest

from packcore.errors import PackcoreError, WorkerLost
from transport.errors import HttpStatusError
from transport.fleet.workers import ProcessWorkers, ThreadWorkers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(params=[ThreadWorkers, ProcessWorkers])
def make(request: pytest.FixtureRequest) -> Callable[[int], ThreadWorkers]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def workers(make: Callable[[int], ThreadWorkers]) -> Iterator[ThreadWorkers]:
    with make(2) as made:
        yield made


def fail(error: Exception) -> None:
    raise error


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang_until_interrupted(folder: Path) -> None:
    (folder / "begun").touch()
    try:
        while True:
            time.sleep(0.01)
    finally:
        (folder / "tidied").touch()


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def test_results_come_back_in_the_futures_of_their_calls(workers: ThreadWorkers) -> None:
    futures = [workers.submit(divmod, number, 3) for number in range(20)]
    assert [future.result() for future in futures] == [divmod(number, 3) for number in range(20)]


def test_an_error_comes_back_with_all_its_fields(workers: ThreadWorkers) -> None:
    error = HttpStatusError("no", status=404, url="https://h/x", hint="look")
    future = workers.submit(fail, error)
    with pytest.raises(HttpStatusError) as caught:
        future.result()
    assert (str(caught.value), caught.value.status, caught.value.hint) == ("no", 404, "look")
    assert workers.submit(abs, -1).result() == 1


def test_what_waits_can_be_cancelled(make: Callable[[int], ThreadWorkers]) -> None:
    with make(1) as workers:
        first = workers.submit(time.sleep, 0.3)
        second = workers.submit(abs, -1)
        assert second.cancel()
        third = workers.submit(abs, -2)
        assert (first.result(), third.result()) == (None, 2)


def test_nothing_is_taken_after_the_end(make: Callable[[int], ThreadWorkers]) -> None:
    workers = make(1)
    workers.shutdown()
    with pytest.raises(RuntimeError):
        workers.submit(abs, 1)


def test_no_more_run_at_once_than_there_are_places() -> None:
    counted, most, lock = 0, 0, threading.Lock()

    def count() -> None:
        nonlocal counted, most
        with lock:
            counted += 1
            most = max(most, counted)
        time.sleep(0.01)
        with lock:
            counted -= 1

    with ThreadWorkers(3) as workers:
        wait([workers.submit(count) for _ in range(12)])
    assert 1 <= most <= 3


def test_an_abandoned_thread_gives_its_place_to_another() -> None:
    release, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        release.wait()

    with ThreadWorkers(1) as workers:
        stuck = workers.submit(hang)
        later = workers.submit(abs, -3)
        assert begun.wait(20)
        assert list(workers.running()) == [stuck]
        workers.abandon(stuck, PackcoreError("given up"))
        assert later.result(timeout=20) == 3
        with pytest.raises(PackcoreError, match="given up"):
            stuck.result()
    release.set()


def test_a_process_that_dies_takes_only_its_own_call_with_it() -> None:
    with ProcessWorkers(1) as workers:
        dead = workers.submit(kill_itself)
        alive = workers.submit(abs, -4)
        with pytest.raises(WorkerLost, match="signal 9"):
            dead.result()
        assert alive.result() == 4


def test_an_abandoned_process_tidies_up_and_is_replaced(tmp_path: Path) -> None:
    with ProcessWorkers(1) as workers:
        stuck = workers.submit(hang_until_interrupted, tmp_path)
        later = workers.submit(abs, -5)
        wait_for(tmp_path / "begun")
        workers.abandon(stuck, PackcoreError("given up"))
        assert later.result(timeout=60) == 5
    assert (tmp_path / "tidied").exists()


def test_what_cant_be_sent_is_an_error_of_its_call_alone() -> None:
    with ProcessWorkers(1) as workers:
        unsendable = workers.submit(lambda: 1)
        unreturnable = workers.submit(threading.Lock)
        with pytest.raises(Exception, match=r"pickle|local object"):
            unsendable.result()
        with pytest.raises(PackcoreError, match="can't be sent"):
            unreturnable.result()
        assert workers.submit(abs, -6).result() == 6
