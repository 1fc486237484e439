"""Refs as people name them: globs, names, exceptions, prefixes, and what is near a name that isn't there."""

from __future__ import annotations

import json

import pytest

from tests.support import git, history, init_repository, make_repository
from transport.errors import InvalidRequest
from transport.syncing.ref_patterns import RefPatterns
from transport.syncing.request import Scope


@pytest.fixture
def source(tmp_path):
    """A source with branches of several kinds, tags and notes."""
    made = make_repository(tmp_path / "source.git", history(commits=2))
    tip = git("rev-parse", "refs/heads/main", cwd=made)
    names = [
        *("refs/heads/release/1.0", "refs/heads/release/2.0/rc", "refs/heads/tmp/x", "refs/heads/tmp"),
        *("refs/heads/maintenance", "refs/tags/v1", "refs/tags/nightly", "refs/notes/commits"),
        *("refs/gitsync/bootstrap/heads/main", "refs/pull/1/head"),
    ]
    for name in names:
        if name != "refs/heads/tmp":
            git("update-ref", name, tip, cwd=made)
    return made


def synced(source, tmp_path, *words: str) -> tuple[set[str], str]:
    """Sync into a new repository by the program; return its refs and what was said."""
    from cli.app import app
    from tests.cli.runner import cli_runner

    target = tmp_path / "target.git"
    if not target.exists():
        init_repository(target)
    result = cli_runner().invoke(app, ["sync", *words, str(source), str(target)])
    return set(git("for-each-ref", "--format=%(refname)", cwd=target).split()), result.stderr + result.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--ref refs/heads/release/*", "heads/release/1.0 heads/release/2.0/rc"),
        ("--ref release/?.0", "heads/release/1.0"),
        ("--ref main --ref refs/tags/v*", "heads/main tags/v1"),
        ("--branch main --ref refs/notes/*", "heads/main notes/commits"),
        ("--ref !release/* --ref !refs/heads/tmp/*", "heads/main heads/maintenance"),
        ("--ref !main --ref !release/*", "heads/maintenance heads/tmp/x"),
        ("--branch main --include-ref-prefix refs/notes/", "heads/main notes/commits"),
        ("--ref main --tags --ref !refs/tags/nightly", "heads/main tags/v1"),
    ],
)
def test_the_refs_that_are_named_are_synced_and_no_others(source, tmp_path, words, expected):
    refs, _ = synced(source, tmp_path, *words.split())
    assert refs == {f"refs/{name}" for name in expected.split()}


def test_all_refs_leave_out_what_git_sync_left_behind_and_say_so(source, tmp_path):
    refs, said = synced(source, tmp_path, "--all-refs", "--ref", "!refs/pull/*")
    assert "refs/notes/commits" in refs
    assert not any(name.startswith(("refs/gitsync/", "refs/pull/")) for name in refs)
    assert "refs/gitsync/bootstrap/heads/main: left over from a run of git-sync" in said


def test_pruning_by_a_pattern_deletes_what_fits_and_nothing_else(source, tmp_path):
    target = init_repository(tmp_path / "target.git")
    synced(source, tmp_path, "--all-refs")
    tip = git("rev-parse", "refs/heads/main", cwd=source)
    for name in ("refs/heads/release/0.9", "refs/heads/mine", "refs/heads/release/kept"):
        git("update-ref", name, tip, cwd=target)
    git("update-ref", "refs/gitsync/x", tip, cwd=target)
    words = ["--ref", "release/*", "--ref", "!release/kept", "--prune"]
    refs, _ = synced(source, tmp_path, *words)
    assert "refs/heads/release/0.9" not in refs
    assert {"refs/heads/mine", "refs/heads/release/kept", "refs/gitsync/x"} <= refs


def test_a_ref_that_is_named_by_hand_is_never_pruned(source, tmp_path):
    target = init_repository(tmp_path / "target.git")
    synced(source, tmp_path, "--branch", "main")
    git("update-ref", "refs/heads/mine", git("rev-parse", "refs/heads/main", cwd=source), cwd=target)
    refs, said = synced(source, tmp_path, "--ref", "main", "--ref", "mine", "--prune", "--verbose")
    assert "refs/heads/mine" in refs
    assert "the source has no such branch; left alone (near: main" in said


@pytest.mark.parametrize(
    ("name", "near"),
    [("mian", "main"), ("MAIN", "main"), ("1.0", "release/1.0"), ("maintenence", "maintenance")],
)
def test_a_branch_that_is_not_there_is_named_with_its_nearest(source, tmp_path, name, near):
    _, said = synced(source, tmp_path, "--branch", name)
    error, hint = said.strip().splitlines()
    assert error == f"packcore: error: the source has no branch {name}"
    assert hint.startswith(f"hint: near: {near}")


def test_a_branch_that_is_asked_for_and_excluded_is_not_said_to_be_missing(source, tmp_path):
    _, said = synced(source, tmp_path, "--branch", "main", "--exclude-ref-prefix", "refs/heads/ma")
    assert said == "packcore: error: refs/heads/main: both asked for and excluded\n"


def test_a_glob_that_nothing_fits_is_named(source, tmp_path):
    _, said = synced(source, tmp_path, "--ref", "hotfix/*")
    assert said.startswith("packcore: error: no ref of the source fits refs/heads/hotfix/*\n")


@pytest.mark.parametrize("text", ["", "!", "a..b", "refs/heads/x y", "refs/heads/.x", "x" * 5000, "*" * 40])
def test_what_can_not_be_a_pattern_is_refused(text):
    with pytest.raises(InvalidRequest):
        RefPatterns.parse((text,))


def test_all_refs_and_some_of_them_exclude_each_other():
    with pytest.raises(InvalidRequest, match="exclude each other"):
        Scope(all_refs=True, refs=("main",))
    Scope(all_refs=True, refs=("!main",))


def test_a_source_is_asked_for_no_more_than_the_patterns_need():
    assert Scope(refs=("release/*", "refs/heads/release/x", "refs/tags/v*")).ref_prefixes == (
        *("refs/heads/release/", "refs/tags/v"),
        "HEAD",
    )


def test_a_receipt_holds_the_patterns(source, tmp_path):
    receipt = tmp_path / "receipt.json"
    synced(
        source, tmp_path, "--ref", "main", "--include-ref-prefix", "refs/notes/", "--receipt", str(receipt)
    )
    scope = json.loads(receipt.read_text())["asked"]["scope"]
    assert (scope["refs"], scope["includeRefPrefixes"]) == (["main"], ["refs/notes/"])


def test_a_manifest_takes_patterns(source, tmp_path):
    target = init_repository(tmp_path / "target.git")
    manifest = tmp_path / "fleet.toml"
    manifest.write_text(
        f'[[pair]]\nsource = "{source}"\ntarget = "{target}"\nref = ["release/*", "!release/2*"]\n'
    )
    from cli.app import app
    from tests.cli.runner import cli_runner

    cli_runner().invoke(app, ["sync", "--manifest", str(manifest), "--executor", "threads:1"])
    assert git("for-each-ref", "--format=%(refname)", cwd=target) == "refs/heads/release/1.0"
