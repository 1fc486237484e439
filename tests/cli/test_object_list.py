"""Lists of objects on stdin: at once or line by line, the same comes of it."""

from __future__ import annotations

import io

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import object_list
from cli.object_list import read_object_list
from packcore.ids import SHA1, SHA256

ids = st.binary(min_size=20, max_size=20)
paths = st.one_of(st.just(b""), st.text(min_size=1).map(str.encode)).filter(lambda path: b"\n" not in path)
ends = st.sampled_from([b"\n", b"\r\n"])


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    oid, path = draw(ids).hex().encode(), draw(paths)
    return draw(st.sampled_from([b"", b"", b"", b"-"])) + oid + (b" " + path if path else b"") + draw(ends)


def read_slowly(listed: bytes) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    wanted: dict[bytes, bytes] = {}
    held: dict[bytes, bytes] = {}
    for line in listed.split(b"\n"):
        line = line.rstrip(b"\r\n")
        if line:
            name, _, path = line.removeprefix(b"-").partition(b" ")
            (held if line.startswith(b"-") else wanted).setdefault(bytes.fromhex(name.decode()), path)
    return wanted, held


@given(st.lists(lines()), st.booleans(), st.sampled_from([1, 100, 1 << 20]))
def test_a_list_is_read_as_its_lines_are(listed, ended, read_bytes):
    data = b"".join(listed)
    data = data if ended else data.removesuffix(b"\n")
    before, object_list._READ_BYTES = object_list._READ_BYTES, read_bytes
    try:
        found = read_object_list(io.BytesIO(data), SHA1)
    finally:
        object_list._READ_BYTES = before
    assert found == read_slowly(data)
    assert [*map(list, found)] == [*map(list, read_slowly(data))]


def test_the_first_path_of_an_object_counts():
    line = b"%s " % (b"ab" * 20)
    wanted, _ = read_object_list(io.BytesIO(line + b"first\n" + line + b"second\n"), SHA1)
    assert [*wanted.values()] == [b"first"]


def test_ids_of_digits_alone_are_ids():
    wanted, _ = read_object_list(io.BytesIO(b"12" * 20 + b"\n"), SHA1)
    assert [*wanted] == [b"\x12" * 20]


def test_ids_are_of_the_repositorys_format():
    listed = b"ab" * 32 + b" path\n"
    assert [*read_object_list(io.BytesIO(listed), SHA256)[0]] == [b"\xab" * 32]
    with pytest.raises(click.UsageError, match="line 1"):
        read_object_list(io.BytesIO(listed), SHA1)


@pytest.mark.parametrize("bad", [b"AB" * 20, b"ab" * 19, b"zz" * 20, b"ab" * 20 + b"\tx", b"--", b" "])
@pytest.mark.parametrize("before", [0, 1, 40_000])
def test_a_line_that_names_no_object_is_told_by_its_number(bad, before):
    listed = (b"ab" * 20 + b" p\n") * before + bad + b"\n"
    with pytest.raises(click.UsageError, match=f"stdin, line {before + 1}:"):
        read_object_list(io.BytesIO(listed), SHA1)
