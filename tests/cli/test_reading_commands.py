"""`cat-file`, `rev-list` and `ls-refs` show what git does."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.repositories import object_format
from tests.support import (
    git,
    git_bytes,
    init_repository,
    ls_remote,
    make_repository,
)


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
