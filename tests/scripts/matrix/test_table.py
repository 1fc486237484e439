"""What the matrix prints and records, and its exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.matrix import __main__ as command
from scripts.matrix.columns import HERE
from scripts.matrix.render import describe, markdown, text_table, verdict
from scripts.matrix.results import Cell, Row, read_record, write_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scripts.matrix.columns import Column

_GREEN = Row(
    "debian-12",
    {"python": "3.11.2", "git": "2.39.5", "click": "8.4.0"},
    {"cli": Cell("ok", 231, seconds=65), "e2e": Cell("ok", 9, skipped=2, seconds=5)},
    commit="abc",
    date="2026-11-29",
)
_RED = Row(
    "debian-sid",
    {"python": "3.14.1", "git": "2.55.0"},
    {
        "cli": Cell("red", 8, 2, seconds=60, log="a.log"),
        "e2e": Cell("red", reason="`pip` failed", log="b.log"),
    },
)
_SKIPPED = Row("debian-13", skipped="needs root")
_PARTLY = Row("debian-sid", cells={"cli": Cell("ok", 1)}, left_out={"tests/a.py::test_b": "no JGit"})


def test_a_cell_says_how_many_passed_failed_and_were_skipped_and_how_long_it_took() -> None:
    cells = [*_GREEN.cells.values(), *_RED.cells.values()]
    assert [describe(cell) for cell in cells] == [
        "ok 231 1:05",
        "ok 9 (2 skipped) 0:05",
        "RED 2 of 10 1:00",
        "RED",
    ]


def test_the_table_has_a_line_for_each_column_and_says_why_and_where() -> None:
    assert text_table([_GREEN, _RED, _SKIPPED], ["cli", "e2e"]) == [
        "column      python  git     cli               e2e                    time",
        "----------  ------  ------  ----------------  ---------------------  ----",
        "debian-12   3.11.2  2.39.5  ok 231 1:05       ok 9 (2 skipped) 0:05  1:10",
        "debian-sid  3.14.1  2.55.0  RED 2 of 10 1:00  RED                    1:00",
        "debian-13   -       -       skipped                                  -",
        "",
        "skipped: debian-13: needs root",
        "red: debian-sid cli: see a.log",
        "red: debian-sid e2e: `pip` failed; see b.log",
    ]


def test_a_test_that_a_column_leaves_out_is_named_with_its_reason() -> None:
    assert "left out: debian-sid: tests/a.py::test_b: no JGit" in text_table([_PARTLY], ["cli"])
    assert "- `debian-sid` leaves out `tests/a.py::test_b`: no JGit" in markdown([_PARTLY], {}, ["cli"])


def test_the_verdict_names_what_is_not_green() -> None:
    expected = "matrix: 1 green, 1 RED (debian-sid), 1 SKIPPED (debian-13) of 3 columns"
    assert verdict([_GREEN, _RED, _SKIPPED]) == expected
    assert verdict([_GREEN]) == "matrix: 1 green of 1 columns"


def test_the_page_has_versions_dates_outcomes_and_what_was_skipped() -> None:
    page = markdown([_GREEN, _SKIPPED], {"debian-13": "Debian 13"}, ["cli", "e2e"])
    assert "| debian-12 | 3.11.2 | 2.39.5 | 8.4.0 | none | none | none | none | abc | 2026-11-29 |" in page
    assert "| debian-12 | ok 231 1:05 | ok 9 (2 skipped) 0:05 |" in page
    assert "- `debian-13` (Debian 13) was skipped: needs root" in page


def test_the_record_keeps_the_last_run_of_each_column_in_the_order_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert read_record(path) == []
    write_record([_RED, _SKIPPED], ["debian-12", "debian-13", "debian-sid"], path)
    assert read_record(path) == [_SKIPPED, _RED]
    write_record([_GREEN], ["debian-12", "debian-13", "debian-sid"], path)
    assert read_record(path) == [_GREEN, _SKIPPED, _RED]
    write_record([Row("debian-12", skipped="no network")], ["debian-12", "debian-sid"], path)
    assert read_record(path) == [_GREEN, _RED]


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Row]:
    """Stand in for running columns: what each comes to, which is green unless the test says otherwise."""
    outcomes: dict[str, Row] = {}

    def run_column(column: Column, _suites: object, _say: Callable[[str], None], **_: bool) -> Row:
        found = outcomes.get(column.name, Row(column.name, cells={"cli": Cell("ok", 1)}))
        if found.skipped == "Ctrl-C":
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(command, "run_column", run_column)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.delenv("MATRIX_REQUIRED", raising=False)
    return outcomes


def test_all_green_is_success(rows: dict[str, Row], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--columns", "ci", "--suites", "cli"]) == 0
    assert "matrix: 3 green of 3 columns" in capsys.readouterr().out
    assert rows == {}


def test_red_is_a_failure_and_shows_the_tests_that_failed(
    rows: dict[str, Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.log").write_text("FAILED tests/x.py::test_y - assert 1 == 2\n1 failed in 0.1s\n")
    rows["lowest"] = Row("lowest", cells={"cli": Cell("red", 0, 1, log="a.log")})
    assert command.main(["--columns", "ci", "--suites", "cli"]) == 1
    assert "    tests/x.py::test_y: assert 1 == 2" in capsys.readouterr().out


def test_skipped_is_told_and_is_a_failure_only_where_it_is_required(
    rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows["debian-13"] = _SKIPPED
    assert command.main(["--columns", "ci"]) == 0
    assert "debian-13: SKIPPED: needs root" in capsys.readouterr().out
    assert command.main(["--columns", "ci", "--required"]) == 1
    monkeypatch.setenv("MATRIX_REQUIRED", "1")
    assert command.main(["--columns", "ci"]) == 1


def test_the_column_that_is_this_machine_is_covered_by_make_check_and_is_no_skip(
    rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.matrix.places._codename", lambda: "bookworm")
    monkeypatch.setattr("scripts.matrix.places._makes_environments", lambda _: True)
    rows["debian-12"] = Row("debian-12", cells={"cli": Cell("red")})
    assert command.main(["--columns", "ci", "--checked-here", "--required"]) == 0
    shown = capsys.readouterr().out
    assert "covered: debian-12: is this machine, where `make check` has just run" in shown
    assert "matrix: 2 green, 1 covered by make check of 3 columns" in shown


def test_after_ctrl_c_the_columns_that_are_complete_are_shown(
    rows: dict[str, Row], capsys: pytest.CaptureFixture[str]
) -> None:
    rows["debian-13"] = Row("debian-13", skipped="Ctrl-C")
    assert command.main(["--columns", "ci"]) == 130
    assert "matrix: 1 green of 1 columns" in capsys.readouterr().out


def test_each_column_is_recorded_as_soon_as_it_is_complete(
    rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[list[str]] = []
    monkeypatch.setattr(command, "write_record", lambda made, _: recorded.append([row.name for row in made]))
    rows["lowest"] = Row("lowest", skipped="Ctrl-C")
    assert command.main(["--columns", "ci", "--record"]) == 130
    assert recorded == [["debian-12"], ["debian-13"]]


def test_a_wrong_name_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--columns", "gone"]) == 2
    assert "matrix: error: no column gone; there are debian-12" in capsys.readouterr().err


def test_part_of_a_column_is_not_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--record", "--suites", "cli"]) == 2
    assert "--record keeps whole columns" in capsys.readouterr().err


def test_the_list_names_every_column_and_suite(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    shown = capsys.readouterr().out
    assert HERE.is_dir()
    for name in ("debian-12", "debian-sid", "lowest", "wheel", "ci = debian-12, debian-13, lowest"):
        assert name in shown
