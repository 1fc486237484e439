"""`pack-objects`: what goes into a pack, and how git takes it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.repositories import ids, object_format
from tests.support import (
    ROOT,
    fsck,
    git,
    git_bytes,
)

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize("options", [["--progress"], [], ["--progress", "--quiet"]])
def test_with_progress_the_totals_are_told_in_gits_words(packcore, repository, tmp_path, options):
    result = packcore("pack-objects", repository, "--all", *options, tmp_path / "x")
    (pack,) = tmp_path.glob("x-*.pack")
    rows = [line.split() for line in git("verify-pack", "-v", pack, cwd=repository).splitlines()]
    entries = [row for row in rows if len(row) in (5, 7)]
    deltas = sum(len(row) == 7 for row in entries)
    told = re.search(r"^Total (\d+) \(delta (\d+)\), reused \d+$", result.stderr, re.MULTILINE)
    if options == ["--progress"]:
        assert told is not None
        assert told.groups() == (str(len(entries)), str(deltas))
    else:
        assert told is None


@pytest.mark.parametrize("word", ["--sparse", "--no-sparse"])
def test_what_the_receiver_has_is_found_out_exactly_whether_sparse_or_not(packcore, repository, word):
    arguments = ("pack-objects", repository, "--revs")
    revisions = b"main\n^main~4\n"
    assert packcore(*arguments, word, stdin=revisions).stdout_bytes == (
        packcore(*arguments, stdin=revisions).stdout_bytes
    )
