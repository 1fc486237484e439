"""Errors of the library name options by their fields; the command line shows them with dashes."""

from __future__ import annotations

import ast
import re

import pytest

from packcore.errors import LimitExceeded, PackcoreError
from tests.support import ROOT
from transport.errors import error_object
from transport.spelling import spelled_hint, spelled_message


@pytest.mark.parametrize(
    ("option", "hint", "shown"),
    [
        ("prune_limit", "prune_limit sets how many", "--prune-limit sets how many"),
        ("atomic", "push without atomic, or fewer", "push without --atomic, or fewer"),
        ('optimize="bandwidth"', 'optimize="bandwidth" selects', "--optimize bandwidth selects"),
        ("origin_notes=False", "origin_notes=False keeps it", "--no-origin-notes keeps it"),
        ("jobs window_memory", "fewer jobs or window_memory", "fewer --jobs or --window-memory"),
        ("ca_bundle", "name it with ca_bundle", "name it with --source-ca-bundle or --target-ca-bundle"),
        ("", "prune_limit stays", "prune_limit stays"),
        ("refs", "max-refs and subrefs stay", "max-refs and subrefs stay"),
    ],
)
def test_a_hint_names_the_field_and_the_command_line_adds_the_dashes(option, hint, shown):
    error = PackcoreError("failed", hint=hint, option=option)
    assert error.hint == hint
    assert spelled_hint(error) == shown
    assert error_object(error)["hint"] == shown


def test_an_error_without_a_hint_has_none_on_the_command_line():
    assert spelled_hint(PackcoreError("failed", option="jobs")) is None


def test_a_plain_word_of_a_message_is_no_option():
    error = LimitExceeded("atomic pushes need max_refs", limit="x", option="atomic max_refs")
    assert spelled_message(error) == "atomic pushes need --max-refs"


def test_no_hint_of_the_library_has_dashes_of_the_command_line():
    for package in ("packcore", "transport"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.keyword) or node.arg != "hint":
                    continue
                for text in re.findall(r"(?<!\S)--[a-z][a-z-]+", ast.unparse(node.value)):
                    # Options of other programs, and of a whole command line that is quoted.
                    assert text in ("--ref-format", "--filter", "--record", "--atomic"), f"{path}: {text}"
