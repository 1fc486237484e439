"""The plumbing commands do what their git namesakes do; C git is the oracle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import (
    ROOT,
    fsck,
    git,
    git_bytes,
    history,
    init_repository,
    ls_remote,
    make_repository,
    run_git,
)


def ids(repository: Path, *revisions: str) -> list[str]:
    return git("rev-parse", *revisions, cwd=repository).splitlines()


def only_pack(repository: Path) -> Path:
    (pack,) = (repository / "objects" / "pack").glob("*.pack")
    return pack


def object_format(repository: Path) -> str:
    return git("rev-parse", "--show-object-format", cwd=repository)


# --- cat-file, rev-list, ls-refs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["main", "main~3", "main^{tree}", "main:src", "main:src/part0/file0.txt", "v1"]
)
@pytest.mark.parametrize(("ours", "theirs"), [("--type", "-t"), ("--size", "-s"), ("--pretty", "-p")])
def test_cat_file_shows_what_gits_does(packcore, repository, name, ours, theirs):
    result = packcore("cat-file", repository, name, ours)
    assert result.exit_code == 0
    assert result.stdout_bytes == git_bytes("cat-file", theirs, name, cwd=repository)


@pytest.mark.parametrize("kind", ["commit", "tree", "blob"])
def test_cat_file_raw_gives_an_objects_bytes(packcore, repository, kind):
    name = {"commit": "main", "tree": "main^{tree}", "blob": "main:src/part0/file0.txt"}[kind]
    assert packcore("cat-file", repository, name, "--raw").stdout_bytes == git_bytes(
        "cat-file", kind, name, cwd=repository
    )


def test_cat_file_quotes_names_in_trees_as_git_does(packcore, tmp_path):
    path = make_repository(tmp_path / "odd.git", [b"done\n"])
    blob = git("hash-object", "-w", "--stdin", cwd=path)
    names = [b"plain", b"tab\there", b"caf\xc3\xa9", b'quote"d', b"back\\slash", b"new\nline", b"bel\a"]
    listing = b"".join(b"100644 blob %s\t%s\0" % (blob.encode(), name) for name in sorted(names))
    tree = git("mktree", "-z", cwd=path, stdin=listing)
    assert packcore("cat-file", path, tree).stdout_bytes == git_bytes("cat-file", "-p", tree, cwd=path)


def test_cat_file_streams_a_big_blob(process, tmp_path):
    path = init_repository(tmp_path / "big.git")
    data = os.urandom(1 << 20) * 24
    blob = git("hash-object", "-w", "--stdin", cwd=path, stdin=data)
    assert process("cat-file", path, blob).stdout == data


def test_cat_file_of_nothing_known_says_so(packcore, repository):
    result = packcore("cat-file", repository, "no-such-thing")
    assert result.exit_code == 1
    assert "no-such-thing" in result.stderr


@pytest.mark.parametrize(
    "revisions", [["main"], ["main", "^main~5"], ["main~7..main"], ["main~2...main~4"], ["v1"], ["--all"]]
)
@pytest.mark.parametrize("objects", [False, True])
def test_rev_list_lists_the_same_set_as_gits(packcore, repository, revisions, objects):
    flags = ["--objects"] if objects else []
    ours = packcore("rev-list", repository, *flags, *revisions).stdout_bytes.splitlines()
    theirs = git_bytes("rev-list", *flags, *revisions, cwd=repository).splitlines()
    assert len(ours) == len(theirs)
    assert {line.split()[0] for line in ours} == {line.split()[0] for line in theirs}
    if not any(revision.startswith("^") or ".." in revision for revision in revisions):
        assert sorted(ours) == sorted(theirs), "paths too"


def test_rev_list_counts(packcore, repository):
    assert packcore("rev-list", repository, "--all", "--count").stdout == "20\n"


@pytest.mark.parametrize("flags", [[], ["--heads"], ["--tags"], ["--symref"]])
def test_ls_refs_lists_as_git_ls_remote_does(packcore, repository, flags):
    ours = packcore("ls-refs", repository, *flags)
    assert ours.exit_code == 0, ours.stderr
    assert ours.stdout_bytes == git_bytes("ls-remote", *flags, repository)


def test_ls_refs_as_json(packcore, repository):
    found = json.loads(packcore("ls-refs", repository, "--json").stdout)
    listed = {ref["name"]: ref["hash"] for ref in found["refs"]}
    peeled = {f"{ref['name']}^{{}}": ref["peeled"] for ref in found["refs"] if "peeled" in ref}
    assert {**listed, **peeled} == ls_remote(repository, head=True)
    assert found["sourceHead"] == "refs/heads/main"
    assert found["objectFormat"] == object_format(repository)


# --- packs ---------------------------------------------------------------------------------------------


def test_verify_pack_prints_gits_listing(packcore, repository):
    pack = only_pack(repository)
    ours = packcore("verify-pack", "-v", pack, "--object-format", object_format(repository))
    assert ours.stdout_bytes == git_bytes("verify-pack", "-v", pack, cwd=repository)


def test_verify_pack_without_v_is_silent_and_tells_of_damage_with_code_3(packcore, repository, tmp_path):
    flag = ["--object-format", object_format(repository)]
    pack = only_pack(repository)
    assert packcore("verify-pack", pack, *flag).stdout == ""
    for suffix in (".pack", ".idx"):
        shutil.copy(pack.with_suffix(suffix), tmp_path / f"x{suffix}")
    damaged = bytearray(pack.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    (tmp_path / "x.pack").chmod(0o644)
    (tmp_path / "x.pack").write_bytes(damaged)
    result = packcore("verify-pack", tmp_path / "x.idx", *flag)
    assert result.exit_code == 3
    assert result.stderr.startswith("packcore: error: ")


def test_verify_pack_looks_at_every_file_though_one_is_damaged(packcore, repository, tmp_path):
    (tmp_path / "x.pack").write_bytes(b"no pack at all")
    (tmp_path / "y.pack").write_bytes(b"no pack either")
    files = [tmp_path / "x.pack", only_pack(repository), tmp_path / "y.pack"]
    result = packcore("verify-pack", "-v", *files, "--object-format", object_format(repository))
    assert result.exit_code == 3
    assert [f"{name}.pack" in result.stderr for name in "xy"] == [True, True]
    assert result.stdout.endswith(f"{only_pack(repository)}: ok\n")


def test_index_pack_writes_gits_index_to_the_byte(packcore, repository, tmp_path):
    pack = shutil.copy(only_pack(repository), tmp_path / "x.pack")
    result = packcore("index-pack", pack, "--object-format", object_format(repository))
    assert result.exit_code == 0, result.stderr
    git("index-pack", "--rev-index", "-o", tmp_path / "git.idx", pack, cwd=repository)
    assert (tmp_path / "x.idx").read_bytes() == (tmp_path / "git.idx").read_bytes()
    assert (tmp_path / "x.rev").read_bytes() == (tmp_path / "git.rev").read_bytes()
    assert result.stdout.strip() in only_pack(repository).name


def test_an_index_is_the_same_with_no_memory_to_speak_of(packcore, repository, tmp_path):
    pack = tmp_path / "x.pack"
    assert packcore("pack-objects", repository, "--all", "-o", pack).exit_code == 0
    index = pack.with_suffix(".idx").read_bytes()
    pack.with_suffix(".idx").unlink()
    chosen = ("--object-format", object_format(repository))
    result = packcore("index-pack", pack, "--memory", "1k", *chosen)
    assert result.exit_code == 0, result.stderr
    assert pack.with_suffix(".idx").read_bytes() == index


def test_index_pack_takes_a_pack_from_stdin(packcore, repository, tmp_path):
    result = packcore(
        *("index-pack", "--stdin", "-o", tmp_path / "packs", "--object-format", object_format(repository)),
        stdin=only_pack(repository).read_bytes(),
    )
    word, checksum = result.stdout.split()
    assert word == "pack"
    assert {path.suffix for path in (tmp_path / "packs").iterdir()} == {".pack", ".idx", ".rev"}
    git("verify-pack", tmp_path / "packs" / f"pack-{checksum}.pack", cwd=repository)


def thin_pack(repository: Path) -> bytes:
    return git_bytes(
        "pack-objects", "--stdout", "--revs", "--thin", "-q", cwd=repository, stdin=b"main\n^main~4\n"
    )


def test_index_pack_completes_a_thin_pack_from_a_repository(packcore, repository, tmp_path):
    older = tmp_path / "older.git"
    git("clone", "-q", "--bare", repository, older)
    git("update-ref", "refs/heads/main", "main~4", cwd=older)
    git("tag", "-d", "v1", cwd=older)
    thin = thin_pack(repository)
    result = packcore("index-pack", "--stdin", "--fix-thin", "--repo", older, stdin=thin)
    assert result.exit_code == 0, result.stderr
    git("update-ref", "refs/heads/main", *ids(repository, "main"), cwd=older)
    assert fsck(older) == []


def test_index_pack_refuses_a_thin_pack_that_stays_thin(packcore, repository, tmp_path):
    result = packcore(
        *("index-pack", "--stdin", "-o", tmp_path, "--object-format", object_format(repository)),
        stdin=thin_pack(repository),
    )
    assert result.exit_code == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [0, 5, 11, 40, -1])
def test_index_pack_leaves_nothing_of_a_broken_pack(packcore, repository, tmp_path, cut):
    (tmp_path / "x.pack").write_bytes(only_pack(repository).read_bytes()[:cut])
    result = packcore("index-pack", tmp_path / "x.pack", "--object-format", object_format(repository))
    assert result.exit_code == 3, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.pack"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["x.pack", "--stdin"], ["x.pack", "--fix-thin"], ["--stdin", "--fix-thin"], ["--stdin"], ["x.idx"]],
)
def test_index_pack_refuses_contradicting_words(packcore, arguments):
    assert packcore("index-pack", *arguments).exit_code == 2


def test_unpack_objects_makes_loose_objects_that_git_reads(packcore, repository, tmp_path):
    into = init_repository(tmp_path / "into.git", object_format=object_format(repository))
    result = packcore("unpack-objects", into, stdin=only_pack(repository).read_bytes())
    assert result.exit_code == 0, result.stderr
    git("update-ref", "refs/heads/main", *ids(repository, "main"), cwd=into)
    assert fsck(into) == []
    counted = dict(line.split(": ") for line in git("count-objects", "-v", cwd=into).splitlines())
    assert counted["count"] == str(len(git("rev-list", "--objects", "--all", cwd=repository).splitlines()))


# --- pack-objects --------------------------------------------------------------------------------------


def packed_ids(pack: bytes, repository: Path, tmp_path: Path) -> set[str]:
    """Return the ids in a pack, after git itself has checked all of it."""
    path = tmp_path / "check.pack"
    path.write_bytes(pack)
    git("index-pack", "--strict", "--fsck-objects", path, cwd=repository)
    listing = git("show-index", cwd=repository, stdin=path.with_suffix(".idx").read_bytes())
    return {line.split()[1] for line in listing.splitlines()}


def test_pack_objects_packs_what_rev_list_lists(packcore, repository, tmp_path):
    listed = git_bytes("rev-list", "--objects", "main~3", cwd=repository)
    result = packcore("pack-objects", repository, stdin=listed)
    assert result.exit_code == 0, result.stderr
    assert packed_ids(result.stdout_bytes, repository, tmp_path) == {
        line.split()[0].decode() for line in listed.splitlines()
    }


def test_pack_objects_of_revisions(packcore, repository, tmp_path):
    result = packcore("pack-objects", repository, "--stdin-revs", stdin=b"main\n^main~4\n")
    listed = git("rev-list", "--objects", "main", "^main~4", cwd=repository).splitlines()
    assert packed_ids(result.stdout_bytes, repository, tmp_path) >= {line.split()[0] for line in listed}


def test_pack_objects_makes_thin_packs_that_git_completes(packcore, repository, tmp_path):
    older = tmp_path / "older.git"
    git("clone", "-q", "--bare", repository, older)
    git("update-ref", "refs/heads/main", "main~4", cwd=older)
    git("tag", "-d", "v1", cwd=older)
    git("gc", "-q", "--prune=now", cwd=older)
    revisions = b"main\n^main~4\n"
    arguments = ("pack-objects", repository, "--stdin-revs", "--no-reuse-delta")
    whole = packcore(*arguments, stdin=revisions).stdout_bytes
    thin = packcore(*arguments, "--thin", stdin=revisions).stdout_bytes
    assert len(thin) < len(whole)
    git("index-pack", "--stdin", "--fix-thin", "--strict", cwd=older, stdin=thin)
    git("update-ref", "refs/heads/main", *ids(repository, "main"), cwd=older)
    assert fsck(older) == []


def test_pack_objects_writes_a_file_with_gits_index(packcore, repository, tmp_path):
    result = packcore("pack-objects", repository, "--all", "-o", tmp_path / "all.pack", "--json")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.idx", "all.pack", "all.rev"]
    git("verify-pack", tmp_path / "all.pack", cwd=repository)
    report = json.loads(result.stderr)
    assert report["bytes"] == (tmp_path / "all.pack").stat().st_size
    assert report["objects"] == len(git("rev-list", "--objects", "--all", cwd=repository).splitlines())
    assert report["checksum"] == (tmp_path / "all.pack").read_bytes()[-len(report["checksum"]) // 2 :].hex()
    assert result.stdout == ""


@pytest.mark.parametrize("line", [b"zebra\n", b"1234\n", b"main\n"])
def test_pack_objects_names_the_line_that_is_no_id(packcore, repository, line):
    good = git_bytes("rev-list", "-1", "main", cwd=repository)
    result = packcore("pack-objects", repository, stdin=good + line)
    assert result.exit_code == 2
    assert "line 2" in result.stderr
    assert result.stdout_bytes == b""


def test_pack_objects_of_an_object_that_is_missing_writes_nothing(packcore, repository, tmp_path):
    missing = b"12" * (20 if object_format(repository) == "sha1" else 32) + b"\n"
    result = packcore("pack-objects", repository, "-o", tmp_path / "x.pack", stdin=missing)
    assert result.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_pack_objects_will_not_write_to_a_terminal(repository):
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "cli", "pack-objects", str(repository), "--all"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(slave)
    os.close(master)
    assert done.returncode == 2
    assert b"terminal" in done.stderr


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
    assert blocked.stderr == "packcore: error: 1 ref left behind: 1 blocked\n"
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
