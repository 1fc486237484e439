"""A stack of reftables: later tables decide, a list that changes is read again, and a lost table is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from packcore.errors import CorruptData
from packcore.ids import SHA1
from packcore.store import reftable_stack
from packcore.store.packed_file import RefViews
from packcore.store.reftable import Reftable
from packcore.store.reftable_stack import ReftableStack
from tests.reftables import TABLES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("kinds-1.ref", "kinds-2.ref"):
        (tmp_path / name).write_bytes((TABLES / name).read_bytes())
    listed(tmp_path, "kinds-1.ref", "kinds-2.ref")
    return tmp_path


def listed(folder: Path, *names: str) -> None:
    (folder / "tables.list").write_text("".join(f"{name}\n" for name in names))


def test_a_later_table_deletes_and_adds(folder: Path):
    found = ReftableStack(folder, SHA1).read()
    assert list(found.packed) == ["refs/heads/main", "refs/heads/new", "refs/tags/v1"]
    assert found.symbolic == {"refs/heads/alias": "refs/heads/main"}
    assert found.outside == {"HEAD": "refs/heads/main"}
    assert not found.faults


def test_the_same_tables_in_another_order_say_something_else(folder: Path):
    listed(folder, "kinds-2.ref", "kinds-1.ref")
    assert "refs/heads/gone" in ReftableStack(folder, SHA1).read().packed


def test_a_table_that_is_not_listed_says_nothing(folder: Path):
    listed(folder, "kinds-1.ref")
    assert "refs/heads/new" not in ReftableStack(folder, SHA1).read().packed


def test_an_empty_list_is_a_repository_without_refs(folder: Path):
    listed(folder)
    assert list(ReftableStack(folder, SHA1).read().packed) == []


def test_the_tables_are_read_again_only_when_the_list_differs(folder: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []

    def counted(data: bytes, path: str, object_format):
        opened.append(Path(path).name)
        return Reftable(data, path, object_format)

    monkeypatch.setattr(reftable_stack, "Reftable", counted)
    stack = ReftableStack(folder, SHA1)
    assert stack.read() is stack.read()
    assert opened == ["kinds-1.ref", "kinds-2.ref"]
    listed(folder, "kinds-1.ref")
    stack.read()
    assert opened[2:] == ["kinds-1.ref"]


def test_a_list_that_is_replaced_while_tables_are_opened_is_read_again(folder: Path):
    class Replaced(ReftableStack):
        def _table(self, name: str):
            if name == "old.ref":
                listed(folder, "kinds-1.ref")
            return super()._table(name)

    listed(folder, "kinds-1.ref", "old.ref")
    assert "refs/heads/gone" in Replaced(folder, SHA1).read().packed


def test_a_listed_table_that_is_not_there_is_an_error(folder: Path):
    (folder / "kinds-2.ref").unlink()
    with pytest.raises(CorruptData, match=r"tables\.list: it names kinds-2\.ref, which is not there"):
        ReftableStack(folder, SHA1).read()


def test_a_missing_list_is_an_error_and_not_an_empty_repository(folder: Path):
    (folder / "tables.list").unlink()
    with pytest.raises(CorruptData, match=r"tables\.list: it is not there"):
        ReftableStack(folder, SHA1).read()


@pytest.mark.parametrize("line", ["../kinds-1.ref", "/etc/passwd", "kinds-1", "a b.ref", ""])
def test_a_line_that_is_no_name_of_a_table_is_an_error_with_its_number(folder: Path, line: str):
    listed(folder, "kinds-1.ref", line)
    with pytest.raises(CorruptData, match=r"tables\.list: line 2 is no table's name"):
        ReftableStack(folder, SHA1).read()


def test_a_list_without_its_last_line_feed_was_cut_off(folder: Path):
    (folder / "tables.list").write_text("kinds-1.ref")
    with pytest.raises(CorruptData, match=r"tables\.list: it is cut off"):
        ReftableStack(folder, SHA1).read()


def test_a_damaged_table_is_an_error_with_its_path(folder: Path):
    (folder / "kinds-2.ref").write_bytes((folder / "kinds-2.ref").read_bytes()[:-1])
    with pytest.raises(CorruptData, match=r"kinds-2\.ref: at offset \d+: its footer has another checksum"):
        ReftableStack(folder, SHA1).read()


def test_a_server_keeps_one_stack_for_all_its_requests(folder: Path):
    views = RefViews(lambda: 0)
    assert views.reftable_stack(folder, SHA1) is views.reftable_stack(folder, SHA1)
    views.close()
    assert next(iter(views.reftable_stack(folder, SHA1).read().packed)) == "refs/heads/main"
