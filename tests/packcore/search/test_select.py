"""Phase 1: whatever the strategy and the source's packs, the plan is legal and complete."""

import os
import random
import subprocess
import sys
from dataclasses import replace

import pytest

from packcore.delta.make import make_delta
from packcore.errors import CorruptObject, InvalidPlan, MissingObject, PluginError
from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.entries import Candidate, Delta, Reused, ThinDelta, Whole
from packcore.plans.plan import PackPlan
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.search.strategies.chunk_window import ChunkWindow
from packcore.search.strategies.none import NoDeltas
from packcore.search.strategy import Choice
from packcore.store.memory import MemoryStore
from packcore.store.spool import SpooledPack
from packcore.walk import list_objects
from tests.pack_stores import LyingInPack, Unreadable, candidates_of, make_history
from tests.support import ROOT, run_git


@pytest.fixture(scope="module")
def history():
    store, tip = make_history()
    return store, list_objects(store, [tip])


def depths(plan: PackPlan) -> list[int]:
    found: list[int] = []
    for entry in plan.entries:
        base = getattr(entry.encoding, "base_index", None)
        found.append(0 if base is None else found[base] + 1)
    return found


def test_the_plan_holds_every_object_once(history):
    store, objects = history
    plan = select(store, objects)
    assert sorted(entry.oid for entry in plan.entries) == sorted(candidate.oid for candidate in objects)
    assert plan.delta_count > len(objects) / 2


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 7, 50])
def test_no_chain_is_deeper_than_the_limit(history, depth):
    store, objects = history
    assert max(depths(select(store, objects, limits=Limits(depth=depth)))) <= depth


def test_deltas_in_a_pack_are_reused_as_they_are(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    plan = select(packed, objects)
    assert plan.delta_count >= select(store, objects).delta_count
    assert plan.reused_count > len(objects) * 0.8


def test_a_reused_delta_comes_behind_its_base(history):
    store, objects = history
    plan = select(LyingInPack(select(store, objects)), objects, strategy="reuse")
    assert all(
        entry.encoding.base_index < index
        for index, entry in enumerate(plan.entries)
        if isinstance(entry.encoding, Reused) and entry.encoding.base_index is not None
    )


def test_a_delta_is_not_reused_when_its_base_is_not_sent(history):
    store, objects = history
    first = select(store, objects)
    packed = LyingInPack(first)
    based = next(entry for entry in first.entries if isinstance(entry.encoding, Delta))
    plan = select(packed, [c for c in objects if c.oid == based.oid])
    assert isinstance(plan.entries[0].encoding, Whole)


def test_reused_chains_deeper_than_the_limit_are_cut(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    plan = select(packed, objects, limits=Limits(depth=3))
    assert max(depths(plan)) <= 3
    assert plan.reused_count > 0


def test_a_ring_of_deltas_across_two_packs_is_broken(history):
    store = MemoryStore(SHA1)
    a = store.add(ObjectType.BLOB, b"line\n" * 50 + b"a")
    b = store.add(ObjectType.BLOB, b"line\n" * 50 + b"b")
    one, two = candidates_of(store)
    ab = LyingInPack(select(store, [one, two]))
    ba = LyingInPack(select(store, [two, one]))
    ab.raws = {a: ba.raws[a], b: ab.raws[b]}
    assert (ab.raws[a].base, ab.raws[b].base) == (b, a)
    plan = select(ab, [one, two])
    assert depths(plan) == [0, 1]


def test_nothing_is_reused_as_a_delta_when_that_is_switched_off(history):
    store, objects = history
    plan = select(LyingInPack(select(store, objects)), objects, reuse_deltas=False)
    assert not any(isinstance(entry.encoding, Reused) and entry.encoding.raw.base for entry in plan.entries)


def test_big_objects_are_not_searched_nor_read():
    store = MemoryStore(SHA1)
    for number in range(3):
        store.add(ObjectType.BLOB, b"same line\n" * 100 + b"%d" % number)
    plan = select(
        Unreadable(store),
        [Candidate(o, ObjectType.BLOB, 1001, b"f", n) for n, o in enumerate(store)],
        limits=Limits(big_object=1000),
    )
    assert [entry.encoding for entry in plan.entries] == [Whole()] * 3


def test_the_plan_carries_no_more_deltas_than_the_cache_may_hold(history):
    store, objects = history
    plan = select(store, objects, limits=Limits(delta_cache=1000))
    assert 0 < sum(len(getattr(entry.encoding, "deflated", None) or b"") for entry in plan.entries) <= 1000


@pytest.mark.parametrize("strategy", ["chunk-window", "none", "reuse"])
def test_a_plan_without_delta_cache_writes_the_same_bytes(history, strategy):
    store, objects = history
    plans = [
        select(store, objects, strategy=strategy, limits=Limits(delta_cache=size)) for size in (0, 10**8)
    ]
    first, second = (b"".join(write_pack(plan)) for plan in plans)
    assert first == second


def test_thin_bases_are_used_and_never_written(history):
    store, objects = history
    old = [candidate for candidate in objects if candidate.type == ObjectType.BLOB][40:]
    new = [candidate for candidate in objects if candidate not in old]
    plan = select(store, new, thin_bases=old)
    assert {entry.oid for entry in plan.entries} == {candidate.oid for candidate in new}
    assert any(isinstance(entry.encoding, ThinDelta) for entry in plan.entries)


def test_thin_deltas_are_reused_when_the_receiver_has_the_base(history):
    store, objects = history
    first = select(store, objects)
    based = next(entry for entry in first.entries if isinstance(entry.encoding, Delta))
    assert isinstance(based.encoding, Delta)
    base_oid = first.entries[based.encoding.base_index].oid
    of = {candidate.oid: candidate for candidate in objects}
    plan = select(LyingInPack(first), [of[based.oid]], thin_bases=[of[base_oid]])
    encoding = plan.entries[0].encoding
    assert isinstance(encoding, Reused)
    assert encoding.raw.base == base_oid
    assert plan.delta_count == plan.reused_count == 1


def test_a_missing_object_is_an_error(history):
    store, objects = history
    gone = Candidate(SHA1.zero, ObjectType.BLOB, 3, b"gone", len(objects))
    with pytest.raises(MissingObject):
        select(store, [*objects, gone])


def test_an_object_of_another_size_than_announced_is_an_error(history):
    store, objects = history
    with pytest.raises(CorruptObject, match="announced"):
        select(store, [objects[0]._replace(size=3), *objects[1:]])


def test_an_object_listed_twice_is_an_error(history):
    store, objects = history
    with pytest.raises(InvalidPlan):
        select(store, [objects[0], objects[0]])


def test_an_unknown_strategy_is_named_in_the_error(history):
    with pytest.raises(PluginError, match="no-such"):
        select(*history, strategy="no-such")


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param([Choice(0, None)], id="forgets an object"),
        pytest.param([Choice(0, None), Choice(0, None)], id="chooses twice"),
        pytest.param([Choice(0, 1, 5), Choice(1, None)], id="puts a delta before its base"),
        pytest.param([Choice(0, 0, 5), Choice(1, None)], id="takes an object as its own base"),
        pytest.param([Choice(0, None), Choice(1, -1, 5)], id="takes a negative base"),
        pytest.param([Choice(0, None), Choice(1, 77, 5)], id="takes a base that is not there"),
        pytest.param([Choice(0, None), Choice(9, None)], id="chooses for what it was not given"),
    ],
)
def test_a_strategy_that_breaks_the_rules_makes_no_plan(choices):
    class Wrong(NoDeltas):
        def choose(self, work):
            yield from choices

    store = MemoryStore(SHA1)
    for data in (b"one", b"two"):
        store.add(ObjectType.BLOB, data)
    with pytest.raises(InvalidPlan):
        select(store, candidates_of(store), strategy=Wrong())


