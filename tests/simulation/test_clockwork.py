"""Threads and time of the simulation."""

from __future__ import annotations

import random

import pytest

from tests.simulation.clockwork import Clockwork, Deadlock, FakeThreading, FakeTime


@pytest.fixture
def clockwork() -> Clockwork:
    return Clockwork(random.Random(1))


def test_time_passes_only_where_all_wait(clockwork: Clockwork):
    FakeTime(lambda: clockwork).sleep(600)
    assert clockwork.now == 600


def test_a_wait_ends_at_its_deadline(clockwork: Clockwork):
    FakeThreading(lambda: clockwork).Condition().wait(2.5)
    assert clockwork.now == 2.5


def test_who_is_notified_goes_on_before_the_deadline(clockwork: Clockwork):
    threading = FakeThreading(lambda: clockwork)
    condition = threading.Condition()
    thread = threading.Thread(target=condition.notify_all)
    thread.start()
    condition.wait(100)
    thread.join()
    assert (clockwork.now, thread.is_alive()) == (0, False)


def test_a_join_gives_up_at_its_timeout(clockwork: Clockwork):
    threading = FakeThreading(lambda: clockwork)
    thread = threading.Thread(target=lambda: clockwork.sleep(10))
    thread.start()
    thread.join(3)
    assert (clockwork.now, thread.is_alive()) == (3, True)
    clockwork.join_all()


def test_threads_take_turns_in_an_order_that_the_seed_gives():
    def order(seed: int) -> list[str]:
        clockwork, ran = Clockwork(random.Random(seed)), list[str]()

        def work(name: str) -> None:
            for _ in range(5):
                ran.append(name)
                clockwork.pause()

        for name in "abc":
            clockwork.spawn(lambda name=name: work(name), None)  # type: ignore[misc]
        clockwork.join_all()
        return ran

    assert order(3) == order(3)
    assert len({tuple(order(seed)) for seed in range(8)}) > 1


def test_a_deadlock_is_told(clockwork: Clockwork):
    with pytest.raises(Deadlock):
        clockwork.wait(None)
