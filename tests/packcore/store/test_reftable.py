"""One reftable file: what git wrote is read, and damage is an error at an offset.

The tables in `reftables/` were written by git 2.55; `reftables/make.sh` has the commands.
"""

from __future__ import annotations

import pytest

from packcore.errors import CorruptData
from packcore.ids import SHA1, SHA256, ObjectFormat
from packcore.store.reftable import DELETED, DIRECT, PEELED, SYMBOLIC, RefRecord, Reftable
from tests.reftables import TABLES

COMMIT = bytes.fromhex("66723e84009b70625c6acea5a430499259b54788")
TAG = bytes.fromhex("416c3e3fb16170c00cfce69f9c9523e27162a685")
ZERO = SHA1.zero
NAMES = ("kinds-1", "kinds-2", "sha256", "levels", "siblings")


def content(name: str) -> bytes:
    return (TABLES / f"{name}.ref").read_bytes()


def table(data: bytes, object_format: ObjectFormat = SHA1) -> Reftable:
    return Reftable(data, "x.ref", object_format)


def format_of(name: str) -> ObjectFormat:
    return SHA256 if name == "sha256" else SHA1


def test_every_kind_of_value_is_read():
    assert list(table(content("kinds-1")).refs()) == [
        RefRecord(b"HEAD", SYMBOLIC, b"refs/heads/main", b"", 1),
        RefRecord(b"refs/heads/alias", SYMBOLIC, b"refs/heads/main", b"", 4),
        RefRecord(b"refs/heads/gone", DIRECT, COMMIT, b"", 5),
        RefRecord(b"refs/heads/main", DIRECT, COMMIT, b"", 2),
        RefRecord(b"refs/tags/v1", PEELED, TAG, COMMIT, 3),
    ]
    assert list(table(content("kinds-2")).refs()) == [
        RefRecord(b"refs/heads/gone", DELETED, b"", b"", 6),
        RefRecord(b"refs/heads/new", DIRECT, COMMIT, b"", 6),
    ]


def test_the_log_is_read_newest_first_with_entries_that_were_deleted():
    made = (ZERO, COMMIT)
    assert read_logs("kinds-1") == [
        (b"HEAD", 2, made),
        (b"refs/heads/alias", 4, made),
        (b"refs/heads/gone", 5, made),
        (b"refs/heads/main", 2, made),
    ]
    assert read_logs("kinds-2") == [(b"refs/heads/gone", 5, None), (b"refs/heads/new", 6, made)]


def read_logs(name: str) -> list[tuple[bytes, int, tuple[bytes, bytes] | None]]:
    return [
        (log.name, log.update_index, log.ids(SHA1) if log.entry else None)
        for log in table(content(name)).logs()
    ]


def test_the_second_version_names_the_hash():
    refs = list(table(content("sha256"), SHA256).refs())
    assert [(ref.name, len(ref.value)) for ref in refs] == [(b"HEAD", 15), (b"refs/heads/main", 32)]
    with pytest.raises(CorruptData, match=r"x\.ref: at offset 24: its ids are made with sha256"):
        table(content("sha256"))
    with pytest.raises(CorruptData, match="made with sha1, the repository's with sha256"):
        table(content("kinds-1"), SHA256)


@pytest.mark.parametrize(("name", "end"), [("levels", 220), ("siblings", 130)])
def test_many_blocks_under_an_index_are_read_in_order(name: str, end: int):
    refs = list(table(content(name)).refs())
    assert [ref.name for ref in refs] == [b"HEAD", *(b"refs/heads/b%d" % n for n in range(100, end))]
    assert {ref.value for ref in refs[1:]} == {COMMIT}


@pytest.mark.parametrize("name", NAMES)
def test_a_table_that_is_cut_anywhere_is_an_error_with_its_file(name: str):
    data = content(name)
    for end in range(0, len(data), 1 if len(data) < 1000 else 43):
        with pytest.raises(CorruptData, match=r"^x\.ref: at offset \d+: "):
            table(data[:end], format_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_no_flipped_bit_makes_a_ref_vanish(name: str):
    """Names and ids have no checksum; all else is compared with something."""
    data, object_format = content(name), format_of(name)
    count = len(list(table(data, object_format).refs()))
    logs = len(list(table(data, object_format).logs()))
    faults = []
    for at in range(0, 8 * len(data), 1 if len(data) < 1000 else 43):
        damaged = bytearray(data)
        damaged[at // 8] ^= 1 << at % 8
        try:
            read = table(bytes(damaged), object_format)
            assert len(list(read.refs())) == count
            assert len(list(read.logs())) == logs
        except CorruptData as error:
            faults.append(str(error))
    assert faults
    assert all(fault.startswith("x.ref: at offset ") for fault in faults)


@pytest.mark.parametrize("name", ["levels", "siblings"])
def test_an_index_that_does_not_match_its_blocks_is_an_error(name: str):
    data = content(name)
    root = int.from_bytes(data[-44:-36], "big")
    at = data.index(b"refs/heads/b", root)
    damaged = data[:at] + b"refs/heads/a" + data[at + 12 :]
    with pytest.raises(CorruptData, match=r"x\.ref: at offset \d+: .* index"):
        list(table(damaged).refs())


def test_an_empty_file_is_no_table():
    with pytest.raises(CorruptData, match="at offset 0: it does not begin with REFT"):
        table(b"")
