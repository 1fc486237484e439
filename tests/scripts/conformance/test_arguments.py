"""git's arguments become packcore's; what packcore doesn't offer is named."""

from __future__ import annotations

import click
import pytest

from cli.app import app
from scripts.conformance.arguments import (
    Known,
    known_options,
    settings_given,
    split_globals,
    translate,
)
from tests.support import git

FLAG, VALUE, OPTIONAL = Known(False), Known(True), Known(True, value_is_optional=True)
KNOWN = {
    "--all": FLAG,
    "-v": FLAG,
    "-s": FLAG,
    "-n": VALUE,
    "--depth": VALUE,
    "--batch": OPTIONAL,
    "--repo": VALUE,
}


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (["--all", "main"], []),
        (["--depth", "--all", "x"], []),  # a value may look like an option
        (["--depth=5", "--al"], ["--al"]),
        (["--batch", "--window=3"], ["--window"]),  # an optional value is given with = only
        (["-vs"], []),
        (["-n5", "-vn5"], []),
        (["-vx"], ["-vx"]),
        (["--", "--window"], []),  # a path
        (["--end-of-options", "--window"], []),  # a revision
        (["-3"], ["-3"]),
        (["-"], []),
    ],
)
def test_options_that_packcore_lacks_are_named(words, missing):
    assert translate("rev-list", words, KNOWN, "/x.git").not_offered == missing


def test_a_number_alone_is_a_count_where_there_is_one():
    assert translate("rev-list", ["-3"], {**KNOWN, "--max-count": VALUE}, "/x.git").not_offered == []


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("rev-list", ["rev-list", "/x.git", "main"]),
        ("index-pack", ["index-pack", "--repo", "/x.git", "main"]),
        ("upload-pack", ["upload-pack", "main"]),
        ("receive-pack", ["receive-pack", "--hooks", "main"]),
    ],
)
def test_the_repository_goes_where_packcore_takes_it(command, arguments):
    assert translate(command, ["main"], KNOWN, "/x.git").arguments == arguments


def test_what_stands_before_the_command_is_split_off():
    words = ["-C", "a", "-c", "core.x=1", "--git-dir=x", "--namespace", "n", "-C", "b", "fsck", "-v"]
    found, rest = split_globals(words)
    assert rest == ["fsck", "-v"]
    assert found.folder == "./a/b"
    assert found.others == ["-c", "core.x=1", "--git-dir=x", "--namespace", "n"]


def test_a_folder_may_be_absolute():
    assert split_globals(["-C", "a", "-C", "/b", "fsck"])[0].folder == "/b"


def test_the_options_of_a_command_are_read_from_it():
    command = app.get_command(click.Context(app), "upload-pack")
    assert command is not None
    known = known_options(command)
    assert known["--timeout"].takes_value
    assert not known["--no-strict"].takes_value


def test_settings_reach_packcore_as_git_passes_them_on(tmp_path):
    words = ["-c", "a.b=it's = so", "--git-dir", "x.git", "-c", "a.c", "--config-env", "a.d=NAME"]
    environment = {"NAME": "value", "GIT_CONFIG_PARAMETERS": "'a.a=old'"}
    variables = settings_given(words, environment)
    asked = git("config", "--get-regexp", "^a[.]", cwd=tmp_path, environment=variables)
    assert asked.splitlines() == ["a.a old", "a.b it's = so", "a.c", "a.d value"]
