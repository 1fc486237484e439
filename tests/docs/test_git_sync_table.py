"""The page for users of git-sync is held against our own commands: no row promises what isn't there."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from packcore.ids import SHA1
from scripts.docs_examples import ROOT
from scripts.reference_pages import commands, options_of, variables
from transport.syncing.decide.ref_plan import RefAction
from transport.syncing.measure import Measurement
from transport.syncing.outcome.result import Outcome, RefResult, SyncResult

_PAGE = ROOT / "docs/coming-from-git-sync.md"
_CODE = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    """One row of a table."""

    section: str
    theirs: str
    ours: str
    verdict: str
    reason: str


def _rows() -> list[Row]:
    rows, section = [], ""
    for line in _PAGE.read_text().splitlines():
        if line.startswith(("## ", "Of each item", "Of `measurement`")):
            section = line.strip("# :")
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line[:2] == "| " else []
        if cells and cells[0].startswith("`"):
            cells = [cell.strip(" |") for cell in re.split(r"(?<=\s)?\|(?=\s|$)", line.strip()[1:-1])]
            rows.append(Row(section, *cells[:4]))
    return rows


_ROWS = _rows()
_KEPT = [row for row in _ROWS if row.verdict in ("same", "better")]


def test_every_row_says_what_became_of_it() -> None:
    assert {row.verdict for row in _ROWS} == {"same", "better", "left out"}
    assert not [row for row in _ROWS if row.verdict == "left out" and not row.reason]
    assert not [row for row in _ROWS if row.verdict == "better" and not row.reason]


@pytest.mark.parametrize(
    "row", [row for row in _KEPT if row.section == "Commands"], ids=lambda row: row.theirs
)
def test_a_kept_command_exists(row: Row) -> None:
    assert _CODE.findall(row.ours)[0] in commands()


@pytest.mark.parametrize(
    "row", [row for row in _KEPT if row.section == "Options"], ids=lambda row: row.theirs
)
def test_a_kept_option_exists_under_the_same_name(row: Row) -> None:
    command, option = _CODE.findall(row.ours)[0].split(" ")
    theirs = [word for word in _CODE.findall(row.theirs) if word.startswith("--")]
    assert option in theirs
    assert [found for found in options_of(commands()[command]) if option in found.opts]


@pytest.mark.parametrize(
    "row", [row for row in _KEPT if row.section == "Variables"], ids=lambda row: row.theirs
)
def test_a_kept_variable_is_read_by_the_same_option_as_ours(row: Row) -> None:
    theirs, ours = _CODE.findall(row.theirs)[0], _CODE.findall(row.ours)[0]
    if theirs == "GITSYNC_HTTP_TRACE":  # belongs to no option; tests/cli/test_params.py has it
        return
    assert variables()[theirs][0] == variables()[ours][0]


def _keys(section: str) -> set[str]:
    oid = SHA1.hash_object(b"blob", b"")
    action = RefAction("create", "branch", "refs/heads/main", "refs/heads/main", oid, None, "new")
    made = {
        "Keys of `--json`": SyncResult((), "v2").to_json(),
        "Of each item of `plans`": RefResult(action, Outcome.PUSHED, "").to_json(),
        "Of `measurement`": Measurement().to_json(),
    }
    return set(made[section])


@pytest.mark.parametrize("row", [row for row in _KEPT if row.section.startswith(("Keys", "Of"))], ids=str)
def test_a_kept_key_is_printed(row: Row) -> None:
    assert row.theirs == row.ours
    assert _CODE.findall(row.ours)[0] in _keys(row.section)


def test_there_are_rows_of_every_kind() -> None:
    found = {row.section for row in _KEPT}
    assert {"Commands", "Options", "Variables", "Keys of `--json`", "Of each item of `plans`"} <= found
    assert len(_KEPT) > 80
