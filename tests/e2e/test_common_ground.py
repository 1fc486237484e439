"""A diverged branch over real HTTP: only what is missing travels, as with git's own `push.negotiate`."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support import fast_import, fsck, git, history, ls_remote

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.command import Workplace
    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e

BEHIND = 40
"""Commits that the target lacks."""


class Diverged:
    """A source, and targets with a commit of their own upon an older state of its branch."""

    def __init__(self, server: GitHttpServer, place: Place) -> None:
        self.server = server
        self._place = place
        self.source_name = place.path("source.git")
        self.source = server.create(self.source_name)
        fast_import(self.source, history(commits=400, tag="v1"))
        git("config", "uploadpack.allowFilter", "true", cwd=self.source)
        git("gc", "-q", cwd=self.source)
        self._old = server.create(place.path("old.git"))
        git("push", "-q", self._old, f"main~{BEHIND}:refs/heads/main", cwd=self.source)
        fast_import(self._old, history(commits=1, seed=77, start="refs/heads/main^0"))

    def target(self, name: str) -> str:
        """Make a target, and return its name."""
        path = self._place.path(f"{name}.git")
        shutil.copytree(self._old, self.server.root / path)
        return path

    def sent_bytes(self, target: str) -> int:
        """Return what a target's receive-pack was sent."""
        lines = self.server.requests(target)
        return sum(line.request_bytes for line in lines if line.uri.endswith("git-receive-pack"))

    def check(self, target: str) -> None:
        """Fail unless the target's branch is the source's, and whole."""
        main = ls_remote(self.source)["refs/heads/main"]
        assert ls_remote(self.server.root / target)["refs/heads/main"] == main
        assert fsck(self.server.root / target) == []


@pytest.fixture
def diverged(server: GitHttpServer, place: Place) -> Diverged:
    return Diverged(server, place)


def sent_by_git(diverged: Diverged, folder: Path) -> int:
    target = diverged.target("by-git")
    git("clone", "-q", "--bare", diverged.source, folder / "clone.git")
    url = diverged.server.url(target)
    git("-c", "push.negotiate=true", "push", "-q", "--force", url, "main", cwd=folder / "clone.git")
    diverged.check(target)
    return diverged.sent_bytes(target)


@pytest.mark.parametrize(
    ("command", "filters"), [("sync", True), ("sync", False), ("replicate", True)], ids=str
)
def test_no_more_is_sent_than_git_sends_when_it_negotiates(
    workplace: Workplace,
    diverged: Diverged,
    tmp_path: Path,
    command: str,
    filters: bool,
    figures: Callable[[str, object], None],
) -> None:
    git("config", "uploadpack.allowFilter", str(filters).lower(), cwd=diverged.source)
    target = diverged.target("ours")
    urls = diverged.server.url(diverged.source_name), diverged.server.url(target)
    more = ("--force-with-lease",) if command == "sync" else ()
    found = json.loads(workplace.must(command, *urls, *more, "--json", "--stats").stdout)
    diverged.check(target)
    ours, gits = diverged.sent_bytes(target), sent_by_git(diverged, tmp_path)
    assert ours <= 1.2 * gits
    items = found["stats"]["items"]
    assert items["target git-upload-pack"]["haves"] > 0
    (pack,) = diverged.source.glob("objects/pack/*.pack")
    received = items["source git-upload-pack"]["responseBytes"]
    assert received < 1.2 * pack.stat().st_size, "history comes once"
    figures("sent, and by git:", f"{ours:,} and {gits:,} bytes; received {received:,}")


def test_with_tags_in_the_plan_history_comes_once_too(workplace: Workplace, diverged: Diverged) -> None:
    target = diverged.target("tags")
    urls = diverged.server.url(diverged.source_name), diverged.server.url(target)
    found = json.loads(
        workplace.must("sync", *urls, "--tags", "--force-with-lease", "--json", "--stats").stdout
    )
    diverged.check(target)
    (pack,) = diverged.source.glob("objects/pack/*.pack")
    assert found["stats"]["items"]["source git-upload-pack"]["responseBytes"] < 1.2 * pack.stat().st_size


def test_statistics_show_what_the_target_was_asked(workplace: Workplace, diverged: Diverged) -> None:
    target = diverged.target("shown")
    urls = diverged.server.url(diverged.source_name), diverged.server.url(target)
    shown = workplace.must("replicate", *urls, "--stats").stdout
    (asking,) = [line for line in shown.splitlines() if line.startswith("target  git-upload-pack")]
    assert "0 wants" in asking