class OnTheFirst(NoDeltas):
    """Gives each object the one thin base that there is, or else the first object."""

    def choose(self, work):
        thin = work.plan_count < len(work.candidates)
        for index in work.searched:
            base = work.plan_count if thin else 0 if index else None
            size = (
                0 if base is None else len(make_delta(ObjectType.BLOB, work.read(base), work.read(index), 20))
            )
            yield Choice(index, base, size)


@pytest.mark.parametrize("thin", [False, True])
def test_a_strategy_cannot_take_a_base_of_another_type(thin: bool):
    store = MemoryStore(SHA1)
    store.add(ObjectType.TREE, b"")
    store.add(ObjectType.BLOB, b"a blob that would come out as a tree")
    tree, blob = candidates_of(store)
    objects, bases = ([blob], [tree]) if thin else ([tree, blob], [])
    with pytest.raises(InvalidPlan, match="another type"):
        select(store, objects, strategy=OnTheFirst(), thin_bases=bases)


def test_a_thin_base_that_is_announced_as_another_type_makes_no_plan():
    store = MemoryStore(SHA1)
    store.add(ObjectType.TREE, b"")
    store.add(ObjectType.BLOB, b"a blob that would come out as a tree")
    tree, blob = candidates_of(store)
    lie = tree._replace(type=ObjectType.BLOB)
    with pytest.raises((InvalidPlan, CorruptObject), match="another type"):
        select(store, [blob], strategy=Untouched(), thin_bases=[lie])


class Untouched(NoDeltas):
    """Takes the thin base without a look at it."""

    def choose(self, work):
        for index in work.searched:
            yield Choice(index, work.plan_count, 40)


def test_an_empty_object_as_a_delta_is_written_as_git_reads_it(tmp_path):
    store = MemoryStore(SHA1)
    oids = [store.add(ObjectType.BLOB, text) for text in (b"a base for nothing", b"")]
    pack = b"".join(write_pack(select(store, candidates_of(store), strategy=OnTheFirst())))
    run_git("init", "-q", "--bare", str(tmp_path))
    assert run_git("index-pack", "--stdin", cwd=tmp_path, stdin=pack).returncode == 0
    assert run_git("cat-file", "blob", oids[1].hex(), cwd=tmp_path).stdout == b""


