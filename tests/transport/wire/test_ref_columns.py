"""Listed refs stay in columns until one is asked for by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.ids import SHA1, ObjectId, ids_of_hex
from transport.wire.advertisement import parse_advertisement
from transport.wire.ls_refs import parse_ls_refs
from transport.wire.pktline import FLUSH, encode_text
from transport.wire.ref_columns import RefColumns

if TYPE_CHECKING:
    from collections.abc import Sequence

A, B = ObjectId(b"\xaa" * 20), ObjectId(b"\xbb" * 20)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of the lists that ids are made for."""
    sizes: list[int] = []

    def counted(hexes: Sequence[bytes]) -> list[ObjectId]:
        sizes.append(len(hexes))
        return ids_of_hex(hexes)

    monkeypatch.setattr("transport.wire.ref_columns.ids_of_hex", counted)
    return sizes


def lines(count: int) -> list[bytes]:
    return [b"%b refs/heads/b%05d" % (A.hex().encode(), number) for number in range(count)]


@pytest.mark.parametrize("count", [10, 5000])
def test_two_equal_lists_are_compared_without_an_id_for_each_ref(made: list[int], count: int) -> None:
    answer = b"".join(map(encode_text, lines(count))) + FLUSH
    first, second = (parse_ls_refs([answer], SHA1).refs for _ in range(2))
    assert first == second
    assert len(first) == count
    assert made == []
    assert first["refs/heads/b00003"] == A
    assert made == [count]


def test_refs_in_columns_are_what_they_are_by_name() -> None:
    refs = RefColumns([b"refs/heads/a", b"refs/tags/\xff"], [A.hex().encode(), B.hex().encode()])
    by_name = {"refs/heads/a": A, "refs/tags/\udcff": B}
    assert refs == by_name
    assert by_name == refs
    assert RefColumns.of(by_name) == refs
    assert list(refs) == list(by_name)
    assert refs != {**by_name, "refs/tags/\udcff": A}


@pytest.mark.parametrize("order", [1, -1])
def test_a_list_is_read_alike_in_any_order(order: int) -> None:
    head = [b"%b HEAD\0" % A.hex().encode()]
    found = parse_advertisement(
        [b"".join(map(encode_text, [*head, *lines(300)[::order]])) + FLUSH], "git-upload-pack"
    )
    assert list(found.refs) == [f"refs/heads/b{number:05d}" for number in range(300)][::order]
