"""What every delta selection strategy must keep, those of other distributions included."""

import random

import pytest

from packcore.delta.codec import apply_delta
from packcore.errors import PackcoreError
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.entries import Delta
from packcore.plans.plan import PackPlan
from packcore.plans.write import write_pack
from packcore.search.registry import strategies
from packcore.search.select import select
from packcore.walk import list_objects
from tests.pack_stores import LyingInPack, edit, make_history, make_text

HISTORIES = {
    name: make_history(seed=seed, commits=30, object_format=object_format)
    for name, seed, object_format in (("sha1", 11, SHA1), ("sha256", 12, SHA256))
}


@pytest.fixture(params=sorted(strategies()))
def strategy(request):
    return strategies()[request.param]


@pytest.fixture(params=sorted(HISTORIES))
def history(request):
    store, tip = HISTORIES[request.param]
    return store, list_objects(store, [tip])


def restore(plan: PackPlan) -> dict[ObjectId, bytes]:
    """Make every object from the plan's deltas, and return id -> bytes."""
    data: list[bytes] = []
    for entry in plan.entries:
        whole = plan.store.read(entry.oid).data
        if isinstance(entry.encoding, Delta):
            base = plan.entries[entry.encoding.base_index]
            delta = plan.make_delta(
                entry.type, data[entry.encoding.base_index], whole, plan.object_format.digest_size
            )
            assert len(delta) == entry.encoding.delta_size
            assert base.type == entry.type
            whole = apply_delta(data[entry.encoding.base_index], delta)
        data.append(whole)
    return {entry.oid: content for entry, content in zip(plan.entries, data, strict=True)}


def test_it_says_what_it_is(strategy):
    assert strategy.name == strategy.name.lower().replace("_", "-")
    assert "\n" not in strategy.description
    assert len(strategy.description) < 100
    assert strategy.cites
    assert len({parameter.name for parameter in strategy.parameters}) == len(strategy.parameters)


def test_its_parameters_are_keywords_with_defaults(strategy):
    strategy(**{parameter.name: parameter.default for parameter in strategy.parameters})
    with pytest.raises((TypeError, PackcoreError)):
        strategy(no_such_parameter=1)


def test_its_plans_are_complete_and_give_every_object(strategy, history):
    store, objects = history
    restored = restore(select(store, objects, strategy=strategy()))
    assert restored == {candidate.oid: store.read(candidate.oid).data for candidate in objects}


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_it_keeps_the_depth_limit_with_reused_deltas_too(strategy, history, depth):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    # PackPlan refuses to be made otherwise.
    assert select(packed, objects, strategy=strategy(), limits=Limits(depth=depth)).object_count == len(
        objects
    )


def test_the_same_input_gives_the_same_bytes(strategy, history):
    first, second = (b"".join(write_pack(select(*history, strategy=strategy()))) for _ in range(2))
    assert first == second


def test_a_plan_without_delta_cache_gives_the_same_bytes(strategy, history):
    plans = [
        select(*history, strategy=strategy(), limits=Limits(delta_cache=cache)) for cache in (0, 1 << 30)
    ]
    first, second = (b"".join(write_pack(plan)) for plan in plans)
    assert first == second


def test_little_window_memory_is_enough(strategy, history):
    assert select(*history, strategy=strategy(), limits=Limits(window_memory=1)).object_count == len(
        history[1]
    )


def test_objects_without_paths_are_packed(strategy, history):
    store, objects = history
    nameless = [candidate._replace(where=b"") for candidate in objects]
    assert select(store, nameless, strategy=strategy()).object_count == len(objects)


@pytest.mark.parametrize("object_type", list(ObjectType))
def test_its_deltas_give_the_target(strategy, object_type):
    rng = random.Random(1)
    before = make_text(rng, 60)
    base, target = b"".join(before), b"".join(edit(rng, before))
    for one, other in ((base, target), (target, base), (b"", target), (base, b""), (b"", b"")):
        assert apply_delta(one, strategy.make_delta(object_type, one, other, 20)) == other
