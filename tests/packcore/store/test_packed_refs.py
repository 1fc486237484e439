"""The table of packed-refs: checked at once as it would be line by line, searched, and changed in place."""

from __future__ import annotations

import random
from binascii import unhexlify
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.errors import CorruptData
from packcore.ids import SHA1, SHA256
from packcore.refs import decode_ref_name, is_valid_ref_name
from packcore.store import packed_refs
from packcore.store.packed_refs import PackedRefs
from packcore.store.ref_table import table_of

if TYPE_CHECKING:
    from packcore.store.packed_refs import PackedRow

HEX = [f"{digit}b" * 20 for digit in "1234"]
PARTS = st.sampled_from(
    [b"a", b"b", b"a-b", b"a.b", b"\xe9", b"\xc3\xa9", b"a@b", b"@{x", b"..", b"x.lock", b" "]
)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map(lambda parts: b"refs/heads/" + b"/".join(parts))
ROWS = st.lists(
    st.tuples(st.sampled_from(HEX).map(str.encode), NAMES, st.sampled_from([b"", HEX[0].encode()])),
    max_size=12,
    unique_by=lambda row: row[1],
)


HEADER = b"# pack-refs with: peeled fully-peeled sorted \n"


def written(rows: list[PackedRow]) -> bytes:
    lines = [b"%b %b\n" % row[:2] + (b"^%b\n" % row[2] if row[2] else b"") for row in rows]
    return HEADER + b"".join(lines)


@given(rows=ROWS, is_sorted=st.booleans(), shift=st.integers(0, 40))
def test_every_ref_is_found_by_its_name_and_no_other_one(rows, is_sorted, shift):
    if is_sorted:
        rows = sorted(rows, key=lambda row: row[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_refs, "_PIECE_BYTES", 50 + shift)
        table = PackedRefs.parse(written(rows), "packed-refs", SHA1)
        ordered = sorted(rows, key=lambda row: row[1])
        assert [row for piece in table.pieces() for row in piece] == ordered
        assert list(table) == [decode_ref_name(name) for _, name, _ in ordered]
        assert len(table) == len(rows)
        for oid, name, peeled in rows:
            found = table.get(decode_ref_name(name))
            assert found == (unhexlify(oid), unhexlify(peeled) if peeled else None)
        names = {name for _, name, _ in rows}
        for name in (b"refs/heads", b"refs/heads/a", b"refs/heads/b/b", b"refs/heads/zz", b"HEAD", b"zzz"):
            assert (decode_ref_name(name) in table) == (name in names)
            below = min((one for one in names if one.startswith(name + b"/")), default=None)
            assert table.first_below(decode_ref_name(name)) == (
                None if below is None else decode_ref_name(below)
            )
            inside = [row for piece in table.pieces(name) for row in piece]
            assert inside == [row for row in ordered if row[1].startswith(name)]
        assert table.invalid == {name for name in names if not is_valid_ref_name(decode_ref_name(name))}


@given(
    rows=ROWS, changes=st.dictionaries(NAMES, st.none() | st.sampled_from(HEX).map(str.encode), max_size=8)
)
@pytest.mark.parametrize("part", [0, 1000])
def test_changed_lines_are_as_if_the_file_were_made_anew(rows, changes, part):
    table = PackedRefs.parse(written(rows), "packed-refs", SHA1)
    changed = {name: None if oid is None else (oid, name, b"") for name, oid in changes.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_refs, "_BISECTED_PART", part)
        blocks = b"".join(table.rewritten(changed, peeled=True))
    expected = {row[1]: row for row in rows} | changed
    kept = sorted((row for row in expected.values() if row is not None), key=lambda row: row[1])
    assert blocks == written(kept)


@pytest.mark.parametrize("name", ["refs/heads/a@{x", "refs/heads/a@{", "refs/heads/x.@{1}"])
def test_a_name_that_would_read_as_a_reflog_entry_is_invalid(name):
    data = b"# pack-refs with: sorted\n" + b"1b" * 20 + b" " + name.encode() + b"\n"
    assert PackedRefs.parse(data, "packed-refs", SHA1).invalid == {name.encode()}


@given(rows=ROWS, at=st.integers(0, 2000), byte=st.sampled_from(b"\0\n ^xA#/"))
def test_a_damaged_file_is_told_from_a_good_one_whichever_way_it_is_read(rows, at, byte):
    data = bytearray(written(sorted(rows, key=lambda row: row[1])))
    data[at % len(data)] = byte
    found: list[object] = []
    for is_careful in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if is_careful:
                patch.setattr(packed_refs, "_checked", lambda lines, hex_size: None)
            try:
                table = PackedRefs.parse(bytes(data), "packed-refs", SHA1)
                cut, again = ([[*zip(*piece, strict=True)] for piece in table.columns()] for _ in range(2))
                assert cut == again == [*table.pieces()]
                found.append((list(table), table.invalid, cut))
            except CorruptData as error:
                found.append(str(error))
    assert found[0] == found[1]


def test_ids_of_64_digits_are_read_in_their_format_alone():
    data = b"# pack-refs with: sorted\n" + b"1b" * 32 + b" refs/heads/a\n"
    assert PackedRefs.parse(data, "packed-refs", SHA256).get("refs/heads/a") is not None
    with pytest.raises(CorruptData, match="line 2"):
        PackedRefs.parse(data, "packed-refs", SHA1)


def large(count: int) -> bytes:
    chance = random.Random(1)
    return written(
        [
            (chance.randbytes(20).hex().encode(), b"refs/tags/v%07d" % number, b"2c" * 20)
            for number in range(count)
        ]
    )


def test_looking_up_one_ref_parses_a_few_lines_however_many_there_are(monkeypatch):
    """Lines that are compared grow with the digits of their number."""
    steps: Counter[int] = Counter()
    real = packed_refs._row_start
    for count in (1000, 16_000):
        table = PackedRefs.parse(large(count), "packed-refs", SHA1)

        def counted(lines: bytes, at: int, low: int, count: int = count) -> int:
            steps[count] += 1
            return real(lines, at, low)

        monkeypatch.setattr(packed_refs, "_row_start", counted)
        found = table_of(table, [b"refs/tags/v0000777"], {}, {})
        assert found.names == [b"refs/tags/v0000777"]
        assert found.peeled == [b"2c" * 20]
        assert not found.unpeeled
    assert steps[1000] < 40
    assert steps[16_000] <= steps[1000] + 12
