"""Pushes as git's client doesn't send them: several updates of one ref, no side-band; what is offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.store.repository import Repository
from tests.support import git, git_bytes, history, ls_remote, make_repository, write_hook
from transport.server.hooks import HookSettings
from transport.server.receive_pack import ReceivePack
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from pathlib import Path

ZERO = "0" * 40


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "x.git", history(commits=4))


def answered(path: Path, *commands: str, capabilities: str = "report-status", **settings: object) -> bytes:
    """Push without new objects; each command is `<old> <new> <ref>`, with revisions in place of ids."""
    lines = []
    for command in commands:
        *revisions, name = command.split()
        oids = [ZERO if text == "0" else git("rev-parse", text, cwd=path) for text in revisions]
        lines.append(f"{' '.join(oids)} {name}")
    lines[0] += f"\0{capabilities}"
    body = b"".join(map(encode_text, lines)) + FLUSH
    body += git_bytes("pack-objects", "--stdout", "-q", cwd=path)
    with Repository.open(path) as opened:
        return b"".join(ReceivePack(opened, **settings).answer([body], 0))  # type: ignore[arg-type]


def test_of_two_updates_of_one_ref_the_first_is_done_as_git_does(target):
    report = answered(target, "0 main~1 refs/heads/new", "0 main refs/heads/new")
    assert (b"ok refs/heads/new" in report, b"ng refs/heads/new multiple updates for one ref" in report) == (
        True,
        True,
    )
    assert ls_remote(target)["refs/heads/new"] == git("rev-parse", "main~1", cwd=target)


def test_none_is_done_if_all_or_none_are_wanted(target):
    report = answered(
        target,
        *("0 main~1 refs/heads/new", "0 main refs/heads/new", "0 main refs/heads/other"),
        capabilities="report-status atomic",
    )
    assert b"ok refs/" not in report
    assert ls_remote(target).keys() == {"refs/heads/main"}


def test_what_hooks_say_is_told_here_if_the_client_has_no_side_band(target):
    write_hook(target, "pre-receive", "echo first; echo second >&2")
    write_hook(target, "post-receive", "echo third")
    told: list[str] = []
    report = answered(target, "0 main refs/heads/new", hooks=HookSettings(), tell=told.append)
    assert told == ["first", "second", "third"]
    assert report.startswith(encode_text("unpack ok"))


def test_core_alternate_refs_prefixes_says_which_refs_of_alternates_are_told(target, tmp_path):
    for name in ("public/a", "private/b"):
        tip = git("commit-tree", "-m", name, "main^{tree}", cwd=target)
        git("update-ref", f"refs/heads/{name}", tip, cwd=target)
    git("clone", "-q", "--bare", "--shared", "--single-branch", target, tmp_path / "fork.git")
    git("config", "core.alternateRefsPrefixes", "refs/heads/public refs/tags/", cwd=tmp_path / "fork.git")
    with Repository.open(tmp_path / "fork.git") as fork:
        told = b"".join(ReceivePack(fork).advertise(0))
    assert git("rev-parse", "public/a", cwd=target).encode() + b" .have" in told
    assert git("rev-parse", "private/b", cwd=target).encode() not in told
