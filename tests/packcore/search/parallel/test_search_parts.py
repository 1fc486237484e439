"""A search in parts gives the same plan for any number of processes, however they are started."""

import multiprocessing
import os
import random
import signal
import threading
import time

import pytest

from packcore.errors import CorruptObject, MissingObject, WorkerLost
from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.entries import Candidate
from packcore.plans.write import write_pack
from packcore.search import partition
from packcore.search.parallel import pool as pool_module
from packcore.search.parallel import search_parts
from packcore.search.parallel.pipe import decode_error, encode_error
from packcore.search.parallel.pool import start_pool
from packcore.search.partition import parts_by_type_and_name
from packcore.search.select import select
from packcore.search.strategies.chunk_window import ChunkWindow
from packcore.search.strategy import Choice, Part, Work
from packcore.store.memory import MemoryStore
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.walk import list_objects
from tests.pack_stores import LyingInPack, make_history

METHODS = [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]


@pytest.fixture(scope="module")
def history():
    store, tip = make_history(commits=60)
    return store, list_objects(store, [tip])


@pytest.fixture(scope="module")
def repository(history, tmp_path_factory):
    store, objects = history
    with Repository.init(tmp_path_factory.mktemp("parts") / "r.git") as repository:
        with SpooledPack.receive(write_pack(select(store, objects)), object_format=SHA1) as spool:
            repository.add_pack(spool)
        yield repository


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(partition, "SEARCHED_MIN", 10)
    monkeypatch.setattr(partition, "HALVED_MIN", 10)
    monkeypatch.setattr(partition, "PART_MIN", 20)


@pytest.fixture(autouse=True)
def _no_process_stays():
    yield
    assert not multiprocessing.active_children()


