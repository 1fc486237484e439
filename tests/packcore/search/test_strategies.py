"""What each strategy finds and what it can't find, and the bound that the oracle sets."""

import random
from functools import cache

import pytest

from packcore.deflate import deflate
from packcore.errors import LimitExceeded, PluginError
from packcore.ids import SHA1, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.pack.format import encode_entry_header
from packcore.plans.entries import Candidate, Delta, ThinDelta, Whole
from packcore.plans.plan import PackPlan
from packcore.plans.write import write_pack
from packcore.search.engine_strategy import EngineStrategy
from packcore.search.registry import get_strategy, strategies
from packcore.search.select import select
from packcore.store.memory import MemoryStore
from packcore.walk import list_objects
from tests.pack_stores import edit, make_history, make_text

ENGINE_STRATEGIES = sorted(name for name, kind in strategies().items() if issubclass(kind, EngineStrategy))
SEARCHING = ("chunk-window", "git-window", "name-hash-v2", "path-walk", "superfeature", "union")


DEFAULT_LIMITS = Limits()


class Files:
    """Blobs to pack, each with the path at which the walk met it, newest first."""

    def __init__(self) -> None:
        self.store = MemoryStore(SHA1)
        self.candidates: list[Candidate] = []

    def add(self, path: str, data: bytes) -> ObjectId:
        oid = self.store.add(ObjectType.BLOB, data)
        order = len(self.candidates)
        self.candidates.append(Candidate(oid, ObjectType.BLOB, len(data), path.encode(), order))
        return oid

    def bases(
        self, strategy: str, limits: Limits = DEFAULT_LIMITS, **parameters: int
    ) -> dict[ObjectId, ObjectId]:
        """Return which object is a delta of which."""
        plan = select(
            self.store, self.candidates, strategy=get_strategy(strategy)(**parameters), limits=limits
        )
        return {
            entry.oid: plan.entries[entry.encoding.base_index].oid
            for entry in plan.entries
            if isinstance(entry.encoding, Delta)
        }


def pack_bytes(plan: PackPlan) -> int:
    return sum(len(block) for block in write_pack(plan))


def entry_bytes(plan: PackPlan) -> int:
    """Return what the streams of a plan take, and two bytes for each base: what the oracle minimises."""
    total = 0
    for entry in plan.entries:
        assert isinstance(entry.encoding, Whole | Delta)
        is_delta = isinstance(entry.encoding, Delta)
        size = entry.encoding.delta_size if isinstance(entry.encoding, Delta) else entry.size
        header = len(encode_entry_header(entry.type, size))
        stream = entry.encoding.deflated or deflate(plan.store.read(entry.oid).data)
        total += header + len(stream) + 2 * is_delta
    return total


def noise(seed: int, lines: int = 60) -> bytes:
    return b"".join(make_text(random.Random(seed), lines))


# --- parameters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINE_STRATEGIES)
def test_an_unknown_parameter_is_named_in_the_error(name):
    with pytest.raises(PluginError, match=f"strategy {name} has no parameter 'colour'"):
        get_strategy(name)(colour=1)


@pytest.mark.parametrize("name", ENGINE_STRATEGIES)
def test_no_parameter_may_be_negative(name):
    for parameter in get_strategy(name).parameters:
        with pytest.raises(PluginError, match="can't be -1"):
            get_strategy(name)(**{parameter.name: -1})


def test_path_walk_knows_two_name_hashes():
    with pytest.raises(PluginError, match="there is no name_hash 3"):
        get_strategy("path-walk")(name_hash=3)


# --- what each finds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEARCHING)
def test_an_older_version_of_a_file_becomes_a_delta(name):
    files = Files()
    lines = make_text(random.Random(1), 60)
    new = files.add("src/a.py", b"".join(lines))
    old = files.add("src/a.py", b"".join(lines[:-3]))
    assert files.bases(name) == {old: new}


def crowded(strategy: str) -> tuple[dict[ObjectId, ObjectId], ObjectId, ObjectId]:
    """Pack two versions of a file, and twenty of its name in other folders whose sizes lie between."""
    files = Files()
    lines = make_text(random.Random(1), 60)
    new = files.add("net/src/compression/mod.rs", b"".join(lines))
    old = files.add("net/src/compression/mod.rs", b"".join(lines[:-6]))
    size = len(b"".join(lines[:-3]))
    for number in range(20):
        files.add(f"crate{number}/src/compression/mod.rs", noise(100 + number, 90)[:size])
    return files.bases(strategy, Limits(window=10)), new, old


@pytest.mark.parametrize("name", ["name-hash-v2", "path-walk", "superfeature", "union", "chunk-window"])
def test_a_crowd_of_the_same_name_does_not_part_versions(name):
    bases, new, old = crowded(name)
    assert bases.get(old) == new


def test_in_git_window_a_crowd_of_the_same_name_parts_versions():
    bases, _, old = crowded("git-window")
    assert old not in bases


