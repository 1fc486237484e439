"""Readers of many objects at once: walks, conversion, verifying, a store's bulk questions, the report."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from cli.render.report.embed import chosen
from cli.render.report.page import page_blocks
from cli.render.report.summary import summary_json, summary_of
from packcore.anatomy.survey import survey_pack
from packcore.ancestry import is_ancestor, list_commits, peel
from packcore.convert.translation import translate
from packcore.ids import SHA1, SHA256
from packcore.limits import KIB, Limits
from packcore.objects import ObjectType
from packcore.pack.verify import verify_pack as verify
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.store.memory import MemoryStore
from packcore.store.packed import PackedStore
from packcore.walk import list_objects
from tests.fuzz import samples
from tests.fuzz.shapes import PACK, PACK_PAIR, Shape, join_pair, split_pair
from tests.fuzz.target import any_of, scratch, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.ids import ObjectId

_LIMITS = Limits(object_bytes=256 * KIB, pack_objects=1000, tree_depth=20)
_LINK = re.compile(rb"<([0-9])>")

# --- objects that name one another ----------------------------------------------------------------------


def _split_objects(data: bytes) -> list[bytes]:
    found = []
    while data:
        size = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return found


def _join_objects(found: list[bytes]) -> bytes:
    return b"".join(min(len(one), 0xFFFF).to_bytes(2, "big") + one for one in found)


def _history() -> Iterator[bytes]:
    who = b"author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\n<0> text\n"
    yield _join_objects(
        [
            b"3blob", b"2100644 a\0<0>40000 b\0<9>", b"2100644 a\0<0>40000 d\0<1>",
            b"1tree <2>\n" + who, b"1tree <1>\nparent <3>\n" + who,
            b"1tree <2>\nparent <3>\nparent <4>\n" + who,
            b"4object <5>\ntype commit\ntag v1\n\nx\n", b"4object <6>\ntype tag\ntag v2\n\nx\n",
        ]
    )  # fmt: skip


def _linked(data: bytes) -> tuple[MemoryStore, list[ObjectId]]:
    """Return a store of the objects; `<3>` in one of them is the id of the fourth."""
    store, ids = MemoryStore(SHA1), [SHA1.hash_object(b"tree", b"")]
    store.add(ObjectType.TREE, b"")
    for piece in _split_objects(data)[:10]:
        type_ = ObjectType((piece[0] - 1) % 4 + 1) if piece else ObjectType.BLOB

        def named(match: re.Match[bytes], *, raw: bool = type_ is ObjectType.TREE) -> bytes:
            number = int(match[1]) + 1
            oid = ids[number] if number < len(ids) else ids[0]
            return oid if raw else oid.hex().encode()

        ids.append(store.add(type_, _LINK.sub(named, piece[1:])))
    return store, ids


@target(
    seeds=_history,
    shape=Shape(_split_objects, _join_objects),
    words=(
        b"<0>",
        b"<3>",
        b"<9>",
        b"parent <3>\n",
        b"tree <1>\n",
        b"object <5>\n",
        b"40000 x\0<1>",
        b"160000 s\0<3>",
    ),
    bytes_max=1024,
)
def history(data: bytes) -> None:
    """Walk, select, write and convert objects that name one another, whatever they are."""
    store, ids = _linked(data)
    commits = []
    for oid in ids:
        any_of(lambda oid=oid: peel(store, oid), lambda: None)  # type: ignore[misc]
        if store.header(oid).type is ObjectType.COMMIT:
            commits.append(oid)
            any_of(lambda oid=oid: is_ancestor(store, commits[0], oid), lambda: None)  # type: ignore[misc]
    any_of(lambda: list_commits(store, commits, ids[:4]), lambda: None)
    found = list_objects(store, ids, limits=_LIMITS)
    assert {one.oid for one in found} >= set(ids)
    rest = list_objects(store, ids[4:], ids[:4], limits=_LIMITS)
    assert {one.oid for one in rest} <= {one.oid for one in found}
    assert len(b"".join(write_pack(select(store, found, limits=_LIMITS)))) > 32
    translate(store, found, SHA256, limits=_LIMITS)


# --- packs on disk ----------------------------------------------------------------------------------------


def _placed(data: bytes) -> Path:
    index, pack = split_pair(data)
    path = scratch("packs/pack-a.pack")
    path.write_bytes(pack)
    path.with_suffix(".idx").write_bytes(index)
    return path


def _pairs() -> Iterator[bytes]:
    for pack in samples.packs():
        yield join_pair(b"".join(samples.indexed(pack).index_blocks()), pack)


@target(seeds=_pairs, shape=PACK_PAIR, bytes_max=4096)
def verify_pack(data: bytes) -> None:
    """Verify a pack with its index: of one that is right each object can be read."""
    path = _placed(data)
    report = verify(path, SHA1, limits=_LIMITS)
    list(report.lines())
    store = PackedStore(path.parent, SHA1, _LIMITS)
    try:
        for row in report.rows:
            type_, content = store.read(row.oid)
            assert SHA1.hash_object(type_.label, content) == row.oid
            assert type_ is row.type
    finally:
        store.close()


@target(seeds=_pairs, shape=PACK_PAIR, bytes_max=4096)
def packed_store(data: bytes) -> None:
    """Ask a folder of packs about all its objects at once: the answers are those to single questions."""
    path = _placed(data)
    store = PackedStore(path.parent, SHA1, _LIMITS)
    try:
        oids = list(store)
        headers = store.headers(oids)
        for oid, header in zip(oids, headers, strict=True):
            assert header is None or header == store.header(oid)
        places = store.places(oids)
        read = store.reader(oids, places, lambda *_: None, 0)
        for number, oid in enumerate(oids):
            any_of(lambda number=number: read(number), lambda oid=oid: store.read(oid), lambda: None)  # type: ignore[misc]
        store.raws(oids)
        store.storage_order(oids)
    finally:
        store.close()


@target(seeds=lambda: samples.packs()[:1], shape=PACK)
def report_page(data: bytes) -> None:
    """Survey a pack and make the page of it."""
    path = scratch("report/x.pack")
    path.write_bytes(data)
    survey = survey_pack(path, SHA1, limits=_LIMITS)
    summary = summary_of(survey)
    json.dumps(summary_json(survey, summary), allow_nan=False)
    for block in page_blocks(survey, summary, chosen(survey, 64 * KIB)):
        block.encode("utf-8", "backslashreplace")
