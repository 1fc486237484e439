"""The page of errors: each class that there is, with an example or a test that provokes it for real.

What is provoked is seen from inside: every Python process of an example notes the errors that it makes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from packcore.deflate import DEFLATE_LIBRARY
from scripts.docs_examples import ROOT, blocks_of, run_page
from scripts.reference_pages import error_classes
from tests.support import require

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.docs_examples import Block

PAGE = ROOT / "docs/reference/errors.md"
_SECTION = re.compile(r"^### (\w+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_TEST = re.compile(r"`(tests/[\w/.]+\.py::\w+)`")

NOTING = """
import os
from packcore.errors import PackcoreError

def made(kind, *arguments, **_):
    with open(os.environ["ERRORS_MADE"], "a") as file:
        file.write(kind.__name__ + "\\n")
    return Exception.__new__(kind, *arguments)

PackcoreError.__new__ = made
"""


@pytest.fixture
def noted(tmp_path: Path) -> dict[str, str]:
    """Return variables with which a Python writes the name of each error that it makes to a file."""
    (tmp_path / "sitecustomize.py").write_text(NOTING)
    (tmp_path / "made").touch()
    return {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "ERRORS_MADE": str(tmp_path / "made")}


def _taken(noted: dict[str, str]) -> set[str]:
    """Return what was noted, and forget it."""
    with open(noted["ERRORS_MADE"], "r+", encoding="ascii") as file:
        names = set(file.read().split())
        file.truncate(0)
    return names


def _sections() -> dict[str, str]:
    return {match[1]: match[2] for match in _SECTION.finditer(PAGE.read_text())}


def test_each_class_has_a_section_and_each_section_its_class() -> None:
    assert sorted(_sections()) == sorted(kind.__name__ for kind in error_classes())


def test_each_section_says_what_to_do_before_it_shows_anything() -> None:
    for name, text in _sections().items():
        assert not text.strip().startswith("```"), name


def test_each_section_has_an_example_or_names_a_test() -> None:
    for name, text in _sections().items():
        assert blocks_of(text, "console") or _TEST.search(text), name


@pytest.mark.e2e
@pytest.mark.skipif(not DEFLATE_LIBRARY.startswith("zlib-ng"), reason="the page's pack is one of zlib-ng")
def test_each_example_provokes_the_error_of_its_section_and_prints_what_the_page_says(
    noted: dict[str, str],
) -> None:
    require("git", "bash")
    headings = [(match.start(), match[1]) for match in _SECTION.finditer(PAGE.read_text())]
    made: dict[str, set[str]] = {}

    def ran(block: Block) -> None:
        above = [name for start, name in headings if start < block.start]
        made.setdefault(above[-1] if above else "", set()).update(_taken(noted))

    done = run_page(PAGE, variables=noted, ran=ran)
    assert done.difference() == ""
    shown = {name for name, text in _sections().items() if blocks_of(text, "console")}
    assert {name for name in shown if name not in made[name]} == set()


@pytest.mark.e2e
def test_each_named_test_provokes_the_error_of_its_section(noted: dict[str, str]) -> None:
    named = {
        name: match[1]
        for name, text in _sections().items()
        if not blocks_of(text, "console") and (match := _TEST.search(text))
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, *named.values()],
        cwd=ROOT,
        env={**os.environ, **noted},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert set(named) - _taken(noted) == set()
