"""Many pairs on any executor: each has an outcome, and none is another's trouble."""

from __future__ import annotations

import pickle
import shutil
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import fast_import, history, ls_remote
from tests.transport.fleet.fleets import AtOnce, fleet, outcomes
from tests.transport.http.scripted import scripted
from transport.errors import AuthenticationRequired, InvalidOption, InvalidRequest, TimeLimitReached
from transport.fleet import (
    PairOutcome,
    ProcessWorkers,
    SyncPair,
    ThreadWorkers,
    open_executor,
    sync_fleet,
)
from transport.fleet.task import PairTask
from transport.options import TransportOptions
from transport.syncing import SyncRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.transport.http.scripted import Peer

EXECUTORS: dict[str, Callable[[], Executor]] = {
    "one of a stranger": AtOnce,
    "the library's threads": lambda: ThreadPoolExecutor(2),
    "the library's processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    "our threads": lambda: ThreadWorkers(2),
    "our processes": lambda: ProcessWorkers(2),
}


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with EXECUTORS[request.param]() as made:
        yield made


def silent(peer: Peer) -> None:
    """Take a request, and never answer it."""
    peer.read_head()
    peer.stop.wait(60)


@contextmanager
def silence(count: int = 1) -> Iterator[str]:
    with scripted(*[silent] * count) as server:
        yield f"{server.url}/x.git"


def test_any_executor_will_do(executor: Executor, tmp_path: Path) -> None:
    pairs = fleet(tmp_path, 4, request=SyncRequest(verify=True))
    told: list[PairOutcome] = []
    result = sync_fleet(pairs, executor, on_outcome=told.append)
    assert outcomes(result) == dict.fromkeys(["r0", "r1", "r2", "r3"], "done")
    assert sorted(outcome.name for outcome in told) == ["r0", "r1", "r2", "r3"]
    assert result.exit_code == 0
    for pair in pairs:
        assert ls_remote(pair.target) == ls_remote(pair.source)
    verification = result.outcomes[0].result.verification  # type: ignore[union-attr]
    assert verification is not None
    assert (verification.checked, verification.exit_code) == (1, 0)


def test_a_bad_repository_hurts_no_other(executor: Executor, tmp_path: Path) -> None:
    pairs = fleet(tmp_path, 4)
    shutil.rmtree(pairs[1].source)
    pairs[2] = replace(pairs[2], target="http://127.0.0.1:1/x.git")
    result = sync_fleet(pairs, executor)
    assert outcomes(result) == {"r0": "done", "r1": "failed", "r2": "failed", "r3": "done"}
    assert result.exit_code == 1
    assert [outcome.exit_code for outcome in result.outcomes] == [0, 1, 4, 0]


def test_a_ref_that_is_blocked_leaves_its_pair_incomplete(tmp_path: Path) -> None:
    pairs = fleet(tmp_path, 2)
    fast_import(Path(pairs[0].target), history(commits=2, files=1, seed=9))
    result = sync_fleet(pairs, AtOnce())
    assert outcomes(result) == {"r0": "incomplete", "r1": "done"}
    assert (result.outcomes[0].exit_code, result.exit_code) == (1, 1)


def test_two_pairs_of_one_name_are_refused(tmp_path: Path) -> None:
    pair = SyncPair("same", "/a", "/b")
    with pytest.raises(InvalidRequest, match="two pairs"):
        sync_fleet([pair, pair], AtOnce())


def test_what_is_sent_and_what_comes_back_pickles_and_shows_no_secret() -> None:
    options = TransportOptions(token="hunter2")
    pair = SyncPair("x", "https://me:hunter2@h/a.git", "/b", source_options=options)
    task = pickle.loads(pickle.dumps(PairTask(pair)))
    assert task.pair == pair
    outcome = sync_fleet([replace(pair, source="http://me:hunter2@127.0.0.1:1/a.git")], AtOnce()).outcomes[0]
    assert pickle.loads(pickle.dumps(outcome)).to_json() == outcome.to_json()
    for text in (repr(pair), repr(outcome), str(outcome.to_json()), str(outcome.receipt())):
        assert "hunter2" not in text


def without_credentials(pair: SyncPair) -> SyncPair:
    raise AuthenticationRequired(f"{pair.name}: who are you?")


def test_a_pair_is_prepared_where_it_runs(tmp_path: Path) -> None:
    with ProcessWorkers(1) as executor:
        (outcome,) = sync_fleet(fleet(tmp_path, 1), executor, prepare=without_credentials).outcomes
    assert (outcome.exit_code, str(outcome.error)) == (5, "r0: who are you?")


