"""`convert-sha256`: what is named by id. C git makes the source and reads the result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.convert_checks import check_repository
from packcore import open_repository
from packcore.ids import SHA1, SHA256, ObjectId
from tests.support import copy_of, fsck, git, history, make_repository, require
from transport.local_fetch.convert import ConvertRequest, convert_sha256
from transport.schemes import open_transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

LOST = "ab" * 20


@pytest.fixture
def source(tmp_path):
    """A repository whose notes are about commits, a blob, a tree, a tag, and an object that it lacks."""
    require("git")
    return copy_of("notes about many things", make_source, tmp_path / "source.git")


def make_source(path: Path) -> None:
    make_repository(path, history(commits=150, tag="v1"))
    git("tag", "-a", "-m", "x", "annotated", "main~2", cwd=path)
    commits = git("rev-list", "main", cwd=path).splitlines()
    git("notes", "add", "-m", "reviewed", "main", cwd=path)
    git("notes", "add", "-m", "a tag", "annotated", cwd=path)
    git("notes", "--ref=build", "add", "-m", "a tree", "main^{tree}", cwd=path)
    blob = git("ls-tree", "-r", "main", cwd=path).split()[2]
    git("notes", "--ref=build", "add", "-m", "a blob", blob, cwd=path)
    # Enough for a fan-out, in a second commit.
    git(
        "notes",
        "copy",
        "--stdin",
        cwd=path,
        stdin="".join(f"{commits[0]} {c}\n" for c in commits[1:]).encode(),
    )


def convert(packcore: Callable[..., Result], source: Path, target: Path, *options: str) -> Result:
    done = packcore("convert-sha256", source, target, "--all-refs", "--check", *options)
    assert done.exit_code == 0, done.stdout + done.stderr
    return done


def test_git_shows_every_note_at_its_commit(packcore, source, tmp_path):
    target = tmp_path / "new.git"
    done = convert(packcore, source, target)
    shown = [git("log", "--format=%s%n%N", "main", cwd=path) for path in (source, target)]
    assert shown[1] == shown[0]
    assert "reviewed" in shown[1]
    assert "check notes: ok, 153 at their new names" in done.stdout
    assert "check git notes list: ok, the same in 2 refs" in done.stdout
    assert fsck(target) == []


def test_notes_of_tags_trees_and_blobs_follow_too(packcore, source, tmp_path):
    target = tmp_path / "new.git"
    convert(packcore, source, target)
    assert git("notes", "show", "annotated", cwd=target) == "a tag"
    assert git("notes", "--ref=build", "show", "main^{tree}", cwd=target) == "a tree"
    blob = git("ls-tree", "-r", "main", cwd=target).split()[2]
    assert git("notes", "--ref=build", "show", blob, cwd=target) == "a blob"


def test_earlier_commits_of_the_notes_are_converted_as_well(packcore, source, tmp_path):
    target = tmp_path / "new.git"
    convert(packcore, source, target)
    for number in range(3):
        names = git("ls-tree", "-r", "--name-only", f"refs/notes/commits~{number}", cwd=target)
        assert {len(name.replace("/", "")) for name in names.splitlines()} == {SHA256.hex_size}


def test_no_tree_with_old_names_is_left_in_the_pack(packcore, source, tmp_path):
    target = tmp_path / "new.git"
    convert(packcore, source, target)
    assert git("fsck", "--unreachable", cwd=target) == ""


def test_two_runs_with_notes_give_the_same_refs(packcore, source, tmp_path):
    for name in ("a", "b"):
        convert(packcore, source, tmp_path / name)
    assert git("for-each-ref", cwd=tmp_path / "a") == git("for-each-ref", cwd=tmp_path / "b")


def test_a_note_of_a_missing_object_is_kept_and_reported(packcore, source, tmp_path):
    git("notes", "copy", "--stdin", cwd=source, stdin=b"main %s\n" % LOST.encode())
    done = convert(packcore, source, tmp_path / "new.git", "--json")
    assert json.loads(done.stdout)["notesKept"] == [LOST]
    names = git("ls-tree", "-r", "--name-only", "refs/notes/commits", cwd=tmp_path / "new.git")
    assert LOST in {name.replace("/", "") for name in names.splitlines()}
    words = convert(packcore, source, tmp_path / "words.git").stdout
    assert (
        f"kept the notes of 1 object under their old names, since the repository has no such objects: {LOST}"
        in words
    )


def test_a_replace_ref_follows_its_object(packcore, source, tmp_path):
    target = tmp_path / "new.git"
    old = git("rev-parse", "main~1", cwd=source)
    text = git("cat-file", "commit", old, cwd=source).replace("\n\n", "\n\nreplaced: ", 1)
    other = git("hash-object", "-w", "-t", "commit", "--stdin", cwd=source, stdin=text.encode())
    git("replace", old, other, cwd=source)
    git("update-ref", f"refs/keep-around/{old}", old, cwd=source)
    done = convert(packcore, source, target)
    new = git("--no-replace-objects", "rev-parse", "main~1", cwd=target)
    assert git("log", "-1", "--format=%s", new, cwd=target).startswith("replaced: ")
    assert git("rev-parse", f"refs/keep-around/{new}", cwd=target) == new
    assert f"renamed refs/replace/{old} to refs/replace/{new}" in done.stdout
    assert git("replace", "-l", cwd=target) == new


def test_a_replace_ref_of_a_missing_object_is_left_out_with_a_word(packcore, source, tmp_path):
    target = tmp_path / "new.git"
    tree = git("mktree", cwd=source, stdin=b"")
    alone = git("commit-tree", "-m", "reached by nothing else", tree, cwd=source)
    git("update-ref", f"refs/replace/{LOST}", alone, cwd=source)
    git("update-ref", f"refs/replace/{alone}", "main", cwd=source)
    done = convert(packcore, source, target)
    for lost in (LOST, alone):
        assert f"left out refs/replace/{lost}: the object that it replaces is not among" in done.stdout
    assert git("for-each-ref", "refs/replace", cwd=target) == ""
    assert git("fsck", "--unreachable", cwd=target) == ""


def test_without_other_refs_a_replace_ref_stops_it(packcore, tmp_path):
    source = make_repository(tmp_path / "s.git", history(commits=2))
    git("update-ref", f"refs/replace/{LOST}", "main", cwd=source)
    git("update-ref", "-d", "refs/heads/main", cwd=source)
    done = packcore("convert-sha256", source, tmp_path / "new.git", "--all-refs")
    assert done.exit_code != 0
    assert f"refs/replace/{LOST}" in done.stderr
    assert not (tmp_path / "new.git").exists()


def test_two_refs_that_would_be_one_stop_it_before_anything_is_written(packcore, source, tmp_path):
    old = git("rev-parse", "main", cwd=source)
    mapping = tmp_path / "ids"
    packcore("convert-sha256", source, tmp_path / "first.git", "--write-mapping", mapping)
    new = dict(line.split("\t") for line in mapping.read_text().splitlines()[1:])[old]
    for name in (old, new):
        git("update-ref", f"refs/keep-around/{name}", "main", cwd=source)
    done = packcore("convert-sha256", source, tmp_path / "new.git", "--all-refs")
    assert done.exit_code != 0
    assert f"refs/keep-around/{old} would be named refs/keep-around/{new}" in done.stderr
    assert not (tmp_path / "new.git").exists()


def test_the_check_finds_a_note_that_went_astray(source, tmp_path):
    transport = open_transport(str(source))
    result = convert_sha256(transport, tmp_path / "new.git", ConvertRequest(all_refs=True))
    transport.close()
    assert all(check.ok for check in check_repository(result))
    git("notes", "remove", "main", cwd=result.target)
    wrong = {check.name for check in check_repository(result) if not check.ok}
    assert {"notes", "git notes list"} <= wrong


def test_the_check_finds_an_old_name(source, tmp_path):
    transport = open_transport(str(source))
    result = convert_sha256(transport, tmp_path / "new.git", ConvertRequest(all_refs=True))
    transport.close()
    old = git("rev-parse", "main", cwd=source)
    note = git("hash-object", "-w", "--stdin", cwd=result.target, stdin=b"x")
    tree = git("mktree", cwd=result.target, stdin=f"100644 blob {note}\t{old}\n".encode())
    parent = git("commit-tree", "-m", "x", tree, cwd=result.target)
    tip = git("rev-parse", "refs/notes/commits^{tree}", cwd=result.target)
    commit = git("commit-tree", "-m", "x", "-p", parent, tip, cwd=result.target)
    git("update-ref", "refs/notes/commits", commit, cwd=result.target)
    (found,) = [check for check in check_repository(result) if check.name == "notes"]
    assert found.detail == f"refs/notes/commits still has a note of {old}"


def test_origin_notes_name_every_commit_in_gits_own_layout(packcore, source, tmp_path):
    target = tmp_path / "new.git"
    convert(packcore, source, target)
    listed = git("notes", "--ref=sha1-origin", "list", cwd=target).splitlines()
    with open_repository(source) as repository:
        assert repository.object_format is SHA1
        for line in listed:
            note = git("cat-file", "blob", line.split()[0], cwd=target)
            assert ObjectId(bytes.fromhex(note)) in repository
    before = set(git("ls-tree", "-r", "--name-only", "refs/notes/sha1-origin", cwd=target).splitlines())
    git("notes", "--ref=sha1-origin", "add", "-m", "x", "main^{tree}", cwd=target)
    after = set(git("ls-tree", "-r", "--name-only", "refs/notes/sha1-origin", cwd=target).splitlines())
    assert len(after - before) == 1
    assert before < after


def test_a_file_that_holds_one_old_id_is_the_same_object_as_a_note_of_it(packcore, tmp_path):
    require("git")
    source = make_repository(tmp_path / "s.git", history(commits=1))
    old = git("rev-parse", "main", cwd=source)
    blob = git("hash-object", "-w", "--stdin", cwd=source, stdin=f"{old}\n".encode())
    tree = git("mktree", cwd=source, stdin=f"100644 blob {blob}\t.git-blame-ignore-revs\n".encode())
    git(
        "update-ref",
        "refs/heads/main",
        git("commit-tree", "-m", "x", "-p", old, tree, cwd=source),
        cwd=source,
    )
    target = tmp_path / "new.git"
    convert(packcore, source, target)
    assert git("show", "main:.git-blame-ignore-revs", cwd=target) == old
    assert git("log", "-1", "--notes=sha1-origin", "--format=%N", "main~1", cwd=target).strip() == old


def test_a_signed_commit_replaced_by_its_unsigned_copy_needs_no_replace_ref(packcore, source, tmp_path):
    target = tmp_path / "new.git"
    old = git("rev-parse", "main", cwd=source)
    text = git("cat-file", "commit", old, cwd=source).replace("\n\n", "\ngpgsig x\n\n", 1) + "\n"
    signed = git("hash-object", "-w", "-t", "commit", "--stdin", cwd=source, stdin=text.encode())
    git("update-ref", "refs/heads/signed", signed, cwd=source)
    git("replace", signed, old, cwd=source)
    done = convert(packcore, source, target)
    assert f"left out refs/replace/{signed}: what it replaces and what replaces it" in done.stdout
    assert "merged 1 object with others that differed only in signatures" in done.stdout
    assert git("rev-parse", "signed", cwd=target) == git("rev-parse", "main", cwd=target)
    origin = git("log", "-1", "--notes=sha1-origin", "--format=%N", "main", cwd=target).split()
    assert origin == sorted((old, signed))