def test_a_strategy_cannot_exceed_the_depth():
    class Chain(NoDeltas):
        def choose(self, work):
            for index in work.searched:
                yield Choice(index, index - 1 if index else None, 5)

    store = MemoryStore(SHA1)
    for number in range(5):
        store.add(ObjectType.BLOB, b"%d" % number)
    with pytest.raises(InvalidPlan, match="depth 3"):
        select(store, candidates_of(store), strategy=Chain(), limits=Limits(depth=2))


def test_progress_counts_each_object_once(history):
    class Seen:
        count = 0
        notes: dict[str, int] = {}

        def phase(self, name, *, unit, total=None):
            assert (name, unit, total) == ("selecting deltas", "objects", len(history[1]))
            return self

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            return None

        def message(self, origin, text):
            raise AssertionError

        def total(self, count):
            raise AssertionError

        def advance(self, count=1):
            self.count += count

        def note(self, **counts):
            self.notes = counts

    seen = Seen()
    plan = select(*history, progress=seen)
    assert seen.count == len(plan.entries)
    assert seen.notes == {"deltas": plan.delta_count}


def test_the_same_input_gives_the_same_plan_in_any_process(history):
    script = (
        "import hashlib; from tests.pack_stores import make_history; from packcore.walk import list_objects\n"
        "from packcore.search.select import select; from packcore.plans.write import write_pack\n"
        "store, tip = make_history()\n"
        "print(hashlib.sha1(b''.join(write_pack(select(store, list_objects(store, [tip]))))).hexdigest())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(printed) == 1


def test_an_empty_list_makes_an_empty_plan():
    assert select(MemoryStore(SHA1), []).object_count == 0


def test_limits_are_kept_in_the_plan(history):
    limits = replace(Limits(), depth=9)
    assert select(*history, limits=limits).limits is limits


def stopping_after(calls: int):
    left = [calls]

    def should_stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return should_stop


@pytest.mark.parametrize("calls", [0, 1, 7, 30, 60, 90])
@pytest.mark.parametrize("strategy", ["chunk-window", "git-window"])
def test_a_search_that_is_stopped_gives_a_whole_plan_of_what_it_had(history, strategy, calls):
    store, objects = history
    plan = select(store, objects, strategy=strategy, should_stop=stopping_after(calls))
    assert sorted(entry.oid for entry in plan.entries) == sorted(candidate.oid for candidate in objects)
    assert 0 < plan.unsearched_count <= len(objects)
    assert not plan.complete
    with SpooledPack.receive(write_pack(plan), object_format=SHA1) as spool:
        assert {oid: spool.read(oid) for oid in spool} == {c.oid: store.read(c.oid) for c in objects}


def test_a_search_that_is_over_before_its_time_is_complete(history):
    plan = select(*history, should_stop=lambda: False)
    assert plan.complete
    assert plan == select(*history)


def test_objects_left_by_a_stopped_search_are_copied_as_they_are(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    plan = select(packed, objects, reuse_deltas=False, should_stop=lambda: True)
    assert plan.unsearched_count == len(objects)
    assert plan.reused_count > len(objects) * 0.8
    assert plan.delta_count > len(objects) / 2
    assert max(depths(plan)) <= plan.limits.depth


@pytest.mark.parametrize("calls", range(0, 300, 31))
@pytest.mark.parametrize("depth", [1, 3, 50])
def test_a_search_stopped_anywhere_over_any_pack_keeps_the_rules(history, calls, depth):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    for reuse in (False, True):
        plan = select(
            packed,
            objects[calls // 4 :],
            thin_bases=objects[: calls // 4],
            reuse_deltas=reuse,
            limits=Limits(depth=depth),
            should_stop=stopping_after(calls),
        )
        assert plan.object_count == len(objects) - calls // 4
        assert max(depths(plan)) <= depth


def test_a_stopped_search_is_reported_with_the_phase(history):
    notes: dict[str, int] = {}

    class Seen:
        def __enter__(self):
            return self

        def __exit__(self, *exc):
            return None

        def phase(self, name, *, unit, total=None):
            return self

        def advance(self, count=1):
            pass

        def note(self, **counts):
            notes.update(counts)

        def message(self, origin, text):
            pass

    plan = select(*history, should_stop=stopping_after(100), progress=Seen())
    assert notes == {"deltas": plan.delta_count, "unsearched": plan.unsearched_count}


def test_a_version_from_another_branch_hangs_on_the_one_of_its_size():
    rng = random.Random(3)
    branches = [[b"%d\n" % rng.getrandbits(200) for _ in range(count)] for count in (100, 150)]
    store, objects = MemoryStore(SHA1), []
    for order in range(20):
        lines = branches[order % 2]
        lines[rng.randrange(len(lines))] = b"%d\n" % rng.getrandbits(200)
        data = b"".join(lines)
        objects.append(Candidate(store.add(ObjectType.BLOB, data), ObjectType.BLOB, len(data), b"a", order))

    def pack_bytes(near: int) -> int:
        plan = select(store, objects, strategy=ChunkWindow(voted=0, near=near))
        return sum(map(len, write_pack(plan)))

    assert pack_bytes(1) * 3 < pack_bytes(0)
