"""A source falls ill, and nobody notices before the next sync with --prune: the good mirror stays good.

`tests.e2e.sick_sources` lists the sicknesses, `tests.e2e.sick_cells` the ways to read a source and the
operations, `tests.e2e.sick_matrix` the verdicts. The table is printed at the end of the run. The cells run
in a process of their own, which may not read forbidden files even where the tests run as root.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.sick_cells import VARIANTS
from tests.e2e.sick_matrix import PLAIN
from tests.e2e.sick_sources import SICKNESSES
from tests.support import ROOT, git_environment, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

_RIGHT = ("ok", "not told")


class Ward:
    """The process that runs the cells."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def row(self, name: str) -> dict[str, str]:
        """Return the verdict for each cell of a row."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"it ended, exit code {self._process.wait()}"
        row = json.loads(answer)
        if row is None:
            pytest.skip("this user can read every file")
        return dict(row)


@contextmanager
def _opened(*options: str) -> Iterator[Ward]:
    require("git", "nginx", "fcgiwrap", "setpriv")
    command = [*PLAIN, sys.executable, "-m", "tests.e2e.sick_matrix", "--ask", *options]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=git_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Ward(process)


@pytest.fixture(scope="module")
def ward() -> Iterator[Ward]:
    with _opened("--covering") as opened:
        yield opened


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> Iterator[Ward]:
    with _opened("--variant", request.param) as opened:
        yield opened


def _judge(row: dict[str, str]) -> None:
    wrong = [f"{cell}: {verdict}" for cell, verdict in row.items() if verdict not in _RIGHT]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("sickness", SICKNESSES)
def test_a_mirror_loses_nothing_to_a_sick_source(
    ward: Ward, sickness: str, record_property: Callable[[str, object], None]
) -> None:
    row = ward.row(sickness)
    record_property("sick source", json.dumps([sickness, row]))
    _judge(row)


@pytest.mark.slow
@pytest.mark.parametrize("sickness", SICKNESSES)
def test_no_mirror_loses_anything_by_any_operation(variant: Ward, sickness: str) -> None:
    _judge(variant.row(sickness))
