"""Objects that refs/replace/ replaces are shown as git shows them."""

from __future__ import annotations

import pytest

from tests.branchy import make_branchy
from tests.cli.beside_git import assert_same
from tests.support import git, run_git

LOST = "1" * 40


@pytest.fixture
def replaced(tmp_path):
    """c20 is read as c5, a blob as another; c7's replacement is lost, and c8 and c9 replace each other."""
    path = make_branchy(tmp_path / "r.git", 3)
    git("replace", "c20", "c5", cwd=path)
    blob = git("rev-parse", "c25:a", cwd=path)
    other = git("hash-object", "-w", "--stdin", cwd=path, stdin=b"replaced\n")
    git("update-ref", f"refs/replace/{blob}", other, cwd=path)
    third = git("hash-object", "-w", "--stdin", cwd=path, stdin=b"replaced again\n")
    git("update-ref", f"refs/replace/{other}", third, cwd=path)
    ids = {name: git("rev-parse", name, cwd=path) for name in ("c7", "c8", "c9")}
    folder = path / "refs/replace"
    (folder / ids["c7"]).write_text(LOST + "\n")
    (folder / ids["c8"]).write_text(ids["c9"] + "\n")
    (folder / ids["c9"]).write_text(ids["c8"] + "\n")
    (folder / "no-id").write_text(LOST + "\n")
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        "cat-file -p c20",
        "cat-file -s c20",
        "cat-file commit c20",
        "cat-file -p c20^{tree}",
        "cat-file -p c25:a",
        "cat-file -p c20~1",
        "cat-file -t c7",
        "cat-file -t c8",
        "cat-file --batch-all-objects --batch-check",
        "rev-list c20",
        "rev-list c21 ^c3",
        "rev-list --objects c20",
        "rev-list --objects --disk-usage c20",
        "rev-list --parents c20",
        "rev-list c20 -- src",
        "rev-list c20..c5",
    ],
)
def test_what_is_read_is_the_replacement(packcore, replaced, arguments):
    assert_same(packcore, replaced, *arguments.split())


def test_a_batch_answers_with_replacements(packcore, replaced):
    names = b"c20\nc25:a\nc20^{tree}\nc7\nc1\n"
    form = "%(objectname) %(objecttype) %(objectsize) %(objectsize:disk)"
    assert_same(packcore, replaced, "cat-file", f"--batch-check={form}", stdin=names)
    assert_same(packcore, replaced, "cat-file", "--batch", stdin=names)


@pytest.mark.parametrize("arguments", ["cat-file -p c20", "rev-list c20", "rev-list --objects --all"])
def test_replacements_can_be_turned_off(packcore, replaced, arguments):
    (replaced / "refs/replace/no-id").unlink()
    (replaced / "refs/replace" / git("rev-parse", "c7", cwd=replaced)).unlink()
    command, *rest = arguments.split()
    expected = run_git("--no-replace-objects", command, *rest, cwd=replaced).stdout
    assert packcore(command, replaced, "--no-replace-objects", *rest).stdout_bytes == expected
    assert packcore(command, replaced, *rest, env={"GIT_NO_REPLACE_OBJECTS": "1"}).stdout_bytes == expected
    git("config", "core.useReplaceRefs", "false", cwd=replaced)
    assert packcore(command, replaced, *rest).stdout_bytes == expected


def test_a_lost_replacement_and_a_circle_are_named(packcore, replaced):
    done = packcore("cat-file", replaced, "c7")
    assert (done.exit_code, f"its replacement {LOST} is not here" in done.stderr) == (3, True)
    done = packcore("cat-file", replaced, "c8")
    assert (done.exit_code, "more than 5 replacements" in done.stderr) == (3, True)


def test_an_unreadable_replacement_is_not_taken_for_none(packcore, replaced):
    (replaced / "refs/replace" / git("rev-parse", "c7", cwd=replaced)).write_text("rubbish\n")
    done = packcore("cat-file", replaced, "c7")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "refs/replace/" in done.stderr
    assert packcore("cat-file", replaced, "c6").exit_code == 0


def test_a_commit_graph_says_nothing_about_replaced_history(packcore, replaced):
    for name in ("c7", "c8", "c9"):
        (replaced / "refs/replace" / git("rev-parse", name, cwd=replaced)).unlink()
    git("-c", "core.useReplaceRefs=false", "commit-graph", "write", "--reachable", cwd=replaced)
    assert_same(packcore, replaced, "rev-list", "c25", "^c20")


def test_a_pack_holds_what_is_really_there(packcore, replaced, tmp_path):
    blob = git("rev-parse", "c25:a", cwd=replaced)
    pack = tmp_path / "x.pack"
    assert packcore("pack-objects", replaced, "-o", pack, stdin=blob.encode() + b"\n").exit_code == 0
    assert blob in git("verify-pack", "-v", pack.with_suffix(".idx"), cwd=replaced)
