"""Commands on a whole repository, near or far: `repack`, `fsck`, `fetch`, `probe`; and `strategies`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.repositories import ids, object_format, only_pack
from tests.support import (
    fsck,
    git,
    history,
    init_repository,
    ls_remote,
    make_repository,
    run_git,
)

# --- repack, fsck, strategies --------------------------------------------------------------------------


def test_repack_leaves_one_pack_and_a_repository_that_git_likes(packcore, tmp_path):
    path = make_repository(tmp_path / "x.git", history(commits=10), repack=True)
    git("commit-tree", "-m", "loose", "main^{tree}", cwd=path)
    result = packcore("repack", path, "--json")
    report = json.loads(result.stdout)
    assert report["removedPacks"] == 1
    assert report["removedLoose"] == 1
    assert Path(report["pack"]) == only_pack(path)
    assert fsck(path) == []


def test_repack_prepares_what_git_verifies_and_uses(packcore, tmp_path):
    path = make_repository(tmp_path / "x.git", history(commits=10), repack=True)
    assert packcore("repack", path, "--write-commit-graph", "--write-bitmap-index").exit_code == 0
    assert only_pack(path).with_suffix(".bitmap").exists()
    git("commit-graph", "verify", cwd=path)
    git("rev-list", "--test-bitmap", "HEAD", cwd=path)
    assert packcore("repack", path, "--write-midx", "--write-bitmap-index").exit_code == 0
    git("multi-pack-index", "verify", cwd=path)
    git("rev-list", "--test-bitmap", "HEAD", cwd=path)
    count = packcore("rev-list", path, "--all", "--objects", "--count").stdout
    assert count.strip() == git("rev-list", "--all", "--objects", "--count", cwd=path)
    assert fsck(path) == []


def test_a_damaged_bitmap_is_named_and_the_answer_is_right_all_the_same(packcore, tmp_path):
    path = make_repository(tmp_path / "x.git", history(commits=10), repack=True)
    packcore("repack", path, "--write-bitmap-index")
    bitmap = only_pack(path).with_suffix(".bitmap")
    bitmap.chmod(0o644)
    data = bytearray(bitmap.read_bytes())
    data[60] ^= 1
    bitmap.write_bytes(data)
    result = packcore("rev-list", path, "--all", "--objects", "--count")
    assert result.stdout.strip() == git("rev-list", "--all", "--objects", "--count", cwd=path)
    assert result.exit_code == 0
    assert bitmap.name in result.stderr
    assert packcore("fsck", path).exit_code != 0


def test_fsck_of_a_sound_repository_is_silent(packcore, repository):
    result = packcore("fsck", repository)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_fsck_tells_of_missing_and_dangling_objects_as_git_does(packcore, tmp_path):
    path = init_repository(tmp_path / "x.git")
    git("hash-object", "-w", "--stdin", cwd=path, stdin=b"dangling")
    missing = git("hash-object", "-w", "--stdin", cwd=path, stdin=b"missing")
    tree = git("mktree", cwd=path, stdin=f"100644 blob {missing}\tfile\n".encode())
    git("update-ref", "refs/heads/main", git("commit-tree", "-m", "one", tree, cwd=path), cwd=path)
    (path / "objects" / missing[:2] / missing[2:]).unlink()
    result = packcore("fsck", path)
    assert result.exit_code == 3
    assert sorted(result.stdout_bytes.splitlines()) == sorted(run_git("fsck", cwd=path).stdout.splitlines())
    found = json.loads(packcore("fsck", path, "--json").stdout)
    assert found["ok"] is False
    assert {finding["kind"] for finding in found["findings"]} == {"broken link", "missing", "dangling"}


def test_strategies_lists_names_lines_and_parameters(packcore):
    found = json.loads(packcore("strategies", "--json").stdout)["strategies"]
    assert "chunk-window" in {strategy["name"] for strategy in found}
    text = packcore("strategies").stdout
    assert text.splitlines()[0].split("  ")[0] == "NAME"
    assert all(strategy["name"] in text and strategy["description"] in text for strategy in found)


# --- fetch, probe --------------------------------------------------------------------------------------


def test_fetch_into_makes_a_mirror(packcore, repository, tmp_path):
    result = packcore("fetch", repository, "--into", tmp_path / "x.git", "--all-refs", "--json")
    assert result.exit_code == 0, result.stderr
    assert ls_remote(tmp_path / "x.git", head=True) == ls_remote(repository, head=True)
    assert fsck(tmp_path / "x.git") == []
    assert {ref["action"] for ref in json.loads(result.stdout)["plans"]} == {"create"}
    again = packcore("fetch", repository, "--into", tmp_path / "x.git", "--all-refs")
    assert again.stdout == "2 refs up to date\n"


def test_fetch_tells_of_a_blocked_ref_by_exit_code_and_one_line(packcore, repository, tmp_path):
    packcore("fetch", repository, "--into", tmp_path / "x.git")
    rewritten = tmp_path / "rewritten.git"
    git("clone", "-q", "--bare", repository, rewritten)
    git("update-ref", "refs/heads/main", "main~1", cwd=rewritten)
    blocked = packcore("fetch", rewritten, "--into", tmp_path / "x.git")
    assert blocked.exit_code == 1
    assert blocked.stderr == "packcore: error: 1 ref was not synced: blocked\n"
    assert blocked.stdout.startswith("blocked  refs/heads/main  not a fast-forward")
    quiet = packcore("fetch", "-q", rewritten, "--into", tmp_path / "x.git")
    assert quiet.stdout == ""
    assert "refs/heads/main" in quiet.stderr
    forced = packcore("fetch", rewritten, "--into", tmp_path / "x.git", "--force-with-lease")
    assert forced.exit_code == 0
    assert ls_remote(tmp_path / "x.git") == {"refs/heads/main": ids(rewritten, "main")[0]}


def test_fetch_without_into_keeps_nothing(packcore, repository):
    result = packcore("fetch", repository, "--have", ids(repository, "main~5")[0], "--json")
    found = json.loads(result.stdout)
    assert found["fetchedObjects"] > 0
    assert found["haves"] == ids(repository, "main~5")
    assert found["into"] is None


def test_probe_shows_refs_protocol_and_capabilities(packcore, repository):
    text = packcore("probe", repository, "--all-refs").stdout
    assert "refs           2 (1 branch, 1 tag)" in text
    assert f"object format  {object_format(repository)}" in text
    found = json.loads(packcore("probe", repository, "--all-refs", "--json", "--stats").stdout)
    assert {ref["name"]: ref["hash"] for ref in found["refs"]} == {
        name: oid for name, oid in ls_remote(repository).items() if not name.endswith("^{}")
    }
    assert found["protocol"] == "v2"
    assert found["stats"]["enabled"] is True
