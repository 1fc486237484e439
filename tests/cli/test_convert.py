"""`packcore convert-sha256`, as a user calls it; C git reads the result."""

from __future__ import annotations

import json

import pytest

from tests.support import fsck, git, git_environment, history, make_repository, require, run_git


@pytest.fixture
def source(tmp_path):
    require("git")
    return make_repository(tmp_path / "source.git", history(commits=20, tag="v1"), repack=True)


def test_the_result_is_one_pack_that_git_finds_whole(packcore, source, tmp_path):
    result = packcore("convert-sha256", source, tmp_path / "new.git", "--check")
    assert result.exit_code == 0, result.stderr
    assert "check git fsck --full: ok, clean" in result.stdout
    assert fsck(tmp_path / "new.git") == []
    counted = git("count-objects", "-v", cwd=tmp_path / "new.git")
    assert "count: 0" in counted
    assert "packs: 1" in counted


def test_files_are_the_same_under_new_names(packcore, source, tmp_path):
    assert packcore("convert-sha256", source, tmp_path / "new.git").exit_code == 0
    for revision in ("main", "main~7", "v1"):
        files = git("ls-tree", "-r", "--name-only", revision, cwd=source)
        assert git("ls-tree", "-r", "--name-only", revision, cwd=tmp_path / "new.git") == files
    listed = [
        run_git("log", "--format=%an %ae %at %s", "--all", cwd=repository).stdout
        for repository in (source, tmp_path / "new.git")
    ]
    assert listed[0] == listed[1].replace(
        b"packcore packcore@localhost 0 Record the SHA-1 of each commit\n", b""
    )


def test_notes_tell_each_commits_old_id(packcore, source, tmp_path):
    assert packcore("convert-sha256", source, tmp_path / "new.git").exit_code == 0
    old = git("rev-parse", "main~3", cwd=source)
    assert git("notes", "--ref=sha1-origin", "show", "main~3", cwd=tmp_path / "new.git") == old


def test_two_runs_give_the_same_ids_and_the_same_pack(packcore, source, tmp_path):
    refs = []
    for name in ("a.git", "b.git"):
        assert packcore("convert-sha256", source, tmp_path / name).exit_code == 0
        packs = [path.name for path in (tmp_path / name / "objects" / "pack").glob("*.pack")]
        refs.append((git("for-each-ref", cwd=tmp_path / name), packs))
    assert refs[0] == refs[1]


def test_the_mapping_names_every_object(packcore, source, tmp_path):
    mapping = tmp_path / "ids.tsv"
    assert packcore("convert-sha256", source, tmp_path / "new.git", "--write-mapping", mapping).exit_code == 0
    head, *rows = mapping.read_text().splitlines()
    assert head == "# sha1\tsha256"
    ids = dict(row.split("\t") for row in rows)
    assert list(ids) == sorted(ids)
    listed = git("rev-list", "--objects", "--all", cwd=source).splitlines()
    assert set(ids) == {line.split()[0] for line in listed}
    assert ids[git("rev-parse", "main", cwd=source)] == git("rev-parse", "main", cwd=tmp_path / "new.git")


def test_json_has_git_syncs_keys(packcore, source, tmp_path):
    told = json.loads(packcore("convert-sha256", source, tmp_path / "new.git", "--json", "--check").stdout)
    assert told["counts"]["commits"] == 20
    assert told["refsConverted"] == len(git("for-each-ref", cwd=source).splitlines())
    assert told["originNotesRef"] == "refs/notes/sha1-origin"
    assert {check["name"] for check in told["checks"]} >= {"config", "HEAD", "refs", "git fsck --full"}
    assert all(check["ok"] for check in told["checks"])


def test_proposals_of_others_come_only_when_asked_for(packcore, source, tmp_path):
    git("update-ref", "refs/pull/1/head", "main", cwd=source)
    git("update-ref", "refs/custom/x", "main", cwd=source)
    assert packcore("convert-sha256", source, tmp_path / "a.git", "--all-refs").exit_code == 0
    names = git("for-each-ref", "--format=%(refname)", cwd=tmp_path / "a.git").splitlines()
    assert "refs/custom/x" in names
    assert "refs/pull/1/head" not in names
    assert (
        packcore("convert-sha256", source, tmp_path / "b.git", "--all-refs", "--include-pull-refs").exit_code
        == 0
    )
    assert "refs/pull/1/head" in git("for-each-ref", "--format=%(refname)", cwd=tmp_path / "b.git")


