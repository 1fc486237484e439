"""The table of the matrix: what an entry may say, how names are picked, that no test is left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from scripts.matrix.columns import HERE, MatrixError, Table, load
from scripts.matrix.files import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_COLUMN = '[columns.one]\nabout = "x"\ndebian = "sid"\n'
_SUITE = '[suites.all]\nabout = "x"\npytest = ["tests"]\n'


def _table(folder: Path, text: str) -> Table:
    path = folder / "columns.toml"
    path.write_text(text)
    return load(path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (_COLUMN + 'colour = "red"', "column one: unknown key colour"),
        ('[columns.one]\ndebian = "sid"', "column one: says nothing about itself"),
        ('[columns.one]\nabout = "x"', "column one: names neither a debian nor a python"),
        (_COLUMN + 'dependencies = "old"', "column one: dependencies are one of locked, lowest, newest"),
        (_COLUMN + "packages = 3", "column one: packages is not a list"),
        (
            '[columns.one]\nabout = "x"\npython = "3.12"\npackages = ["y"]',
            "column one: packages and setup need",
        ),
        ('[suites.all]\nabout = "x"', "suite all: give either pytest or script"),
        ("[sets]\nci = ['gone']", "no column gone"),
        ("[suite_sets]\noutside = ['gone']", "no suite gone"),
        ("[columns", "columns.toml: "),
    ],
)
def test_an_entry_that_is_wrong_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(MatrixError, match=re.escape(complaint)):
        _table(tmp_path, text)


def test_names_patterns_and_sets_pick_columns_in_the_order_of_the_table(tmp_path: Path) -> None:
    text = "".join(_COLUMN.replace("one", name) for name in ("debian-12", "debian-13", "lowest"))
    table = _table(tmp_path, text + _SUITE + "[sets]\nci = ['lowest', 'debian-12']")
    for asked, found in {
        "": ["debian-12", "debian-13", "lowest"],
        "lowest,debian-13": ["debian-13", "lowest"],
        "debian-*": ["debian-12", "debian-13"],
        "ci": ["debian-12", "lowest"],
        "ci debian-13": ["debian-12", "debian-13", "lowest"],
    }.items():
        assert [column.name for column in table.pick_columns(asked)] == found


def test_a_name_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(MatrixError, match="no column two; there are one"):
        _table(tmp_path, _COLUMN).pick_columns("one,two")


def test_what_a_release_leaves_out_every_column_of_it_leaves_out(tmp_path: Path) -> None:
    text = (
        _COLUMN + 'leave_out = {"tests/a.py" = "why"}\n[debian.sid.leave_out]\n"tests/b.py::test_c" = "why"'
    )
    other = '\n[columns.two]\nabout = "x"\ndebian = "trixie"'
    columns = _table(tmp_path, text + other).columns
    assert columns["one"].leave_out == {"tests/a.py": "why", "tests/b.py::test_c": "why"}
    assert columns["two"].leave_out == {}


def test_what_ci_runs_only_changes_with_a_commit() -> None:
    for column in load().pick_columns("ci"):
        assert column.debian in {"bookworm", "trixie"}
        assert column.dependencies in {"locked", "lowest"}


def test_the_table_names_files_that_are_there() -> None:
    table = load()
    for suite in table.suites.values():
        assert not suite.script or (HERE / suite.script).is_file()
    for column in table.columns.values():
        assert not column.setup or (HERE / column.setup).is_file()
        for test in column.leave_out:
            path, _, name = test.partition("::")
            function = name.partition("[")[0]
            assert not name or f"def {function}(" in (ROOT / path).read_text(), test
            assert (ROOT / path).is_file(), test


def test_every_fast_test_and_every_end_to_end_test_is_in_one_suite() -> None:
    folders = (ROOT / folder for folder in ("tests", "packcore", "transport", "cli"))
    paths = (path for folder in folders for path in folder.rglob("*.py"))
    for name in sorted(path.relative_to(ROOT).as_posix() for path in paths):
        is_test = name.rpartition("/")[2].startswith("test_")
        has_doctests = not name.startswith("tests/")
        is_fast = not name.startswith("tests/e2e/")  # nothing there is
        if (is_test and is_fast) or has_doctests:
            assert len(_suites_with(name, "not e2e")) == 1, name
        if is_test:
            assert len(_suites_with(name, "e2e")) == 1, name


def _suites_with(name: str, marker: str) -> list[str]:
    """Return the suites that run tests with this marker from this file."""
    markers = {"not e2e": ("not slow", "not slow and not e2e"), "e2e": ("not slow", "e2e and not slow")}
    found = []
    for suite in load().suites.values():
        if suite.pytest and suite.pytest[1] in markers[marker]:
            arguments = suite.pytest[2:]
            ignored = [each.removeprefix("--ignore=") for each in arguments if each.startswith("--ignore=")]
            paths = [each for each in arguments if not each.startswith("-")]
            if (_is_below(name, paths) or not paths) and not _is_below(name, ignored):
                found.append(suite.name)
    return found


def _is_below(name: str, paths: list[str]) -> bool:
    return any(name == path or name.startswith(f"{path}/") for path in paths)
