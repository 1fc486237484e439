"""Commands that meet refs that can't be read: what they print, and that they never end with 0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support import fsck, git, history, init_repository, ls_remote, make_repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = "refs/heads/dev can't be read: its file is empty"


@pytest.fixture
def sick(tmp_path: Path) -> Path:
    """Return a repository one of whose three branches is an empty file over an older value."""
    made = make_repository(tmp_path / "sick.git", history(commits=5, tag="v1"))
    git("branch", "dev", "main~2", cwd=made)
    git("branch", "old", "main~3", cwd=made)
    git("pack-refs", "--all", cwd=made)
    git("update-ref", "refs/heads/dev", "main~1", cwd=made)
    return made


@pytest.fixture
def copy(sick: Path, tmp_path: Path) -> Path:
    """Return a mirror that was made while all was well."""
    path = tmp_path / "copy.git"
    git("clone", "-q", "--mirror", sick, path)
    (sick / "refs/heads/dev").write_bytes(b"")
    return path


def heads(path: Path) -> set[str]:
    return {name.removeprefix("refs/heads/") for name in ls_remote(path) if name.startswith("refs/heads/")}


@pytest.mark.parametrize(
    "options",
    [
        ("sync", "--all-refs", "--prune"),
        ("sync", "--all-refs", "--prune", "--force-with-lease"),
        ("sync", "--tags", "--prune", "--materialize"),
        ("replicate", "--all-refs", "--prune"),
        ("sync", "--branch", "dev"),
        ("sync", "--map", "dev:dev"),
    ],
)
def test_an_unreadable_ref_stays_on_the_target_and_is_reported(packcore, sick, copy, tmp_path, options):
    before = ls_remote(copy)
    receipt = tmp_path / "receipt.json"
    result = packcore(*options, sick, copy, "--json", "--receipt", receipt)
    assert result.exit_code == 1
    assert ls_remote(copy) == before
    found = json.loads(result.stdout)
    assert found["unreadable"] == 1
    (plan,) = [plan for plan in found["plans"] if plan["outcome"] == "unreadable"]
    assert (plan["targetRef"], plan["action"]) == ("refs/heads/dev", "block")
    assert plan["reason"] == "the source can't read it: its file is empty"
    (kept,) = [ref for ref in json.loads(receipt.read_text())["refs"] if ref["outcome"] == "unreadable"]
    assert kept["before"] == kept["after"] == before["refs/heads/dev"]
    assert "1 ref was not synced: the source can't read it" in result.stderr


def test_the_other_refs_are_synced_and_a_ref_that_is_gone_is_still_pruned(packcore, sick, copy):
    git("update-ref", "-d", "refs/heads/old", cwd=sick)
    git("update-ref", "refs/heads/new", "main", cwd=sick)
    result = packcore("sync", "--all-refs", "--prune", sick, copy)
    assert result.exit_code == 1
    assert "unreadable  refs/heads/dev  the source can't read it: its file is empty" in result.stdout
    assert heads(copy) == {"dev", "main", "new"}
    assert fsck(copy) == []


def test_fetch_into_keeps_the_ref_and_says_so(packcore, sick, copy):
    before = ls_remote(copy)
    result = packcore("fetch", "--all-refs", "--prune", sick, "--into", copy)
    assert (result.exit_code, ls_remote(copy)) == (1, before)
    assert "unreadable" in result.stdout


def test_a_fetch_that_keeps_nothing_says_so_too(packcore, sick, copy):
    result = packcore("fetch", "--all-refs", sick)
    assert result.exit_code == 1
    assert "unreadable  refs/heads/dev" in result.stdout


def test_convert_makes_nothing_of_a_source_that_it_can_read_only_in_part(packcore, sick, copy, tmp_path):
    result = packcore("convert-sha256", sick, tmp_path / "new.git")
    assert result.exit_code == 3
    assert "refs/heads/dev: the source can't read it: its file is empty" in result.stderr
    assert not (tmp_path / "new.git").exists()


def test_convert_leaves_out_no_ref_that_this_disk_cannot_keep(packcore, tmp_path):
    source = make_repository(tmp_path / "long.git", history(commits=2))
    main = git("rev-parse", "main", cwd=source)
    (source / "packed-refs").write_text(f"{main} refs/heads/{'x' * 300}\n")
    result = packcore("convert-sha256", source, tmp_path / "new.git")
    assert result.exit_code == 1
    assert "refs/heads/xxxx" in result.stderr
    assert "nothing was converted" in result.stderr
    assert not (tmp_path / "new.git").exists()


def test_plan_tells_and_ends_with_1(packcore, sick, copy):
    result = packcore("plan", "--all-refs", "--prune", sick, copy)
    assert result.exit_code == 1
    assert "unreadable  refs/heads/dev" in result.stdout


def test_ls_refs_lists_the_others_and_names_it_on_stderr(packcore, sick, copy):
    result = packcore("ls-refs", sick)
    assert result.exit_code == 1
    assert "refs/heads/main" in result.stdout
    assert "refs/heads/dev" not in result.stdout
    assert EMPTY in result.stderr
    found = json.loads(packcore("ls-refs", "--json", sick).stdout)
    assert found["unreadable"] == [{"name": "refs/heads/dev", "reason": "its file is empty"}]
    assert packcore("ls-refs", "--tags", sick).exit_code == 0


@pytest.mark.parametrize("arguments", [("--all",), ("--all", "--objects"), ("--all", "--count")])
def test_rev_list_all_lists_what_the_others_reach_and_ends_with_1(packcore, sick, copy, arguments):
    result = packcore("rev-list", sick, *arguments)
    assert result.exit_code == 1
    assert result.stdout
    assert EMPTY in result.stderr
    assert packcore("rev-list", sick, "main").exit_code == 0


def test_a_revision_that_is_an_unreadable_ref_is_named_and_not_the_older_value(packcore, sick, copy):
    result = packcore("rev-list", sick, "dev")
    assert result.exit_code == 3
    assert "refs/heads/dev: its file is empty" in result.stderr


def test_pack_objects_all_writes_the_pack_and_says_what_may_be_missing(packcore, sick, copy, tmp_path):
    result = packcore("pack-objects", sick, "--all", "-o", tmp_path / "x.pack")
    assert (result.exit_code, (tmp_path / "x.pack").exists()) == (1, True)
    assert EMPTY in result.stderr


def test_fsck_and_probe_name_it(packcore, sick, copy):
    result = packcore("fsck", sick)
    assert result.exit_code == 3
    assert f"error: refs/heads/dev: invalid sha1 pointer {'0' * 40} (its file is empty)" in result.stderr
    result = packcore("probe", "--all-refs", sick)
    assert result.exit_code == 1
    assert EMPTY in result.stderr


def test_a_manifest_counts_the_pair_as_incomplete(packcore, sick, copy, tmp_path):
    before = ls_remote(copy)
    manifest = tmp_path / "fleet.toml"
    manifest.write_text(
        f'[defaults]\nall-refs = true\nprune = true\nprune-limit = "50%"\n'
        f'[[pair]]\nname = "x"\nsource = "{sick}"\ntarget = "{copy}"\n'
    )
    result = packcore("sync", "--manifest", manifest, "--executor", "threads:1")
    assert (result.exit_code, ls_remote(copy)) == (1, before)
    assert "unreadable" in result.stdout


def test_the_brake_names_what_it_would_delete_and_the_option(packcore, sick, tmp_path):
    path = make_repository(tmp_path / "other.git", history(commits=1, branch="refs/heads/trunk"))
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=sick)
    before = ls_remote(sick)
    result = packcore("sync", "--prune", path, sick)
    assert (result.exit_code, ls_remote(sick)) == (1, before)
    words = "pruning would delete all 3 refs of the target in scope: refs/heads/dev, refs/heads/main, "
    assert words + "refs/heads/old; nothing was pushed" in result.stderr
    assert "--prune-limit sets how many" in result.stderr
    assert packcore("sync", "--prune", "--prune-limit", "3", path, sick).exit_code == 0
    assert heads(sick) == {"trunk"}


@pytest.mark.parametrize("limit", ["many", "-1", "101%", "5.5", ""])
def test_a_limit_that_is_none_is_wrong_usage(packcore, sick, copy, limit):
    result = packcore("sync", "--prune", f"--prune-limit={limit}", sick, copy)
    assert result.exit_code == 2
    assert "not a limit for pruning" in result.stderr


@pytest.mark.parametrize("protocol", ["v2", "v0"])
def test_ls_refs_says_why_head_is_not_listed_and_ends_with_1(packcore, copy, protocol):
    (copy / "HEAD").write_bytes(bytes(24))
    result = packcore("ls-refs", copy, "--protocol", protocol)
    assert result.exit_code == 1
    assert "HEAD" not in result.stdout
    assert result.stderr.splitlines() == [
        "packcore: error: HEAD can't be read: its file holds only NUL bytes"
    ]
    assert packcore("ls-refs", copy, "--tags").exit_code == 0


@pytest.mark.parametrize("options", [("sync", "--all-refs"), ("fetch", "--all-refs", "--into")])
def test_a_run_says_that_head_is_unreadable_and_that_alone_is_no_failure(packcore, copy, tmp_path, options):
    (copy / "HEAD").write_bytes(bytes(24))
    target = init_repository(tmp_path / "target.git")
    ends = (target,) if options[0] == "sync" else ()
    result = packcore(options[0], copy, *ends, *options[1:], *(() if ends else (target,)))
    assert "source: HEAD can't be read: its file holds only NUL bytes" in result.stderr
    assert result.exit_code == 0


def test_fsck_says_that_head_must_point_to_a_branch_as_git_does(packcore, copy):
    (copy / "HEAD").write_text("ref: refs/tags/v1\n")
    result = packcore("fsck", copy)
    assert result.exit_code == 3
    assert "error: HEAD points to something strange (refs/tags/v1)" in result.stderr
    # git 2.55 says "HEAD points to non-branch".
    assert "HEAD points to " in run_git("fsck", cwd=copy).stderr.decode()


def test_a_line_for_head_in_packed_refs_is_passed_over(packcore, copy, tmp_path):
    with (copy / "packed-refs").open("a") as file:
        file.write(f"{'12' * 20} HEAD\n")
    assert packcore("ls-refs", copy).exit_code == 0
    assert packcore("fetch", copy, "--all-refs", "--into", tmp_path / "new.git").exit_code == 0


def test_a_folder_in_a_packs_place_and_a_line_too_long_in_alternates_stop_nothing(packcore, copy, tmp_path):
    git("repack", "-a", "-d", "-q", cwd=copy)
    folder = copy / "objects/pack" / ("pack-" + "12" * 20 + ".pack")
    folder.mkdir()
    folder.with_suffix(".idx").write_bytes(next((copy / "objects/pack").glob("*.idx")).read_bytes())
    (copy / "objects/info").mkdir(exist_ok=True)
    (copy / "objects/info/alternates").write_text("/x" * 5000 + "\n")
    assert packcore("fetch", copy, "--all-refs", "--into", tmp_path / "new.git").exit_code == 0
    folder.rmdir()
