"""A plan is a file: saved, loaded, edited by hand, and the same plan writes the same bytes."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from packcore.errors import CorruptData, InvalidPlan, MissingObject, PackcoreError, PluginError
from packcore.ids import SHA1, SHA256
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.plans.bind import bind_plan
from packcore.plans.entries import Delta, Reused
from packcore.plans.file import SavedPlan
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.store.memory import MemoryStore
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.walk import list_objects
from tests.pack_stores import LyingInPack, make_history


@pytest.fixture(scope="module", params=[SHA1, SHA256], ids=["sha1", "sha256"])
def history(request):
    store, tip = make_history(commits=20, object_format=request.param)
    return store, list_objects(store, [tip])


@pytest.fixture
def texts():
    """A store of three similar blobs, and the lines of a plan that chains them: head, root, two deltas."""
    store = MemoryStore(SHA1)
    ids = [store.add(ObjectType.BLOB, b"the same line\n" * 20 + b"%d\n" % n) for n in range(3)]
    rows = [{"oid": ids[0].hex(), "type": "blob", "size": 282, "as": "whole"}]
    rows += [
        {"oid": child.hex(), "type": "blob", "size": 282, "as": "delta", "base": base.hex()}
        for base, child in itertools.pairwise(ids)
    ]
    head = {
        "packcorePlan": 1,
        "objectFormat": "sha1",
        "strategy": "chunk-window",
        "depth": 50,
        "compression": 6,
        "objects": 3,
    }
    return store, [head, *rows]


def written(lines) -> list[bytes]:
    return [json.dumps(line).encode() + b"\n" for line in lines]


def pack_of(plan) -> bytes:
    return b"".join(write_pack(plan))


@pytest.mark.parametrize("strategy", ["chunk-window", "none", "reuse", "git-window"])
def test_a_plan_that_is_saved_and_loaded_writes_the_same_bytes(history, strategy):
    store, objects = history
    plan = select(store, objects, strategy=strategy)
    loaded = bind_plan(SavedPlan.read(SavedPlan.of(plan).lines()), store)
    assert pack_of(loaded) == pack_of(plan)
    assert (loaded.delta_count, loaded.strategy) == (plan.delta_count, strategy)


def test_other_limits_are_saved_with_the_plan(history):
    store, objects = history
    plan = select(store, objects, limits=Limits(depth=3, compression=1))
    loaded = bind_plan(SavedPlan.read(SavedPlan.of(plan).lines()), store)
    assert pack_of(loaded) == pack_of(plan)
    assert (loaded.limits.depth, loaded.limits.compression) == (3, 1)


def test_reused_entries_are_found_in_their_pack_again(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))
    plan = select(packed, objects)
    saved = SavedPlan.of(plan)
    assert {row.pack for row in saved.rows if row.way == "reused"} == {"pack-test"}
    assert pack_of(bind_plan(SavedPlan.read(saved.lines()), packed)) == pack_of(plan)


def test_of_several_packs_the_one_that_the_plan_names_is_copied_from(history, tmp_path):
    store, objects = history
    with Repository.init(tmp_path / "r.git", store.object_format) as repository:
        installed = {}
        for depth in (0, 50):
            blocks = write_pack(select(store, objects, limits=Limits(depth=depth)))
            with SpooledPack.receive(blocks, object_format=store.object_format) as spool:
                installed[depth] = repository.add_pack(spool)
        assert None not in installed.values()
        other = SavedPlan.of(select(store, objects, strategy="none"))
        # Whichever pack the repository would take by itself, only this one holds everything whole.
        named = Path(str(installed[0])).name
        rows = tuple(row._replace(way="reused", pack=named) for row in other.rows)
        plan = bind_plan(replace(other, rows=rows), repository)
        copied = {Path(e.encoding.raw.pack.name).name for e in plan.entries if isinstance(e.encoding, Reused)}
        assert copied == {named}
        assert plan.reused_count == plan.object_count
        assert pack_of(plan)


def test_a_reused_entry_whose_pack_is_gone_is_refused_with_its_line(history):
    store, objects = history
    saved = SavedPlan.of(select(LyingInPack(select(store, objects)), objects))
    with pytest.raises(InvalidPlan, match=r"line 2: .* is not in pack-test"):
        bind_plan(saved, store)


def test_thin_plans_are_saved_too(history):
    store, objects = history
    old = [candidate for candidate in objects if candidate.type == ObjectType.BLOB][20:]
    plan = select(store, [o for o in objects if o not in old], thin_bases=old)
    saved = SavedPlan.read(SavedPlan.of(plan).lines())
    assert saved.is_thin
    assert pack_of(bind_plan(saved, store)) == pack_of(plan)


def test_equal_plans_make_equal_files_which_name_no_folder(history):
    store, objects = history
    files = {b"".join(SavedPlan.of(select(store, objects)).lines()) for _ in range(2)}
    assert len(files) == 1


def test_a_base_changed_by_hand_is_the_base_that_is_written(texts):
    store, lines = texts
    lines[3]["base"] = lines[1]["oid"]
    plan = bind_plan(SavedPlan.read(written(lines)), store)
    assert isinstance(plan.entries[2].encoding, Delta)
    assert plan.entries[2].encoding.base_index == 0
    assert pack_of(plan)


def test_blank_lines_are_left_out(texts):
    store, lines = texts
    assert bind_plan(SavedPlan.read([b"\n", *written(lines), b"  \n"]), store).object_count == 3


def test_deltas_beyond_the_cache_are_made_again_while_writing(texts):
    store, lines = texts
    saved = SavedPlan.read(written(lines))
    assert pack_of(bind_plan(saved, store, limits=Limits(delta_cache=0))) == pack_of(bind_plan(saved, store))


ZERO = "0" * 40


@pytest.mark.parametrize(
    ("line", "change", "error", "words"),
    [
        (3, {"base": None}, CorruptData, "line 3: only .* entries have a base"),
        (2, {"base": ZERO}, CorruptData, "line 2: only .* entries have a base"),
        (3, {"base": "abc"}, CorruptData, "line 3: base is not a sha1 id"),
        (3, {"as": "guess"}, CorruptData, 'line 3: "as" must be one of'),
        (3, {"type": "file"}, CorruptData, "line 3: type must be one of"),
        (3, {"type": ["blob"]}, CorruptData, "line 3: type must be one of"),
        (3, {"size": -1}, CorruptData, "line 3: size must be"),
        (3, {"size": True}, CorruptData, "line 3: size must be"),
        (3, {"oid": 7}, CorruptData, "line 3: oid is not a sha1 id"),
        (
            3,
            {"pack": "x"},
            CorruptData,
            'line 3: each "reused" entry names its pack',
        ),
        (
            3,
            {"as": "reused"},
            CorruptData,
            'line 3: each "reused" entry names its pack',
        ),
        (3, {"note": "x"}, CorruptData, "line 3: unknown field 'note'"),
        (1, {"packcorePlan": 2}, CorruptData, "line 1: this is not a plan"),
        (1, {"objectFormat": "md5"}, CorruptData, "line 1: objectFormat must be"),
        (1, {"strategy": "a\nb"}, CorruptData, "line 1: strategy must be a name"),
        (1, {"depth": 9999}, CorruptData, "line 1: depth must be"),
        (1, {"objects": 4}, CorruptData, "announces 4 objects, and 3 follow"),
        (3, {"base": ZERO}, InvalidPlan, "line 3: .* not in the plan"),
        (1, {"depth": 1}, InvalidPlan, "line 4: .* at depth 2, more than 1"),
        (2, {"type": "tree"}, InvalidPlan, "line 3: .* is a blob, and its base a tree"),
        (3, {"size": 5}, InvalidPlan, "line 3: .* is a blob of 282 bytes"),
        (3, {"deltaSize": 3}, InvalidPlan, "line 3: .* makes a delta of"),
        (2, {"oid": ZERO}, InvalidPlan, "line 3: .* not in the plan"),
        (1, {"strategy": "no-such"}, PluginError, "no-such"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused_with_the_line(texts, line, change, error, words):
    store, lines = texts
    lines[line - 1].update(change)
    with pytest.raises(error, match=words):
        bind_plan(SavedPlan.read(written(lines), "x.plan"), store)


def test_a_cycle_is_refused_since_some_base_comes_late(texts):
    _store, lines = texts
    lines[1].update({"as": "delta", "base": lines[3]["oid"]})
    with pytest.raises(InvalidPlan, match=r"line 2: .* comes on line 4, not before it"):
        SavedPlan.read(written(lines))


def test_an_object_that_comes_twice_is_refused(texts):
    _, lines = texts
    lines[3] = lines[1]
    with pytest.raises(InvalidPlan, match=r"line 4: .* was there before, on line 2"):
        SavedPlan.read(written(lines))


def test_a_thin_base_that_is_in_the_pack_is_refused(texts):
    _, lines = texts
    lines[2]["as"] = "thin"
    with pytest.raises(InvalidPlan, match=r"line 3: .* is thin, but its base is in the pack, on line 2"):
        SavedPlan.read(written(lines))


def test_an_object_that_the_store_lacks_is_missing_with_its_line(texts):
    store, lines = texts
    lines[1]["oid"] = ZERO
    lines[2]["base"] = ZERO
    with pytest.raises(MissingObject, match="line 2"):
        bind_plan(SavedPlan.read(written(lines)), store)


def test_objects_too_big_for_a_delta_are_refused(texts):
    store, lines = texts
    with pytest.raises(InvalidPlan, match=r"line 3: .* too big for a delta"):
        bind_plan(SavedPlan.read(written(lines)), store, limits=Limits(big_object=282))


def test_a_plan_of_another_object_format_is_refused(texts):
    _, lines = texts
    with pytest.raises(InvalidPlan, match="sha1 objects, not of sha256"):
        bind_plan(SavedPlan.read(written(lines)), MemoryStore(SHA256))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"PACK\0\0",
        b"[1]\n",
        b'"x"\n',
        b"{" * 100_000,
        b"[" * 9000,
        b"\xff\xfe\n",
        b'{"packcorePlan": 1}\n',
    ],
)
def test_a_file_that_is_not_a_plan_is_refused(data):
    with pytest.raises(CorruptData):
        SavedPlan.read(data.splitlines(keepends=True))


def test_any_truncated_plan_is_refused_or_the_whole(texts):
    _, lines = texts
    data = b"".join(written(lines))
    for end in range(len(data) - 2):
        with pytest.raises(PackcoreError):
            SavedPlan.read(data[:end].splitlines(keepends=True))