def by_method(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr(pool_module, "_method", lambda **_: method)


def pack_of(plan) -> bytes:
    return b"".join(write_pack(plan))


def test_there_are_several_parts_that_hold_every_object_once(history):
    store, objects = history
    work = Work(store, objects, plan_count=len(objects), limits=Limits())
    work.searched = list(range(len(objects)))
    parts = parts_by_type_and_name(work)
    assert len(parts) > 3
    assert sorted(index for part in parts for index in part.members) == work.searched
    names = [
        {objects[index].path.rpartition(b"/")[2] for index in part.members}
        for part in parts
        if objects[part.members[0]].type == ObjectType.BLOB
    ]
    assert sum(map(len, names)) == len(set().union(*names))


def test_names_that_differ_by_numbers_stay_in_one_part(monkeypatch):
    monkeypatch.setattr(partition, "SEARCHED_MIN", 0)
    monkeypatch.setattr(partition, "HALVED_MIN", 2)
    store = MemoryStore(SHA1)
    names = [b"a.c", *(b"tool-%d.%d.js" % (number % 3, number) for number in range(10)), b"z.py"]
    objects = [
        Candidate(store.add(ObjectType.BLOB, name), ObjectType.BLOB, len(name), name, order)
        for order, name in enumerate(names)
    ]
    work = Work(store, objects, plan_count=len(objects), limits=Limits())
    work.searched = list(range(len(objects)))
    parts = parts_by_type_and_name(work)
    assert len(parts) == 2
    assert any({*range(1, 11)} <= {*part.members} for part in parts)


def test_types_searched_apart_make_the_pack_that_one_search_makes(history, monkeypatch):
    monkeypatch.setattr(partition, "HALVED_MIN", 1 << 30)
    apart = pack_of(select(*history))
    monkeypatch.setattr(partition, "SEARCHED_MIN", 1 << 30)
    assert apart == pack_of(select(*history))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reuse", [False, True])
def test_any_number_of_processes_makes_the_same_pack(repository, history, monkeypatch, method, reuse):
    by_method(monkeypatch, method)
    packs = {pack_of(select(repository, history[1], reuse_deltas=reuse, jobs=jobs)) for jobs in (1, 2, 3)}
    assert len(packs) == 1


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork here")
def test_half_reused_and_half_searched_is_the_same_too(history, monkeypatch):
    store, objects = history
    by_method(monkeypatch, "fork")
    packed = LyingInPack(select(store, objects, limits=Limits(depth=3)))
    for oid in random.Random(5).sample(sorted(packed.raws), len(packed.raws) // 2):
        del packed.raws[oid]
    plans = [select(packed, objects[20:], thin_bases=objects[:20], jobs=jobs) for jobs in (1, 2)]
    assert plans[0] == plans[1]
    assert 0 < plans[0].reused_count < plans[0].object_count


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork here")
def test_choices_that_wait_on_disk_are_the_same(history, monkeypatch):
    monkeypatch.setattr(search_parts, "HELD_BYTES_MAX", 1)
    by_method(monkeypatch, "fork")
    assert select(*history, jobs=3) == select(*history)


def test_without_processes_this_one_does_it_all(history, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no more processes")

    monkeypatch.setattr(pool_module.Pool, "add", refuse)
    assert select(*history, jobs=4) == select(*history)


def test_the_search_goes_on_without_a_process_that_never_gets_ready(history, monkeypatch):
    monkeypatch.setattr(pool_module.Pool, "are_ready", lambda _: False)
    assert select(*history, jobs=2) == select(*history)


def test_a_store_that_can_not_be_opened_again_is_not_spawned_for(history):
    assert start_pool(2, history[0], ChunkWindow(), method="spawn") is None


def test_what_runs_in_threads_is_spawned_where_the_store_can_be_opened_again():
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        assert pool_module._method(can_reopen=True) == "spawn"
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("method", METHODS)
def test_an_error_of_a_process_is_raised_as_it_was(repository, history, monkeypatch, method):
    by_method(monkeypatch, method)
    objects = list(history[1])
    blob = next(index for index, candidate in enumerate(objects) if candidate.type == ObjectType.BLOB)
    objects[blob] = objects[blob]._replace(size=objects[blob].size + 1)
    with pytest.raises(CorruptObject) as caught:
        select(repository, objects, jobs=2, reuse_deltas=False)
    assert caught.value.oid == objects[blob].oid.hex()


@pytest.mark.parametrize(
    "error",
    [MissingObject("ab", context="here", hint="look there"), CorruptObject("bad", oid="cd"), KeyError("k")],
)
def test_errors_travel_whole(error):
    back = decode_error(encode_error(error))
    assert (type(back), str(back), back.__dict__) == (type(error), str(error), error.__dict__)


def test_an_error_that_can_not_be_sent_is_reported_by_its_text():
    class Local(Exception):
        pass

    assert "Local: words" in str(decode_error(encode_error(Local("words"))))


class Killed(ChunkWindow):
    def choose(self, work):
        for choice in super().choose(work):
            if work.candidates[choice.target].type == ObjectType.BLOB:
                os.kill(os.getpid(), signal.SIGKILL)
            yield choice


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork here")
def test_a_killed_process_is_reported(history, monkeypatch):
    by_method(monkeypatch, "fork")
    with pytest.raises(WorkerLost, match="by signal 9"):
        select(*history, strategy=Killed(), jobs=2)


class Endless(ChunkWindow):
    def choose(self, work):
        for number, choice in enumerate(super().choose(work)):
            if number == 20 and work.candidates[choice.target].type == ObjectType.BLOB:
                time.sleep(1000)
            yield choice


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork here")
def test_a_search_that_is_stopped_keeps_what_all_processes_had(history, monkeypatch):
    monkeypatch.setattr(partition, "HALVED_MIN", 1 << 30)
    by_method(monkeypatch, "fork")
    store, objects = history
    asked: list[None] = []

    def should_stop() -> bool:
        asked.append(None)
        return len(asked) > 20

    plan = select(store, objects, strategy=Endless(), jobs=2, should_stop=should_stop)
    assert plan.object_count == len(objects)
    assert 0 < plan.unsearched_count < len(objects)
    assert pack_of(plan)


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork here")
def test_an_interrupt_leaves_no_process_behind(history, monkeypatch):
    by_method(monkeypatch, "fork")

    class Interrupting:
        def advance(self, count):
            raise KeyboardInterrupt

        def note(self, **counts):
            pass

        def phase(self, name, *, unit, total=None):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            return None

        def message(self, origin, text):
            pass

    with pytest.raises(KeyboardInterrupt):
        select(*history, strategy=Endless(), jobs=2, progress=Interrupting())


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_counts_each_object_once_in_parts_too(history, jobs):
    class Seen:
        count = 0

        def phase(self, name, *, unit, total=None):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            return None

        def advance(self, count):
            assert count > 0
            self.count += count

        def note(self, **counts):
            pass

        def message(self, origin, text):
            pass

    seen = Seen()
    assert select(*history, progress=seen, jobs=jobs).object_count == seen.count


def test_a_choice_is_numbered_as_in_the_whole_work():
    part = Part([3, 5, 9], by_history=False)
    choices = [Choice(2, 0, 7, b"z"), Choice(1, None)]
    assert list(search_parts._in_work(choices, part)) == [Choice(9, 3, 7, b"z"), Choice(5, None)]