@pytest.mark.parametrize("kind", ["the library's threads", "our threads", "our processes"])
def test_a_remote_that_never_answers_costs_its_own_pair_and_no_more(kind: str, tmp_path: Path) -> None:
    pairs = fleet(tmp_path, 3, time_limit=20.0)
    with silence() as url, EXECUTORS[kind]() as executor:
        pairs[0] = replace(pairs[0], source=url, time_limit=0.5)
        result = sync_fleet(pairs, executor, grace_seconds=60)
    assert outcomes(result) == {"r0": "timed-out", "r1": "done", "r2": "done"}
    assert "its time limit of 0.5 s" in str(result.outcomes[0].error)
    assert result.outcomes[0].exit_code == 1


def hang(pair: SyncPair) -> SyncPair:
    """Do what no brake reaches."""
    if pair.time_limit == 0.1:
        threading.Event().wait(60)
    return pair


@pytest.mark.parametrize("make", [ThreadWorkers, ProcessWorkers])
def test_what_no_brake_reaches_is_abandoned(make: Callable[[int], ThreadWorkers], tmp_path: Path) -> None:
    pairs = fleet(tmp_path, 3)
    pairs[0] = replace(pairs[0], time_limit=0.1)
    with make(1) as executor:
        result = sync_fleet(pairs, executor, prepare=hang, grace_seconds=0.1)
    assert outcomes(result) == {"r0": "timed-out", "r1": "done", "r2": "done"}


class Swallowing(Executor):
    """An executor that takes calls and never runs one."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Future()


def test_an_executor_that_never_answers_is_given_up(tmp_path: Path) -> None:
    pairs = [SyncPair(name, "/a", "/b", time_limit=0.1) for name in ("x", "y")]
    result = sync_fleet(pairs, Swallowing(), grace_seconds=0.1)
    assert outcomes(result) == {"x": "timed-out", "y": "timed-out"}


class Breaking(AtOnce):
    """An executor that breaks after its first call."""

    calls = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls += 1
        if self.calls > 1:
            raise RuntimeError("the pool is broken")
        return super().submit(fn, *args, **kwargs)


def test_an_executor_that_breaks_fails_what_is_left_and_keeps_what_was_done(tmp_path: Path) -> None:
    result = sync_fleet(fleet(tmp_path, 3), Breaking())
    assert outcomes(result) == {"r0": "done", "r1": "failed", "r2": "failed"}
    assert str(result.outcomes[2].error) == "the worker failed: RuntimeError: the pool is broken"


def broken(pair: SyncPair) -> SyncPair:
    raise ZeroDivisionError(pair.name)


def test_our_own_mistake_is_told_with_its_traceback(tmp_path: Path) -> None:
    (outcome,) = sync_fleet(fleet(tmp_path, 1), AtOnce(), prepare=broken).outcomes
    assert str(outcome.error) == "internal error: ZeroDivisionError: r0"
    assert "in broken" in outcome.traceback


@pytest.mark.parametrize("make", [ThreadWorkers, ProcessWorkers])
def test_an_interruption_stops_all_and_is_passed_on(
    make: Callable[[int], ThreadWorkers], tmp_path: Path
) -> None:
    pairs = fleet(tmp_path, 3)

    def interrupt(_: PairOutcome) -> None:
        raise KeyboardInterrupt

    with silence() as url:
        pairs[0] = replace(pairs[0], source=url)
        with make(2) as executor, pytest.raises(KeyboardInterrupt):
            sync_fleet(pairs, executor, on_outcome=interrupt)
        # Leaving the executor has waited for all that ran; the silent remote did not hold it up.
        assert not executor.running()


def test_a_search_for_deltas_ends_when_its_time_is_over(tmp_path: Path) -> None:
    (pair,) = fleet(tmp_path, 1)
    task = PairTask(replace(pair, request=SyncRequest(materialize=True)))
    task.stop(TimeLimitReached("enough"))
    outcome = task.run()
    assert (outcome.status.value, str(outcome.error)) == ("timed-out", "enough")
    assert ls_remote(pair.target) == {}


@pytest.mark.parametrize("name", ["", "thread", "threads:0", "threads:x", "processes:9999", "dask:", "ray:x"])
def test_a_name_that_is_no_executor_is_refused(name: str) -> None:
    with pytest.raises(InvalidOption, match="not an executor"), open_executor(name):
        pass


def test_executors_have_names() -> None:
    with open_executor("threads:3") as threads, open_executor("processes") as processes:
        assert type(threads) is ThreadWorkers
        assert type(processes) is ProcessWorkers
        assert threads.submit(time.sleep, 0).result() is None
