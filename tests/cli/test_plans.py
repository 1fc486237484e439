"""Plans and budgets on the command line: saved, written again, compared, supplied, stopped early."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.support import fsck, git, git_bytes, make_repository
from tests.support import history as commits


@pytest.fixture
def planned(packcore, repository, tmp_path):
    """The plan of a repository and the pack that was written with it."""
    plan, pack = tmp_path / "x.plan", tmp_path / "x.pack"
    result = packcore("pack-objects", repository, "--all", "--save-plan", plan, "-o", pack)
    assert result.exit_code == 0, result.stderr
    return plan, pack


@pytest.mark.parametrize("options", [[], ["--no-reuse-delta"], ["--strategy", "git-window", "--depth", "3"]])
def test_a_saved_plan_writes_the_same_pack(packcore, repository, tmp_path, options):
    plan, first, second = (tmp_path / name for name in ("x.plan", "1.pack", "2.pack"))
    saved = packcore("pack-objects", repository, "--all", *options, "--save-plan", plan, "-o", first)
    assert saved.exit_code == 0, saved.stderr
    again = packcore("pack-objects", repository, "--plan", plan, "-o", second)
    assert again.exit_code == 0, again.stderr
    assert first.read_bytes() == second.read_bytes()
    assert again.stdout == saved.stdout


def test_a_plan_that_is_saved_again_is_the_same_file(packcore, repository, planned, tmp_path):
    plan, _ = planned
    packcore(
        "pack-objects", repository, "--plan", plan, "--save-plan", tmp_path / "y.plan", "-o", tmp_path / "y"
    )
    assert (tmp_path / "y.plan").read_bytes() == plan.read_bytes()


def test_the_pack_of_a_forest_has_its_bases(packcore, repository, tmp_path):
    blobs = [
        line.split()[0]
        for line in git("cat-file", "--batch-check", "--batch-all-objects", cwd=repository).splitlines()
        if line.split()[1] == "blob"
    ]
    forest, pack = tmp_path / "forest", tmp_path / "f.pack"
    forest.write_text("".join(f"{child} {base}\n" for base, child in itertools.pairwise(blobs[:5])))
    result = packcore("pack-objects", repository, "--plan", forest, "-o", pack)
    assert result.exit_code == 0, result.stderr
    object_format = git("rev-parse", "--show-object-format", cwd=repository)
    listed = git("verify-pack", f"--object-format={object_format}", "-v", pack)
    bases = {line.split()[0]: line.split()[6] for line in listed.splitlines() if len(line.split()) == 7}
    assert bases == dict(zip(blobs[1:5], blobs[:4], strict=True))


def test_a_broken_plan_is_bad_data_with_its_line(packcore, repository, planned):
    plan, _ = planned
    lines = plan.read_text().splitlines()
    lines[4] = "{"
    plan.write_text("\n".join(lines))
    result = packcore("pack-objects", repository, "--plan", plan)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == f"packcore: error: {plan}, line 5: is not a JSON object\n"


def test_a_thin_plan_is_written_to_stdout_only(packcore, tmp_path):
    repository = make_repository(tmp_path / "r.git", commits(commits=8))
    plan = tmp_path / "thin.plan"
    arguments = ["--stdin-revs", "--thin", "--no-reuse-delta", "--save-plan", plan]
    first = packcore("pack-objects", repository, *arguments, stdin=b"main\n^main~2\n")
    assert first.exit_code == 0, first.stderr
    again = packcore("pack-objects", repository, "--plan", plan)
    assert again.stdout_bytes == first.stdout_bytes
    refused = packcore("pack-objects", repository, "--plan", plan, "-o", tmp_path / "x.pack")
    assert refused.exit_code == 2
    assert "thin" in refused.stderr


@pytest.mark.parametrize("option", ["--all", "--stdin-revs", "--thin"])
def test_a_plan_lists_the_objects_itself(packcore, repository, planned, option):
    result = packcore("pack-objects", repository, "--plan", planned[0], option)
    assert result.exit_code == 2
    assert "--plan lists the objects itself" in result.stderr


def test_a_pack_that_can_not_be_written_leaves_the_saved_plan(packcore, repository, tmp_path):
    plan = tmp_path / "x.plan"
    result = packcore(
        "pack-objects", repository, "--all", "--save-plan", plan, "-o", tmp_path / "none" / "x.pack"
    )
    assert result.exit_code == 1
    assert plan.read_bytes().startswith(b'{"packcorePlan": 1, ')


# --- plans show, plans diff ---------------------------------------------------------------------------


def test_show_tells_what_a_plan_comes_to(packcore, repository, planned):
    plan, _ = planned
    count = len(git("rev-list", "--objects", "--all", cwd=repository).splitlines())
    shown = packcore("plans", "show", plan)
    assert shown.exit_code == 0
    assert f"{count} objects (" in shown.stdout
    told = json.loads(packcore("plans", "show", "--json", plan).stdout)
    assert (told["objects"], told["complete"], told["strategy"]) == (count, True, "chunk-window")


def test_a_plan_does_not_differ_from_itself(packcore, planned):
    plan, _ = planned
    result = packcore("plans", "diff", plan, plan)
    assert result.stdout.endswith("the plans make the same pack\n")
    assert json.loads(packcore("plans", "diff", "--json", plan, plan).stdout)["equal"] is True


def test_diff_names_each_object_that_differs(packcore, repository, planned, tmp_path):
    plan, _ = planned
    other = tmp_path / "other.plan"
    revisions = b"main~5\n"
    arguments = ["--stdin-revs", "--strategy", "none", "--save-plan", other, "-o", tmp_path / "o.pack"]
    assert packcore("pack-objects", repository, *arguments, stdin=revisions).exit_code == 0
    gone = git("rev-list", "--objects", "--all", "--not", "main~5", cwd=repository).splitlines()
    told = json.loads(packcore("plans", "diff", "--json", plan, other).stdout)
    assert {row["oid"] for row in told["removed"]} == {line.split()[0] for line in gone}
    assert told["added"] == []
    assert all(change["new"]["base"] is None for change in told["changed"])
    assert told["payloadBytes"] == told["new"]["payloadBytes"] - told["old"]["payloadBytes"]
    shown = packcore("plans", "diff", plan, other).stdout
    assert sum(line.startswith("- ") for line in shown.splitlines()) == len(gone)
    assert sum(line.startswith("~ ") for line in shown.splitlines()) == len(told["changed"])


def test_what_is_no_plan_is_bad_data(packcore, tmp_path):
    (tmp_path / "x").write_bytes(b"\0\1\2")
    result = packcore("plans", "show", tmp_path / "x")
    assert result.exit_code == 3
    assert "line 1: is not a JSON object" in result.stderr


@pytest.mark.parametrize("arguments", [["plans", "show", "--help"], ["plans", "diff", "--help"]])
def test_subcommands_have_help_within_100_columns(packcore, arguments):
    result = packcore(*arguments, env={"COLUMNS": "100"})
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


# --- --select-budget ----------------------------------------------------------------------------------


def test_a_budget_that_is_used_up_still_makes_a_whole_pack_and_says_so(packcore, repository, tmp_path):
    plan, pack = tmp_path / "x.plan", tmp_path / "x.pack"
    arguments = ["--all", "--no-reuse-delta", "--select-budget", "0.000001", "--save-plan", plan, "-o", pack]
    result = packcore("pack-objects", repository, *arguments, "--json", "--progress")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stderr.splitlines()[-1])
    assert report["complete"] is False
    assert report["unsearched"] == report["objects"] > 0
    assert f"{report['unsearched']:,} unsearched in " in result.stderr
    told = json.loads(packcore("plans", "show", "--json", plan).stdout)
    assert (told["complete"], told["unsearched"]) == (False, report["unsearched"])
    assert "not complete" in packcore("plans", "show", plan).stdout


def test_a_budget_that_lasts_changes_nothing(packcore, repository):
    plain = packcore("pack-objects", repository, "--all")
    within = packcore("pack-objects", repository, "--all", "--select-budget", "1000", "--json")
    assert within.stdout_bytes == plain.stdout_bytes
    assert json.loads(within.stderr)["complete"] is True


def test_repack_within_a_budget_keeps_every_object(packcore, tmp_path):
    repository = make_repository(tmp_path / "r.git", commits(commits=8))
    before = sorted(
        git_bytes("cat-file", "--batch-check", "--batch-all-objects", cwd=repository).splitlines()
    )
    result = packcore("repack", repository, "--no-reuse-delta", "--select-budget", "0.000001", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["complete"], told["unsearched"]) == (False, told["objects"])
    fsck(repository)
    after = sorted(git_bytes("cat-file", "--batch-check", "--batch-all-objects", cwd=repository).splitlines())
    assert before == after


def test_sync_tells_of_a_budget_that_was_used_up(packcore, repository, tmp_path):
    target = tmp_path / "target.git"
    object_format = git("rev-parse", "--show-object-format", cwd=repository)
    git("init", "-q", "--bare", f"--object-format={object_format}", target)
    result = packcore("sync", repository, target, "--no-reuse-delta", "--select-budget", "0.000001", "--json")
    assert result.exit_code == 0, result.stderr
    pack = json.loads(result.stdout)["pack"]
    assert (pack["complete"], pack["unsearched"]) == (False, pack["objects"])
    fsck(target)


@pytest.mark.parametrize("budget", ["0", "-1", "soon"])
def test_a_budget_is_a_time(packcore, repository, budget):
    assert packcore("pack-objects", repository, "--all", "--select-budget", budget).exit_code == 2


# --- --jobs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["0", "2"])
def test_the_pack_is_the_same_for_any_number_of_jobs(packcore, repository, monkeypatch, jobs):
    monkeypatch.setattr("packcore.search.partition.SEARCHED_MIN", 10)
    monkeypatch.setattr("packcore.search.partition.HALVED_MIN", 10)
    arguments = ["pack-objects", repository, "--all", "--no-reuse-delta"]
    alone = packcore(*arguments)
    together = packcore(*arguments, "--jobs", jobs)
    assert together.exit_code == 0, together.stderr
    assert together.stdout_bytes == alone.stdout_bytes


def test_sync_and_repack_take_jobs(packcore, tmp_path):
    repository = make_repository(tmp_path / "r.git", commits(commits=4))
    target = tmp_path / "target.git"
    git("init", "-q", "--bare", target)
    for arguments in (["sync", repository, target], ["repack", repository]):
        result = packcore(*arguments, "--jobs", "2", "--no-reuse-delta")
        assert result.exit_code == 0, result.stderr
    fsck(repository)
    fsck(target)