@pytest.mark.parametrize("prefix", ["refs/heads/", "refs/heads/main", "refs/", "refs/tags/v"])
def test_branches_and_tags_cannot_be_left_out(packcore, source, tmp_path, prefix):
    result = packcore("convert-sha256", source, tmp_path / "new.git", "--exclude-ref-prefix", prefix)
    assert result.exit_code == 2
    assert not (tmp_path / "new.git").exists()


def test_a_folder_with_files_is_left_alone(packcore, source, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("precious")
    result = packcore("convert-sha256", source, tmp_path / "full")
    assert result.exit_code == 1
    assert "there is something already" in result.stderr
    assert (tmp_path / "full" / "mine").read_text() == "precious"


@pytest.mark.parametrize("existed", [False, True])
def test_after_a_failure_the_target_is_as_it_was(packcore, source, tmp_path, existed):
    target = tmp_path / "new.git"
    if existed:
        target.mkdir()
    tree = git("mktree", cwd=source, stdin=b"160000 commit " + b"1" * 40 + b"\tlib\n")
    commit = git("commit-tree", "-m", "sub", tree, cwd=source)
    git("update-ref", "refs/heads/with-submodule", commit, cwd=source)
    result = packcore("convert-sha256", source, target)
    assert result.exit_code == 1
    assert f"submodule lib at {'1' * 40}" in result.stderr
    assert target.exists() == existed
    assert not existed or not any(target.iterdir())


def test_a_sha256_source_is_refused(packcore, tmp_path):
    source = make_repository(tmp_path / "s.git", history(commits=2), object_format="sha256")
    result = packcore("convert-sha256", source, tmp_path / "new.git")
    assert result.exit_code == 1
    assert "its object format is sha256 already" in result.stderr


def test_an_empty_source_has_nothing_to_convert(packcore, tmp_path):
    git("init", "-q", "--bare", str(tmp_path / "e.git"), cwd=tmp_path)
    result = packcore("convert-sha256", tmp_path / "e.git", tmp_path / "new.git")
    assert result.exit_code == 1
    assert "the source repository is empty" in result.stderr


def test_the_fetched_repository_can_be_kept(packcore, source, tmp_path):
    told = json.loads(
        packcore("convert-sha256", source, tmp_path / "n.git", "--keep-source-objects", "--json").stdout
    )
    assert git("rev-parse", "main", cwd=told["tempDir"]) == git("rev-parse", "main", cwd=source)


def test_branch_tips_are_signed_by_git(packcore, source, tmp_path):
    require("ssh-keygen", "git")
    key = tmp_path / "key"
    import subprocess

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    settings = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "gpg.format",
        "GIT_CONFIG_VALUE_0": "ssh",
        "GIT_CONFIG_KEY_1": "user.signingkey",
        "GIT_CONFIG_VALUE_1": str(key),
    }
    result = packcore(
        "convert-sha256", source, tmp_path / "n.git", "--sign-mode", "tips", env=git_environment(settings)
    )
    assert result.exit_code == 0, result.stderr
    assert (
        b"BEGIN SSH SIGNATURE"
        in run_git("cat-file", "tag", "refs/tags/converted/main", cwd=tmp_path / "n.git").stdout
    )


def test_signing_without_a_key_fails_and_leaves_the_conversion(packcore, source, tmp_path):
    settings = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "gpg.program", "GIT_CONFIG_VALUE_0": "false"}
    result = packcore(
        "convert-sha256", source, tmp_path / "n.git", "--sign-mode", "tips", env=git_environment(settings)
    )
    assert result.exit_code == 1
    assert "git can't sign converted/main" in result.stderr
    assert fsck(tmp_path / "n.git") == []


def test_a_check_that_fails_is_told_with_quiet_too(packcore, source, tmp_path):
    tree = git("mktree", cwd=source, stdin=b"")
    odd = f"tree {tree}\ntree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n".encode()
    commit = git("hash-object", "--literally", "-w", "-t", "commit", "--stdin", cwd=source, stdin=odd)
    (source / "refs/heads/odd").write_text(f"{commit}\n")
    done = packcore("convert-sha256", "--quiet", "--check", source, tmp_path / "new.git")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "is converted, but" in done.stderr
    assert "packcore fsck: error in commit" in done.stderr
