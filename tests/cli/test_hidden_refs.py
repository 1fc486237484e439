"""Commands whose source hides refs: what they print, keep and end with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support import git, history, ls_remote, make_repository

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "refs/heads/secret"
WORDS = "hidden: the source hides some of its branches (transfer.hideRefs): they are not copied"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = make_repository(tmp_path / "source.git", history(commits=4, tag="v1"))
    git("branch", "secret", "main~1", cwd=made)
    return made


@pytest.fixture
def copy(source: Path, tmp_path: Path) -> Path:
    """Return a mirror that was made before the branch was hidden."""
    path = tmp_path / "copy.git"
    git("clone", "-q", "--mirror", source, path)
    git("config", "uploadpack.hideRefs", SECRET, cwd=source)
    return path


@pytest.mark.parametrize("command", ["sync", "replicate", "plan", "fetch"])
@pytest.mark.parametrize("prune", [False, True])
def test_only_a_prune_that_kept_something_ends_with_1_and_one_line_says_what_and_why(
    packcore, source, copy, command, prune
):
    before = ls_remote(copy)
    ends = (source, "--into", copy) if command == "fetch" else (source, copy)
    result = packcore(command, *ends, "--all-refs", *(["--prune"] if prune else []))
    assert result.exit_code == int(prune)
    assert ls_remote(copy) == before
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("hidden: ")]
    kept = f", and may be among those that stay on the target: {SECRET}" if prune else ""
    assert line == WORDS + kept
    if prune:
        assert "1 ref was not pruned: the source may hide it" in result.stderr


def test_json_tells_the_kinds_and_the_refs(packcore, source, copy):
    result = packcore("sync", source, copy, "--all-refs", "--prune", "--json")
    found = json.loads(result.stdout)
    assert (found["sourceHides"], found["hidden"]) == (["branch"], 1)
    (plan,) = [plan for plan in found["plans"] if plan["targetRef"] == SECRET]
    assert (plan["action"], plan["outcome"]) == ("block", "hidden")


def test_a_manifest_keeps_what_may_be_hidden(packcore, source, copy, tmp_path):
    manifest = tmp_path / "manifest.toml"
    defaults = "[defaults]\nall-refs = true\nprune = true\n"
    manifest.write_text(f'{defaults}[[pair]]\nsource = "{source}"\ntarget = "{copy}"\n')
    before = ls_remote(copy)
    result = packcore("sync", "--manifest", manifest)
    assert result.exit_code == 1
    assert ls_remote(copy) == before


def test_a_named_branch_that_is_hidden_is_not_told_as_absent(packcore, source, copy):
    result = packcore("sync", source, copy, "--branch", "main,secret")
    assert result.exit_code == 0
    assert "the source has no such branch, or hides it" in result.stdout
    alone = packcore("sync", source, copy, "--branch", "secret")
    assert alone.exit_code == 1
    assert "the source hides some of its branches" in alone.stderr


def test_a_conversion_says_what_it_leaves_out(packcore, source, copy, tmp_path):
    result = packcore("convert-sha256", source, tmp_path / "new.git")
    assert result.exit_code == 0
    assert "left out hidden refs: the source hides some of its branches" in result.stdout
    told = packcore("convert-sha256", source, tmp_path / "other.git", "--json")
    assert json.loads(told.stdout)["sourceHides"] == ["branch"]


@pytest.mark.parametrize("command", ["ls-refs", "probe"])
def test_a_listing_says_that_it_is_not_all(packcore, source, copy, command):
    result = packcore(command, source)
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert "branches" in result.stdout + result.stderr
    assert json.loads(packcore(command, source, "--json").stdout)["sourceHides"] == ["branch"]
