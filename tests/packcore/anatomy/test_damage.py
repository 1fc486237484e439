"""Damage is shown as a part: where it starts, what is wrong, and where reading continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packcore.anatomy import Anatomy, Part, leaves, open_anatomy, open_pack_anatomy, read_chain
from packcore.errors import CorruptData, CorruptPack, MissingObject
from packcore.ids import SHA1
from packcore.pack.indexer import index_pack_file
from tests.packcore.pack_builder import (
    blob_id,
    build_pack,
    chain_of,
    ofs_delta,
    ref_delta,
    seal,
    simple_delta,
    whole,
    write_pack_file,
)

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [b"".join(b"line %d of %d\n" % (n, v) for n in range(40)) for v in range(6)]
PACK = build_pack([whole(text) for text in TEXTS])


def faults(anatomy: Anatomy) -> list[Part]:
    return [part for part in anatomy.root.parts() if part.fault]


def draw(tmp_path: Path, data: bytes, *, indexed: bytes | None = None) -> tuple[list[Part], list[Part]]:
    path = write_pack_file(tmp_path, [indexed or data])
    if indexed is not None:
        index = index_pack_file(path, object_format=SHA1)
        path.with_suffix(".idx").write_bytes(b"".join(index.index_blocks()))
        path.write_bytes(data)
    with open_anatomy(path) as anatomy:
        assert sum(leaf.size for leaf in leaves(anatomy.root)) == len(data)
        parts = list(anatomy.root.parts())
    return parts, [part for part in parts if part.fault]


def offsets_of(data: bytes, tmp_path: Path) -> list[int]:
    parts, _ = draw(tmp_path, data)
    return [part.start for part in parts if part.name == "entry"]


def test_a_pack_cut_within_a_stream_shows_where_it_ends(tmp_path: Path) -> None:
    starts = offsets_of(PACK, tmp_path)
    _, found = draw(tmp_path, PACK[: starts[2] + 20])
    assert found[0].start == starts[2]
    assert f"the file ends at {starts[2] + 20}" in found[0].fault


def test_a_broken_stream_is_shown_at_the_byte_that_breaks_it(tmp_path: Path) -> None:
    starts = offsets_of(PACK, tmp_path)
    at = starts[3] + 40
    broken = PACK[:at] + bytes([PACK[at] ^ 0xFF]) + PACK[at + 1 :]
    parts, found = draw(tmp_path, broken)
    assert [part.name for part in parts[:4]] == ["header", "entry", "entry", "entry"]
    assert found[0].start == starts[3]
    assert at < found[0].end
    assert "breaks" in found[0].fault


def test_with_an_index_reading_goes_on_behind_the_damage(tmp_path: Path) -> None:
    starts = offsets_of(PACK, tmp_path)
    at = starts[3] + 5
    parts, found = draw(tmp_path, PACK[:at] + b"\xff\xff" + PACK[at + 2 :], indexed=PACK)
    assert [part.start for part in parts if part.name == "entry" and not part.fault] == [
        start for start in starts if start != starts[3]
    ]
    assert found[-1].name == "trailer"


def test_without_an_index_what_follows_the_damage_is_one_part(tmp_path: Path) -> None:
    starts = offsets_of(PACK, tmp_path)
    at = starts[3] + 5
    parts, _ = draw(tmp_path, PACK[:at] + b"\xff\xff" + PACK[at + 2 :])
    names = [part.name for part in parts]
    assert names == [
        "header", "entry", "entry", "entry", "entry", "damage", "trailer",
    ]  # fmt: skip


def test_a_wrong_trailer_is_shown_with_the_right_one(tmp_path: Path) -> None:
    _, found = draw(tmp_path, PACK[:-1] + bytes([PACK[-1] ^ 1]))
    assert [part.name for part in found] == ["trailer"]
    assert PACK[-20:].hex() in found[0].fault


def test_bytes_behind_the_trailer_are_reported(tmp_path: Path) -> None:
    _, found = draw(tmp_path, PACK + b"more")
    assert [(part.name, part.size) for part in found] == [("extra bytes", 4)]


def test_a_count_that_is_too_high_is_reported(tmp_path: Path) -> None:
    data = seal(PACK[:8] + (9).to_bytes(4, "big") + PACK[12:-20])
    _, found = draw(tmp_path, data)
    assert [part.fault for part in found] == ["the header says 9 entries, and there are 6"]


def test_a_header_with_a_wrong_size_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    data = build_pack([whole(b"four" * 40, size=150), whole(b"fine")])
    parts, found = draw(tmp_path, data)
    assert len(found) == 1
    assert found[0].fault == "it inflates to 160 bytes, and its header says 150"
    assert [part.name for part in parts] == ["header", "entry", "entry", "trailer"]


@pytest.mark.parametrize("head", [b"", b"PA", b"PACK", b"PACK\0\0\0\2\0\0"])
def test_a_pack_that_ends_within_its_header_is_all_damage(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "x.pack"
    path.write_bytes(head)
    with open_anatomy(path) as anatomy:
        assert [(part.name, part.size) for part in anatomy.root.parts()] == [("damage", len(head))]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"\x89PNG....")
    with pytest.raises(CorruptData, match="neither a pack, nor an index"), open_anatomy(path):
        pass


def test_a_chain_is_read_from_its_full_base_on(tmp_path: Path) -> None:
    path = write_pack_file(tmp_path, [build_pack(chain_of(TEXTS))])
    with open_pack_anatomy(path) as pack:
        starts = [part.start for part in pack.anatomy.root.parts() if part.name == "entry"]
        type_, links = read_chain(pack, pack.entry_at(starts[-1]))
    assert type_.label == b"blob"
    assert [link.data for link in links] == TEXTS
    assert sum(link.entry_bytes for link in links) == len(build_pack(chain_of(TEXTS))) - 32


def test_a_base_that_is_not_in_the_pack_is_named(tmp_path: Path) -> None:
    base = blob_id(b"elsewhere\n")
    data = build_pack([ref_delta(base, simple_delta(b"elsewhere\n", b"elsewhere!\n"))])
    path = write_pack_file(tmp_path, [data])
    with open_pack_anatomy(path) as pack, pytest.raises(MissingObject, match=base.hex()):
        read_chain(pack, pack.entry_at(12))


def test_a_delta_for_another_base_is_reported_with_its_offset(tmp_path: Path) -> None:
    data = build_pack([whole(b"short"), ofs_delta(0, simple_delta(b"quite another", b"quite other"))])
    path = write_pack_file(tmp_path, [data])
    with open_pack_anatomy(path) as pack:
        start = [part.start for part in pack.anatomy.root.parts() if part.name == "entry"][1]
        with pytest.raises(CorruptPack, match=f"offset {start}"):
            read_chain(pack, pack.entry_at(start))


@given(st.integers(0, len(PACK) - 1), st.integers(1, 255), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_whichever_byte_is_damaged_all_bytes_are_shown_once(
    tmp_path: Path, at: int, flipped: int, indexed: bool
) -> None:
    data = PACK[:at] + bytes([PACK[at] ^ flipped]) + PACK[at + 1 :]
    (tmp_path / "test.idx").unlink(missing_ok=True)
    _, found = draw(tmp_path, data, indexed=PACK if indexed else None)
    assert found
