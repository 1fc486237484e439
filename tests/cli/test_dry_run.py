"""`--dry-run` is `plan`: the same words, the same object, the same exit code, and nothing is pushed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from packcore import open_repository
from tests.support import git, history, init_repository, make_repository

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.refs import Ref


@pytest.fixture
def pair(tmp_path):
    """A source, and a target whose main went another way."""
    source = make_repository(tmp_path / "source.git", history(commits=3, tag="v1"))
    target = make_repository(tmp_path / "target.git", history(commits=2, seed=7))
    return source, target


def refs_of(path: Path) -> dict[str, Ref]:
    with open_repository(path) as repository:
        return dict(repository.refs().known)


@pytest.mark.parametrize("mode", ["sync", "replicate"])
@pytest.mark.parametrize("more", [(), ("--json",), ("--all-refs",), ("--prune",)], ids=str)
def test_a_dry_run_prints_what_plan_prints_and_pushes_nothing(packcore, pair, mode, more):
    before = refs_of(pair[1])
    dry = packcore(mode, "--dry-run", *more, *pair)
    plan = packcore("plan", "--mode", mode, *more, *pair)
    assert (dry.exit_code, dry.stdout, dry.stderr) == (plan.exit_code, plan.stdout, plan.stderr)
    assert refs_of(pair[1]) == before


def test_plan_itself_and_bootstrap_take_the_option_too(packcore, pair, tmp_path):
    empty = init_repository(tmp_path / "empty.git")
    assert packcore("plan", "-n", pair[0], empty).stdout == packcore("plan", pair[0], empty).stdout
    assert packcore("bootstrap", "-n", pair[0], empty).exit_code == 0
    assert refs_of(empty) == {}


def test_what_only_deletes_has_no_price(packcore, tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=2))
    target = make_repository(tmp_path / "target.git", history(commits=2))
    git("branch", "extra", "main", cwd=target)
    planned = packcore("plan", "--prune", source, target).stdout
    assert planned.startswith("delete  refs/heads/extra")
    assert "price" not in planned


def test_a_dry_run_fails_as_plan_fails(packcore, pair):
    dry = packcore("sync", "--dry-run", "--branch", "x..y", *pair)
    plan = packcore("plan", "--branch", "x..y", *pair)
    assert (dry.exit_code, dry.stderr) == (plan.exit_code, plan.stderr) == (2, dry.stderr)


def test_a_dry_run_writes_no_receipt_and_says_so(packcore, pair, tmp_path):
    receipt = tmp_path / "receipt.json"
    receipt.write_text("of yesterday")
    result = packcore("sync", "--dry-run", "--receipt", receipt, *pair)
    assert result.stderr == "nothing is done in a dry run, so no receipt is written\n"
    assert receipt.read_text() == "of yesterday"


def test_all_pairs_of_a_manifest_can_be_run_dry(packcore, pair, tmp_path):
    manifest = tmp_path / "fleet.toml"
    empty = init_repository(tmp_path / "empty.git")
    manifest.write_text(f'[[pair]]\nname = "one"\nsource = "{pair[0]}"\ntarget = "{empty}"\n')
    result = packcore("sync", "--manifest", manifest, "--executor", "threads:1", "--dry-run", "--json")
    first = json.loads(result.stdout.splitlines()[0])
    assert first["result"]["dryRun"] is True, first
    assert refs_of(empty) == {}
    manifest.write_text(manifest.read_text() + "dry-run = true\n")
    packcore("sync", "--manifest", manifest, "--executor", "threads:1")
    assert refs_of(empty) == {}