def renamed(strategy: str) -> tuple[dict[ObjectId, ObjectId], ObjectId, ObjectId]:
    """Pack a file that moved and changed its name, among twenty others of like size."""
    files = Files()
    lines = make_text(random.Random(1), 60)
    new = files.add("docs/zebra.txt", b"".join(lines))
    old = files.add("src/aardvark.c", b"".join(lines[:-6]))
    size = len(b"".join(lines[:-3]))
    for number in range(40):
        files.add(f"lib/m{number:02d}.py", noise(100 + number, 90)[: size + number])
    return files.bases(strategy), new, old


@pytest.mark.parametrize("name", ["superfeature", "union", "chunk-window"])
def test_resemblance_finds_a_file_under_another_name(name):
    bases, new, old = renamed(name)
    assert bases in ({old: new}, {new: old})


@pytest.mark.parametrize("name", ["git-window", "name-hash-v2", "path-walk"])
def test_order_by_name_does_not_find_a_file_under_another_name(name):
    assert renamed(name)[0] == {}


def test_without_names_only_size_brings_versions_together():
    files = Files()
    versions = {}
    for number in range(12):
        lines = make_text(random.Random(number), 60)
        for version in range(3):
            oid = files.add(f"file{number:02d}.txt", b"".join(lines)[: 2000 - 40 * version])
            versions[oid] = number
    with_names, without = (files.bases("git-window", Limits(window=4), names=names) for names in (1, 0))
    assert len(with_names) == 24
    assert len(without) < 12
    assert all(versions[target] == versions[base] for target, base in with_names.items())


def test_by_go_gits_limits_the_last_base_wins_and_not_the_best():
    files = Files()
    lines = make_text(random.Random(1), 100)
    last = files.add("a", b"".join([*lines[:60], *make_text(random.Random(9), 42)]))
    close = files.add("a", b"".join(lines))
    target = files.add("a", b"".join(lines[:99]))
    assert files.candidates[0].size > files.candidates[1].size
    assert files.bases("git-window")[target] == close
    assert files.bases("git-window", go_git=1)[target] == last


def test_a_chosen_base_stays_in_the_window():
    files = Files()
    lines = make_text(random.Random(1), 80)
    hub = files.add("f", b"".join(lines))
    targets = []
    for number in range(8):
        # Alike to the hub, and to one another less; nothing else in a window of two would do.
        own = [*lines[: 78 - 9 * number], *make_text(random.Random(50 + number), 1)]
        targets.append(files.add("f", b"".join(own)))
    bases = files.bases("git-window", Limits(window=2))
    assert set(bases) == set(targets)
    assert list(bases.values()).count(hub) > 2


def test_objects_below_fifty_bytes_are_whole_to_window_strategies():
    files = Files()
    files.add("f", b"x" * 48)
    files.add("f", b"x" * 47)
    assert files.bases("git-window") == {}


# --- the oracle ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def history():
    store, tip = make_history(seed=5, commits=25)
    return store, list_objects(store, [tip])


@pytest.fixture(scope="module")
def entry_bytes_of_oracle(history):
    """Return a function of a depth limit: the oracle takes longest, and many are compared with it."""

    @cache
    def found(depth: int) -> int:
        return entry_bytes(select(*history, strategy="oracle", limits=Limits(depth=depth)))

    return found


@pytest.mark.parametrize("name", sorted(set(strategies()) - {"oracle"}))
def test_no_strategy_makes_a_smaller_pack_than_the_oracle(name, history):
    best, other = (select(*history, strategy=strategy, reuse_deltas=False) for strategy in ("oracle", name))
    assert entry_bytes(best) <= entry_bytes(other)
    assert pack_bytes(best) <= pack_bytes(other)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", SEARCHING)
def test_with_a_tight_depth_limit_the_oracle_is_worse_by_two_hundredths_at_most(
    name, depth, history, entry_bytes_of_oracle
):
    """Only without a limit that binds is it the bound: subtrees are moved greedily to keep it."""
    other = select(*history, strategy=name, limits=Limits(depth=depth))
    assert entry_bytes_of_oracle(depth) <= 1.02 * entry_bytes(other)


def test_the_oracle_refuses_more_objects_than_it_was_given():
    files = Files()
    for number in range(5):
        files.add("f", noise(number))
    assert files.bases("oracle", objects=5) == {}
    with pytest.raises(LimitExceeded, match="5 objects are more than 4") as caught:
        files.bases("oracle", objects=4)
    assert caught.value.limit == "objects"


def test_the_oracle_takes_what_the_receiver_has_as_a_base():
    files = Files()
    lines = make_text(random.Random(1), 60)
    files.add("f", b"".join(lines))
    files.add("f", b"".join(edit(random.Random(2), lines)))
    ours, theirs = files.candidates
    plan = select(files.store, [ours], strategy="oracle", thin_bases=[theirs])
    assert isinstance(plan.entries[0].encoding, ThinDelta)
    limits = Limits(depth=0)
    plan = select(files.store, [ours], strategy="oracle", thin_bases=[theirs], limits=limits)
    assert isinstance(plan.entries[0].encoding, Whole)
