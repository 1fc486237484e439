"""An empty source: an error by default, a success where that is allowed, and never a reason to prune."""

from __future__ import annotations

import json

import pytest

from tests.support import git, init_repository, ls_remote
from tests.transport.syncing.sides import commit


@pytest.fixture
def sides(tmp_path):
    source, target = (init_repository(tmp_path / name) for name in ("source.git", "target.git"))
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=source)
    commit(target, "refs/heads/kept")
    return source, target


@pytest.mark.parametrize("command", ["sync", "replicate", "plan"])
def test_an_empty_source_is_an_error_by_default(packcore, sides, command):
    done = packcore(command, *sides)
    assert done.exit_code == 1
    assert "the source repository is empty" in done.stderr


@pytest.mark.parametrize("command", ["sync", "replicate", "plan"])
@pytest.mark.parametrize("scope", [[], ["--all-refs"], ["--branch", "main"]])
def test_an_empty_source_is_a_success_where_that_is_said(packcore, sides, command, scope):
    done = packcore(command, "--allow-empty-source", "--json", *scope, *sides)
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout_bytes)
    assert (told["pushed"], told["deleted"], told["sourceHead"]) == (0, 0, "refs/heads/trunk")


def test_the_limit_on_pruning_holds_for_an_empty_source(packcore, sides):
    done = packcore("sync", "--allow-empty-source", "--prune", *sides)
    assert done.exit_code == 1
    assert "pruning would delete the target's only ref in scope: refs/heads/kept" in done.stderr
    assert "refs/heads/kept" in ls_remote(sides[1])
    done = packcore("sync", "--allow-empty-source", "--prune", "--prune-limit", "100%", *sides)
    assert done.exit_code == 0
    assert "refs/heads/kept" not in ls_remote(sides[1])


def test_a_pair_of_a_manifest_may_have_an_empty_source(packcore, sides, tmp_path):
    manifest = tmp_path / "fleet.toml"
    pair = '[[pair]]\nname = "{0}"\nsource = "{1}"\ntarget = "{2}"\n'
    allowed = pair.format("allowed", *sides) + "allow-empty-source = true\n"
    manifest.write_text(allowed)
    assert packcore("sync", "--manifest", manifest, "--executor", "threads:1").exit_code == 0
    manifest.write_text(allowed + pair.format("other", *sides))
    done = packcore("sync", "--manifest", manifest, "--executor", "threads:1")
    assert done.exit_code == 1
